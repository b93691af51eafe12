//! Each example runs by itself, offline, to its end.

use std::time::Duration;

use groundlink_testkit::Program;
use groundlink_testkit::normalise::normalise;
use groundlink_tests::parts;
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_mins(2);

async fn run(name: &str) -> String {
    let mut command = Command::new(parts::example(name));
    command.env("COPILOT_CLI_PATH", parts::copilot());
    let ended = Program::run(command, PATIENCE).await;
    assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    normalise_links(&ended.stdout)
}

/// Link secrets and scratch directories differ every time.
fn normalise_links(text: &str) -> String {
    let mut text = normalise(text, &[]);
    while let Some(at) = text.find("groundlink-repo-") {
        let begin = text[..at].rfind(' ').map_or(0, |space| space + 1);
        let end = text[at..].find(['/', ' ', '\n']).map_or(text.len(), |end| at + end);
        text.replace_range(begin..end, "<repo>");
    }
    let words =
        text.split(' ').map(|word| match word.find("/tasks/").map(|at| at + 7).or(word.find("/t/").map(|at| at + 3)) {
            Some(at) => {
                let line_end = word[at..].find('\n').map_or("", |end| &word[at + end..]);
                format!("{}<key>{line_end}", &word[..at])
            }
            None => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn remote_always_on() {
    insta::assert_snapshot!(run("remote_always_on").await);
}

#[tokio::test]
async fn remote_on_demand() {
    insta::assert_snapshot!(run("remote_on_demand").await);
}

#[tokio::test]
async fn remote_to_hub() {
    insta::assert_snapshot!(run("remote_to_hub").await);
}

#[tokio::test]
async fn external_server() {
    insta::assert_snapshot!(run("external_server").await);
}

#[tokio::test]
async fn qr() {
    insta::assert_snapshot!(run("qr").await);
}

#[tokio::test]
async fn chat() {
    insta::assert_snapshot!(run("chat").await);
}

#[tokio::test]
async fn permission_policy() {
    insta::assert_snapshot!(run("permission_policy").await);
}

#[tokio::test]
async fn plan_mode() {
    insta::assert_snapshot!(run("plan_mode").await);
}

#[tokio::test]
async fn multi_client() {
    insta::assert_snapshot!(run("multi_client").await);
}

#[tokio::test]
async fn headless_worker() {
    insta::assert_snapshot!(run("headless_worker").await);
}

#[tokio::test]
async fn custom_tools() {
    insta::assert_snapshot!(run("custom_tools").await);
}

#[tokio::test]
async fn hooks() {
    insta::assert_snapshot!(run("hooks").await);
}

#[tokio::test]
async fn reconnect() {
    insta::assert_snapshot!(run("reconnect").await);
}

//! A GitHub token is in use (the stand-in for GitHub has seen it), and it is nowhere else: not in the hub's data
//! (write-ahead log included), not in any log at the most talkative level, not in any output.

use std::path::Path;
use std::time::Duration;

use groundlink::remote::RemoteExt;
use groundlink::session::{Client, MissionControl};
use groundlink_cli::scripted::ScriptedModel;
use groundlink_testkit::process::Ended;
use groundlink_testkit::{Program, ScratchRepo, SignedInCli, Viewer};
use groundlink_tests::demo::{Home, files_below};
use groundlink_tests::native::{REPOSITORY, Rig};
use secrecy::SecretString;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(90);

/// Prints what the session's tools can see of the environment, token included if the CLI lets them.
const PRINT_ENVIRONMENT: &str = r#"tool:bash {"command":"env | sort","description":"Print the environment"}"#;

fn assert_nowhere(canary: &str, what: &str, ended: &Ended, data: &Path) {
    assert!(!ended.stdout.contains(canary), "{what}: the token is in its standard output");
    assert!(!ended.stderr.contains(canary), "{what}: the token is in its log");
    let files = files_below(data);
    assert!(files.iter().any(|file| file.metadata().is_ok_and(|m| m.len() > 4096)), "{what}: no data in {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!found, "{what}: the token is in {}", file.display());
    }
}

#[tokio::test]
async fn the_native_path_shows_the_hub_no_github_token() {
    let rig = Rig::start().await;
    let home = Home::new();
    let data = home.path().join("hub");
    let mut serve = home.bare(&["serve", "--listen", "127.0.0.1:0", "--json", "--data"]);
    serve.arg(&data).env("RUST_LOG", "trace");
    let mut serve = Program::start(serve);
    let listening = serve.json_event("listening", SOON).await;
    let text = |name: &str| listening[name].as_str().expect(name).to_owned();
    let (name, owner_id, repo_id) = REPOSITORY;
    let mission_control = |token: String| MissionControl {
        base_url: text("export_base"),
        frontend_url: text("url"),
        access_token: SecretString::from(token),
        repository: Some((name.to_owned(), owner_id, repo_id)),
    };

    // As it should be: the CLI shows the hub the hub's own token.
    let client = rig.signed_in(Client::builder()).mission_control(mission_control(text("export_token")));
    let client = client.start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    viewer.say(PRINT_ENVIRONMENT).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    client.stop().await;

    // As it happens: somebody forgot the hub's token, and the CLI shows its GitHub token instead. It is refused, and
    // still kept nowhere.
    let careless = rig
        .signed_in(Client::builder())
        .env("COPILOT_MC_BASE_URL", text("export_base"))
        .env("COPILOT_MC_FRONTEND_URL", text("url"))
        .env("COPILOT_MC_REPO", name)
        .env("COPILOT_MC_REPO_IDS", format!("{owner_id},{repo_id}"));
    let client = careless.start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let refused = session.remote().enable().await;
    assert!(refused.is_err(), "a GitHub token opens the exporter's door: {refused:?}");
    client.stop().await;

    serve.interrupt().await;
    let ended = serve.ended(SOON).await;
    assert!(ended.stderr.contains("status=200"), "the log is talkative: {}", ended.stderr);
    assert!(ended.stderr.contains("status=401"), "the GitHub token was shown and refused: {}", ended.stderr);
    assert!(rig.account.github().has_seen_token(rig.account.token()), "the canary was in use");
    assert_nowhere(rig.account.token(), "serve", &ended, &data);
    assert!(!ended.stderr.contains(&text("export_token")), "the hub's own token is in its log");
}

/// `groundlink share` by somebody who is signed in.
#[tokio::test]
async fn share_keeps_the_token_to_itself() {
    let (account, repo, home) = (SignedInCli::start().await, ScratchRepo::new(), Home::new());
    let data = home.path().join("hub");
    let mut share = home.groundlink(&["share", "--json", "--data"]);
    share.arg(&data).arg("--dir").arg(repo.path());
    let npm = "npm_canary_0123456789";
    share.envs(account.environment()).env("RUST_LOG", "trace").env("NPM_TOKEN", npm);
    let mut share = Program::start(share);
    let shared = share.json_event("shared", SOON).await;
    let viewer = Viewer::open_live(shared["url"].as_str().expect("a link")).await;
    viewer.say("hello").await;
    viewer.until_idle().await;
    viewer.say(PRINT_ENVIRONMENT).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    let output = viewer.event("the command's output", |e| e["type"] == "tool.execution_complete").await;
    let output = output.to_string();
    assert!(output.contains("PATH=") && output.contains("NPM_TOKEN=******"), "the environment was printed: {output}");

    share.interrupt().await;
    let ended = share.ended(SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    share.nothing_left(Duration::from_secs(10)).await;
    assert!(account.github().has_seen_token(account.token()), "the canary was in use");
    assert_nowhere(account.token(), "share", &ended, &data);
    assert_nowhere(npm, "share", &ended, &data);
}

/// The demo needs no account; that one is there must not show.
#[tokio::test]
async fn the_demo_does_not_touch_the_account() {
    let (account, repo, home) = (SignedInCli::start().await, ScratchRepo::new(), Home::new());
    let data = home.path().join("hub");
    let mut demo = home.groundlink(&["demo", "--json", "--data"]);
    demo.arg(&data).arg("--dir").arg(repo.path());
    demo.envs(account.environment()).env("RUST_LOG", "trace");
    let mut demo = Program::start(demo);
    let shared = demo.json_event("shared", SOON).await;
    let viewer = Viewer::open_live(shared["url"].as_str().expect("a link")).await;
    viewer.say(PRINT_ENVIRONMENT).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    demo.interrupt().await;
    let ended = demo.ended(SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(account.github().requests().len(), 0, "the demo asked GitHub for something");
    assert_nowhere(account.token(), "demo", &ended, &data);
}

/// `share` with a model of one's own, as the CLI's variables name it: no account, and the model's key shows nowhere.
#[tokio::test]
async fn a_model_of_ones_own_needs_no_account_and_keeps_its_key() {
    const KEY: &str = "canary-of-the-models-key-5d1f";
    let (model, repo, home) = (ScriptedModel::start().await.expect("a model"), ScratchRepo::new(), Home::new());
    let data = home.path().join("hub");
    let mut share = home.groundlink(&["share", "--json", "--data"]);
    share.arg(&data).arg("--dir").arg(repo.path()).env("RUST_LOG", "trace");
    share.envs([
        ("COPILOT_PROVIDER_BASE_URL", model.base_url().as_str()),
        ("COPILOT_PROVIDER_API_KEY", KEY),
        ("COPILOT_MODEL", "a-model-of-mine"),
    ]);
    let mut share = Program::start(share);
    let shared = share.json_event("shared", SOON).await;
    let viewer = Viewer::open_live(shared["url"].as_str().expect("a link")).await;
    let snapshot = viewer.snapshot().await;
    assert_eq!(snapshot["model"], "a-model-of-mine", "{snapshot}");
    viewer.say(PRINT_ENVIRONMENT).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    share.interrupt().await;
    let ended = share.ended(SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_nowhere(KEY, "share", &ended, &data);
    model.stop().await;
}

/// Nobody is signed in: `share` says so, at once and with what to do.
#[tokio::test]
async fn share_without_an_account_says_so() {
    let (account, repo, home) = (SignedInCli::start().await, ScratchRepo::new(), Home::new());
    let mut share = home.groundlink(&["share", "--json", "--dir"]);
    share.arg(repo.path());
    for (name, value) in account.environment() {
        if name != "GH_TOKEN" {
            share.env(name, value);
        }
    }
    let ended = Program::run(share, SOON).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let message = ended.stderr.to_lowercase();
    assert!(message.contains("sign") && message.contains("copilot"), "{ended:?}");
    let last: Option<Value> = ended.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
    assert_ne!(last.map(|line| line["event"].clone()), Some(json!("shared")), "{ended:?}");
}

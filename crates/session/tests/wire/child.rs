//! Programs that pretend to be the CLI, as real child processes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundlink_session::{CliCommand, Client, ClientBuilder, SessionError};

use crate::fake::PATIENCE;

fn script(dir: &Path, text: &str) -> ClientBuilder {
    let path = dir.join("copilot");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Client::builder().cli(CliCommand::new(path)).start_timeout(PATIENCE)
}

/// Greets, then stays with a child of its own, whatever it is asked.
fn stubborn(dir: &Path) -> ClientBuilder {
    let greeting = r#"{"jsonrpc":"2.0","id":1,"result":{"ok":true,"protocolVersion":3,"version":"0"}}"#;
    let pids = dir.join("pids");
    let text = format!(
        "trap '' TERM\nhead -c 16 >/dev/null\nsleep 1000 </dev/null >/dev/null 2>&1 &\necho $$ $! > {}\n\
         printf 'Content-Length: {}\\r\\n\\r\\n%s' '{greeting}'\nwhile :; do sleep 1000; done",
        pids.display(),
        greeting.len(),
    );
    script(dir, &text)
}

async fn gone(pids: PathBuf) {
    let pids = fs::read_to_string(pids).unwrap();
    let alive = || pids.split_whitespace().any(|pid| Path::new("/proc").join(pid).exists());
    let waiting = async {
        while alive() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("no process stays behind");
}

#[tokio::test]
async fn a_program_that_dies_is_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let error = script(dir.path(), "echo 'error: unexpected argument' >&2; exit 3").start().await.unwrap_err();
    assert!(matches!(error, SessionError::StartFailed { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("exit status: 3") && text.contains("unexpected argument"), "{text}");
}

#[tokio::test]
async fn a_program_that_says_nothing_is_given_up_on() {
    let dir = tempfile::tempdir().unwrap();
    let silent = script(dir.path(), "echo 'thinking...' >&2; exec sleep 1000");
    let text = silent.start_timeout(Duration::from_millis(300)).start().await.unwrap_err().to_string();
    assert!(text.contains("no answer within 300ms") && text.contains("thinking..."), "{text}");
}

#[tokio::test]
async fn paths_that_cannot_be_started() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("plain"), "x").unwrap();
    let table = [("absent", "no such file"), ("plain", "not executable"), ("", "directory")];
    for (name, words) in table {
        let cli = CliCommand::new(dir.path().join(name));
        let text = Client::builder().cli(cli).start().await.unwrap_err().to_string();
        assert!(text.contains(words) && text.contains("COPILOT_CLI_PATH"), "{text}");
    }
    let builder = script(dir.path(), "exit 0").working_directory(dir.path().join("nowhere"));
    let text = builder.start().await.unwrap_err().to_string();
    assert!(text.contains("working_directory") && text.contains("not a directory"), "{text}");
}

#[tokio::test]
async fn secrets_travel_in_the_environment_only() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let text = format!("{{ echo \"$@\"; env; }} > {}; exit 1", report.display());
    let token = || "canary-token".to_owned().into();
    let error = script(dir.path(), &text).github_token(token()).start().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary-token"));
    let report = fs::read_to_string(report).unwrap();
    let (arguments, environment) = report.split_once('\n').unwrap();
    assert_eq!(
        arguments,
        "--headless --stdio --no-auto-update --auth-token-env COPILOT_SDK_AUTH_TOKEN --no-auto-login"
    );
    assert!(environment.lines().any(|line| line == "COPILOT_SDK_AUTH_TOKEN=canary-token"));
}

#[tokio::test]
async fn dropping_the_client_leaves_no_process_behind() {
    let dir = tempfile::tempdir().unwrap();
    let client = stubborn(dir.path()).start().await.unwrap();
    drop(client);
    gone(dir.path().join("pids")).await;
}

#[tokio::test]
async fn stop_ends_a_program_that_ignores_everything() {
    let dir = tempfile::tempdir().unwrap();
    let client = stubborn(dir.path()).start().await.unwrap();
    assert!(client.pid().is_some());
    tokio::time::timeout(Duration::from_secs(20), client.stop()).await.expect("stop is bounded");
    gone(dir.path().join("pids")).await;
}

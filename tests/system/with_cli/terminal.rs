//! The `copilot` terminal app, as a person runs it, exporting to the hub.

use std::process::Stdio;
use std::time::Duration;

use groundlink::session::{Change, Client, SessionError, SessionLifecycleType};
use groundlink_testkit::{Program, Viewer, eventually};
use groundlink_tests::native::Rig;
use groundlink_tests::parts;
use groundlink_tests::terminal::Terminal;
use serde_json::json;
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_terminal_app_attaches_and_takes_messages() {
    let rig = Rig::start().await;
    let terminal = Terminal::start(&rig).await;
    let viewer = Viewer::open_live(&terminal.link).await;
    viewer.until("steering", |snapshot| snapshot["steerable"] == true).await;
    viewer.say("said to the terminal").await;
    viewer.until_idle().await;

    // Approving in the browser closes the terminal's own prompt.
    viewer.say("run-shell").await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    assert_eq!(rig.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\n"));

    // The terminal app asks by a form.
    viewer.say("ask-choice").await;
    let request = viewer.pending("elicitation").await;
    viewer
        .apply(json!({
            "type": "elicitation_response", "request_id": request["request_id"],
            "action": "accept", "content": {"answer": "blue"},
        }))
        .await;
    viewer.event("the answer's effect", |e| e["type"] == "assistant.message" && e.to_string().contains("blue")).await;
    viewer.until_idle().await;
    terminal.program.terminate().await;
}

/// The app as a server, too: another program decides what it shows.
#[tokio::test]
async fn the_session_in_the_foreground_is_told_and_changed() {
    let rig = Rig::start().await;
    let config = json!({"trusted_folders": [rig.repo.path()]});
    std::fs::write(rig.account.home().join("config.json"), config.to_string()).expect("a writable home");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let shell = format!(
        "stty cols 240 rows 60; exec '{}' --no-auto-update --model claude-sonnet-4.5 --ui-server --port {port}",
        parts::copilot().display()
    );
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command", &shell, "/dev/null"]);
    command.current_dir(rig.repo.path()).envs(rig.account.environment()).env("TERM", "xterm-256color");
    let _app = Program::start_with_stdin(command, Stdio::piped());
    let client =
        eventually(
            "the server",
            PATIENCE,
            || async move { Client::builder().cli_url(port.to_string()).start().await.ok() },
        )
        .await;
    let first = eventually("a session on the screen", PATIENCE, || async {
        client.foreground_session().await.expect("an answer")
    })
    .await;
    let mut changes = client.lifecycle();
    let session = client.create_session(rig.config()).await.expect("a session");
    assert_eq!(client.foreground_session().await.expect("an answer"), Some(first), "made, and not shown");
    client.set_foreground_session(session.id()).await.expect("shown");
    let shown = async {
        while let Some(change) = changes.next().await {
            let Change::Session(change) = change else { continue };
            if change.kind == SessionLifecycleType::SessionForeground && change.session_id == session.id() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("told");
    assert_eq!(client.foreground_session().await.expect("an answer").as_deref(), Some(session.id()));
    let error = client.set_foreground_session("nobody").await.expect_err("there is none");
    assert!(matches!(error, SessionError::SessionNotFound { .. }), "{error}");
    client.stop().await;

    // A headless one has no screen.
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    assert_eq!(client.foreground_session().await.expect("an answer"), None);
    let error = client.set_foreground_session(session.id()).await.expect_err("no screen");
    assert!(error.to_string().contains("TUI"), "{error}");
    client.stop().await;
}

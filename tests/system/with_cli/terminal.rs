//! The `copilot` terminal app, as a person runs it, exporting to the hub.

use std::process::Stdio;
use std::time::Duration;

use groundlink_testkit::{Program, Viewer, eventually_or};
use groundlink_tests::native::{REPOSITORY, Rig};
use groundlink_tests::parts;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::process::Command;

const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_terminal_app_attaches_and_takes_messages() {
    let rig = Rig::start().await;
    // The folder is trusted already: a first question about that is not what is tested.
    let config = json!({"trusted_folders": [rig.repo.path()]});
    std::fs::write(rig.account.home().join("config.json"), config.to_string()).expect("a writable home");

    let copilot = parts::copilot();
    let shell = format!(
        "stty cols 240 rows 60; exec '{}' --no-auto-update --model claude-sonnet-4.5 --remote",
        copilot.display()
    );
    // `script` gives it a terminal; it comes with every Debian.
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command", &shell, "/dev/null"]);
    command.current_dir(rig.repo.path()).envs(rig.account.environment()).env("TERM", "xterm-256color");
    for (name, value) in rig.hub.handle().environment() {
        command.env(name, value);
    }
    let (name, owner_id, repo_id) = REPOSITORY;
    command.env("COPILOT_MC_REPO", name).env("COPILOT_MC_REPO_IDS", format!("{owner_id},{repo_id}"));
    command.env("COPILOT_MC_ACCESS_TOKEN", rig.export_token().expose_secret());
    let terminal = Program::start_with_stdin(command, Stdio::piped());

    // The link is on the screen, for the person.
    let prefix = rig.link_prefix();
    let link = eventually_or("the link on the screen", SOON, || async {
        let screen = terminal.screen();
        let found = screen.find(&prefix).map(|at| {
            let rest = &screen[at..];
            let end = rest.find(|c: char| c.is_whitespace() || c.is_control()).unwrap_or(rest.len());
            rest[..end].to_owned()
        });
        found.ok_or(screen)
    })
    .await;

    let viewer = Viewer::open_steerable(&link).await;
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
    terminal.terminate().await;
}

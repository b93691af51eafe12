//! The `copilot` terminal app, as a person runs it, exporting to the hub.

use groundlink_testkit::Viewer;
use groundlink_tests::native::Rig;
use groundlink_tests::terminal::Terminal;
use serde_json::json;

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

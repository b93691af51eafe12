//! One session that exports itself, through everything a viewer can do to it.

use std::time::Duration;

use groundlink::remote::RemoteExt;
use groundlink::session::{EventStream, Message, Session};
use groundlink_testkit::{Viewer, eventually};
use groundlink_tests::native::{Rig, duplicates, said};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_clis_own_exporter_is_watched_and_steered_through_the_hub() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");

    // A turn before anybody shares: it is history for the viewer.
    let mut events = session.subscribe();
    session.send(Message::text("said before sharing")).await.expect("sent");
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await.expect("the first turn ends");

    let viewer = attaches_under_the_composed_link(&rig, &session).await;
    viewer.event("the history", |e| e["data"]["content"] == "said before sharing").await;

    // What happens on the machine is seen while it happens.
    session.send(Message::text("said on the machine")).await.expect("sent");
    viewer.event("the live message", |e| e["data"]["content"] == "said on the machine").await;
    viewer.until_idle().await;

    a_message_starts_a_turn(&viewer).await;
    approval_and_denial_take_effect(&rig, &viewer).await;
    a_question_is_answered(&viewer).await;
    a_plan_is_approved_and_the_mode_switched(&viewer).await;
    a_running_turn_is_aborted(&viewer).await;
    remote_is_switched_off_and_on_again(&session, &viewer).await;

    let events = viewer.events().await;
    assert_eq!(duplicates(&events), []);
    for text in ["said before sharing", "said on the machine", "said by the viewer"] {
        assert_eq!(said(&events, text), 1, "{text}");
    }
    assert!(rig.account.github().has_seen_token(rig.account.token()), "the canary was in use");
    client.stop().await;
}

async fn attaches_under_the_composed_link(rig: &Rig, session: &Session) -> Viewer {
    let mut events = session.subscribe_from_start();
    let status = session.remote().enable().await.expect("remote is enabled");
    assert!(status.steerable, "{status:?}");
    let link = status.link.expect("an enabled session has a link");
    assert!(link.url().as_str().starts_with(&rig.link_prefix()), "{}", link.url());

    // The same link arrives as a typed event.
    let url = announced_link(&mut events).await;
    assert_eq!(url.as_deref(), Some(link.url().as_str()));

    let again = session.remote().enable().await.expect("enabling twice does no harm");
    assert_eq!(again.link.as_ref().map(groundlink::remote::Link::url), Some(link.url()));

    let viewer = Viewer::open_live(link.url().as_str()).await;
    assert_eq!(viewer.session_id(), session.id());
    let snapshot = viewer.snapshot().await;
    assert_eq!(snapshot["presence"]["online"], true, "{snapshot}");
    assert_eq!(snapshot["cwd"].as_str(), rig.repo.path().to_str(), "{snapshot}");
    viewer
}

async fn a_message_starts_a_turn(viewer: &Viewer) {
    let receipt = viewer.say("said by the viewer").await;
    let event = viewer.event("the message", |e| e["data"]["content"] == "said by the viewer").await;
    let id = receipt["id"].as_str().expect("a receipt has an id");
    assert_eq!(event["data"]["source"], format!("command-{id}"), "{event}");
    viewer.event("the answer", |e| answer_says(e, "said by the viewer")).await;
    viewer.until_idle().await;
}

async fn approval_and_denial_take_effect(rig: &Rig, viewer: &Viewer) {
    viewer.say("run-shell").await;
    let request = viewer.pending("permission").await;
    assert_eq!(request["permission"], "shell", "{request}");
    let detail = request["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("echo shell-was-here >> shell-proof.txt"), "the whole command is shown: {request}");
    assert!(!rig.repo.has("shell-proof.txt"), "nothing runs before the approval");
    viewer.permit(true).await;
    viewer.until_idle().await;
    assert_eq!(rig.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\n"));

    // The request is closed: a second answer is refused and does nothing.
    let late = json!({"type": "permission_response", "request_id": request["request_id"], "approved": true});
    let posted = viewer.post(late).await;
    assert_eq!(posted.status, StatusCode::CONFLICT, "{}", posted.body);

    viewer.say(r#"tool:bash {"command":"touch denied","description":"Make a file"}"#).await;
    viewer.permit(false).await;
    viewer.until_idle().await;
    assert!(!rig.repo.has("denied"), "a denied command does not run");

    // The same intent twice, as after a lost answer, is one command.
    let twice = json!({"type": "user_message", "content": "said twice by the network"});
    let first = viewer.post_as("the-same-client-id", twice.clone()).await;
    let second = viewer.post_as("the-same-client-id", twice).await;
    assert_eq!((first.status, second.status), (StatusCode::ACCEPTED, StatusCode::OK));
    assert_eq!(first.body["id"], second.body["id"]);
    viewer.event("the message", |e| e["data"]["content"] == "said twice by the network").await;
    viewer.until_idle().await;
    assert_eq!(said(&viewer.events().await, "said twice by the network"), 1);
}

async fn a_question_is_answered(viewer: &Viewer) {
    viewer.say("ask-choice").await;
    let request = viewer.pending("user_input").await;
    assert_eq!(request["choices"], json!(["red", "blue"]), "{request}");
    let answer = json!({"type": "ask_user_response", "request_id": request["request_id"], "answer": "blue"});
    viewer.apply(answer).await;
    viewer.event("the answer's effect", |e| answer_says(e, "blue")).await;
    viewer.until_idle().await;
}

async fn a_plan_is_approved_and_the_mode_switched(viewer: &Viewer) {
    viewer.apply(json!({"type": "mode_switch", "mode": "plan"})).await;
    viewer.until("plan mode", |snapshot| snapshot["mode"] == "plan").await;
    viewer.say("exit-plan").await;
    let request = viewer.pending("plan_approval").await;
    viewer
        .apply(json!({
            "type": "plan_approval_response", "request_id": request["request_id"],
            "approved": true, "selected_action": "interactive",
        }))
        .await;
    viewer.until("interactive mode", |snapshot| snapshot["mode"] == "interactive").await;
    viewer.until_idle().await;
}

async fn a_running_turn_is_aborted(viewer: &Viewer) {
    viewer.say("slow-tool-120").await;
    viewer.permit(true).await;
    viewer.event("the slow command's start", |e| e["type"] == "tool.execution_start").await;
    viewer.apply(json!({"type": "abort"})).await;
    viewer.event("the abort", |e| e["type"] == "abort" && e["data"]["reason"] == "remote_command").await;
    viewer.until_idle().await;
}

async fn remote_is_switched_off_and_on_again(session: &Session, viewer: &Viewer) {
    let link = session.remote().status().expect("a status").link.expect("a link");
    session.remote().disable().await.expect("remote is disabled");
    let mut events = session.subscribe();
    session.send(Message::text("said while nobody listened")).await.expect("sent");
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await.expect("the turn ends");
    assert_eq!(said(&viewer.events().await, "said while nobody listened"), 0);

    let status = session.remote().enable().await.expect("remote is enabled again");
    assert_eq!(status.link.as_ref().map(groundlink::remote::Link::url), Some(link.url()), "the link stays the same");
    viewer.event("what was said meanwhile", |e| e["data"]["content"] == "said while nobody listened").await;
    viewer.say("said after switching on again").await;
    viewer.until_idle().await;
    eventually("one copy of everything", PATIENCE, || async {
        duplicates(&viewer.events().await).is_empty().then_some(())
    })
    .await;
}

fn answer_says(event: &Value, text: &str) -> bool {
    event["type"] == "assistant.message"
        && event["data"]["content"].as_str().is_some_and(|content| content.contains(text))
}

/// The link in the typed event that announces it.
async fn announced_link(events: &mut EventStream) -> Option<String> {
    let found = tokio::time::timeout(PATIENCE, async {
        while let Some(event) = events.next_of_kind("session.info").await {
            let data: groundlink::protocol::events::SessionInfo = event.data().expect("a session.info decodes");
            if data.info_type == "remote" {
                return data.url;
            }
        }
        None
    });
    found.await.expect("a session.info event of type remote")
}

#[tokio::test]
async fn always_on_announces_the_link_of_every_session_as_a_typed_event() {
    let rig = Rig::start().await;
    let client = rig.client().remote(true).start().await.expect("the CLI starts");
    let mut links = Vec::new();
    for _ in 0..2 {
        let session = client.create_session(rig.config()).await.expect("a session");
        let mut events = session.subscribe_from_start();
        let link = announced_link(&mut events).await.expect("it has a link");
        // A person may be quicker than the session's first upload.
        let viewer = Viewer::open(&link).await;
        viewer.say("run-shell").await;
        viewer.permit(true).await;
        viewer.until_idle().await;
        links.push(link);
    }
    assert_ne!(links[0], links[1], "each session has a link of its own");
    // Attached once each: a second poller would have run the command twice.
    assert_eq!(rig.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\nshell-was-here\n"));
    // The first session is still attached after the second was made.
    Viewer::open_live(&links[0]).await.say("still there").await;
    client.stop().await;
}

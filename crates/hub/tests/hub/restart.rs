//! A hub that is stopped and started again with the same data is the same hub.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{TestHub, answer, ephemeral, event, eventually, json_of, permission};

#[tokio::test]
async fn everything_is_there_again() {
    let mut hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let done = viewer.message("done").await;
    exporter.poll().await;
    exporter.carry_out(&done, "done").await;
    let question = json!({"requestId": "Q", "question": "Which?", "choices": ["red"]});
    exporter
        .upload(&[
            permission("R"),
            ephemeral("q", "user_input.requested", &question),
            ephemeral("t", "session.title_changed", &json!({"title": "Kept"})),
        ])
        .await;
    let out = viewer.command(&answer("a", "R", true)).await["id"].as_str().unwrap().to_owned();
    exporter.poll().await;
    let waiting = viewer.message("waiting").await;
    let steering =
        viewer.command(&json!({"client_id": "s", "type": "user_message", "content": "now", "delivery": "steer"})).await;
    let before = (viewer.snapshot().await, json_of(viewer.get("/events").await).await);
    let token = hub.handle.export_token().expose_secret().to_owned();

    hub.restart().await;
    assert_eq!(hub.handle.export_token().expose_secret(), token);
    let mut snapshot = viewer.snapshot().await;
    assert_eq!(snapshot["presence"]["online"], false, "nobody was heard yet");
    snapshot["presence"] = before.0["presence"].clone();
    assert_eq!(snapshot, before.0);
    assert_eq!(json_of(viewer.get("/events").await).await, before.1);
    assert_eq!(viewer.state(&done).await, "applied");
    assert_eq!(viewer.state(&out).await, "delivered");
    assert_eq!(viewer.state(&waiting).await, "accepted");

    let commands = exporter.poll().await;
    assert_eq!(commands.len(), 1, "the answer is still in somebody's hand");
    assert_eq!(commands[0]["id"], steering["id"]);
    let again = viewer.post(&json!({"client_id": "m-done", "type": "user_message", "content": "done"})).await;
    assert_eq!(json_of(again).await["id"], done);
    let found = exporter.request("GET", "/sessions/s1").send().await.unwrap();
    assert!(found.status().is_success());
}

#[tokio::test]
async fn a_proof_that_was_stored_counts_after_a_restart() {
    let mut hub = TestHub::with(|b| b.command_lease(Duration::from_millis(300))).await;
    let (exporter, viewer) = hub.session("s1").await;
    let id = viewer.message("once").await;
    exporter.poll().await;
    hub.restart().await;
    let proof = json!({"content": "once", "source": format!("command-{id}")});
    exporter.upload(&[event("m", Some("steerable"), "user.message", &proof)]).await;
    assert_eq!(viewer.state(&id).await, "applied");
    assert!(exporter.poll_with("?wait=1").await.is_empty());
}

#[tokio::test]
async fn a_message_that_was_taken_and_not_read_is_still_shown_so() {
    let mut hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[event("u", Some("steerable"), "user.message", &json!({"content": "work"}))]).await;
    let steering = json!({"client_id": "s", "type": "user_message", "content": "and this", "delivery": "steer"});
    let id = viewer.command(&steering).await["id"].as_str().unwrap().to_owned();
    assert_eq!(exporter.poll().await.len(), 1);
    let label = async || {
        let page = viewer.page().await;
        let queued = page.split("data-testid=\"item-queued\"").nth(1).expect("a queued message").to_owned();
        ["On its way to the agent", "With the agent"].into_iter().find(|label| queued.contains(label)).expect("a label")
    };
    assert_eq!(label().await, "On its way to the agent");
    exporter.acknowledge(&[&id]).await;
    assert_eq!(label().await, "With the agent");
    hub.restart().await;
    assert_eq!(label().await, "With the agent");
    let said = json!({"content": "and this", "source": format!("command-{id}")});
    exporter.upload(&[event("m", Some("u"), "user.message", &said)]).await;
    assert!(!viewer.page().await.contains("data-testid=\"item-queued\""));
    assert_eq!(viewer.state(&id).await, "applied");
}

#[tokio::test]
async fn shutdown_ends_streams_and_held_polls_soon() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let mut stream = viewer.stream("/events/stream").await;
    let mut page = viewer.stream("/page/stream").await;
    let poll = tokio::spawn(async move { exporter.poll_with("?wait=60").await });
    eventually(async || viewer.snapshot().await["viewers"] == 2, "both streams are open").await;
    tokio::time::timeout(Duration::from_secs(3), hub.handle.shutdown()).await.expect("it ends soon");
    while stream.next().await.is_some() {}
    while page.next().await.is_some() {}
    assert!(poll.await.unwrap().is_empty());
    hub.handle.shutdown().await;
}

#[tokio::test]
async fn a_dropped_handle_stops_the_hub() {
    let hub = TestHub::start().await;
    let viewer = hub.viewer("any");
    assert_eq!(viewer.get("").await.status(), 404);
    drop(hub);
    eventually(async || viewer.http.get(viewer.api()).send().await.is_err(), "refused").await;
}

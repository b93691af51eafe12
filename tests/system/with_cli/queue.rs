//! What waits at the hub while the real CLI works, and what does not wait.

use std::time::Duration;

use groundlink::remote::RemoteExt;
use groundlink_testkit::{ScratchRepo, Viewer};
use groundlink_tests::bridged::Bridged;
use groundlink_tests::native::{Rig, said};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

fn command_url(viewer: &Viewer, id: &Value) -> String {
    format!("{}/commands/{}", viewer.api().as_str().trim_end_matches('/'), id.as_str().expect("an id"))
}

/// The place of a message among the events.
fn place(events: &[Value], text: &str) -> usize {
    let is_it = |e: &Value| e["event"]["type"] == "user.message" && e["event"]["data"]["content"] == text;
    events.iter().position(is_it).unwrap_or_else(|| panic!("{text} was never said"))
}

/// A shell that runs on, such as a development server, keeps the session from being idle. Nobody has to wait for its end.
async fn are_read_beside_background_work(viewer: &Viewer, repo: &ScratchRepo) {
    let server = json!({"command": "until [ -e may-end ]; do sleep 0.1; done", "description": "x", "mode": "async"});
    viewer.say(&format!("tool:bash {server}")).await;
    viewer.permit(true).await;
    viewer.say("is anybody there?").await;

    // Nor for what is queued while the agent works: it goes out when the turn ends, and not when the server does.
    viewer.say("held-text:turn-may-end").await;
    let queued = viewer.post(json!({"type": "user_message", "content": "after this turn"})).await.body;
    let waiting = viewer.snapshot().await["queue"].clone();
    assert_eq!(waiting.as_array().map(Vec::len), Some(1), "{waiting}");
    repo.write("turn-may-end", "");
    assert_eq!(viewer.settled(&queued).await["state"], "applied");
    let ended = |e: &Value| e["type"] == "system.notification";
    assert!(!viewer.events().await.iter().any(|e| ended(&e["event"])), "the shell still runs");
    repo.write("may-end", "");
    viewer.event("the shell's end", ended).await;
    viewer.until_idle().await;
}

#[tokio::test]
async fn messages_are_read_beside_background_work_by_the_clis_own_exporter() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let link = session.remote().enable().await.expect("remote is enabled").link.expect("a link");
    are_read_beside_background_work(&Viewer::open_live(link.url().as_str()).await, &rig.repo).await;
    client.stop().await;
}

#[tokio::test]
async fn messages_are_read_beside_background_work_by_the_bridge() {
    let live = Bridged::start().await;
    are_read_beside_background_work(&live.viewer().await, &live.rig.repo).await;
    live.stop().await;
}

#[tokio::test]
async fn messages_wait_at_the_hub_steering_does_not_and_a_refusals_words_follow_it() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let link = session.remote().enable().await.expect("remote is enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    let http = Client::new();

    // A turn that takes the time that this needs.
    let held = json!({"command": "until [ -e may-go ]; do sleep 0.1; done", "description": "x", "initial_wait": 120});
    viewer.say(&format!("tool:bash {held}")).await;
    viewer.permit(true).await;
    viewer.event("the slow command's start", |e| e["type"] == "tool.execution_start").await;
    let queue = |text: &str| json!({"type": "user_message", "content": text, "device": {"id": "d", "name": "phone"}});
    let first = viewer.post(queue("queued first")).await.body;
    let second = viewer.post(queue("queued second")).await.body;
    let third = viewer.post(queue("taken back")).await.body;
    let mut taken = session.subscribe();
    let steered = json!({"type": "user_message", "content": "steered into the turn", "delivery": "steer"});
    let steered = viewer.post(steered).await.body;
    let snapshot = viewer.snapshot().await;
    let waiting: Vec<&Value> = snapshot["queue"].as_array().expect("a queue").iter().map(|m| &m["content"]).collect();
    assert_eq!(waiting, ["steered into the turn", "queued first", "queued second", "taken back"], "{snapshot}");
    let edit = json!({"content": "queued second, and changed"}).to_string();
    let edited = http.patch(command_url(&viewer, &second["id"])).body(edit).send().await.expect("an answer");
    assert_eq!(edited.status(), StatusCode::OK);
    let cancelled = http.delete(command_url(&viewer, &third["id"])).send().await.expect("an answer");
    assert_eq!(cancelled.status(), StatusCode::OK);

    // The session has the steering one; the others stay here until the turn is over.
    tokio::time::timeout(PATIENCE, taken.next_of_kind("pending_messages.modified"))
        .await
        .expect("in time")
        .expect("open");
    rig.repo.write("may-go", "");
    for receipt in [&steered, &first, &second] {
        assert_eq!(viewer.settled(receipt).await["state"], "applied");
    }
    viewer.until_idle().await;
    let events = viewer.events().await;
    let places =
        ["steered into the turn", "queued first", "queued second, and changed"].map(|text| place(&events, text));
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!((said(&events, "queued second"), said(&events, "taken back")), (0, 0), "what it said before");
    // The steered one joined the running turn, the queued ones began turns of their own.
    assert_eq!(events[places[0]]["event"]["data"]["delivery"], "steering", "{}", events[places[0]]);
    assert_eq!(events[places[1]]["event"]["data"]["delivery"], "idle", "{}", events[places[1]]);

    // An answer to something else than what was shown.
    viewer.say("run-shell").await;
    let request = viewer.pending("permission").await;
    let answer = |digest: &Value| {
        json!({"type": "permission_response", "request_id": request["request_id"], "approved": false,
            "digest": digest, "feedback": "please do nothing at all"})
    };
    let refused = viewer.post(answer(&json!("of another request"))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    assert_eq!(refused.body["type"], "urn:groundlink:problem:digest-mismatch");
    let denied = viewer.post(answer(&request["digest"])).await;
    assert_eq!(denied.status, StatusCode::ACCEPTED, "{}", denied.body);
    viewer.event("the words of the refusal", |e| e["data"]["content"] == "please do nothing at all").await;
    viewer.until_idle().await;
    assert_eq!(viewer.settled(&denied.body).await["state"], "applied");
    assert!(!rig.repo.has("shell-proof.txt"));

    let audit = format!("{}/audit", viewer.api().as_str().trim_end_matches('/'));
    let audit: Value = http.get(audit).send().await.expect("an answer").json().await.expect("an audit");
    let lines: Vec<String> = audit["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|line| format!("{} {} {}", line["outcome"], line["type"], line["device"]["name"]).replace('"', ""))
        .collect();
    for expected in [
        "accepted user_message phone",
        "edited user_message phone",
        "cancelled user_message phone",
        "refused permission_response null",
        "applied permission_response null",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    client.stop().await;
}

//! The bridge between the real CLI and a hub: what only it can do, and what becomes of an outage.

use std::time::Duration;

use groundlink::protocol::mc::{ExporterInfo, ModelChoice};
use groundlink::remote::{Bridge, BridgeBuilder, HubEndpoint};
use groundlink::session::{Client, Session};
use groundlink_testkit::{TestHub, Viewer, eventually};
use groundlink_tests::native::{Rig, duplicates, said};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

/// A session of a CLI that knows no hub; the bridge is to export it.
async fn unshared(rig: &Rig) -> (Client, Session) {
    let client = rig.signed_in(Client::builder()).start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    (client, session)
}

fn bridge(session: &Session, hub: &TestHub) -> BridgeBuilder {
    let handle = hub.handle();
    Bridge::builder(session, HubEndpoint::new(handle.export_base(), handle.export_token().clone()))
}

fn event_ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["event"]["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn the_model_is_switched_to_one_of_those_on_offer() {
    let rig = Rig::start().await;
    let (client, session) = unshared(&rig).await;

    // Unless told otherwise, what the session itself lists is on offer.
    let shared = bridge(&session, &rig.hub).start().await.expect("the bridge starts");
    let viewer = Viewer::open_live(shared.link().url().as_str()).await;
    let snapshot = viewer.snapshot().await;
    assert_eq!(snapshot["exporter"]["models"][0]["id"], groundlink_testkit::github::MODEL, "{snapshot}");
    shared.stop().await;

    let mut info = ExporterInfo::new("groundlink");
    info.models = vec![ModelChoice::new(groundlink_testkit::github::MODEL), ModelChoice::new("another-model")];
    let shared = bridge(&session, &rig.hub).info(info).start().await.expect("the bridge starts again");
    let viewer = Viewer::open_live(shared.link().url().as_str()).await;
    viewer.apply(json!({"type": "model_switch", "model": "another-model"})).await;
    viewer.until("the new model", |snapshot| snapshot["model"] == "another-model").await;
    let refused = viewer.finish(json!({"type": "model_switch", "model": "unheard-of"})).await;
    assert_eq!(refused["state"], "rejected", "{refused}");
    assert!(refused["reason"].as_str().is_some_and(|reason| reason.contains("another-model")), "{refused}");
    shared.stop().await;
    client.stop().await;
}

#[tokio::test]
async fn a_message_waits_for_the_end_of_the_turn_or_joins_it_as_it_was_told() {
    let rig = Rig::start().await;
    let (client, session) = unshared(&rig).await;
    let shared = bridge(&session, &rig.hub).start().await.expect("the bridge starts");
    let viewer = Viewer::open_live(shared.link().url().as_str()).await;

    viewer.say("run-shell").await;
    let request = viewer.pending("permission").await;
    let queued = viewer.post(json!({"type": "user_message", "content": "afterwards", "delivery": "queue"})).await;
    assert_eq!(queued.status, StatusCode::ACCEPTED, "{queued:?}");
    let snapshot = viewer.until("the waiting message", |snapshot| snapshot["queue"][0].is_object()).await;
    assert_eq!(snapshot["queue"][0]["content"], "afterwards", "{snapshot}");
    // It goes out at once; the agent takes it up at its next step, which is behind the approval.
    let steering = viewer.post(json!({"type": "user_message", "content": "right now", "delivery": "steer"})).await;
    assert_eq!(steering.status, StatusCode::ACCEPTED, "{steering:?}");
    assert_eq!(said(&viewer.events().await, "afterwards"), 0, "it waits for the end of the turn");

    let answer = json!({"type": "permission_response", "request_id": request["request_id"], "approved": true});
    viewer.apply(answer).await;
    viewer.event("the message that waited", |event| event["data"]["content"] == "afterwards").await;
    viewer.until_idle().await;
    let events = viewer.events().await;
    let place = |text: &str| events.iter().position(|event| event["event"]["data"]["content"] == text);
    assert!(place("right now") < place("afterwards"), "{:?} {:?}", place("right now"), place("afterwards"));
    shared.stop().await;
    client.stop().await;
}

#[tokio::test]
async fn a_hub_that_restarts_with_its_data_misses_nothing_and_doubles_nothing() {
    let mut rig = Rig::start().await;
    let (client, session) = unshared(&rig).await;
    let shared = bridge(&session, &rig.hub).start().await.expect("the bridge starts");
    let link = shared.link().url().to_string();
    let viewer = Viewer::open_live(&link).await;
    viewer.say("said before").await;
    viewer.until_idle().await;
    let before = viewer.events().await;

    // Work goes on while the hub is away; an outage holds up nobody.
    rig.hub.stop().await;
    let started = std::time::Instant::now();
    let mut events = session.subscribe();
    session.send("said meanwhile").await.expect("sent");
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await.expect("the turn ends");
    assert!(started.elapsed() < PATIENCE);
    rig.hub.start_again().await;

    viewer.event("what was said meanwhile", |event| event["data"]["content"] == "said meanwhile").await;
    viewer.say("said after").await;
    viewer.until_idle().await;
    let events = viewer.events().await;
    assert_eq!(duplicates(&events), []);
    assert_eq!(event_ids(&events[..before.len()]), event_ids(&before), "what was there stays where it was");
    for text in ["said before", "said meanwhile", "said after"] {
        assert_eq!(said(&events, text), 1, "{text}");
    }
    shared.stop().await;
    client.stop().await;
}

#[tokio::test]
async fn a_hub_that_has_lost_everything_is_given_everything_again() {
    let mut rig = Rig::start().await;
    let (client, session) = unshared(&rig).await;
    let shared = bridge(&session, &rig.hub).start().await.expect("the bridge starts");
    let old_link = shared.link().url().to_string();
    let viewer = Viewer::open_live(&old_link).await;
    viewer.say("said before").await;
    viewer.until_idle().await;
    let durable = |events: &[Value]| -> Vec<String> {
        let durable = events.iter().filter(|event| event["event"]["ephemeral"] != true);
        durable.map(|event| event["event"]["id"].as_str().expect("an id").to_owned()).collect()
    };
    let before = durable(&viewer.events().await);

    // Its key stays (the token would not be known else), its database goes.
    rig.hub.stop().await;
    for entry in std::fs::read_dir(rig.hub.data()).expect("the data") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("hub.sqlite")) {
            std::fs::remove_file(path).expect("removed");
        }
    }
    rig.hub.start_again().await;
    let status = shared.status();
    eventually("the session is there again", PATIENCE, || {
        let link = status.borrow().link.url().to_string();
        async move { reqwest::get(&link).await.ok().filter(|answer| answer.status().is_success()).map(drop) }
    })
    .await;
    assert_eq!(shared.link().url().as_str(), old_link, "the same key makes the same link");
    let viewer = Viewer::open_live(&old_link).await;
    viewer.event("the history", |event| event["data"]["content"] == "said before").await;
    viewer.say("said after").await;
    viewer.until_idle().await;
    let after = viewer.events().await;
    assert_eq!(duplicates(&after), []);
    assert_eq!(durable(&after)[..before.len()], before, "all of it, in the same order");
    shared.stop().await;
    client.stop().await;
}

#[tokio::test]
async fn a_new_bridge_goes_on_where_the_last_one_was_and_repeats_no_command() {
    let rig = Rig::start().await;
    let (client, session) = unshared(&rig).await;
    let first = bridge(&session, &rig.hub).start().await.expect("the bridge starts");
    let link = first.link().url().to_string();
    let viewer = Viewer::open_live(&link).await;
    viewer.say("said once").await;
    viewer.until_idle().await;
    let before = viewer.events().await;
    // Gone without a word, as with a program that was killed.
    drop(first);

    let mut events = session.subscribe();
    session.send("said between").await.expect("sent");
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await.expect("the turn ends");
    let second = bridge(&session, &rig.hub).start().await.expect("another bridge starts");
    assert_eq!(second.link().url().as_str(), link);
    viewer.event("what was said between", |event| event["data"]["content"] == "said between").await;
    viewer.say("said after").await;
    viewer.until_idle().await;
    let after = viewer.events().await;
    assert_eq!(duplicates(&after), []);
    assert_eq!(event_ids(&after[..before.len()]), event_ids(&before));
    for text in ["said once", "said between", "said after"] {
        assert_eq!(said(&after, text), 1, "{text}");
    }
    second.stop().await;
    client.stop().await;
}

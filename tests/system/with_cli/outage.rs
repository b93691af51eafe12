//! A hub that is away while the real CLI works: everything arrives, in order and once, and the session does not notice.

use std::time::{Duration, Instant};

use groundlink::remote::{Bridge, BridgeState, HubEndpoint};
use groundlink::session::{ApproveAll, Client, Session, SessionConfig};
use groundlink_testkit::{TestHub, Viewer, eventually_or};
use groundlink_tests::native::duplicates;
use groundlink_tests::offline::Offline;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(2);

/// Six commands, a second each.
const TURN: &str = "many-steps 6";

struct Outage {
    offline: Offline,
    client: Client,
    hub: TestHub,
}

impl Outage {
    async fn new() -> Self {
        let offline = Offline::new().await;
        let client = offline.client().await;
        Self { offline, client, hub: TestHub::start().await }
    }

    fn config(&self) -> SessionConfig {
        self.offline.config().on_permission(ApproveAll)
    }

    fn endpoint(&self) -> HubEndpoint {
        HubEndpoint::new(self.hub.handle().export_base(), self.hub.handle().export_token().clone())
    }

    /// Its key stays (the token would not be known else), its database goes.
    fn empty(&self) {
        for entry in std::fs::read_dir(self.hub.data()).expect("the data") {
            let path = entry.expect("an entry").path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("hub.sqlite")) {
                std::fs::remove_file(path).expect("removed");
            }
        }
    }
}

/// Says something and waits for the end of the turn; gives how long that took.
async fn turn(session: &Session, prompt: &str) -> Duration {
    let (mut events, started) = (session.subscribe(), Instant::now());
    session.send(prompt).await.expect("sent");
    let idle = tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await;
    idle.expect("in time").expect("the end of the turn");
    started.elapsed()
}

/// Ids of the durable events that the hub has, in its order.
fn durable(events: &[Value]) -> Vec<String> {
    let durable = events.iter().filter(|event| event["event"]["ephemeral"] != true);
    durable.map(|event| event["event"]["id"].as_str().expect("an id").to_owned()).collect()
}

/// Waits until the hub has the session's whole log: no gap, nothing twice, the same order.
async fn complete(link: &str, session: &Session) {
    let log = session.history().await.expect("the log");
    let log: Vec<String> = log.iter().map(|event| event.id().to_owned()).collect();
    assert!(!log.is_empty());
    eventually_or("the whole log at the hub", PATIENCE, || async {
        let answer = reqwest::get(link).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(answer.status().to_string());
        }
        let events = Viewer::open(link).await.events().await;
        let there = durable(&events);
        assert_eq!(duplicates(&events), []);
        if there == log { Ok(()) } else { Err(format!("{} of {} events", there.len(), log.len())) }
    })
    .await;
}

/// A hub that goes away in the middle of a turn, for some time, and comes back with its data or without.
async fn in_mid_turn(away: Duration, empty: bool) {
    let mut outage = Outage::new().await;
    let session = outage.client.create_session(outage.config()).await.expect("a session");
    let bridge = Bridge::builder(&session, outage.endpoint()).start().await.expect("the bridge starts");
    let link = bridge.link().as_str().to_owned();
    let undisturbed = turn(&session, TURN).await;

    let mut events = session.subscribe();
    let working = tokio::spawn({
        let session = session.clone();
        async move { turn(&session, TURN).await }
    });
    events.next_of_kind("tool.execution_complete").await.expect("the middle of the turn");
    outage.hub.stop().await;
    if empty {
        outage.empty();
    }
    let mut status = bridge.status();
    tokio::time::sleep(away).await;
    if away > Duration::from_secs(3) {
        assert!(matches!(status.borrow().state, BridgeState::Retrying { .. }), "{:?}", *status.borrow());
    }
    outage.hub.start_again().await;
    let disturbed = working.await.expect("the turn ends");
    println!("a turn took {undisturbed:?}, and {disturbed:?} with a hub away for {away:?}");
    // The steps sleep for six seconds in either; a session that waited for the hub would take as long as that besides.
    assert!(disturbed < undisturbed * 2 + Duration::from_secs(5), "{disturbed:?} instead of {undisturbed:?}");

    complete(&link, &session).await;
    let live = tokio::time::timeout(PATIENCE, status.wait_for(|status| status.state == BridgeState::Live)).await;
    assert_eq!(live.expect("in time").expect("a bridge").left_out, 0);
    // And steered as before.
    Viewer::open_live(&link).await.say("said afterwards").await;
    complete(&link, &session).await;
    bridge.stop().await;
    outage.client.stop().await;
}

#[tokio::test]
async fn a_second_in_the_middle_of_a_turn() {
    in_mid_turn(Duration::from_secs(1), false).await;
}

#[tokio::test]
async fn several_seconds_in_the_middle_of_a_turn() {
    in_mid_turn(Duration::from_secs(8), false).await;
}

#[tokio::test]
async fn several_seconds_in_the_middle_of_a_turn_and_all_is_lost() {
    in_mid_turn(Duration::from_secs(6), true).await;
}

#[tokio::test]
async fn a_minute_in_which_more_is_said_than_is_kept() {
    let mut outage = Outage::new().await;
    let session = outage.client.create_session(outage.config()).await.expect("a session");
    // Less than one turn: the rest stays in the CLI's own log until there is room.
    let bridge = Bridge::builder(&session, outage.endpoint()).buffer_bytes(20_000);
    let bridge = bridge.start().await.expect("the bridge starts");
    let link = bridge.link().as_str().to_owned();
    turn(&session, "hello").await;
    complete(&link, &session).await;

    let gone = Instant::now();
    outage.hub.stop().await;
    while gone.elapsed() < Duration::from_mins(1) {
        turn(&session, "run-shell").await;
        turn(&session, "huge-text 64").await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert!(bridge.status().borrow().waiting < 200, "{:?}", *bridge.status().borrow());
    outage.hub.start_again().await;
    complete(&link, &session).await;
    bridge.stop().await;
    outage.client.stop().await;
}

#[tokio::test]
async fn a_bridge_of_another_program_goes_on_in_the_middle_of_a_turn() {
    let outage = Outage::new().await;
    let session = outage.client.create_session(outage.config()).await.expect("a session");
    let bridge = Bridge::builder(&session, outage.endpoint()).start().await.expect("the bridge starts");
    let link = bridge.link().as_str().to_owned();
    turn(&session, "hello").await;
    complete(&link, &session).await;
    let before = bridge.status().borrow().uploaded;

    let mut events = session.subscribe();
    session.send(TURN).await.expect("sent");
    events.next_of_kind("tool.execution_complete").await.expect("the middle of the turn");
    // Gone without a word, as with a program that was killed.
    drop(bridge);
    events.next_of_kind("tool.execution_complete").await.expect("more of the turn");
    let second = Bridge::builder(&session, outage.endpoint()).start().await.expect("another bridge starts");
    events.next_of_kind("session.idle").await.expect("the end of the turn");
    complete(&link, &session).await;
    second.stop().await;
    let third = Bridge::builder(&session, outage.endpoint()).start().await.expect("a third bridge starts");
    turn(&session, "hello").await;
    complete(&link, &session).await;
    // What was there is not sent again: as many events as for the first such turn, not those of both before it besides.
    let uploaded = third.status().borrow().uploaded;
    assert!(uploaded < before * 2, "{uploaded} events for one more short turn; the first took {before}");
    third.stop().await;
    outage.client.stop().await;
}

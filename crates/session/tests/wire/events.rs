use groundlink_session::{EventItem, EventLimits, EventStream, Session, SessionConfig};
use serde_json::{Value, json};

use crate::fake::{Fake, PATIENCE, durable, ephemeral, value};

const ID: &str = "11111111-1111-4111-8111-111111111111";

async fn session(fake: &Fake, config: SessionConfig) -> Session {
    fake.client().await.create_session(config.session_id(ID)).await.expect("a session")
}

/// Reads up to and with the event of that id.
pub(crate) async fn read_to(stream: &mut EventStream, last: &str) -> Vec<String> {
    let reading = async {
        let mut seen = Vec::new();
        while let Some(item) = stream.next().await {
            match item {
                EventItem::Event(event) => {
                    seen.push(event.id().to_owned());
                    if event.id() == last {
                        break;
                    }
                }
                EventItem::Lagged(lagged) => seen.push(format!("shed {} lost {}", lagged.shed, lagged.lost)),
            }
        }
        seen
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the event comes")
}

#[tokio::test]
async fn events_before_the_answer_to_create_are_there_from_the_start() {
    let fake = Fake::new();
    fake.on("session.create", |fake, params| {
        Box::pin(async move {
            let id = params["sessionId"].as_str().unwrap().to_owned();
            let data = json!({"sessionId": id, "context": {"cwd": "/told"}});
            fake.event(&id, durable("1", "session.start", data)).await;
            Ok(json!({"sessionId": id}))
        })
    });
    let session = session(&fake, SessionConfig::new()).await;
    assert_eq!(session.working_directory().as_deref(), Some("/told"));
    let mut live = session.subscribe();
    let mut all = session.subscribe_from_start();
    fake.event(ID, ephemeral("2", "session.idle", json!({}))).await;
    assert_eq!(read_to(&mut all, "2").await, ["1", "2"]);
    assert_eq!(read_to(&mut live, "2").await, ["2"]);
}

#[tokio::test]
async fn events_keep_their_bytes_and_unreadable_ones_harm_nobody() {
    let fake = Fake::new();
    let session = session(&fake, SessionConfig::new()).await;
    let mut stream = session.subscribe();
    let odd = json!({"id": "7", "type": "future.thing", "data": {"z": 1, "a": [null]}, "new": {"deep": true}});
    for bad in [json!(null), json!([]), json!({"type": "no.id"}), json!({"id": 5})] {
        fake.event(ID, bad).await;
    }
    fake.event("another session", durable("x", "session.start", json!({}))).await;
    fake.event(ID, odd.clone()).await;
    let event = stream.next().await.unwrap().into_event().unwrap();
    assert_eq!((event.id(), event.kind()), ("7", "future.thing"));
    assert_eq!(value(event.raw()), odd);
}

/// Serves `session.eventLog.read` from a list, `page` events at a time.
fn serve_log(fake: &Fake, log: Vec<Value>, page: usize) {
    fake.on("session.eventLog.read", move |_, params| {
        let from: usize = params["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let to = (from + page).min(log.len());
        let answer = json!({"events": log[from..to], "cursor": to.to_string(), "hasMore": to < log.len()});
        Box::pin(async move { Ok(answer) })
    });
}

fn small() -> EventLimits {
    EventLimits { durable_events: 4, ephemeral_events: 3, ..EventLimits::default() }
}

#[tokio::test]
async fn a_slow_stream_reads_durable_events_again_and_is_told_of_ephemeral_ones() {
    let fake = Fake::new();
    let session = session(&fake, SessionConfig::new().event_limits(small())).await;
    let mut slow = session.subscribe_from_start();
    let mut quick = session.subscribe();
    let mut log = vec![durable("before", "user.message", json!({}))];
    for number in 0..20 {
        let event = durable(&format!("d{number}"), "user.message", json!({}));
        log.push(event.clone());
        fake.event(ID, event).await;
        fake.event(ID, ephemeral(&format!("e{number}"), "assistant.message_delta", json!({}))).await;
        assert_eq!(read_to(&mut quick, &format!("e{number}")).await.len(), 2, "a quick stream misses nothing");
    }
    serve_log(&fake, log, 7);
    let seen = read_to(&mut slow, "e19").await;
    let durables: Vec<_> = seen.iter().filter(|id| id.starts_with('d')).cloned().collect();
    let wanted: Vec<_> = (0..20).map(|number| format!("d{number}")).collect();
    assert_eq!(durables, wanted, "all durable events, in order, once; none from before this client");
    let shed: u64 = seen.iter().filter_map(|s| s.strip_prefix("shed ")?.split(' ').next()?.parse::<u64>().ok()).sum();
    let got = seen.iter().filter(|id| id.starts_with('e')).count() as u64;
    assert_eq!(shed + got, 20, "{seen:?}");
    assert!(seen.iter().all(|s| !s.starts_with("shed") || s.ends_with("lost 0")), "{seen:?}");
}

#[tokio::test]
async fn what_cannot_be_read_again_is_said_to_be_lost() {
    let fake = Fake::new();
    let session = session(&fake, SessionConfig::new().event_limits(small())).await;
    let mut slow = session.subscribe();
    for number in 0..10 {
        fake.event(ID, durable(&number.to_string(), "user.message", json!({}))).await;
    }
    // Not served: the log is out of reach.
    let mut quick = session.subscribe();
    fake.event(ID, durable("10", "user.message", json!({}))).await;
    read_to(&mut quick, "10").await;
    assert_eq!(read_to(&mut slow, "10").await, ["shed 0 lost 7", "7", "8", "9", "10"]);
}

#[tokio::test]
async fn history_is_paged_and_a_log_that_stands_still_ends_it() {
    let fake = Fake::new();
    let session = session(&fake, SessionConfig::new()).await;
    let log: Vec<_> = (0..25).map(|n| durable(&n.to_string(), "user.message", json!({}))).collect();
    serve_log(&fake, log, 10);
    let history = session.history().await.unwrap();
    assert_eq!(history.len(), 25);
    assert_eq!(fake.calls("session.eventLog.read")[0]["includeEphemeral"], json!(false));

    let stuck = json!({"events": [], "cursor": "same", "hasMore": true, "cursorStatus": "expired"});
    fake.answer("session.eventLog.read", stuck);
    assert!(session.history().await.unwrap().is_empty());
    assert!(session.history_page(Some("old")).await.unwrap().restarted);
}

#[tokio::test]
async fn streams_end_with_the_session_and_with_the_connection() {
    let fake = Fake::new();
    fake.on("session.destroy", |fake, params| {
        Box::pin(async move {
            let id = params["sessionId"].as_str().unwrap().to_owned();
            tokio::spawn(async move { fake.event(&id, durable("bye", "session.shutdown", json!({}))).await });
            Ok(json!({"success": true}))
        })
    });
    let client = fake.client().await;
    let first = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    let second = client.create_session(SessionConfig::new()).await.unwrap();
    let (mut one, mut two) = (first.subscribe(), second.subscribe());
    first.destroy().await.unwrap();
    first.destroy().await.unwrap();
    assert_eq!(read_to(&mut one, "bye").await, ["bye"], "the last event comes after the answer");
    assert!(one.next().await.is_none());
    assert_eq!(fake.calls("session.destroy").len(), 1);
    fake.hang_up();
    assert!(two.next().await.is_none());
    assert!(second.is_over());
}

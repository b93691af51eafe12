//! Sending and waiting, listing and deleting, hearing of changes.

use groundlink_session::{
    Change, Client, EventItem, EventLimits, Session, SessionConfig, SessionError, SessionLifecycleType,
};
use serde_json::{Value, json};

use crate::events::read_to;
use crate::fake::{Fake, PATIENCE, durable, ephemeral};

const ID: &str = "55555555-5555-4555-8555-555555555555";

async fn session(fake: &Fake) -> Session {
    fake.answer("session.send", json!({"messageId": "m1"}));
    fake.client().await.create_session(SessionConfig::new().session_id(ID)).await.unwrap()
}

fn said(id: &str, text: &str, origin: &str) -> Value {
    durable(id, "assistant.message", json!({"messageId": id, "content": text, "originatingMessageId": origin}))
}

fn asked(id: &str, message: &str) -> Value {
    durable(id, "user.message", json!({"content": "x", "messageId": message}))
}

/// What happens; the answer, whether it was aborted, the error.
type Row = (Vec<Value>, Option<&'static str>, bool, Option<&'static str>);

#[tokio::test]
async fn a_turn_ends_with_the_answer_to_its_own_message() {
    let of_agent = {
        let mut event = said("a", "of a sub-agent", "m1");
        event["agentId"] = "helper".into();
        event
    };
    let failed = json!({"errorType": "model", "message": "no model", "originatingMessageId": "m1"});
    let idle = |id: &str| ephemeral(id, "session.idle", json!({}));
    let agent_idle = |id: &str| ephemeral(id, "assistant.idle", json!({}));
    let aborted = ephemeral("9", "session.idle", json!({"aborted": true}));
    // What happens; the answer, whether it was aborted, the error.
    let table: Vec<Row> = vec![
        (
            vec![asked("1", "m1"), said("2", "first", "m1"), said("3", "last", "m1"), idle("4")],
            Some("last"),
            false,
            None,
        ),
        (
            vec![
                asked("0", "other"),
                said("1", "other", "other"),
                asked("2", "m1"),
                said("3", "mine", "m1"),
                idle("4"),
            ],
            Some("mine"),
            false,
            None,
        ),
        (
            vec![asked("1", "m1"), said("2", "mine", "m1"), of_agent, said("3", "other", "m2"), idle("4")],
            Some("mine"),
            false,
            None,
        ),
        (vec![asked("1", "m1"), said("2", "", "m1"), idle("4")], None, false, None),
        (vec![asked("1", "m1"), durable("2", "session.error", failed), idle("4")], None, false, Some("no model")),
        (vec![asked("1", "m1"), aborted.clone()], None, true, None),
        // Dropped from the queue; the idle of somebody else's turn before it does not count.
        (vec![asked("0", "other"), idle("1"), aborted], None, true, None),
        // The agent's own rest is not the session's, but for an abort beside work in the background.
        (
            vec![asked("1", "m1"), said("2", "first", "m1"), agent_idle("3"), said("4", "last", "m1"), idle("5")],
            Some("last"),
            false,
            None,
        ),
        (
            vec![asked("1", "m1"), agent_idle("2"), ephemeral("3", "assistant.idle", json!({"aborted": true}))],
            None,
            true,
            None,
        ),
    ];
    for (number, (events, answer, was_aborted, error)) in table.into_iter().enumerate() {
        let fake = Fake::new();
        let session = session(&fake).await;
        let happening = async {
            fake.called("session.send", 1).await;
            // The answer to the call comes first.
            fake.ask("nothing", json!({})).await.unwrap_err();
            for event in events {
                fake.event(ID, event).await;
            }
        };
        let both = async { tokio::join!(session.send_and_wait("go"), happening) };
        let (end, ()) = tokio::time::timeout(PATIENCE, both).await.unwrap_or_else(|_| panic!("row {number} ends"));
        let end = end.unwrap();
        assert_eq!((end.answer.as_deref(), end.aborted), (answer, was_aborted), "row {number}");
        assert_eq!(end.error.as_ref().map(|error| error.message.as_str()), error, "row {number}");
        assert_eq!(end.message_id, "m1");
    }
}

#[tokio::test]
async fn a_turn_can_be_waited_for_beside_what_runs_on() {
    let fake = Fake::new();
    let session = session(&fake).await;
    let happening = async {
        fake.called("session.send", 1).await;
        fake.ask("nothing", json!({})).await.unwrap_err();
        let mut helper = ephemeral("2", "assistant.idle", json!({}));
        helper["agentId"] = "helper".into();
        let idle = ephemeral("4", "assistant.idle", json!({}));
        for event in [asked("1", "m1"), helper, said("3", "started", "m1"), idle] {
            fake.event(ID, event).await;
        }
    };
    let both = async { tokio::join!(session.send_and_wait_for_agent("go"), happening) };
    let (end, ()) = tokio::time::timeout(PATIENCE, both).await.expect("it ends");
    assert_eq!(end.unwrap().answer.as_deref(), Some("started"));
}

/// The event that ends a turn is a passing one, and a reader that was held up may not get it.
#[tokio::test]
async fn a_turn_whose_end_was_shed_ends() {
    let fake = Fake::new();
    fake.answer("session.send", json!({"messageId": "m1"}));
    fake.answer("session.metadata.activity", json!({"abortable": false, "hasActiveWork": false}));
    fake.answer("session.tasks.list", json!({"tasks": []}));
    let limits = EventLimits { ephemeral_events: 4, ..EventLimits::default() };
    let config = SessionConfig::new().session_id(ID).event_limits(limits);
    let session = fake.client().await.create_session(config).await.unwrap();
    let asks = || ["session.metadata.activity", "session.tasks.list"].map(|method| fake.calls(method).len());
    let mut waiting = std::pin::pin!(session.send_and_wait("go"));
    let sent = async {
        fake.called("session.send", 1).await;
        fake.ask("nothing", json!({})).await.unwrap_err();
    };
    tokio::select! {
        end = &mut waiting => panic!("it is over: {end:?}"),
        () = sent => {}
    }
    // Nobody reads while all this comes in.
    fake.event(ID, asked("1", "m1")).await;
    fake.event(ID, ephemeral("2", "session.idle", json!({}))).await;
    for n in 3..40 {
        fake.event(ID, ephemeral(&n.to_string(), "session.usage_info", json!({}))).await;
    }
    fake.event(ID, said("40", "the answer", "m1")).await;
    fake.ask("nothing", json!({})).await.unwrap_err();
    assert_eq!(asks(), [0, 0]);
    let end = tokio::time::timeout(PATIENCE, &mut waiting).await.expect("it ends").unwrap();
    assert_eq!(end.answer.as_deref(), Some("the answer"));
    assert_eq!(asks(), [1, 1]);
}

#[tokio::test]
async fn a_turn_whose_connection_goes_is_an_error() {
    let fake = Fake::new();
    let session = session(&fake).await;
    let losing = async {
        fake.called("session.send", 1).await;
        fake.ask("nothing", json!({})).await.unwrap_err();
        fake.hang_up();
    };
    let (end, ()) = tokio::join!(session.send_and_wait("go"), losing);
    assert!(matches!(end.unwrap_err(), SessionError::Closed { .. }));
}

#[tokio::test]
async fn a_stream_of_some_kinds_only() {
    let fake = Fake::new();
    let session = session(&fake).await;
    let mut some = session.subscribe().only(["assistant.message", "session.idle"]);
    for event in [asked("1", "m"), said("2", "x", "m"), durable("3", "session.info", json!({})), said("4", "y", "m")] {
        fake.event(ID, event).await;
    }
    fake.event(ID, ephemeral("5", "session.idle", json!({}))).await;
    assert_eq!(read_to(&mut some, "5").await, ["2", "4", "5"]);
}

#[tokio::test]
async fn sessions_are_listed_and_deleted() {
    let fake = Fake::new();
    let session = session(&fake).await;
    let client = fake.client().await;
    let entry = json!({"sessionId": ID, "startTime": "2026-01-01T00:00:00Z", "summary": "s"});
    fake.answer("session.list", json!({"sessions": [entry]}));
    assert_eq!(client.list_sessions().await.unwrap()[0].session_id, ID);
    assert!(client.stored_session(ID).await.unwrap().is_some());
    assert!(client.stored_session("another").await.unwrap().is_none());
    fake.answer("session.delete", json!({"success": false, "error": "Session file not found"}));
    let error = client.delete_session("x").await.unwrap_err();
    assert!(matches!(error, SessionError::SessionNotFound { .. }), "{error:?}");
    fake.answer("session.delete", json!({"success": false, "error": "disk is full"}));
    let error = client.delete_session("x").await.unwrap_err().to_string();
    assert!(error.contains("disk is full"), "{error}");
    drop(session);

    let open = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    fake.answer("session.delete", json!({"success": true}));
    client.delete_session(ID).await.unwrap();
    assert!(open.is_over() && client.session(ID).is_none());
}

#[tokio::test]
async fn changes_are_told_and_what_is_missed_is_counted() {
    let fake = Fake::new();
    let client = fake.client().await;
    let mut changes = client.lifecycle();
    let change = |kind: &str| json!({"type": kind, "sessionId": ID, "metadata": {"summary": "s"}});
    fake.notify("session.lifecycle", change("session.created")).await;
    let Some(Change::Session(created)) = changes.next().await else { panic!("a change") };
    assert_eq!((created.kind, created.session_id.as_str()), (SessionLifecycleType::SessionCreated, ID));
    for _ in 0..300 {
        fake.notify("session.lifecycle", change("session.updated")).await;
    }
    // All of them are here once this is answered.
    fake.ask("nothing", json!({})).await.unwrap_err();
    assert!(matches!(changes.next().await, Some(Change::Missed(44))));
    client.stop().await;
    drop(client);
    while let Some(change) = changes.next().await {
        assert!(matches!(change, Change::Session(_)));
    }
}

#[tokio::test]
async fn a_second_refill_does_not_begin_at_the_start() {
    let fake = Fake::new();
    let pages = crate::reconnect::keep_log(&fake);
    let client: Client = fake.client().await;
    let limits = EventLimits { durable_events: 2, ..EventLimits::default() };
    let session = client.create_session(SessionConfig::new().session_id(ID).event_limits(limits)).await.unwrap();
    let mut stream = session.subscribe_from_start();
    let mut got = Vec::new();
    for round in 0..5 {
        for id in round * 20..round * 20 + 20 {
            let event = durable(&id.to_string(), "session.info", json!({}));
            pages.lock().unwrap().push(event.clone());
            fake.event(ID, event).await;
        }
        let last = (round * 20 + 19).to_string();
        loop {
            match stream.next().await.unwrap() {
                EventItem::Event(event) => got.push(event.id().to_owned()),
                EventItem::Lagged(lagged) => assert_eq!(lagged.lost, 0),
            }
            if got.last() == Some(&last) {
                break;
            }
        }
    }
    let expected: Vec<String> = (0..100).map(|id| id.to_string()).collect();
    assert_eq!(got, expected);
    // Two events a page: fifty pages and a few that are read again, instead of 10 + 20 + 30 + 40 + 50.
    let read = fake.calls("session.eventLog.read").len();
    assert!(read < 70, "{read} pages were read");
}

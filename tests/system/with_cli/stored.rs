//! Sessions as a program keeps them: sending and waiting, listing, hearing of changes, deleting.

use std::time::Duration;

use groundlink::session::{ApproveAll, Change, Message, SendMode, Session, SessionError, SessionLifecycleType};
use groundlink_testkit::eventually;
use groundlink_tests::offline::Offline;
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_message_is_answered_fails_or_is_aborted() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let end = session.send_and_wait("stream-text-5").await.expect("a turn");
    assert_eq!((end.answer.as_deref(), end.aborted), (Some("word0 word1 word2 word3 word4"), false));
    assert!(end.error.is_none());

    let end = session.send_and_wait("model-error-400").await.expect("a turn");
    assert!(end.error.is_some_and(|error| !error.message.is_empty()), "the model's error is a value");

    aborted(&session, Message::text("slow-stream-600")).await;
    client.stop().await;
}

/// An abort ends the waiting.
async fn aborted(session: &Session, message: Message) {
    let aborting = async {
        let mut events = session.subscribe().only(["assistant.message_delta"]);
        events.next().await.expect("it has begun");
        session.abort().await.expect("aborted");
    };
    let both = async { tokio::join!(session.send_and_wait(message), aborting) };
    let (end, ()) = tokio::time::timeout(PATIENCE, both).await.expect("an abort ends the waiting");
    assert!(end.expect("a turn").aborted);
}

#[tokio::test]
async fn the_agent_is_waited_for_beside_a_shell_that_runs_on() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let session = client.create_session(offline.config().on_permission(ApproveAll)).await.expect("a session");
    let server = json!({"command": "until [ -e may-end ]; do sleep 0.1; done", "description": "x", "mode": "async"});
    let starting = session.send_and_wait_for_agent(format!("tool:bash {server}"));
    let end = tokio::time::timeout(PATIENCE, starting).await.expect("the agent is done").expect("a turn");
    assert!(end.answer.is_some_and(|answer| answer.contains("Done")), "the words after the tool");
    let activity = session.activity().await.expect("it is told");
    assert!(!activity.agent && activity.background && !activity.is_idle(), "{activity:?}");
    aborted(&session, Message::text("slow-stream-600").mode(SendMode::Immediate)).await;

    let mut events = session.subscribe();
    offline.repo.write("may-end", "");
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle"))
        .await
        .expect("in time")
        .expect("the end of all");
    eventually("rest", PATIENCE, || async { session.activity().await.is_ok_and(|now| now.is_idle()).then_some(()) })
        .await;
    client.stop().await;
}

#[tokio::test]
async fn sessions_are_listed_told_of_and_deleted() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let mut changes = client.lifecycle();
    let mut next = async |kind: SessionLifecycleType, id: &str| {
        let waiting = async {
            while let Some(change) = changes.next().await {
                match change {
                    Change::Session(change) if change.kind == kind && change.session_id == id => return,
                    _ => {}
                }
            }
            panic!("the client has ended");
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{kind} of {id}");
    };
    let session = client.create_session(offline.config().name("kept")).await.expect("a session");
    next(SessionLifecycleType::SessionCreated, session.id()).await;
    session.send_and_wait("stream-text-3").await.expect("a turn");
    let stored = client.stored_session(session.id()).await.expect("a list").expect("it is stored");
    assert!(stored.start_time.is_some(), "{stored:?}");

    // Somebody else of the same home takes it up.
    let id = session.id().to_owned();
    session.destroy().await.expect("ended");
    let again = client.resume_session(&id, offline.config()).await.expect("taken up");
    assert!(again.history().await.expect("a log").iter().any(|event| event.kind() == "user.message"));

    assert_eq!(client.last_session().await.expect("an answer").as_ref(), Some(&id));
    client.delete_session(&id).await.expect("deleted");
    assert_eq!(client.last_session().await.expect("an answer"), None);
    next(SessionLifecycleType::SessionDeleted, &id).await;
    assert!(again.is_over());
    assert!(client.stored_session(&id).await.expect("a list").is_none());
    let error = client.resume_session(&id, offline.config()).await.expect_err("it is gone");
    assert!(matches!(error, SessionError::SessionNotFound { .. }), "{error:?}");
    client.stop().await;
}

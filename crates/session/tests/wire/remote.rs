use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use groundlink_session::{Client, RemoteMode, Session, SessionConfig, SessionError};
use serde_json::json;

use crate::fake::{Fake, PATIENCE, durable};

const ID: &str = "44444444-4444-4444-8444-444444444444";
const ENABLE: &str = "session.remote.enable";

async fn open(fake: &Fake) -> Session {
    fake.client().await.create_session(SessionConfig::new().session_id(ID)).await.unwrap()
}

#[tokio::test]
async fn on_and_off() {
    let fake = Fake::new();
    let session = open(&fake).await;
    fake.answer(ENABLE, json!({"url": "http://hub/1", "remoteSteerable": true, "started": true}));
    fake.answer("session.remote.disable", json!({}));
    let state = session.enable_remote(RemoteMode::On).await.unwrap();
    assert_eq!((state.url.as_deref(), state.steerable), (Some("http://hub/1"), true));
    assert_eq!(session.remote_state(), state);
    session.disable_remote().await.unwrap();
    assert_eq!(session.remote_url(), None);
    session.enable_remote(RemoteMode::Export).await.unwrap();
    let modes: Vec<_> = fake.calls(ENABLE).iter().map(|call| call["mode"].clone()).collect();
    assert_eq!(modes, ["on", "export"]);
}

#[tokio::test]
async fn the_link_is_learnt_from_events() {
    let fake = Fake::new();
    let session = open(&fake).await;
    let mut stream = session.subscribe();
    let other = json!({"infoType": "notification", "message": "x", "url": "http://elsewhere"});
    fake.event(ID, durable("1", "session.info", other)).await;
    let remote = json!({"infoType": "remote", "message": "x", "url": "http://hub/1"});
    fake.event(ID, durable("2", "session.info", remote)).await;
    fake.event(ID, durable("3", "session.remote_steerable_changed", json!({"remoteSteerable": true}))).await;
    stream.next_of_kind("session.remote_steerable_changed").await.unwrap();
    let state = session.remote_state();
    assert_eq!((state.url.as_deref(), state.steerable), (Some("http://hub/1"), true));
    fake.event(ID, durable("4", "session.remote_steerable_changed", json!({"remoteSteerable": false}))).await;
    stream.next_of_kind("session.remote_steerable_changed").await.unwrap();
    let state = session.remote_state();
    assert_eq!((state.url, state.steerable), (None, false), "whoever ended it");
}

#[tokio::test(start_paused = true)]
async fn an_exported_session_that_is_idle_is_kept_awake() {
    let fake = Fake::new();
    let session = open(&fake).await;
    fake.answer(ENABLE, json!({"url": "http://hub/1", "remoteSteerable": true, "started": true}));
    fake.answer("session.remote.disable", json!({}));
    fake.answer("session.log", json!({"eventId": "x"}));
    tokio::time::sleep(Duration::from_secs(100)).await;
    session.enable_remote(RemoteMode::On).await.unwrap();
    let mut stream = session.subscribe();
    for id in ["1", "2", "3", "4"] {
        tokio::time::sleep(Duration::from_secs(20)).await;
        fake.event(ID, durable(id, "user.message", json!({"content": "hi"}))).await;
        stream.next_of_kind("user.message").await.unwrap();
    }
    assert!(fake.calls("session.log").is_empty(), "neither before nor where something happens");
    tokio::time::sleep(Duration::from_secs(95)).await;
    let wake = json!({"sessionId": ID, "message": "", "type": "keep_alive", "ephemeral": true});
    let woken = fake.calls("session.log");
    assert!(woken.len() >= 2 && woken.iter().all(|call| *call == wake), "{woken:?}");
    session.disable_remote().await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(fake.calls("session.log").len(), woken.len(), "not once it is over");
}

#[tokio::test]
async fn changes_never_overlap_even_when_a_caller_gives_up() {
    let fake = Fake::new();
    let session = open(&fake).await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    fake.on(ENABLE, move |_, _| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        Box::pin(async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(json!({"url": "http://hub/1", "remoteSteerable": true, "started": true}))
        })
    });
    let impatient = tokio::time::timeout(Duration::from_millis(5), session.enable_remote(RemoteMode::On));
    assert!(impatient.await.is_err());
    let all = (0..4).map(|_| session.enable_remote(RemoteMode::On));
    for outcome in futures_util::future::join_all(all).await {
        outcome.unwrap();
    }
    assert_eq!(fake.calls(ENABLE).len(), 5);
    assert_eq!(seen.load(Ordering::SeqCst), 1, "one at a time");
}

#[tokio::test]
async fn always_on_shares_every_session_once_and_swallows_failures() {
    let fake = Fake::new();
    fake.answer(ENABLE, json!({"url": "http://hub/1", "remoteSteerable": true, "started": true}));
    let client = fake.start(Client::builder().remote(true)).await.unwrap();
    let first = client.create_session(SessionConfig::new()).await.unwrap();
    assert_eq!(fake.called(ENABLE, 1).await, json!({"sessionId": first.id(), "mode": "on"}));
    client.resume_session(ID, SessionConfig::new()).await.unwrap();
    assert_eq!(fake.called(ENABLE, 2).await["sessionId"], ID);
    fake.refuse(ENABLE, -32603, "Request session.remote.enable failed with message: nope");
    let unshared = client.create_session(SessionConfig::new()).await.unwrap();
    fake.called(ENABLE, 3).await;
    fake.answer("session.send", json!({"messageId": "m"}));
    unshared.send("goes on").await.unwrap();
    assert_eq!(fake.calls(ENABLE).len(), 3);
    let states: Vec<_> = unshared.remote_states().take(1).collect().await;
    let problem = states[0].problem.as_deref().unwrap_or_default();
    assert!(problem.contains("nope"), "and the reason is told: {problem}");
    assert_eq!(first.remote_state().problem, None);
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let fake = Fake::new();
    let session = open(&fake).await;
    let table = [
        (
            "Request session.remote.enable failed with message: Remote session has no current authentication",
            "copilot login",
        ),
        ("Request session.remote.enable failed with message: Failed to set up remote session. ...", "reachable"),
    ];
    for (message, advice) in table {
        fake.refuse(ENABLE, -32603, message);
        let error = session.enable_remote(RemoteMode::On).await.unwrap_err();
        assert!(matches!(error, SessionError::RemoteUnavailable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(advice) && !text.contains("failed with message"), "{text}");
    }
    // An account for which it is switched off.
    fake.answer(ENABLE, json!({"remoteSteerable": false, "started": false}));
    let error = session.enable_remote(RemoteMode::On).await.unwrap_err().to_string();
    assert!(error.contains("switched off for the account"), "{error}");
    fake.on(ENABLE, |fake, _| {
        fake.hang_up();
        Box::pin(std::future::pending())
    });
    let gone = tokio::time::timeout(PATIENCE, session.enable_remote(RemoteMode::On)).await.unwrap();
    assert!(gone.unwrap_err().is_closed());
}

//! Coming back after the connection was lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink_session::{
    Client, ClientBuilder, CloseReason, ConnectionState, EventLimits, ModelRequest, ModelResponse, PermissionDecision,
    Reconnect, SessionConfig, SessionError, Tool, ToolCall,
};
use serde_json::{Value, json};

use crate::events::read_to;
use crate::fake::{Fake, PATIENCE, durable, ephemeral};

const ID: &str = "44444444-4444-4444-8444-444444444444";

fn quick() -> Reconnect {
    Reconnect::new().attempts(4).delays(Duration::from_millis(1), Duration::from_millis(5))
}

/// A client that comes back, to a server that takes any number of connections, one at a time.
async fn returning(fake: &Fake, builder: ClientBuilder) -> Client {
    let server = fake.clone();
    let connect = move || {
        let stream = server.accept();
        async move { Ok(stream) }
    };
    builder.reconnect(quick()).start_with(connect).await.expect("a client")
}

/// The same, to a server that takes one connection; the attempt at another one never ends.
async fn stuck(fake: &Fake, builder: ClientBuilder) -> Client {
    let (server, first) = (fake.clone(), AtomicUsize::new(0));
    let connect = move || {
        let stream = (first.fetch_add(1, Ordering::Relaxed) == 0).then(|| server.accept());
        async move {
            match stream {
                Some(stream) => Ok(stream),
                None => std::future::pending().await,
            }
        }
    };
    builder.reconnect(quick()).start_with(connect).await.expect("a client")
}

/// The log of the server: pages of two, in both directions.
pub(crate) fn keep_log(fake: &Fake) -> Arc<Mutex<Vec<Value>>> {
    let log: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&log);
    fake.on("session.eventLog.read", move |_, params| {
        let kept = kept.lock().unwrap().clone();
        Box::pin(async move {
            let backward = params["direction"] == "backward";
            let start = if backward { kept.len() } else { 0 };
            let from = params["cursor"].as_str().map_or(start, |cursor| cursor.parse().unwrap());
            let (first, last, next, more) = if backward {
                let first = from.saturating_sub(2);
                (first, from, first, first > 0)
            } else {
                let last = (from + 2).min(kept.len());
                (from, last, last, last < kept.len())
            };
            Ok(json!({"events": kept[first..last], "cursor": next.to_string(), "hasMore": more, "cursorStatus": "ok"}))
        })
    });
    log
}

fn note(id: usize) -> Value {
    durable(&id.to_string(), "session.info", json!({"infoType": "note", "message": id.to_string()}))
}

#[tokio::test]
async fn what_was_missed_is_replayed_in_order_and_once() {
    let fake = Fake::new();
    let log = keep_log(&fake);
    let client = returning(&fake, Client::builder()).await;
    let session = client.create_session(SessionConfig::new().session_id(ID).name("n").streaming(true)).await.unwrap();
    let mut stream = session.subscribe_from_start();
    let mut states = client.connections();
    assert!(matches!(states.next().await, Some(ConnectionState::Connected { reconnects: 0 })));
    for id in 1..=3 {
        log.lock().unwrap().push(note(id));
        fake.event(ID, note(id)).await;
    }
    assert_eq!(read_to(&mut stream, "3").await, ["1", "2", "3"]);

    // Seven more are stored while the line is down; the last two come live, too, before the resume has answered.
    log.lock().unwrap().extend((4..=10).map(note));
    fake.on("session.resume", |fake, params| {
        Box::pin(async move {
            fake.event(ID, note(9)).await;
            fake.event(ID, note(10)).await;
            fake.event(ID, ephemeral("e", "assistant.message_delta", json!({}))).await;
            fake.event(ID, note(11)).await;
            Ok(json!({"sessionId": params["sessionId"]}))
        })
    });
    fake.on("session.send", |_, _| Box::pin(std::future::pending()));
    let sending = session.send("x");
    let losing = async {
        fake.called("session.send", 1).await;
        fake.hang_up();
    };
    let (sent, ()) = tokio::join!(sending, losing);
    let error = sent.unwrap_err();
    assert!(matches!(error, SessionError::Interrupted { .. }), "{error:?}");
    assert!(error.to_string().contains("`session.send`") && !error.is_closed(), "{error}");

    let seen = read_to(&mut stream, "11").await;
    assert_eq!(seen, ["4", "5", "6", "7", "8", "9", "10", "e", "11"]);
    fake.answer("session.send", json!({"messageId": "m"}));
    assert_eq!(session.send("again").await.unwrap(), "m");
    let resumed = fake.calls("session.resume");
    insta::assert_json_snapshot!("reopened", resumed[0]);
    assert_eq!(resumed.len(), 1);
    while let Some(state) = states.next().await {
        if matches!(state, ConnectionState::Connected { reconnects: 1 }) {
            break;
        }
    }
    client.stop().await;
    assert!(matches!(client.connection(), ConnectionState::Closed { reason: CloseReason::Local }));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn more_than_is_kept_in_memory_is_read_from_the_log() {
    let fake = Fake::new();
    let log = keep_log(&fake);
    let client = returning(&fake, Client::builder()).await;
    let limits = EventLimits { durable_events: 3, ..EventLimits::default() };
    let session = client.create_session(SessionConfig::new().session_id(ID).event_limits(limits)).await.unwrap();
    let mut stream = session.subscribe_from_start();
    log.lock().unwrap().push(note(1));
    fake.event(ID, note(1)).await;
    assert_eq!(read_to(&mut stream, "1").await, ["1"]);
    log.lock().unwrap().extend((2..=20).map(note));
    fake.hang_up();
    let expected: Vec<String> = (2..=20).map(|id| id.to_string()).collect();
    assert_eq!(read_to(&mut stream, "20").await, expected);
}

#[tokio::test]
async fn a_server_that_forgot_the_last_events_goes_on_from_what_both_have() {
    let fake = Fake::new();
    let log = keep_log(&fake);
    let client = returning(&fake, Client::builder()).await;
    let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    let mut stream = session.subscribe_from_start();
    for id in 1..=4 {
        fake.event(ID, note(id)).await;
    }
    assert_eq!(read_to(&mut stream, "4").await, ["1", "2", "3", "4"]);
    // Of the four only two were stored; two others came since.
    log.lock().unwrap().extend([1, 2, 50, 51].map(note));
    fake.hang_up();
    assert_eq!(read_to(&mut stream, "51").await, ["50", "51"]);
}

#[tokio::test]
async fn a_session_that_was_never_stored_is_made_anew() {
    let fake = Fake::new();
    keep_log(&fake);
    let client = returning(&fake, Client::builder()).await;
    let session = client.create_session(SessionConfig::new().session_id(ID).name("n")).await.unwrap();
    let other = client.resume_session("other", SessionConfig::new()).await.unwrap();
    fake.refuse("session.resume", -32603, "Request session.resume failed with message: Session not found: x");
    fake.hang_up();
    let made = fake.called("session.create", 2).await;
    assert_eq!(made, fake.calls("session.create")[0]);
    // The one that was somebody else's is over.
    let mut ended = other.subscribe();
    assert!(tokio::time::timeout(PATIENCE, ended.next()).await.unwrap().is_none());
    fake.answer("session.send", json!({"messageId": "m"}));
    session.send("still there").await.unwrap();
}

#[tokio::test]
async fn questions_of_the_meantime_reach_the_handlers() {
    let fake = Fake::new();
    let log = keep_log(&fake);
    let client = returning(&fake, Client::builder()).await;
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let config = SessionConfig::new().session_id(ID).on_permission(move |ask: groundlink_session::PermissionAsk| {
        seen.lock().unwrap().push(ask.request_id);
        async { PermissionDecision::ApproveOnce }
    });
    client.create_session(config).await.unwrap();
    let question = |id: &str| {
        let request = json!({"kind": "shell", "fullCommandText": "ls", "intention": "look", "commands": [],
            "possiblePaths": [], "possibleUrls": [], "hasWriteFileRedirection": false, "canOfferSessionApproval": true});
        durable(id, "permission.requested", json!({"requestId": format!("r{id}"), "permissionRequest": request}))
    };
    log.lock().unwrap().extend([note(1), question("2")]);
    fake.answer(
        "session.permissions.pendingRequests",
        json!({"items": [{"requestId": "r2", "request": {"kind": "shell"}}]}),
    );
    fake.hang_up();
    let answered = fake.called("session.permissions.handlePendingPermissionRequest", 1).await;
    assert_eq!(answered["requestId"], "r2");
    assert_eq!(*asked.lock().unwrap(), ["r2"]);
}

#[tokio::test]
async fn after_the_last_attempt_it_is_over() {
    let fake = Fake::new();
    let connections = Arc::new(AtomicUsize::new(0));
    let (server, count) = (fake.clone(), Arc::clone(&connections));
    let connect = move || {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        let stream = first.then(|| server.accept());
        async move { stream.ok_or_else(|| std::io::Error::other("nobody there")) }
    };
    let client = Client::builder().reconnect(quick()).start_with(connect).await.unwrap();
    let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    let mut stream = session.subscribe();
    fake.hang_up();
    let end = tokio::time::timeout(PATIENCE, stream.next()).await.expect("it gives up");
    assert!(end.is_none());
    assert!(matches!(client.closed().await, CloseReason::EndOfStream));
    assert_eq!(connections.load(Ordering::Relaxed), 1 + 4);
    let error = session.send("x").await.unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    client.stop().await;
}

#[tokio::test]
async fn a_connector_that_fails_at_once_says_so() {
    let failing = || async { Err::<tokio::io::DuplexStream, _>(std::io::Error::other("no tunnel")) };
    let error = Client::builder().start_with(failing).await.unwrap_err().to_string();
    assert!(error.contains("no tunnel") && error.contains("connector"), "{error}");
}

#[tokio::test]
async fn stop_and_drop_end_a_reconnect_that_is_under_way() {
    for drop_it in [false, true] {
        let fake = Fake::new();
        let client = stuck(&fake, Client::builder()).await;
        let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
        let mut stream = session.subscribe();
        drop(session);
        fake.hang_up();
        let mut states = client.connections();
        while !matches!(states.next().await, Some(ConnectionState::Reconnecting { .. })) {}
        if drop_it {
            drop(client);
        } else {
            tokio::time::timeout(PATIENCE, client.stop()).await.expect("stop returns");
        }
        assert!(tokio::time::timeout(PATIENCE, stream.next()).await.expect("the stream ends").is_none());
    }
}

#[tokio::test]
async fn a_call_that_waits_for_the_connection_has_a_deadline() {
    let fake = Fake::new();
    let client = stuck(&fake, Client::builder().call_timeout(Duration::from_millis(50))).await;
    fake.hang_up();
    let error = client.auth_status().await.unwrap_err();
    assert!(matches!(error, SessionError::Timeout { .. } | SessionError::Interrupted { .. }), "{error:?}");
    let error = client.auth_status().await.unwrap_err();
    assert!(matches!(error, SessionError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn without_a_policy_a_loss_is_the_end() {
    let fake = Fake::new();
    let client = fake.client().await;
    let session = client.create_session(SessionConfig::new()).await.unwrap();
    fake.hang_up();
    assert!(matches!(client.closed().await, CloseReason::EndOfStream));
    assert!(matches!(session.send("x").await.unwrap_err(), SessionError::Closed { .. }));
}

/// The tools of a session that were changed while it was open, and what a program does in the CLI's place.
#[tokio::test]
async fn what_was_changed_since_is_said_again() {
    let fake = Fake::new();
    fake.answer("session.eventLog.read", json!({"events": [], "cursor": "0", "hasMore": false}));
    fake.answer("session.tools.set", Value::Null);
    fake.answer("session.tools.handlePendingToolCall", json!({"success": true}));
    fake.answer("llmInference.setProvider", json!({"success": true}));
    let models = |_: ModelRequest| async { Ok::<_, String>(ModelResponse::new(200, "")) };
    let client = returning(&fake, Client::builder().on_model_request(models)).await;
    let tool = |name: &str, says: &'static str| Tool::new(name, name).handler(move |_: ToolCall| async move { says });
    let config = SessionConfig::new().session_id(ID).tools([tool("first", "one"), tool("both", "before")]);
    let session = client.create_session(config).await.unwrap();
    session.set_tools([tool("both", "after"), tool("second", "two")]).await.unwrap();
    let names = |tools: &Value| -> Vec<String> {
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&fake.calls("session.tools.set")[0]["tools"]), ["both", "second"]);
    // Refused: as before.
    fake.refuse("session.tools.set", -32603, "`third` is taken");
    let error = session.set_tools([tool("third", "three")]).await.unwrap_err();
    assert!(error.to_string().contains("is taken"), "{error}");
    assert!(session.set_tools([tool("a b", "")]).await.is_err() && fake.calls("session.tools.set").len() == 2);
    let asked = |id: &str, name: &str| {
        durable(id, "external_tool.requested", json!({"requestId": id, "toolCallId": "x", "toolName": name}))
    };
    // Those that nobody has any more stay open: another client may have them.
    for (id, name) in [("1", "first"), ("2", "third"), ("3", "both"), ("4", "second")] {
        fake.event(ID, asked(id, name)).await;
    }
    fake.called("session.tools.handlePendingToolCall", 2).await;
    let mut said: Vec<_> = fake.calls("session.tools.handlePendingToolCall");
    said.sort_by_key(|call| call["requestId"].to_string());
    let said: Vec<_> =
        said.iter().map(|call| (&call["requestId"], call["result"]["textResultForLlm"].clone())).collect();
    assert_eq!(said, [(&json!("3"), json!("after")), (&json!("4"), json!("two"))]);

    fake.hang_up();
    let resumed = fake.called("session.resume", 1).await;
    assert_eq!(names(&resumed["tools"]), ["both", "second"]);
    assert_eq!(fake.calls("llmInference.setProvider").len(), 2);
}

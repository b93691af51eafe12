//! A client that comes back: its CLI is killed, hangs up or is overrun, and nothing is lost or done twice.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::session::{
    Client, CloseReason, ConnectionState, EventItem, EventLimits, EventStream, PermissionAsk, PermissionDecision,
    Reconnect, SessionError,
};
use groundlink_testkit::process::signal;
use groundlink_tests::offline::{Offline, turn};
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(2);

async fn kill(client: &Client) {
    signal("KILL", &[client.pid().expect("a CLI of our own")]).await;
}

/// Waits until the connection was restored so many times.
async fn restored(client: &Client, times: u64) {
    let mut states = client.connections();
    let waiting = async {
        while let Some(state) = states.next().await {
            match state {
                ConnectionState::Connected { reconnects } if reconnects >= times => return,
                ConnectionState::Closed { reason } => panic!("it gave up: {reason}"),
                _ => {}
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "the connection is restored");
}

/// The stored events of a stream up to the first of a kind, without what was shed.
async fn up_to(stream: &mut EventStream, kind: &str) -> Vec<(String, String)> {
    let reading = async {
        let mut seen = Vec::new();
        while let Some(item) = stream.next().await {
            let event = match item {
                EventItem::Event(event) => event,
                EventItem::Lagged(lagged) => {
                    assert_eq!(lagged.lost, 0);
                    continue;
                }
            };
            if !event.ephemeral() {
                seen.push((event.id().to_owned(), event.kind().to_owned()));
            }
            if event.kind() == kind {
                return seen;
            }
        }
        panic!("the stream ended: {seen:?}");
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the event comes")
}

fn nothing_twice(events: &[(String, String)]) {
    let ids: HashSet<_> = events.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), events.len(), "{events:?}");
}

#[tokio::test]
async fn a_cli_killed_in_the_middle_of_a_call_comes_back_with_its_sessions() {
    for over_tcp in [false, true] {
        let offline = Offline::new().await;
        let builder = offline.builder().reconnect(Reconnect::new());
        let builder = if over_tcp { builder.tcp_server(0) } else { builder };
        let client = builder.start().await.expect("the CLI starts");
        let timings = client.start_timings().expect("connected");
        assert!(timings.spawned <= timings.connected && timings.connected < timings.ready, "{timings:?}");
        let session = client.create_session(offline.config()).await.expect("a session");
        let mut stream = session.subscribe_from_start();
        turn(&session, "before").await;
        let mut seen = up_to(&mut stream, "session.idle").await;
        let first = client.pid();

        // A call that the CLI holds open until something happens.
        let tail = session.rpc().event_log().tail().await.expect("a cursor");
        let waiting = session.rpc().event_log().read_with(|params| {
            params.cursor = Some(tail.cursor);
            params.wait_ms = Some(30_000);
        });
        let dying = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            kill(&client).await;
        };
        let (answer, ()) = tokio::join!(waiting, dying);
        let error = answer.expect_err("nobody is there to answer");
        let SessionError::Interrupted { reason: CloseReason::Exited(exit), .. } = &error else {
            panic!("over_tcp {over_tcp}: {error:?}")
        };
        assert!(exit.status.is_some_and(|status| !status.success()), "{error}");

        restored(&client, 1).await;
        assert_ne!(client.pid(), first, "another process");
        turn(&session, "after").await;
        seen.extend(up_to(&mut stream, "session.idle").await);
        nothing_twice(&seen);
        let kinds: Vec<_> = seen.iter().map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "user.message").count(), 2, "{kinds:?}");
        let history = session.history().await.expect("the log");
        let told: HashSet<_> = seen.iter().map(|(id, _)| id.as_str()).collect();
        for event in &history {
            assert!(
                told.contains(event.id()),
                "over_tcp {over_tcp}: {} of kind {} was missed",
                event.id(),
                event.kind()
            );
        }
        client.stop().await;
        assert!(client.is_closed());
    }
}

#[tokio::test]
async fn a_cli_killed_in_the_middle_of_a_turn_takes_the_next_message() {
    let offline = Offline::new().await;
    let client = offline.builder().reconnect(Reconnect::new()).start().await.expect("the CLI starts");
    let session = client.create_session(offline.config()).await.expect("a session");
    let mut stream = session.subscribe_from_start();
    session.send("slow-stream-600").await.expect("taken");
    up_to(&mut stream, "assistant.message_delta").await;
    kill(&client).await;
    restored(&client, 1).await;
    // The turn died with its CLI; the session has not.
    assert!(!turn(&session, "after the kill").await.is_empty());
    client.stop().await;
}

#[tokio::test]
async fn a_question_that_was_open_when_the_cli_was_killed_is_never_answered_wrongly() {
    let offline = Offline::new().await;
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let (go, may_go) = tokio::sync::watch::channel(false);
    let config = offline.config().on_permission(move |ask: PermissionAsk| {
        seen.lock().expect("a lock").push(ask.request_id.clone());
        let mut may_go = may_go.clone();
        async move {
            let _ = may_go.wait_for(|go| *go).await;
            PermissionDecision::ApproveOnce
        }
    });
    let client = offline.builder().reconnect(Reconnect::new()).start().await.expect("the CLI starts");
    let session = client.create_session(config).await.expect("a session");
    let mut stream = session.subscribe_from_start();
    session.send("run-shell").await.expect("taken");
    up_to(&mut stream, "permission.requested").await;
    kill(&client).await;
    restored(&client, 1).await;
    go.send_replace(true);
    // Whatever became of the old question: the session works, and asks anew.
    turn(&session, &format!("tool:bash {}", json!({"command": "touch asked-anew", "description": "x"}))).await;
    assert!(offline.repo.has("asked-anew"));
    let asked = asked.lock().expect("a lock").clone();
    assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len(), "no question twice: {asked:?}");
    client.stop().await;
}

#[tokio::test]
async fn a_server_that_runs_on_keeps_the_turn_that_its_client_lost() {
    let offline = Offline::new().await;
    let server = offline.server().await;
    let proxy = groundlink_testkit::Proxy::start(server.address()).await;
    let client =
        Client::builder().cli_url(proxy.address()).reconnect(Reconnect::new()).start().await.expect("connected");
    let session = client.create_session(offline.config()).await.expect("a session");
    // Of a session that nobody has open any more, the CLI (1.0.102) ends the turn.
    let other = server.client().await;
    other.resume_session(session.id(), offline.config()).await.expect("the same session");
    let mut stream = session.subscribe_from_start();
    session.send("stream-text-60").await.expect("taken");
    let mut seen = up_to(&mut stream, "assistant.message_delta").await;
    proxy.cut();
    seen.extend(up_to(&mut stream, "assistant.message").await);
    restored(&client, 1).await;
    nothing_twice(&seen);
    let kinds: Vec<_> = seen.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "assistant.turn_start").count(), 1, "the same turn: {kinds:?}");
    client.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_stream_that_sleeps_through_many_events_misses_no_stored_one() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    // Small, so that the events are far more than what is kept.
    let limits = EventLimits { durable_events: 20, ephemeral_events: 20, ..EventLimits::default() };
    let session = client.create_session(offline.config().event_limits(limits)).await.expect("a session");
    let mut slow = session.subscribe_from_start();
    for round in 0..6 {
        turn(&session, &format!("fast-steps-20 of round {round}")).await;
    }
    let history = session.history().await.expect("the log");
    assert!(history.len() > 60, "{}", history.len());
    let expected: Vec<_> = history.iter().map(|event| event.id().to_owned()).collect();
    let mut got = Vec::new();
    while got.last() != expected.last() {
        match slow.next().await.expect("the session is open") {
            EventItem::Event(event) if !event.ephemeral() => got.push(event.id().to_owned()),
            EventItem::Event(_) => {}
            EventItem::Lagged(lagged) => assert_eq!(lagged.lost, 0, "a stored event is lost"),
        }
    }
    assert_eq!(got, expected, "in order, once each");
    client.stop().await;
}

#[tokio::test]
async fn a_stream_that_sleeps_through_a_hundred_thousand_events_can_account_for_all() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    // The number of events is what overflows, not the few that hold the whole text.
    let limits = EventLimits { ephemeral_bytes: 256 << 20, ..EventLimits::default() };
    let session = client.create_session(offline.config().event_limits(limits)).await.expect("a session");
    let (mut fast, mut slow) = (session.subscribe(), session.subscribe());
    session.send("burst-text-60000").await.expect("taken");
    let (mut all, mut stored) = (0u64, Vec::new());
    let reading = async {
        while let Some(item) = fast.next().await {
            let event = item.into_event().expect("a reader that keeps up misses nothing");
            all += 1;
            if !event.ephemeral() {
                stored.push(event.id().to_owned());
            }
            if event.kind() == "session.idle" {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE * 2, reading).await.is_ok(), "{all} events");
    let (mut seen, mut shed, mut kept) = (0u64, 0u64, Vec::new());
    let reading = async {
        while let Some(item) = slow.next().await {
            match item {
                EventItem::Lagged(lagged) => {
                    assert_eq!(lagged.lost, 0);
                    shed += lagged.shed;
                }
                EventItem::Event(event) => {
                    seen += 1;
                    if !event.ephemeral() {
                        kept.push(event.id().to_owned());
                    }
                    if event.kind() == "session.idle" {
                        return;
                    }
                }
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, reading).await.is_ok(), "{seen} events");
    assert!(all >= 100_000, "{all}");
    assert!(shed > 50_000, "{shed} of {all} were shed");
    assert_eq!(seen + shed, all, "each is seen or counted");
    assert_eq!(kept, stored, "none that is stored is missing");
    client.stop().await;
}

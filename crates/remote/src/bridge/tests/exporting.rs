//! Events on their way to the hub.

use super::*;

/// Every message on the wire, for review.
#[tokio::test]
async fn messages() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    session.say("session.start", false, r#"{"sessionId":"x","odd": 1.50}"#);
    let mut options = options(&hub);
    options.info = Some(info());
    let bridge = start(session.clone(), options).await.expect("to start");
    assert_eq!(bridge.link().as_str(), "http://127.0.0.1:9/t/k1");
    eventually("the history", || hub.events() == ["e1"]).await;
    session.say("assistant.message_delta", true, r#"{"messageId":"m","deltaContent":"Hel"}"#);
    eventually("the delta", || hub.events() == ["e1", "e2"]).await;
    hub.command("c1", "abort", "");
    eventually("the acknowledgement", || hub.completed() == ["c1"]).await;
    hub.command("c2", "mode_switch", r#"{"mode":"yolo"}"#);
    eventually("the refusal", || hub.rejected().len() == 1).await;
    let mut requests = hub.requests();
    // Uploads and polls are two conversations; sorted, they are the same every time.
    requests.sort();
    requests.dedup();
    let text = requests.join("----\n").replace(env!("CARGO_PKG_VERSION"), "[version]");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn history_then_live_without_repeats_or_noise() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    for n in 0..10 {
        session.say("user.message", false, &format!(r#"{{"content":"{n}"}}"#));
    }
    session.trouble_log(1);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    // These are in the log and in the live stream.
    session.say("user.message", false, "{}");
    session.say("model.call_start", true, "{}");
    session.say("session.idle", true, "{}");
    let expected: Vec<String> = (1..=13).filter(|n| *n != 12).map(|n| format!("e{n}")).collect();
    eventually("everything", || hub.events() == expected).await;
    let status = state(&bridge, "counted", |status| status.uploaded == 12).await;
    assert_eq!((status.state, status.waiting), (BridgeState::Live, 0));
}

#[tokio::test]
async fn faults_lose_and_disorder_nothing() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(429),
        Fault::Status(422),
        Fault::Status(302),
        Fault::Drop,
        Fault::DropAnswer,
        Fault::Slow(Duration::from_millis(100)),
        Fault::Drop,
    ] {
        hub.fault([fault]);
        session.say("user.message", false, "{}");
        session.say("session.idle", true, "{}");
        tokio::task::yield_now().await;
    }
    let expected: Vec<String> = (1..=18).map(|n| format!("e{n}")).collect();
    eventually("everything, in order", || hub.events() == expected).await;
    state(&bridge, "live again", |status| status.state == BridgeState::Live && status.waiting == 0).await;
}

#[tokio::test]
async fn an_outage_is_waited_for() {
    let (session, mut hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    session.say("user.message", false, "{}");
    eventually("the first", || hub.events() == ["e1"]).await;
    hub.vanish().await;
    session.say("user.message", false, "{}");
    let status = state(&bridge, "retrying", |status| matches!(status.state, BridgeState::Retrying { .. })).await;
    let BridgeState::Retrying { since, .. } = status.state else { unreachable!() };
    let refused = state(
        &bridge,
        "refused connections",
        |status| matches!(&status.state, BridgeState::Retrying { error, .. } if error.contains("refused")),
    );
    let BridgeState::Retrying { since: later, .. } = refused.await.state else { unreachable!() };
    assert_eq!(since, later, "the same outage");
    session.say("user.message", false, "{}");
    hub.listen().await;
    eventually("the rest", || hub.events() == ["e1", "e2", "e3"]).await;
    state(&bridge, "live again", |status| status.state == BridgeState::Live).await;
    hub.command("c1", "abort", "");
    eventually("commands as well", || hub.completed() == ["c1"]).await;
}

/// The session goes on at full speed; what waits is bounded, and everything arrives.
#[tokio::test]
async fn a_stalled_hub_does_not_hold_up_the_session() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let mut options = options(&hub);
    options.limits.kept_bytes = 20_000;
    let bridge = start(session.clone(), options).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.hold_uploads(true);
    let mut expected = Vec::new();
    for n in 0..2000 {
        if n % 4 == 3 {
            expected.push(session.say("user.message", false, &format!(r#"{{"content":"{n}"}}"#)));
        } else {
            session.say("assistant.message_delta", true, r#"{"messageId":"m"}"#);
        }
    }
    let status = state(&bridge, "full", |status| status.waiting > 50).await;
    assert!(status.waiting < 200, "{status:?}");
    hub.hold_uploads(false);
    eventually("every durable event", || {
        let mut durable = hub.events();
        durable.retain(|id| expected.contains(id));
        durable == expected
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_is_divided_and_one_event_left_out() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    hub.allow(2000);
    for n in 0..30 {
        let size = if n == 17 { 3000 } else { 200 };
        session.say("user.message", false, &format!(r#"{{"content":"{}"}}"#, "x".repeat(size)));
    }
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    let expected: Vec<String> = (1..=30).filter(|n| *n != 18).map(|n| format!("e{n}")).collect();
    eventually("all but one", || hub.events() == expected).await;
    let status = state(&bridge, "counted", |status| status.uploaded == 29).await;
    assert_eq!(status.left_out, 1);
}

#[tokio::test]
async fn a_hub_that_forgot_everything_gets_everything_again() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    for _ in 0..5 {
        session.say("user.message", false, "{}");
    }
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the history", || hub.events().len() == 5).await;
    hub.forget();
    session.say("user.message", false, "{}");
    eventually("all of it again", || hub.events().len() == 6).await;
    assert_eq!(hub.events(), ["e1", "e2", "e3", "e4", "e5", "e6"]);
    state(&bridge, "live", |status| status.state == BridgeState::Live).await;
    hub.command("c1", "abort", "");
    eventually("commands as well", || hub.completed() == ["c1"]).await;
}

/// Such a hub takes the next upload as the beginning of a session, so it has to be asked.
#[tokio::test]
async fn a_hub_that_lost_its_data_while_away_gets_everything_again() {
    let (session, mut hub) = (FakeSession::default(), FakeHub::start().await);
    hub.adopt();
    for _ in 0..3 {
        session.say("user.message", false, "{}");
    }
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the history", || hub.events().len() == 3).await;
    hub.vanish().await;
    hub.forget();
    state(&bridge, "noticed, with nothing to upload", |status| status.state != BridgeState::Live).await;
    hub.listen().await;
    eventually("all of it again", || hub.events() == ["e1", "e2", "e3"]).await;
    assert_eq!(hub.counts().0, 2, "attached again");
}

#[tokio::test]
async fn uploads_are_bounded_in_number_of_events() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.fault([Fault::Slow(Duration::from_millis(300))]);
    for _ in 0..1500 {
        session.say("user.message", false, "{}");
    }
    state(&bridge, "all uploaded", |status| status.uploaded == 1500).await;
    assert!(hub.largest() <= 500, "{}", hub.largest());
    assert!(hub.counts().1 < 20, "they shared uploads: {}", hub.counts().1);
}

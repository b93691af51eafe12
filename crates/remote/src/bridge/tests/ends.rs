//! Beginnings that fail, and ends.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn a_start_that_cannot_work_says_why() {
    let (session, mut hub) = (FakeSession::default(), FakeHub::start().await);

    let wrong = Options::new(hub.endpoint_with("glx_wrong_canary"));
    let error = start(session.clone(), wrong).await.expect_err("a wrong token");
    assert!(matches!(error, RemoteError::TokenRefused { status: 401, .. }), "{error}");

    let elsewhere = HubEndpoint::new(hub.endpoint().base().join("/elsewhere").expect("a URL"), TOKEN.into());
    let error = start(session.clone(), Options::new(elsewhere)).await.expect_err("not a hub");
    assert!(matches!(error, RemoteError::NotAHub { status: 404, .. }), "{error}");

    let newline = Options::new(hub.endpoint_with("two\nlines"));
    let error = start(session.clone(), newline).await.expect_err("not a header");
    assert!(matches!(error, RemoteError::Http(_)), "{error}");

    hub.vanish().await;
    let error = start(session.clone(), options(&hub)).await.expect_err("nobody there");
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("refused") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_token_that_is_no_longer_good_ends_the_bridge() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.change_token();
    session.say("user.message", false, "{}");
    let status = state(&bridge, "stopped", BridgeStatus::is_stopped).await;
    let BridgeState::Stopped { error: Some(error) } = status.state else { panic!("{status:?}") };
    assert!(error.contains("401") && !error.contains("canary"), "{error}");
}

#[tokio::test]
async fn stop_uploads_what_is_left() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.fault([Fault::Status(500)]);
    for _ in 0..1000 {
        session.say("user.message", false, "{}");
    }
    session.say("session.shutdown", false, "{}");
    let status = bridge.stop().await;
    assert_eq!(status.state, BridgeState::Stopped { error: None });
    assert_eq!((status.uploaded, status.waiting), (1001, 0));
    assert_eq!(hub.events().last().map(String::as_str), Some("e1001"));
    session.say("user.message", false, "{}");
    let (_, uploads, polls) = hub.counts();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((hub.counts().1, hub.counts().2), (uploads, polls), "silence afterwards");
}

#[tokio::test]
async fn stop_is_bounded_when_the_hub_is_away() {
    let (session, mut hub) = (FakeSession::default(), FakeHub::start().await);
    let mut options = options(&hub);
    options.flush_limit = Duration::from_millis(300);
    let bridge = start(session.clone(), options).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.vanish().await;
    session.say("user.message", false, "{}");
    let begun = Instant::now();
    let status = bridge.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(status.waiting, 1, "it says what was left: {status:?}");
    assert!(status.is_stopped());
}

#[tokio::test]
async fn the_end_of_the_session_is_uploaded_and_then_it_stops() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.fault([Fault::Status(500), Fault::Drop]);
    session.say("session.shutdown", false, "{}");
    session.end();
    let status = state(&bridge, "stopped", BridgeStatus::is_stopped).await;
    assert_eq!(status.state, BridgeState::Stopped { error: None });
    assert_eq!(hub.events(), ["e1"]);
}

#[tokio::test]
async fn dropping_the_handle_ends_it_at_once() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    assert!(!format!("{bridge:?}").contains("k1"), "the link is a secret");
    drop(bridge);
    tokio::task::yield_now().await;
    session.say("user.message", false, "{}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(hub.events().is_empty());
}

#[tokio::test]
async fn a_token_that_a_handler_gave_is_blanked_from_then_on() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    session.say("user.message", false, r#"{"content":"before"}"#);
    session.give("glc_canary_of_a_callback");
    let last = session.say("tool.execution_complete", false, r#"{"output":"it is glc_canary_of_a_callback"}"#);
    eventually("the upload", || hub.events().contains(&last)).await;
    let sent = hub.requests().join("\n");
    assert!(!sent.contains("canary_of_a_callback"), "{sent}");
    bridge.stop().await;
}

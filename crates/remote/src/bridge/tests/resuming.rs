//! A bridge that follows another one, and a hub that comes back with less than it had.

use super::*;

async fn told(session: &FakeSession, hub: &FakeHub, events: usize) -> BridgeHandle {
    let bridge = start(session.clone(), options(hub)).await.expect("to start");
    eventually("the history", || hub.events().len() == events).await;
    state(&bridge, "settled", |status| status.waiting == 0 && status.uploaded > 0).await;
    bridge
}

#[tokio::test]
async fn a_new_bridge_uploads_what_the_hub_does_not_have_yet() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    for n in 0..7 {
        session.say("user.message", n % 2 == 1, "{}");
    }
    drop(told(&session, &hub, 7).await);
    session.say("user.message", false, r#"{"source":"command-done"}"#);
    session.say("session.idle", true, "{}");
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("what was missing", || hub.events().len() == 9).await;
    session.say("user.message", false, "{}");
    let status = state(&bridge, "all of it", |status| status.uploaded == 3).await;
    assert_eq!((status.waiting, hub.repeats()), (0, 0), "nothing came twice: {status:?}");
    assert_eq!(hub.events(), (1..=10).map(|n| format!("e{n}")).collect::<Vec<_>>());

    // What is not uploaded again is learned from all the same.
    drop(bridge);
    let _bridge = start(session.clone(), options(&hub)).await.expect("to start");
    hub.command("done", "user_message", "again");
    eventually("the acknowledgement", || hub.completed() == ["done"]).await;
    assert!(session.applied().is_empty(), "{:?}", session.applied());
}

#[tokio::test]
async fn a_hub_that_names_nothing_or_something_unheard_of_is_given_everything() {
    for unheard_of in [false, true] {
        let (session, hub) = (FakeSession::default(), FakeHub::start().await);
        if unheard_of {
            hub.has("somebody-elses");
        } else {
            hub.be_silent();
        }
        for _ in 0..8 {
            session.say("user.message", false, "{}");
        }
        let bridge = start(session.clone(), options(&hub)).await.expect("to start");
        session.say("user.message", false, "{}");
        state(&bridge, "all of it", |status| status.uploaded == 9).await;
        assert_eq!(hub.repeats(), 0);
    }
}

#[tokio::test]
async fn a_hub_that_comes_back_with_less_is_given_the_rest_again() {
    let (session, mut hub) = (FakeSession::default(), FakeHub::start().await);
    for _ in 0..6 {
        session.say("user.message", false, "{}");
    }
    let bridge = told(&session, &hub, 6).await;
    hub.vanish().await;
    hub.forget_after("e2");
    session.say("user.message", false, "{}");
    state(&bridge, "noticed", |status| status.state != BridgeState::Live).await;
    hub.listen().await;
    let expected: Vec<String> = (1..=7).map(|n| format!("e{n}")).collect();
    eventually("the rest", || hub.events() == expected).await;
    state(&bridge, "live", |status| status.state == BridgeState::Live && status.waiting == 0).await;
    assert_eq!(hub.repeats(), 0);
}

/// The hub has more than it could say: that is no reason to start over.
#[tokio::test]
async fn an_answer_that_is_lost_is_no_loss() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.fault([Fault::DropAnswer]);
    for _ in 0..3 {
        session.say("user.message", false, "{}");
    }
    let status = state(&bridge, "uploaded", |status| status.uploaded == 3 && status.waiting == 0).await;
    assert_eq!(status.state, BridgeState::Live);
    assert_eq!(hub.counts().0, 1, "attached once");
}

#[tokio::test]
async fn who_may_only_watch_is_never_asked_for_commands() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let mut options = options(&hub);
    options.mode = RemoteMode::Export;
    let _bridge = start(session.clone(), options).await.expect("to start");
    hub.command("c1", "abort", "");
    session.say("user.message", false, "{}");
    eventually("the upload", || hub.events() == ["e1"]).await;
    assert_eq!(hub.counts().2, 0, "no poll");
    assert!(hub.requests()[0].contains(r#""view_only":true"#), "{}", hub.requests()[0]);
    assert!(session.applied().is_empty());
}

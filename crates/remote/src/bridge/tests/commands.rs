//! Commands on their way to the session.

use serde_json::json;

use super::*;

#[tokio::test]
async fn each_is_applied_once_and_acknowledged() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    hub.ignore_acks(true);
    hub.command("c1", "user_message", "hello");
    eventually("applied", || session.applied().len() == 1).await;
    // The hub goes on handing it out until it hears the acknowledgement.
    eventually("asked again", || hub.counts().2 > 2).await;
    hub.ignore_acks(false);
    eventually("acknowledged", || hub.completed().contains(&"c1".to_owned())).await;
    assert_eq!(session.applied(), [r#"Send { text: "hello", source: "command-c1", enqueue: false }"#]);
    let status = state(&bridge, "counted", |status| status.applied > 0).await;
    assert_eq!((status.applied, status.rejected), (1, 0));
}

#[tokio::test]
async fn several_at_once_keep_their_order() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    for n in 0..5 {
        hub.command(&format!("c{n}"), "user_message", &n.to_string());
    }
    let _bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("acknowledged", || hub.completed() == ["c0", "c1", "c2", "c3", "c4"]).await;
    let texts: Vec<bool> =
        session.applied().iter().enumerate().map(|(n, action)| action.contains(&format!("\"{n}\""))).collect();
    assert_eq!(texts, [true; 5]);
}

#[tokio::test]
async fn what_cannot_be_applied_is_refused_with_the_reason() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    session.say("user_input.requested", true, r#"{"requestId":"q","question":"Which?"}"#);
    let bridge = start(session.clone(), options(&hub)).await.expect("to start");
    hub.command("bad", "permission_response", "yes");
    hub.command("kind", "permission_response", r#"{"promptId":"q","approved":true}"#);
    hub.command("new", "teleport", "");
    hub.raw_command(json!({"id": "torn", "state": "in_progress"}));
    hub.raw_command(json!({"id": "later", "state": "queued", "type": "abort", "content": ""}));
    eventually("four refusals", || hub.rejected().len() == 4).await;
    session.refuse("the request is no longer pending");
    hub.command("late", "ask_user_response", r#"{"promptId":"q","answer":"red"}"#);
    eventually("five refusals", || hub.rejected().len() == 5).await;
    insta::assert_json_snapshot!(hub.rejected());
    assert!(session.applied().is_empty());
    let status = state(&bridge, "counted", |status| status.rejected == 5).await;
    assert_eq!(status.applied, 0);
}

#[tokio::test]
async fn a_message_that_the_history_shows_is_not_sent_again() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    session.say("user.message", false, r#"{"content":"hello","source":"command-c1"}"#);
    hub.command("c1", "user_message", "hello");
    let _bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("acknowledged", || hub.completed() == ["c1"]).await;
    assert!(session.applied().is_empty());
}

#[tokio::test]
async fn an_acknowledgement_survives_an_outage() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    let _bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    hub.fault([Fault::Status(500), Fault::Drop, Fault::Status(503)]);
    hub.command("c1", "abort", "");
    eventually("acknowledged", || hub.completed() == ["c1"]).await;
    assert_eq!(session.applied(), ["Abort"]);
}

#[tokio::test]
async fn a_server_that_does_not_hold_polls_is_not_hammered() {
    let (session, hub) = (FakeSession::default(), FakeHub::start().await);
    hub.hold_polls(false);
    let _bridge = start(session.clone(), options(&hub)).await.expect("to start");
    eventually("the poll", || hub.counts().2 == 1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(hub.counts().2, 1);
}

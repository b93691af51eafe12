//! The typed stubs against the real CLI: what the schemas promise, and what the user's snippet says.

use std::time::Duration;

use groundlink::protocol::types::{ApproveOnce, RemoteSessionMode};
use groundlink::session::SessionMode;
use groundlink_testkit::eventually;
use groundlink_tests::native::Rig;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn every_kind_of_stub_is_understood() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");

    // Of the client: without params, with optional ones.
    assert!(client.rpc().auth().get_status().await.expect("a status").is_authenticated);
    assert_eq!(
        client.rpc().ping_with(|params| params.message = Some("x".to_owned())).await.expect("a pong").message,
        "pong: x"
    );
    let models = client.rpc().models().list().await.expect("models").models;
    assert!(models.iter().any(|model| model.id == groundlink_testkit::github::MODEL), "{models:?}");

    // Of the session: the snippet of the official SDKs.
    let shared = session.rpc().remote().enable().await.expect("shared");
    assert!(shared.url.expect("a link").starts_with(&rig.link_prefix()));
    assert!(shared.remote_steerable);
    session.rpc().remote().disable().await.expect("not shared");
    let watched = session.rpc().remote().enable_with(|params| params.mode = Some(RemoteSessionMode::Export)).await;
    assert!(!watched.expect("shared to watch").remote_steerable);

    session.rpc().mode().set(SessionMode::Plan).await.expect("the mode is set");
    assert_eq!(session.rpc().mode().get().await.expect("the mode"), SessionMode::Plan);
    session.rpc().mode().set(SessionMode::Interactive).await.expect("the mode is set back");

    session.rpc().name().set("A better name").await.expect("renamed");
    let name = session.rpc().name().get().await.expect("the name").name;
    assert_eq!(name.as_deref(), Some("A better name"));

    let model = session.rpc().model().get_current().await.expect("the model").model_id;
    assert_eq!(model.as_deref(), Some(groundlink_testkit::github::MODEL));

    // An open request is listed and answered through stubs alone.
    let cursor = session.rpc().event_log().tail().await.expect("a cursor").cursor;
    session.rpc().send("run-shell").await.expect("sent");
    let pending = || async {
        session.rpc().permissions().pending_requests().await.expect("the open requests").items.into_iter().next()
    };
    let request = eventually("a permission request", PATIENCE, pending).await;
    let decision = ApproveOnce::default();
    let answered = session.rpc().permissions().handle_pending_permission_request(request.request_id, decision).await;
    assert!(answered.expect("answered").success);
    eventually("the command's proof", PATIENCE, || async { rig.repo.has("shell-proof.txt").then_some(()) }).await;
    let read = session.rpc().event_log().read_with(|params| params.cursor = Some(cursor)).await.expect("events");
    assert!(!read.events.is_empty());
    client.stop().await;
}

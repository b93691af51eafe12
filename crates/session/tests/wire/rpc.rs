//! The typed stubs, on the wire.

use groundlink_protocol::types::{PermissionDecision, RemoteSessionMode};
use groundlink_session::{SessionConfig, SessionError, SessionMode};
use serde_json::json;

use crate::fake::Fake;

const ID: &str = "33333333-3333-4333-8333-333333333333";

#[tokio::test]
async fn a_stub_fills_in_the_session_and_leaves_out_what_is_not_said() {
    let fake = Fake::new();
    let client = fake.client().await;
    let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    let enabled = json!({"url": "https://example.invalid/t/1", "remoteSteerable": true, "started": true});
    fake.answer("session.remote.enable", enabled);
    fake.answer("session.mode.set", json!({}));
    fake.answer("ping", json!({"message": "pong: x", "timestamp": "2026-01-01T00:00:00Z", "protocolVersion": 3}));
    fake.answer("auth.getStatus", json!({"isAuthenticated": false}));

    let shared = session.rpc().remote().enable().await.unwrap();
    assert_eq!(shared.url.as_deref(), Some("https://example.invalid/t/1"));
    session.rpc().remote().enable_with(|params| params.mode = Some(RemoteSessionMode::Export)).await.unwrap();
    session.rpc().mode().set(SessionMode::Plan).await.unwrap();
    let decision: PermissionDecision = serde_json::from_value(json!({"kind": "approve-once"})).unwrap();
    let taken = session.rpc().permissions().handle_pending_permission_request("r", decision).await.unwrap();
    assert!(taken.success);
    client.rpc().ping_with(|params| params.message = Some("x".to_owned())).await.unwrap();
    assert!(!client.rpc().auth().get_status().await.unwrap().is_authenticated);

    for (method, sent) in [
        ("session.remote.enable", json!([{"sessionId": ID}, {"sessionId": ID, "mode": "export"}])),
        ("session.mode.set", json!([{"sessionId": ID, "mode": "plan"}])),
        (
            "session.permissions.handlePendingPermissionRequest",
            json!([{"sessionId": ID, "requestId": "r", "result": {"kind": "approve-once"}}]),
        ),
        ("ping", json!([{"message": "x"}])),
        ("auth.getStatus", json!([{}])),
    ] {
        assert_eq!(json!(fake.calls(method)), sent, "{method}");
    }
}

#[tokio::test]
async fn a_stub_fails_as_any_call_does() {
    let fake = Fake::new();
    let client = fake.client().await;
    let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    fake.refuse("session.mode.get", -32603, "Session not found: x");
    let gone = session.rpc().mode().get().await.unwrap_err();
    assert!(matches!(gone, SessionError::SessionNotFound { id } if id == ID));
    fake.answer("session.mode.get", json!({"not": "a word"}));
    let unreadable = session.rpc().mode().get().await.unwrap_err();
    assert!(matches!(unreadable, SessionError::Call { .. }), "{unreadable}");
    assert!(unreadable.to_string().contains("session.mode.get"), "{unreadable}");
}

#[tokio::test]
async fn nothing_is_sent_before_a_stub_is_awaited() {
    let fake = Fake::new();
    let client = fake.client().await;
    let session = client.create_session(SessionConfig::new()).await.unwrap();
    drop(session.rpc().remote().disable());
    fake.answer("session.mode.get", json!("plan"));
    assert_eq!(session.rpc().mode().get().await.unwrap(), SessionMode::Plan);
    assert!(fake.calls("session.remote.disable").is_empty());
}

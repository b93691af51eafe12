use std::time::Duration;

use groundlink_session::{Client, SessionError};
use serde_json::json;

use crate::fake::Fake;

#[tokio::test]
async fn a_current_server_is_accepted_and_gets_no_token_it_did_not_ask_for() {
    let fake = Fake::new();
    let client = fake.client().await;
    assert_eq!((client.version().as_deref(), client.protocol_version()), (Some("9.9.9"), 3));
    assert_eq!(fake.calls("connect"), [json!({})]);
}

#[tokio::test]
async fn the_program_says_who_it_is_where_it_wants_to() {
    let fake = Fake::new();
    fake.start(Client::builder().application("portal", "2.4.0").integration("helper", "0.1.0")).await.unwrap();
    let info = json!({"editorName": "portal", "editorVersion": "2.4.0", "extensionName": "helper", "extensionVersion": "0.1.0"});
    assert_eq!(fake.calls("connect"), [json!({"clientInfo": info})]);
}

#[tokio::test]
async fn the_connection_token_is_presented_and_a_refusal_says_what_to_do() {
    let fake = Fake::new();
    let with_token = || Client::builder().connection_token("s3cret".to_owned().into());
    fake.start(with_token()).await.unwrap();
    assert_eq!(fake.calls("connect"), [json!({"token": "s3cret"})]);
    for (code, words) in [
        (-32001, "AUTHENTICATION_REQUIRED"),
        (-32002, "AUTHENTICATION_FAILED"),
        (-32003, "AUTHENTICATION_NOT_CONFIGURED"),
    ] {
        fake.refuse("connect", code, words);
        let error = fake.start(with_token()).await.unwrap_err();
        assert!(matches!(error, SessionError::ConnectionToken { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("connection_token") && text.contains(words), "{text}");
        assert!(!text.contains("s3cret") && !format!("{error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn other_protocol_versions_are_refused_by_name() {
    let table = [
        (json!({"ok": true, "protocolVersion": 2, "version": "0.1.0"}), "update the Copilot CLI"),
        (json!({"ok": true, "protocolVersion": 4, "version": "2.0.0"}), "update groundlink"),
    ];
    for (answer, advice) in table {
        let fake = Fake::new();
        fake.answer("connect", answer.clone());
        let text = fake.start(Client::builder()).await.unwrap_err().to_string();
        let version = answer["protocolVersion"].to_string();
        assert!(text.contains(&format!("version {version}")) && text.contains(advice), "{text}");
    }
}

#[tokio::test]
async fn a_server_without_connect_is_asked_by_ping() {
    let fake = Fake::new();
    fake.forget("connect");
    fake.answer("ping", json!({"message": "pong", "timestamp": "now", "protocolVersion": 3}));
    let client = fake.client().await;
    assert_eq!((client.version(), client.protocol_version()), (None, 3));

    fake.answer("ping", json!({"message": "pong"}));
    let error = fake.start(Client::builder()).await.unwrap_err();
    assert!(matches!(error, SessionError::ProtocolVersion { found: None, .. }), "{error:?}");
    assert!(error.to_string().contains("update the Copilot CLI"), "{error}");
}

#[tokio::test]
async fn silence_and_a_hang_up_are_told_apart() {
    let fake = Fake::new();
    fake.on("connect", |_, _| Box::pin(std::future::pending()));
    let hasty = Client::builder().start_timeout(Duration::from_millis(50));
    let error = fake.start(hasty).await.unwrap_err();
    assert!(matches!(error, SessionError::Timeout { .. }), "{error:?}");

    fake.on("connect", |fake, _| {
        fake.hang_up();
        Box::pin(std::future::pending())
    });
    let error = fake.start(Client::builder()).await.unwrap_err();
    assert!(matches!(error, SessionError::Closed { .. }), "{error:?}");
}

use std::time::Duration;

use groundlink_session::{
    Client, Message, MissionControl, Provider, SecretString, SendMode, SessionConfig, SessionError,
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::fake::{Fake, PATIENCE};

const ID: &str = "33333333-3333-4333-8333-333333333333";

#[tokio::test]
async fn create_and_resume_on_the_wire() {
    let fake = Fake::new();
    let client = fake.client().await;
    let config = || {
        SessionConfig::new()
            .name("a title")
            .working_directory("/work")
            .model("m")
            .provider(Provider::openai_completions("http://127.0.0.1:1").api_key(&"k".to_owned().into()))
            .streaming(true)
            .excluded_tools(["bash"])
            .ask_permission(true)
            .with(|params| params.reasoning_effort = Some("low".to_owned()))
    };
    assert!(!format!("{:?}", config()).contains("\"k\""), "a key is not printed");
    let made = client.create_session(config()).await.unwrap();
    assert_eq!(made.id().len(), 36);
    client.resume_session(ID, config()).await.unwrap();
    let redact = |mut params: serde_json::Value| {
        params["sessionId"] = "[id]".into();
        params
    };
    insta::assert_json_snapshot!("create", redact(fake.calls("session.create").remove(0)));
    insta::assert_json_snapshot!("resume", redact(fake.calls("session.resume").remove(0)));
}

#[tokio::test]
async fn a_session_knows_what_must_not_be_passed_on() {
    let fake = Fake::new();
    let secret = |text: &str| SecretString::from(text);
    let control = MissionControl {
        base_url: "http://127.0.0.1:1/mc".to_owned(),
        frontend_url: "http://127.0.0.1:1".to_owned(),
        access_token: secret("of-the-hub"),
        repository: None,
    };
    let builder = Client::builder().github_token(secret("of-github")).mission_control(control);
    let client = fake.start(builder.env("GH_TOKEN", "of-the-environment").env("PATH", "/bin")).await.unwrap();
    let provider = Provider::openai_completions("http://127.0.0.1:1").api_key(&secret("of-the-model"));
    let config = SessionConfig::new().github_token(&secret("of-the-session")).provider(provider);
    let session = client.create_session(config).await.unwrap();
    let known: Vec<_> = session.secrets().iter().map(|secret| secret.expose_secret().to_owned()).collect();
    assert_eq!(known, ["of-github", "of-the-hub", "of-the-environment", "of-the-session", "of-the-model"]);
    assert!(!format!("{session:?}").contains("of-the"), "nothing of it is printed");
}

#[tokio::test]
async fn messages_on_the_wire() {
    let fake = Fake::new();
    let session = fake.client().await.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    fake.answer("session.send", json!({"messageId": "m1"}));
    assert_eq!(session.send("hello").await.unwrap(), "m1");
    let steering = Message::text("stop")
        .mode(SendMode::Immediate)
        .source("command-7")
        .attachment(&json!({"type": "file", "path": "/x"}))
        .unwrap();
    session.send(steering).await.unwrap();
    let calls = fake.calls("session.send");
    assert_eq!(calls[0], json!({"sessionId": ID, "prompt": "hello"}));
    insta::assert_json_snapshot!("steering", calls[1]);
}

#[tokio::test]
async fn what_cannot_work_is_not_even_sent() {
    let fake = Fake::new();
    let client = fake.client().await;
    let table = [
        (SessionConfig::new().working_directory("relative"), "absolute"),
        (SessionConfig::new().session_id(""), "leave it out"),
    ];
    for (config, words) in table {
        let error = client.create_session(config).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(fake.calls("session.create").is_empty());
    let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    let twice = client.resume_session(ID, SessionConfig::new()).await.unwrap_err();
    assert!(twice.to_string().contains("open at this client"), "{twice}");
    assert_eq!(client.session(ID).unwrap().id(), session.id());
}

#[tokio::test]
async fn a_refused_session_leaves_nothing_behind() {
    let fake = Fake::new();
    let client = fake.client().await;
    fake.refuse("session.resume", -32603, "Request session.resume failed with message: Session not found: x");
    let error = client.resume_session(ID, SessionConfig::new()).await.unwrap_err();
    assert!(matches!(&error, SessionError::SessionNotFound { id } if id == ID), "{error:?}");
    assert!(client.session(ID).is_none());

    fake.on("session.create", |_, _| Box::pin(std::future::pending()));
    let creating = client.create_session(SessionConfig::new().session_id(ID));
    assert!(tokio::time::timeout(Duration::from_millis(20), creating).await.is_err());
    assert!(client.session(ID).is_none(), "a caller that gives up forgets the session");

    fake.refuse("session.create", -32603, "Request session.create failed with message: no such model");
    let error = client.create_session(SessionConfig::new()).await.unwrap_err().to_string();
    assert_eq!(error, "the CLI refused `session.create`: no such model (code -32603)");
}

#[tokio::test]
async fn stop_ends_what_is_ours_and_leaves_what_is_not() {
    let fake = Fake::new();
    let client = fake.client().await;
    let made = client.create_session(SessionConfig::new()).await.unwrap();
    client.resume_session(ID, SessionConfig::new()).await.unwrap();
    client.stop().await;
    client.stop().await;
    let destroyed = fake.calls("session.destroy");
    assert_eq!(destroyed, [json!({"sessionId": made.id()})], "others may use a resumed session of this server");
    assert!(fake.calls("runtime.shutdown").is_empty(), "we did not start this server");
    assert!(client.is_closed());
    let error = made.send("x").await.unwrap_err();
    assert!(error.is_closed() && error.to_string().contains("start a new client"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn stop_is_bounded() {
    let fake = Fake::new();
    let client = fake.client().await;
    for _ in 0..3 {
        client.create_session(SessionConfig::new()).await.unwrap();
    }
    fake.on("session.destroy", |_, _| Box::pin(std::future::pending()));
    tokio::time::timeout(PATIENCE, client.stop()).await.expect("a server that does not answer holds nothing up");
}

#[tokio::test]
async fn handles_keep_the_connection_and_streams_do_not() {
    let fake = Fake::new();
    let client = fake.client().await;
    let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    let mut stream = session.subscribe();
    drop(client);
    fake.answer("session.send", json!({"messageId": "m"}));
    session.send("still there").await.unwrap();
    drop(session);
    let end = tokio::time::timeout(PATIENCE, stream.next()).await.expect("the connection closes");
    assert!(end.is_none());
}

#[tokio::test]
async fn an_external_server_that_is_not_there() {
    // Port 9 of this machine: the discard service, which nobody runs.
    for (url, words) in [("127.0.0.1:9", "check that the server runs"), ("ftp://x", "HOST:PORT")] {
        let error = Client::builder().cli_url(url).start().await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

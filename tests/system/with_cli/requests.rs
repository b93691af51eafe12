//! What the real CLI asks of a client directly: sections of the system message, tokens. Some of it before
//! `session.create` is answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::session::{
    Deadlines, GitHubToken, GitHubTokenAsk, HandlerKind, InMemoryFs, ProviderTokenAsk, SecretString, SectionText,
    SessionFsConfig, SystemMessage,
};
use groundlink_testkit::github::Seen;
use groundlink_tests::native::Rig;
use groundlink_tests::offline::{Offline, turn};
use serde_json::Value;

#[tokio::test]
async fn sections_of_the_system_message_are_made_here_and_stay_when_that_fails() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let system = SystemMessage::customize()
        .transform("tone", |section: SectionText| async move {
            assert_eq!(section.id, "tone");
            format!("{} And like a pirate of the tests.", section.content)
        })
        .transform("guidelines", |_: SectionText| async { panic!("on purpose") })
        .transform("safety", |_: SectionText| std::future::pending());
    let config = offline
        .config()
        .deadlines(Deadlines::default().within(HandlerKind::Transform, Duration::from_secs(1)))
        .system_message(&system)
        .expect("a system message");
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe_from_start();
    turn(&session, "hello").await;
    let message = events.next_of_kind("system.message").await.expect("a system message");
    let message: Value = serde_json::from_str(message.data_raw().get()).expect("JSON");
    let text = message["content"].as_str().expect("text");
    assert!(text.contains("And like a pirate of the tests."), "{text}");
    client.stop().await;
}

#[tokio::test]
async fn the_model_providers_token_is_asked_for() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = Arc::clone(&asked);
    let config = offline.config().on_provider_token(move |ask: ProviderTokenAsk| {
        asks.lock().expect("a lock").push(ask);
        async { Ok::<_, String>(SecretString::from("a-token-of-the-tests")) }
    });
    let session = client.create_session(config).await.expect("a session");
    assert!(turn(&session, "hello").await.contains("hello"));
    let asked: Vec<ProviderTokenAsk> = asked.lock().expect("a lock").clone();
    assert!(asked.iter().any(|ask| ask.session_id == session.id()), "{asked:?}");
    assert_eq!(asked[0].provider_name.as_deref(), Some("default"));

    // No token, no answer of the model's; the turn ends with an error.
    let config = offline.config().on_provider_token(|_: ProviderTokenAsk| async { Err("none today") });
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe();
    turn(&session, "hello").await;
    events.next_of_kind("session.error").await.expect("an error");
    client.stop().await;
}

#[tokio::test]
async fn a_github_token_is_asked_for_while_the_session_is_being_made() {
    let rig = Rig::start().await;
    let client = rig.signed_in(groundlink::session::Client::builder()).start().await.expect("the CLI starts");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = Arc::clone(&asked);
    let token = rig.account.token().to_owned();
    let config = rig.config().on_github_token(move |ask: GitHubTokenAsk| {
        asks.lock().expect("a lock").push(ask);
        let token = SecretString::from(token.as_str());
        async move { GitHubToken::new(token, Duration::from_hours(8)).ok() }
    });
    let session = client.create_session(config).await.expect("a session");
    {
        let asked = asked.lock().expect("a lock");
        assert!(!asked.is_empty() && !asked[0].refresh, "asked before the session was there: {asked:?}");
        assert_eq!(asked[0].session_id, session.id());
        assert_eq!(asked[0].host.as_deref(), Some("https://github.com"));
    }
    assert!(GitHubToken::new(SecretString::from("x"), Duration::from_hours(1)).is_err(), "refused before it is sent");
    turn(&session, "hello").await;

    // One that is given for a session goes before the account's.
    let own = format!("gho_own{}", uuid::Uuid::new_v4().simple());
    let config = rig.config().github_token(&SecretString::from(own.as_str()));
    let session = client.create_session(config).await.expect("a session");
    let before = rig.account.github().requests().len();
    turn(&session, "hello").await;
    let requests = rig.account.github().requests().split_off(before);
    let asked = requests.iter().filter(|seen| seen.path.contains("chat/completions")).collect::<Vec<_>>();
    let with_own = |seen: &&Seen| seen.authorization.as_deref().is_some_and(|value| value.contains(&own));
    assert!(!asked.is_empty() && asked.iter().all(with_own), "{requests:?}");
    client.stop().await;
}

#[tokio::test]
async fn sessions_files_are_kept_here() {
    let offline = Offline::new().await;
    let files = Arc::new(InMemoryFs::new());
    let place = SessionFsConfig::new(offline.repo.path().display().to_string(), "/state");
    let start = || offline.builder().session_fs(place.clone(), Arc::clone(&files)).start();
    let client = start().await.expect("the CLI starts");
    // The CLI asks before it has answered `session.create`: without answers this would never return.
    let session = client.create_session(offline.config()).await.expect("a session");
    let id = session.id().to_owned();
    assert!(!files.files(&id).is_empty(), "asked while the session was being made");
    turn(&session, "said into memory").await;
    client.stop().await;
    let events = files.content(&id, "/state/events.jsonl");
    assert!(events.is_some_and(|text| text.contains("said into memory")), "{:?}", files.files(&id));

    // Another CLI finds the session there.
    let client = start().await.expect("the CLI starts");
    let session = client.resume_session(&id, offline.config()).await.expect("the same session");
    let history = session.history().await.expect("the history");
    assert!(history.iter().any(|event| event.data_raw().get().contains("said into memory")));
    client.stop().await;
}

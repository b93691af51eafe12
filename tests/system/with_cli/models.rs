//! The program answers the requests to models that the real CLI would make over the network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream;
use groundlink::ModelForwarder;
use groundlink::session::{ApproveAll, ModelRequest, ModelResponse, Provider, SessionConfig, SessionError};
use groundlink_testkit::eventually;
use groundlink_tests::offline::{Offline, turn};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody is there.
const NOWHERE: &str = "http://model.invalid/v1";

type Seen = Arc<Mutex<Vec<ModelRequest>>>;

fn config(offline: &Offline) -> SessionConfig {
    offline.config().provider(Provider::openai_completions(NOWHERE)).on_permission(ApproveAll)
}

/// A piece of an answer, as models stream it.
fn piece(delta: &Value, end: Option<&str>) -> String {
    json!({"id": "c", "object": "chat.completion.chunk", "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": end}]})
    .to_string()
}

/// An answer that nobody reads to its end.
struct Unfinished(Arc<AtomicUsize>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_program_itself_is_the_model() {
    let offline = Offline::new().await;
    let (seen, left) = (Seen::default(), Arc::new(AtomicUsize::new(0)));
    let (asked, leaving) = (Arc::clone(&seen), Arc::clone(&left));
    let builder = offline.builder().on_model_request(move |request: ModelRequest| {
        asked.lock().expect("a lock").push(request.clone());
        let unfinished = Unfinished(Arc::clone(&leaving));
        async move {
            let text = String::from_utf8_lossy(&request.body);
            if text.contains("go on for ever") {
                let words = stream::unfold(unfinished, |unfinished| async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some((piece(&json!({"role": "assistant", "content": "and on "}), None), unfinished))
                });
                return Ok(ModelResponse::events(words));
            }
            let asked: Value = request.json()?;
            let last = asked["messages"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
            let said = format!("I have read what a {} said.", last["role"].as_str().unwrap_or("nobody"));
            let pieces = [
                piece(&json!({"role": "assistant", "content": said}), None),
                piece(&json!({}), Some("stop")),
                "[DONE]".to_owned(),
            ];
            Ok::<_, SessionError>(ModelResponse::events(stream::iter(pieces)))
        }
    });
    let client = builder.start().await.expect("the CLI starts");
    let session = client.create_session(config(&offline)).await.expect("a session");
    assert_eq!(turn(&session, "hello").await, "I have read what a user said.");
    let request = seen.lock().expect("a lock").iter().find(|seen| seen.path() == "/v1/chat/completions").cloned();
    let request = request.expect("a request to the model");
    assert_eq!((request.method.as_str(), request.session_id.as_deref()), ("POST", Some(session.id())));
    assert!(request.headers.contains_key("content-type"), "{request:?}");

    // Words arrive while the answer goes on, and with the turn its work ends.
    let before = left.load(Ordering::Relaxed);
    let mut events = session.subscribe();
    session.send("go on for ever").await.expect("it is taken");
    events.next_of_kind("assistant.message_delta").await.expect("a word");
    session.abort().await.expect("aborted");
    eventually("the answer was dropped", PATIENCE, || async { (left.load(Ordering::Relaxed) > before).then_some(()) })
        .await;
    client.stop().await;
}

#[tokio::test]
async fn requests_to_models_are_passed_on_or_fail_in_the_programs_words() {
    let offline = Offline::new().await;
    let (forwarder, model) = (ModelForwarder::new(), offline.model.base_url());
    let builder = offline.builder().on_model_request(move |mut request: ModelRequest| {
        let (forwarder, model) = (forwarder.clone(), model.clone());
        async move {
            let text = String::from_utf8_lossy(&request.body);
            assert!(!text.contains("break the program"), "on purpose");
            if text.contains("in no mood") {
                return Err("the program is in no mood".to_owned());
            }
            request.url = request.url.replace(NOWHERE, &model);
            forwarder.send(request).await
        }
    });
    let client = builder.start().await.expect("the CLI starts");
    let session = client.create_session(config(&offline)).await.expect("a session");
    turn(&session, "run-shell").await;
    assert!(offline.repo.has("shell-proof.txt"), "the model's call was carried out");
    // The CLI tries again before it gives up; both at once.
    let failing = async |prompt: &str, reason: &str| {
        let session = client.create_session(config(&offline)).await.expect("a session");
        let mut events = session.subscribe();
        turn(&session, prompt).await;
        let error = events.next_of_kind("session.error").await.expect("an error");
        assert!(error.data_raw().get().contains(reason), "{}", error.data_raw());
    };
    tokio::join!(
        failing("in no mood", "the program is in no mood"),
        failing("break the program", "the handler panicked")
    );
    client.stop().await;
}

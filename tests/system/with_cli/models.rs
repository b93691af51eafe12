//! The program answers the requests to models that the real CLI would make over the network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream;
use groundlink::ModelForwarder;
use groundlink::session::{
    ApproveAll, ModelMessage, ModelRequest, ModelRequestHandler, ModelResponse, ModelSocket, Provider, SecretString,
    SessionConfig, SessionError,
};
use groundlink_testkit::eventually;
use groundlink_tests::offline::{Offline, turn};
use serde_json::value::to_raw_value;
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

/// Speaks `OpenAI`'s responses over a WebSocket.
#[derive(Clone, Default)]
struct Talker(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl ModelRequestHandler for Talker {
    async fn answer(&self, _request: ModelRequest) -> Result<ModelResponse, String> {
        Ok(ModelResponse::new(404, ""))
    }

    fn takes_sockets(&self) -> bool {
        true
    }

    async fn socket(&self, request: ModelRequest, mut socket: ModelSocket) -> Result<(), String> {
        assert_eq!(request.path(), "/v1/responses");
        let text = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
        let item = |status: &str, content: &[Value]| json!({"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": content});
        let response = |status: &str, output: &[Value]| {
            let usage = json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2});
            json!({"id": "resp_1", "object": "response", "status": status, "model": "m", "output": output, "usage": usage})
        };
        while let Some(message) = socket.next().await {
            let ModelMessage::Text(asked) = message else { continue };
            let asked: Value = serde_json::from_str(&asked).map_err(|error| error.to_string())?;
            assert_eq!(asked["type"], "response.create");
            let words = "Over a socket.";
            let at = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0});
            let done = item("completed", &[text(words)]);
            for (kind, more) in [
                ("response.created", json!({"response": response("in_progress", &[])})),
                ("response.output_item.added", json!({"output_index": 0, "item": item("in_progress", &[])})),
                ("response.content_part.added", json!({"part": text("")})),
                ("response.output_text.delta", json!({"delta": words})),
                ("response.output_text.done", json!({"text": words})),
                ("response.output_item.done", json!({"output_index": 0, "item": done})),
                ("response.completed", json!({"response": response("completed", std::slice::from_ref(&done))})),
            ] {
                let mut event = at.clone();
                event["type"] = kind.into();
                event.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
                socket.send(event.to_string()).await.map_err(|error| error.to_string())?;
            }
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn the_program_speaks_over_a_websocket_in_the_models_place() {
    let offline = Offline::new().await;
    let talker = Talker::default();
    let client = offline.builder().on_model_request(talker.clone()).start().await.expect("the CLI starts");
    let provider = Provider::openai_responses(NOWHERE).with(|wire| wire.transport = Some("websockets".to_owned()));
    let session = client.create_session(offline.config().provider(provider)).await.expect("a session");
    for _ in 0..2 {
        assert_eq!(turn(&session, "hello").await, "Over a socket.");
    }
    session.destroy().await.expect("ended");
    eventually("the socket is closed", PATIENCE, || async { (talker.0.load(Ordering::Relaxed) > 0).then_some(()) })
        .await;
    client.stop().await;
}

#[tokio::test]
async fn every_kind_of_provider_is_asked_at_its_own_path() {
    let offline = Offline::new().await;
    let seen = Seen::default();
    let asked = Arc::clone(&seen);
    let builder = offline.builder().on_model_request(move |request: ModelRequest| {
        asked.lock().expect("a lock").push(request);
        let refused = json!({"error": {"message": "not today", "type": "invalid_request_error"}});
        async move { ModelResponse::json(400, &refused) }
    });
    let client = builder.start().await.expect("the CLI starts");
    let key = SecretString::from("a-key-of-the-tests");
    let azure = || Provider::azure("http://model.invalid");
    let version = to_raw_value(&json!({"apiVersion": "2024-10-21"})).ok();
    // The provider, where the CLI asks it, and the header with the key.
    let table = [
        (Provider::openai_completions(NOWHERE), "/v1/chat/completions", "authorization"),
        (Provider::openai_responses(NOWHERE), "/v1/responses", "authorization"),
        (Provider::anthropic("http://model.invalid"), "/v1/messages", "x-api-key"),
        (azure(), "/openai/v1/chat/completions", "api-key"),
        (azure().with(|wire| wire.azure = version), "/openai/deployments/scripted/chat/completions", "api-key"),
    ];
    for (provider, path, header) in table {
        let config = offline.config().provider(provider.api_key(&key));
        let session = client.create_session(config).await.expect("a session");
        turn(&session, "hello").await;
        let requests: Vec<ModelRequest> = std::mem::take(&mut *seen.lock().expect("a lock"));
        let request = requests.iter().find(|request| request.method == "POST").expect("a request to the model");
        assert_eq!(request.path(), path, "{}", request.url);
        let sent = request.headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(sent.ends_with("a-key-of-the-tests"), "{path}: {:?}", request.headers);
    }
    client.stop().await;
}

//! Requests to models that the program answers: `llmInference.*`.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use groundlink_session::{
    Client, ClientBuilder, Deadlines, HandlerKind, ModelMessage, ModelRequest, ModelRequestHandler, ModelResponse,
    ModelSocket,
};
use serde_json::{Value, json};

use crate::fake::{Fake, PATIENCE};

const START: &str = "llmInference.httpRequestStart";
const CHUNK: &str = "llmInference.httpRequestChunk";
const HEAD: &str = "llmInference.httpResponseStart";
const BODY: &str = "llmInference.httpResponseChunk";

/// Counts those that are there.
#[derive(Clone, Default)]
struct Present(Arc<AtomicUsize>);

struct Here(Arc<AtomicUsize>);

impl Present {
    fn enter(&self) -> Here {
        self.0.fetch_add(1, Ordering::Relaxed);
        Here(Arc::clone(&self.0))
    }

    async fn until(&self, count: usize) {
        let waiting = async {
            while self.0.load(Ordering::Relaxed) != count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never {count}"));
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does what the address says.
#[derive(Clone, Default)]
struct Model(Present);

#[async_trait::async_trait]
impl ModelRequestHandler for Model {
    async fn answer(&self, request: ModelRequest) -> Result<ModelResponse, String> {
        let here = self.0.enter();
        match request.path() {
            "/echo" => {
                let text =
                    format!("{} {} {:?}", request.method, request.headers["x-a"].to_str().unwrap(), request.session_id);
                let mut body = text.into_bytes();
                body.extend_from_slice(&request.body);
                Ok(ModelResponse::new(200, body))
            }
            "/json" => ModelResponse::json(429, &json!({"error": {}})).map_err(|error| error.to_string()),
            "/pieces" => Ok(ModelResponse::stream(
                200,
                stream::iter([Ok::<_, String>(vec![0xc3]), Ok(vec![0xa9]), Ok("!".into())]),
            )),
            "/events" => Ok(ModelResponse::events(stream::iter(["{\"a\":1}", "[DONE]"]))),
            "/breaks" => Ok(ModelResponse::stream(
                200,
                stream::iter([Ok("half".as_bytes().to_vec()), Err("the upstream is gone")]),
            )),
            "/stalls" => Ok(ModelResponse::stream(200, stream::pending::<Result<Vec<u8>, String>>())),
            "/endless" => Ok(ModelResponse::stream(
                200,
                stream::unfold(here, |here| async { Some((Ok::<_, String>("more "), here)) }),
            )),
            "/odd" => Ok(ModelResponse::new(7, "")),
            "/fails" => Err("not today".to_owned()),
            "/panics" => panic!("on purpose"),
            _ => pending().await,
        }
    }

    fn takes_sockets(&self) -> bool {
        true
    }

    async fn socket(&self, request: ModelRequest, mut socket: ModelSocket) -> Result<(), String> {
        let _here = self.0.enter();
        assert_eq!(request.path(), "/socket");
        while let Some(message) = socket.next().await {
            match message {
                ModelMessage::Text(text) if text == "leave" => return Err("enough".to_owned()),
                ModelMessage::Text(text) => socket.send(format!("{text}!")).await,
                ModelMessage::Binary(bytes) => socket.send(ModelMessage::Binary(bytes)).await,
            }
            .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

async fn start(fake: &Fake, builder: ClientBuilder) -> Client {
    fake.answer("llmInference.setProvider", json!({"success": true}));
    for method in [HEAD, BODY] {
        fake.answer(method, json!({"accepted": true}));
    }
    fake.start(builder).await.expect("a client")
}

fn head(id: &str, path: &str) -> Value {
    json!({
        "requestId": id, "sessionId": "s1", "method": "POST", "url": format!("http://model.invalid{path}"),
        "headers": {"x-a": ["b"]}, "transport": "http",
    })
}

/// What the client said to a request, up to its end.
async fn answer(fake: &Fake, id: &str) -> Vec<Value> {
    let of = |value: &Value| value["requestId"] == id;
    let mut seen = 0;
    loop {
        seen += 1;
        if fake.called(BODY, seen).await["end"] == true && of(&fake.calls(BODY)[seen - 1]) {
            let mut said: Vec<Value> = fake.calls(HEAD).into_iter().chain(fake.calls(BODY)).filter(of).collect();
            for frame in &mut said {
                frame.as_object_mut().expect("an object").remove("requestId");
            }
            return said;
        }
    }
}

async fn ask(fake: &Fake, id: &str, path: &str) -> Vec<Value> {
    assert_eq!(fake.ask(START, head(id, path)).await.unwrap(), json!({}));
    assert_eq!(fake.ask(CHUNK, json!({"requestId": id, "data": "", "end": true})).await.unwrap(), json!({}));
    answer(fake, id).await
}

#[tokio::test(start_paused = true)]
async fn every_request_is_answered_whatever_the_handler_does() {
    let fake = Fake::new();
    let deadlines = Deadlines::default().within(HandlerKind::ModelRequest, Duration::from_secs(3));
    let _client = start(&fake, Client::builder().on_model_request(Model::default()).deadlines(deadlines)).await;
    assert_eq!(fake.calls("llmInference.setProvider").len(), 1);
    let end = json!({"data": "", "end": true});
    let begin = |status: u16, kind: Option<&str>| {
        let headers = kind.map_or_else(|| json!({}), |kind| json!({"content-type": [kind]}));
        json!({"status": status, "headers": headers})
    };
    let failed = |reason: &str| json!({"data": "", "end": true, "error": {"message": reason}});
    let gateway = || begin(502, Some("text/plain; charset=utf-8"));
    let late = "the handler gave no answer within 3s";
    for (path, said) in [
        ("/echo", vec![begin(200, None), json!({"data": "POST b Some(\"s1\")"}), end.clone()]),
        ("/json", vec![begin(429, Some("application/json")), json!({"data": "{\"error\":{}}"}), end.clone()]),
        (
            "/pieces",
            vec![
                begin(200, None),
                json!({"data": "ww==", "binary": true}),
                json!({"data": "qQ==", "binary": true}),
                json!({"data": "!"}),
                end.clone(),
            ],
        ),
        (
            "/events",
            vec![
                begin(200, Some("text/event-stream")),
                json!({"data": "data: {\"a\":1}\n\n"}),
                json!({"data": "data: [DONE]\n\n"}),
                end.clone(),
            ],
        ),
        ("/breaks", vec![begin(200, None), json!({"data": "half"}), failed("the upstream is gone")]),
        ("/stalls", vec![begin(200, None), failed(late)]),
        ("/odd", vec![gateway(), failed("7 is no status")]),
        ("/fails", vec![gateway(), failed("not today")]),
        ("/panics", vec![gateway(), failed("the handler panicked")]),
        ("/hangs", vec![gateway(), failed(late)]),
    ] {
        assert_eq!(ask(&fake, path, path).await, said, "{path}");
    }
}

#[tokio::test]
async fn bodies_come_in_any_pieces_and_order() {
    let fake = Fake::new();
    let _client = start(&fake, Client::builder().on_model_request(Model::default())).await;
    // All of the body before its request.
    for chunk in [
        json!({"requestId": "r", "data": " h"}),
        json!({"requestId": "r", "data": "w6k=", "binary": true}),
        json!({"requestId": "r", "data": "!", "end": true}),
    ] {
        fake.ask(CHUNK, chunk).await.unwrap();
    }
    assert!(fake.ask(CHUNK, json!({"requestId": "r", "data": "?", "binary": true})).await.is_err());
    fake.ask(START, head("r", "/echo")).await.unwrap();
    assert_eq!(answer(&fake, "r").await[1]["data"], "POST b Some(\"s1\") hé!");
    // What never gets its request is forgotten in the end; what has one is served all the same.
    for number in 0..200 {
        fake.ask(CHUNK, json!({"requestId": format!("stray-{number}"), "data": "x"})).await.unwrap();
    }
    assert_eq!(ask(&fake, "after", "/json").await[0]["status"], 429);
    assert!(fake.ask("llmInference.somethingElse", json!({})).await.unwrap_err().is_method_not_found());
}

#[tokio::test]
async fn work_ends_when_nobody_wants_it() {
    let (fake, model) = (Fake::new(), Model::default());
    let client = start(&fake, Client::builder().on_model_request(model.clone())).await;
    let open = async |id: &str, path: &str| {
        fake.ask(START, head(id, path)).await.unwrap();
        fake.ask(CHUNK, json!({"requestId": id, "data": "", "end": true})).await.unwrap();
        model.0.until(1).await;
    };
    // The CLI takes it back.
    open("one", "/hangs").await;
    fake.ask(CHUNK, json!({"requestId": "one", "data": "", "cancel": true})).await.unwrap();
    model.0.until(0).await;
    // It lets the answer go.
    open("two", "/endless").await;
    fake.called(BODY, 3).await;
    fake.answer(BODY, json!({"accepted": false}));
    model.0.until(0).await;
    // The client stops.
    open("three", "/hangs").await;
    client.stop().await;
    model.0.until(0).await;
    assert!(fake.calls(BODY).iter().all(|said| said["requestId"] == "two"), "nothing is said to the others");
}

#[tokio::test]
async fn websockets_are_spoken_over_until_one_side_leaves() {
    let (fake, model) = (Fake::new(), Model::default());
    let _client = start(&fake, Client::builder().on_model_request(model.clone())).await;
    let open = async |id: &str| {
        let mut request = head(id, "/socket");
        request["transport"] = "websocket".into();
        fake.ask(START, request).await.unwrap();
        model.0.until(1).await;
    };
    let say = async |id: &str, message: Value| {
        let mut message = message;
        message["requestId"] = id.into();
        fake.ask(CHUNK, message).await.unwrap();
    };
    open("w1").await;
    assert_eq!(fake.called(HEAD, 1).await, json!({"requestId": "w1", "status": 101, "headers": {}}));
    say("w1", json!({"data": "a"})).await;
    assert_eq!(fake.called(BODY, 1).await, json!({"requestId": "w1", "data": "a!"}));
    say("w1", json!({"data": "/w==", "binary": true})).await;
    assert_eq!(fake.called(BODY, 2).await, json!({"requestId": "w1", "data": "/w==", "binary": true}));
    say("w1", json!({"data": "", "end": true})).await;
    assert_eq!(fake.called(BODY, 3).await, json!({"requestId": "w1", "data": "", "end": true}));
    model.0.until(0).await;
    open("w2").await;
    say("w2", json!({"data": "leave"})).await;
    assert_eq!(fake.called(BODY, 4).await["error"]["message"], "enough");

    // A program that takes none says so.
    let other = Fake::new();
    let plain = |_: ModelRequest| async { Ok::<_, String>(ModelResponse::new(200, "")) };
    let _other = start(&other, Client::builder().on_model_request(plain)).await;
    let mut request = head("w3", "/socket");
    request["transport"] = "websocket".into();
    other.ask(START, request).await.unwrap();
    assert_eq!(other.called(HEAD, 1).await["status"], 501);
    assert_eq!(other.called(BODY, 1).await["end"], true);
}

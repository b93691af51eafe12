//! One request and its answer, in frames over the connection: `llmInference.*`.
//!
//! | From the CLI | To the CLI |
//! |---|---|
//! | `httpRequestStart`: address and headers | `httpResponseStart`: status and headers |
//! | `httpRequestChunk`: the body, its `end`, or a `cancel` | `httpResponseChunk`: the body, its `end`, or an `error` |
//!
//! The methods are spelled out: their types are in the protocol's feature `assistant`, which not everybody shall pay for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::BASE64;
use futures_util::StreamExt as _;
use groundlink_transport::{ErrorObject, HandlerFuture, Request, task};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::request::Way;
use super::{ModelMessage, ModelRequest, ModelRequestHandler, ModelResponse, ModelSocket};
use crate::handlers::Frames;
use crate::handlers::guard::{self, Ending};
use crate::line::Line;

/// What all methods of this kind begin with.
pub(crate) const PREFIX: &str = "llmInference.";
/// Tells the CLI that requests are answered here.
pub(crate) const OFFER: &str = "llmInference.setProvider";
/// Requests that may be open at a time; one more is refused.
const MOST: usize = 1024;
/// Bodies whose request has not come yet; one more, and all of them are forgotten.
const MOST_EARLY: usize = 64;
/// Bytes of a request's body; a longer one fails the request.
const MOST_BODY: usize = 256 * 1024 * 1024;
/// Messages on a WebSocket that the program has not taken yet; one more ends it.
const MOST_MESSAGES: usize = 1024;
/// How long the program may take to leave a WebSocket that was closed.
const LEAVE: Duration = Duration::from_secs(5);
/// What the CLI reads where no answer can be had: as from a gateway whose upstream is gone.
const BAD_GATEWAY: u16 = 502;
const SWITCHING_PROTOCOLS: u16 = 101;
const NOT_IMPLEMENTED: u16 = 501;

/// The requests of a client that are open.
pub(crate) struct ModelRequests {
    handler: Arc<dyn ModelRequestHandler>,
    deadline: Option<Duration>,
    line: Arc<Line>,
    open: Mutex<HashMap<String, Open>>,
}

/// A request of which something has come.
#[derive(Default)]
struct Open {
    head: Option<ModelRequest>,
    body: Vec<u8>,
    complete: bool,
    /// Messages go here.
    messages: Option<mpsc::Sender<ModelMessage>>,
    /// Ends the work when the request goes.
    running: Option<Ending>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chunk {
    request_id: String,
    data: String,
    binary: bool,
    end: bool,
    cancel: bool,
}

impl ModelRequests {
    pub(crate) fn new(handler: Arc<dyn ModelRequestHandler>, deadline: Option<Duration>, line: Arc<Line>) -> Self {
        Self { handler, deadline, line, open: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>, head: ModelRequest) -> Result<(), ErrorObject> {
        let mut open = self.lock();
        if open.len() >= MOST && !open.contains_key(&head.request_id) {
            return Err(ErrorObject::internal("too many requests are open at this client"));
        }
        let entry = open.entry(head.request_id.clone()).or_default();
        entry.head = Some(head);
        self.run_if_whole(entry);
        Ok(())
    }

    fn chunk(self: &Arc<Self>, chunk: Chunk) -> Result<(), ErrorObject> {
        let mut open = self.lock();
        if chunk.cancel {
            // So does the CLI (1.0.102) close a WebSocket in good order, too.
            let socket = open.get_mut(&chunk.request_id).and_then(|entry| entry.messages.take());
            if socket.is_some() {
                let requests = Arc::clone(self);
                task::spawn(Box::pin(async move {
                    tokio::time::sleep(LEAVE).await;
                    requests.lock().remove(&chunk.request_id);
                }));
            } else {
                // The work goes with it.
                open.remove(&chunk.request_id);
            }
            return Ok(());
        }
        let data = if chunk.binary {
            let decoded = BASE64.decode(chunk.data.as_bytes());
            decoded.map_err(|_| ErrorObject::invalid_params("the data is not in base64"))?
        } else {
            chunk.data.into_bytes()
        };
        if !open.contains_key(&chunk.request_id) {
            let early = open.values().filter(|entry| entry.head.is_none()).count();
            if early >= MOST_EARLY {
                tracing::warn!("parts of requests to models came without their requests and are forgotten");
                open.retain(|_, entry| entry.head.is_some());
            }
        }
        let entry = open.entry(chunk.request_id.clone()).or_default();
        if let Some(messages) = &entry.messages {
            let message = if chunk.binary {
                Ok(ModelMessage::Binary(data))
            } else {
                String::from_utf8(data).map(ModelMessage::Text)
            };
            let full = match message {
                Ok(ModelMessage::Text(text)) if text.is_empty() => false,
                Ok(message) => matches!(messages.try_send(message), Err(mpsc::error::TrySendError::Full(_))),
                Err(_) => false,
            };
            if full {
                open.remove(&chunk.request_id);
                return Err(ErrorObject::internal("the program does not take the messages of its WebSocket"));
            }
            if chunk.end {
                entry.messages = None;
            }
            return Ok(());
        }
        if entry.body.len() + data.len() > MOST_BODY {
            open.remove(&chunk.request_id);
            return Err(ErrorObject::internal("the body of the request is too long for this client"));
        }
        entry.body.extend_from_slice(&data);
        entry.complete |= chunk.end;
        self.run_if_whole(entry);
        Ok(())
    }

    /// Begins with the work once everything is there that it needs.
    fn run_if_whole(self: &Arc<Self>, entry: &mut Open) {
        if entry.running.is_some() {
            return;
        }
        let Some(head) = &entry.head else { return };
        let socket = head.way == Way::Websocket;
        if !socket && !entry.complete {
            return;
        }
        let request = ModelRequest { body: std::mem::take(&mut entry.body), ..head.clone() };
        let exchange = Arc::new(Exchange {
            id: request.request_id.clone(),
            line: Arc::clone(&self.line),
            begun: AtomicBool::new(false),
        });
        let requests = Arc::clone(self);
        let work: futures_util::future::BoxFuture<'static, ()> = if socket {
            let (messages, incoming) = mpsc::channel(MOST_MESSAGES);
            if !request.body.is_empty() {
                // Came before its request; the channel is empty.
                let early = String::from_utf8_lossy(&request.body).into_owned();
                let _ = messages.try_send(ModelMessage::Text(early));
            }
            entry.messages = (!entry.complete).then_some(messages);
            Box::pin(requests.speak(request, exchange, incoming))
        } else {
            Box::pin(requests.answer(request, exchange))
        };
        entry.running = Some(Ending(task::spawn(work)));
    }

    async fn answer(self: Arc<Self>, request: ModelRequest, exchange: Arc<Exchange>) {
        let outcome = self.answering(request, &exchange).await;
        self.end(&exchange, outcome).await;
    }

    async fn answering(&self, request: ModelRequest, exchange: &Exchange) -> Result<(), Problem> {
        let handler = Arc::clone(&self.handler);
        let answered = guard::run(self.deadline, async move { handler.answer(request).await }).await;
        let ModelResponse { status, headers, mut body } = answered??;
        exchange.begin(status, &headers).await?;
        loop {
            // Code of the user's, like the handler.
            let next = guard::run(self.deadline, async move { (body.next().await, body) }).await;
            let (piece, rest) = next?;
            body = rest;
            match piece {
                Some(piece) => exchange.body(&piece?).await?,
                None => return Ok(()),
            }
        }
    }

    async fn speak(
        self: Arc<Self>,
        request: ModelRequest,
        exchange: Arc<Exchange>,
        incoming: mpsc::Receiver<ModelMessage>,
    ) {
        let outcome = self.speaking(request, &exchange, incoming).await;
        self.end(&exchange, outcome).await;
    }

    async fn speaking(
        &self,
        request: ModelRequest,
        exchange: &Arc<Exchange>,
        incoming: mpsc::Receiver<ModelMessage>,
    ) -> Result<(), Problem> {
        if !self.handler.takes_sockets() {
            return exchange.begin(NOT_IMPLEMENTED, &HeaderMap::new()).await;
        }
        // The CLI says nothing before it has this.
        exchange.begin(SWITCHING_PROTOCOLS, &HeaderMap::new()).await?;
        let (handler, exchange) = (Arc::clone(&self.handler), Arc::clone(exchange));
        let socket = ModelSocket { incoming, exchange };
        Ok(guard::run(None, async move { handler.socket(request, socket).await }).await??)
    }

    /// Says how it ended, whatever came before.
    async fn end(&self, exchange: &Exchange, outcome: Result<(), Problem>) {
        let ended = match outcome {
            Ok(()) => exchange.chunk(json!({"data": "", "end": true})).await,
            Err(Problem::NotWanted) => Ok(()),
            Err(Problem::Failed(reason)) => {
                tracing::warn!(request = exchange.id, reason, "a request to a model has failed");
                exchange.fail(&reason).await
            }
        };
        if ended.is_err() {
            tracing::debug!(request = exchange.id, "nobody waits for the end of an answer");
        }
        // Ends this task, too, which is done.
        self.lock().remove(&exchange.id);
    }
}

impl Frames for ModelRequests {
    fn take(self: Arc<Self>, request: &Request) -> HandlerFuture {
        let taken = match request.method().strip_prefix(PREFIX) {
            Some("httpRequestStart") => request.parse().and_then(|head| self.start(head)),
            Some("httpRequestChunk") => request.parse().and_then(|chunk| self.chunk(chunk)),
            _ => Err(ErrorObject::method_not_found(request.method())),
        };
        Box::pin(async {
            taken.map(|()| RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned()))
        })
    }

    fn clear(&self) {
        self.lock().clear();
    }
}

/// Why an answer did not come to its end.
#[derive(Debug)]
pub(super) enum Problem {
    /// The CLI does not want it any more.
    NotWanted,
    /// Any other reason, for people.
    Failed(String),
}

impl From<String> for Problem {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl From<guard::Failure> for Problem {
    fn from(failure: guard::Failure) -> Self {
        Self::Failed(failure.to_string())
    }
}

/// The way back of one answer.
#[derive(Debug)]
pub(super) struct Exchange {
    id: String,
    line: Arc<Line>,
    begun: AtomicBool,
}

#[derive(Deserialize)]
struct Accepted {
    #[serde(default = "yes")]
    accepted: bool,
}

fn yes() -> bool {
    true
}

impl Exchange {
    async fn begin(&self, status: u16, headers: &HeaderMap) -> Result<(), Problem> {
        if !(100..1000).contains(&status) {
            return Err(Problem::Failed(format!("{status} is no status")));
        }
        self.begun.store(true, Ordering::Relaxed);
        let mut wire: Map<String, Value> = Map::new();
        for name in headers.keys() {
            // The wire is JSON: a value that is no text cannot be said.
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            wire.insert(name.to_string(), values.collect());
        }
        self.call("httpResponseStart", json!({"status": status, "headers": wire})).await
    }

    async fn body(&self, piece: &[u8]) -> Result<(), Problem> {
        match std::str::from_utf8(piece) {
            Ok("") => Ok(()),
            Ok(text) => self.text(text).await,
            // Cut in the middle of a character, or no text at all.
            Err(_) => self.bytes(piece).await,
        }
    }

    pub(super) async fn text(&self, text: &str) -> Result<(), Problem> {
        self.chunk(json!({"data": text})).await
    }

    pub(super) async fn bytes(&self, bytes: &[u8]) -> Result<(), Problem> {
        self.chunk(json!({"data": BASE64.encode(bytes), "binary": true})).await
    }

    async fn fail(&self, reason: &str) -> Result<(), Problem> {
        if !self.begun.load(Ordering::Relaxed) {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            self.begin(BAD_GATEWAY, &headers).await?;
        }
        self.chunk(json!({"data": "", "end": true, "error": {"message": reason}})).await
    }

    async fn chunk(&self, params: Value) -> Result<(), Problem> {
        self.call("httpResponseChunk", params).await
    }

    async fn call(&self, method: &str, mut params: Value) -> Result<(), Problem> {
        params["requestId"] = self.id.as_str().into();
        match self.line.call::<Accepted>(&format!("{PREFIX}{method}"), &params).await {
            Ok(Accepted { accepted: true }) => Ok(()),
            // Somebody else was first, the turn was aborted, or the connection is lost.
            Ok(_) | Err(_) => Err(Problem::NotWanted),
        }
    }
}

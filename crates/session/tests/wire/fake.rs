//! A scripted CLI server at the other end of an in-memory connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use groundlink_session::{Client, ClientBuilder, SessionError};
use groundlink_transport::{ErrorObject, Peer, PeerBuilder, memory};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

/// Longest any condition is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

type Script = Arc<dyn Fn(Fake, Value) -> BoxFuture<'static, Result<Value, ErrorObject>> + Send + Sync>;

/// The server's side.
#[derive(Clone)]
pub(crate) struct Fake {
    peer: Arc<Mutex<Option<Peer>>>,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
    scripts: Arc<Mutex<HashMap<String, Script>>>,
    changed: Arc<tokio::sync::Notify>,
}

impl Fake {
    /// A server that greets, creates, resumes and destroys, and knows nothing else.
    pub(crate) fn new() -> Self {
        let fake =
            Self { peer: Arc::default(), calls: Arc::default(), scripts: Arc::default(), changed: Arc::default() };
        fake.answer("connect", json!({"ok": true, "protocolVersion": 3, "version": "9.9.9"}));
        let opened = |_, params: Value| -> BoxFuture<'static, _> {
            Box::pin(async move { Ok(json!({"sessionId": params["sessionId"]})) })
        };
        fake.on("session.create", opened);
        fake.on("session.resume", opened);
        fake.answer("session.destroy", json!({"success": true}));
        for method in [
            "session.permissions.handlePendingPermissionRequest",
            "session.ui.handlePendingUserInput",
            "session.ui.handlePendingElicitation",
            "session.ui.handlePendingExitPlanMode",
        ] {
            fake.answer(method, json!({"success": true}));
        }
        fake
    }

    /// Sets what a method does.
    pub(crate) fn on(
        &self,
        method: &str,
        script: impl Fn(Self, Value) -> BoxFuture<'static, Result<Value, ErrorObject>> + Send + Sync + 'static,
    ) {
        self.scripts.lock().unwrap().insert(method.to_owned(), Arc::new(script));
    }

    /// Sets what a method answers.
    pub(crate) fn answer(&self, method: &str, answer: Value) {
        self.on(method, move |_, _| {
            let answer = answer.clone();
            Box::pin(async move { Ok(answer) })
        });
    }

    /// Sets what a method is refused with.
    pub(crate) fn refuse(&self, method: &str, code: i64, message: &'static str) {
        self.on(method, move |_, _| Box::pin(async move { Err(ErrorObject::new(code, message)) }));
    }

    /// Takes a method away.
    pub(crate) fn forget(&self, method: &str) {
        self.scripts.lock().unwrap().remove(method);
    }

    /// Connects a client.
    pub(crate) async fn start(&self, builder: ClientBuilder) -> Result<Client, SessionError> {
        let (reader, writer) = tokio::io::split(self.accept());
        builder.start_on(reader, writer).await
    }

    /// Takes a connection, and gives the client's end of it.
    pub(crate) fn accept(&self) -> tokio::io::DuplexStream {
        let (ours, theirs) = memory::pair();
        let fake = self.clone();
        let server = PeerBuilder::new().on_request(move |request| {
            let params: Value = serde_json::from_str(request.params_or_null().get()).unwrap();
            let method = request.method().to_owned();
            fake.calls.lock().unwrap().push((method.clone(), params.clone()));
            fake.changed.notify_waiters();
            let script = fake.scripts.lock().unwrap().get(&method).cloned();
            let fake = fake.clone();
            Box::pin(async move {
                let script = script.ok_or_else(|| ErrorObject::method_not_found(&method))?;
                script(fake, params).await.map(|answer| to_raw_value(&answer).unwrap())
            })
        });
        *self.peer.lock().unwrap() = Some(server.build_duplex(theirs));
        ours
    }

    /// Connects a client with nothing special about it.
    pub(crate) async fn client(&self) -> Client {
        self.start(Client::builder()).await.expect("a client")
    }

    fn peer(&self) -> Peer {
        self.peer.lock().unwrap().clone().expect("the server is connected")
    }

    /// Sends an event.
    pub(crate) async fn event(&self, session: &str, event: Value) {
        let params = json!({"sessionId": session, "event": event});
        self.peer().notify("session.event", &params).await.expect("the event is sent");
    }

    /// Tells the client something.
    pub(crate) async fn notify(&self, method: &str, params: Value) {
        self.peer().notify(method, &params).await.expect("it is sent");
    }

    /// Asks the client something.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Result<Value, groundlink_transport::CallError> {
        self.peer().call(method, &params).await
    }

    /// What the client called a method with, so far.
    pub(crate) fn calls(&self, method: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(name, _)| name == method).map(|(_, params)| params.clone()).collect()
    }

    /// Waits until the client has called a method so many times, and gives the params of the last.
    pub(crate) async fn called(&self, method: &str, times: usize) -> Value {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                let calls = self.calls(method);
                if calls.len() >= times {
                    return calls[times - 1].clone();
                }
                changed.await;
            }
        };
        let called = tokio::time::timeout(PATIENCE, waiting).await;
        called.unwrap_or_else(|_| panic!("{method} was not called {times} times"))
    }

    /// Closes the connection from the server's side.
    pub(crate) fn hang_up(&self) {
        self.peer().close();
    }
}

/// A durable event.
#[allow(clippy::needless_pass_by_value)] // `json!` makes values.
pub(crate) fn durable(id: &str, kind: &str, data: Value) -> Value {
    json!({"id": id, "type": kind, "timestamp": "2026-01-01T00:00:00Z", "parentId": null, "data": data})
}

/// An ephemeral event.
pub(crate) fn ephemeral(id: &str, kind: &str, data: Value) -> Value {
    let mut event = durable(id, kind, data);
    event["ephemeral"] = Value::Bool(true);
    event
}

/// JSON text as a value.
pub(crate) fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap()
}

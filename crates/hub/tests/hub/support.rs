//! A hub of the test's own, an exporter and a viewer that speak to it.

use std::time::{Duration, Instant};

use eventsource_stream::Eventsource;
use futures::{Stream, StreamExt};
use groundlink_hub::{Hub, HubBuilder, HubHandle, Retention};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything that must happen may take.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A running hub with its data in a temporary directory.
pub(crate) struct TestHub {
    pub(crate) handle: HubHandle,
    pub(crate) dir: TempDir,
    settings: Box<dyn Fn(HubBuilder) -> HubBuilder + Send + Sync>,
}

impl TestHub {
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    /// One that keeps 20 kB of a session.
    pub(crate) async fn of_short_memory() -> Self {
        Self::with(|builder| {
            let mut retention = Retention::default();
            (retention.per_session, retention.every) = (20_000, Duration::from_millis(50));
            builder.retention(retention)
        })
        .await
    }

    pub(crate) async fn with(settings: impl Fn(HubBuilder) -> HubBuilder + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let handle = settings(Hub::builder().data_dir(dir.path())).start().await.expect("the hub starts");
        Self { handle, dir, settings: Box::new(settings) }
    }

    /// Stops the hub and starts it again on the same port with the same data.
    pub(crate) async fn restart(&mut self) {
        let address = self.handle.local_addr().to_string();
        self.handle.shutdown().await;
        let builder = (self.settings)(Hub::builder().data_dir(self.dir.path()).listen(address));
        self.handle = builder.start().await.expect("the hub starts again");
    }

    pub(crate) fn exporter(&self, id: &str) -> Exporter {
        Exporter {
            http: Client::new(),
            base: self.handle.export_base().to_string(),
            token: self.handle.export_token().expose_secret().to_owned(),
            id: id.to_owned(),
        }
    }

    /// The link's secret of a session that was attached.
    pub(crate) async fn attach(&self, id: &str) -> (Exporter, Viewer) {
        let exporter = self.exporter(id);
        let answer = json_of(exporter.attach(&json!({"id": id, "agent_task_id": id})).await).await;
        let viewer = self.viewer(answer["task_id"].as_str().expect("a task id"));
        (exporter, viewer)
    }

    /// The same, and the session has started and takes commands.
    pub(crate) async fn session(&self, id: &str) -> (Exporter, Viewer) {
        let (exporter, viewer) = self.attach(id).await;
        exporter.upload(&[start(id), steerable()]).await;
        (exporter, viewer)
    }

    /// The secret of the hub's own link.
    pub(crate) fn hub_key(&self) -> String {
        let link = self.handle.sessions_link().expose_secret();
        link.rsplit('/').next().expect("a key").to_owned()
    }

    pub(crate) fn viewer(&self, key: &str) -> Viewer {
        Viewer {
            http: Client::new(),
            hub: self.handle.url().as_str().trim_end_matches('/').to_owned(),
            key: key.to_owned(),
        }
    }
}

/// Speaks the Mission Control wire as the CLI does.
#[derive(Clone)]
pub(crate) struct Exporter {
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) id: String,
}

impl Exporter {
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http
            .request(method.parse().expect("a method"), format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .header("copilot-integration-id", "copilot-developer-cli")
            .header("content-type", "application/json")
    }

    pub(crate) async fn attach(&self, body: &Value) -> Response {
        self.request("POST", "/sessions").body(body.to_string()).send().await.expect("an answer")
    }

    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Response {
        let path = format!("/sessions/{}/events", self.id);
        self.request("POST", &path).body(body).send().await.expect("an answer")
    }

    /// Uploads events; the answer's body.
    pub(crate) async fn upload(&self, events: &[Value]) -> Value {
        let response = self.post(json!({"events": events}).to_string()).await;
        assert_eq!(response.status(), StatusCode::OK);
        json_of(response).await
    }

    pub(crate) async fn acknowledge(&self, ids: &[&str]) {
        let body = json!({"events": [], "completed_command_ids": ids}).to_string();
        assert_eq!(self.post(body).await.status(), StatusCode::OK);
    }

    /// Does what the CLI does with a message: the session says it, works and is idle again. The acknowledgement
    /// comes with it.
    pub(crate) async fn carry_out(&self, command: &str, text: &str) {
        let said = json!({"content": text, "source": format!("command-{command}")});
        let events = [
            ephemeral(&format!("said-{command}"), "user.message", &said),
            ephemeral(&format!("idle-{command}"), "session.idle", &json!({})),
        ];
        let body = json!({"events": events, "completed_command_ids": [command]}).to_string();
        assert_eq!(self.post(body).await.status(), StatusCode::OK);
    }

    pub(crate) fn poll_request(&self, query: &str) -> RequestBuilder {
        self.request("GET", &format!("/sessions/{}/commands{query}", self.id))
    }

    /// One poll that does not wait long; the commands.
    pub(crate) async fn poll(&self) -> Vec<Value> {
        self.poll_with("?wait=0").await
    }

    pub(crate) async fn poll_with(&self, query: &str) -> Vec<Value> {
        let response = self.poll_request(query).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        json_of(response).await["commands"].as_array().expect("commands").clone()
    }
}

/// Holds a link.
#[derive(Clone)]
pub(crate) struct Viewer {
    pub(crate) http: Client,
    pub(crate) hub: String,
    pub(crate) key: String,
}

impl Viewer {
    pub(crate) fn api(&self) -> String {
        format!("{}/api/v1/links/{}", self.hub, self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.api())).send().await.expect("an answer")
    }

    /// The session's page as a browser gets it.
    pub(crate) async fn page(&self) -> String {
        let url = format!("{}/t/{}", self.hub, self.key);
        let answer = self.http.get(url).header("accept", "text/html").send().await.expect("an answer");
        answer.text().await.expect("a page")
    }

    pub(crate) async fn snapshot(&self) -> Value {
        json_of(self.get("").await).await
    }

    pub(crate) async fn post(&self, intent: &Value) -> Response {
        let request = self.http.post(format!("{}/commands", self.api()));
        request.body(intent.to_string()).send().await.expect("an answer")
    }

    /// Posts an intent that must be accepted; the receipt.
    pub(crate) async fn command(&self, intent: &Value) -> Value {
        let response = self.post(intent).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED, "{intent}");
        json_of(response).await
    }

    pub(crate) async fn message(&self, text: &str) -> String {
        let receipt =
            self.command(&json!({"client_id": format!("m-{text}"), "type": "user_message", "content": text})).await;
        receipt["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn receipt(&self, id: &str) -> Value {
        json_of(self.get(&format!("/commands/{id}")).await).await
    }

    pub(crate) async fn state(&self, id: &str) -> String {
        self.receipt(id).await["state"].as_str().expect("a state").to_owned()
    }

    pub(crate) async fn wait_for_state(&self, id: &str, state: &str) {
        eventually(async || self.state(id).await == state, &format!("{id} is {state}")).await;
    }

    pub(crate) async fn stream(&self, path: &str) -> SseStream {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let events = response.bytes_stream().eventsource();
        SseStream { events: Box::pin(events.map(Result::ok)) }
    }
}

/// A server-sent event.
#[derive(Debug, Clone)]
pub(crate) struct Sse {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

pub(crate) struct SseStream {
    events: std::pin::Pin<Box<dyn Stream<Item = Option<eventsource_stream::Event>> + Send>>,
}

impl SseStream {
    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Sse> {
        let event = tokio::time::timeout(SOON, self.events.next()).await.expect("an event, or the end")??;
        let data = serde_json::from_str(&event.data).expect("JSON");
        Some(Sse { name: event.event, id: event.id, data })
    }

    /// The next event of this name, passing others over.
    pub(crate) async fn next_named(&mut self, name: &str) -> Sse {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }

    /// Reads states until one fits.
    pub(crate) async fn state_where(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let state = self.next_named("state").await.data;
            if fits(&state) {
                return state;
            }
        }
    }
}

pub(crate) async fn json_of(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{status}: not JSON ({e}): {text}"))
}

/// Asks until it is so.
pub(crate) async fn eventually(check: impl AsyncFn() -> bool, what: &str) {
    let deadline = Instant::now() + SOON;
    while !check().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An event with an id and a parent.
pub(crate) fn event(id: &str, parent: Option<&str>, kind: &str, data: &Value) -> Value {
    json!({"id": id, "parentId": parent, "timestamp": "2026-01-02T03:04:05.006Z", "type": kind, "data": data})
}

pub(crate) fn ephemeral(id: &str, kind: &str, data: &Value) -> Value {
    let mut event = event(id, None, kind, data);
    event["ephemeral"] = true.into();
    event
}

pub(crate) fn start(session: &str) -> Value {
    let data = json!({"sessionId": session, "selectedModel": "m", "context": {"cwd": "/home/me/demo"}});
    event("start", None, "session.start", &data)
}

pub(crate) fn steerable() -> Value {
    event("steerable", Some("start"), "session.remote_steerable_changed", &json!({"remoteSteerable": true}))
}

/// A permission request for a shell command.
pub(crate) fn permission(id: &str) -> Value {
    let data = json!({"requestId": id, "permissionRequest":
        {"kind": "shell", "toolCallId": format!("call-{id}"), "fullCommandText": "echo hi", "intention": "Say hi"}});
    ephemeral(&format!("asked-{id}"), "permission.requested", &data)
}

pub(crate) fn permission_completed(id: &str, kind: &str) -> Value {
    let data = json!({"requestId": id, "result": {"kind": kind}});
    ephemeral(&format!("done-{id}"), "permission.completed", &data)
}

pub(crate) fn answer(client_id: &str, request: &str, approved: bool) -> Value {
    json!({"client_id": client_id, "type": "permission_response", "request_id": request, "approved": approved})
}

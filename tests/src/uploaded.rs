//! A session that the test itself exports: for what the real CLI does not say on demand, or not ten thousand times.

use groundlink_testkit::{TestHub, Viewer};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// A hub with such a session.
#[derive(Debug)]
pub struct Uploaded {
    /// The hub.
    pub hub: TestHub,
    http: reqwest::Client,
    link: String,
    /// The event before the next one.
    last: String,
    count: usize,
}

const SESSION: &str = "00000000-0000-4000-8000-000000000001";

impl Uploaded {
    /// A session that has started and takes commands, with what its exporter says about itself.
    pub async fn start(exporter: Value) -> Self {
        let hub = TestHub::start().await;
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let mut this = Self { hub, http, link: String::new(), last: String::new(), count: 0 };
        let body = json!({"id": SESSION, "agent_task_id": SESSION, "exporter": exporter});
        let attached = this.post("/sessions", &body).await;
        let base = this.hub.handle().url().as_str().trim_end_matches('/').to_owned();
        this.link = format!("{base}/t/{}", attached["task_id"].as_str().expect("a link's key"));
        let context = json!({"cwd": "/home/ann/kite", "branch": "main"});
        this.say("session.start", json!({"sessionId": SESSION, "selectedModel": "m", "context": context})).await;
        this.say("session.remote_steerable_changed", json!({"remoteSteerable": true})).await;
        this
    }

    /// The link.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Somebody who has the link.
    pub async fn viewer(&self) -> Viewer {
        Viewer::open_live(&self.link).await
    }

    /// An event with an id, a time and a parent.
    pub fn event(&mut self, kind: &str, data: Value) -> Value {
        self.count += 1;
        let id = format!("e{}", self.count);
        let parent = (!self.last.is_empty()).then(|| std::mem::replace(&mut self.last, id.clone()));
        self.last.clone_from(&id);
        let seconds = self.count / 10;
        let at = format!("2026-03-02T{:02}:{:02}:{:02}.000Z", 8 + seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut event = json!({"id": id, "parentId": parent, "timestamp": at, "type": kind});
        event["data"] = data;
        event
    }

    /// Uploads one event.
    pub async fn say(&mut self, kind: &str, data: Value) {
        let event = self.event(kind, data);
        self.upload(&[event]).await;
    }

    /// Uploads an event that is not kept, as the CLI's requests are.
    pub async fn pass(&self, id: &str, kind: &str, data: Value) {
        let at = "2026-03-02T12:00:00.000Z";
        let mut event = json!({"id": id, "timestamp": at, "type": kind, "ephemeral": true});
        event["data"] = data;
        self.upload(&[event]).await;
    }

    /// Uploads events as they are.
    pub async fn upload(&self, events: &[Value]) {
        for part in events.chunks(500) {
            self.post(&format!("/sessions/{SESSION}/events"), &json!({"events": part})).await;
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let hub = self.hub.handle();
        let url = format!("{}{path}", hub.export_base());
        let request = self
            .http
            .post(&url)
            .bearer_auth(hub.export_token().expose_secret())
            .header("copilot-integration-id", "copilot-developer-cli")
            .json(body);
        let answer = request.send().await.expect("the hub answers");
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

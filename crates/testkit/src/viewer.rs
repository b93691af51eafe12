//! A viewer of a link: the hub's JSON API, spoken as any other program would speak it.
//!
//! Answers are plain JSON values, not the types of `groundlink-protocol`: a test through this client sees the wire,
//! and a mistake in the shared types cannot hide on both sides.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use url::Url;

use crate::wait::eventually_or;

/// Commands reach the CLI's own exporter by polling, up to about three seconds late, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Somebody who has the link.
#[derive(Debug, Clone)]
pub struct Viewer {
    http: reqwest::Client,
    api: Url,
    session_id: String,
}

/// What the hub said to an intent.
#[derive(Debug, Clone)]
pub struct Posted {
    /// 202 for a new command, 200 for one it has already, 409 when the request is closed, ...
    pub status: StatusCode,
    /// The receipt, or the problem.
    pub body: Value,
}

impl Viewer {
    /// Asks the link for its API.
    pub async fn open(link: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let link = Url::parse(link).expect("a link is a URL");
        let response = http.get(link.clone()).header(ACCEPT, "application/json").send().await.expect("the hub answers");
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        assert_eq!(status, StatusCode::OK, "GET {link}: {text}");
        let info: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("GET {link} is not JSON: {text}"));
        let api = info["api"].as_str().and_then(|api| link.join(api).ok()).expect("a link says where its API is");
        let session_id = info["session_id"].as_str().expect("a link says which session").to_owned();
        Self { http, api, session_id }
    }

    /// The same, and waits for the session's first events, which come a moment after the link is known.
    pub async fn open_live(link: &str) -> Self {
        let viewer = Self::open(link).await;
        viewer.until("steering", |snapshot| snapshot["steerable"] == true && snapshot["status"] != "starting").await;
        viewer
    }

    /// The session behind the link.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The address of the link's API.
    pub fn api(&self) -> &Url {
        &self.api
    }

    /// The state now.
    pub async fn snapshot(&self) -> Value {
        self.get("").await
    }

    /// Waits until the state fits.
    pub async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually_or(what, PATIENCE, || async {
            let snapshot = self.snapshot().await;
            if fits(&snapshot) { Ok(snapshot) } else { Err(snapshot.to_string()) }
        })
        .await
    }

    /// Waits until no turn is running.
    pub async fn until_idle(&self) -> Value {
        self.until("the end of the turn", |snapshot| snapshot["status"] == "idle").await
    }

    /// Waits for an open request of this kind (`permission`, `user_input`, `elicitation`, `plan_approval`) that nobody
    /// has answered yet.
    pub async fn pending(&self, kind: &str) -> Value {
        let open = |snapshot: &Value| {
            let pending = snapshot["pending"].as_array().cloned().unwrap_or_default();
            pending.into_iter().find(|request| request["kind"] == kind && request["answering"] != true)
        };
        let snapshot = self.until(&format!("a pending {kind} request"), |snapshot| open(snapshot).is_some()).await;
        open(&snapshot).unwrap_or_default()
    }

    /// All stored events, in order, as `{seq, event}`.
    pub async fn events(&self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event["seq"].as_u64().unwrap_or_default());
            let page = self.get(&format!("/events?after={after}&limit=500")).await;
            let more = page["events"].as_array().cloned().unwrap_or_default();
            if more.is_empty() {
                return events;
            }
            events.extend(more);
        }
    }

    /// Waits for a stored event that fits, and gives it without its sequence number.
    pub async fn event(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually_or(what, PATIENCE, || async {
            let events = self.events().await;
            let found = events.iter().map(|event| &event["event"]).find(|event| fits(event));
            found.cloned().ok_or_else(|| {
                let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"]["type"].as_str()).collect();
                kinds.join(" ")
            })
        })
        .await
    }

    /// Posts an intent with a client id of its own.
    pub async fn post(&self, intent: Value) -> Posted {
        self.post_as(&uuid::Uuid::new_v4().simple().to_string(), intent).await
    }

    /// Posts an intent under the given client id.
    pub async fn post_as(&self, client_id: &str, mut intent: Value) -> Posted {
        intent["client_id"] = json!(client_id);
        let response = self.http.post(self.url("/commands")).json(&intent).send().await.expect("the hub answers");
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        Posted { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// Posts an intent that must be taken, and waits until the agent has applied it.
    pub async fn apply(&self, intent: Value) -> Value {
        let receipt = self.finish(intent.clone()).await;
        assert_eq!(receipt["state"], "applied", "{intent}: {receipt}");
        receipt
    }

    /// Posts an intent that must be taken, and waits for its end, whatever that is.
    pub async fn finish(&self, intent: Value) -> Value {
        let posted = self.post(intent.clone()).await;
        assert_eq!(posted.status, StatusCode::ACCEPTED, "{intent}: {}", posted.body);
        self.settled(&posted.body).await
    }

    /// Waits for the end of what was posted, given its receipt.
    pub async fn settled(&self, receipt: &Value) -> Value {
        let id = receipt["id"].as_str().expect("a receipt has an id");
        eventually_or(&format!("the end of {receipt}"), PATIENCE, || async {
            let receipt = self.get(&format!("/commands/{id}")).await;
            match receipt["state"].as_str() {
                Some("accepted" | "delivered") | None => Err(receipt.to_string()),
                Some(_) => Ok(receipt),
            }
        })
        .await
    }

    /// Says something to the agent, and waits until the agent has it.
    pub async fn say(&self, text: &str) -> Value {
        self.apply(json!({"type": "user_message", "content": text})).await
    }

    /// Approves or denies the open permission request, and waits until that is done. Gives the request.
    pub async fn permit(&self, approved: bool) -> Value {
        let request = self.pending("permission").await;
        self.apply(json!({
            "type": "permission_response", "request_id": request["request_id"], "approved": approved,
        }))
        .await;
        request
    }

    async fn get(&self, path: &str) -> Value {
        let url = self.url(path);
        let response = self.http.get(&url).send().await.expect("the hub answers");
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        assert_eq!(status, StatusCode::OK, "GET {url}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {url}: {error}: {text}"))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api.as_str().trim_end_matches('/'))
    }
}

//! An exporter's side of a session.

use serde_json::{Value, json};

use crate::client::{Answer, Connection};
use crate::figures::Any;
use crate::server::Server;

/// A session at a hub, and the connection of its exporter.
pub struct Session {
    pub id: String,
    /// The secret of its link.
    pub key: String,
    host: String,
    token: String,
    connection: Connection,
    last: Option<String>,
    count: u64,
}

impl Session {
    /// Attaches a new one, as the CLI does.
    pub async fn attach(server: &Server, id: &str) -> Any<Self> {
        let mut connection = Connection::open(&server.host).await?;
        let body = json!({"id": id, "agent_task_id": id}).to_string();
        let told = connection.call("POST", "/mc/sessions", &server.token, &body).await?.json()?;
        let mut session = Self {
            id: id.to_owned(),
            key: told["task_id"].as_str().ok_or("no link")?.to_owned(),
            host: server.host.clone(),
            token: server.token.clone(),
            connection,
            last: None,
            count: 0,
        };
        let context = json!({"cwd": "/home/me/demo", "repository": "me/demo", "branch": "main"});
        let start = session.event("session.start", &json!({"sessionId": id, "selectedModel": "m", "context": context}));
        let takes = session.event("session.remote_steerable_changed", &json!({"remoteSteerable": true}));
        session.upload(&[start, takes]).await?;
        Ok(session)
    }

    /// Opens its page as a browser does: loads it, and follows its changes from there on.
    pub async fn viewer(&self) -> Any<Connection> {
        open_page(&self.host, &self.key).await
    }

    /// The path of something at its link.
    pub fn api(&self, rest: &str) -> String {
        format!("/api/v1/links/{}{rest}", self.key)
    }

    /// The next durable event.
    pub fn event(&mut self, kind: &str, data: &Value) -> Value {
        self.count += 1;
        let id = format!("{}-{}", self.id, self.count);
        let parent = self.last.replace(id.clone());
        let (minutes, rest) = (self.count / 60_000, self.count % 60_000);
        let at = format!("2026-01-02T{:02}:{:02}:{:02}.{:03}Z", minutes / 60, minutes % 60, rest / 1_000, rest % 1_000);
        json!({"id": id, "parentId": parent, "timestamp": at, "type": kind, "data": data})
    }

    /// One that is not stored by the CLI.
    pub fn passing(&mut self, kind: &str, data: &Value) -> Value {
        self.count += 1;
        let id = format!("{}-{}", self.id, self.count);
        json!({"id": id, "parentId": self.last, "timestamp": "2026-01-02T03:04:05.006Z", "type": kind, "data": data,
            "ephemeral": true})
    }

    /// Uploads events, and waits until they are stored.
    pub async fn upload(&mut self, events: &[Value]) -> Any<()> {
        let path = format!("/mc/sessions/{}/events", self.id);
        let body = json!({"events": events}).to_string();
        self.connection.call("POST", &path, &self.token, &body).await?.json().map(drop)
    }

    /// Asks for commands on a connection of its own.
    pub async fn poller(&self) -> Any<Poller> {
        let path = format!("/mc/sessions/{}/commands", self.id);
        Ok(Poller { connection: Connection::open(&self.host).await?, path, token: self.token.clone() })
    }
}

/// Loads the page of a link, and follows its changes from there on.
pub async fn open_page(host: &str, key: &str) -> Any<Connection> {
    let mut browser = Connection::open(host).await?;
    let page = String::from_utf8(browser.call("GET", &format!("/t/{key}"), "", "").await?.body)?;
    let cursor = page.split("data-cursor=\"").nth(1).and_then(|rest| rest.split('"').next());
    let cursor = cursor.ok_or("that was not the page")?;
    Connection::stream(host, &format!("/api/v1/links/{key}/page/stream?cursor={cursor}")).await
}

/// The part of an exporter that asks for commands.
pub struct Poller {
    connection: Connection,
    path: String,
    token: String,
}

impl Poller {
    /// One poll.
    pub async fn poll(&mut self, query: &str) -> Any<Answer> {
        self.connection.call("GET", &format!("{}{query}", self.path), &self.token, "").await
    }

    /// Whether a poll brought a command.
    pub async fn brings(&mut self, query: &str) -> Any<bool> {
        let answer = self.poll(query).await?;
        // The CLI is told to come back so.
        if answer.status == 429 {
            return Ok(false);
        }
        Ok(answer.json()?["commands"].as_array().is_some_and(|commands| !commands.is_empty()))
    }
}

/// Turns of an ordinary session, with tools that print something.
pub fn turn(session: &mut Session, n: usize) -> Vec<Value> {
    let call = format!("call-{n}");
    let output = format!("line of output number {n} of a tool that says what it did\n").repeat(12);
    let prose = format!(
        "I looked at the module and found the *reason*, number {n}.\n\n```rust\nfn f() -> u32 {{ {n} }}\n```\n\nNow the test."
    );
    let asked = json!([{"toolCallId": call, "name": "bash", "intentionSummary": "Run the tests"}]);
    [
        ("user.message", json!({"content": format!("Please look at number {n}, too, and say what you find.")})),
        ("assistant.turn_start", json!({"turnId": "0"})),
        (
            "assistant.message",
            json!({"messageId": format!("a-{n}"), "content": "I will run the tests.", "toolRequests": asked}),
        ),
        (
            "tool.execution_start",
            json!({"toolCallId": call, "toolName": "bash", "arguments": {"command": "cargo test"}}),
        ),
        ("tool.execution_complete", json!({"toolCallId": call, "success": true, "result": {"content": output}})),
        ("assistant.message", json!({"messageId": format!("b-{n}"), "content": prose, "toolRequests": []})),
        ("assistant.turn_end", json!({"turnId": "0"})),
    ]
    .iter()
    .map(|(kind, data)| session.event(kind, data))
    .collect()
}

//! A small hub with faults.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use url::Url;

use crate::bridge::HubEndpoint;

pub(super) const TOKEN: &str = "glx_test_canary";

/// What happens to the next upload.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// This status, with nothing stored.
    Status(u16),
    /// The connection breaks before anything is stored.
    Drop,
    /// The upload is stored, but the connection breaks before the answer.
    DropAnswer,
    /// The answer is late.
    Slow(Duration),
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a test")]
struct State {
    /// Whole requests, for snapshots.
    requests: Vec<String>,
    /// Ids of stored events, first arrival only, in order.
    events: Vec<String>,
    /// Those of the durable ones.
    durable: Vec<String>,
    /// Events that came again.
    repeats: usize,
    /// Says nothing of what it has, as a hub of somebody else's.
    silent: bool,
    completed: Vec<String>,
    rejected: Vec<Value>,
    uploads: usize,
    largest: usize,
    polls: usize,
    attaches: usize,
    faults: VecDeque<Fault>,
    /// Handed out once each.
    commands: VecDeque<Value>,
    handed: BTreeSet<String>,
    /// Acknowledgements are ignored and commands handed out again and again, as by a hub that loses what it hears.
    deaf_to_acks: bool,
    /// Uploads for unknown sessions are taken.
    adopts: bool,
    hold_uploads: bool,
    polls_held: bool,
    known: BTreeSet<String>,
    token: String,
    largest_allowed: usize,
}

#[derive(Clone, Default)]
struct Room {
    state: Arc<Mutex<State>>,
    wake: Arc<Notify>,
}

pub(super) struct FakeHub {
    room: Room,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
}

impl FakeHub {
    pub(super) async fn start() -> Self {
        let room = Room::default();
        {
            let mut state = room.state.lock().expect("the lock");
            state.polls_held = true;
            state.token = TOKEN.to_owned();
            state.largest_allowed = usize::MAX;
        }
        let mut hub = Self { room, address: ([127, 0, 0, 1], 0).into(), server: None };
        hub.listen().await;
        hub
    }

    /// Listens, again at the same address after [`FakeHub::vanish`].
    pub(super) async fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port");
        self.address = listener.local_addr().expect("an address");
        let app = Router::new().fallback(answer).with_state(self.room.clone());
        self.server = Some(tokio::spawn(async move { axum::serve(listener, app).await.expect("to serve") }));
    }

    /// Refuses connections from now on, and breaks the open ones.
    pub(super) async fn vanish(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
        // Connections have tasks of their own; the held ones end here, the rest at their next request.
        self.with(|state| state.faults.push_back(Fault::Drop));
        self.room.wake.notify_waiters();
    }

    pub(super) fn endpoint(&self) -> HubEndpoint {
        self.endpoint_with(TOKEN)
    }

    pub(super) fn endpoint_with(&self, token: &str) -> HubEndpoint {
        let base = Url::parse(&format!("http://{}/mc", self.address)).expect("a URL");
        HubEndpoint::new(base, token.into())
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.room.state.lock().expect("the lock"))
    }

    pub(super) fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.with(|state| state.faults.extend(faults));
    }

    pub(super) fn command(&self, id: &str, kind: &str, content: &str) {
        self.raw_command(json!({"id": id, "state": "in_progress", "type": kind, "content": content}));
    }

    pub(super) fn raw_command(&self, command: Value) {
        self.with(|state| state.commands.push_back(command));
        self.room.wake.notify_waiters();
    }

    pub(super) fn ignore_acks(&self, ignore: bool) {
        self.with(|state| state.deaf_to_acks = ignore);
    }

    pub(super) fn hold_polls(&self, hold: bool) {
        self.with(|state| state.polls_held = hold);
        self.room.wake.notify_waiters();
    }

    pub(super) fn hold_uploads(&self, hold: bool) {
        self.with(|state| state.hold_uploads = hold);
        self.room.wake.notify_waiters();
    }

    /// Forgets everything, as if its database had been deleted.
    pub(super) fn forget(&self) {
        self.with(|state| {
            state.known.clear();
            state.events.clear();
            state.durable.clear();
        });
        self.room.wake.notify_waiters();
    }

    /// Comes back with less than it had: the events after this one are gone, as from a copy of its database.
    pub(super) fn forget_after(&self, id: &str) {
        self.with(|state| {
            for list in [&mut state.events, &mut state.durable] {
                let at = list.iter().position(|known| known == id).expect("a known event");
                list.truncate(at + 1);
            }
        });
    }

    /// It has this durable event.
    pub(super) fn has(&self, id: &str) {
        self.with(|state| state.durable.push(id.to_owned()));
    }

    /// From now on it does not say what it has.
    pub(super) fn be_silent(&self) {
        self.with(|state| state.silent = true);
    }

    /// How many events came more than once.
    pub(super) fn repeats(&self) -> usize {
        self.with(|state| state.repeats)
    }

    /// Takes uploads for sessions it does not know, as the real hub does for the CLI.
    pub(super) fn adopt(&self) {
        self.with(|state| state.adopts = true);
    }

    pub(super) fn change_token(&self) {
        self.with(|state| "another".clone_into(&mut state.token));
    }

    pub(super) fn allow(&self, bytes: usize) {
        self.with(|state| state.largest_allowed = bytes);
    }

    pub(super) fn events(&self) -> Vec<String> {
        self.with(|state| state.events.clone())
    }

    pub(super) fn completed(&self) -> Vec<String> {
        self.with(|state| state.completed.clone())
    }

    pub(super) fn rejected(&self) -> Vec<Value> {
        self.with(|state| state.rejected.clone())
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.with(|state| state.requests.clone())
    }

    /// (attaches, uploads, polls)
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        self.with(|state| (state.attaches, state.uploads, state.polls))
    }

    pub(super) fn largest(&self) -> usize {
        self.with(|state| state.largest)
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// Breaks the connection; unlike a panic, it prints nothing.
fn break_connection() -> ! {
    std::panic::resume_unwind(Box::new("the connection breaks"))
}

async fn answer(Shared(room): Shared<Room>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    {
        let mut state = room.state.lock().expect("the lock");
        let mut text = format!("{} {path}\n", parts.method);
        for name in ["authorization", "copilot-integration-id", "user-agent", "content-type"] {
            if let Some(value) = parts.headers.get(name) {
                text.extend([name, ": ", value.to_str().expect("text"), "\n"]);
            }
        }
        text.extend(["\n", &String::from_utf8_lossy(&body), "\n"]);
        state.requests.push(text);
        let wanted = format!("Bearer {}", state.token);
        if parts.headers.get("authorization").is_none_or(|given| given != wanted.as_str()) {
            return (StatusCode::UNAUTHORIZED, r#"{"detail":"wrong token"}"#).into_response();
        }
    }
    let segments: Vec<&str> = path.split(['/', '?']).filter(|part| !part.is_empty()).collect();
    match (parts.method.as_str(), segments.as_slice()) {
        ("GET", ["mc", "sessions", id]) => {
            let known = room.state.lock().expect("the lock").known.contains(*id);
            if known {
                attached(&room.state.lock().expect("the lock"), id)
            } else {
                StatusCode::NOT_FOUND.into_response()
            }
        }
        ("POST", ["mc", "sessions"]) => attach(&room, &body),
        ("POST", ["mc", "sessions", id, "events"]) => upload(&room, id, &body).await,
        ("GET", ["mc", "sessions", id, "commands", ..]) => poll(&room, id).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn attach(room: &Room, body: &[u8]) -> Response {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let id = body["id"].as_str().expect("an id").to_owned();
    let mut state = room.state.lock().expect("the lock");
    state.attaches += 1;
    state.known.insert(id.clone());
    attached(&state, &id)
}

fn attached(state: &State, id: &str) -> Response {
    let mut answer = json!({"id": id, "task_id": "t-1", "url": "http://127.0.0.1:9/t/k1"});
    if let Some(last) = state.durable.last().filter(|_| !state.silent) {
        answer["last_event_id"] = last.as_str().into();
    }
    axum::Json(answer).into_response()
}

async fn upload(room: &Room, id: &str, body: &[u8]) -> Response {
    let fault = room.state.lock().expect("the lock").faults.pop_front();
    match fault {
        Some(Fault::Status(status)) => {
            return StatusCode::from_u16(status).expect("a status").into_response();
        }
        Some(Fault::Drop) => break_connection(),
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(Fault::DropAnswer) | None => {}
    }
    loop {
        let woken = room.wake.notified();
        if !room.state.lock().expect("the lock").hold_uploads {
            break;
        }
        woken.await;
    }
    {
        let mut state = room.state.lock().expect("the lock");
        if !state.known.contains(id) && !state.adopts {
            return StatusCode::NOT_FOUND.into_response();
        }
        state.known.insert(id.to_owned());
        if body.len() > state.largest_allowed {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        let body: Value = serde_json::from_slice(body).expect("JSON");
        state.uploads += 1;
        let events = body["events"].as_array().expect("events");
        state.largest = state.largest.max(events.len());
        for event in events {
            let id = event["id"].as_str().expect("an id").to_owned();
            if state.events.contains(&id) {
                state.repeats += 1;
            } else {
                if event["ephemeral"] != true {
                    state.durable.push(id.clone());
                }
                state.events.push(id);
            }
        }
        if !state.deaf_to_acks {
            let empty = Vec::new();
            for id in body["completed_command_ids"].as_array().unwrap_or(&empty) {
                state.completed.push(id.as_str().expect("an id").to_owned());
                state.commands.retain(|command| command["id"] != *id);
            }
            for rejected in body["rejected_commands"].as_array().unwrap_or(&empty) {
                state.rejected.push(rejected.clone());
                state.commands.retain(|command| command["id"] != rejected["id"]);
            }
        }
    }
    if matches!(fault, Some(Fault::DropAnswer)) {
        break_connection();
    }
    axum::Json(json!({"stored": 0})).into_response()
}

async fn poll(room: &Room, id: &str) -> Response {
    room.state.lock().expect("the lock").polls += 1;
    loop {
        let woken = room.wake.notified();
        {
            let mut state = room.state.lock().expect("the lock");
            if !state.known.contains(id) {
                return StatusCode::NOT_FOUND.into_response();
            }
            let mut commands: Vec<Value> = state.commands.iter().cloned().collect();
            if !state.deaf_to_acks {
                commands.retain(|command| state.handed.insert(command["id"].to_string()));
            }
            if !commands.is_empty() || !state.polls_held {
                return axum::Json(json!({"commands": commands})).into_response();
            }
        }
        woken.await;
    }
}

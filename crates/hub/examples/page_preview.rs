//! Shows the page from a file of events, without a hub: to work on how it looks.
//!
//! ```text
//! cargo run -p groundlink-hub --example page_preview -- events.jsonl [--pace MS] [--stop N] [--port P]
//! ```
//!
//! Each line of the file is one event. `--pace` waits between two events, `--stop` reads only the
//! first N. Commands are accepted and shown as such; nothing answers them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::Stream;
use groundlink_hub::view::{CommandNote, Presence, SessionView};
use groundlink_hub::web::{self, PageContext, ViewerCursor};
use groundlink_protocol::Event;
use groundlink_protocol::api::{CommandAction, CommandIntent, CommandReceipt, CommandState, Delivery};
use groundlink_protocol::mc::ExporterInfo;
use tokio::sync::watch;

const EPOCH: &str = "preview";
const API: &str = "/api/v1/links/preview";
/// Takes the room of a QR code, and leads nowhere.
const NOT_A_CODE: &str =
    "<svg viewBox=\"0 0 29 29\"><path d=\"M4 4h7v7H4zM18 4h7v7h-7zM4 18h7v7H4zM13 13h3v3h-3z\"/></svg>";

#[derive(Clone)]
struct Preview {
    view: Arc<Mutex<SessionView>>,
    changed: watch::Sender<u64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut path = None;
    let (mut pace, mut stop, mut port) = (0_u64, usize::MAX, 0_u16);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--pace" => pace = number().parse()?,
            "--stop" => stop = number().parse()?,
            "--port" => port = number().parse()?,
            _ => path = Some(argument),
        }
    }
    let text = std::fs::read_to_string(path.ok_or("which file of events?")?)?;
    let events: Vec<Event> = text.lines().take(stop).filter_map(|line| Event::parse(line).ok()).collect();

    let mut view = SessionView::new("preview");
    view.set_presence(Presence { online: true, silent: false, last_seen_ms: None });
    view.set_exporter(
        serde_json::from_value::<ExporterInfo>(serde_json::json!({
            "name": "groundlink-bridge",
            "notice": "This model is a script: it answers the suggestions below and repeats everything else.",
            "suggestions": [
                {"label": "run a command", "prompt": "run a command"},
                {"label": "edit a file", "prompt": "edit a file"},
                {"label": "ask me a question", "prompt": "ask me a question"},
                {"label": "stream a long answer", "prompt": "stream a long answer"},
            ],
        }))
        .ok(),
    );
    let preview = Preview { view: Arc::new(Mutex::new(view)), changed: watch::Sender::new(0) };
    let player = preview.clone();
    tokio::spawn(async move {
        for event in events {
            player.change(|view| view.apply_event(&event, None));
            if pace > 0 {
                tokio::time::sleep(Duration::from_millis(pace)).await;
            }
        }
    });

    let app = Router::new()
        .route("/", get(page))
        .route("/nowhere", get(|| async { with_policy(Html(web::not_found()).into_response()) }))
        .route("/assets/{*path}", get(asset))
        .route(API, get(|| async { "{}" }))
        .route(&format!("{API}/page/stream"), get(stream))
        .route(&format!("{API}/page/older"), get(older))
        .route(&format!("{API}/page/picture/{{item}}/{{index}}"), get(picture))
        .route(&format!("{API}/commands"), post(command))
        .with_state(preview);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

impl Preview {
    fn change(&self, change: impl FnOnce(&mut SessionView)) {
        let rev = {
            let mut view = self.view.lock().expect("no panic under the lock");
            change(&mut view);
            view.rev()
        };
        self.changed.send_replace(rev);
    }
}

async fn page(State(preview): State<Preview>) -> Response {
    let context = PageContext {
        api_base: API.to_owned(),
        epoch: EPOCH.to_owned(),
        link_url: "http://127.0.0.1/".to_owned(),
        qr: Some(NOT_A_CODE.to_owned()),
        push: None,
    };
    let html = web::page(&preview.view.lock().expect("no panic under the lock"), &context);
    with_policy(Html(html).into_response())
}

fn with_policy(mut response: Response) -> Response {
    let policy = header::HeaderValue::from_static(web::CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

async fn asset(Path(path): Path<String>) -> Response {
    match web::asset(&path) {
        Some(asset) => ([(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn older(State(preview): State<Preview>, Query(query): Query<OlderQuery>) -> impl IntoResponse {
    Json(web::older(&preview.view.lock().expect("no panic under the lock"), query.before))
}

async fn picture(State(preview): State<Preview>, Path((item, index)): Path<(u64, usize)>) -> Response {
    match preview.view.lock().expect("no panic under the lock").image(item, index) {
        Some(image) => ([(header::CONTENT_TYPE, image.media_type)], image.bytes.to_vec()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(serde::Deserialize)]
struct OlderQuery {
    before: u64,
}

#[derive(serde::Deserialize)]
struct StreamQuery {
    cursor: Option<String>,
}

async fn stream(
    State(preview): State<Preview>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let cursor = ViewerCursor::resume(EPOCH, last.or(query.cursor.as_deref()));
    let changed = preview.changed.subscribe();
    let events = futures::stream::unfold((preview, cursor, changed), |(preview, mut cursor, mut changed)| async move {
        loop {
            changed.mark_unchanged();
            let patch = web::patch_since(&preview.view.lock().expect("no panic under the lock"), &mut cursor);
            if let Some(patch) = patch {
                let event = SseEvent::default().event("patch").id(cursor.to_string()).json_data(patch);
                return event.ok().map(|event| (Ok(event), (preview, cursor, changed)));
            }
            changed.changed().await.ok()?;
        }
    });
    let ping = SseEvent::default().event("ping").data("{}");
    Sse::new(events).keep_alive(KeepAlive::new().event(ping))
}

async fn command(State(preview): State<Preview>, Json(intent): Json<CommandIntent>) -> impl IntoResponse {
    let text = match &intent.action {
        CommandAction::UserMessage { content, .. } => Some(content.clone()),
        CommandAction::ModeSwitch { mode } => Some(mode.clone()),
        _ => None,
    };
    let note = CommandNote {
        id: intent.client_id.clone(),
        kind: intent.action.kind().to_owned(),
        state: CommandState::Delivered,
        request_id: intent.action.request_id().map(str::to_owned),
        text,
        reason: None,
        delivery: Delivery::Queue,
        device: intent.device.clone(),
        taken: false,
    };
    println!("{}", serde_json::to_string(&intent).unwrap_or_default());
    preview.change(|view| view.apply_command(&note));
    let receipt = CommandReceipt {
        id: note.id,
        client_id: intent.client_id,
        kind: note.kind,
        state: note.state,
        reason: None,
        device: intent.device,
        request_id: note.request_id,
        part_of: None,
        accepted_at_ms: 0,
        delivered_at_ms: None,
        ended_at_ms: None,
    };
    (StatusCode::ACCEPTED, Json(receipt))
}

//! groundlink under load: `calls N` has so many calls in flight at once, `events N` sends so many notifications of 400 B
//! through one session to four subscribers. Prints what happened as JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use common::Send;
use groundlink_session::{Client, EventItem, EventStream, SessionConfig};
use groundlink_transport::{ErrorObject, Limits, Peer, PeerBuilder, memory};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::sync::{Notify, OnceCell};

const SUBSCRIBERS: usize = 4;

/// Events in a page of the scripted log.
const PAGE: usize = 200;

fn main() {
    let mut args = std::env::args().skip(1);
    let what = args.next().expect("calls or events");
    let count = args.next().and_then(|count| count.parse().ok()).expect("a count");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let report = runtime.block_on(async {
        match what.as_str() {
            "calls" => calls(count).await,
            "events" => events(count).await,
            other => panic!("unknown: {other}"),
        }
    });
    println!("{report}");
}

/// Nothing is answered before every call has arrived.
async fn calls(count: usize) -> Value {
    let (arrived, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let server = PeerBuilder::new().limits(Limits::default().max_incoming(count)).on_request(move |request| {
        let (arrived, all) = (Arc::clone(&arrived), Arc::clone(&all));
        Box::pin(async move {
            let waiting = all.notified();
            if arrived.fetch_add(1, Ordering::AcqRel) + 1 == count {
                all.notify_waiters();
            } else {
                waiting.await;
            }
            Ok(request.params_or_null().to_owned())
        })
    });
    let (client, _server) = memory::peers(PeerBuilder::new(), server);
    let (before, started) = (peak_kib(), Instant::now());
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..count {
        let client = client.clone();
        callers.spawn(async move {
            let params = Send { prompt: number.to_string(), ..Send::example() };
            let answer: Send = client.call("session.send", &params).await.expect("an answer");
            answer.prompt == params.prompt
        });
    }
    let mut right = 0;
    while let Some(own) = callers.join_next().await {
        right += usize::from(own.expect("no panic"));
    }
    json!({
        "calls": count,
        "lost_or_mixed_up": count - right,
        "seconds": started.elapsed().as_secs_f64(),
        "peak_memory_kib": peak_kib(),
        "peak_memory_before_kib": before,
    })
}

async fn events(count: usize) -> Value {
    let (ours, theirs) = memory::pair();
    let server_peer = Arc::new(OnceCell::<Peer>::new());
    let server = PeerBuilder::new().on_request(move |request| {
        Box::pin(async move {
            let params: Value = request.parse()?;
            let result = match request.method() {
                "connect" => json!({"ok": true, "protocolVersion": 3, "version": "0.0.0"}),
                "session.create" => json!({"sessionId": params["sessionId"]}),
                "session.destroy" => json!({"success": true}),
                "session.eventLog.read" => return Ok(page(&params, count)),
                name => return Err(ErrorObject::method_not_found(name)),
            };
            to_raw_value(&result).map_err(|error| ErrorObject::internal(error.to_string()))
        })
    });
    server_peer.set(server.build_duplex(theirs)).expect("set once");
    let (reader, writer) = tokio::io::split(ours);
    let client = Client::builder().start_on(reader, writer).await.expect("a client");
    let session = client.create_session(SessionConfig::new().session_id("bench")).await.expect("a session");

    let (before, started) = (peak_kib(), Instant::now());
    let mut subscribers = tokio::task::JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let stream = session.subscribe();
        subscribers.spawn(follow(stream, count));
    }
    let server = server_peer.get().expect("set").clone();
    let sender = tokio::spawn(async move {
        for number in 0..count {
            let params = format!(r#"{{"sessionId":"bench","event":{}}}"#, event(number));
            let params = RawValue::from_string(params).expect("JSON");
            server.notify_raw("session.event", Some(&params)).await.expect("connected");
        }
    });
    let (mut lost, mut out_of_order, mut lagged) = (0, 0, 0);
    while let Some(seen) = subscribers.join_next().await {
        let seen = seen.expect("no panic");
        lost += seen.lost;
        out_of_order += seen.out_of_order;
        lagged += seen.lagged;
    }
    let seconds = started.elapsed().as_secs_f64();
    sender.await.expect("no panic");
    json!({
        "notifications": count,
        "bytes_each": frame_bytes(),
        "subscribers": SUBSCRIBERS,
        "lost": lost,
        "out_of_order": out_of_order,
        "lagged": lagged,
        "seconds": seconds,
        "per_second": count as f64 / seconds,
        "peak_memory_kib": peak_kib(),
        "peak_memory_before_kib": before,
    })
}

#[derive(Default)]
struct Seen {
    lost: usize,
    out_of_order: usize,
    lagged: usize,
}

/// Reads until the last event has come, and looks at every one.
async fn follow(mut stream: EventStream, count: usize) -> Seen {
    let (mut seen, mut next) = (Seen::default(), 0);
    while next < count {
        match stream.next().await {
            Some(EventItem::Event(event)) => {
                let number: usize = event.id()[..12].parse().expect("an event of ours");
                seen.lost += number.saturating_sub(next);
                seen.out_of_order += usize::from(number < next);
                next = next.max(number + 1);
            }
            Some(EventItem::Lagged(_)) => seen.lagged += 1,
            None => {
                seen.lost += count - next;
                break;
            }
        }
    }
    seen
}

/// A durable event whose id begins with its number.
fn event(number: usize) -> String {
    let head = format!(
        concat!(
            r#"{{"id":"{:012}-4e0d-9a51-2f470b8f6a3c","timestamp":"2026-01-02T03:04:05.678Z","parentId":null,"#,
            r#""type":"assistant.message","data":{{"messageId":"m","content":""#
        ),
        number
    );
    let room = 400usize.saturating_sub(head.len() + 80);
    format!("{head}{:x<room$}\"}}}}", "")
}

fn frame_bytes() -> usize {
    r#"{"jsonrpc":"2.0","method":"session.event","params":{"sessionId":"bench","event":}}"#.len() + event(0).len()
}

/// A page of the scripted CLI's own log, for a subscriber that fell behind.
fn page(params: &Value, count: usize) -> Box<RawValue> {
    let from: usize = params["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let until = (from + PAGE).min(count);
    let events: Vec<String> = (from..until).map(event).collect();
    let page = format!(
        r#"{{"events":[{}],"cursor":"{until}","hasMore":{},"cursorStatus":"ok"}}"#,
        events.join(","),
        until < count
    );
    RawValue::from_string(page).expect("JSON")
}

/// The most memory this process ever had resident, in KiB; zero where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

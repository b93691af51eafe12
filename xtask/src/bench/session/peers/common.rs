//! What both programs of the bench share: the other end of the wire, the rows, and the counting.
//!
//! The other end runs in the same process. It renders everything before the counting begins, so that it adds little and
//! the same to both.

use std::alloc::System;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often memory was asked for so far, growing what there is included.
fn allocations() -> u64 {
    let stats = COUNTING.stats();
    (stats.allocations + stats.reallocations) as u64
}

/// Bytes in use.
fn live() -> i64 {
    let stats = COUNTING.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

/// What a subscriber got.
pub enum Got {
    Event,
    /// So many were missed, and the subscriber was told.
    Missed(u64),
    End,
}

/// One SDK.
pub trait Sdk: 'static {
    type Client: 'static;
    type Session: 'static;
    type Events: Send + 'static;
    fn connect<R, W>(reader: R, writer: W) -> impl Future<Output = Self::Client>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static;
    fn connect_tcp(address: String) -> impl Future<Output = Self::Client>;
    fn session(client: &Self::Client, id: &str) -> impl Future<Output = Self::Session>;
    fn subscribe(session: &Self::Session) -> Self::Events;
    /// The next event, looked at as a program would: with its data, typed where `typed`.
    fn next(events: &mut Self::Events, typed: bool) -> impl Future<Output = Got> + Send;
    /// A small call, awaited.
    fn call(client: &Self::Client) -> impl Future<Output = ()>;
    /// Starts a CLI, on pipes.
    fn start(stage: &Stage) -> impl Future<Output = Self::Client>;
    /// A session at it, with the model of the stage, streamed.
    fn open(client: &Self::Client, stage: &Stage) -> impl Future<Output = Self::Session>;
    fn send(session: &Self::Session, text: &str) -> impl Future<Output = ()>;
    /// The type of the next event.
    fn next_type(events: &mut Self::Events) -> impl Future<Output = String>;
    fn stop(client: Self::Client) -> impl Future<Output = ()>;
}

/// Where a real CLI is started. Its environment is that of this process.
pub struct Stage {
    pub cli: PathBuf,
    /// Where the agent works.
    pub directory: PathBuf,
    /// The model's address: it speaks chat completions.
    pub model: String,
}

/// Sends frames to the SDK. Frames of answers go between them.
type Out = Arc<Mutex<Box<dyn AsyncWrite + Unpin + Send>>>;

/// The other end: answers calls, and serves the log of the events that it was given.
async fn serve(reader: impl AsyncRead + Unpin, out: Out, log: Arc<Vec<Value>>) {
    let mut reader = BufReader::new(reader);
    let (mut header, mut body) = (Vec::new(), Vec::new());
    loop {
        header.clear();
        while !header.ends_with(b"\r\n\r\n") {
            let Ok(byte) = reader.read_u8().await else { return };
            header.push(byte);
        }
        let text = String::from_utf8_lossy(&header);
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
        body.resize(length.trim().parse().expect("a number"), 0);
        if reader.read_exact(&mut body).await.is_err() {
            return;
        }
        let message: Value = serde_json::from_slice(&body).expect("JSON");
        let (Some(id), Some(method)) = (message.get("id"), message.get("method").and_then(Value::as_str)) else {
            continue;
        };
        let params = &message["params"];
        let result = match method {
            "connect" | "ping" => json!({"ok": true, "protocolVersion": 3, "version": "0.0.0", "message": "pong",
                "timestamp": "2026-01-01T00:00:00Z"}),
            "session.create" => json!({"sessionId": params["sessionId"].as_str().unwrap_or("s")}),
            "session.eventLog.read" => page(params, &log),
            _ => json!({"success": true}),
        };
        let answer = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{answer}", answer.len());
        if out.lock().await.write_all(frame.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn page(params: &Value, log: &[Value]) -> Value {
    let from: usize = params["cursor"].as_str().map_or(0, |cursor| cursor.parse().expect("a cursor of ours"));
    let to = (from + params["max"].as_u64().unwrap_or(200) as usize).min(log.len());
    json!({"events": log[from..to], "cursor": to.to_string(), "hasMore": to < log.len(), "cursorStatus": "ok"})
}

fn event(number: usize, kind: &str, ephemeral: bool, data: &Value) -> Value {
    let id = format!("{number:012}-2f47-4a51-9d0e-6f1a2b3c4d5e");
    json!({"id": id, "timestamp": "2026-01-01T00:00:00.000Z", "parentId": "5e4d3c2b-1a6f-4e0d-9a51-2f470b8f6a3c",
        "type": kind, "ephemeral": ephemeral, "data": data})
}

fn delta(number: usize) -> Value {
    event(number, "assistant.message_delta", true, &json!({"messageId": "5e4d3c2b-1a6f", "deltaContent": "word "}))
}

/// The recorded events, one after the other, again and again.
fn recorded(number: usize, all: &[Value]) -> Value {
    let mut event = all[number % all.len()].clone();
    event["id"] = format!("{number:012}-2f47-4a51-9d0e-6f1a2b3c4d5e").into();
    event
}

fn frames(events: &[Value]) -> Vec<Vec<u8>> {
    let frame = |event: &Value| {
        let text = json!({"jsonrpc": "2.0", "method": "session.event", "params": {"sessionId": "bench", "event": event}});
        let text = text.to_string();
        format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
    };
    events.iter().map(frame).collect()
}

/// CPU time of this process, in nanoseconds.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

struct Lab<S: Sdk> {
    client: S::Client,
    out: Out,
}

impl<S: Sdk> Lab<S> {
    async fn new(log: Vec<Value>) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(theirs);
        let out: Out = Arc::new(Mutex::new(Box::new(writer)));
        tokio::spawn(serve(reader, Arc::clone(&out), Arc::new(log)));
        let (reader, writer) = tokio::io::split(ours);
        Self { client: S::connect(reader, writer).await, out }
    }

    async fn send(&self, frames: &[Vec<u8>]) {
        for frame in frames {
            self.out.lock().await.write_all(frame).await.expect("connected");
        }
    }
}

/// Events to subscribers. What it costs, and how many arrived.
async fn events<S: Sdk>(events: Vec<Value>, subscribers: usize, typed: bool, sleepy: bool) -> Value {
    let (count, frames) = (events.len(), frames(&events));
    let lab = Lab::<S>::new(if sleepy { events } else { Vec::new() }).await;
    let session = S::session(&lab.client, "bench").await;
    let mut all: Vec<_> = (0..subscribers).map(|_| S::subscribe(&session)).collect();
    let (before, time, begin) = (allocations(), cpu(), Instant::now());
    let follow = |mut events: S::Events| async move {
        let (mut got, mut told) = (0u64, 0u64);
        let reading = async {
            while got + told < count as u64 {
                match S::next(&mut events, typed).await {
                    Got::Event => got += 1,
                    Got::Missed(missed) => told += missed,
                    Got::End => break,
                }
            }
        };
        // One that has lost events without being told would wait for ever.
        let _ = tokio::time::timeout(Duration::from_secs(20), reading).await;
        (got, told)
    };
    let (mut got, mut told) = (0, 0);
    if sleepy {
        lab.send(&frames).await;
        // The last frames are still on their way.
        S::call(&lab.client).await;
        for events in all {
            let seen = follow(events).await;
            (got, told) = (got + seen.0, told + seen.1);
        }
    } else {
        let last = all.pop().expect("one at least");
        let readers: Vec<_> = all.into_iter().map(|events| tokio::spawn(follow(events))).collect();
        let ((), seen) = tokio::join!(lab.send(&frames), follow(last));
        (got, told) = (got + seen.0, told + seen.1);
        for reader in readers {
            let seen = reader.await.expect("no panic");
            (got, told) = (got + seen.0, told + seen.1);
        }
    }
    let wanted = (count * subscribers) as u64;
    json!({
        "events": count,
        "allocations": allocations() - before,
        "cpu_ns": cpu() - time,
        "seconds": begin.elapsed().as_secs_f64(),
        "missing": wanted - got.min(wanted),
        "missing_untold": wanted.saturating_sub(got + told),
    })
}

/// Heap for each of many open sessions.
async fn sessions<S: Sdk>(count: usize) -> Value {
    let lab = Lab::<S>::new(Vec::new()).await;
    let mut open = vec![S::session(&lab.client, "first").await];
    let before = live();
    for number in 0..count {
        open.push(S::session(&lab.client, &format!("bench-{number}")).await);
    }
    let bytes = (live() - before) / count as i64;
    drop(open);
    json!({"sessions": count, "bytes_each": bytes})
}

async fn calls<S: Sdk>(count: usize, at_once: usize) -> Value {
    let lab = Lab::<S>::new(Vec::new()).await;
    S::call(&lab.client).await;
    let (before, time) = (allocations(), cpu());
    for _ in 0..count / at_once {
        futures_util::future::join_all((0..at_once).map(|_| S::call(&lab.client))).await;
    }
    json!({"calls": count, "at_once": at_once, "allocations": allocations() - before, "cpu_ns": cpu() - time})
}

/// Two calls in a row over a real socket: the time to the second answer, in microseconds.
async fn tcp<S: Sdk>(count: usize) -> Value {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a connection");
        socket.set_nodelay(true).expect("a socket");
        let (reader, writer) = socket.into_split();
        serve(reader, Arc::new(Mutex::new(Box::new(writer))), Arc::default()).await;
    });
    let client = S::connect_tcp(address).await;
    S::call(&client).await;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begin = Instant::now();
        futures_util::future::join(S::call(&client), S::call(&client)).await;
        times.push(begin.elapsed().as_micros() as u64);
    }
    times.sort_unstable();
    json!({"pairs": count, "median_us": times[count / 2], "p99_us": times[count * 99 / 100]})
}

/// From nothing to the first words of an answer: each time is from the beginning, in milliseconds.
async fn start<S: Sdk>(stage: &Stage) -> Value {
    let begin = Instant::now();
    let passed = || begin.elapsed().as_micros() as f64 / 1_000.0;
    let client = S::start(stage).await;
    let started = passed();
    let session = S::open(&client, stage).await;
    let mut events = S::subscribe(&session);
    let created = passed();
    S::send(&session, "hello").await;
    let answering = async {
        // Whichever is first: a piece of the answer, or all of it.
        while !["assistant.message_delta", "assistant.message"].contains(&S::next_type(&mut events).await.as_str()) {}
    };
    tokio::time::timeout(Duration::from_secs(60), answering).await.expect("an answer");
    let answered = passed();
    S::stop(client).await;
    json!({"started_ms": started, "created_ms": created, "answer_ms": answered})
}

/// Reads `ROW COUNT FILE-OF-EVENTS`, or `start CLI DIRECTORY MODEL`, and prints what it came to.
pub fn run<S: Sdk>() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::exit(101);
    }));
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if args[0] == "start" {
        let stage = Stage { cli: (&args[1]).into(), directory: (&args[2]).into(), model: args[3].clone() };
        println!("{}", runtime.block_on(start::<S>(&stage)));
        return;
    }
    let count: usize = args[1].parse().expect("a count");
    let recording: Vec<Value> = match args.get(2) {
        Some(path) => serde_json::from_slice(&std::fs::read(path).expect("the file")).expect("events"),
        None => Vec::new(),
    };
    let deltas = || (0..count).map(delta).collect::<Vec<_>>();
    let mix = || (0..count).map(|number| recorded(number, &recording)).collect::<Vec<_>>();
    let durable = || (0..count).map(|number| event(number, "session.info", false, &json!({"infoType": "note", "message": "x"})));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(async {
        match args[0].as_str() {
            "deltas-1" => events::<S>(deltas(), 1, true, false).await,
            "deltas-4" => events::<S>(deltas(), 4, true, false).await,
            "mix-1-typed" => events::<S>(mix(), 1, true, false).await,
            "mix-1" => events::<S>(mix(), 1, false, false).await,
            "mix-4" => events::<S>(mix(), 4, false, false).await,
            "burst" => events::<S>(durable().collect(), 1, false, true).await,
            "sessions" => sessions::<S>(count).await,
            "calls" => calls::<S>(count, 1).await,
            "calls-1000" => calls::<S>(count, 1000).await,
            "tcp" => tcp::<S>(count).await,
            other => panic!("no row {other}"),
        }
    });
    println!("{report}");
    std::process::exit(0);
}


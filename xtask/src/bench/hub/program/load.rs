//! How much a hub bears, and what it takes.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Connection;
use crate::figures::{Any, Times, rounded};
use crate::server::Server;
use crate::sessions::{Session, open_page, turn};

/// How long uploads are counted.
const COUNTED: Duration = Duration::from_secs(5);
/// Viewers of the one session.
const VIEWERS: usize = 1_000;
/// Sessions whose memory is measured, and the turns of each.
const SESSIONS: (usize, usize) = (500, 20);
/// Events in an upload of the CLI at most.
const FULL: usize = 500;

/// Uploads a second: each session uploads one event, and the next when it is stored.
pub async fn uploads(dir: &Path) -> Any<Value> {
    let mut rows = Vec::new();
    for count in [1, 100, 1_000] {
        let server = Server::start(&dir.join(count.to_string())).await?;
        let mut sessions = Vec::new();
        for n in 0..count {
            sessions.push(Session::attach(&server, &format!("s{n}")).await?);
        }
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for mut session in sessions {
            tasks.spawn(async move {
                let mut times = Times::default();
                let mut done = 0_u32;
                while began.elapsed() < COUNTED {
                    let data = json!({"messageId": "m", "content": "word ".repeat(60), "toolRequests": []});
                    let event = session.event("assistant.message", &data);
                    let at = Instant::now();
                    session.upload(&[event]).await?;
                    times.push(at.elapsed());
                    done += 1;
                }
                Any::Ok((times, done))
            });
        }
        let (mut all, mut done) = (Times::default(), 0);
        while let Some(one) = tasks.join_next().await {
            let (times, count) = one??;
            all.extend(times);
            done += count;
        }
        let each_second = rounded(f64::from(done) / began.elapsed().as_secs_f64());
        rows.push(json!({"sessions": count, "uploads_a_second": each_second, "ms": all.json()}));
        server.stop().await?;
    }
    Ok(rows.into())
}

/// One session, a thousand pages: how long an event takes to each, and to the last of them.
pub async fn fan_out(dir: &Path) -> Any<Value> {
    let server = Server::start(dir).await?;
    let mut session = Session::attach(&server, "s").await?;
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        viewers.push(session.viewer().await?);
    }
    let (mut each, mut last) = (Times::default(), Times::default());
    for n in 0..20 {
        let mark = format!("mark{n}end");
        let mut tasks = JoinSet::new();
        for mut viewer in viewers.drain(..) {
            let mark = mark.clone();
            tasks.spawn(async move {
                viewer.until(&mark).await?;
                Any::Ok((viewer, Instant::now()))
            });
        }
        let event =
            session.event("assistant.message", &json!({"messageId": mark, "content": mark, "toolRequests": []}));
        let at = Instant::now();
        session.upload(&[event]).await?;
        let mut latest = at;
        while let Some(arrived) = tasks.join_next().await {
            let (viewer, arrived) = arrived??;
            viewers.push(viewer);
            each.push(arrived - at);
            latest = latest.max(arrived);
        }
        last.push(latest - at);
    }
    server.stop().await?;
    Ok(json!({"viewers": VIEWERS, "each_ms": each.json(), "the_last_ms": last.json()}))
}

/// What idle viewers and sessions take.
pub async fn memory(dir: &Path, streams: usize) -> Any<Value> {
    let server = Server::start(dir).await?;
    let mut session = Session::attach(&server, "first").await?;
    let events = turn(&mut session, 0);
    session.upload(&events).await?;
    settle().await;
    let fresh = server.memory();
    let mut links = Vec::new();
    for n in 0..SESSIONS.0 {
        let mut session = Session::attach(&server, &format!("s{n}")).await?;
        let events: Vec<Value> = (0..SESSIONS.1).flat_map(|n| turn(&mut session, n)).collect();
        session.upload(&events).await?;
        links.push(session.key);
    }
    settle().await;
    let with_sessions = server.memory();
    let mut viewers = Vec::with_capacity(streams);
    for n in 0..streams {
        viewers.push(open_page(&server.host, &links[n % 10]).await?);
    }
    settle().await;
    let with_streams = server.memory();
    drop(viewers);
    server.stop().await?;
    let grown =
        |before: Option<u64>, after: Option<u64>| before.zip(after).map(|(before, after)| after.saturating_sub(before));
    let (sessions, idle) = (grown(fresh, with_sessions), grown(with_sessions, with_streams));
    let per = |kib: Option<u64>, count: usize| kib.map(|kib| rounded(kib as f64 / count as f64));
    Ok(json!({
        "fresh_kib": fresh,
        "sessions": SESSIONS.0,
        "events_of_each": SESSIONS.1 * 7 + 2,
        "sessions_kib": sessions,
        "each_session_kib": per(sessions, SESSIONS.0),
        "idle_streams": streams,
        "idle_streams_kib": idle,
        "each_idle_stream_kib": per(idle, streams),
        "all_kib": with_streams,
    }))
}

/// Until what was busy is still.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// A long session: from the request for its page to the page, by a hub that has just started, and again.
pub async fn cold_open(dir: &Path, events: usize) -> Any<Value> {
    let server = Server::start(dir).await?;
    let mut session = Session::attach(&server, "s").await?;
    let mut waiting = Vec::new();
    let (mut sent, mut n) = (2, 0);
    let filling = Instant::now();
    while sent < events {
        waiting.extend(turn(&mut session, n));
        n += 1;
        if waiting.len() + 7 > FULL || sent + waiting.len() >= events {
            sent += waiting.len();
            session.upload(&std::mem::take(&mut waiting)).await?;
        }
    }
    let filled = filling.elapsed();
    server.stop().await?;
    let server = Server::start(dir).await?;
    let path = format!("/t/{}", session.key);
    let mut browser = Connection::open(&server.host).await?;
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..3 {
        let at = Instant::now();
        let answer = browser.call("GET", &path, "", "").await?;
        times.push(rounded(at.elapsed().as_secs_f64() * 1_000.0));
        if answer.status != 200 || !String::from_utf8_lossy(&answer.body).contains("data-cursor") {
            return Err("that was not the page".into());
        }
        bytes = answer.body.len();
    }
    let memory = server.memory();
    server.stop().await?;
    Ok(json!({
        "events": sent,
        "uploaded_in_ms": rounded(filled.as_secs_f64() * 1_000.0),
        "cold_ms": times[0],
        "warm_ms": times[2],
        "page_bytes": bytes,
        "hub_kib": memory,
    }))
}

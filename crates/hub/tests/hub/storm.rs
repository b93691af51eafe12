//! Everything at once: several viewers, two pollers of one session, lost answers, restarts. Every command is carried
//! out exactly once, in order, and everybody hears of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Exporter, TestHub, Viewer, ephemeral, event, eventually};

const VIEWERS: usize = 4;
const MESSAGES: usize = 8;

/// What the session has been told, in order, and what it has still to report.
#[derive(Default)]
struct Session {
    done: Vec<(String, String)>,
    unsent: Vec<Value>,
    acknowledged: Vec<String>,
    parent: String,
}

/// One of the pollers. Like the CLI's, it remembers nothing of the other, and does whatever it is handed.
async fn poll(exporter: Exporter, session: Arc<Mutex<Session>>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(response) = exporter.poll_request("?wait=1").send().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(answer) = response.json::<Value>().await else { continue };
        let mut session = session.lock().unwrap();
        for command in answer["commands"].as_array().into_iter().flatten() {
            let (id, content) = (command["id"].as_str().unwrap(), command["content"].as_str().unwrap());
            session.done.push((id.to_owned(), content.to_owned()));
            let name = format!("said-{id}-{}", session.done.len());
            let data = json!({"content": content, "source": format!("command-{id}")});
            let said = event(&name, Some(&session.parent), "user.message", &data);
            session.parent.clone_from(&name);
            session.unsent.push(said);
            session.unsent.push(ephemeral(&format!("idle-{name}"), "session.idle", &json!({})));
            session.acknowledged.push(id.to_owned());
        }
    }
}

/// Uploads until the hub has taken it; an answer that got lost means once more.
async fn upload(exporter: Exporter, session: Arc<Mutex<Session>>, stop: Arc<AtomicBool>) {
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(15)).await;
        let (events, acknowledged) = {
            let session = session.lock().unwrap();
            (session.unsent.clone(), session.acknowledged.clone())
        };
        let body = json!({"events": events, "completed_command_ids": acknowledged}).to_string();
        let path = format!("/sessions/{}/events", exporter.id);
        let sent = exporter.request("POST", &path).body(body).send().await;
        round += 1;
        let lost = round % 3 == 0;
        if sent.is_ok_and(|response| response.status().is_success()) && !lost {
            let mut session = session.lock().unwrap();
            session.unsent.drain(..events.len());
            session.acknowledged.drain(..acknowledged.len());
        }
    }
}

/// Posts until there is an answer, always with the same client id.
async fn say(viewer: Viewer, number: usize) {
    for n in 0..MESSAGES {
        let intent =
            json!({"client_id": format!("{number}-{n}"), "type": "user_message", "content": format!("{number}-{n}")});
        loop {
            let sent = viewer.http.post(format!("{}/commands", viewer.api())).body(intent.to_string()).send().await;
            match sent {
                Ok(response) if response.status().is_success() => break,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_everything_happens_once() {
    // Short, for hand-outs that a restart swallows.
    let mut hub = TestHub::with(|b| b.command_lease(Duration::from_secs(1))).await;
    let (exporter, viewer) = hub.session("s1").await;
    let session = Arc::new(Mutex::new(Session { parent: "steerable".to_owned(), ..Session::default() }));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = vec![tokio::spawn(upload(exporter.clone(), session.clone(), stop.clone()))];
    for _ in 0..2 {
        tasks.push(tokio::spawn(poll(exporter.clone(), session.clone(), stop.clone())));
    }
    let talking: Vec<_> = (0..VIEWERS).map(|n| tokio::spawn(say(viewer.clone(), n))).collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        hub.restart().await;
    }
    for talk in talking {
        talk.await.unwrap();
    }
    let all = VIEWERS * MESSAGES;
    eventually(async || session.lock().unwrap().done.len() >= all, "everything was said").await;
    let ids: Vec<String> = session.lock().unwrap().done.iter().map(|(id, _)| id.clone()).collect();
    for id in &ids {
        viewer.wait_for_state(id, "applied").await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let done = session.lock().unwrap().done.clone();
    let mut counts = HashMap::new();
    for (_, content) in &done {
        *counts.entry(content.clone()).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), all);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    for number in 0..VIEWERS {
        let mine: Vec<_> = done.iter().filter(|(_, c)| c.starts_with(&format!("{number}-"))).map(|(_, c)| c).collect();
        let order: Vec<_> = (0..MESSAGES).map(|n| format!("{number}-{n}")).collect();
        assert_eq!(mine, order.iter().collect::<Vec<_>>());
    }
}

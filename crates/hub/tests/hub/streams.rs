//! The viewer's streams.

use serde_json::{Value, json};

use crate::support::{TestHub, answer, ephemeral, event, eventually, permission, start};

fn said(n: u64) -> Value {
    event(&format!("e{n}"), Some("start"), "assistant.message", &json!({"content": n}))
}

#[tokio::test]
async fn a_stream_replays_then_follows() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let mut stream = viewer.stream("/events/stream").await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["session_id"]), ("state", &json!("s1")));
    let epoch = first.data["epoch"].as_str().unwrap().to_owned();
    for seq in 1..=2 {
        let event = stream.next_named("event").await;
        assert_eq!((event.id, &event.data["seq"]), (format!("{epoch}:{seq}"), &json!(seq)));
    }
    exporter.upload(&[ephemeral("d", "assistant.message_delta", &json!({"deltaContent": "he"})), said(1)]).await;
    let delta = stream.next_named("delta").await;
    assert_eq!(delta.data["event"]["data"]["deltaContent"], "he");
    assert_eq!(delta.id, format!("{epoch}:2"), "a passing event is no place to come back to");
    let event = stream.next_named("event").await;
    assert_eq!(event.data["event"], said(1));
    exporter.upload(&[permission("R")]).await;
    stream.state_where(|state| state["status"] == "waiting").await;
    let receipt = viewer.command(&answer("a", "R", true)).await;
    stream.state_where(|state| state["pending"][0]["answering"] == true).await;
    assert_eq!(receipt["state"], "accepted");
}

#[tokio::test]
async fn nothing_is_missed_whatever_the_place() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let total = 700_u64;
    exporter.upload(&(0..300).map(said).collect::<Vec<_>>()).await;
    let mut streams = Vec::new();
    for after in [0, 1, 150, 299, 300] {
        streams.push((after, viewer.stream(&format!("/events/stream?after={after}")).await));
    }
    // More than a stream's news can hold, in one go and in small pieces.
    let uploads = async {
        for chunk in (300..total).map(said).collect::<Vec<_>>().chunks(37) {
            exporter.upload(chunk).await;
        }
    };
    uploads.await;
    for (after, stream) in &mut streams {
        for seq in *after + 1..=total {
            assert_eq!(stream.next_named("event").await.data["seq"], seq, "after {after}");
        }
    }
}

#[tokio::test]
async fn a_reconnect_goes_on_where_it_was() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    exporter.upload(&[start("s1"), said(1), said(2)]).await;
    let epoch = viewer.snapshot().await["epoch"].as_str().unwrap().to_owned();
    let stream = async |query: &str, last_event_id: &str| {
        let request = viewer.http.get(format!("{}/events/stream?{query}", viewer.api()));
        let request = if last_event_id.is_empty() { request } else { request.header("last-event-id", last_event_id) };
        read_until(request.send().await.unwrap(), "{\"seq\":3").await
    };
    for (query, last) in [
        ("after=0".to_owned(), "2".to_owned()),
        ("after=0".to_owned(), format!("{epoch}:2")),
        ("after=2".to_owned(), String::new()),
        (format!("after=2&epoch={epoch}"), String::new()),
    ] {
        let text = stream(&query, &last).await;
        assert!(!text.contains("{\"seq\":2") && !text.contains("event: epoch"), "{query} {last}: {text}");
    }
    // Of a log that is gone, or was never there, nothing is left to go on from.
    for (query, last) in [
        (String::new(), "other:2".to_owned()),
        ("after=2&epoch=other".to_owned(), String::new()),
        ("after=9".to_owned(), String::new()),
    ] {
        let text = stream(&query, &last).await;
        let told = text.find("event: epoch").unwrap_or_else(|| panic!("{query} {last}: {text}"));
        assert!(text.find("{\"seq\":1").is_some_and(|first| told < first), "{query} {last}: {text}");
    }
}

#[tokio::test]
async fn a_stream_hears_that_the_log_was_rebuilt_and_begins_again() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let at = |n: u64, second: u64| {
        let mut event = said(n);
        event["parentId"] = if n == 0 { "start".into() } else { format!("e{}", n - 1).into() };
        event["timestamp"] = format!("2026-01-02T04:00:{second:02}.000Z").into();
        event
    };
    exporter.upload(&[start("s1"), at(0, 0), at(3, 3)]).await;
    let mut stream = viewer.stream("/events/stream?after=3").await;
    let before = stream.next_named("state").await.data["epoch"].clone();
    exporter.upload(&[start("s1"), at(0, 0), at(1, 1), at(2, 2), at(3, 3)]).await;
    let change = stream.next_named("epoch").await;
    assert_ne!(change.data["epoch"], before);
    let mut ids = Vec::new();
    for seq in 1..=5 {
        let event = stream.next_named("event").await;
        assert_eq!(event.data["seq"], seq);
        ids.push(event.data["event"]["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids, ["start", "e0", "e1", "e2", "e3"]);
    let state = viewer.snapshot().await;
    assert_eq!((&state["epoch"], &state["last_seq"]), (&change.data["epoch"], &json!(5)));
}

async fn read_until(response: reqwest::Response, wanted: &str) -> String {
    use futures::StreamExt;
    let mut text = String::new();
    let mut bytes = response.bytes_stream();
    while !text.contains(wanted) {
        let chunk = tokio::time::timeout(crate::support::SOON, bytes.next()).await.expect("more").expect("more");
        text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
    text
}

#[tokio::test]
async fn a_repeated_delta_passes_once() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let mut stream = viewer.stream("/events/stream?after=2").await;
    stream.next_named("state").await;
    let delta = |n: u64| ephemeral(&format!("d{n}"), "assistant.message_delta", &json!({"deltaContent": n}));
    exporter.upload(&[delta(1), delta(1)]).await;
    exporter.upload(&[delta(1), delta(2)]).await;
    for n in 1..=2 {
        assert_eq!(stream.next_named("delta").await.data["event"]["data"]["deltaContent"], n);
    }
}

#[tokio::test]
async fn viewers_are_counted_for_the_program_that_runs_the_hub() {
    let hub = TestHub::start().await;
    let mut watched = hub.handle.watch("s1");
    assert_eq!(watched.borrow_and_update().viewers, 0);
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[ephemeral("t", "session.title_changed", &json!({"title": "Hi"}))]).await;
    let summary = watched.wait_for(|s| s.title.as_deref() == Some("Hi")).await.unwrap().clone();
    assert!(summary.presence.online);
    let first = viewer.stream("/events/stream").await;
    let second = viewer.stream("/page/stream?cursor=").await;
    watched.wait_for(|s| s.viewers == 2).await.unwrap();
    drop(first);
    watched.wait_for(|s| s.viewers == 1).await.unwrap();
    drop(second);
    watched.wait_for(|s| s.viewers == 0).await.unwrap();
}

#[tokio::test]
async fn a_page_is_patched_from_where_it_is() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let page = viewer.http.get(format!("{}/t/{}", viewer.hub, viewer.key)).header("accept", "text/html");
    let page = page.send().await.unwrap().text().await.unwrap();
    let cursor = page.split("data-cursor=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a cursor");
    let mut stream = viewer.stream(&format!("/page/stream?cursor={cursor}")).await;
    exporter.upload(&[event("m", Some("steerable"), "user.message", &json!({"content": "from the terminal"}))]).await;
    let patch = stream.next_named("patch").await;
    assert!(patch.data.to_string().contains("from the terminal"));
    assert!(!patch.data.to_string().contains("\"reset\""), "only what is new");
    assert_ne!(patch.id, cursor);

    let mut elsewhere = viewer.stream("/page/stream?cursor=other.7").await;
    let reset = elsewhere.next_named("patch").await;
    assert!(reset.data.to_string().contains("\"reset\""), "another epoch starts over");
    drop((stream, elsewhere));
    eventually(async || viewer.snapshot().await["viewers"] == 0, "nobody watches").await;
}

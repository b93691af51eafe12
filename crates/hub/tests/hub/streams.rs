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
    for seq in 1..=2 {
        let event = stream.next_named("event").await;
        assert_eq!((event.id.as_str(), &event.data["seq"]), (seq.to_string().as_str(), &json!(seq)));
    }
    exporter.upload(&[ephemeral("d", "assistant.message_delta", &json!({"deltaContent": "he"})), said(1)]).await;
    let delta = stream.next_named("delta").await;
    assert_eq!(delta.data["event"]["data"]["deltaContent"], "he");
    assert_eq!(delta.id, "2", "a passing event is no place to come back to");
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
    for after in [0, 1, 150, 299, 300, 650] {
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
    let request = viewer.http.get(format!("{}/events/stream?after=0", viewer.api())).header("last-event-id", "2");
    let response = request.send().await.unwrap();
    let text = read_until(response, "seq\":3").await;
    assert!(!text.contains("\"seq\":2"), "{text}");
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

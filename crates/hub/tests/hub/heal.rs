//! Gaps in the chain of events, and their healing.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestHub, event, json_of, start, steerable};

fn said(n: u32) -> Value {
    let mut event = event(
        &format!("e{n}"),
        Some(if n == 0 { "steerable".to_owned() } else { format!("e{}", n - 1) }).as_deref(),
        "assistant.message",
        &json!({"messageId": format!("m{n}"), "content": format!("word {n}")}),
    );
    event["timestamp"] = format!("2026-01-02T03:05:{n:02}.000Z").into();
    event
}

#[tokio::test]
async fn a_gap_is_asked_for_once_and_filled_in_its_place() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let look_up = async || exporter.request("GET", "/sessions/s1").send().await.unwrap().status();
    exporter.upload(&[said(0), said(1)]).await;
    assert_eq!(look_up().await, StatusCode::OK);
    // Three events are lost in an outage.
    exporter.upload(&[said(5), said(6)]).await;
    assert_eq!(look_up().await, StatusCode::NOT_FOUND);
    assert_eq!(look_up().await, StatusCode::OK, "asked for once");

    let before = json_of(viewer.get("/events?limit=1000").await).await["last_seq"].clone();
    assert_eq!(before, 6);
    let history: Vec<_> = [start("s1"), steerable()].into_iter().chain((0..8).map(said)).collect();
    assert_eq!(exporter.upload(&history).await["stored"], 4);
    assert_eq!(look_up().await, StatusCode::OK);
    let page = viewer.http.get(format!("{}/t/{}", viewer.hub, viewer.key)).header("accept", "text/html");
    let page = page.send().await.unwrap().text().await.unwrap();
    let places: Vec<_> =
        (0..8).map(|n| page.find(&format!("word {n}<")).unwrap_or_else(|| panic!("word {n}"))).collect();
    assert!(places.is_sorted(), "{places:?}");

    // Life goes on after the newest event.
    exporter.upload(&[said(8)]).await;
    assert_eq!(look_up().await, StatusCode::OK);
    assert_eq!(viewer.snapshot().await["last_seq"], 11);
}

#[tokio::test]
async fn a_bridge_has_holes_by_nature() {
    let hub = TestHub::start().await;
    let exporter = hub.exporter("s1");
    exporter.attach(&json!({"id": "s1", "exporter": {"name": "groundlink-bridge"}})).await;
    exporter.upload(&[start("s1"), said(4), said(6)]).await;
    let found = exporter.request("GET", "/sessions/s1").send().await.unwrap();
    assert_eq!(found.status(), StatusCode::OK);
}

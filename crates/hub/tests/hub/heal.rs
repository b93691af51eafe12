//! Gaps in the chain of events, and their healing.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestHub, event, eventually, json_of, permission, start, steerable};

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
async fn what_fills_a_gap_in_what_was_trimmed_brings_nothing_back() {
    let mut hub = TestHub::of_short_memory().await;
    let (exporter, viewer) = hub.session("s1").await;
    // Three of them are lost in an outage, and what comes after is so much that all of this is trimmed.
    exporter.upload(&[said(0), said(1), said(5), said(6)]).await;
    let mut much: Vec<Value> = (0..40)
        .map(|n| {
            let mut event = event(&format!("x{n}"), None, "assistant.message", &json!({"content": "x".repeat(1_000)}));
            event["timestamp"] = format!("2026-01-02T04:00:{n:02}.000Z").into();
            event["ephemeral"] = true.into();
            event
        })
        .collect();
    much.push(permission("R"));
    exporter.upload(&much).await;
    let trimmed = async || viewer.snapshot().await["trimmed_before"].as_u64().unwrap_or_default();
    eventually(async || trimmed().await > 10, "the gap is in what was trimmed").await;
    let before = viewer.snapshot().await;
    let log = async || json_of(viewer.get("/events?limit=1000").await).await;
    let kept = log().await["events"].as_array().unwrap().len();

    // The exporter sends its whole history again, the lost ones among it.
    let history: Vec<_> = [start("s1"), steerable()].into_iter().chain((0..7).map(said)).collect();
    assert_eq!(exporter.upload(&history).await["stored"], 3, "they are taken note of, so that they are known");
    assert_eq!(exporter.upload(&history).await["stored"], 0, "once");
    for again in [false, true] {
        if again {
            hub.restart().await;
        }
        let after = viewer.snapshot().await;
        for field in ["status", "pending", "title", "cwd", "model"] {
            let seq = |state: &Value| state["pending"][0]["request_id"].clone();
            assert!(
                after[field] == before[field] || (field == "pending" && seq(&after) == seq(&before)),
                "{field}: {after}"
            );
        }
        assert_eq!(after["last_seq"].as_u64(), before["last_seq"].as_u64().map(|last| last + 3));
        let page = log().await;
        let events = page["events"].as_array().unwrap();
        assert_eq!(events.len(), kept, "nothing that was trimmed is there again");
        assert!(events.iter().all(|event| !event["event"]["id"].as_str().unwrap().starts_with('e')), "{page:.300}");
        let html = viewer.http.get(format!("{}/t/{}", viewer.hub, viewer.key)).header("accept", "text/html");
        let html = html.send().await.unwrap().text().await.unwrap();
        for n in 2..5 {
            assert!(!html.contains(&format!("word {n}<")), "word {n} is shown after what came later");
        }
    }
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

//! What is kept of a session, and who did what in it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestHub, answer, ephemeral, event, eventually, json_of, permission, permission_completed};

fn long(n: u32) -> Value {
    let mut event = event(&format!("e{n}"), None, "assistant.message", &json!({"content": "x".repeat(1_000), "n": n}));
    event["timestamp"] = format!("2026-01-02T05:00:{n:02}.000Z").into();
    event["ephemeral"] = true.into();
    event
}

#[tokio::test]
async fn old_events_are_trimmed_visibly_and_what_is_open_stays() {
    let mut hub = TestHub::of_short_memory().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[ephemeral("t", "session.title_changed", &json!({"title": "Kept"})), permission("R")]).await;
    let mut stream = viewer.stream("/events/stream").await;
    exporter.upload(&(0..40).map(long).collect::<Vec<_>>()).await;
    let state = stream.state_where(|state| state["trimmed_before"] != 0).await;
    let trimmed = state["trimmed_before"].as_u64().unwrap();
    assert!((5..44).contains(&trimmed), "{trimmed}");
    let page = async || json_of(viewer.get("/events?limit=1000").await).await;
    let first = page().await;
    assert_eq!(first["trimmed_before"], trimmed);
    let seqs: Vec<u64> = first["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    let kept: Vec<u64> = [4].into_iter().chain(trimmed + 1..=44).collect();
    assert_eq!(seqs, kept, "the open request's event, and the newest");

    // A repetition is known, and after a restart everything is as it was.
    assert_eq!(exporter.upload(&(0..40).map(long).collect::<Vec<_>>()).await["stored"], 0);
    hub.restart().await;
    let snapshot = viewer.snapshot().await;
    assert_eq!((&snapshot["title"], &snapshot["status"]), (&json!("Kept"), &json!("waiting")));
    assert_eq!((&snapshot["cwd"], &snapshot["model"]), (&json!("/home/me/demo"), &json!("m")));
    assert_eq!(snapshot["pending"][0]["request_id"], "R");
    assert_eq!(page().await, first);
    let html = viewer.http.get(format!("{}/t/{}", viewer.hub, viewer.key)).header("accept", "text/html");
    let html = html.send().await.unwrap().text().await.unwrap();
    assert!(html.contains("Kept") && html.contains("echo hi"), "the page has its title and its card");
    assert!(html.contains(&format!("{trimmed} earlier events were trimmed")), "and says what it has not");

    // Answered, it goes as well.
    exporter.upload(&[permission_completed("R", "approved")]).await;
    exporter.upload(&(40..59).map(long).collect::<Vec<_>>()).await;
    let gone = async || page().await["events"][0]["seq"].as_u64().is_some_and(|seq| seq > trimmed);
    eventually(gone, "the closed request's event is trimmed").await;
}

#[tokio::test]
async fn the_audit_says_who_did_what_from_where_and_what_became_of_it() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R")]).await;
    let digest = viewer.snapshot().await["pending"][0]["digest"].clone();
    let phone = json!({"id": "d1", "name": "phone"});
    let laptop = json!({"id": "d2", "name": "laptop"});
    let mut wrong = answer("w", "R", true);
    wrong["digest"] = "of something else".into();
    wrong["device"] = laptop.clone();
    let refused = viewer.post(&wrong).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(json_of(refused).await["type"], "urn:groundlink:problem:digest-mismatch");
    let mut right = answer("a", "R", true);
    right["digest"] = digest;
    right["device"] = phone.clone();
    let approved = viewer.command(&right).await;
    assert_eq!(approved["device"], phone);
    let queued = json!({"client_id": "m", "type": "user_message", "content": "one", "device": phone});
    let queued = viewer.command(&queued).await["id"].as_str().unwrap().to_owned();
    let path = format!("{}/commands/{queued}", viewer.api());
    let edit = json!({"content": "two", "device": laptop}).to_string();
    assert_eq!(viewer.http.patch(&path).body(edit).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(viewer.snapshot().await["queue"][0]["content"], "two");
    let id = approved["id"].as_str().unwrap();
    exporter.poll().await;
    exporter.upload(&[permission_completed("R", "approved")]).await;
    viewer.wait_for_state(id, "applied").await;
    let cancelled = viewer.http.delete(format!("{path}?device=d2&device_name=laptop")).send().await.unwrap();
    assert_eq!(json_of(cancelled).await["state"], "cancelled");
    assert_eq!(viewer.snapshot().await["queue"], json!([]));
    assert_eq!(
        viewer.http.patch(&path).body(r#"{"content":"x"}"#).send().await.unwrap().status(),
        StatusCode::CONFLICT
    );

    let page = json_of(viewer.get("/audit").await).await;
    insta::assert_json_snapshot!(page, {".entries[].at_ms" => "[ms]", ".entries[].command" => "[id]"});
    let rest = json_of(viewer.get("/audit?after=6&limit=1").await).await;
    assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["last"]), (1, &page["last"]));
}

#[tokio::test]
async fn a_refusal_with_words_is_one_action_also_for_the_cli() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R")]).await;
    let mut deny = answer("a", "R", false);
    deny["feedback"] = "use make instead".into();
    let denied = viewer.command(&deny).await["id"].as_str().unwrap().to_owned();
    assert!(exporter.poll().await[0]["content"].as_str().unwrap().contains("\"approved\":false"));
    // The CLI ends the turn with it.
    let aborted = ephemeral("x", "abort", &json!({"reason": "user_initiated"}));
    let denial = permission_completed("R", "denied-interactively-by-user");
    exporter.upload(&[denial, aborted, ephemeral("i", "session.idle", &json!({}))]).await;
    assert_eq!(viewer.state(&denied).await, "applied");
    let queue = viewer.snapshot().await["queue"].clone();
    assert_eq!((&queue[0]["content"], &queue[0]["part_of"]), (&json!("use make instead"), &json!(denied)));
    let words = exporter.poll().await;
    assert_eq!((&words[0]["type"], &words[0]["content"]), (&json!("user_message"), &json!("use make instead")));
}

//! The viewer's API: snapshot, pages of events, commands, errors.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestHub, answer, json_of, permission, start};

#[tokio::test]
async fn a_snapshot_says_what_there_is() {
    let hub = TestHub::start().await;
    let exporter = hub.exporter("s1");
    let attached = json!({"id": "s1", "exporter": {"name": "groundlink-bridge", "version": "0.1.0", "notice": "A script",
        "suggestions": [{"label": "Run", "prompt": "run a command"}]}});
    let attached = json_of(exporter.attach(&attached).await).await;
    let viewer = hub.viewer(attached["task_id"].as_str().unwrap());
    insta::assert_json_snapshot!("snapshot_of_a_new_session", viewer.snapshot().await,
        {".presence.last_seen_ms" => "[ms]", ".epoch" => "[epoch]"});
    exporter.upload(&[start("s1"), permission("R")]).await;
    viewer.command(&answer("a", "R", true)).await;
    insta::assert_json_snapshot!("snapshot_of_a_waiting_session", viewer.snapshot().await,
        {".presence.last_seen_ms" => "[ms]", ".epoch" => "[epoch]"});
}

#[tokio::test]
async fn a_link_tells_where_its_api_is() {
    let hub = TestHub::start().await;
    let (_, viewer) = hub.session("s1").await;
    for path in ["/t/", "/copilot/tasks/", "/octo/demo/tasks/"] {
        let url = format!("{}{path}{}", viewer.hub, viewer.key);
        let info = json_of(viewer.http.get(&url).header("accept", "application/json").send().await.unwrap()).await;
        assert_eq!(info, json!({"api": format!("/api/v1/links/{}", viewer.key), "session_id": "s1"}));
        let page = viewer.http.get(&url).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(page.text().await.unwrap().contains(&viewer.key));
    }
}

#[tokio::test]
async fn behind_a_proxy_addresses_have_its_prefix() {
    let hub = TestHub::with(|b| b.public_url(Some("https://example.com/hub/".parse().unwrap()))).await;
    let exporter = hub.exporter("s1");
    let base = format!("http://{}/mc", hub.handle.local_addr());
    assert_eq!(exporter.base, "https://example.com/hub/mc");
    let exporter = crate::support::Exporter { base, ..exporter };
    let attached = json_of(exporter.attach(&json!({"id": "s1"})).await).await;
    let key = attached["task_id"].as_str().unwrap();
    assert_eq!(attached["url"], format!("https://example.com/hub/t/{key}"));
    let url = format!("http://{}/t/{key}", hub.handle.local_addr());
    let info = json_of(exporter.http.get(url).header("accept", "application/json").send().await.unwrap()).await;
    assert_eq!(info["api"], format!("/hub/api/v1/links/{key}"));
}

#[tokio::test]
async fn bad_commands_get_clear_errors() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R")]).await;
    let long = "x".repeat(65);
    let cases: Vec<Value> = vec![
        json!({"type": "abort"}),
        json!({"client_id": "", "type": "abort"}),
        json!({"client_id": long, "type": "abort"}),
        json!({"client_id": "a"}),
        json!({"client_id": "a", "type": "dance"}),
        json!({"client_id": "a", "type": "user_message"}),
        json!({"client_id": "a", "type": "user_message", "content": " \n"}),
        json!({"client_id": "a", "type": "mode_switch", "mode": "yolo"}),
        json!({"client_id": "a", "type": "permission_response", "request_id": "R"}),
        json!({"client_id": "a", "type": "permission_response", "request_id": "R", "approved": true, "scope": "always"}),
        json!({"client_id": "a", "type": "elicitation_response", "request_id": "R", "action": "accept"}),
        json!({"client_id": "a", "type": "elicitation_response", "request_id": "R", "action": "dance"}),
        json!({"client_id": "a", "type": "elicitation_response", "request_id": "R", "action": "accept", "content": 1}),
        json!({"client_id": "a", "type": "plan_approval_response", "request_id": "R", "approved": true,
            "selected_action": "x"}),
        json!([]),
        json!("text"),
    ];
    let mut problems = Vec::new();
    for case in cases {
        let response = viewer.post(&case).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{case}");
        let detail = json_of(response).await["detail"].as_str().unwrap().to_owned();
        problems.push(format!("{case} -> {detail}").replace(&long, "[65 x]"));
    }
    insta::assert_json_snapshot!(problems);
    let broken = viewer.http.post(format!("{}/commands", viewer.api())).body("{").send().await.unwrap();
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    let huge = viewer.post(&json!({"client_id": "h", "type": "user_message", "content": "x".repeat(600_000)})).await;
    assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(exporter.poll().await.is_empty(), "nothing of it was accepted");
}

#[tokio::test]
async fn bad_queries_get_clear_errors() {
    let hub = TestHub::start().await;
    let (_, viewer) = hub.session("s1").await;
    for (path, status) in [
        ("/events?after=x", 400),
        ("/events?after=-1", 400),
        ("/events?limit=many", 400),
        ("/events/stream?after=x", 400),
        ("/events?after=1&after=2", 400),
        ("/commands/%ff", 400),
        ("/events?after=99", 200),
        ("/events?limit=0", 200),
        ("/events?limit=4000000000", 200),
        ("/events?after=18446744073709551615", 200),
        ("/commands/unknown", 404),
        ("/commands", 405),
        ("/nothing", 404),
    ] {
        let response = viewer.get(path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        if status != 200 {
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        }
    }
}

//! Attaching and uploading.

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{TestHub, ephemeral, event, json_of, start};

#[tokio::test]
async fn attaching_is_idempotent_and_ids_are_strings() {
    let hub = TestHub::start().await;
    let exporter = hub.exporter("s1");
    let body = json!({"id": "s1", "agent_task_id": "s1", "owner_id": 7, "repo_id": 42, "indexing_level": "x"});
    // Twice at the same moment, as a session that is attached twice does.
    let answers = join_all((0..4).map(|_| exporter.attach(&body))).await;
    let mut seen = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::OK);
        seen.push(json_of(answer).await);
    }
    assert!(seen.iter().all(|answer| *answer == seen[0]));
    let (id, task) = (seen[0]["id"].as_str().unwrap(), seen[0]["task_id"].as_str().unwrap());
    assert_eq!((id, task.len()), ("s1", 22));
    assert_eq!(seen[0]["url"], format!("{}t/{task}", hub.handle.url()));
}

#[tokio::test]
async fn attaching_without_an_id_mints_one_and_strange_ids_become_safe() {
    let hub = TestHub::start().await;
    let exporter = hub.exporter("any");
    let first = json_of(exporter.attach(&json!({"agent_task_id": "a"})).await).await;
    let second = json_of(exporter.attach(&json!({"agent_task_id": "a"})).await).await;
    assert_ne!(first["id"], second["id"]);
    assert_ne!(first["task_id"], second["task_id"]);
    for strange in ["a/b", "..", "ü", "a b", "a?b#c"] {
        let answer = json_of(exporter.attach(&json!({"id": strange})).await).await;
        let again = json_of(exporter.attach(&json!({"id": strange})).await).await;
        assert_eq!(answer, again, "{strange}");
        let id = answer["id"].as_str().unwrap();
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{id}");
    }
}

#[tokio::test]
async fn events_are_stored_once_in_order() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let a = event("a", Some("start"), "user.message", &json!({"content": "hi"}));
    let b = event("b", Some("a"), "assistant.message", &json!({"content": "ho"}));
    assert_eq!(exporter.upload(&[start("s1"), a.clone()]).await, json!({"stored": 2}));
    assert_eq!(exporter.upload(&[start("s1"), a.clone(), b.clone(), b.clone()]).await, json!({"stored": 1}));
    let page = json_of(viewer.get("/events").await).await;
    insta::assert_json_snapshot!(page, {".epoch" => "[epoch]"});
    let part = json_of(viewer.get("/events?after=1&limit=1").await).await;
    assert_eq!(part["events"].as_array().unwrap().len(), 1);
    assert_eq!(part["events"][0]["event"], a);
    assert_eq!(part["last_seq"], 3);
}

#[tokio::test]
async fn two_exporters_of_one_session_store_nothing_twice() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let mut parent = "start".to_owned();
    let mut events = vec![start("s1")];
    for n in 0..50 {
        let id = format!("e{n}");
        events.push(event(&id, Some(&parent), "assistant.message", &json!({"content": id})));
        parent = id;
    }
    let uploads = events.chunks(7).flat_map(|chunk| [exporter.upload(chunk), exporter.upload(chunk)]);
    join_all(uploads).await;
    let page = json_of(viewer.get("/events?limit=1000").await).await;
    assert_eq!(page["last_seq"], 51);
    let mut ids: Vec<_> = page["events"].as_array().unwrap().iter().map(|e| e["event"]["id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 51);
}

#[tokio::test]
async fn an_unknown_session_is_adopted_from_its_upload() {
    let hub = TestHub::start().await;
    let exporter = hub.exporter("lost");
    assert_eq!(exporter.upload(&[start("lost")]).await["stored"], 1);
    let answer = json_of(exporter.attach(&json!({"id": "lost"})).await).await;
    let viewer = hub.viewer(answer["task_id"].as_str().unwrap());
    assert_eq!(viewer.snapshot().await["cwd"], "/home/me/demo");
}

/// It would go on as if nothing had happened, and the hub would have the end of the session only.
#[tokio::test]
async fn a_bridge_is_told_of_a_session_that_is_lost() {
    let hub = TestHub::start().await;
    let exporter = hub.exporter("lost");
    let upload = async || {
        let request =
            exporter.http.post(format!("{}/sessions/lost/events", exporter.base)).bearer_auth(&exporter.token);
        let request = request.header("copilot-integration-id", "groundlink-bridge");
        request.body(json!({"events": []}).to_string()).send().await.unwrap().status()
    };
    assert_eq!(upload().await, StatusCode::NOT_FOUND);
    exporter.attach(&json!({"id": "lost", "exporter": {"name": "groundlink"}})).await;
    assert_eq!(upload().await, StatusCode::OK);
}

#[tokio::test]
async fn noise_is_dropped_and_deltas_are_not_kept() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let answer = exporter
        .upload(&[
            start("s1"),
            ephemeral("1", "model.messages_snapshot", &json!({"messages": []})),
            ephemeral("2", "assistant.message_delta", &json!({"messageId": "m", "deltaContent": "he"})),
            ephemeral("3", "pending_messages.modified", &json!({})),
            ephemeral("4", "session.title_changed", &json!({"title": "Hi"})),
        ])
        .await;
    assert_eq!(answer, json!({"stored": 2}));
    assert_eq!(viewer.snapshot().await["title"], "Hi");
}

#[tokio::test]
async fn malformed_uploads_never_end_the_clis_link() {
    let hub = TestHub::start().await;
    let (exporter, _) = hub.attach("s1").await;
    let cases: &[(&[u8], u16)] = &[
        (b"", 422),
        (b"{", 422),
        (b"null", 422),
        (b"[]", 422),
        (b"\"text\"", 422),
        (b"{}", 422),
        (b"{\"events\":{}}", 422),
        (b"{\"events\":null}", 422),
        (b"\xff\xfe\x00", 422),
        (b"{\"events\":[]} trailing", 422),
        (b"{\"events\":[]}", 200),
        (b"{\"events\":[null,1,\"x\",[],{}]}", 200),
        (b"{\"events\":[{\"id\":\"\",\"type\":\"x\"},{\"id\":\"a\",\"type\":7}]}", 200),
        (b"{\"events\":[],\"completed_command_ids\":[\"unknown\"]}", 200),
    ];
    for (body, status) in cases {
        let response = exporter.post(body.to_vec()).await;
        let text = String::from_utf8_lossy(body);
        assert_eq!(response.status().as_u16(), *status, "{text}");
        if *status == 422 {
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert!(json_of(response).await["detail"].as_str().is_some_and(|d| d.len() > 10), "{text}");
        }
    }
    let deep = format!(
        "{{\"events\":[{{\"id\":\"d\",\"type\":\"x\",\"data\":{}1{}}}]}}",
        "[".repeat(9_000),
        "]".repeat(9_000)
    );
    let status = exporter.post(deep).await.status().as_u16();
    assert!(status == 200 || status == 422, "{status}");
}

#[tokio::test]
async fn bad_events_are_skipped_and_reported() {
    let hub = TestHub::start().await;
    let (exporter, _) = hub.attach("s1").await;
    let body = json!({"events": [start("s1"), {"type": "x"}, {"id": "b", "type": "x"}, 5]});
    let answer = json_of(exporter.post(body.to_string()).await).await;
    insta::assert_json_snapshot!(answer);
}

#[tokio::test]
async fn too_big_a_body_is_413_and_a_big_one_is_taken() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let big = event("big", None, "tool.execution_complete", &json!({"toolCallId": "c", "x": "x".repeat(9 << 20)}));
    assert_eq!(exporter.upload(&[big]).await["stored"], 1);
    assert_eq!(viewer.snapshot().await["last_seq"], 1);
    // The hub may answer before it has read everything, and hang up on the rest.
    let path = "/sessions/s1/events";
    let sent = exporter.request("POST", path).body("x".repeat(33 << 20)).send().await;
    if let Ok(response) = sent {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(exporter.upload(&[]).await, json!({"stored": 0}));
}

#[tokio::test]
async fn a_session_can_be_looked_up_and_removed() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let look_up = async || exporter.request("GET", "/sessions/s1").send().await.unwrap().status();
    assert_eq!(look_up().await, StatusCode::NOT_FOUND, "it holds nothing: everything is to be sent");
    exporter.upload(&[start("s1")]).await;
    assert_eq!(look_up().await, StatusCode::OK);
    let unknown = exporter.request("GET", "/sessions/other").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);

    let removed = exporter.request("DELETE", "/sessions/s1").send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(viewer.snapshot().await["status"], "ended");
    let removed = exporter.request("DELETE", "/sessions/other").send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    exporter.attach(&json!({"id": "s1"})).await;
    assert_eq!(viewer.snapshot().await["status"], "idle");
}

#[tokio::test]
async fn the_sharing_status_is_what_was_said() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let path = format!("/tasks/{}", viewer.key);
    let status = async |method: &str, body: &str| {
        let response = exporter.request(method, &path).body(body.to_owned()).send().await.unwrap();
        (response.status().as_u16(), json_of(response).await)
    };
    assert_eq!(status("GET", "").await, (200, json!({"sharing_status": "unshared"})));
    assert_eq!(status("PATCH", r#"{"sharing_status":"shared"}"#).await, (200, json!({"sharing_status": "shared"})));
    assert_eq!(status("GET", "").await, (200, json!({"sharing_status": "shared"})));
    assert_eq!(status("PATCH", r#"{"sharing_status":"maybe"}"#).await.0, 400);
    assert_eq!(status("PATCH", "{}").await.0, 400);
    let unknown = exporter.request("GET", "/tasks/unknown").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

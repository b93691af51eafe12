//! All sessions of the hub: who sees them, what is told of them, what can be done to them, and what stays.

use std::time::Duration;

use eventsource_stream::Eventsource;
use futures::StreamExt;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestHub, event, eventually, json_of, permission, permission_completed};

/// Holds the hub's own link.
struct Owner {
    http: reqwest::Client,
    base: String,
}

impl Owner {
    fn of(hub: &TestHub) -> Self {
        let site = hub.handle.url().as_str().trim_end_matches('/');
        Self { http: reqwest::Client::new(), base: format!("{site}/api/v1/hubs/{}", hub.hub_key()) }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut request = self.http.request(method, format!("{}/sessions{path}", self.base));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        request.send().await.expect("an answer")
    }

    async fn list(&self) -> Vec<Value> {
        let list = json_of(self.ask(Method::GET, "", None).await).await;
        let mut sessions = list["sessions"].as_array().expect("sessions").clone();
        sessions.sort_by_key(|entry| entry["session_id"].to_string());
        sessions
    }

    async fn session(&self, id: &str) -> Value {
        let found = self.list().await.into_iter().find(|entry| entry["session_id"] == id);
        found.unwrap_or(Value::Null)
    }

    async fn until(&self, id: &str, what: &str, fits: impl Fn(&Value) -> bool) {
        eventually(async || fits(&self.session(id).await), what).await;
    }

    async fn edit(&self, id: &str, edit: &Value) -> Value {
        let answer = self.ask(Method::PATCH, &format!("/{id}"), Some(edit)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{edit}");
        json_of(answer).await
    }
}

fn context(repository: &str) -> Value {
    event(
        "ctx",
        Some("steerable"),
        "session.context_changed",
        &json!({"cwd": "/home/me/app", "repository": repository, "branch": "main"}),
    )
}

#[tokio::test]
async fn the_list_says_what_each_session_is_at() {
    let hub = TestHub::start().await;
    let owner = Owner::of(&hub);
    assert_eq!(owner.list().await, [Value::Null; 0]);
    let (first, viewer) = hub.session("s1").await;
    let (_second, _) = hub.session("s2").await;
    first.upload(&[context("me/app"), permission("R")]).await;
    owner.until("s1", "the first waits", |entry| entry["status"] == "waiting").await;
    let entry = owner.session("s1").await;
    assert_eq!(entry["repository"], "me/app");
    assert_eq!(entry["branch"], "main");
    assert_eq!(entry["model"], "m");
    assert_eq!(entry["waiting"][0]["kind"], "permission");
    assert!(entry["waiting"][0]["summary"].as_str().unwrap().contains("echo hi"), "{entry}");
    assert_eq!(entry["presence"], json!({"online": true, "silent": false}));
    assert!(entry["link"].as_str().unwrap().ends_with(&format!("/t/{}", viewer.key)), "{entry}");
    assert_eq!(owner.session("s2").await["waiting"], json!([]));
    first.upload(&[permission_completed("R", "approved")]).await;
    owner.until("s1", "it goes on", |entry| entry["waiting"] == json!([])).await;
}

#[tokio::test]
async fn the_list_is_the_same_after_a_restart_without_reading_events() {
    let mut hub = TestHub::start().await;
    let (exporter, _) = hub.session("s1").await;
    exporter.upload(&[context("me/app"), permission("R")]).await;
    let owner = Owner::of(&hub);
    owner.until("s1", "it waits", |entry| entry["status"] == "waiting").await;
    owner.edit("s1", &json!({"name": "My  app"})).await;
    let before = owner.session("s1").await;
    hub.restart().await;
    // The link is the same: the key is.
    let after = Owner::of(&hub).session("s1").await;
    for field in [
        "status",
        "since",
        "name",
        "repository",
        "branch",
        "cwd",
        "model",
        "waiting",
        "archived",
        "created_at_ms",
        "link",
    ] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(after["presence"]["online"], false);
    assert!(after["presence"]["last_seen_ms"].is_u64(), "{after}");
}

#[tokio::test]
async fn a_change_reaches_who_follows_and_an_interrupted_stream_goes_on() {
    let hub = TestHub::start().await;
    let owner = Owner::of(&hub);
    let (exporter, _) = hub.session("s1").await;
    let open = async |from: &str| {
        let response = owner.ask(Method::GET, &format!("/stream?cursor={from}"), None).await;
        assert_eq!(response.status(), StatusCode::OK);
        Box::pin(response.bytes_stream().eventsource().map(|event| event.expect("an event")))
    };
    let mut stream = open("").await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.event, "sessions");
    exporter.upload(&[permission("R")]).await;
    let mut last;
    loop {
        last = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("a change").unwrap();
        assert_eq!(last.event, "session");
        let entry: Value = serde_json::from_str(&last.data).unwrap();
        if entry["status"] == "waiting" {
            break;
        }
    }
    drop(stream);
    owner.edit("s1", &json!({"archived": true})).await;
    let mut again = open(&last.id).await;
    let next = tokio::time::timeout(Duration::from_secs(10), again.next()).await.expect("a change").unwrap();
    let entry: Value = serde_json::from_str(&next.data).unwrap();
    assert_eq!((next.event.as_str(), &entry["archived"]), ("session", &json!(true)));
    // The page's stream brings rows.
    let response = owner.http.get(format!("{}/page/stream?cursor={}", owner.base, last.id)).send().await.unwrap();
    let mut drawn = Box::pin(response.bytes_stream().eventsource().map(|event| event.expect("an event")));
    let patch = tokio::time::timeout(Duration::from_secs(10), drawn.next()).await.expect("a patch").unwrap();
    let change: Value = serde_json::from_str(&patch.data).unwrap();
    assert_eq!(change["rows"][0]["group"], "archived");
    assert!(change["rows"][0]["html"].as_str().unwrap().contains("echo hi"), "{change}");
}

#[tokio::test]
async fn a_name_and_the_archive_are_kept_and_told_to_the_audit() {
    let hub = TestHub::start().await;
    let owner = Owner::of(&hub);
    let (_exporter, viewer) = hub.session("s1").await;
    let device = json!({"id": "d", "name": "phone"});
    let entry = owner.edit("s1", &json!({"name": " Release ", "archived": true, "device": device})).await;
    assert_eq!((&entry["name"], &entry["archived"]), (&json!("Release"), &json!(true)));
    // Its page has the name.
    let page = viewer.http.get(format!("{}/t/{}", viewer.hub, viewer.key)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<title>Release · groundlink</title>"), "{page}");
    // The same again is nothing new; an empty name is none.
    owner.edit("s1", &json!({"name": "Release", "archived": true})).await;
    let entry = owner.edit("s1", &json!({"name": "", "archived": false})).await;
    assert_eq!((&entry["name"], &entry["archived"]), (&Value::Null, &json!(false)));
    let audit = json_of(viewer.get("/audit").await).await;
    let lines: Vec<(&str, &str, &Value)> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["type"].as_str().unwrap(), line["outcome"].as_str().unwrap(), &line["subject"]))
        .collect();
    let none = &Value::Null;
    let named = &json!("Release");
    assert_eq!(
        lines,
        [
            ("session", "renamed", named),
            ("session", "archived", none),
            ("session", "renamed", none),
            ("session", "unarchived", none)
        ]
    );
    assert_eq!(audit["entries"][0]["device"], device);
}

#[tokio::test]
async fn a_deleted_session_is_gone_and_comes_back_empty() {
    // Offline after a moment.
    let mut hub = TestHub::with(|b| b.presence_timeout(Duration::from_millis(200))).await;
    let owner = Owner::of(&hub);
    let (exporter, viewer) = hub.session("s1").await;
    let (_other, other_viewer) = hub.session("s2").await;
    exporter.upload(&[context("me/app"), permission("R")]).await;
    viewer.message("hello").await;
    let mut stream = viewer.stream("/events/stream").await;
    let mut page = viewer.stream("/page/stream").await;
    owner.until("s1", "it is offline", |entry| entry["presence"]["online"] == false).await;
    let gone = owner.ask(Method::DELETE, "/s1?device=d&device_name=phone", None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    // Its streams end, its link leads nowhere, it is not in the list; the other one is not touched.
    while stream.next().await.is_some() {}
    while page.next().await.is_some() {}
    assert_eq!(viewer.get("").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(owner.list().await.len(), 1);
    assert_eq!(other_viewer.snapshot().await["last_seq"], 2);
    assert_eq!(owner.ask(Method::DELETE, "/s1", None).await.status(), StatusCode::NOT_FOUND);
    hub.restart().await;
    let owner = Owner::of(&hub);
    assert_eq!(owner.list().await.len(), 1);
    // An exporter that comes back is asked for everything, and the session begins anew, under the same link.
    let exporter = hub.exporter("s1");
    let asked = exporter.request("GET", "/sessions/s1").send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::NOT_FOUND);
    let (_exporter, again) = hub.session("s1").await;
    assert_eq!(again.key, viewer.key);
    assert_eq!(again.snapshot().await["last_seq"], 2);
    let audit = json_of(again.get("/audit").await).await;
    assert_eq!(audit["entries"], json!([]), "the old one's audit is not the new one's");
}

#[tokio::test]
async fn a_connected_session_is_not_deleted() {
    let hub = TestHub::start().await;
    let owner = Owner::of(&hub);
    let (exporter, viewer) = hub.session("s1").await;
    let refused = owner.ask(Method::DELETE, "/s1", None).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let problem = json_of(refused).await;
    assert_eq!(problem["type"], "urn:groundlink:problem:still-connected");
    assert!(problem["detail"].as_str().unwrap().contains("end it where it runs"), "{problem}");
    assert_eq!(viewer.snapshot().await["status"], "idle");
    // It is over when its exporter says so.
    assert!(exporter.request("DELETE", "/sessions/s1").send().await.unwrap().status().is_success());
    assert_eq!(owner.session("s1").await["status"], "ended");
    assert_eq!(owner.ask(Method::DELETE, "/s1", None).await.status(), StatusCode::NO_CONTENT);
    // Or when the session itself has ended, though its exporter was heard a moment ago.
    let (exporter, viewer) = hub.session("s2").await;
    exporter.upload(&[event("end", Some("steerable"), "session.shutdown", &json!({}))]).await;
    assert_eq!(viewer.snapshot().await["presence"]["online"], true);
    assert_eq!(owner.ask(Method::DELETE, "/s2", None).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn no_other_secret_is_the_hubs_link() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let site = &viewer.hub;
    for wrong in [viewer.key.as_str(), exporter.token.as_str(), "nobody", ""] {
        for path in [format!("/api/v1/hubs/{wrong}/sessions"), format!("/h/{wrong}")] {
            let answer = viewer.http.get(format!("{site}{path}")).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
    // Nor is it a session's, and the page of a session does not know it.
    let key = hub.hub_key();
    assert_eq!(hub.viewer(&key).get("").await.status(), StatusCode::NOT_FOUND);
    let page = viewer.http.get(format!("{site}/t/{}", viewer.key)).send().await.unwrap().text().await.unwrap();
    assert!(!page.contains(&key));
    let list = viewer.http.get(format!("{site}/h/{key}")).send().await.unwrap();
    assert_eq!(list.headers()["content-security-policy"], groundlink_hub::web::CONTENT_SECURITY_POLICY);
    assert_eq!(list.headers()["referrer-policy"], "no-referrer");
    assert!(list.text().await.unwrap().contains("data-id=\"s1\""));
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let hub = TestHub::start().await;
    for n in 0..7 {
        hub.session(&format!("s{n}")).await;
    }
    let owner = Owner::of(&hub);
    let mut seen: Vec<String> = Vec::new();
    let mut after = String::new();
    for expected in [3, 3, 1] {
        let page = json_of(owner.ask(Method::GET, &format!("?limit=3{after}"), None).await).await;
        let sessions = page["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), expected);
        seen.extend(sessions.iter().map(|entry| entry["session_id"].as_str().unwrap().to_owned()));
        after = page["next"].as_str().map(|next| format!("&after={next}")).unwrap_or_default();
        // What comes new meanwhile is at the front, and moves nothing.
        hub.session(&format!("new{expected}-{}", seen.len())).await;
    }
    assert!(after.is_empty());
    seen.sort();
    assert_eq!(seen, (0..7).map(|n| format!("s{n}")).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn what_was_done_in_deleted_sessions_can_be_read_by_who_owns_the_hub() {
    let mut hub = TestHub::start().await;
    let owner = Owner::of(&hub);
    let audit = async |query: &str| {
        let url = format!("{}/audit{query}", owner.base);
        json_of(owner.http.get(url).send().await.expect("an answer")).await
    };
    assert_eq!(audit("").await, json!({"entries": [], "last": 0}));
    for id in ["s1", "s2"] {
        let (exporter, viewer) = hub.session(id).await;
        exporter.upload(&[permission("R")]).await;
        let mut answer = crate::support::answer("a", "R", true);
        answer["device"] = json!({"id": "d1", "name": "phone"});
        let command = viewer.command(&answer).await["id"].as_str().unwrap().to_owned();
        exporter.poll().await;
        exporter.upload(&[permission_completed("R", "approved")]).await;
        viewer.wait_for_state(&command, "applied").await;
        exporter.upload(&[event("end", Some("steerable"), "session.shutdown", &json!({}))]).await;
        owner.until(id, "it has ended", |entry| entry["status"] == "ended").await;
        let deleted = owner.ask(Method::DELETE, &format!("/{id}?device=d2&device_name=desk"), None).await;
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
        // Its own link leads nowhere any more, and neither does that to its audit.
        assert_eq!(viewer.get("/audit").await.status(), StatusCode::NOT_FOUND);
    }
    let all = audit("").await;
    let entries = all["entries"].as_array().unwrap();
    let lines: Vec<_> = entries
        .iter()
        .map(|line| (line["session_id"].as_str().unwrap(), line["entry"]["outcome"].as_str().unwrap()))
        .collect();
    let of = |id| ["accepted", "delivered", "applied", "deleted"].map(|outcome| (id, outcome));
    assert_eq!(lines, [of("s1"), of("s2")].concat());
    assert_eq!(entries[2]["entry"]["device"], json!({"id": "d1", "name": "phone"}));
    assert_eq!(entries[3]["entry"]["device"], json!({"id": "d2", "name": "desk"}));
    assert!(entries.iter().zip(1..).all(|(line, place)| line["place"] == place), "{all}");
    hub.restart().await;
    let page = audit("?after=3&limit=2").await;
    assert_eq!(
        (page["entries"].as_array().unwrap().len(), &page["entries"][0], &page["last"]),
        (2, &entries[3], &json!(8))
    );
    let wrong = format!("{}x/audit", owner.base);
    assert_eq!(owner.http.get(wrong).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

//! Who gets in, and what is never kept.

use std::path::Path;

use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::push::{Browser, Place, Service};
use crate::support::{TestHub, event, json_of, start};

fn files_with(dir: &Path, secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn no_secret_is_found_in_the_data() {
    let mut hub = Service::default().hub().await;
    let (exporter, viewer) = hub.attach("s1").await;
    let browser = Browser::new("phone");
    browser.subscribe(&Place::session(&viewer), &json!({})).await;
    browser.subscribe(&Place::hub(&hub), &json!({})).await;
    let browser = browser.secrets();
    let (other, other_viewer) = hub.attach("s2").await;
    let token = hub.handle.export_token().expose_secret().to_owned();
    let hub_key = hub.hub_key();
    let url = format!("http://localhost/octo/demo/tasks/{}", viewer.key);
    exporter
        .upload(&[
            start("s1"),
            event("i", Some("start"), "session.info", &json!({"infoType": "remote", "message": "on", "url": url})),
            event(
                "e",
                Some("i"),
                "tool.execution_complete",
                &json!({"result": {"content": format!(
                "COPILOT_MC_ACCESS_TOKEN={token}\nsee {} {hub_key}\n", other_viewer.key)}}),
            ),
        ])
        .await;
    // A CLI that was not told the hub's token sends the user's.
    let canary = "gho_canary0123456789abcdef";
    let mut foreign = other.clone();
    foreign.token = canary.to_owned();
    let refused = foreign.post(json!({"events": [start("s2")]}).to_string()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(!refused.text().await.unwrap().contains(canary));

    let page = json_of(viewer.get("/events").await).await;
    assert_eq!(page["events"][1]["event"]["data"]["url"], "http://localhost/octo/demo/tasks/******");
    let printed = page["events"][2]["event"]["data"]["result"]["content"].as_str().unwrap();
    assert_eq!(printed, "COPILOT_MC_ACCESS_TOKEN=******\nsee ****** ******\n");
    for _ in 0..2 {
        let known = [viewer.key.as_str(), &other_viewer.key, &hub_key, &token, canary];
        for secret in known.into_iter().chain(browser.iter().map(String::as_str)) {
            assert_eq!(files_with(hub.dir.path(), secret), [""; 0], "{secret}");
        }
        // Once more with everything in the main file.
        hub.restart().await;
    }
}

#[tokio::test]
async fn only_the_export_token_opens_the_exporters_door() {
    let hub = TestHub::start().await;
    let (exporter, _) = hub.session("s1").await;
    let paths = [
        ("POST", "/sessions"),
        ("POST", "/sessions/s1/events"),
        ("GET", "/sessions/s1/commands"),
        ("GET", "/sessions/s1"),
        ("DELETE", "/sessions/s1"),
        ("GET", "/tasks/x"),
        ("PATCH", "/tasks/x"),
    ];
    let authorizations =
        [None, Some("Bearer wrong"), Some("Bearer "), Some("Bearer"), Some("Basic eDp5"), Some("glx_")];
    for (method, path) in paths {
        for authorization in authorizations {
            let url = format!("{}{path}", exporter.base);
            let mut request = exporter.http.request(method.parse().unwrap(), url).body("{}");
            if let Some(value) = authorization {
                request = request.header("authorization", value);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path} {authorization:?}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
    }
    let refused = exporter.http.get(format!("{}/sessions/s1", exporter.base)).send().await.unwrap();
    insta::assert_json_snapshot!(json_of(refused).await);
}

#[tokio::test]
async fn a_wrong_link_is_like_any_wrong_path() {
    let hub = TestHub::start().await;
    let (_, viewer) = hub.session("s1").await;
    let mut almost = viewer.key.clone();
    almost.replace_range(..1, if almost.starts_with('A') { "B" } else { "A" });
    let shape = async |path: &str, accept: &str| {
        let request = viewer.http.get(format!("{}{path}", viewer.hub)).header("accept", accept);
        let response = request.send().await.unwrap();
        let headers = response.headers().iter().filter(|(name, _)| *name != "date");
        let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        (response.status(), headers, response.text().await.unwrap())
    };
    for accept in ["text/html", "application/json"] {
        let nowhere = shape("/no/such/path/here", accept).await;
        assert_eq!(nowhere.0, StatusCode::NOT_FOUND);
        for path in ["/t/", "/copilot/tasks/", "/octo/demo/tasks/"] {
            assert_eq!(shape(&format!("{path}{almost}"), accept).await, nowhere, "{path} {accept}");
        }
    }
    let nowhere = shape("/api/v1/nothing", "*/*").await;
    for path in ["", "/events", "/events/stream", "/page/stream", "/commands/x"] {
        assert_eq!(shape(&format!("/api/v1/links/{almost}{path}"), "*/*").await, nowhere, "{path}");
    }
    let posted = viewer.http.post(format!("{}/api/v1/links/{almost}/commands", viewer.hub)).body("bad").send().await;
    assert_eq!(posted.unwrap().status(), StatusCode::NOT_FOUND);
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_is_this_users_only() {
    use std::os::unix::fs::PermissionsExt;
    let hub = TestHub::start().await;
    hub.session("s1").await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(hub.dir.path()), 0o700);
    for entry in std::fs::read_dir(hub.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn every_answer_has_the_safe_headers() {
    let hub = TestHub::start().await;
    let (_, viewer) = hub.session("s1").await;
    let link = format!("/t/{}", viewer.key);
    let api = format!("/api/v1/links/{}", viewer.key);
    for path in [link.as_str(), &api, "/nowhere", "/assets/page.css", "/mc/sessions/x"] {
        let response = viewer.http.get(format!("{}{path}", viewer.hub)).send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        let cached = path.starts_with("/assets/");
        assert_eq!(headers["cache-control"] == "no-store", !cached, "{path}");
        let html = headers["content-type"].to_str().unwrap().starts_with("text/html");
        assert_eq!(headers.contains_key("content-security-policy"), html, "{path}");
    }
}

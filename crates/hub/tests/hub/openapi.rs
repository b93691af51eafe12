//! The document that describes the API, held against what the hub really answers.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestHub, answer, json_of, permission};

/// Holds bodies against the document.
struct Document(Value);

impl Document {
    /// The answer's status is one that the document names, and its body fits.
    fn check(&self, method: &str, path: &str, status: StatusCode, kind: &str, body: &Value) {
        let operation = &self.0["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not in the document");
        let response = &operation["responses"][status.as_str()];
        assert!(response.is_object(), "{method} {path} answered {status}, of which the document knows nothing: {body}");
        let mut schema = response["content"][kind]["schema"].clone();
        assert!(schema.is_object(), "{method} {path}: {kind}");
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        if let Err(error) = validator.validate(body) {
            panic!("{method} {path} {status}: {error}\n{body:#}");
        }
    }
}

#[tokio::test]
async fn the_document_says_what_the_hub_answers() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let base = format!("{}/api/v1", viewer.hub);
    let document = json_of(viewer.http.get(format!("{base}/openapi.json")).send().await.unwrap()).await;
    let document = Document(document);
    exporter.upload(&[permission("R")]).await;
    let device = json!({"id": "d", "name": "phone"});
    let message =
        |client: &str| json!({"client_id": client, "type": "user_message", "content": "hi", "device": device});
    let first = viewer.message("first").await;
    let wrong_digest = json!({"client_id": "w", "type": "permission_response", "request_id": "R", "approved": true,
        "digest": "another"});
    let command = "/links/{key}/commands/{id}";
    let cases: Vec<(&str, &str, String, Option<Value>, u16)> = vec![
        ("get", "/openapi.json", String::new(), None, 200),
        ("get", "/links/{key}", String::new(), None, 200),
        ("get", "/links/{key}/events", "?after=0&limit=2".into(), None, 200),
        ("get", "/links/{key}/events", "?after=x".into(), None, 400),
        ("get", "/links/{key}/events/stream", "?after=x".into(), None, 400),
        ("post", "/links/{key}/commands", String::new(), Some(message("m")), 202),
        ("post", "/links/{key}/commands", String::new(), Some(message("m")), 200),
        ("post", "/links/{key}/commands", String::new(), Some(answer("a", "S", true)), 409),
        ("post", "/links/{key}/commands", String::new(), Some(wrong_digest), 409),
        ("post", "/links/{key}/commands", String::new(), Some(json!({"client_id": "x"})), 422),
        ("get", command, first.clone(), None, 200),
        ("get", command, "nothing".into(), None, 404),
        ("patch", command, first.clone(), Some(json!({"content": "other"})), 200),
        ("patch", command, first.clone(), Some(json!({"content": " "})), 422),
        ("patch", command, "nothing".into(), Some(json!({"content": "x"})), 404),
        ("delete", command, format!("{first}?device=d&device_name=phone"), None, 200),
        ("delete", command, first.clone(), None, 409),
        ("get", "/links/{key}/audit", "?after=0".into(), None, 200),
        ("get", "/links/{key}/audit", "?limit=-1".into(), None, 400),
        ("get", "/hubs/{key}/sessions", "?limit=1".into(), None, 200),
        ("get", "/hubs/{key}/sessions", "?after=somewhere".into(), None, 400),
        ("get", "/hubs/{key}/audit", String::new(), None, 200),
        ("get", "/hubs/{key}/audit", "?after=x".into(), None, 400),
        ("patch", "/hubs/{key}/sessions/{id}", "s1".into(), Some(json!({"name": "mine", "device": device})), 200),
        ("patch", "/hubs/{key}/sessions/{id}", "s1".into(), Some(json!({"name": "x".repeat(121)})), 422),
        ("patch", "/hubs/{key}/sessions/{id}", "nothing".into(), Some(json!({"archived": true})), 404),
        ("delete", "/hubs/{key}/sessions/{id}", "nothing".into(), None, 404),
        // It is connected.
        ("delete", "/hubs/{key}/sessions/{id}", "s1?device=d".into(), None, 409),
    ];
    let hub_key = hub.hub_key();
    let key_of = |path: &str| if path.starts_with("/hubs/") { hub_key.clone() } else { viewer.key.clone() };
    for (method, path, rest, body, status) in cases {
        let url = format!("{base}{}", path.replace("{key}", &key_of(path)).replace("{id}", "")) + &rest;
        let request = viewer.http.request(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), &url);
        let request = body
            .map_or_else(|| request.try_clone().unwrap(), |body| request.try_clone().unwrap().body(body.to_string()));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path} {rest}");
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        document.check(method, path, response.status(), &kind, &json_of(response).await);
    }
    // Every operation leads to a route: what is asked with a wrong link is not there, but for the document.
    for (path, operations) in document.0["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let path = &path.replace("{item}", "0").replace("{index}", "0");
            let url = format!("{base}{}", path.replace("{key}", "nobody").replace("{id}", "nothing"));
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let body = r#"{"content":"x","client_id":"c","type":"abort"}"#;
            let status = viewer.http.request(method.clone(), &url).body(body).send().await.unwrap().status();
            let expected = if path == "/openapi.json" { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(status, expected, "{method} {path}");
            // This session has no picture.
            if path.contains("/picture/") {
                continue;
            }
            let id = if path.starts_with("/hubs/") { "s1" } else { &first };
            let known = format!("{base}{}", path.replace("{key}", &key_of(path)).replace("{id}", id));
            let there = viewer.http.request(method.clone(), &known).body("{}").send().await.unwrap().status();
            assert!(there != StatusCode::NOT_FOUND && there != StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_a_stream_sends_fits_its_schemas() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let document = json_of(viewer.http.get(format!("{}/api/v1/openapi.json", viewer.hub)).send().await.unwrap()).await;
    let mut stream = viewer.stream("/events/stream?after=1&epoch=another").await;
    let delta = crate::support::ephemeral("d", "assistant.message_delta", &json!({"deltaContent": "x"}));
    exporter.upload(&[delta, permission("R")]).await;
    let names = [
        ("state", "SessionSnapshot"),
        ("epoch", "EpochChange"),
        ("event", "SequencedEvent"),
        ("delta", "PassingEvent"),
    ];
    let mut missing: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    while !missing.is_empty() {
        let event = stream.next().await.unwrap();
        let (_, schema) =
            names.iter().find(|(name, _)| *name == event.name).unwrap_or_else(|| panic!("{}", event.name));
        let schema = json!({"$ref": format!("#/components/schemas/{schema}"), "components": document["components"]});
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(validator.is_valid(&event.data), "{}: {}", event.name, event.data);
        missing.retain(|name| *name != event.name);
    }
}

//! Notifications by Web Push, with a stand-in for the browsers' push services that keeps what it gets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use futures::future::BoxFuture;
use groundlink_hub::{HubBuilder, PushPost, PushReceiver, PushReply, PushSettings, PushTransport, PushTransportError};
use groundlink_protocol::api::{PushMessage, PushReason, RequestKind};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::support::{
    SOON, TestHub, Viewer, answer, ephemeral, event, eventually, json_of, permission, permission_completed,
};

/// The push services of all browsers.
#[derive(Clone, Default)]
pub(crate) struct Service(Arc<Kept>);

#[derive(Default)]
struct Kept {
    posts: Mutex<VecDeque<PushPost>>,
    /// Statuses to answer with; 201 after them.
    answers: Mutex<VecDeque<u16>>,
    news: Notify,
}

impl PushTransport for Service {
    fn post(&self, post: PushPost) -> BoxFuture<'_, Result<PushReply, PushTransportError>> {
        self.0.posts.lock().unwrap().push_back(post);
        self.0.news.notify_one();
        let status = self.0.answers.lock().unwrap().pop_front().unwrap_or(201);
        Box::pin(async move { Ok(PushReply { status, retry_after: None }) })
    }
}

impl Service {
    /// A hub whose people are notified by it.
    pub(crate) async fn hub(&self) -> TestHub {
        let service = self.clone();
        TestHub::with(move |builder| service.on(builder)).await
    }

    fn on(&self, builder: HubBuilder) -> HubBuilder {
        let settings = PushSettings::new(self.clone()).grace(Duration::from_millis(100)).gap(Duration::ZERO);
        builder.push(settings.retry(Duration::from_millis(10)))
    }

    /// The next post.
    async fn next(&self) -> PushPost {
        let next = async {
            loop {
                if let Some(post) = self.0.posts.lock().unwrap().pop_front() {
                    return post;
                }
                self.0.news.notified().await;
            }
        };
        tokio::time::timeout(SOON, next).await.expect("a message")
    }

    /// Nothing has come that was not looked at.
    fn is_quiet(&self) -> bool {
        self.0.posts.lock().unwrap().is_empty()
    }
}

/// A browser with a subscription.
pub(crate) struct Browser {
    receiver: PushReceiver,
    pub(crate) endpoint: String,
    device: &'static str,
}

impl Browser {
    pub(crate) fn new(device: &'static str) -> Self {
        let receiver = PushReceiver::generate();
        let endpoint = format!("https://fcm.googleapis.com/fcm/send/{device}-{}", receiver.auth());
        Self { receiver, endpoint, device }
    }

    pub(crate) fn id(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(self.endpoint.as_bytes()))
    }

    pub(crate) fn body(&self) -> Value {
        json!({"endpoint": self.endpoint, "p256dh": self.receiver.p256dh(), "auth": self.receiver.auth(),
            "device": {"id": self.device, "name": "phone"}})
    }

    /// The secrets of its subscription.
    pub(crate) fn secrets(&self) -> [String; 3] {
        [self.endpoint.clone(), self.receiver.p256dh(), self.receiver.auth()]
    }

    pub(crate) async fn subscribe(&self, place: &Place, wishes: &Value) {
        let mut body = self.body();
        body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
        let response = place.put(&format!("push/{}", self.id()), &body).await;
        assert_eq!(response.status(), StatusCode::OK);
    }

    /// The message that a post carries, which must be for this browser.
    fn open(&self, post: &PushPost) -> PushMessage {
        assert_eq!(post.url.as_str(), self.endpoint);
        self.receiver.open(&post.body).expect("it is for this browser")
    }
}

/// What a link leads to: a session, or the hub.
pub(crate) struct Place {
    http: reqwest::Client,
    api: String,
}

impl Place {
    pub(crate) fn session(viewer: &Viewer) -> Self {
        Self { http: viewer.http.clone(), api: viewer.api() }
    }

    pub(crate) fn hub(hub: &TestHub) -> Self {
        let url = hub.handle.url().as_str().trim_end_matches('/');
        Self { http: reqwest::Client::new(), api: format!("{url}/api/v1/hubs/{}", hub.hub_key()) }
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.http.request(method, format!("{}/{path}", self.api));
        let request = if let Some(body) = body { request.body(body.to_string()) } else { request };
        request.send().await.expect("an answer")
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PUT, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path, None).await
    }

    async fn delete(&self, path: &str) -> StatusCode {
        self.request(Method::DELETE, path, None).await.status()
    }

    async fn focus(&self, page: &str, focused: bool) {
        let report = json!({"device": {"id": "laptop"}, "page": page, "focused": focused});
        assert_eq!(self.put("focus", &report).await.status(), StatusCode::NO_CONTENT);
    }
}

fn shell(id: &str, command: &str) -> Value {
    let mut asked = permission(id);
    asked["data"]["permissionRequest"]["fullCommandText"] = command.into();
    asked
}

#[tokio::test]
async fn a_message_says_that_a_session_needs_somebody_and_more_only_where_that_is_wanted() {
    let service = Service::default();
    let hub = service.hub().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[event("t", Some("start"), "session.title_changed", &json!({"title": "Secret plans"}))]).await;
    let place = Place::session(&viewer);
    let browser = Browser::new("phone");
    browser.subscribe(&place, &json!({})).await;

    exporter.upload(&[shell("R", "cat private.txt")]).await;
    let post = service.next().await;
    let message = browser.open(&post);
    assert_eq!((message.session_id.as_str(), message.reason, &message.content), ("s1", PushReason::NeedsYou, &None));
    let header = |name: &str| {
        post.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    assert_eq!((header("Content-Encoding"), header("TTL"), header("Urgency")), ("aes128gcm", "43200", "high"));
    assert!(header("Topic").len() <= 32 && !header("Topic").contains("s1"));
    let key = json_of(place.get("push").await).await["public_key"].as_str().unwrap().to_owned();
    assert!(header("Authorization").ends_with(&format!(", k={key}")));

    browser.subscribe(&place, &json!({"content": true})).await;
    let state = json_of(place.get(&format!("push/{}", browser.id())).await).await;
    assert_eq!((&state["content"], &state["done"]), (&json!(true), &json!(false)));
    exporter.upload(&[shell("S", "rm \u{202e}fdp.x\nsecond line")]).await;
    let message = browser.open(&service.next().await);
    let content = message.content.unwrap();
    assert_eq!(content.session, "Secret plans");
    assert_eq!((content.kind, content.tool.as_deref()), (Some(RequestKind::Permission), Some("shell")));
    assert_eq!((content.text.as_deref(), content.more), (Some("rm [U+202E]fdp.x"), 1));

    // Long ones are cut, and are no longer than others.
    exporter.upload(&[shell("T", &"\u{200b}".repeat(5_000))]).await;
    let long = service.next().await;
    assert_eq!(long.body.len(), post.body.len());
    assert!(browser.open(&long).content.unwrap().text.unwrap().chars().count() <= 200);

    assert_eq!(place.delete(&format!("push/{}", browser.id())).await, StatusCode::NO_CONTENT);
    assert_eq!(place.delete(&format!("push/{}", browser.id())).await, StatusCode::NO_CONTENT);
    assert_eq!(place.get(&format!("push/{}", browser.id())).await.status(), StatusCode::NOT_FOUND);
    assert!(service.is_quiet());
}

#[tokio::test]
async fn who_looks_is_not_told_and_neither_is_who_answers() {
    let service = Service::default();
    let hub = service.hub().await;
    let (exporter, viewer) = hub.session("s1").await;
    let (other, _) = hub.session("other").await;
    let place = Place::session(&viewer);
    let (browser, witness) = (Browser::new("phone"), Browser::new("witness"));
    browser.subscribe(&place, &json!({})).await;
    witness.subscribe(&Place::hub(&hub), &json!({})).await;
    // What comes after this has been told, if it was to be told.
    let later = async |id: &str| {
        other.upload(&[permission(id)]).await;
        let post = service.next().await;
        assert_eq!(witness.open(&post).session_id, "other", "and nothing else");
    };

    // Somebody looks.
    place.focus("1", true).await;
    exporter.upload(&[permission("R")]).await;
    later("A").await;
    // They leave, and have seen it.
    place.focus("1", false).await;
    later("B").await;
    exporter.upload(&[permission_completed("R", "approved")]).await;

    // An answer is on its way, from a device that is not looked at; nobody has fetched it.
    exporter.upload(&[permission("S")]).await;
    let answered = viewer.post(&answer("c", "S", true)).await;
    assert_eq!(answered.status(), StatusCode::ACCEPTED);
    later("C").await;
    exporter.upload(&[permission_completed("S", "approved")]).await;

    // Nobody looks, nobody answers.
    exporter.upload(&[permission("T")]).await;
    let mut told = [service.next().await, service.next().await].map(|post| post.url.to_string());
    told.sort();
    let mut expected = [browser.endpoint.clone(), witness.endpoint.clone()];
    expected.sort();
    assert_eq!(told, expected);

    assert_eq!(place.delete(&format!("push/{}", browser.id())).await, StatusCode::NO_CONTENT);
    assert!(service.is_quiet());
}

#[tokio::test]
async fn all_sessions_are_told_of_once_a_device() {
    let service = Service::default();
    let hub = service.hub().await;
    let (exporter, viewer) = hub.session("s1").await;
    let (one, two) = (Browser::new("phone"), Browser::new("phone"));
    one.subscribe(&Place::session(&viewer), &json!({"content": true})).await;
    two.subscribe(&Place::hub(&hub), &json!({"done": true})).await;
    exporter.upload(&[permission("R")]).await;
    assert_eq!(two.open(&service.next().await).reason, PushReason::NeedsYou);
    // The turn ends: only who wants to hear of it does.
    exporter.upload(&[ephemeral("idle", "session.idle", &json!({}))]).await;
    assert_eq!(two.open(&service.next().await).reason, PushReason::Done);
    let failed = json!({"errorType": "query", "message": "the model is gone"});
    exporter.upload(&[event("e", Some("steerable"), "session.error", &failed)]).await;
    let message = two.open(&service.next().await);
    assert_eq!((message.reason, message.content), (PushReason::Failed, None));
    assert!(service.is_quiet());

    // What is put away is only of interest to who has subscribed to it alone.
    let list = Place::hub(&hub);
    let archived = list.request(Method::PATCH, "sessions/s1", Some(&json!({"archived": true}))).await;
    assert_eq!(archived.status(), StatusCode::OK);
    exporter.upload(&[permission("S")]).await;
    let message = one.open(&service.next().await);
    assert_eq!(message.content.unwrap().text.as_deref(), Some("echo hi"));

    // With a session its subscriptions go.
    exporter.upload(&[ephemeral("end", "session.shutdown", &json!({}))]).await;
    assert_eq!(list.delete("sessions/s1").await, StatusCode::NO_CONTENT);
    let (_, again) = hub.session("s1").await;
    let again = Place::session(&again);
    let gone = async || again.get(&format!("push/{}", one.id())).await.status() == StatusCode::NOT_FOUND;
    eventually(gone, "the subscription is gone").await;
    assert_eq!(list.get(&format!("push/{}", two.id())).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn subscriptions_outlive_the_hub_and_old_news_is_not_told_again() {
    let service = Service::default();
    let mut hub = service.hub().await;
    let (exporter, viewer) = hub.session("s1").await;
    let place = Place::session(&viewer);
    let browser = Browser::new("phone");
    browser.subscribe(&place, &json!({"content": true})).await;
    exporter.upload(&[shell("R", "first")]).await;
    browser.open(&service.next().await);
    let key = json_of(place.get("push").await).await;
    hub.restart().await;
    assert_eq!(json_of(place.get("push").await).await, key, "browsers know the hub by its key");
    exporter.upload(&[ephemeral("x", "assistant.message_delta", &json!({"deltaContent": "x"}))]).await;
    exporter.upload(&[shell("S", "second")]).await;
    let content = browser.open(&service.next().await).content.unwrap();
    assert_eq!((content.text.as_deref(), content.more), (Some("second"), 1));
    assert!(service.is_quiet());

    // With another key they are of no use.
    hub.handle.shutdown().await;
    std::fs::remove_file(hub.dir.path().join("hub.key")).unwrap();
    hub.restart().await;
    let (_, viewer) = hub.session("s1").await;
    let place = Place::session(&viewer);
    assert_ne!(json_of(place.get("push").await).await, key);
    assert_eq!(place.get(&format!("push/{}", browser.id())).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_push_service_that_refuses_is_asked_again_and_one_that_knows_nobody_is_not() {
    let service = Service::default();
    let hub = service.hub().await;
    let (exporter, viewer) = hub.session("s1").await;
    let place = Place::session(&viewer);
    let browser = Browser::new("phone");
    browser.subscribe(&place, &json!({})).await;
    service.0.answers.lock().unwrap().extend([503, 429, 201, 410]);
    exporter.upload(&[permission("R")]).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let post = service.next().await;
        browser.open(&post);
        bodies.push(post.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 3, "encrypted anew each time");
    exporter.upload(&[permission("S")]).await;
    browser.open(&service.next().await);
    let gone = async || place.get(&format!("push/{}", browser.id())).await.status() == StatusCode::NOT_FOUND;
    eventually(gone, "the subscription is gone").await;
    assert!(service.is_quiet());
}

#[tokio::test]
async fn what_is_no_subscription_is_refused_in_words_that_repeat_nothing() {
    let service = Service::default();
    let hub = service.hub().await;
    let (_, viewer) = hub.session("s1").await;
    let place = Place::session(&viewer);
    let browser = Browser::new("phone");
    let refused = async |id: &str, body: &str| {
        let request = place.http.put(format!("{}/push/{id}", place.api)).body(body.to_owned());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        for secret in browser.secrets() {
            assert!(!text.contains(&secret), "{text}");
        }
        (status, serde_json::from_str::<Value>(&text).unwrap()["detail"].as_str().unwrap_or_default().to_owned())
    };
    let mut seen = Vec::new();
    // Where the hub would ask whatever it can reach.
    for endpoint in [
        "http://127.0.0.1:8080/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://fcm.googleapis.com:8443/x",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "file:///etc/passwd",
    ] {
        let id = BASE64URL_NOPAD.encode(&Sha256::digest(endpoint.as_bytes()));
        let mut body = browser.body();
        body["endpoint"] = endpoint.into();
        let (status, detail) = refused(&id, &body.to_string()).await;
        assert_eq!(status, 422, "{endpoint}");
        seen.push(format!("{endpoint}: {detail}"));
    }
    let id = browser.id();
    let with = |name: &str, value: Value| {
        let mut body = browser.body();
        body[name] = value;
        body.to_string()
    };
    for (what, id, body) in [
        ("another id", "x", browser.body().to_string()),
        ("no key", &id, with("p256dh", "AAAA".into())),
        ("no secret", &id, with("auth", 5.into())),
        ("a wrong secret", &id, with("auth", "AAAA".into())),
        ("no device", &id, with("device", json!({"id": ""}))),
        ("cut", &id, browser.body().to_string()[..90].to_owned()),
    ] {
        let (status, detail) = refused(id, &body).await;
        seen.push(format!("{what}: {status} {detail}"));
    }
    insta::assert_snapshot!(seen.join("\n"));
    let long = json!({"device": {"id": "d"}, "page": "p".repeat(65), "focused": true});
    assert_eq!(place.put("focus", &long).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(service.is_quiet());
}

#[tokio::test]
async fn a_link_notifies_so_many_devices_and_no_more() {
    let service = Service::default();
    let hub = service.hub().await;
    let (_, viewer) = hub.session("s1").await;
    let place = Place::session(&viewer);
    let all: Vec<Browser> = (0..51).map(|_| Browser::new("phone")).collect();
    for browser in &all[..50] {
        browser.subscribe(&place, &json!({})).await;
    }
    // The same again is no more.
    all[0].subscribe(&place, &json!({"done": true})).await;
    let refused = place.put(&format!("push/{}", all[50].id()), &all[50].body()).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(json_of(refused).await["type"], "urn:groundlink:problem:too-many-subscriptions");
    assert_eq!(place.delete(&format!("push/{}", all[1].id())).await, StatusCode::NO_CONTENT);
    all[50].subscribe(&place, &json!({})).await;
}

#[tokio::test]
async fn the_worker_is_there_for_who_has_the_link_and_a_hub_without_push_offers_nothing() {
    let service = Service::default();
    let hub = service.hub().await;
    let (_, viewer) = hub.session("s1").await;
    let get = async |hub: &TestHub, path: &str| {
        let url = hub.handle.url().as_str().trim_end_matches('/').to_owned();
        reqwest::get(format!("{url}{path}")).await.unwrap()
    };
    for path in [format!("/t/{}/push.js", viewer.key), format!("/h/{}/push.js", hub.hub_key())] {
        let worker = get(&hub, &path).await;
        assert_eq!(worker.status(), StatusCode::OK);
        let headers = worker.headers();
        assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(headers["content-security-policy"], "default-src 'none'; connect-src 'self'");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(!headers.contains_key("service-worker-allowed"), "its scope is its own folder");
        let text = worker.text().await.unwrap();
        assert!(!text.contains("'fetch'") && !text.contains("caches"), "no request goes through it");
        assert!(!text.contains(&viewer.key));
    }
    for path in ["/t/nobody/push.js", "/h/nobody/push.js"] {
        assert_eq!(get(&hub, path).await.status(), StatusCode::NOT_FOUND);
    }
    let page =
        async |hub: &TestHub, viewer: &Viewer| get(hub, &format!("/t/{}", viewer.key)).await.text().await.unwrap();
    assert!(page(&hub, &viewer).await.contains("data-push="));

    let without = TestHub::with(|builder| builder.push(None)).await;
    let (_, viewer) = without.session("s1").await;
    let html = page(&without, &viewer).await;
    assert!(!html.contains("data-push=") && !html.contains("id=\"bell\""));
    let refused = viewer.get("/push").await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    assert_eq!(json_of(refused).await["detail"], "this hub sends no notifications");
}

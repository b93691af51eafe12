//! A stand-in for the push services of browsers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use groundlink::PushOverHttp;
use groundlink::protocol::api::PushMessage;
use groundlink_hub::{PushReceiver, PushSettings};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use url::Url;

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes messages over plain HTTP on a free loopback port, and keeps them. It ends when dropped.
#[derive(Debug)]
pub struct PushService {
    address: SocketAddr,
    received: Mutex<mpsc::UnboundedReceiver<Pushed>>,
    answer: Arc<AtomicU16>,
    serving: JoinHandle<()>,
}

/// Somebody who is notified: the browser's side of a subscription.
#[derive(Debug)]
pub struct Subscriber {
    receiver: PushReceiver,
    endpoint: String,
}

impl Subscriber {
    /// The subscription, as a browser writes it.
    pub fn subscription(&self) -> Value {
        json!({"endpoint": self.endpoint, "keys": {"p256dh": self.receiver.p256dh(), "auth": self.receiver.auth()}})
    }

    /// Subscribes at a link, as a device of this name.
    pub async fn subscribe(&self, api: &Url, device: &str) {
        let url = format!("{api}/push/{}", PushReceiver::id(&self.endpoint));
        let body = json!({"endpoint": self.endpoint, "p256dh": self.receiver.p256dh(), "auth": self.receiver.auth(),
            "device": {"id": device}});
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let answer = http.put(url).json(&body).send().await.expect("the hub answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Reads a message, which must be for this one.
    pub fn open(&self, pushed: &Pushed) -> PushMessage {
        assert!(self.endpoint.ends_with(&pushed.path), "a message for {}", pushed.path);
        self.receiver.open(&pushed.body).expect("it is encrypted for this one")
    }
}

/// A message as a push service gets it.
#[derive(Debug)]
pub struct Pushed {
    /// The path of the endpoint.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, encrypted for the browser.
    pub body: Bytes,
}

#[derive(Clone)]
struct Shared {
    sender: mpsc::UnboundedSender<Pushed>,
    answer: Arc<AtomicU16>,
}

impl PushService {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, received) = mpsc::unbounded_channel();
        let answer = Arc::new(AtomicU16::new(201));
        let take = async |State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes| {
            let _ = shared.sender.send(Pushed { path: uri.path().to_owned(), headers, body });
            let status = shared.answer.load(Ordering::Relaxed);
            // Where a redirect would lead, which nobody should follow.
            (StatusCode::from_u16(status).expect("a status"), [("location", "/elsewhere")])
        };
        let shared = Shared { sender, answer: answer.clone() };
        let router = Router::new().route("/{*path}", post(take)).with_state(shared);
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { address, received: Mutex::new(received), answer, serving }
    }

    fn endpoint(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Somebody with an endpoint at it.
    pub fn subscriber(&self, name: &str) -> Subscriber {
        Subscriber { receiver: PushReceiver::generate(), endpoint: self.endpoint(name) }
    }

    /// What lets a hub send to it.
    pub fn settings(&self) -> PushSettings {
        PushSettings::new(PushOverHttp::new()).stand_in(self.address.port())
    }

    /// The status of its answers from now on.
    pub fn answers(&self, status: u16) {
        self.answer.store(status, Ordering::Relaxed);
    }

    /// The next message. It is waited for.
    pub async fn next(&self) -> Pushed {
        let next = async { self.received.lock().await.recv().await };
        tokio::time::timeout(PATIENCE, next).await.expect("a message in time").expect("it serves")
    }

    /// The next message, if it is there already.
    pub async fn waiting(&self) -> Option<Pushed> {
        self.received.lock().await.try_recv().ok()
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

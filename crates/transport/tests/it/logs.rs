//! What the logs say, and above all what they do not: at no level anything of what the messages hold.

use std::io;
use std::sync::{Arc, Mutex};

use groundlink_transport::frame::append_frame;
use groundlink_transport::{ErrorObject, Limits, PeerBuilder, memory};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECRET: &str = "canary-7f3a";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_level_tells_what_is_in_a_message() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // One thread: the subscriber is set for this one only.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(everything_goes_wrong()));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in ["a frame that is not JSON", "a request handler panicked", "the notification callback panicked"] {
        assert!(log.contains(expected), "nothing was logged of: {expected}\n{log}");
    }
    assert!(!log.contains(SECRET), "{log}");
}

async fn everything_goes_wrong() {
    let (mut ours, theirs) = memory::pair();
    let peer = PeerBuilder::new()
        .limits(Limits::default().max_incoming(1))
        .on_notification(|_| panic!("{}", SECRET))
        .on_request(|request| {
            Box::pin(async move {
                match request.method() {
                    "panic" => panic!("{SECRET}"),
                    "never" => std::future::pending().await,
                    _ => Err(ErrorObject::internal(SECRET)),
                }
            })
        })
        .build_duplex(theirs);
    let call = tokio::spawn({
        let peer = peer.clone();
        async move { peer.call::<Value>("connect", &json!({"token": SECRET})).await }
    });
    let mut stream = Vec::new();
    for body in [
        r#"{"id":9,"result":"SECRET"}"#,
        r#"{"id":null,"result":"SECRET"}"#,
        r#"{"id":null,"method":["SECRET"]}"#,
        r#"{"jsonrpc":"2.0","method":"note","params":{"a":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"panic","params":{"a":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"fail","params":{"a":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"never","params":{"a":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","id":4,"method":"never","params":{"a":"SECRET"}}"#,
        r#"["SECRET"]"#,
        "SECRET",
        r#"{"id":1,"result":"SECRET"#,
    ] {
        append_frame(&mut stream, body.replace("SECRET", SECRET).as_bytes());
    }
    stream.extend_from_slice(format!("{SECRET}\n{SECRET}Content-Length: 1\r\n\r\n").as_bytes());
    ours.write_all(&stream).await.unwrap();
    let mut answers = Vec::new();
    let _ = ours.read_to_end(&mut answers).await;
    peer.closed().await;
    assert!(call.await.unwrap().is_err());
}

//! What a peer does with hostile and odd input: one table of what is sent, one snapshot of what happens.
//!
//! Every row ends with a request that must still be answered, unless the row ends the connection.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use groundlink_transport::frame::{Decoder, Item, append_frame};
use groundlink_transport::{ErrorObject, Limits, PeerBuilder, memory};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What is written to the peer.
enum Sent {
    /// One frame each.
    Frames(&'static [&'static str]),
    /// As it stands.
    Bytes(&'static [u8]),
    /// As it stands, and then nothing more.
    Last(&'static [u8]),
}
use Sent::{Bytes, Frames, Last};

/// A name, the calls the peer is waiting for meanwhile (ids from 1), and what it is sent.
const TABLE: &[(&str, usize, Sent)] = &[
    // What ends jsonrpsee's own client, or is lost by it.
    ("an unknown id", 1, Frames(&[r#"{"id":99,"result":1}"#])),
    ("the same answer twice", 1, Frames(&[r#"{"id":1,"result":1}"#, r#"{"id":1,"result":2}"#])),
    ("a null id with a result", 1, Frames(&[r#"{"id":null,"result":1}"#])),
    ("an id echoed as a string", 1, Frames(&[r#"{"id":"1","result":1}"#])),
    ("an answer without a result", 1, Frames(&[r#"{"id":1}"#])),
    ("an error code beyond 32 bits", 1, Frames(&[r#"{"id":1,"error":{"code":-99999999999,"message":"m","x":1}}"#])),
    ("no JSON", 2, Frames(&["hello", "", "{"])),
    ("more members in an error", 1, Frames(&[r#"{"id":1,"error":{"code":1,"message":"m","more":[1]}}"#])),
    ("a request beside a call", 1, Frames(&[r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":{}}"#])),
    // Answers.
    ("an answer", 1, Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#])),
    ("answers out of order", 2, Frames(&[r#"{"id":2,"result":2}"#, r#"{"id":1,"result":1}"#])),
    ("an id echoed as a float", 1, Frames(&[r#"{"id":1.0,"result":1}"#])),
    ("a result and a null error", 1, Frames(&[r#"{"id":1,"result":1,"error":null}"#])),
    ("a result and an error", 1, Frames(&[r#"{"id":1,"result":1,"error":{"code":5,"message":"m"}}"#])),
    ("an error that is a string", 1, Frames(&[r#"{"id":1,"error":"broken"}"#])),
    ("a cancelled answer", 1, Frames(&[r#"{"id":1,"error":{"code":-32800,"message":"Request cancelled"}}"#])),
    ("an error without an id, one call waiting", 1, Frames(&[r#"{"id":null,"error":{"code":-32700,"message":"m"}}"#])),
    ("an error without an id, two calls waiting", 2, Frames(&[r#"{"id":null,"error":{"code":-32700,"message":"m"}}"#])),
    ("an error without an id, no call waiting", 0, Frames(&[r#"{"error":{"code":-32700,"message":"m"}}"#])),
    ("a damaged answer whose id can be guessed", 2, Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":{"cut"#])),
    ("a result nested 1000 deep", 1, Bytes(DEEP)),
    // Requests.
    ("an unknown method", 0, Frames(&[r#"{"id":1,"method":"nope"}"#])),
    ("a string id", 0, Frames(&[r#"{"id":"a\"b","method":"echo","params":{}}"#])),
    ("a negative id", 0, Frames(&[r#"{"id":-5,"method":"echo","params":{}}"#])),
    ("a fractional id", 0, Frames(&[r#"{"id":0.5,"method":"echo","params":{}}"#])),
    ("a huge id", 0, Frames(&[r#"{"id":123456789012345678901234567890,"method":"echo","params":{}}"#])),
    ("a null id", 0, Frames(&[r#"{"id":null,"method":"echo","params":{}}"#])),
    ("an object as id", 0, Frames(&[r#"{"id":{"a":[1]},"method":"echo","params":{}}"#])),
    (
        "the same id twice",
        0,
        Frames(&[r#"{"id":1,"method":"echo","params":{"n":1}}"#, r#"{"id":1,"method":"echo","params":{"n":2}}"#]),
    ),
    ("the id of a call of ours", 1, Frames(&[r#"{"id":1,"method":"echo","params":{}}"#])),
    (
        "no version, members in any order, unknown members",
        0,
        Frames(&[r#"{"x":[],"params":{},"id":1,"method":"echo"}"#]),
    ),
    ("no params", 0, Frames(&[r#"{"id":1,"method":"echo"}"#])),
    ("positional params", 0, Frames(&[r#"{"id":1,"method":"echo","params":[1,2]}"#])),
    ("a method that is no string", 0, Frames(&[r#"{"id":1,"method":["echo"]}"#])),
    ("an escaped method", 0, Frames(&[r#"{"id":1,"method":"\u0065cho","params":{}}"#])),
    ("a handler that panics", 0, Frames(&[r#"{"id":1,"method":"panic"}"#])),
    ("a result too large for a frame", 0, Frames(&[r#"{"id":1,"method":"large"}"#])),
    ("a result nested too deep", 0, Frames(&[r#"{"id":1,"method":"deep"}"#])),
    (
        "a request cancelled",
        0,
        Frames(&[r#"{"id":"x","method":"never"}"#, r#"{"method":"$/cancelRequest","params":{"id":"x"}}"#]),
    ),
    ("a cancellation of nothing", 0, Frames(&[r#"{"method":"$/cancelRequest","params":{"id":7}}"#])),
    ("a malformed cancellation", 0, Frames(&[r#"{"method":"$/cancelRequest","params":[7]}"#])),
    (
        "more requests than are served at once",
        0,
        Frames(&[
            r#"{"id":1,"method":"never"}"#,
            r#"{"id":2,"method":"never"}"#,
            r#"{"id":3,"method":"never"}"#,
            r#"{"id":4,"method":"never"}"#,
            r#"{"method":"$/cancelRequest","params":{"id":2}}"#,
        ]),
    ),
    // Notifications.
    ("a notification", 0, Frames(&[r#"{"jsonrpc":"2.0","method":"note","params":{"a":1}}"#])),
    ("a notification without params", 0, Frames(&[r#"{"method":"note"}"#])),
    ("a callback that panics", 0, Frames(&[r#"{"method":"panic"}"#])),
    ("the fast path", 0, Frames(&[r#"{"jsonrpc":"2.0","method":"fast","params":{"a":{}}}"#])),
    (
        "the fast path's method in other spellings",
        0,
        Frames(&[
            r#"{"method":"fast","params":{"a":1},"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","method":"fast","params":[1]}"#,
        ]),
    ),
    (
        "more members behind the params on the fast path",
        0,
        Frames(&[
            r#"{"jsonrpc":"2.0","method":"fast","params":{"a":1},"extra":{}}"#,
            r#"{"jsonrpc":"2.0","method":"fast","params":{"a":1},"id":1}"#,
        ]),
    ),
    ("a damaged frame on the fast path", 0, Frames(&[r#"{"jsonrpc":"2.0","method":"fast","params":{"a":}}"#])),
    // Frames that begin in the usual spelling and go on otherwise.
    (
        "an error behind a result",
        1,
        Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":5,"message":"m"}}"#]),
    ),
    ("a null error behind a result", 1, Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":1,"error":null}"#])),
    ("a second id behind a result", 2, Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":1,"id":2}"#])),
    ("a method behind a result", 1, Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":1,"method":"echo"}"#])),
    ("a damaged result", 2, Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":{"a":}}"#])),
    (
        "two answers in one frame",
        2,
        Frames(&[r#"{"jsonrpc":"2.0","id":1,"result":1}{"jsonrpc":"2.0","id":2,"result":2}"#]),
    ),
    (
        "a result that is not UTF-8",
        1,
        Bytes(b"Content-Length: 38\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xff\xfe\"}"),
    ),
    ("a result behind params", 0, Frames(&[r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":{},"result":1}"#])),
    ("damaged params", 0, Frames(&[r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a"}}"#])),
    ("an id behind a notification", 0, Frames(&[r#"{"jsonrpc":"2.0","method":"echo","params":{},"id":7}"#])),
    // No messages at all.
    ("invalid UTF-8", 0, Bytes(b"Content-Length: 25\r\n\r\n{\"method\":\"\xff\",\"id\":1    }")),
    ("JSON that is no message", 0, Frames(&["null", "1", "\"text\"", "{}"])),
    ("batches", 1, Frames(&["[]", r#"[{"id":1,"result":1},{"id":1,"method":"echo"}]"#])),
    ("two values in one frame", 0, Frames(&["{} {}"])),
    ("a line of other text", 0, Bytes(b"warning: something\n")),
    (
        "a header with other headers, in lower case, with LF",
        0,
        Bytes(b"content-length: 17\ncontent-type: x\n\n{\"method\":\"note\"}"),
    ),
    (
        "a web server",
        1,
        Bytes(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nBad Request"),
    ),
    // The end.
    ("a byte order mark before a header", 1, Bytes(b"\xef\xbb\xbfContent-Length: 2\r\n\r\n{}")),
    ("a negative length", 1, Bytes(b"Content-Length: -1\r\n\r\n")),
    ("two lengths", 1, Bytes(b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}")),
    ("a frame over the limit", 1, Bytes(b"Content-Length: 100001\r\n\r\n")),
    ("text glued to a header", 1, Bytes(b"oopsContent-Length: 2\r\n\r\n{}")),
    ("too much text", 1, Last(&[b'x'; 70_000])),
    ("a body shorter than its header says", 1, Last(b"Content-Length: 500\r\n\r\n{}")),
];

/// A frame with a result nested a thousand deep.
const DEEP: &[u8] = &{
    const HEAD: &[u8] = b"Content-Length: 2018\r\n\r\n{\"id\":1,\"result\":";
    let mut bytes = [b'['; HEAD.len() + 2001];
    let mut at = 0;
    while at < HEAD.len() {
        bytes[at] = HEAD[at];
        at += 1;
    }
    let mut at = HEAD.len() + 1000;
    while at < HEAD.len() + 2000 {
        bytes[at] = b']';
        at += 1;
    }
    bytes[HEAD.len() + 2000] = b'}';
    bytes
};

#[tokio::test]
async fn hostile_and_odd_input() {
    let mut report = String::new();
    for (name, calls, sent) in TABLE {
        let stream = match sent {
            Frames(bodies) => bodies.iter().fold(Vec::new(), |mut stream, body| {
                append_frame(&mut stream, body.as_bytes());
                stream
            }),
            Bytes(bytes) | Last(bytes) => bytes.to_vec(),
        };
        writeln!(report, "## {name}").unwrap();
        match sent {
            Frames(bodies) => bodies.iter().for_each(|body| writeln!(report, "> {body}").unwrap()),
            Bytes(bytes) | Last(bytes) => {
                writeln!(report, "> {} bytes: {}", bytes.len(), shortened(&bytes.escape_ascii().to_string())).unwrap();
            }
        }
        let last = matches!(sent, Last(_));
        for effect in effects(*calls, &stream, last).await {
            writeln!(report, "{effect}").unwrap();
        }
        report.push('\n');
    }
    insta::assert_snapshot!(report);
}

/// Sends the stream to a peer with so many calls waiting, and lists what it does.
async fn effects(calls: usize, stream: &[u8], last: bool) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = {
        let seen = Arc::clone(&seen);
        move |line: String| seen.lock().unwrap().push(shortened(&line))
    };
    let (ours, theirs) = memory::pair();
    let peer = builder(log.clone()).build_duplex(theirs);
    let (mut reader, mut writer) = tokio::io::split(ours);
    for id in 1..=calls {
        let (peer, log) = (peer.clone(), log.clone());
        tokio::spawn(async move {
            match peer.call_raw("wait", None).await {
                Ok(result) => log(format!("call {id} gives {result}")),
                Err(error) => log(format!("call {id} fails: {error}")),
            }
        });
    }
    let mut decoder = Decoder::new(&Limits::default());
    for _ in 0..calls {
        next_frame(&mut decoder, &mut reader).await.unwrap();
    }
    let mut end = Vec::new();
    append_frame(&mut end, br#"{"id":"end","method":"end"}"#);
    // A peer that ends the connection early does not take the rest; that is for the snapshot to show.
    let _ = writer.write_all(stream).await;
    if last {
        writer.shutdown().await.unwrap();
    } else {
        let _ = writer.write_all(&end).await;
    }
    let mut ended = false;
    while let Some(frame) = next_frame(&mut decoder, &mut reader).await {
        if frame == r#"{"jsonrpc":"2.0","id":"end","result":null}"# {
            ended = true;
            break;
        }
        log(format!("< {frame}"));
    }
    let mut effects: Vec<String> = std::mem::take(&mut *seen.lock().unwrap());
    if !ended {
        effects.push(format!("closed: {}", peer.closed().await));
    }
    effects
}

fn builder(log: impl Fn(String) + Clone + Send + Sync + 'static) -> PeerBuilder {
    let (note, noise) = (log.clone(), log);
    PeerBuilder::new()
        .limits(Limits::default().max_frame(100_000).max_incoming(3))
        .fast_path("fast")
        .on_noise(move |line| noise(format!("noise: {}", line.escape_ascii())))
        .on_notification(move |notification| {
            assert_ne!(notification.method(), "panic", "the callback gives up");
            match notification.parse::<&serde_json::value::RawValue>() {
                Ok(params) => note(format!("notified: {} {params}", notification.method())),
                Err(_) => note(format!("notified: {} with unreadable params", notification.method())),
            }
        })
        .on_request(|request| {
            let raw = |text: String| serde_json::value::RawValue::from_string(text).unwrap();
            Box::pin(async move {
                match request.method() {
                    "echo" => Ok(request.params_or_null().to_owned()),
                    "end" => {
                        // After everything that was woken before.
                        tokio::task::yield_now().await;
                        Ok(serde_json::value::RawValue::NULL.to_owned())
                    }
                    "panic" => panic!("the handler gives up"),
                    "large" => Ok(raw(format!("\"{}\"", "x".repeat(100_000)))),
                    "deep" => Ok(raw(format!("{}{}", "[".repeat(127), "]".repeat(127)))),
                    "never" => std::future::pending().await,
                    name => Err(ErrorObject::method_not_found(name)),
                }
            })
        })
}

async fn next_frame(decoder: &mut Decoder, reader: &mut (impl AsyncReadExt + Unpin)) -> Option<String> {
    loop {
        if let Some(Item::Frame(frame)) = decoder.next_item().unwrap() {
            return Some(String::from_utf8(frame.to_vec()).unwrap());
        }
        if reader.read_buf(decoder.buffer()).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(160) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line.to_owned(),
    }
}

//! What all peer programs of the bench share: the rows, the messages, and the other end of the wire.
//!
//! The other end is written by hand and does the least that works, so that what it costs is the floor under every
//! figure and the same in all of them.

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Bytes in flight per direction.
const CAPACITY: usize = 64 * 1024;

/// Calls or requests open at a time in the rows that say so.
pub const IN_FLIGHT: usize = 256;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// One call after the other.
    CallSequential,
    /// 256 calls in flight.
    CallParallel,
    /// 256 requests of the other side in flight.
    Reverse,
    /// Notifications whose params stay as they came.
    Raw { bytes: usize },
    /// Notifications whose params become a type.
    Typed { bytes: usize },
}

impl Row {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "call-sequential" => Self::CallSequential,
            "call-256" => Self::CallParallel,
            "reverse-256" => Self::Reverse,
            "notification-400-raw" => Self::Raw { bytes: 400 },
            "notification-400-typed" => Self::Typed { bytes: 400 },
            "notification-20k-raw" => Self::Raw { bytes: 20_000 },
            "notification-20k-typed" => Self::Typed { bytes: 20_000 },
            _ => return None,
        })
    }
}

/// What a program is asked to do: `ROW COUNT [VARIANT]`.
pub struct Task {
    pub row: Row,
    pub count: usize,
    pub variant: String,
}

impl Task {
    pub fn from_args() -> Self {
        let mut args = std::env::args().skip(1);
        let row = args.next().and_then(|name| Row::parse(&name)).expect("a row");
        let count = args.next().and_then(|count| count.parse().ok()).expect("a count");
        Self { row, count, variant: args.next().unwrap_or_default() }
    }
}

/// Runs the task on one thread, so that the count of instructions depends on nothing else, and prints how many messages
/// did not arrive.
pub fn run<F: Future<Output = usize>>(task: impl FnOnce(Task, DuplexStream) -> F) {
    // Also where a peer under test would catch the panic and go on for ever.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::exit(101);
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let lost = runtime.block_on(async {
        let (ours, theirs) = tokio::io::duplex(CAPACITY);
        let asked = Task::from_args();
        tokio::spawn(other_end(asked.row, asked.count, theirs));
        task(asked, ours).await
    });
    println!("{{\"lost\":{lost}}}");
    // What is still open ends here; taking it apart is not what is measured.
    std::process::exit(0);
}

/// Params of the calls and of the reverse requests.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Send {
    pub session_id: String,
    pub prompt: String,
    pub mode: String,
}

impl Send {
    pub fn example() -> Self {
        Self {
            session_id: "0b8f6a3c-2f47-4a51-9d0e-6f1a2b3c4d5e".to_owned(),
            prompt: "hello there, please list the files".to_owned(),
            mode: "enqueue".to_owned(),
        }
    }
}

/// The result of the calls and of the reverse requests.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    pub message_id: String,
}

impl Sent {
    pub fn example() -> Self {
        Self { message_id: "5e4d3c2b-1a6f-4e0d-9a51-2f470b8f6a3c".to_owned() }
    }
}

/// Params of the notifications, as a program that knows its events would have them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventParams {
    pub session_id: String,
    pub event: Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub id: String,
    pub timestamp: String,
    pub parent_id: Option<String>,
    pub ephemeral: Option<bool>,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    pub message_id: String,
    pub delta_content: String,
}

/// The body of a notification of so many bytes: a short one is plain text, a long one lines of a program, as the
/// output of a tool is.
pub fn notification(bytes: usize) -> String {
    const HEAD: &str = concat!(
        r#"{"jsonrpc":"2.0","method":"session.event","params":{"sessionId":"0b8f6a3c-2f47-4a51-9d0e-6f1a2b3c4d5e","#,
        r#""event":{"id":"5e4d3c2b-1a6f-4e0d-9a51-2f470b8f6a3c","timestamp":"2026-01-02T03:04:05.678Z","#,
        r#""parentId":"9a512f47-0b8f-4a3c-8d0e-5e4d3c2b1a6f","ephemeral":true,"type":"assistant.message_delta","#,
        r#""data":{"messageId":"1a6f4e0d-5e4d-4c2b-8a51-2f470b8f6a3c","deltaContent":""#,
    );
    const TAIL: &str = r#""}}}}"#;
    const LINE: &str = r#"    let answer = ask(\"what is it?\", Some(Duration::from_secs(10))).await?;\n"#;
    let mut body = HEAD.to_owned();
    while bytes >= 1000 && body.len() + LINE.len() + TAIL.len() <= bytes {
        body.push_str(LINE);
    }
    body.push_str(&"x".repeat(bytes.saturating_sub(body.len() + TAIL.len())));
    body.push_str(TAIL);
    body
}

/// A frame around a body.
pub fn frame(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The least that reads frames.
#[derive(Default)]
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
}

impl Frames {
    /// The next frame that is there in whole.
    pub fn next_ready(&mut self) -> Option<&[u8]> {
        const HEAD: &[u8] = b"Content-Length: ";
        let rest = &self.buffer[self.start..];
        let digits = rest.get(HEAD.len()..)?;
        let mut length = 0;
        let mut at = 0;
        while let Some(digit @ b'0'..=b'9') = digits.get(at) {
            length = length * 10 + usize::from(digit - b'0');
            at += 1;
        }
        let body = self.start + HEAD.len() + at + 4;
        if self.buffer.len() < body + length {
            return None;
        }
        self.start = body + length;
        Some(&self.buffer[body..body + length])
    }

    /// Reads more. False at the end.
    pub async fn fill(&mut self, stream: &mut (impl AsyncReadExt + Unpin)) -> bool {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.reserve(CAPACITY);
        stream.read_buf(&mut self.buffer).await.is_ok_and(|read| read > 0)
    }
}

/// The digits of the id in a frame of the usual shape, `{"jsonrpc":"2.0","id":N,...`.
pub fn id(frame: &[u8]) -> &str {
    const HEAD: &[u8] = br#"{"jsonrpc":"2.0","id":"#;
    assert!(frame.starts_with(HEAD), "not the usual shape: {}", String::from_utf8_lossy(frame));
    let digits = frame[HEAD.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&frame[HEAD.len()..HEAD.len() + digits]).expect("digits")
}

/// Appends the answer to a frame.
pub fn append_answer(out: &mut Vec<u8>, id: &str) {
    const RESULT: &str = r#","result":{"messageId":"5e4d3c2b-1a6f-4e0d-9a51-2f470b8f6a3c"}}"#;
    const HEAD: &str = r#"{"jsonrpc":"2.0","id":"#;
    out.extend_from_slice(b"Content-Length: ");
    let mut digits = [0; 8];
    let (mut length, mut at) = (HEAD.len() + id.len() + RESULT.len(), digits.len());
    while length > 0 {
        at -= 1;
        digits[at] = b'0' + (length % 10) as u8;
        length /= 10;
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(HEAD.as_bytes());
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(RESULT.as_bytes());
}

/// What the peer under test talks to.
async fn other_end(row: Row, count: usize, mut stream: DuplexStream) {
    let mut frames = Frames::default();
    let mut out = Vec::new();
    match row {
        Row::CallSequential | Row::CallParallel => loop {
            out.clear();
            while let Some(frame) = frames.next_ready() {
                let id = id(frame);
                append_answer(&mut out, id);
            }
            if stream.write_all(&out).await.is_err() || !frames.fill(&mut stream).await {
                return;
            }
        },
        Row::Reverse => {
            let body = |id: usize| {
                format!(
                    concat!(
                        r#"{{"jsonrpc":"2.0","id":{},"method":"userInput.request","params":"#,
                        r#"{{"sessionId":"0b8f6a3c-2f47-4a51-9d0e-6f1a2b3c4d5e","#,
                        r#""prompt":"hello there, please list the files","mode":"enqueue"}}}}"#
                    ),
                    id
                )
            };
            let requests: Vec<Vec<u8>> = (0..IN_FLIGHT).map(|id| frame(&body(id))).collect();
            let mut done = 0;
            while done < count {
                out.clear();
                requests.iter().for_each(|request| out.extend_from_slice(request));
                stream.write_all(&out).await.expect("the peer reads");
                let mut answered = 0;
                while answered < IN_FLIGHT {
                    while let Some(answer) = frames.next_ready() {
                        assert!(!id(answer).is_empty());
                        answered += 1;
                    }
                    if answered < IN_FLIGHT {
                        assert!(frames.fill(&mut stream).await, "the peer answers");
                    }
                }
                done += IN_FLIGHT;
            }
            println!("{{\"lost\":0}}");
            std::process::exit(0);
        }
        Row::Raw { bytes } | Row::Typed { bytes } => {
            let frame = frame(&notification(bytes));
            for _ in 0..count {
                stream.write_all(&frame).await.expect("the peer reads");
            }
            // Open until the program ends.
            std::future::pending::<()>().await;
        }
    }
}

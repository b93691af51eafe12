//! HTTP by hand, one connection each: it costs this side little, so that what is measured is the hub.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::figures::Any;

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body of one that went well.
    pub fn json(&self) -> Any<Value> {
        if !(200..300).contains(&self.status) {
            return Err(format!("{}: {}", self.status, String::from_utf8_lossy(&self.body)).into());
        }
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Connection {
    pub async fn open(host: &str) -> Any<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: host.to_owned(), buffer: Vec::new() })
    }

    async fn send(&mut self, method: &str, path: &str, token: &str, body: &str) -> Any<()> {
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\naccept: text/html\r\n\
             copilot-integration-id: copilot-developer-cli\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.host,
            body.len(),
        );
        self.stream.write_all(text.as_bytes()).await?;
        Ok(())
    }

    async fn more(&mut self) -> Any<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the hub closed the connection".into()),
            _ => Ok(()),
        }
    }

    /// Reads an answer's head; gives its status and its body's length.
    async fn head(&mut self) -> Any<(u16, usize)> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.buffer.drain(..end);
        let status = head.get(9..12).ok_or("no status")?.parse()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        Ok((status, length.unwrap_or(0)))
    }

    /// A request and its answer.
    pub async fn call(&mut self, method: &str, path: &str, token: &str, body: &str) -> Any<Answer> {
        self.send(method, path, token, body).await?;
        let (status, length) = self.head().await?;
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(Answer { status, body: self.buffer.drain(..length).collect() })
    }

    /// Begins a stream of events.
    pub async fn stream(host: &str, path: &str) -> Any<Self> {
        let mut connection = Self::open(host).await?;
        connection.send("GET", path, "", "").await?;
        match connection.head().await? {
            (200, _) => Ok(connection),
            (status, _) => Err(format!("a stream was answered with {status}").into()),
        }
    }

    /// Reads the stream until a text has come.
    pub async fn until(&mut self, text: &str) -> Any<()> {
        loop {
            if let Some(at) = find(&self.buffer, text.as_bytes()) {
                self.buffer.drain(..at + text.len());
                return Ok(());
            }
            // It may be there in part.
            let done = self.buffer.len().saturating_sub(text.len());
            self.buffer.drain(..done);
            self.more().await?;
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

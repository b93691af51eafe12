//! `WebSockets` that the CLI believes to have opened.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::exchange::Exchange;

/// A message over a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl From<&str> for ModelMessage {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ModelMessage {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Nobody is at the other end of a WebSocket any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the CLI has closed the WebSocket")]
pub struct SocketClosed;

/// The CLI's end of a WebSocket to a model. It is closed when [`socket`](super::ModelRequestHandler::socket) returns.
#[derive(Debug)]
pub struct ModelSocket {
    pub(super) incoming: mpsc::Receiver<ModelMessage>,
    pub(super) exchange: Arc<Exchange>,
}

impl ModelSocket {
    /// What the CLI says next; `None` once it has closed.
    pub async fn next(&mut self) -> Option<ModelMessage> {
        self.incoming.recv().await
    }

    /// Says something to the CLI, and waits until it has it.
    pub async fn send(&self, message: impl Into<ModelMessage> + Send) -> Result<(), SocketClosed> {
        let sent = match message.into() {
            ModelMessage::Text(text) => self.exchange.text(&text).await,
            ModelMessage::Binary(bytes) => self.exchange.bytes(&bytes).await,
        };
        sent.map_err(|_| SocketClosed)
    }
}

//! Requests to models that this program answers, in place of the network.

mod answer;
mod exchange;
mod request;
mod socket;

use async_trait::async_trait;

pub use answer::ModelResponse;
pub(crate) use exchange::{ModelRequests, OFFER, PREFIX};
pub use request::ModelRequest;
pub use socket::{ModelMessage, ModelSocket, SocketClosed};

use crate::handlers::closure::by_closure;

/// Answers the requests that the CLI would make to models over HTTP: of GitHub's and of a session's own
/// [`Provider`](crate::Provider), the lists of models and policies included. See
/// [`ClientBuilder::on_model_request`](crate::ClientBuilder::on_model_request).
///
/// A closure is one, too. When nobody waits for an answer any more (the turn was aborted, the connection lost), the
/// future and the body that it gave are dropped. One that fails, panics or is past its [deadline](crate::Deadlines)
/// fails the request, as an upstream that cannot be reached would; the CLI then tries again, as it does with those.
#[async_trait]
pub trait ModelRequestHandler: Send + Sync + 'static {
    /// The answer. An error's words are shown to people as the reason.
    async fn answer(&self, request: ModelRequest) -> Result<ModelResponse, String>;

    /// Whether [`socket`](Self::socket) is there. Where it is not, a request for a WebSocket is refused.
    fn takes_sockets(&self) -> bool {
        false
    }

    /// Speaks over a WebSocket that the CLI believes to have opened, until it returns. There is no deadline, but five
    /// seconds after the CLI has closed it (which [`ModelSocket::next`] tells) the future is dropped.
    async fn socket(&self, _request: ModelRequest, _socket: ModelSocket) -> Result<(), String> {
        Err("this program takes no WebSockets".to_owned())
    }
}

by_closure!(ModelRequestHandler.answer: ModelRequest => Result<ModelResponse, E> where E: Display);

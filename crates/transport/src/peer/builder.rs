//! Setting a peer up.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use super::core::{Core, Setup};
use super::{Handle, Peer, read, write};
#[cfg(feature = "jsonrpsee")]
use crate::rpc::{MethodTable, Methods};
use crate::task;
use crate::{CloseReason, ErrorObject, Limits, Notification, RawJson, Request};

/// What a request handler returns.
pub type HandlerFuture = BoxFuture<'static, Result<RawJson, ErrorObject>>;

pub(crate) type RequestHandler = Arc<dyn Fn(Request) -> HandlerFuture + Send + Sync>;
pub(crate) type NotificationSink = Arc<dyn Fn(Notification) + Send + Sync>;
pub(crate) type NoiseSink = Arc<dyn Fn(&[u8]) + Send + Sync>;
/// Turns "the stream ended" into a better reason, such as the exit status of the child behind it.
pub(crate) type EndHook = Arc<dyn Fn(CloseReason) -> BoxFuture<'static, CloseReason> + Send + Sync>;

/// Puts a [`Peer`] together.
#[derive(Clone, Default)]
pub struct PeerBuilder {
    limits: Limits,
    #[cfg(feature = "jsonrpsee")]
    methods: MethodTable,
    on_request: Option<RequestHandler>,
    on_notification: Option<NotificationSink>,
    on_noise: Option<NoiseSink>,
    on_end: Option<EndHook>,
    fast_paths: Vec<FastPath>,
}

/// A notification recognised by the first bytes of its frame.
#[derive(Clone)]
pub(crate) struct FastPath {
    pub(crate) method: Arc<str>,
    pub(crate) prefix: Box<[u8]>,
}

impl PeerBuilder {
    /// A peer that serves nothing and ignores notifications.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves the methods of a jsonrpsee module. They are looked up before [`on_request`](Self::on_request) is asked, and
    /// run as it describes.
    #[cfg(feature = "jsonrpsee")]
    #[must_use]
    pub fn methods(mut self, methods: impl Into<Methods>) -> Self {
        self.methods = MethodTable::new(methods.into());
        self
    }

    /// Serves every request that the method table does not.
    ///
    /// The future is polled once within the read loop, where most handlers are done already; one that waits goes on in
    /// a task of its own, in any order with the others. So a handler must not block, and what computes for long belongs
    /// on a thread for that (`tokio::task::spawn_blocking`). A panic becomes an internal error. When the other side
    /// cancels the request, or the connection closes, the future is dropped.
    #[must_use]
    pub fn on_request(mut self, handler: impl Fn(Request) -> HandlerFuture + Send + Sync + 'static) -> Self {
        self.on_request = Some(Arc::new(handler));
        self
    }

    /// Takes notifications, in wire order, from within the read loop. The callback must not block and must not wait for
    /// a call over the same peer: nothing is read while it runs.
    #[must_use]
    pub fn on_notification(mut self, sink: impl Fn(Notification) + Send + Sync + 'static) -> Self {
        self.on_notification = Some(Arc::new(sink));
        self
    }

    /// Takes whole lines that are no frames, such as log lines a program printed into the stream. Must not block.
    #[must_use]
    pub fn on_noise(mut self, sink: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        self.on_noise = Some(Arc::new(sink));
        self
    }

    /// Names a frequent notification, whose params are then handed on without a scan of the frame when it is written as
    /// `{"jsonrpc":"2.0","method":METHOD,"params":{...}}` to the byte. Any other spelling works as before, only slower.
    /// [`Notification::parse`] proves the bytes.
    #[must_use]
    pub fn fast_path(mut self, method: &str) -> Self {
        let quoted = serde_json::Value::from(method);
        let prefix = format!(r#"{{"jsonrpc":"2.0","method":{quoted},"params":"#);
        self.fast_paths.push(FastPath { method: method.into(), prefix: prefix.into_bytes().into() });
        self
    }

    #[must_use]
    pub(crate) fn on_end(mut self, hook: EndHook) -> Self {
        self.on_end = Some(hook);
        self
    }

    /// Adds a taker of noise beside the one that may be there.
    #[must_use]
    pub(crate) fn also_on_noise(mut self, sink: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        let first = self.on_noise.take();
        self.on_noise(move |line| {
            sink(line);
            if let Some(first) = &first {
                first(line);
            }
        })
    }

    /// Starts the peer on the two halves of a connection. Needs a tokio runtime.
    pub fn build(
        self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Peer {
        self.build_boxed(Box::new(reader), Box::new(writer))
    }

    /// Compiled once, and not for each kind of stream: a read or a write is many messages, so that its detour costs
    /// nothing.
    fn build_boxed(
        self,
        reader: Box<dyn AsyncRead + Send + Unpin>,
        writer: Box<dyn AsyncWrite + Send + Unpin>,
    ) -> Peer {
        let core = Arc::new(Core::new(Setup {
            limits: self.limits,
            #[cfg(feature = "jsonrpsee")]
            methods: self.methods,
            on_request: self.on_request,
            on_notification: self.on_notification,
            on_noise: self.on_noise,
            on_end: self.on_end,
            fast_paths: self.fast_paths,
        }));
        let peer = Peer { handle: Arc::new(Handle { core: Arc::clone(&core) }) };
        task::spawn(Box::pin(write::run(Arc::clone(&core), writer)));
        let reading = task::spawn(Box::pin(read::run(Arc::clone(&core), reader, peer.downgrade())));
        core.end_with(reading.abort_handle());
        peer
    }

    /// Starts the peer on a stream that goes both ways. Needs a tokio runtime.
    pub fn build_duplex(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Peer {
        let (reader, writer) = tokio::io::split(stream);
        self.build(reader, writer)
    }
}

impl fmt::Debug for PeerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}

//! The handlers of a client, beside those of its sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use groundlink_transport::{HandlerFuture, Request};

use super::{Deadlines, HandlerKind, RequestHandler};
use crate::line::Line;

/// What a client answers for no session in particular.
///
/// Handlers that few programs have come as trait objects, so that the others need not link what runs them.
#[derive(Clone, Default)]
pub(crate) struct ClientHandlers {
    /// By method.
    pub(crate) requests: BTreeMap<String, (HandlerKind, Arc<dyn RequestHandler>)>,
    /// Makes what answers requests to models.
    pub(crate) models: Option<MakeModels>,
    /// Calls by which the CLI is told, before the first session, what it may ask for.
    pub(crate) offers: Vec<&'static str>,
    pub(crate) deadlines: Deadlines,
}

/// Takes the frames of requests that come in several.
pub(crate) trait Frames: Send + Sync {
    /// Takes one, in wire order.
    fn take(self: Arc<Self>, request: &Request) -> HandlerFuture;
    /// The connection is another one: nobody waits for the answers any more.
    fn clear(&self);
}

/// By how long an answer may take, and where it goes.
pub(crate) type MakeModels = Arc<dyn Fn(Option<Duration>, Arc<Line>) -> Arc<dyn Frames> + Send + Sync>;

impl fmt::Debug for ClientHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandlers")
            .field("requests", &self.requests.keys())
            .field("models", &self.models.is_some())
            .finish_non_exhaustive()
    }
}

//! A session's handle that keeps no CLI alive.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::client::ClientInner;
use crate::session::Session;
use crate::shared::Shared;

/// A [`Session`] that keeps neither its client nor the CLI alive: for tasks that live as long as the session does.
#[derive(Clone)]
pub struct WeakSession {
    shared: Arc<Shared>,
    client: Weak<ClientInner>,
}

impl Session {
    /// A handle that keeps nothing alive.
    pub fn downgrade(&self) -> WeakSession {
        WeakSession { shared: Arc::clone(&self.shared), client: Arc::downgrade(&self.client) }
    }

    /// What a crate above keeps with this session: one value of each type, made on first use, shared by all handles. It
    /// must not hold a [`Session`], which would keep the CLI alive for ever.
    pub fn extra<T: std::any::Any + Default + Send + Sync>(&self) -> Arc<T> {
        self.shared.extras.get()
    }
}

impl WeakSession {
    pub(crate) fn new(shared: &Arc<Shared>, client: &Arc<ClientInner>) -> Self {
        Self { shared: Arc::clone(shared), client: Arc::downgrade(client) }
    }

    /// The session's id.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The session, unless its client is gone.
    pub fn upgrade(&self) -> Option<Session> {
        Some(Session { shared: Arc::clone(&self.shared), client: self.client.upgrade()? })
    }

    /// Whether it is over for its client, or the client is gone.
    pub fn is_over(&self) -> bool {
        self.shared.feed.is_closed() || self.client.strong_count() == 0
    }
}

impl fmt::Debug for WeakSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSession").field("id", &self.id()).finish_non_exhaustive()
    }
}

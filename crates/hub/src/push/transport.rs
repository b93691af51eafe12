//! How messages leave the hub: it has no HTTP client, the program that runs it hands one over.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use url::Url;

use super::endpoint::Services;

/// Carries messages to push services.
pub trait PushTransport: Send + Sync + 'static {
    /// Makes one `POST`. It must not follow redirects, and should not read the answer's body. The hub gives up on it
    /// after ten seconds. An error should not name the address, which is a secret.
    fn post(&self, post: PushPost) -> BoxFuture<'_, Result<PushReply, PushTransportError>>;
}

/// Why a message did not get to a push service.
pub type PushTransportError = Box<dyn std::error::Error + Send + Sync>;

/// A message for a push service. Its address is a right to send to a browser, so it is not printed.
#[derive(Clone)]
#[non_exhaustive]
pub struct PushPost {
    /// The address.
    pub url: Url,
    /// Names and values of the headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, encrypted.
    pub body: Vec<u8>,
}

impl fmt::Debug for PushPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushPost").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// What a push service answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReply {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
}

/// How a hub notifies by Web Push.
#[derive(Clone)]
#[must_use]
pub struct PushSettings {
    pub(crate) transport: Arc<dyn PushTransport>,
    services: Vec<String>,
    stand_in: Option<u16>,
    pub(super) contact: Option<String>,
    pub(super) grace: Duration,
    pub(super) gap: Duration,
    pub(super) retry: Duration,
}

impl PushSettings {
    /// By this transport.
    pub fn new(transport: impl PushTransport) -> Self {
        Self {
            transport: Arc::new(transport),
            services: Vec::new(),
            stand_in: None,
            contact: None,
            grace: Duration::from_secs(2),
            gap: Duration::from_secs(10),
            retry: Duration::from_secs(1),
        }
    }

    /// Allows a push service beside those of the usual browsers (Google's, Mozilla's, Microsoft's, Apple's): the name
    /// of its host, or `*.example.org` for all below one.
    pub fn service(mut self, host: impl Into<String>) -> Self {
        self.services.push(host.into());
        self
    }

    /// Where a push service's operator can reach the hub's: a `mailto:` or `https:` address. Default: the hub's public
    /// URL where that is `https`, else an address that nobody reads.
    pub fn contact(mut self, address: impl Into<Option<String>>) -> Self {
        self.contact = address.into();
        self
    }

    /// How long a request may be answered before anybody is notified. Default: 2 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How far apart notifications of one session are at least. Default: 10 s.
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    /// How long to wait before a message is sent again that a service did not take; doubled each time. Default: 1 s.
    pub fn retry(mut self, first: Duration) -> Self {
        self.retry = first;
        self
    }

    /// Allows a stand-in for a push service: plain HTTP on this port of 127.0.0.1. For tests; whoever holds a link can
    /// make the hub speak to that port.
    pub fn stand_in(mut self, port: u16) -> Self {
        self.stand_in = Some(port);
        self
    }

    pub(super) fn allowed(&self) -> Services {
        Services::new(&self.services, self.stand_in)
    }
}

impl fmt::Debug for PushSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { services, stand_in, contact, grace, gap, retry, .. } = self;
        f.debug_struct("PushSettings")
            .field("services", services)
            .field("stand_in", stand_in)
            .field("contact", contact)
            .field("grace", grace)
            .field("gap", gap)
            .field("retry", retry)
            .finish_non_exhaustive()
    }
}

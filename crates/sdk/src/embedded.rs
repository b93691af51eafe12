//! A hub in the program that shares its sessions.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use groundlink_hub::{Hub, HubBuilder, HubHandle, PushSettings};
use groundlink_remote::{HubEndpoint, HubSource, Link, RemoteError, RemoteTarget};
use tokio::sync::OnceCell;

use crate::PushOverHttp;

/// A hub in this process, as the other end of shared sessions. It starts with the first session that is shared, and
/// ends when the client and this value are gone.
///
/// ```no_run
/// use groundlink::prelude::*;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder().remote(true).remote_to(EmbeddedHub::in_dir("hub-data")).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EmbeddedHub {
    builder: HubBuilder,
    running: Arc<OnceCell<HubHandle>>,
}

impl EmbeddedHub {
    /// One that keeps its data in a directory, on a free port of this machine. Only one hub at a time can work with a
    /// directory; the links of its sessions stay the same as long as that does.
    pub fn in_dir(data: impl Into<PathBuf>) -> Self {
        let draw = |link: &str| Link::parse(link).map(|link| link.qr().svg()).unwrap_or_default();
        Self::from(Hub::builder().data_dir(data).qr(draw).push(PushSettings::new(PushOverHttp::new())))
    }

    /// The address to listen on, as `host:port`; see [`HubBuilder::listen`].
    #[must_use]
    pub fn listen(self, address: impl Into<String>) -> Self {
        Self::from(self.builder.listen(address))
    }

    /// The running hub; started, if it does not run yet.
    pub async fn hub(&self) -> Result<&HubHandle, RemoteError> {
        let start = || self.builder.clone().start();
        self.running.get_or_try_init(start).await.map_err(|error| RemoteError::EmbeddedHub(error.into()))
    }
}

impl From<HubBuilder> for EmbeddedHub {
    fn from(builder: HubBuilder) -> Self {
        Self { builder, running: Arc::default() }
    }
}

impl HubSource for EmbeddedHub {
    fn endpoint(&self) -> BoxFuture<'_, Result<HubEndpoint, RemoteError>> {
        Box::pin(async {
            let hub = self.hub().await?;
            Ok(HubEndpoint::new(hub.export_base(), hub.export_token().clone()))
        })
    }
}

impl From<EmbeddedHub> for RemoteTarget {
    fn from(hub: EmbeddedHub) -> Self {
        Self::EmbeddedHub(Arc::new(hub))
    }
}

impl fmt::Debug for EmbeddedHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedHub").field("running", &self.running.get()).finish_non_exhaustive()
    }
}

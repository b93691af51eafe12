//! A hub of the test's own.

use std::path::Path;

use groundlink::PushOverHttp;
use groundlink_hub::{Hub, HubHandle, PushSettings};
use tempfile::TempDir;

/// A running hub with its data in a temporary directory.
pub struct TestHub {
    handle: HubHandle,
    data: TempDir,
    push: PushSettings,
}

impl TestHub {
    /// Starts a hub on a free loopback port.
    pub async fn start() -> Self {
        Self::notifying(PushSettings::new(PushOverHttp::new())).await
    }

    /// The same, and it notifies people so.
    pub async fn notifying(push: PushSettings) -> Self {
        let data = tempfile::Builder::new().prefix("groundlink-hub-").tempdir().expect("a temporary directory");
        let handle = start_in(data.path(), "127.0.0.1:0", &push).await;
        Self { handle, data, push }
    }

    /// Stops it and starts it again on the same port and data.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Stops it. Its address and data stay for [`start_again`](Self::start_again).
    pub async fn stop(&mut self) {
        self.handle.shutdown().await;
    }

    /// Starts it again after [`stop`](Self::stop), on the same port and with what is left of its data.
    pub async fn start_again(&mut self) {
        let address = self.handle.local_addr().to_string();
        self.handle = start_in(self.data.path(), &address, &self.push).await;
    }

    /// The hub's own handle.
    pub fn handle(&self) -> &HubHandle {
        &self.handle
    }

    /// Where it keeps its data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }
}

impl std::fmt::Debug for TestHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestHub").field("data", &self.data.path()).finish_non_exhaustive()
    }
}

async fn start_in(data: &Path, listen: &str, push: &PushSettings) -> HubHandle {
    Hub::builder().data_dir(data).listen(listen).push(push.clone()).start().await.expect("the hub starts")
}

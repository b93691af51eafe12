//! A hub of the test's own.

use std::path::Path;

use groundlink_hub::{Hub, HubHandle};
use tempfile::TempDir;

/// A running hub with its data in a temporary directory.
pub struct TestHub {
    handle: HubHandle,
    data: TempDir,
}

impl TestHub {
    /// Starts a hub on a free loopback port.
    pub async fn start() -> Self {
        let data = tempfile::Builder::new().prefix("groundlink-hub-").tempdir().expect("a temporary directory");
        let handle = start_in(data.path(), "127.0.0.1:0").await;
        Self { handle, data }
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
        self.handle = start_in(self.data.path(), &address).await;
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

async fn start_in(data: &Path, listen: &str) -> HubHandle {
    Hub::builder().data_dir(data).listen(listen).start().await.expect("the hub starts")
}

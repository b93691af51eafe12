//! The writing task.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Core;
use crate::CloseReason;

/// After a failed write, how long the reader may take to find the better reason for it.
const READER_FIRST: Duration = Duration::from_secs(1);

pub(super) async fn run(core: Arc<Core>, mut writer: impl AsyncWrite + Send + Unpin) {
    let abandoned = async {
        core.closed().await;
        if core.closed_locally() {
            tokio::time::sleep(core.setup.limits.close_flush).await;
        }
    };
    let failed = tokio::select! {
        done = write_all(&core, &mut writer) => done.err(),
        () = abandoned => None,
    };
    drop(writer);
    let Some(error) = failed else { return };
    core.outbox.close();
    // A program that died leaves a broken pipe here and its last words, then the end of the stream, on the other side.
    if tokio::time::timeout(READER_FIRST, core.closed()).await.is_err() {
        core.close(CloseReason::Io(Arc::new(error)));
    }
}

async fn write_all(core: &Core, writer: &mut (impl AsyncWrite + Send + Unpin)) -> io::Result<()> {
    let mut buffer = Vec::new();
    while core.outbox.take(&mut buffer).await {
        writer.write_all(&buffer).await?;
        writer.flush().await?;
    }
    writer.shutdown().await
}

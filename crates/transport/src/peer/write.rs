//! The writing task.

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
    tokio::pin!(abandoned);
    let mut buffer = Vec::new();
    let written = loop {
        // The end wakes this up as new bytes do; only a write that the other side holds up has to be abandoned.
        let more = core.outbox.take(&mut buffer).await;
        let step = async {
            if more {
                writer.write_all(&buffer).await?;
                writer.flush().await
            } else {
                writer.shutdown().await
            }
        };
        tokio::select! {
            biased;
            step = step => match step {
                Ok(()) if more => {}
                done => break done,
            },
            () = &mut abandoned => break Ok(()),
        }
    };
    drop(writer);
    let Err(error) = written else { return };
    core.outbox.close();
    // A program that died leaves a broken pipe here and its last words, then the end of the stream, on the other side.
    if tokio::time::timeout(READER_FIRST, core.closed()).await.is_err() {
        core.close(CloseReason::Io(Arc::new(error)));
    }
}

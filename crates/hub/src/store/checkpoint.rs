//! Bringing what was committed from the log of `SQLite` (WAL) into the database's file, beside the writer.
//!
//! By itself `SQLite` does that within some commit now and then, whose owner waits for several syncs of the disk. Here
//! a connection of its own does it, while the writer goes on. What it leaves, because the writer is never still, the
//! writer brings over itself when the log has grown too long; little is left to be done then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long commits are gathered between two rounds.
const PAUSE: Duration = Duration::from_millis(500);
/// Pages in the log beyond which the writer has to begin it anew: 64 MiB.
const TOO_LONG: i64 = 16_384;

/// The task, and what it and the writer say to each other.
pub(super) struct Checkpoints {
    commits: watch::Sender<u64>,
    too_long: Arc<AtomicBool>,
    ending: CancellationToken,
    task: JoinHandle<()>,
}

impl Checkpoints {
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (commits, news) = watch::channel(0);
        let too_long = Arc::<AtomicBool>::default();
        let ending = CancellationToken::new();
        let task = tokio::spawn(run(connection, news, too_long.clone(), ending.clone()));
        Self { commits, too_long, ending, task }
    }

    /// Something was committed on the writer's connection.
    pub(super) async fn committed(&self, writer: &mut SqliteConnection) {
        self.commits.send_modify(|n| *n = n.wrapping_add(1));
        if self.too_long.swap(false, Ordering::Relaxed)
            && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(RESTART)").fetch_one(writer).await
        {
            // What is committed stays in the log, which grows; the next round tries again.
            tracing::warn!(%error, "bringing the hub's log into its database");
        }
    }

    /// Ends the task.
    pub(super) async fn stop(self) {
        self.ending.cancel();
        drop(self.commits);
        // Nothing of it is needed any more.
        let _ = self.task.await;
    }
}

async fn run(
    mut connection: SqliteConnection,
    mut news: watch::Receiver<u64>,
    too_long: Arc<AtomicBool>,
    ending: CancellationToken,
) {
    while news.changed().await.is_ok() {
        match sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut connection).await {
            // Pages in the log, and those of them that are in the database by now.
            Ok(row) => {
                let pages: i64 = row.try_get(1).unwrap_or_default();
                too_long.store(pages > TOO_LONG, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "bringing the hub's log into its database"),
        }
        // Who closes the store does not wait for it.
        ending.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the database");
    }
}

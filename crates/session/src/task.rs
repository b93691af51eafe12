//! Work in the background.

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

/// Spawns a task. Whatever is spawned is of this one type: tokio compiles all that it does with a task anew for each
/// type, and then for each of its schedulers.
pub(crate) fn spawn(work: BoxFuture<'static, ()>) -> JoinHandle<()> {
    tokio::spawn(work)
}

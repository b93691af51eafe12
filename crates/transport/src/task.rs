//! Work in the background: for the crates above too, so that it is compiled once. Not part of the API.

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

/// Spawns a task. Whatever is spawned is of this one type: tokio compiles all that it does with a task anew for each
/// type, and then for each of its schedulers.
pub fn spawn(work: BoxFuture<'static, ()>) -> JoinHandle<()> {
    tokio::spawn(work)
}

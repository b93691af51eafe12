//! Running code of the user's so that it can neither take the connection down nor hold it up.

use std::time::Duration;

use groundlink_transport::task;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Why a handler gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Panicked,
    TooLate(Duration),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panicked => f.write_str("the handler panicked"),
            Self::TooLate(after) => write!(f, "the handler gave no answer within {after:?}"),
        }
    }
}

/// Ends its task when it goes.
pub(crate) struct Ending(pub(crate) JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `work` in a task of its own: what it blocks is not the read loop, and its panic ends nothing else. Dropping
/// this future, and the deadline, drop `work` at its next `await`.
pub(crate) async fn run<T: Send + 'static>(
    deadline: Option<Duration>,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    let (done, ended) = oneshot::channel();
    let _task = Ending(task::spawn(Box::pin(async move {
        // Nobody waits any more past the deadline.
        let _ = done.send(work.await);
    })));
    let ended = match deadline {
        None => ended.await,
        Some(after) => match tokio::time::timeout(after, ended).await {
            Ok(ended) => ended,
            Err(_) => return Err(Failure::TooLate(after)),
        },
    };
    // The sender goes unused only with a panic.
    ended.map_err(|_| Failure::Panicked)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_end_is_told() {
        let second = Duration::from_secs(1);
        assert_eq!(run(None, async { 1 }).await, Ok(1));
        assert_eq!(run(Some(second), async { 2 }).await, Ok(2));
        assert_eq!(
            run(Some(second), async move { assert!(second.is_zero(), "on purpose") }).await,
            Err(Failure::Panicked)
        );
        assert_eq!(run(Some(second), pending::<()>()).await, Err(Failure::TooLate(second)));
    }

    #[tokio::test]
    async fn what_is_dropped_ends() {
        let (alive, mut ended) = tokio::sync::mpsc::channel::<()>(1);
        let running = run(None, async move {
            let _alive = alive;
            pending::<()>().await;
        });
        assert!(tokio::time::timeout(Duration::from_millis(1), running).await.is_err());
        assert_eq!(ended.recv().await, None, "the work was dropped");
    }
}

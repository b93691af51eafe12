//! Coming back after the connection was lost.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _};
use groundlink_transport::{CloseReason, Peer, task};
use tokio::sync::watch;

use crate::SessionError;
use crate::client::ClientInner;
use crate::connect::{Connection, Plan, Program};
use crate::router::Router;
use crate::shared::Shared;
use crate::{pending, reopen, sharing};

/// A connection that held this long was a good one: the next loss is a new story, with all its attempts.
const GOOD: Duration = Duration::from_secs(30);
/// Sessions resumed at the same time.
const AT_ONCE: usize = 8;

/// Whether, how often and how fast a client tries to restore its connection.
///
/// The first attempt is made at once, the second after [`first_delay`](Self::first_delay), and each further one after
/// twice as long, up to [`max_delay`](Self::max_delay).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// Attempts for one loss; a connection that fails within half a minute does not start the count again. Default 8.
    pub attempts: u32,
    /// Default 250 ms.
    pub first_delay: Duration,
    /// Default 10 s.
    pub max_delay: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { attempts: 8, first_delay: Duration::from_millis(250), max_delay: Duration::from_secs(10) }
    }
}

impl Reconnect {
    /// Eight attempts within about half a minute.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many attempts for one loss.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The wait before the second attempt, and the longest one.
    #[must_use]
    pub fn delays(mut self, first: Duration, max: Duration) -> Self {
        (self.first_delay, self.max_delay) = (first, max);
        self
    }

    /// The wait before an attempt, counted from 1.
    fn delay(&self, attempt: u32) -> Duration {
        match attempt {
            0 | 1 => Duration::ZERO,
            _ => self.first_delay.saturating_mul(2u32.saturating_pow(attempt - 2)).min(self.max_delay),
        }
    }
}

/// What the task that watches over the connection has, besides the client itself: it must not keep that alive.
pub(crate) struct Watch {
    pub(crate) client: Weak<ClientInner>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) router: Arc<Router>,
    /// True once the client is being stopped; closed once it is gone.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Watches over a client's connection until that has ended for good.
pub(crate) async fn watch_over(mut watch: Watch, mut peer: Peer) {
    let mut attempts = 0;
    let reason = loop {
        let since = Instant::now();
        // The client closes its peer when it goes.
        let reason = peer.closed().await;
        drop(peer);
        tracing::debug!(reason = reason.kind(), "the connection to the CLI has ended");
        let wanted = matches!(reason, CloseReason::Local | CloseReason::Stopped(_)) || *watch.stopping.borrow();
        if wanted || !watch.plan.can_return() {
            break reason;
        }
        if since.elapsed() > GOOD {
            attempts = 0;
        }
        match watch.restore(reason.clone(), &mut attempts).await {
            Some(restored) => peer = restored,
            None => break reason,
        }
    };
    watch.router.line.over(reason);
    watch.router.close();
}

impl Watch {
    /// Connects again and takes up all sessions; `None` when that is given up or not wanted any more.
    async fn restore(&mut self, reason: CloseReason, attempts: &mut u32) -> Option<Peer> {
        let sessions: Vec<_> = self.router.all().into_iter().filter(|shared| shared.reopens()).collect();
        for shared in &sessions {
            shared.interrupt();
        }
        let mut left = self.client.upgrade()?.lose_connection();
        let exited = matches!(reason, CloseReason::Exited(_));
        let restoring = async {
            let policy = self.plan.settings.reconnect.as_ref()?;
            while *attempts < policy.attempts {
                *attempts += 1;
                self.router.line.down(reason.clone(), *attempts);
                tokio::time::sleep(policy.delay(*attempts)).await;
                // Never two programs, nor two connections, for one client. A server that only lost its connection may
                // stay, for one attempt.
                let stays = *attempts == 1 && !exited && matches!(left, Some(Program::Server(_)));
                if let Some(program) = left.take_if(|_| !stays) {
                    program.stop().await;
                }
                match self.attempt(left.clone(), &sessions).await {
                    Ok(connection) => return Some(connection),
                    Err(error) => {
                        tracing::warn!(attempt = *attempts, %error, "the connection to the CLI could not be restored");
                        if matches!(error, SessionError::ConnectionToken { .. } | SessionError::ProtocolVersion { .. })
                        {
                            return None;
                        }
                    }
                }
            }
            None
        };
        let mut stopping = self.stopping.clone();
        let restored = tokio::select! {
            restored = restoring => restored,
            _ = stopping.wait_for(|stopping| *stopping) => None,
        };
        let Some(connection) = restored else {
            if let Some(program) = left {
                program.stop().await;
            }
            return None;
        };
        let peer = connection.peer.clone();
        let client = self.client.upgrade()?;
        client.install(connection);
        self.router.line.up(&peer);
        tracing::debug!("the connection to the CLI is restored");
        for shared in sessions.into_iter().filter(|shared| !shared.feed.is_closed()) {
            sharing::share_again(&client, &shared);
            task::spawn(Box::pin(pending::reconcile(shared)));
        }
        Some(peer)
    }

    async fn attempt(&self, left: Option<Program>, sessions: &[Arc<Shared>]) -> Result<Connection, SessionError> {
        let connection = self.plan.connect_again(&self.router, left).await?;
        let peer = &connection.peer;
        let open: Vec<_> = sessions.iter().filter(|shared| !shared.feed.is_closed()).cloned().collect();
        let reopening = open.into_iter().map(|shared| {
            let peer = peer.clone();
            async move {
                let outcome = reopen::reopen(&peer, &shared).await;
                (shared, outcome)
            }
            .boxed()
        });
        let outcomes: Vec<_> = futures_util::stream::iter(reopening).buffer_unordered(AT_ONCE).collect().await;
        if let Some(reason) = peer.close_reason() {
            if let Some(program) = connection.program {
                program.stop().await;
            }
            return Err(SessionError::Closed { reason });
        }
        for (shared, outcome) in outcomes {
            if let Err(error) = outcome {
                tracing::warn!(session = %shared.id, %error, "the session could not be taken up again; it is over here");
                self.router.remove(&shared.id);
                shared.close();
            }
        }
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = Reconnect::new().delays(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<_> = (1..=6).map(|attempt| policy.delay(attempt).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 5, 5]);
        assert_eq!(policy.delay(u32::MAX).as_secs(), 5);
    }
}

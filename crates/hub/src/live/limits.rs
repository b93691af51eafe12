//! How much of the hub one link may use at a time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Live, Sessions, ViewerGuard, now};

/// How much of a hub the holders of links may use at a time. What is beyond is answered with 429 and `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiLimits {
    /// Streams of one session that may be open. Default: 2,000.
    pub streams_per_session: u32,
    /// Streams that may be open in all. Default: 10,000.
    pub streams: u32,
    /// Commands of one session (also changes of them) that may come at once. Default: 120.
    pub command_burst: u32,
    /// Commands of one session a second after that. Default: 10.
    pub commands_per_second: u32,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self { streams_per_session: 2_000, streams: 10_000, command_burst: 120, commands_per_second: 10 }
    }
}

/// How many commands may still come: some at once, and some each second.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Thousandths of a command that have been used.
    used: u64,
    at: u64,
}

impl Bucket {
    /// Takes one, if there is one. `reserve`: so many beyond what others may take.
    fn take(&mut self, limits: &ApiLimits, reserve: u32, now: u64) -> bool {
        let back = now.saturating_sub(self.at).saturating_mul(u64::from(limits.commands_per_second));
        self.used = self.used.saturating_sub(back);
        self.at = now;
        let fits = self.used + 1_000 <= u64::from(limits.command_burst.saturating_add(reserve)) * 1_000;
        self.used += if fits { 1_000 } else { 0 };
        fits
    }
}

/// Streams that are open in all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams(Arc<AtomicU32>);

/// An open stream.
pub(crate) struct StreamGuard {
    _viewer: Option<ViewerGuard>,
    streams: Streams,
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.streams.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sessions {
    /// Counts a stream of the session for as long as the guard lives; nothing when too many are open.
    pub(crate) fn open_stream(&self, live: &Arc<Live>) -> Option<StreamGuard> {
        let limits = self.timing.limits;
        let streams = self.streams.clone();
        let all = streams.0.fetch_add(1, Ordering::Relaxed);
        let viewer = (all < limits.streams).then(|| live.viewer_up_to(limits.streams_per_session)).flatten();
        if viewer.is_none() {
            streams.0.fetch_sub(1, Ordering::Relaxed);
        }
        viewer.map(|viewer| StreamGuard { _viewer: Some(viewer), streams })
    }

    /// The same for a stream that is of no session.
    pub(crate) fn open_hub_stream(&self) -> Option<StreamGuard> {
        let streams = self.streams.clone();
        // Counted by the guard from here on, whatever comes of it.
        let all = streams.0.fetch_add(1, Ordering::Relaxed);
        let guard = StreamGuard { _viewer: None, streams };
        (all < self.timing.limits.streams).then_some(guard)
    }
}

/// More commands that an abort may use than others: to stop must always be possible.
const RESERVE_FOR_ABORTS: u32 = 20;

impl Live {
    /// Whether another command may come now.
    pub(crate) fn may_command(&self, is_abort: bool) -> bool {
        let reserve = if is_abort { RESERVE_FOR_ABORTS } else { 0 };
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(&self.timing.limits, reserve, now())
    }
}

/// The bucket of a session.
pub(super) type SharedBucket = Mutex<Bucket>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_may_come_and_then_some_a_second() {
        let limits = ApiLimits { command_burst: 3, commands_per_second: 2, ..ApiLimits::default() };
        let mut bucket = Bucket::default();
        let mut taken = |at, reserve| (0..10).take_while(|_| bucket.take(&limits, reserve, at)).count();
        assert_eq!(taken(1_000_000, 0), 3);
        assert_eq!(taken(1_000_499, 0), 0);
        assert_eq!(taken(1_000_500, 0), 1);
        assert_eq!(taken(1_000_500, 2), 2, "an abort may always come");
        assert_eq!(taken(1_001_500, 0), 0, "and is made up for");
        assert_eq!(taken(9_000_000, 0), 3, "never more than a burst");
    }
}

//! Waiting longer after each failure in a row.

use std::time::Duration;

/// Doubling waits with jitter. Randomness comes in as an argument, so a test can fix it.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// The longest wait a server can ask for by `Retry-After`: a typing error there must not silence a session.
    const MOST_ASKED: Duration = Duration::from_mins(1);

    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    /// Counts a failure and says how long to wait: between half and all of `first * 2^n`, at most `most`;
    /// `jitter` in 0..1 chooses. A server's own wish is honoured when it is longer.
    pub(crate) fn failed(&mut self, jitter: f64, asked: Option<Duration>) -> Duration {
        let whole = self.first.saturating_mul(1 << self.failures.min(16)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        let wait = whole / 2 + (whole / 2).mul_f64(jitter.clamp(0.0, 1.0));
        wait.max(asked.unwrap_or_default().min(Self::MOST_ASKED))
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// A number in 0..1 from the random bits of a version 4 UUID: jitter needs no better source.
pub(crate) fn jitter() -> f64 {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    f64::from((high >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_the_limit_and_starts_again() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let waits: Vec<u128> = (0..9).map(|_| backoff.failed(1.0, None).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(backoff.failed(0.0, None).as_millis(), 15000);
        backoff.succeeded();
        assert_eq!(backoff.failed(0.0, None).as_millis(), 250);
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_ever() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        assert_eq!(backoff.failed(0.0, Some(Duration::from_secs(7))).as_secs(), 7);
        assert_eq!(backoff.failed(0.0, Some(Duration::from_hours(24))).as_secs(), 60);
    }

    #[test]
    fn jitter_is_a_fraction() {
        assert!((0..1000).map(|_| jitter()).all(|j| (0.0..=1.0).contains(&j)));
    }
}

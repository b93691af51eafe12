//! The ledger's times and bounds.

/// The ledger's times and bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a hand-out is nobody else's.
    pub(crate) lease_ms: u64,
    /// How long a command waits to be fetched.
    pub(crate) ttl_ms: u64,
    /// The same for an abort, which would do harm late.
    pub(crate) abort_ttl_ms: u64,
    /// After how much silence nothing more is expected of an exporter that has fetched a command.
    pub(crate) vanished_ms: u64,
    /// Commands of a session that may be open at a time.
    pub(crate) open: usize,
    /// Answers in one poll answer.
    pub(crate) batch: usize,
    /// Hand-outs of one command.
    pub(crate) attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lease_ms: 15_000,
            ttl_ms: 24 * 3_600_000,
            abort_ttl_ms: 120_000,
            vanished_ms: 300_000,
            open: 100,
            batch: 16,
            attempts: 5,
        }
    }
}

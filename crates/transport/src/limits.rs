//! What a peer accepts and holds at most.

use std::time::Duration;

/// Bounds of one peer. The defaults suit a local process that is trusted to mean well.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Longest header block of a frame, in bytes.
    pub max_header: usize,
    /// Longest frame body read or written, in bytes.
    pub max_frame: usize,
    /// Most bytes of text that is no frame between two frames.
    pub max_noise: usize,
    /// Deepest nesting of an outgoing message, its envelope included. Common JSON readers stop at 127 and then cannot
    /// even say which request they refuse.
    pub max_depth: usize,
    /// Most requests of the other side served at the same time; more are answered with [`codes::BUSY`].
    ///
    /// [`codes::BUSY`]: crate::codes::BUSY
    pub max_incoming: usize,
    /// Unwritten bytes beyond which callers and handlers wait.
    pub write_high_water: usize,
    /// Unwritten bytes beyond which the connection is given up, because only answers made by the read loop, which
    /// cannot wait, go past the high-water mark.
    pub write_cap: usize,
    /// How long a local close may take to write what is still queued.
    pub close_flush: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_header: 8 * 1024,
            max_frame: 256 * 1024 * 1024,
            max_noise: 64 * 1024,
            max_depth: 127,
            max_incoming: 4096,
            write_high_water: 1024 * 1024,
            write_cap: 64 * 1024 * 1024,
            close_flush: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// Sets the longest frame body, in bytes.
    #[must_use]
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }

    /// Sets the most requests served at once.
    #[must_use]
    pub fn max_incoming(mut self, requests: usize) -> Self {
        self.max_incoming = requests;
        self
    }

    /// Sets the unwritten bytes beyond which callers wait.
    #[must_use]
    pub fn write_high_water(mut self, bytes: usize) -> Self {
        self.write_high_water = bytes;
        self
    }

    /// Sets the unwritten bytes beyond which the connection is given up.
    #[must_use]
    pub fn write_cap(mut self, bytes: usize) -> Self {
        self.write_cap = bytes;
        self
    }
}

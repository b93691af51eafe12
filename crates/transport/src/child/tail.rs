//! The last lines a program printed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes kept.
const KEEP: usize = 16 * 1024;

/// A window on the end of a program's output. It is told to users in errors and never written to a log.
#[derive(Clone, Default)]
pub(crate) struct Tail {
    bytes: Arc<Mutex<VecDeque<u8>>>,
}

impl Tail {
    pub(crate) fn push(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEEP)..];
        let mut kept = self.lock();
        let excess = (kept.len() + bytes.len()).saturating_sub(KEEP);
        kept.drain(..excess);
        kept.extend(bytes);
    }

    pub(crate) fn push_line(&self, line: &[u8]) {
        self.push(line);
        self.push(b"\n");
    }

    /// What is kept, as text.
    pub(crate) fn text(&self) -> String {
        let mut kept = self.lock();
        String::from_utf8_lossy(kept.make_contiguous()).trim().to_owned()
    }

    /// Keeps the end of everything that can be read, until the end of the stream.
    pub(crate) async fn follow(self, mut reader: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 4096];
        // A read error ends the output as surely as its end.
        while let Ok(read @ 1..) = reader.read(&mut buffer).await {
            self.push(&buffer[..read]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<u8>> {
        // Nothing panics while the lock is held.
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

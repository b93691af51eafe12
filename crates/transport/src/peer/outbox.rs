//! Bytes on their way out.
//!
//! Callers append whole frames to one buffer, so that a call dropped half-way never leaves half a frame, and the writing
//! task takes all there is at once, so that calls made together travel together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::frame;

/// A write buffer larger than this is not kept for the next round, in bytes.
const KEEP: usize = 256 * 1024;

pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// Something was queued, or the outbox closed. One task waits.
    filled: Notify,
    /// The queue was taken. Any number of callers wait.
    drained: Notify,
    high_water: usize,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    closed: bool,
}

impl Outbox {
    pub(crate) fn new(high_water: usize) -> Self {
        Self { queue: Mutex::default(), filled: Notify::new(), drained: Notify::new(), high_water }
    }

    /// Whether the queue is below the high-water mark, or closed.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.closed || queue.bytes.len() < self.high_water
    }

    /// Waits until the queue is below the high-water mark, or closed.
    ///
    /// Not a reservation: all who wait go on together, so the queue may pass the mark by one message each.
    pub(crate) async fn room(&self) {
        if self.has_room() {
            return;
        }
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            // Registered before the check, so that no drain falls between the two.
            drained.as_mut().enable();
            if self.has_room() {
                return;
            }
            drained.await;
        }
    }

    /// Appends one frame made of these parts, without waiting. Returns the bytes now queued. Closed, it drops the frame:
    /// whoever sent it learns of the close elsewhere.
    pub(crate) fn push(&self, parts: &[&[u8]]) -> usize {
        let mut queue = self.lock();
        if queue.closed {
            return 0;
        }
        let wake = queue.bytes.is_empty();
        frame::append_frame_parts(&mut queue.bytes, parts);
        let unwritten = queue.bytes.len();
        drop(queue);
        if wake {
            self.filled.notify_one();
        }
        unwritten
    }

    /// Takes no more frames; what is queued can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
        self.drained.notify_waiters();
    }

    /// Swaps the queued bytes into `buffer`, which is emptied first. False at the end.
    pub(crate) async fn take(&self, buffer: &mut Vec<u8>) -> bool {
        if buffer.capacity() > KEEP {
            *buffer = Vec::new();
        }
        buffer.clear();
        loop {
            {
                let mut queue = self.lock();
                if !queue.bytes.is_empty() {
                    std::mem::swap(&mut queue.bytes, buffer);
                    drop(queue);
                    self.drained.notify_waiters();
                    return true;
                }
                if queue.closed {
                    return false;
                }
            }
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the lock is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The newest of a session's events in memory, for those who follow it: one copy for all, bounded in number and size.

use std::collections::VecDeque;

use super::FeedItem;

/// Items that are kept.
const ITEMS: usize = 512;
/// Bytes of their texts that are kept.
const BYTES: usize = 4 << 20;

/// The newest items, each with a running number. A reader holds the number of the next item that it wants; one that is
/// older than what is kept has to begin again from the store.
#[derive(Debug, Default)]
pub(super) struct Ring {
    items: VecDeque<FeedItem>,
    /// The number of the first item that is kept.
    first: u64,
    bytes: usize,
}

impl Ring {
    /// Adds an item; the oldest ones give way. One that is bigger than all the room is not kept at all, so that whoever
    /// has not seen it goes to the store for it.
    pub(super) fn push(&mut self, item: FeedItem) {
        self.bytes += item.size();
        self.items.push_back(item);
        while self.items.len() > ITEMS || self.bytes > BYTES {
            let Some(oldest) = self.items.pop_front() else { break };
            self.bytes -= oldest.size();
            self.first += 1;
        }
    }

    /// The number that the next item will have.
    pub(super) fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// Up to `limit` items from number `from` on; `None` when they are not kept any more.
    pub(super) fn from(&self, from: u64, limit: usize) -> Option<Vec<FeedItem>> {
        let skip = usize::try_from(from.checked_sub(self.first)?).ok()?;
        Some(self.items.iter().skip(skip).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundlink_protocol::Event;

    fn item(seq: u64, size: usize) -> FeedItem {
        let text = format!(r#"{{"id":"{seq}","type":"x","data":"{}"}}"#, "x".repeat(size));
        FeedItem::Stored { seq, event: Event::parse(&text).unwrap() }
    }

    #[test]
    fn it_is_bounded_in_number_and_size_and_says_what_is_gone() {
        let mut ring = Ring::default();
        for n in 0..ITEMS as u64 + 10 {
            ring.push(item(n, 1));
        }
        assert!(ring.from(9, 1).is_none());
        assert!(matches!(ring.from(10, 5).unwrap()[..], [FeedItem::Stored { seq: 10, .. }, _, _, _, _]));
        assert!(ring.from(ring.end(), 5).unwrap().is_empty());
        let before = ring.end();
        for n in 0..3 {
            ring.push(item(n, BYTES / 2 - 100));
        }
        assert!(ring.bytes <= BYTES && ring.items.len() <= 2);
        assert!(ring.from(before, 1).is_none());
        ring.push(item(9, 2 * BYTES));
        assert!(ring.items.is_empty() && ring.bytes == 0);
        assert!(ring.from(ring.end(), 1).unwrap().is_empty() && ring.from(ring.end() - 1, 1).is_none());
    }
}

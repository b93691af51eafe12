//! Where a transcript can be parted so that the log says the same: an item of the log stands where its event stands, one
//! that was seen growing stands where it began.

use std::collections::VecDeque;

use super::item::Item;
use super::{SessionView, images};

/// So many items earlier than asked for a part of the transcript may begin.
const SLACK: usize = 50;

/// For each place between two items, which events told of what is before it and of what is after it.
struct Parting {
    /// The last event of the items before each place; the greatest number where an event is still to come.
    before: Vec<u64>,
    /// The first event of the items from each place on; the greatest number where there is none.
    after: Vec<u64>,
}

impl Parting {
    fn of(items: &VecDeque<Item>) -> Self {
        let mut before = Vec::with_capacity(items.len() + 1);
        before.push(0);
        let mut last = 0;
        for item in items {
            let growing = item.seq.is_none() && item.body.streaming().is_some();
            last = last.max(if growing { u64::MAX } else { item.seq.unwrap_or(0) });
            before.push(last);
        }
        let mut after = vec![u64::MAX; items.len() + 1];
        for (place, item) in items.iter().enumerate().rev() {
            after[place] = after[place + 1].min(item.seq.unwrap_or(u64::MAX));
        }
        Self { before, after }
    }

    /// Whether the events of what is before come before the events of what is after.
    fn is_clean(&self, place: usize) -> bool {
        self.before[place] < self.after[place]
    }

    /// The last event that belongs to what is before. Where the place is not clean, rather one too late: what comes
    /// twice is better than what is lost.
    fn until(&self, place: usize) -> u64 {
        let before = if self.before[place] == u64::MAX { 0 } else { self.before[place] };
        match self.after[place] {
            u64::MAX => before,
            after => before.max(after.saturating_sub(1)),
        }
    }
}

impl SessionView {
    /// Makes room: the oldest items go, to be read from the log again.
    pub(super) fn drop_oldest(&mut self) {
        let parting = Parting::of(&self.items);
        // Where the log can tell what is before and what is after; else anywhere.
        let least = (self.limit / 10).max(1);
        let place = (least..self.items.len() / 2).find(|place| parting.is_clean(*place)).unwrap_or(least);
        self.gone = self.gone.max(parting.until(place));
        let gone: usize = self.items.drain(..place).map(|item| images::held(&item.body)).sum();
        self.image_bytes = self.image_bytes.saturating_sub(gone);
        let first = self.dropped();
        self.by_call.retain(|_, n| *n >= first);
        self.by_message.retain(|_, n| *n >= first);
        self.shells.retain(|_, n| *n >= first);
    }

    /// Where a part of the transcript begins that is to begin at the item with this index: there or a little before,
    /// where the log can tell what is before and what is after. And the last event of what is before.
    pub(crate) fn part_from(&self, index: usize) -> (usize, u64) {
        let parting = Parting::of(&self.items);
        let least = index.saturating_sub(SLACK);
        let clean = |place: &usize| *place == 0 || parting.is_clean(*place);
        match (least..=index).rev().find(clean).unwrap_or(index) {
            0 => (0, self.gone),
            place => (place, parting.until(place).max(self.gone)),
        }
    }
}

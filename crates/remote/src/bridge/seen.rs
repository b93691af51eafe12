//! A bounded memory of ids.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// Remembers the newest ids it was given, up to a fixed number.
///
/// Forgetting an old id is harmless: the event would be uploaded once more, and the hub knows its id too.
#[derive(Debug)]
pub(crate) struct Seen {
    known: HashSet<u128>,
    order: VecDeque<u128>,
    capacity: usize,
    hashers: (RandomState, RandomState),
}

impl Seen {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            known: HashSet::new(),
            order: VecDeque::new(),
            capacity,
            hashers: (RandomState::new(), RandomState::new()),
        }
    }

    /// True when the id was not known yet.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        let print = self.fingerprint(id);
        if !self.known.insert(print) {
            return false;
        }
        self.order.push_back(print);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.order.clear();
    }

    /// Ids are UUIDs, which fit as they are; anything else is hashed to the same width.
    fn fingerprint(&self, id: &str) -> u128 {
        match uuid::Uuid::try_parse(id) {
            Ok(uuid) => uuid.as_u128(),
            Err(_) => (u128::from(self.hashers.0.hash_one(id)) << 64) | u128::from(self.hashers.1.hash_one(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_newest() {
        let mut seen = Seen::new(2);
        assert!(seen.insert("a"));
        assert!(!seen.insert("a"));
        assert!(seen.insert("6f9619ff-8b86-d011-b42d-00c04fc964ff"));
        assert!(!seen.insert("6f9619ff-8b86-d011-b42d-00c04fc964ff"));
        assert!(seen.insert("c"), "a falls out");
        assert!(seen.insert("a"));
        seen.clear();
        assert!(seen.insert("a"));
    }
}

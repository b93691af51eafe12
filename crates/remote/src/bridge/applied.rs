//! Which commands have been dealt with, so that none is applied twice.

use std::collections::{HashMap, VecDeque};

/// Commands remembered. The hub hands out one at a time and forgets it when told the outcome, so only the
/// newest can come again.
const REMEMBERED: usize = 4096;

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The session took it.
    Completed,
    /// It had no effect, and why.
    Rejected(String),
}

/// The outcomes of the newest commands.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    outcomes: HashMap<String, Outcome>,
    order: VecDeque<String>,
}

impl Applied {
    /// The outcome of a command, if it has been dealt with.
    pub(crate) fn outcome(&self, id: &str) -> Option<Outcome> {
        self.outcomes.get(id).cloned()
    }

    /// Remembers an outcome. The first one stays: it is what happened.
    pub(crate) fn record(&mut self, id: &str, outcome: Outcome) {
        if self.outcomes.contains_key(id) {
            return;
        }
        self.outcomes.insert(id.to_owned(), outcome);
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.outcomes.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_outcome_stays_and_memory_is_bounded() {
        let mut applied = Applied::default();
        assert_eq!(applied.outcome("a"), None);
        applied.record("a", Outcome::Completed);
        applied.record("a", Outcome::Rejected("late".into()));
        assert_eq!(applied.outcome("a"), Some(Outcome::Completed));
        for n in 0..REMEMBERED {
            applied.record(&n.to_string(), Outcome::Completed);
        }
        assert_eq!(applied.outcome("a"), None);
        assert_eq!(applied.outcomes.len(), REMEMBERED);
    }
}

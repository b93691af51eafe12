//! What a view does not keep any more, made again from the log.

use std::collections::HashSet;
use std::ops::ControlFlow;

use groundlink_protocol::Event;

use super::item::{Body, Image, Item, ToolState};
use super::{CommandNote, SessionView};

/// The most items of a window.
const WINDOW: usize = 2_000;

/// A window into the past of a session: the last items that the events up to one told of.
///
/// It is fed with the session's events and commands from the beginning, like a view. After its last event it keeps
/// nothing new, and goes on only to learn how what it holds has ended.
#[derive(Debug)]
pub struct Past {
    view: SessionView,
    until: u64,
    /// Messages that failed and are still in the view. They have no event, and the view has them where they failed.
    shown: HashSet<String>,
    /// Items that later events may still change.
    open: Vec<u64>,
}

impl Past {
    /// A window that ends with the event `until`. `shown`: commands of messages that failed which the view still shows.
    pub fn new(session_id: &str, until: u64, shown: HashSet<String>) -> Self {
        Self::with_limit(session_id, until, shown, WINDOW)
    }

    fn with_limit(session_id: &str, until: u64, shown: HashSet<String>, limit: usize) -> Self {
        Self { view: SessionView::with_limit(session_id, limit), until, shown, open: Vec::new() }
    }

    /// Lets it know what events told that are not kept any more.
    pub(crate) fn begin(&mut self, tell: impl FnOnce(&mut SessionView)) {
        tell(&mut self.view);
    }

    /// Takes in the next stored event. `Break`: no later one has to say anything.
    pub fn apply_event(&mut self, event: &Event, seq: u64) -> ControlFlow<()> {
        self.seal_before(seq);
        if self.view.sealed && self.open.is_empty() {
            return ControlFlow::Break(());
        }
        self.view.apply_event(event, Some(seq));
        let view = &self.view;
        self.open.retain(|n| view.item(*n).is_some_and(|item| is_open(&item.body)));
        ControlFlow::Continue(())
    }

    fn seal_before(&mut self, seq: u64) {
        if seq > self.until && !self.view.sealed {
            self.view.sealed = true;
            self.open = self.view.items.iter().filter(|item| is_open(&item.body)).map(|item| item.n).collect();
        }
    }

    /// Takes in a command that was given after the event `seq`, as it ended.
    pub fn apply_command(&mut self, note: &CommandNote, seq: u64) {
        self.seal_before(seq);
        let failed = note.state.is_final() && note.kind == "user_message";
        if !failed || !self.shown.contains(&note.id) {
            self.view.replay_command(note, seq);
        }
    }

    /// Whether it has the items just before those that the events after `until` told of.
    pub fn covers(&self, until: u64) -> bool {
        until <= self.until && (until > self.view.gone || self.view.dropped() == 0)
    }

    /// Whether events to come may still change what it holds.
    pub fn is_unfinished(&self) -> bool {
        !self.open.is_empty()
    }

    /// Up to `count` items (a few more, where the log wants it) before those that the events after `until` told of, as
    /// a page numbers them whose first one is `before`.
    pub fn part(&self, until: u64, before: u64, count: usize) -> Part {
        let items = &self.view.items;
        let told = |item: &Item| item.seq.is_some_and(|seq| seq <= until);
        let end = items.iter().rposition(told).map_or(0, |index| index + 1);
        let (from, until) = self.view.part_from(end.saturating_sub(count));
        let last = items.range(..end).next_back().map_or(0, |item| item.n);
        let number = |n: u64| before.checked_sub(last.checked_sub(n)? + 1);
        let shown: Vec<Item> = items.range(from..end).filter_map(|item| renumbered(item, number)).collect();
        let is_more = from > 0 || self.view.dropped() > 0 || shown.len() < end - from;
        let first = shown.first().map_or(before, |item| item.n);
        Part { items: shown, until, is_more, has_numbers: first > 0 }
    }

    /// A picture of what an event told.
    pub fn image_of(&self, event: u64, index: usize) -> Option<&Image> {
        self.view.image_of(event, index)
    }
}

/// A part of a session's past.
#[derive(Debug)]
pub struct Part {
    /// Oldest first.
    pub items: Vec<Item>,
    /// The last event of what is before them.
    pub until: u64,
    /// Whether there is more before them.
    pub is_more: bool,
    /// Whether there are numbers left for what is before them. Only where the log tells of more than the page had
    /// counted are there none.
    pub has_numbers: bool,
}

/// The item under a page's number; none if it would be below zero.
fn renumbered(item: &Item, number: impl Fn(u64) -> Option<u64>) -> Option<Item> {
    let mut item = Item { n: number(item.n)?, parent: item.parent.and_then(number), ..item.clone() };
    if let Body::Tool(tool) = &mut item.body {
        // What has become of its shell is told later than what was read.
        tool.runs_on = false;
    }
    Some(item)
}

/// Whether a later event may change it.
fn is_open(body: &Body) -> bool {
    match body {
        Body::Tool(tool) => {
            let at_work = tool.agent.as_ref().is_some_and(|agent| agent.running);
            tool.state == ToolState::Running || tool.waiting || at_work
        }
        Body::Request(row) => row.waiting,
        other => other.streaming().is_some(),
    }
}

#[cfg(test)]
mod tests;

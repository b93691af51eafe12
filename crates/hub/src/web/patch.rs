//! What is new for one viewer.
//!
//! A page knows how far it has come; its [`ViewerCursor`] is the id of the last server-sent event,
//! so it survives a reconnect. Whoever is slow gets fewer and larger patches, nobody needs a queue.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::cards::{card, card_id};
use super::chrome;
use super::items::{blocks, item, item_id, queued, queued_id, tail};
use super::log::{PAGE_ITEMS, log};
use crate::view::{Item, SessionView, StreamText};

/// With more changed items than this the page is drawn anew.
const MAX_CHANGED: usize = 200;

/// The most growing texts a cursor speaks of; any other is sent whole.
const MAX_STREAMS: usize = 16;

/// How far a viewer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewerCursor {
    epoch: String,
    /// The revision that the viewer shows; `None` if it shows nothing yet.
    rev: Option<u64>,
    /// The last stored event that it has seen the effect of.
    seq: u64,
    /// For each growing text, by item: where its finished blocks end, and its length.
    streams: BTreeMap<u64, (usize, usize)>,
}

impl ViewerCursor {
    /// The cursor of a viewer that shows nothing yet: the first patch draws everything.
    pub fn new(epoch: &str) -> Self {
        Self { epoch: clean(epoch), rev: None, seq: 0, streams: BTreeMap::new() }
    }

    /// The cursor of a viewer that shows the view as it is now.
    pub fn at(view: &SessionView, epoch: &str) -> Self {
        let mut cursor = Self::new(epoch);
        cursor.advance(view);
        cursor
    }

    /// The cursor that a viewer sends, if it is of this epoch; else one that starts over.
    pub fn resume(epoch: &str, sent: Option<&str>) -> Self {
        let fresh = Self::new(epoch);
        match sent.and_then(Self::parse) {
            Some(cursor) if cursor.epoch == fresh.epoch => cursor,
            // What it has seen it has seen, whichever hub drew it.
            Some(cursor) => Self { seq: cursor.seq, ..fresh },
            None => fresh,
        }
    }

    /// How many stored events the view is ahead of what the viewer shows. 0 also for a viewer of a longer log than
    /// this one: nobody knows what of it was the same.
    pub fn behind(&self, view: &SessionView) -> u64 {
        view.last_seq().saturating_sub(self.seq)
    }

    /// Reads what [`ViewerCursor`]'s `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let epoch = parts.next()?.to_owned();
        let rev = match parts.next()? {
            "new" => None,
            rev => Some(rev.parse().ok()?),
        };
        let seq = parts.next()?.parse().ok()?;
        let mut streams = BTreeMap::new();
        for part in parts.take(MAX_STREAMS) {
            let mut numbers = part.split('-');
            let n = numbers.next()?.parse().ok()?;
            let stable = numbers.next()?.parse().ok()?;
            let len = numbers.next()?.parse().ok()?;
            streams.insert(n, (stable, len));
        }
        Some(Self { epoch, rev, seq, streams })
    }

    /// The epoch it belongs to.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    fn advance(&mut self, view: &SessionView) {
        self.rev = Some(view.rev());
        self.seq = view.last_seq();
        self.streams = view
            .items()
            .rev()
            .take(PAGE_ITEMS)
            .filter_map(|item| {
                let stream = item.body.streaming()?;
                Some((item.n, (stream.stable(), stream.text().len())))
            })
            .take(MAX_STREAMS)
            .collect();
    }
}

impl fmt::Display for ViewerCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.epoch)?;
        match self.rev {
            Some(rev) => write!(f, "{rev}")?,
            None => f.write_str("new")?,
        }
        write!(f, ".{}", self.seq)?;
        for (n, (stable, len)) in &self.streams {
            write!(f, ".{n}-{stable}-{len}")?;
        }
        Ok(())
    }
}

impl maud::Render for ViewerCursor {
    fn render_to(&self, buffer: &mut String) {
        maud::Render::render_to(&self.to_string(), buffer);
    }
}

/// An epoch must not hold the cursor's separator, nor a line break.
fn clean(epoch: &str) -> String {
    epoch.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect()
}

/// Changes of a page, to be made in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// The changes.
    pub ops: Vec<Op>,
}

/// One change of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Op {
    /// Replace the content of every region; keep what the person has typed.
    Reset {
        /// Content by the region's element id.
        regions: BTreeMap<&'static str, String>,
    },
    /// Replace the content of a region.
    Region {
        /// The region's element id.
        target: &'static str,
        /// The content.
        html: String,
    },
    /// Replace an item of the transcript, or add it at its place.
    Item {
        /// Its element id.
        target: String,
        /// Its place.
        n: u64,
        /// The element.
        html: String,
    },
    /// A growing text has grown.
    Text {
        /// The item's element id.
        target: String,
        /// Blocks to add to the finished ones.
        #[serde(skip_serializing_if = "String::is_empty")]
        blocks: String,
        /// What the tail is now.
        #[serde(skip_serializing_if = "Option::is_none")]
        tail: Option<String>,
        /// Plain text to add to the tail instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        append: Option<String>,
    },
    /// The elements of a region have changed.
    List {
        /// The region's element id.
        target: &'static str,
        /// The ids of its elements, in order; others go.
        order: Vec<String>,
        /// The elements that are new or have changed, by id.
        html: BTreeMap<String, String>,
    },
}

/// What has changed since `cursor`, which then stands at the present. `None`: nothing.
pub fn patch_since(view: &SessionView, cursor: &mut ViewerCursor) -> Option<Patch> {
    if cursor.rev == Some(view.rev()) {
        return None;
    }
    let ops = cursor
        .rev
        .filter(|rev| *rev < view.rev())
        .and_then(|rev| changes(view, rev, &cursor.streams))
        .unwrap_or_else(|| vec![Op::Reset { regions: regions(view).into_iter().collect() }]);
    cursor.advance(view);
    (!ops.is_empty()).then_some(Patch { ops })
}

/// The changes since a revision; `None` if there are so many that drawing anew is better.
fn changes(view: &SessionView, rev: u64, streams: &BTreeMap<u64, (usize, usize)>) -> Option<Vec<Op>> {
    let mut ops = Vec::new();
    if view.header_rev() > rev {
        ops.extend(header_regions(view).map(|(target, html)| Op::Region { target, html }));
    }
    let changed: Vec<&Item> = view.items().filter(|item| item.last_rev > rev).collect();
    if changed.len() > MAX_CHANGED {
        return None;
    }
    for one in changed {
        let known = streams.get(&one.n).filter(|_| one.first_rev <= rev);
        let grown = one.body.streaming().zip(known).and_then(|(stream, known)| text_op(one.n, stream, *known));
        ops.push(grown.unwrap_or_else(|| Op::Item { target: item_id(one.n), n: one.n, html: item(one).into_string() }));
    }
    if view.queue_rev() > rev {
        ops.push(Op::List {
            target: "queue",
            order: view.queue().iter().map(|one| queued_id(one.n)).collect(),
            html: view
                .queue()
                .iter()
                .filter(|one| one.last_rev > rev)
                .map(|one| (queued_id(one.n), queued(view, one).into_string()))
                .collect(),
        });
    }
    if view.requests_rev() > rev {
        ops.push(Op::List {
            target: "dock",
            order: view.requests().iter().map(|one| card_id(one.n)).collect(),
            html: view
                .requests()
                .iter()
                .filter(|one| one.last_rev > rev)
                .map(|one| (card_id(one.n), card(view, one).into_string()))
                .collect(),
        });
    }
    Some(ops)
}

/// How a growing text has grown; `None` if the viewer's idea of it does not fit.
fn text_op(n: u64, stream: &StreamText, (stable, len): (usize, usize)) -> Option<Op> {
    if !stream.is_block_end(stable) || stable > len || len > stream.text().len() {
        return None;
    }
    let append = stream.appended_since(len).filter(|_| stable == stream.stable()).map(str::to_owned);
    Some(Op::Text {
        target: item_id(n),
        blocks: blocks(stream, stable).into_string(),
        tail: append.is_none().then(|| tail(stream).into_string()),
        append,
    })
}

/// The regions that only change together with the header.
fn header_regions(view: &SessionView) -> impl Iterator<Item = (&'static str, String)> {
    [
        ("head", chrome::head(view)),
        ("notice", chrome::notice(view)),
        ("activity", chrome::activity(view)),
        ("tasks", chrome::tasks(view)),
        ("details", chrome::details(view)),
        ("suggestions", chrome::suggestions(view)),
        ("controls", chrome::controls(view)),
    ]
    .into_iter()
    .map(|(id, html)| (id, html.into_string()))
}

/// The content of every region.
pub(super) fn regions(view: &SessionView) -> Vec<(&'static str, String)> {
    let queue = maud::html! { @for one in view.queue() { (queued(view, one)) } };
    let dock = maud::html! { @for one in view.requests() { (card(view, one)) } };
    let mut all: Vec<_> = header_regions(view).collect();
    all.push(("log", log(view).into_string()));
    all.push(("queue", queue.into_string()));
    all.push(("dock", dock.into_string()));
    all
}

//! The transcript in parts: the newest with the page, older ones as the reader scrolls up.

use std::collections::{BTreeMap, HashSet};

use maud::{Markup, html};
use serde::Serialize;

use super::items;
use crate::view::{Item, Past, SessionView};

/// The most items of the transcript that a page starts with; the newest. Older parts have as many, and some more where
/// the log wants it.
pub(super) const PAGE_ITEMS: usize = 150;

/// What stands before a part.
enum Before {
    /// More items, that can be asked for: those before the item of this number, the last of which the event `until`
    /// told of.
    Items { first: u64, until: u64 },
    /// Items that this page has no numbers for.
    Beyond,
    /// So many events that were trimmed, perhaps none.
    Trimmed(u64),
}

/// The newest part of the transcript.
pub(super) fn log(view: &SessionView) -> Markup {
    part_of(view, view.items().len()).0
}

/// The items before the one with the index `end`; the first of them, and whether there is more before it.
fn part_of(view: &SessionView, end: usize) -> (Markup, Option<u64>, bool) {
    let (from, until) = view.part_from(end.saturating_sub(PAGE_ITEMS));
    let shown: Vec<&Item> = view.items().skip(from).take(end - from).collect();
    let first = shown.first().map(|item| item.n);
    let is_more = from > 0 || view.dropped() > 0;
    let before = match first {
        Some(first) if is_more => Before::Items { first, until },
        _ => Before::Trimmed(view.trimmed()),
    };
    (html! { (note(&before)) (tree(&shown)) }, first, is_more)
}

/// Says what stands before the first item that is drawn.
fn note(before: &Before) -> Markup {
    html! {
        @match before {
            Before::Items { first, until } => p.older #older data-testid="older" data-before=(first) data-until=(until) {
                button.quiet type="button" data-act="older" data-testid="older-load" {
                    (counted(*first, "earlier item", "earlier items"))
                }
            },
            Before::Beyond => p.older data-testid="beyond" {
                "Earlier items are in the session's log, which `groundlink watch` reads from its beginning."
            },
            Before::Trimmed(0) => {},
            Before::Trimmed(events) => p.older data-testid="trimmed" {
                (counted(*events, "earlier event was", "earlier events were"))
                " trimmed: the hub keeps no more of this session."
            },
        }
    }
}

/// A number with its words, in groups of three digits.
fn counted(count: u64, one: &str, more: &str) -> String {
    let digits = count.to_string();
    let grouped: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    format!("{} {}", grouped.join(","), if count == 1 { one } else { more })
}

/// Items, those of a sub-agent within the tool call that started it.
fn tree(shown: &[&Item]) -> Markup {
    let here: HashSet<u64> = shown.iter().map(|item| item.n).collect();
    let mut kids: BTreeMap<u64, Vec<&Item>> = BTreeMap::new();
    let mut roots = Vec::new();
    for item in shown {
        match item.parent.filter(|parent| here.contains(parent)) {
            Some(parent) => kids.entry(parent).or_default().push(item),
            None => roots.push(*item),
        }
    }
    html! { @for item in roots { (branch(item, &kids, 0)) } }
}

/// A child is newer than its parent, so that this ends; deeper than anybody nests sub-agents it does not go.
fn branch(item: &Item, kids: &BTreeMap<u64, Vec<&Item>>, depth: usize) -> Markup {
    let own = kids.get(&item.n).filter(|_| depth < 16);
    let inner = html! { @for kid in own.into_iter().flatten() { (branch(kid, kids, depth + 1)) } };
    items::item_with(item, &inner)
}

/// A part of the transcript that a page did not begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Older {
    /// The items, oldest first, after a note of what stands before them.
    pub html: String,
    /// The first of them, to ask for what is before it; absent when there are none.
    pub first: Option<u64>,
    /// Whether there are more before it.
    pub more: bool,
}

/// Draws the items just before the item `before`. `None` where the view does not keep them any more: they are in its
/// [`Past`].
pub fn older(view: &SessionView, before: u64) -> Option<Older> {
    let gone = view.dropped();
    if before <= gone && gone > 0 {
        return None;
    }
    let end = usize::try_from(before.saturating_sub(gone)).unwrap_or(usize::MAX).min(view.items().len());
    let (html, first, more) = part_of(view, end);
    Some(Older { html: html.into_string(), first, more: more && first.is_some() })
}

/// Draws the items of the events up to `until`, for a page whose first item is `before`. `trimmed`: so many events are
/// not kept any more.
pub fn older_past(past: &Past, before: u64, until: u64, trimmed: u64) -> Older {
    let older = past.part(until, before, PAGE_ITEMS);
    let shown: Vec<&Item> = older.items.iter().collect();
    let first = shown.first().map(|item| item.n);
    let more = older.is_more && older.has_numbers;
    let before = match (first, older.is_more) {
        (Some(first), true) if more => Before::Items { first, until: older.until },
        (_, true) => Before::Beyond,
        (_, false) => Before::Trimmed(trimmed),
    };
    let html = html! { (note(&before)) (tree(&shown)) };
    Older { html: html.into_string(), first, more }
}

//! Rows and their conversions.

use std::collections::HashMap;
use std::ops::Range;

use groundlink_protocol::Event;
use groundlink_protocol::api::{CommandState, Delivery};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::ledger::{CommandKind, Entry};

/// A session as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "one for each column")]
pub(crate) struct SessionRow {
    /// The store's own number for it.
    pub(crate) n: i64,
    pub(crate) id: String,
    /// JSON of what a bridge said about itself.
    pub(crate) exporter: Option<String>,
    pub(crate) steerable: bool,
    pub(crate) shared: bool,
    pub(crate) ended: bool,
    pub(crate) last_seq: u64,
    pub(crate) last_seen: Option<u64>,
    pub(crate) gap: Option<String>,
    pub(crate) healed: bool,
    /// Names the log.
    pub(crate) epoch: String,
    /// Events up to this number have lost their text.
    pub(crate) trimmed_before: u64,
    /// The state after `trimmed_before`, as JSON.
    pub(crate) base: Option<String>,
    /// Bytes of the events' texts.
    pub(crate) bytes: u64,
    /// What a person has called it.
    pub(crate) name: Option<String>,
    /// Somebody has put it away.
    pub(crate) archived: bool,
    /// What the list shows of it, as JSON, as of the event `card_seq`.
    pub(crate) card: Option<String>,
    pub(crate) card_seq: Option<u64>,
    pub(crate) created_at: u64,
}

impl SessionRow {
    pub(super) fn read(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            n: row.try_get("n")?,
            id: row.try_get("id")?,
            exporter: row.try_get("exporter")?,
            steerable: row.try_get("steerable")?,
            shared: row.try_get("shared")?,
            ended: row.try_get("ended")?,
            last_seq: unsigned(row.try_get("last_seq")?),
            last_seen: row.try_get::<Option<i64>, _>("last_seen")?.map(unsigned),
            gap: row.try_get("gap")?,
            healed: row.try_get("healed")?,
            epoch: row.try_get("epoch")?,
            trimmed_before: unsigned(row.try_get("trimmed_before")?),
            base: row.try_get("base")?,
            bytes: unsigned(row.try_get("bytes")?),
            name: row.try_get("name")?,
            archived: row.try_get("archived")?,
            card: row.try_get("card")?,
            card_seq: row.try_get::<Option<i64>, _>("card_seq")?.map(unsigned),
            created_at: unsigned(row.try_get("created_at")?),
        })
    }
}

/// An event on its way into the store.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) event: Event,
    /// The parts of the text that are stored once for all events that have them.
    shared: Vec<Range<usize>>,
}

/// An event in the form in which it is stored.
pub(super) struct Split {
    pub(super) body: String,
    /// The text that is stored apart, its hash, and where its pieces belong.
    pub(super) shared: Option<(String, [u8; 32], String)>,
}

impl Split {
    /// An event without its text.
    pub(super) fn gone() -> Self {
        Self { body: String::new(), shared: None }
    }
}

impl NewEvent {
    /// Takes an event; a system prompt's text will be stored apart.
    pub(crate) fn new(event: Event) -> Self {
        let shared = if event.kind() == "system.message" { prompt_ranges(&event) } else { Vec::new() };
        Self { event, shared }
    }

    pub(super) fn split(&self) -> Split {
        let text = self.event.raw().get();
        if self.shared.is_empty() {
            return Split { body: text.to_owned(), shared: None };
        }
        let (mut body, mut apart, mut cuts) = (String::new(), String::new(), Vec::new());
        let mut done = 0;
        for range in &self.shared {
            body.push_str(&text[done..range.start]);
            apart.push_str(&text[range.clone()]);
            cuts.push(format!("{}:{}", body.len(), range.len()));
            done = range.end;
        }
        body.push_str(&text[done..]);
        let hash = Sha256::digest(apart.as_bytes()).into();
        Split { body, shared: Some((apart, hash, cuts.join(","))) }
    }
}

/// Puts the pieces of `apart` back to where [`NewEvent::split`] took them from.
fn join(body: &str, apart: &str, cuts: &str) -> Option<String> {
    let mut out = String::with_capacity(body.len() + apart.len());
    let (mut body_done, mut apart_done) = (0_usize, 0_usize);
    for cut in cuts.split(',') {
        let (at, length) = cut.split_once(':')?;
        let (at, length): (usize, usize) = (at.parse().ok()?, length.parse().ok()?);
        out.push_str(body.get(body_done..at)?);
        out.push_str(apart.get(apart_done..apart_done.checked_add(length)?)?);
        (body_done, apart_done) = (at, apart_done + length);
    }
    out.push_str(body.get(body_done..)?);
    Some(out)
}

/// Where the long fields of a system prompt lie in the event's text, in order.
fn prompt_ranges(event: &Event) -> Vec<Range<usize>> {
    /// Shorter ones are not worth a row.
    const WORTH: usize = 512;
    let base = event.raw().get().as_ptr().addr();
    let Ok(fields) = serde_json::from_str::<HashMap<String, &RawValue>>(event.data_raw().get()) else {
        return Vec::new();
    };
    let mut ranges: Vec<_> = ["content", "contentBlocks"]
        .into_iter()
        .filter_map(|name| {
            let value = fields.get(name)?.get();
            let start = value.as_ptr().addr().checked_sub(base)?;
            let range = start..start + value.len();
            // Holds as long as the data is a slice of the event's own text.
            (event.raw().get().get(range.clone()) == Some(value)).then_some(range)
        })
        .filter(|range| range.len() >= WORTH)
        .collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

/// An event as stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredEvent {
    pub(crate) seq: u64,
    pub(crate) event: Event,
}

impl StoredEvent {
    pub(super) fn read(row: &SqliteRow) -> sqlx::Result<Self> {
        let mut body: String = row.try_get("body")?;
        if let Some(text) = row.try_get::<Option<String>, _>("text")? {
            body = join(&body, &text, row.try_get("cuts")?)
                .ok_or_else(|| sqlx::Error::Decode("an event's cuts do not fit".into()))?;
        }
        let raw = RawValue::from_string(body).map_err(|e| sqlx::Error::Decode(e.into()))?;
        let event = Event::from_raw(raw).map_err(|e| sqlx::Error::Decode(e.into()))?;
        Ok(Self { seq: unsigned(row.try_get("seq")?), event })
    }
}

pub(super) fn read_command(row: &SqliteRow) -> sqlx::Result<Entry> {
    let kind: String = row.try_get("kind")?;
    let state: String = row.try_get("state")?;
    let answer: Option<String> = row.try_get("answer")?;
    let time = |name| row.try_get::<i64, _>(name).map(unsigned);
    let maybe_time = |name| row.try_get::<Option<i64>, _>(name).map(|t| t.map(unsigned));
    Ok(Entry {
        order: time("ord")?,
        id: row.try_get("id")?,
        client_id: row.try_get("client_id")?,
        kind: CommandKind::parse(&kind)
            .ok_or_else(|| sqlx::Error::Decode(format!("unknown command kind `{kind}`").into()))?,
        content: row.try_get("content")?,
        request_id: row.try_get("request_id")?,
        tool_call_id: row.try_get("tool_call_id")?,
        answer: answer
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|e| sqlx::Error::Decode(e.into()))?,
        state: parse_state(&state)
            .ok_or_else(|| sqlx::Error::Decode(format!("unknown command state `{state}`").into()))?,
        reason: row.try_get("reason")?,
        at_seq: time("at_seq")?,
        accepted_at: time("accepted_at")?,
        expires_at: time("expires_at")?,
        delivered_at: maybe_time("delivered_at")?,
        acknowledged_at: maybe_time("acknowledged_at")?,
        ended_at: maybe_time("ended_at")?,
        attempts: row.try_get("attempts")?,
        delivery: match row.try_get::<&str, _>("delivery")? {
            "steer" => Delivery::Steer,
            _ => Delivery::Queue,
        },
        device: row.try_get::<Option<&str>, _>("device")?.and_then(|text| serde_json::from_str(text).ok()),
        subject: row.try_get("subject")?,
        follow: row.try_get("follow")?,
        part_of: row.try_get("part_of")?,
        actor: None,
    })
}

fn parse_state(word: &str) -> Option<CommandState> {
    use CommandState::{Accepted, Applied, Cancelled, Delivered, Expired, Rejected, Superseded, Unknown};
    [Accepted, Delivered, Applied, Rejected, Expired, Superseded, Cancelled, Unknown]
        .into_iter()
        .find(|s| s.as_str() == word)
}

/// `SQLite` knows signed numbers only; ours never reach their half.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

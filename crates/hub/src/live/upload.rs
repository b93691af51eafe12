//! An upload is applied: stored, reduced, told.

use std::collections::HashSet;
use std::sync::Arc;

use groundlink_protocol::Event;

use super::{FeedItem, Inner, Live, bump};
use crate::ingest::{Sorted, Upload};
use crate::ledger::Evidence;
use crate::state::Head;
use crate::store::{Append, NewEvent, SessionUpdate};

/// Events in one upload of the CLI at most.
const FULL: usize = 500;

/// Where the new durable events of an upload belong.
#[derive(Debug, Default)]
struct Lineage {
    /// A parent that nobody has sent.
    gap: Option<String>,
    /// The earliest time of an event that belongs between others that are stored already: the log is rebuilt from
    /// there on.
    heals: Option<String>,
    heal_tip: Option<String>,
}

impl Live {
    /// Stores an upload and takes it in. Says how many events were new. Runs in a task of its own.
    pub(crate) async fn upload(self: Arc<Self>, upload: Upload, received_at: u64) -> sqlx::Result<usize> {
        let live = self.clone();
        let task = tokio::spawn(async move { live.apply_upload(upload, received_at).await });
        task.await.unwrap_or_else(|error| Err(sqlx::Error::Protocol(error.to_string())))
    }

    async fn apply_upload(&self, upload: Upload, received_at: u64) -> sqlx::Result<usize> {
        let _order = self.order.lock().await;
        let events: Vec<NewEvent> = upload
            .events
            .iter()
            .filter_map(|e| match e {
                Sorted::Stored(new) => Some(new.clone()),
                Sorted::Passing(_) => None,
            })
            .collect();
        let lineage = self.lineage(&events).await?;
        let (update, turned) = {
            let mut inner = self.lock();
            let turned = !inner.is_steady();
            let update = SessionUpdate {
                gap: lineage.gap.clone().map(Some),
                last_seen: inner.heard(received_at),
                ended: (!events.is_empty() && inner.closed).then_some(false),
                ..SessionUpdate::default()
            };
            (update, turned)
        };
        // Everything that the upload changes of the log is one transaction: after a crash it is there, or it is sent
        // again.
        let seqs = if events.is_empty() && update.is_empty() {
            Vec::new()
        } else {
            let append =
                Append { events, rebuild_from: lineage.heals.clone(), update: update.clone(), now: received_at };
            self.store.append(self.n, append).await?
        };
        let stored = seqs.iter().flatten().count();
        let items = number(&upload.events, &seqs);
        let rebuilt = if lineage.heals.is_some() && stored > 0 { self.reload().await? } else { None };
        let has_passing = items.iter().any(|item| matches!(item, FeedItem::Passing(_)));

        let changes = {
            let mut inner = self.lock();
            if update.ended.is_some() {
                inner.closed = false;
            }
            let reduce = rebuilt.is_none();
            if let Some(fresh) = rebuilt {
                inner.replace(fresh);
            }
            let evidence = self.tell(&mut inner, items, reduce);
            if lineage.gap.is_some() {
                inner.gap = lineage.gap;
            }
            inner.heal_tip = lineage.heal_tip;
            settle(&mut inner, &upload, stored, &evidence, received_at);
            Self::note_changes(&mut inner)
        };
        let commands_moved = !changes.is_empty();
        let result = self.store_changes(changes).await;
        if stored > 0 || has_passing || commands_moved || turned {
            bump(&self.seen);
        }
        if stored > 0 || commands_moved || turned {
            bump(&self.state);
        }
        bump(&self.commands);
        result.map(|()| stored)
    }

    /// Takes new events in, and tells the streams. `reduce`: they are not in the view yet, and the streams do not read
    /// a rebuilt log from its beginning anyway.
    fn tell(&self, inner: &mut Inner, items: Vec<FeedItem>, reduce: bool) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        for item in items {
            match &item {
                FeedItem::Stored { .. } if !reduce => continue,
                FeedItem::Stored { seq, event } => {
                    inner.last_seq = *seq;
                    inner.view.apply_event(event, Some(*seq));
                    evidence.extend(inner.state.apply(event, *seq));
                }
                FeedItem::Passing(event) => {
                    if !inner.recent.insert(event.id()) {
                        continue;
                    }
                    inner.view.apply_event(event, None);
                }
                FeedItem::Epoch(_) => {}
            }
            inner.ring.push(item);
        }
        bump(&self.news);
        evidence
    }

    /// Looks where new events belong. Each durable event names the one before it as its parent, so that a parent
    /// nobody knows is a gap, and an old event that does not follow the newest one fills a gap.
    async fn lineage(&self, events: &[NewEvent]) -> sqlx::Result<Lineage> {
        let mut lineage = Lineage::default();
        let (mut head, from_bridge) = {
            let inner = self.lock();
            lineage.heal_tip.clone_from(&inner.heal_tip);
            (inner.state.head().cloned(), inner.exporter.is_some())
        };
        // A bridge does not get to see every durable event, so that its chain has holes by nature.
        if from_bridge {
            return Ok(lineage);
        }
        let durable: Vec<&Event> = events.iter().map(|new| &new.event).filter(|event| !event.ephemeral()).collect();
        // Nearly always each follows the one before it, and the store need not be asked.
        let mut last = head.as_ref().map(|head| head.id.as_str());
        if durable.iter().all(|event| event.parent_id() == last.replace(event.id())) {
            return Ok(lineage);
        }
        let mut asked: Vec<&str> = durable.iter().map(|event| event.id()).collect();
        asked.extend(durable.iter().filter_map(|event| event.parent_id()));
        let known = self.store.known_events(self.n, &asked).await?;
        let mut seen: HashSet<&str> = known.iter().map(String::as_str).collect();
        for event in durable {
            let parent = event.parent_id();
            let fills = lineage.heal_tip.as_deref() == parent || parent.is_none_or(|parent| seen.contains(parent));
            if !seen.insert(event.id()) {
                continue;
            }
            if head.as_ref().map(|head| head.id.as_str()) == parent {
                head = Some(Head::of(event));
                continue;
            }
            if !fills {
                lineage.gap = parent.map(str::to_owned);
            }
            let in_the_past = head.as_ref().is_some_and(|head| event.timestamp() < head.timestamp.as_str());
            if in_the_past {
                // Also where its own parent is missing still: its place is in the past.
                let at = event.timestamp();
                if lineage.heals.as_deref().is_none_or(|earliest| at < earliest) {
                    lineage.heals = Some(at.to_owned());
                }
                lineage.heal_tip = Some(event.id().to_owned());
            } else {
                head = Some(Head::of(event));
            }
        }
        Ok(lineage)
    }

    async fn reload(&self) -> sqlx::Result<Option<Inner>> {
        let Some(row) = self.store.session(&self.id).await? else { return Ok(None) };
        Self::rebuild(&self.store, self.timing, &row).await.map(Some)
    }
}

/// Gives the stored events their numbers, and leaves the known ones out.
fn number(events: &[Sorted], seqs: &[Option<u64>]) -> Vec<FeedItem> {
    let mut seqs = seqs.iter();
    let mut stored = |event: &Event| {
        let seq = seqs.next().copied().flatten()?;
        Some(FeedItem::Stored { seq, event: event.clone() })
    };
    events
        .iter()
        .filter_map(|sorted| match sorted {
            Sorted::Stored(new) => stored(&new.event),
            Sorted::Passing(event) => Some(FeedItem::Passing(event.clone())),
        })
        .collect()
}

/// What the upload says and proves about commands.
fn settle(inner: &mut Inner, upload: &Upload, stored: usize, evidence: &[Evidence], received_at: u64) {
    // A refusal comes first: the event that proves another's answer would else pass for ours.
    for rejected in &upload.rejected {
        let request = inner.ledger.get(&rejected.id).and_then(|entry| entry.request_id.clone());
        let still_open = request.is_some_and(|request| inner.state.request(&request).is_some());
        inner.ledger.reject(&rejected.id, &rejected.reason, still_open, received_at);
    }
    for id in &upload.completed {
        inner.ledger.acknowledge(id, received_at);
    }
    // A message proves its command also when it is known, or belongs to what was trimmed.
    let repeated = upload.events.iter().filter_map(|sorted| match sorted {
        Sorted::Stored(new) => crate::state::message_of(&new.event),
        Sorted::Passing(_) => None,
    });
    for evidence in evidence.iter().cloned().chain(repeated) {
        inner.ledger.observe(&evidence, received_at);
    }
    // The proof may have come long before the acknowledgement: then it is not among this upload's.
    for id in &upload.completed {
        let request = inner.ledger.get(id).filter(|e| e.is_open()).and_then(|e| e.request_id.clone());
        if let Some(request_id) = request.filter(|request| inner.state.request(request).is_none()) {
            let how = crate::ledger::Closing::Answered(None);
            inner.ledger.observe(&Evidence::Closed { request_id, tool_call_id: None, how }, received_at);
        }
    }
    inner.tell_state(received_at);
    // A full one is not the last of what has gathered at the exporter.
    // And one that brings nothing new may be an old one that comes late.
    let news = upload.count == 0 || stored > 0;
    if upload.count < FULL && news {
        inner.ledger.heard(received_at);
    }
}

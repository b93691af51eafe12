//! What a page scrolls back to beyond what the view keeps: read from the log again, a window at a time.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::inner::{base_state, note};
use super::{Live, millis, now};
use crate::ledger::Entry;
use crate::view::{Body, Past, Source};

/// How long a window stays in memory that nobody looks through.
const IDLE: Duration = Duration::from_mins(1);
/// How old a window may be whose items go on.
const FRESH: Duration = Duration::from_secs(10);
/// Events that are read at a time.
const PAGE: u32 = 1_000;

/// The window that was looked through last.
///
/// One a session: whoever needs another one waits until it is made, so that many viewers that scroll back make one
/// reading of the log at a time.
pub(super) type Window = Arc<Mutex<Option<Made>>>;

/// A window, and what it was made of.
pub(super) struct Made {
    past: Arc<Past>,
    log_epoch: String,
    trimmed_before: u64,
    last_seq: u64,
    at: u64,
    used_at: u64,
}

impl Live {
    /// The items that the events up to `until` told of, as far as a window reaches. Never blocks an async thread, and
    /// holds the session's lock for moments only.
    pub(crate) async fn past(self: &Arc<Self>, until: u64) -> sqlx::Result<Arc<Past>> {
        let mut window = self.window.clone().lock_owned().await;
        if let Some(made) = window.as_mut().filter(|made| self.still_fits(made, until)) {
            made.used_at = now();
            return Ok(made.past.clone());
        }
        let live = self.clone();
        // The window's lock goes along: one whose client hung up goes on, and another one must not begin beside it.
        let task = tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(async move {
                *window = None;
                let made = live.read_past(until).await?;
                let past = made.past.clone();
                *window = Some(made);
                Ok(past)
            })
        });
        task.await.unwrap_or_else(|error| Err(sqlx::Error::Protocol(error.to_string())))
    }

    fn still_fits(&self, made: &Made, until: u64) -> bool {
        let inner = self.lock();
        let same_log = inner.log_epoch == made.log_epoch && inner.trimmed_before == made.trimmed_before;
        let settled = !made.past.is_unfinished() || inner.last_seq == made.last_seq;
        same_log && made.past.covers(until) && (settled || now() < made.at.saturating_add(millis(FRESH)))
    }

    async fn read_past(&self, until: u64) -> sqlx::Result<Made> {
        let row = self.store.session(&self.id).await?.ok_or(sqlx::Error::RowNotFound)?;
        let mut past = Past::new(&self.id, until, self.failed_in_view());
        past.begin(|view| base_state(&row).seed(view));
        let mut commands: VecDeque<Entry> = self.store.commands(self.n).await?.into();
        let mut last_seq = 0;
        'log: loop {
            let page = self.store.events(self.n, last_seq, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for stored in page {
                while let Some(entry) = commands.pop_front_if(|entry| entry.at_seq < stored.seq) {
                    past.apply_command(&note(&entry), entry.at_seq);
                }
                if past.apply_event(&stored.event, stored.seq) == ControlFlow::Break(()) {
                    break 'log;
                }
                last_seq = stored.seq;
            }
        }
        for entry in commands {
            past.apply_command(&note(&entry), entry.at_seq);
        }
        let (at, past) = (now(), Arc::new(past));
        let (log_epoch, trimmed_before) = (row.epoch, row.trimmed_before);
        Ok(Made { past, log_epoch, trimmed_before, last_seq, at, used_at: at })
    }

    /// The commands of the messages that failed, as far as the view shows them.
    fn failed_in_view(&self) -> HashSet<String> {
        let inner = self.lock();
        let failed = inner.view.items().filter_map(|item| match &item.body {
            Body::User(user) if user.failed.is_some() => match &user.source {
                Source::Link(sender) => Some(sender.command.clone()),
                _ => None,
            },
            _ => None,
        });
        failed.collect()
    }

    /// Lets a window go that nobody looks through.
    pub(super) fn forget_past(&self, at: u64) {
        if let Ok(mut window) = self.window.try_lock() {
            window.take_if(|made| at >= made.used_at.saturating_add(millis(IDLE)));
        }
    }
}

//! A session in the list of all: what is shown of it, kept in the store so that the list need not read its events;
//! its name, whether it is put away, and its deletion.

use std::sync::{Arc, Mutex, PoisonError};

use groundlink_protocol::api::{AuditEntry, Device, Presence, SessionEdit, SessionEntry, SessionStatus};

use super::{Inner, Live, Sessions, bump, now};
use crate::store::{SessionRow, SessionUpdate};

/// What the audit calls these.
const KIND: &str = "session";

/// The card that the store has, and the event up to which it holds.
pub(super) struct StoredCard(Mutex<(Option<String>, u64)>);

impl StoredCard {
    pub(super) fn of(row: &SessionRow) -> Self {
        Self(Mutex::new((row.card.clone(), row.card_seq.unwrap_or(0))))
    }
}

/// Why a session is not deleted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    #[error("no such session")]
    NotThere,
    #[error("the session is still connected: end it where it runs, or archive it")]
    Connected,
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// What the list shows of a session that is not in memory; nothing where the store's card is older than its log.
fn card_entry(row: &SessionRow) -> Option<SessionEntry> {
    let current = row.card_seq == Some(row.last_seq);
    let mut entry: SessionEntry = serde_json::from_str(row.card.as_deref().filter(|_| current)?).ok()?;
    entry.session_id.clone_from(&row.id);
    entry.name.clone_from(&row.name);
    entry.archived = row.archived;
    entry.created_at_ms = row.created_at;
    entry.presence = Presence { online: false, silent: false, last_seen_ms: row.last_seen };
    if row.ended && entry.status != SessionStatus::Ended {
        entry.status = SessionStatus::Ended;
        entry.since = super::inner::moment(row.last_seen);
    }
    Some(entry)
}

impl Sessions {
    /// Shows all sessions that the store knows. Those whose card is old are read in the background.
    pub(super) async fn fill_board(self: &Arc<Self>) -> sqlx::Result<()> {
        let mut old = Vec::new();
        for row in self.store.sessions().await? {
            match card_entry(&row) {
                Some(entry) => self.board.put(entry),
                None => old.push(row.id),
            }
        }
        let sessions = self.clone();
        tokio::spawn(async move {
            for id in old {
                if sessions.shutdown.is_cancelled() {
                    return;
                }
                // Loading it shows it.
                if let Err(error) = sessions.by_id(&id).await {
                    tracing::warn!(%error, "reading a session for the list");
                }
            }
        });
        Ok(())
    }

    /// Shows how a session is now.
    pub(super) fn show(&self, live: &Live) {
        let inner = live.lock();
        if !inner.deleted {
            // Under the lock, so that an older state never comes after a newer one.
            self.board.put(inner.entry(&live.id));
        }
    }

    /// Stores what the list shows, if that is different; and for one that leaves, that it holds up to its last event.
    /// Says whether the store has it.
    pub(super) async fn keep_card(&self, live: &Live, leaves: bool) -> bool {
        match live.keep_card(leaves).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "keeping what the list shows of a session");
                false
            }
        }
    }

    /// The same for all, at the end.
    pub(crate) async fn keep_cards(&self) {
        for live in self.all_loaded() {
            self.keep_card(&live, true).await;
        }
    }

    /// Changes a session's name, or puts it away.
    pub(crate) async fn edit(self: &Arc<Self>, id: &str, edit: SessionEdit) -> sqlx::Result<Option<Arc<SessionEntry>>> {
        let Some(live) = self.by_id(id).await? else { return Ok(None) };
        live.edit_card(edit).await?;
        self.show(&live);
        Ok(self.board.get(id))
    }

    /// Deletes a session. Its link leads nowhere any more.
    pub(crate) async fn delete(self: &Arc<Self>, id: &str, device: Option<Device>) -> Result<(), DeleteError> {
        let live = self.by_id(id).await?.ok_or(DeleteError::NotThere)?;
        live.delete(device).await?;
        self.forget(id);
        self.board.remove(id);
        // Those who follow it come to their end.
        live.wake_all();
        bump(&live.commands);
        bump(&live.news);
        Ok(())
    }
}

impl Live {
    async fn keep_card(&self, leaves: bool) -> sqlx::Result<()> {
        let (card, seq) = {
            let inner = self.lock();
            if inner.deleted {
                return Ok(());
            }
            (lasting(&inner, &self.id), inner.last_seq)
        };
        let text = serde_json::to_string(&card).map_err(|e| sqlx::Error::Encode(e.into()))?;
        {
            let stored = self.card.0.lock().unwrap_or_else(PoisonError::into_inner);
            if stored.0.as_deref() == Some(&text) && (!leaves || stored.1 == seq) {
                return Ok(());
            }
        }
        let update = SessionUpdate { card: Some((text.clone(), seq)), ..SessionUpdate::default() };
        self.store.update_session(self.n, update).await?;
        *self.card.0.lock().unwrap_or_else(PoisonError::into_inner) = (Some(text), seq);
        Ok(())
    }

    async fn edit_card(&self, edit: SessionEdit) -> sqlx::Result<()> {
        let _order = self.order.lock().await;
        let SessionEdit { name, archived, device } = edit;
        let name = name.map(|name| Some(name.trim().to_owned()).filter(|name| !name.is_empty()));
        let (name, archived) = {
            let inner = self.lock();
            (name.filter(|name| *name != inner.name), archived.filter(|archived| *archived != inner.archived))
        };
        let update = SessionUpdate { name: name.clone(), archived, ..SessionUpdate::default() };
        if update.is_empty() {
            return Ok(());
        }
        self.store.update_session(self.n, update).await?;
        let mut lines = Vec::new();
        if let Some(name) = &name {
            lines.push(line("renamed", name.clone(), device.clone()));
        }
        if let Some(archived) = archived {
            lines.push(line(if archived { "archived" } else { "unarchived" }, None, device));
        }
        for line in lines {
            self.store.audit(self.n, line).await?;
        }
        {
            let mut inner = self.lock();
            inner.name = name.unwrap_or_else(|| inner.name.clone());
            inner.archived = archived.unwrap_or(inner.archived);
            let name = inner.name.clone();
            inner.view.set_name(name);
        }
        bump(&self.seen);
        Ok(())
    }

    async fn delete(&self, device: Option<Device>) -> Result<(), DeleteError> {
        let _order = self.order.lock().await;
        {
            let inner = self.lock();
            if inner.deleted {
                return Err(DeleteError::NotThere);
            }
            // Its next upload would bring it back. After its end there is none.
            if inner.status() != SessionStatus::Ended && (inner.online || inner.pollers > 0) {
                return Err(DeleteError::Connected);
            }
        }
        self.store.delete_session(self.n, line("deleted", None, device)).await?;
        self.lock().deleted = true;
        Ok(())
    }
}

/// What is worth storing of what the list shows.
fn lasting(inner: &Inner, id: &str) -> SessionEntry {
    // The presence is nobody's from the last run; name and place in the list have columns of their own.
    SessionEntry { presence: Presence::default(), name: None, archived: false, ..inner.card(id) }
}

fn line(outcome: &str, subject: Option<String>, device: Option<Device>) -> AuditEntry {
    AuditEntry {
        n: 0,
        at_ms: now(),
        outcome: outcome.to_owned(),
        command: None,
        kind: KIND.to_owned(),
        device,
        request_id: None,
        subject,
        reason: None,
    }
}

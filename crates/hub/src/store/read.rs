//! Reading.

use futures::TryStreamExt;
use sqlx::Row;

use super::Store;
use super::rows::{SessionRow, StoredEvent, read_command, signed, unsigned};
use crate::keys::LinkHash;
use crate::ledger::Entry;

/// How much one page of events holds at most; a single bigger event is a page of its own.
const PAGE_BYTES: usize = 4 << 20;

impl Store {
    /// The session with this id.
    pub(crate) async fn session(&self, id: &str) -> sqlx::Result<Option<SessionRow>> {
        sqlx::query("SELECT * FROM sessions WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(SessionRow::read)
            .transpose()
    }

    /// All sessions, without their events.
    pub(crate) async fn sessions(&self) -> sqlx::Result<Vec<SessionRow>> {
        let rows = sqlx::query("SELECT * FROM sessions").fetch_all(&self.readers).await?;
        rows.iter().map(SessionRow::read).collect()
    }

    /// All links, with their sessions' ids.
    pub(crate) async fn links(&self) -> sqlx::Result<Vec<(LinkHash, String)>> {
        let rows = sqlx::query("SELECT link_hash, id FROM sessions").fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                let hash: Vec<u8> = row.try_get("link_hash")?;
                let hash = hash.try_into().map_err(|_| sqlx::Error::Decode("a link's hash is cut".into()))?;
                Ok((hash, row.try_get("id")?))
            })
            .collect()
    }

    /// Up to `limit` events after `after`, fewer when they are big.
    pub(crate) async fn events(&self, session: i64, after: u64, limit: u32) -> sqlx::Result<Vec<StoredEvent>> {
        let mut rows = sqlx::query(
            "SELECT seq, body, cuts, text FROM events LEFT JOIN texts ON hash = text_hash \
             WHERE session = ? AND seq > ? AND body <> '' ORDER BY seq LIMIT ?",
        )
        .bind(session)
        .bind(signed(after))
        .bind(limit)
        .fetch(&self.readers);
        let (mut out, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            let event = StoredEvent::read(&row)?;
            bytes += event.event.raw().get().len();
            if bytes > PAGE_BYTES && !out.is_empty() {
                break;
            }
            out.push(event);
        }
        Ok(out)
    }

    /// Hands every event of the session that has its text to `each`, one by one, in order.
    pub(crate) async fn replay(
        &self,
        session: i64,
        until: Option<u64>,
        mut each: impl FnMut(StoredEvent),
    ) -> sqlx::Result<()> {
        let mut rows = sqlx::query(
            "SELECT seq, body, cuts, text FROM events LEFT JOIN texts ON hash = text_hash \
             WHERE session = ? AND seq <= ? AND body <> '' ORDER BY seq",
        )
        .bind(session)
        .bind(until.map_or(i64::MAX, signed))
        .fetch(&self.readers);
        while let Some(row) = rows.try_next().await? {
            each(StoredEvent::read(&row)?);
        }
        Ok(())
    }

    /// Those of the given events that the session has.
    pub(crate) async fn known_events(&self, session: i64, ids: &[&str]) -> sqlx::Result<Vec<String>> {
        let ids = serde_json::to_string(ids).unwrap_or_default();
        sqlx::query_scalar("SELECT id FROM events WHERE session = ? AND id IN (SELECT value FROM json_each(?))")
            .bind(session)
            .bind(ids)
            .fetch_all(&self.readers)
            .await
    }

    /// Whether the session has this event.
    #[cfg(test)]
    pub(crate) async fn has_event(&self, session: i64, id: &str) -> sqlx::Result<bool> {
        Ok(!self.known_events(session, &[id]).await?.is_empty())
    }

    /// The event up to which texts of `bytes` bytes are freed, the oldest first; `None` when there is nothing to free.
    pub(crate) async fn cut_for(&self, session: i64, after: u64, bytes: u64) -> sqlx::Result<Option<u64>> {
        let seq: Option<i64> = sqlx::query_scalar(
            "SELECT coalesce(min(iif(freed >= ?3, seq, NULL)), max(seq)) FROM (SELECT seq, \
             sum(length(CAST(body AS BLOB))) OVER (ORDER BY seq) AS freed FROM events WHERE session = ?1 AND seq > ?2)",
        )
        .bind(session)
        .bind(signed(after))
        .bind(signed(bytes))
        .fetch_one(&self.readers)
        .await?;
        Ok(seq.map(unsigned))
    }

    /// The sessions' sizes in bytes, those first that are over or that have been silent the longest.
    pub(crate) async fn sizes(&self) -> sqlx::Result<Vec<(String, u64)>> {
        let rows = sqlx::query("SELECT id, bytes FROM sessions WHERE bytes > 0 ORDER BY ended DESC, active_at")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, unsigned(row.try_get("bytes")?)))).collect()
    }

    /// All commands of the session, in order.
    pub(crate) async fn commands(&self, session: i64) -> sqlx::Result<Vec<Entry>> {
        let rows = sqlx::query("SELECT * FROM commands WHERE session = ? ORDER BY ord")
            .bind(session)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read_command).collect()
    }

    /// A command by the hub's id.
    pub(crate) async fn command(&self, session: i64, id: &str) -> sqlx::Result<Option<Entry>> {
        let row = sqlx::query("SELECT * FROM commands WHERE session = ? AND id = ?")
            .bind(session)
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(read_command).transpose()
    }

    /// A command by its client's id.
    pub(crate) async fn command_by_client(&self, session: i64, client_id: &str) -> sqlx::Result<Option<Entry>> {
        let row = sqlx::query("SELECT * FROM commands WHERE session = ? AND client_id = ?")
            .bind(session)
            .bind(client_id)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(read_command).transpose()
    }

    /// Numbers and ids of all events, also of those that were trimmed.
    #[cfg(test)]
    pub(crate) async fn names(&self, session: i64) -> sqlx::Result<Vec<(u64, String)>> {
        let rows = sqlx::query("SELECT seq, id FROM events WHERE session = ? ORDER BY seq")
            .bind(session)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok((unsigned(row.try_get("seq")?), row.try_get("id")?))).collect()
    }

    /// The number of stored events, for tests and for people who look.
    #[cfg(test)]
    pub(crate) async fn count(&self, table: &'static str) -> u64 {
        let query = match table {
            "texts" => "SELECT count(*) FROM texts",
            _ => "SELECT count(*) FROM events",
        };
        super::rows::unsigned(sqlx::query_scalar(query).fetch_one(&self.readers).await.expect("count"))
    }
}

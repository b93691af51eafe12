//! Reading.

use futures::TryStreamExt;
use sqlx::Row;

use super::Store;
use super::rows::{SessionRow, StoredEvent, read_command, signed};
use crate::keys::LinkHash;
use crate::ledger::Entry;

/// How much one page of events holds at most; a single bigger event is a page of its own.
const PAGE_BYTES: usize = 4 << 20;
/// Finished commands that are read back with the open ones.
const FINISHED_READ: i64 = 128;

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
             WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?",
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

    /// Hands every event of the session to `each`, one by one, in the order in which they happened.
    pub(crate) async fn replay(&self, session: &SessionRow, mut each: impl FnMut(StoredEvent)) -> sqlx::Result<()> {
        // Where a gap was filled later, the missing events have higher numbers than what followed them.
        let query = if session.healed {
            "SELECT seq, body, cuts, text FROM events LEFT JOIN texts ON hash = text_hash \
             WHERE session = ? ORDER BY timestamp, seq"
        } else {
            "SELECT seq, body, cuts, text FROM events LEFT JOIN texts ON hash = text_hash \
             WHERE session = ? ORDER BY seq"
        };
        let mut rows = sqlx::query(query).bind(session.n).fetch(&self.readers);
        while let Some(row) = rows.try_next().await? {
            each(StoredEvent::read(&row)?);
        }
        Ok(())
    }

    /// Whether the session has this event.
    pub(crate) async fn has_event(&self, session: i64, id: &str) -> sqlx::Result<bool> {
        let row = sqlx::query("SELECT 1 FROM events WHERE session = ? AND id = ?")
            .bind(session)
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// The session's open commands and the latest finished ones, in order.
    pub(crate) async fn commands(&self, session: i64) -> sqlx::Result<Vec<Entry>> {
        let rows = sqlx::query(
            "SELECT * FROM commands WHERE session = ?1 AND (state IN ('accepted', 'delivered') \
             OR ord > (SELECT coalesce(max(ord), 0) FROM commands WHERE session = ?1) - ?2) ORDER BY ord",
        )
        .bind(session)
        .bind(FINISHED_READ)
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

//! Commands and their audit, in the writer's transaction.

use groundlink_protocol::api::{AuditEntry, AuditPage, CommandState, Device, KeptAuditEntry, KeptAuditPage};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::Store;
use super::rows::{signed, unsigned};
use crate::ledger::Entry;

/// Writes a command as it is now. What is new about it becomes a line of the audit, in the same transaction: a change
/// that is written twice is one line.
pub(super) async fn put(connection: &mut SqliteConnection, session: i64, entry: &Entry) -> sqlx::Result<()> {
    let before = sqlx::query("SELECT state, content FROM commands WHERE session = ? AND ord = ?")
        .bind(session)
        .bind(signed(entry.order))
        .fetch_optional(&mut *connection)
        .await?;
    let outcome = match before {
        Some(row) if row.try_get::<&str, _>("state")? == entry.state.as_str() => {
            let edited = entry.state == CommandState::Accepted && row.try_get::<&str, _>("content")? != entry.content;
            edited.then_some("edited")
        }
        // A hand-out that certainly did not arrive is no news.
        Some(_) if entry.state == CommandState::Accepted => None,
        _ => Some(entry.state.as_str()),
    };
    write(connection, session, entry).await?;
    let Some(outcome) = outcome else { return Ok(()) };
    let at = match entry.state {
        CommandState::Accepted if outcome == "edited" => crate::live::now(),
        CommandState::Accepted => entry.accepted_at,
        CommandState::Delivered => entry.delivered_at.unwrap_or(entry.accepted_at),
        _ => entry.ended_at.unwrap_or(entry.accepted_at),
    };
    let line = AuditEntry {
        n: 0,
        at_ms: at,
        outcome: outcome.to_owned(),
        command: Some(entry.id.clone()),
        kind: entry.kind.as_str().to_owned(),
        device: entry.actor.clone().or_else(|| entry.device.clone()),
        request_id: entry.request_id.clone(),
        subject: entry.subject.clone(),
        reason: entry.reason.clone(),
    };
    audit(connection, session, &line).await
}

async fn write(connection: &mut SqliteConnection, session: i64, entry: &Entry) -> sqlx::Result<()> {
    let answer = entry.answer.as_ref().and_then(|answer| serde_json::to_string(answer).ok());
    sqlx::query(
        "INSERT INTO commands (session, ord, id, client_id, kind, content, request_id, tool_call_id, answer, state, \
         reason, at_seq, accepted_at, expires_at, delivered_at, acknowledged_at, ended_at, attempts, delivery, device, \
         subject, follow, part_of) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (session, ord) DO UPDATE SET content = excluded.content, state = excluded.state, \
         reason = excluded.reason, delivered_at = excluded.delivered_at, \
         acknowledged_at = excluded.acknowledged_at, ended_at = excluded.ended_at, attempts = excluded.attempts, \
         subject = excluded.subject, follow = excluded.follow",
    )
    .bind(session)
    .bind(signed(entry.order))
    .bind(&entry.id)
    .bind(&entry.client_id)
    .bind(entry.kind.as_str())
    .bind(&entry.content)
    .bind(&entry.request_id)
    .bind(&entry.tool_call_id)
    .bind(answer)
    .bind(entry.state.as_str())
    .bind(&entry.reason)
    .bind(signed(entry.at_seq))
    .bind(signed(entry.accepted_at))
    .bind(signed(entry.expires_at))
    .bind(entry.delivered_at.map(signed))
    .bind(entry.acknowledged_at.map(signed))
    .bind(entry.ended_at.map(signed))
    .bind(entry.attempts)
    .bind(entry.delivery.as_str())
    .bind(device_text(entry.device.as_ref()))
    .bind(&entry.subject)
    .bind(&entry.follow)
    .bind(&entry.part_of)
    .execute(connection)
    .await?;
    Ok(())
}

fn device_text(device: Option<&Device>) -> Option<String> {
    device.and_then(|device| serde_json::to_string(device).ok())
}

/// Adds a line to the audit.
pub(super) async fn audit(connection: &mut SqliteConnection, session: i64, line: &AuditEntry) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO audit (session, n, at, outcome, command, kind, device, request_id, subject, reason) \
         SELECT ?1, coalesce(max(n), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM audit WHERE session = ?1",
    )
    .bind(session)
    .bind(signed(line.at_ms))
    .bind(&line.outcome)
    .bind(&line.command)
    .bind(&line.kind)
    .bind(device_text(line.device.as_ref()))
    .bind(&line.request_id)
    .bind(&line.subject)
    .bind(&line.reason)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Up to `limit` lines of the session's audit after `after`.
    pub(crate) async fn audit_page(&self, session: i64, after: u64, limit: u32) -> sqlx::Result<AuditPage> {
        let rows = sqlx::query("SELECT * FROM audit WHERE session = ? AND n > ? ORDER BY n LIMIT ?")
            .bind(session)
            .bind(signed(after))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        let entries = rows.iter().map(read_line).collect::<sqlx::Result<Vec<_>>>()?;
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(n), 0) FROM audit WHERE session = ?")
            .bind(session)
            .fetch_one(&self.readers)
            .await?;
        Ok(AuditPage { entries, last: unsigned(last) })
    }

    /// Up to `limit` lines of the audits of deleted sessions after `after`. Their place is the row's own number: none is
    /// ever taken away.
    pub(crate) async fn kept_audit(&self, after: u64, limit: u32) -> sqlx::Result<KeptAuditPage> {
        let rows = sqlx::query(
            "SELECT a.rowid AS place, d.id AS session_id, d.deleted_at, a.* FROM kept_audit a \
             JOIN deleted_sessions d ON d.n = a.session WHERE a.rowid > ? ORDER BY a.rowid LIMIT ?",
        )
        .bind(signed(after))
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let read = |row: &SqliteRow| {
            Ok(KeptAuditEntry {
                place: unsigned(row.try_get("place")?),
                session_id: row.try_get("session_id")?,
                deleted_at_ms: unsigned(row.try_get("deleted_at")?),
                entry: read_line(row)?,
            })
        };
        let entries = rows.iter().map(read).collect::<sqlx::Result<Vec<_>>>()?;
        let last: i64 =
            sqlx::query_scalar("SELECT coalesce(max(rowid), 0) FROM kept_audit").fetch_one(&self.readers).await?;
        Ok(KeptAuditPage { entries, last: unsigned(last) })
    }
}

fn read_line(row: &SqliteRow) -> sqlx::Result<AuditEntry> {
    Ok(AuditEntry {
        n: unsigned(row.try_get("n")?),
        at_ms: unsigned(row.try_get("at")?),
        outcome: row.try_get("outcome")?,
        command: row.try_get("command")?,
        kind: row.try_get("kind")?,
        device: row.try_get::<Option<&str>, _>("device")?.and_then(|text| serde_json::from_str(text).ok()),
        request_id: row.try_get("request_id")?,
        subject: row.try_get("subject")?,
        reason: row.try_get("reason")?,
    })
}

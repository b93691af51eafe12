//! The log of events, in the writer's transaction: appending, rebuilding, trimming.

use sqlx::{Row, SqliteConnection};

use super::rows::{NewEvent, Split, signed, unsigned};
use super::write::{SessionUpdate, update_row};

/// Events that come in, and what they change of their session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Append {
    pub(crate) events: Vec<NewEvent>,
    /// Some of them belong between others that are stored already, from this time on: the log is put into the order of
    /// time from there, its numbers are given anew, and it gets a new name.
    pub(crate) rebuild_from: Option<String>,
    pub(crate) update: SessionUpdate,
    pub(crate) now: u64,
}

/// Old events that lose their texts.
#[derive(Debug, Clone)]
pub(crate) struct Trim {
    /// The last one.
    pub(crate) until: u64,
    /// Those of them that are still needed.
    pub(crate) keep: Vec<u64>,
    /// The session's state after the last one.
    pub(crate) base: String,
}

pub(super) async fn append(
    connection: &mut SqliteConnection,
    session: i64,
    append: &Append,
) -> sqlx::Result<Vec<Option<u64>>> {
    let row = sqlx::query(
        "SELECT last_seq, trimmed_before, \
         (SELECT timestamp FROM events WHERE session = n AND seq = trimmed_before) AS trimmed_at \
         FROM sessions WHERE n = ?",
    )
    .bind(session)
    .fetch_one(&mut *connection)
    .await?;
    let before: i64 = row.try_get("last_seq")?;
    let trimmed_at: Option<String> = row.try_get::<Option<String>, _>("trimmed_at")?;
    let mut trimmed: i64 = row.try_get("trimmed_before")?;
    let (mut last, mut bytes) = (before, 0_usize);
    let mut seqs = Vec::with_capacity(append.events.len());
    for new in &append.events {
        // What belongs among events that were trimmed comes too late: the state goes on from after them.
        let too_late =
            append.rebuild_from.is_some() && trimmed_at.as_deref().is_some_and(|at| new.event.timestamp() <= at);
        let Split { body, shared } = if too_late { Split::gone() } else { new.split() };
        if let Some((text, hash, _)) = &shared {
            sqlx::query("INSERT INTO texts (hash, text) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING")
                .bind(hash.as_slice())
                .bind(text)
                .execute(&mut *connection)
                .await?;
        }
        let size = body.len();
        let inserted = sqlx::query(
            "INSERT INTO events (session, seq, id, timestamp, body, text_hash, cuts) VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (session, id) DO NOTHING",
        )
        .bind(session)
        .bind(last + 1)
        .bind(new.event.id())
        .bind(new.event.timestamp())
        .bind(body)
        .bind(shared.as_ref().map(|(_, hash, _)| hash.as_slice()))
        .bind(shared.as_ref().map(|(_, _, cuts)| cuts))
        .execute(&mut *connection)
        .await?;
        let is_new = inserted.rows_affected() == 1;
        if is_new {
            last += 1;
            bytes += size;
            trimmed += i64::from(too_late);
        }
        seqs.push(is_new.then(|| unsigned(last)));
    }
    if last > before {
        sqlx::query(
            "UPDATE sessions SET last_seq = ?, trimmed_before = ?, bytes = bytes + ?, active_at = ? WHERE n = ?",
        )
        .bind(last)
        .bind(trimmed)
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .bind(signed(append.now))
        .bind(session)
        .execute(&mut *connection)
        .await?;
    }
    if let Some(from) = append.rebuild_from.as_ref().filter(|_| last > before || append.events.is_empty()) {
        rebuild(connection, session, from, row.try_get("trimmed_before")?).await?;
    }
    if !append.update.is_empty() {
        update_row(connection, session, &append.update).await?;
    }
    Ok(seqs)
}

/// Puts the log into the order of time, from the first event later than `from` on, and gives it a new name. What is
/// trimmed stays before what is not.
async fn rebuild(connection: &mut SqliteConnection, session: i64, from: &str, trimmed: i64) -> sqlx::Result<()> {
    let first: Option<i64> = sqlx::query_scalar("SELECT min(seq) FROM events WHERE session = ? AND timestamp > ?")
        .bind(session)
        .bind(from)
        .fetch_one(&mut *connection)
        .await?;
    let order = "SELECT seq AS old, ?2 + row_number() OVER \
                 (ORDER BY seq > ?3 AND body <> '', timestamp, seq) AS new FROM events WHERE session = ?1 AND seq > ?2";
    if let Some(first) = first {
        // Commands stand after the event that was the last when they were given.
        let commands =
            format!("UPDATE commands SET at_seq = m.new FROM ({order}) m WHERE session = ?1 AND at_seq = m.old");
        // Twice, so that no number is taken by two on the way.
        let away = format!(
            "UPDATE events SET seq = -m.new FROM ({order}) m WHERE session = ?1 AND seq = m.old AND m.new <> m.old"
        );
        for query in [commands, away] {
            sqlx::query(sqlx::AssertSqlSafe(query))
                .bind(session)
                .bind(first - 1)
                .bind(trimmed)
                .execute(&mut *connection)
                .await?;
        }
        sqlx::query("UPDATE events SET seq = -seq WHERE session = ? AND seq < 0")
            .bind(session)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("UPDATE sessions SET healed = 0, epoch = lower(hex(randomblob(6))) WHERE n = ?")
        .bind(session)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the texts of old events away. Their numbers, ids and times stay: a repetition is known, the chain is whole.
pub(super) async fn trim(connection: &mut SqliteConnection, session: i64, trim: &Trim) -> sqlx::Result<()> {
    let keep = serde_json::to_string(&trim.keep).unwrap_or_default();
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT DISTINCT text_hash FROM events WHERE session = ? AND seq <= ? AND text_hash IS NOT NULL",
    )
    .bind(session)
    .bind(signed(trim.until))
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE events SET body = '', text_hash = NULL, cuts = NULL WHERE session = ? AND seq <= ? AND body <> '' \
         AND seq NOT IN (SELECT value FROM json_each(?))",
    )
    .bind(session)
    .bind(signed(trim.until))
    .bind(keep)
    .execute(&mut *connection)
    .await?;
    drop_unused_texts(connection, hashes).await?;
    sqlx::query(
        "UPDATE sessions SET trimmed_before = ?2, base = ?3, bytes = \
         (SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM events WHERE session = ?1) WHERE n = ?1",
    )
    .bind(session)
    .bind(signed(trim.until))
    .bind(&trim.base)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes those of the texts that no event has any more.
pub(super) async fn drop_unused_texts(connection: &mut SqliteConnection, hashes: Vec<Vec<u8>>) -> sqlx::Result<()> {
    for hash in hashes {
        sqlx::query("DELETE FROM texts WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM events WHERE text_hash = ?1)")
            .bind(hash)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

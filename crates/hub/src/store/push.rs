//! Subscriptions to notifications.

use groundlink_protocol::api::Device;
use sqlx::{Row, SqliteConnection};

use super::Store;
use super::rows::{signed, unsigned};

/// A subscription as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushRow {
    /// SHA-256 of the endpoint.
    pub(crate) id: [u8; 32],
    /// The session's number and id; absent for all sessions.
    pub(crate) session: Option<(i64, String)>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) device: Device,
    pub(crate) content: bool,
    pub(crate) done: bool,
    pub(crate) created_at: u64,
}

/// Writes a subscription; one of the same endpoint for the same sessions gives way.
pub(super) async fn put(connection: &mut SqliteConnection, row: &PushRow) -> sqlx::Result<()> {
    let device = serde_json::to_string(&row.device).map_err(|e| sqlx::Error::Encode(e.into()))?;
    drop(connection, row.session.as_ref().map(|(n, _)| *n), row.id).await?;
    sqlx::query(
        "INSERT INTO push_subscriptions (id, session, sealed, device, content, done, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id.as_slice())
    .bind(row.session.as_ref().map(|(n, _)| *n))
    .bind(&row.sealed)
    .bind(device)
    .bind(row.content)
    .bind(row.done)
    .bind(signed(row.created_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a subscription, if it is there.
pub(super) async fn drop(connection: &mut SqliteConnection, session: Option<i64>, id: [u8; 32]) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM push_subscriptions WHERE coalesce(session, 0) = ? AND id = ?")
        .bind(session.unwrap_or(0))
        .bind(id.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// All subscriptions.
    pub(crate) async fn push_subscriptions(&self) -> sqlx::Result<Vec<PushRow>> {
        let rows = sqlx::query(
            "SELECT p.*, s.id AS session_id FROM push_subscriptions p LEFT JOIN sessions s ON s.n = p.session ORDER BY p.n",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<PushRow> {
    let session: Option<i64> = row.try_get("session")?;
    let decode = |error: &'static str| sqlx::Error::Decode(error.into());
    Ok(PushRow {
        id: row.try_get::<&[u8], _>("id")?.try_into().map_err(|_| decode("a hash has 32 bytes"))?,
        session: session.map(|n| Ok::<_, sqlx::Error>((n, row.try_get("session_id")?))).transpose()?,
        sealed: row.try_get("sealed")?,
        device: serde_json::from_str(row.try_get("device")?).map_err(|e| sqlx::Error::Decode(e.into()))?,
        content: row.try_get("content")?,
        done: row.try_get("done")?,
        created_at: unsigned(row.try_get("created_at")?),
    })
}

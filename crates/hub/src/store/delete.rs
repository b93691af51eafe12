//! Deleting a session, in the writer's transaction.

use groundlink_protocol::api::AuditEntry;
use sqlx::SqliteConnection;

use super::commands;
use super::rows::signed;

/// Deletes everything that is the session's own. Its audit, with `line` at its end, goes to where those of deleted
/// sessions are kept.
pub(super) async fn session(connection: &mut SqliteConnection, session: i64, line: &AuditEntry) -> sqlx::Result<()> {
    commands::audit(connection, session, line).await?;
    sqlx::query("INSERT INTO deleted_sessions (n, id, deleted_at) SELECT n, id, ? FROM sessions WHERE n = ?")
        .bind(signed(line.at_ms))
        .bind(session)
        .execute(&mut *connection)
        .await?;
    let texts: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT DISTINCT text_hash FROM events WHERE session = ? AND text_hash IS NOT NULL")
            .bind(session)
            .fetch_all(&mut *connection)
            .await?;
    for statement in [
        "INSERT INTO kept_audit (session, n, at, outcome, command, kind, device, request_id, subject, reason) \
         SELECT session, n, at, outcome, command, kind, device, request_id, subject, reason FROM audit WHERE session = ?",
        "DELETE FROM audit WHERE session = ?",
        "DELETE FROM push_subscriptions WHERE session = ?",
        "DELETE FROM commands WHERE session = ?",
        "DELETE FROM events WHERE session = ?",
        "DELETE FROM sessions WHERE n = ?",
    ] {
        sqlx::query(statement).bind(session).execute(&mut *connection).await?;
    }
    super::log::drop_unused_texts(connection, texts).await
}

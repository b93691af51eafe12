//! Databases of sessions: the CLI's `sql` tool works on one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FsError;

/// Keeps one `SQLite` database a session, beside its files. There is none ready-made: a program brings the library that it
/// likes.
///
/// Without one the agent has no `sql` tool. With one, the CLI makes its own tables there (`todos`, `todo_deps`), and the
/// agent whatever it wants: the statements are the model's, so that a database shared by sessions, or with
/// anything else in it, would be open to it.
#[async_trait]
pub trait SessionDatabase: Send + Sync + 'static {
    /// Whether the session has one yet. It is made by the first statement.
    async fn exists(&self, session: &str) -> Result<bool, FsError>;
    /// Runs a statement.
    async fn run(&self, session: &str, statement: SqlStatement) -> Result<SqlResult, FsError>;
    /// Runs statements of which all take effect, or none. Has an answer for each.
    async fn transaction(&self, session: &str, statements: Vec<SqlStatement>) -> Result<Vec<SqlResult>, SqlFailure>;
}

/// A statement in the SQL of `SQLite`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SqlStatement {
    /// What is wanted of it.
    #[serde(rename = "queryType")]
    pub kind: SqlKind,
    /// Its text; of [`SqlKind::Exec`] there may be several statements in it.
    #[serde(rename = "query")]
    pub sql: String,
    /// Values of its named parameters.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
}

/// What is wanted of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SqlKind {
    /// Nothing: it changes the schema.
    Exec,
    /// Its rows.
    Query,
    /// How many rows it has changed.
    Run,
}

/// What a statement gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlResult {
    /// The columns' names, in order.
    pub columns: Vec<String>,
    /// The rows, each by its columns' names.
    pub rows: Vec<BTreeMap<String, Value>>,
    /// How many rows were changed.
    pub rows_affected: u64,
    /// The row that was made last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_insert_rowid: Option<i64>,
}

/// Why a transaction has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlFailure {
    /// What may be done about it.
    pub class: SqlFailureClass,
    /// What happened.
    pub message: String,
}

/// What may be done about a transaction that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SqlFailureClass {
    /// It may be tried again: nothing has happened, the database is in use.
    BusyOrLocked,
    /// It would fail again; nothing has happened.
    Fatal,
    /// It may have taken effect.
    PostCommitAmbiguous,
}

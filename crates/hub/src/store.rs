//! Where sessions, events and commands are kept: one `SQLite` file.
//!
//! Writes go through one task with one connection, in `BEGIN IMMEDIATE` transactions; what waits in its queue
//! is committed together. A write's answer comes after the commit. Reads use connections of their own and
//! are never in the way (WAL).

mod checkpoint;
mod commands;
mod delete;
mod log;
mod push;
mod read;
mod rows;
mod write;

pub(crate) use log::{Append, Trim};
pub(crate) use push::PushRow;
pub(crate) use rows::{NewEvent, SessionRow, StoredEvent};
pub(crate) use write::SessionUpdate;

use std::io::ErrorKind;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};

use crate::error::HubError;
use crate::keys::restrict;

/// The database's file in the data directory.
const FILE: &str = "hub.sqlite";
const READERS: u32 = 4;

/// Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    readers: SqlitePool,
    writer: write::Writer,
}

impl Store {
    /// Opens the database in the directory, making it and bringing it up to date as needed.
    pub(crate) async fn open(dir: &Path) -> Result<Self, HubError> {
        // A "stored" that a power cut undoes would lose events for good: exporters send them once.
        Self::open_with(dir, SqliteSynchronous::Full).await
    }

    async fn open_with(dir: &Path, synchronous: SqliteSynchronous) -> Result<Self, HubError> {
        let path = dir.join(FILE);
        create_private(&path).map_err(|source| HubError::DataDir { path: dir.to_owned(), source })?;
        let database = |source| HubError::Database { path: path.clone(), source };
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(std::time::Duration::from_secs(5))
            .disable_statement_logging();
        // On a pool: over a connection of its own, the start of a hub could not be sent to another thread.
        let first = SqlitePoolOptions::new().max_connections(1);
        let first = first.connect_with(options.clone()).await.map_err(database)?;
        sqlx::migrate!().run(&first).await.map_err(|source| HubError::Migration { path: path.clone(), source })?;
        first.close().await;
        // Checkpoints have a connection of their own.
        let writing = options.clone().pragma("wal_autocheckpoint", "0");
        let connection: SqliteConnection = writing.connect().await.map_err(database)?;
        let checkpoints = checkpoint::Checkpoints::start(writing.connect().await.map_err(database)?);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(database)?;
        Ok(Self { readers, writer: write::Writer::start(connection, checkpoints) })
    }

    /// The same for tests that open hundreds, and cut no power.
    #[cfg(test)]
    pub(crate) async fn open_for_test(dir: &Path) -> Self {
        Self::open_with(dir, SqliteSynchronous::Off).await.expect("the store opens")
    }

    /// Finishes what is queued and closes the file.
    pub(crate) async fn close(&self) {
        // The last one to close brings the log over and takes it away, which one that only reads cannot.
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// `SQLite` gives its side files the mode of the main one.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => restrict(path, 0o600),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;

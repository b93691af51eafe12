//! Sessions' files and databases that a program keeps, as the real CLI uses them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use groundlink::session::{
    ApproveAll, Client, DirectoryFs, FsError, SessionDatabase, SessionFs, SessionFsConfig, SqlFailure, SqlFailureClass,
    SqlKind, SqlResult, SqlStatement, WithDatabase,
};
use groundlink_testkit::process::signal;
use groundlink_tests::offline::{Offline, turn};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Column as _, ConnectOptions as _, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

/// A CLI whose sessions' files are kept by `fs`.
async fn start(offline: &Offline, fs: impl SessionFs) -> Client {
    let place = SessionFsConfig::new(offline.repo.path().display().to_string(), "/state");
    offline.builder().session_fs(place, fs).start().await.expect("the CLI starts")
}

#[tokio::test]
async fn a_session_is_resumed_from_a_directory_after_its_cli_was_killed() {
    let offline = Offline::new().await;
    let place = tempfile::tempdir().expect("a directory");
    let files = DirectoryFs::new(place.path()).expect("usable");
    let client = start(&offline, files.clone()).await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let id = session.id().to_owned();
    turn(&session, "said before the kill").await;
    let log = files.session_directory(&id).expect("a session's id").join("state/events.jsonl");
    let stored = async {
        while !std::fs::read_to_string(&log).is_ok_and(|text| text.contains("said before the kill")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), stored).await.expect("it is in the directory");
    signal("KILL", &[client.pid().expect("a child process")]).await;
    tokio::time::timeout(Duration::from_secs(10), client.closed()).await.expect("the end is noticed");

    // Another process, with nothing but the directory.
    let client = start(&offline, DirectoryFs::new(place.path()).expect("usable")).await;
    let session = client.resume_session(&id, offline.config()).await.expect("the same session");
    let history = session.history().await.expect("the history");
    assert!(history.iter().any(|event| event.data_raw().get().contains("said before the kill")));
    turn(&session, "said after the kill").await;
    client.stop().await;
    let text = std::fs::read_to_string(&log).expect("the log");
    for said in ["said before the kill", "said after the kill"] {
        assert!(text.contains(said), "{said}");
    }
    for line in text.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "whole lines only: {line}");
    }
}

#[tokio::test]
async fn the_agents_database_is_kept_by_the_program() {
    let offline = Offline::new().await;
    let place = tempfile::tempdir().expect("a directory");
    let files = DirectoryFs::new(place.path()).expect("usable");
    let database = Databases { files: files.clone() };
    let client = start(&offline, WithDatabase { files: files.clone(), database }).await;
    let session = client.create_session(offline.config().on_permission(ApproveAll)).await.expect("a session");
    let sql = |text: &str| format!("tool:sql {}", json!({"query": text, "description": "Look"}));
    let said = turn(&session, &sql("CREATE TABLE lamps(name TEXT, watts INTEGER)")).await;
    assert!(said.contains("completed successfully"), "{said}");
    let said = turn(&session, &sql("INSERT INTO lamps VALUES ('desk', 7)")).await;
    assert!(said.contains("1 row(s) inserted"), "{said}");
    let said = turn(&session, &sql("SELECT name, watts FROM lamps")).await;
    assert!(said.contains("| desk | 7 |"), "{said}");
    let said = turn(&session, &sql("SELECT * FROM nowhere")).await;
    assert!(said.contains("no such table"), "{said}");
    let id = session.id().to_owned();
    client.stop().await;
    assert!(files.session_directory(&id).expect("a session's id").join("sessions.db").is_file());

    // Without databases there is no such tool.
    let client = start(&offline, files).await;
    let session = client.create_session(offline.config().on_permission(ApproveAll)).await.expect("a session");
    let said = turn(&session, &sql("SELECT 1")).await;
    assert!(said.contains("does not exist"), "{said}");
    client.stop().await;
}

/// A file a session, beside the others.
#[derive(Debug)]
struct Databases {
    files: DirectoryFs,
}

impl Databases {
    fn file(&self, session: &str) -> Result<PathBuf, FsError> {
        let directory = self.files.session_directory(session);
        directory.map(|path| path.join("sessions.db")).ok_or_else(|| FsError::Other("no session".to_owned()))
    }

    async fn open(&self, session: &str) -> Result<SqliteConnection, FsError> {
        let url = format!("sqlite://{}?mode=rwc", self.file(session)?.display());
        SqliteConnectOptions::from_str(&url)
            .map_err(|error| failed(&error))?
            .connect()
            .await
            .map_err(|error| failed(&error))
    }
}

#[async_trait::async_trait]
impl SessionDatabase for Databases {
    async fn exists(&self, session: &str) -> Result<bool, FsError> {
        Ok(self.file(session)?.exists())
    }

    async fn run(&self, session: &str, statement: SqlStatement) -> Result<SqlResult, FsError> {
        let mut connection = self.open(session).await?;
        run(&mut connection, statement).await.map_err(|error| failed(&error))
    }

    async fn transaction(&self, session: &str, statements: Vec<SqlStatement>) -> Result<Vec<SqlResult>, SqlFailure> {
        let fatal = |message: String| SqlFailure { class: SqlFailureClass::Fatal, message };
        let mut connection = self.open(session).await.map_err(|error| fatal(error.to_string()))?;
        let mut results = Vec::new();
        let all = async {
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await?;
            for statement in statements {
                results.push(run(&mut connection, statement).await?);
            }
            sqlx::raw_sql("COMMIT").execute(&mut connection).await
        };
        all.await.map_err(|error| fatal(error.to_string()))?;
        Ok(results)
    }
}

fn failed(error: &sqlx::Error) -> FsError {
    FsError::Other(error.to_string())
}

async fn run(connection: &mut SqliteConnection, statement: SqlStatement) -> Result<SqlResult, sqlx::Error> {
    assert!(statement.params.is_empty(), "these statements have none: {statement:?}");
    // The model's own words, in a database of its session's own.
    let sql = sqlx::AssertSqlSafe(statement.sql);
    if statement.kind != SqlKind::Query {
        let done = sqlx::raw_sql(sql).execute(connection).await?;
        return Ok(SqlResult { rows_affected: done.rows_affected(), ..SqlResult::default() });
    }
    let rows = sqlx::raw_sql(sql).fetch_all(connection).await?;
    let columns = rows.first().map(|row| row.columns().iter().map(|column| column.name().to_owned()).collect());
    Ok(SqlResult {
        columns: columns.unwrap_or_default(),
        rows: rows.iter().map(values).collect(),
        ..SqlResult::default()
    })
}

fn values(row: &SqliteRow) -> BTreeMap<String, Value> {
    let value = |index: usize| -> Value {
        let kind = row.try_get_raw(index).map(|raw| raw.type_info().name().to_owned()).unwrap_or_default();
        match kind.as_str() {
            "INTEGER" => row.try_get::<i64, _>(index).map(Value::from).unwrap_or_default(),
            "REAL" => row.try_get::<f64, _>(index).map(Value::from).unwrap_or_default(),
            _ => row.try_get::<String, _>(index).map(Value::from).unwrap_or_default(),
        }
    };
    row.columns().iter().map(|column| (column.name().to_owned(), value(column.ordinal()))).collect()
}

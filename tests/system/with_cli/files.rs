//! Sessions' files and databases that a program keeps, as the real CLI uses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::session::{
    ApproveAll, Client, DirectoryFs, FsError, SessionDatabase, SessionFs, SessionFsConfig, SqlFailure, SqlFailureClass,
    SqlKind, SqlResult, SqlStatement, WithDatabase,
};
use groundlink_testkit::process::signal;
use groundlink_tests::offline::{Offline, turn};
use serde_json::{Value, json};

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
    let database = Lamps::default();
    let kept = WithDatabase { files: files.clone(), database: database.clone() };
    let client = start(&offline, kept).await;
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
    assert_eq!(database.of(&id), Some(vec![("desk".to_owned(), 7)]));

    // Without databases there is no such tool.
    let client = start(&offline, files).await;
    let session = client.create_session(offline.config().on_permission(ApproveAll)).await.expect("a session");
    let said = turn(&session, &sql("SELECT 1")).await;
    assert!(said.contains("does not exist"), "{said}");
    client.stop().await;
}

/// A database of one table, by session: no `SQLite`, which this test is not about. It has what was put into it.
#[derive(Debug, Clone, Default)]
struct Lamps(Arc<Mutex<BTreeMap<String, Rows>>>);

/// Names, and how many watts each.
type Rows = Vec<(String, u64)>;

impl Lamps {
    fn of(&self, session: &str) -> Option<Rows> {
        self.0.lock().expect("a lock").get(session).cloned()
    }
}

#[async_trait::async_trait]
impl SessionDatabase for Lamps {
    async fn exists(&self, session: &str) -> Result<bool, FsError> {
        Ok(self.of(session).is_some())
    }

    async fn run(&self, session: &str, statement: SqlStatement) -> Result<SqlResult, FsError> {
        let sql = statement.sql.as_str();
        let mut all = self.0.lock().expect("a lock");
        let lamps = all.entry(session.to_owned()).or_default();
        let inserted = sql.strip_prefix("INSERT INTO lamps VALUES ('").and_then(|rest| rest.split_once("', "));
        if let Some((name, watts)) = inserted {
            assert_eq!(statement.kind, SqlKind::Run);
            let watts = watts.trim_end_matches(')').parse().expect("a number");
            lamps.push((name.to_owned(), watts));
            return Ok(SqlResult { rows_affected: 1, ..SqlResult::default() });
        }
        match sql {
            "SELECT name, watts FROM lamps" => {
                assert_eq!(statement.kind, SqlKind::Query);
                let row = |(name, watts): &(String, u64)| {
                    BTreeMap::from([("name".to_owned(), json!(name)), ("watts".to_owned(), json!(watts))])
                };
                let columns = vec!["name".to_owned(), "watts".to_owned()];
                Ok(SqlResult { columns, rows: lamps.iter().map(row).collect(), ..SqlResult::default() })
            }
            _ if sql.contains("FROM nowhere") => Err(FsError::Other("no such table: nowhere".to_owned())),
            // The CLI's own tables, and the one of this test.
            _ => Ok(SqlResult::default()),
        }
    }

    async fn transaction(&self, _: &str, statements: Vec<SqlStatement>) -> Result<Vec<SqlResult>, SqlFailure> {
        let message = format!("not in this test: {statements:?}");
        Err(SqlFailure { class: SqlFailureClass::Fatal, message })
    }
}

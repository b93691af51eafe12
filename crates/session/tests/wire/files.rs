//! Sessions' files and databases that a client keeps, as the CLI asks for them.

use std::future::pending;
use std::sync::Arc;

use groundlink_session::{
    Client, FileInfo, FsError, InMemoryFs, SessionDatabase, SessionFs, SessionFsConfig, SqlFailure, SqlFailureClass,
    SqlKind, SqlResult, SqlStatement, WithDatabase,
};
use serde_json::{Value, json};

use crate::fake::Fake;

const ID: &str = "66666666-6666-4666-8666-666666666666";

/// Files of which some cannot be had.
struct BadFs;

#[async_trait::async_trait]
impl SessionFs for BadFs {
    async fn read(&self, _: &str, path: &str) -> Result<String, FsError> {
        Err(FsError::NotFound(path.to_owned()))
    }
    async fn write(&self, _: &str, _: &str, _: String) -> Result<(), FsError> {
        panic!("on purpose")
    }
    async fn append(&self, _: &str, _: &str, _: String) -> Result<(), FsError> {
        Ok(())
    }
    async fn stat(&self, _: &str, _: &str) -> Result<FileInfo, FsError> {
        pending().await
    }
    async fn make_directory(&self, _: &str, _: &str, _: bool) -> Result<(), FsError> {
        Err(FsError::Other("full".to_owned()))
    }
    async fn list(&self, _: &str, _: &str) -> Result<Vec<(String, bool)>, FsError> {
        Ok(vec![("a".to_owned(), false), ("b".to_owned(), true)])
    }
    async fn remove(&self, _: &str, path: &str, _: bool) -> Result<(), FsError> {
        Err(FsError::NotFound(path.to_owned()))
    }
    async fn rename(&self, _: &str, _: &str, _: &str) -> Result<(), FsError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn files_are_answered_for_with_values() {
    let fake = Fake::new();
    fake.answer("sessionFs.setProvider", json!({"success": true}));
    let builder = Client::builder().session_fs(SessionFsConfig::new("/work", "/state"), BadFs);
    let _client = fake.start(builder).await.expect("a client");
    let offered = json!({
        "initialCwd": "/work", "sessionStatePath": "/state", "conventions": "posix",
        "capabilities": {"sqlite": false, "binary": false},
    });
    assert_eq!(fake.calls("sessionFs.setProvider"), [offered]);
    let missing = json!({"code": "ENOENT", "message": "no such file or directory: /x"});
    let table = [
        ("readFile", json!({"content": "", "error": missing})),
        ("writeFile", json!({"code": "UNKNOWN", "message": "the handler panicked"})),
        ("appendFile", Value::Null),
        (
            "stat",
            json!({
                "isFile": false, "isDirectory": false, "size": 0, "mtime": "", "birthtime": "",
                "error": {"code": "UNKNOWN", "message": "the handler gave no answer within 60s"},
            }),
        ),
        ("mkdir", json!({"code": "UNKNOWN", "message": "full"})),
        ("readdir", json!({"entries": ["a", "b"]})),
        ("readdirWithTypes", json!({"entries": [{"name": "a", "type": "file"}, {"name": "b", "type": "directory"}]})),
        ("rm", missing.clone()),
        ("rename", Value::Null),
    ];
    for (operation, answer) in table {
        let params = json!({"sessionId": "not known yet", "path": "/x", "content": "", "src": "/x", "dest": "/y"});
        let answered = fake.ask(&format!("sessionFs.{operation}"), params).await.expect("a value");
        assert_eq!(answered, answer, "{operation}");
    }
    let forced = json!({"sessionId": ID, "path": "/x", "force": true});
    assert_eq!(fake.ask("sessionFs.rm", forced).await.expect("a value"), Value::Null);
    assert!(fake.ask("sessionFs.sqliteQuery", json!({"sessionId": ID})).await.is_err(), "not offered");
}

/// A database that does what its statements say.
#[derive(Debug)]
struct OddDatabase;

#[async_trait::async_trait]
impl SessionDatabase for OddDatabase {
    async fn exists(&self, session: &str) -> Result<bool, FsError> {
        Ok(session == ID)
    }

    async fn run(&self, _: &str, statement: SqlStatement) -> Result<SqlResult, FsError> {
        match statement.sql.as_str() {
            "hang" => pending().await,
            "bad" => Err(FsError::Other("no such table".to_owned())),
            _ => Ok(SqlResult {
                columns: vec!["a".to_owned()],
                rows: vec![statement.params],
                rows_affected: u64::from(statement.kind == SqlKind::Run),
                last_insert_rowid: None,
            }),
        }
    }

    async fn transaction(&self, session: &str, statements: Vec<SqlStatement>) -> Result<Vec<SqlResult>, SqlFailure> {
        let mut results = Vec::new();
        for statement in statements {
            let failed =
                |error: FsError| SqlFailure { class: SqlFailureClass::BusyOrLocked, message: error.to_string() };
            results.push(self.run(session, statement).await.map_err(failed)?);
        }
        Ok(results)
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_and_databases_are_offered_where_there_are_some() {
    let fake = Fake::new();
    fake.answer("sessionFs.setProvider", json!({"success": true}));
    let files = Arc::new(InMemoryFs::new());
    let kept = WithDatabase { files: Arc::clone(&files), database: OddDatabase };
    let builder = Client::builder().session_fs(SessionFsConfig::new("/work", "/state"), Arc::new(kept));
    let _client = fake.start(builder).await.expect("a client");
    let offered = fake.calls("sessionFs.setProvider").remove(0);
    assert_eq!(offered["capabilities"], json!({"sqlite": true, "binary": true}));

    let late = "the handler gave no answer within 60s";
    let of = |sql: &str| json!({"queryType": "run", "query": sql, "params": {"a": 1}});
    let row = json!({"columns": ["a"], "rows": [{"a": 1}], "rowsAffected": 1});
    let nothing = json!({"columns": [], "rows": [], "rowsAffected": 0});
    let failing = |error: Value| {
        let mut answer = nothing.clone();
        answer["error"] = error;
        answer
    };
    let table = [
        ("writeFileBytes", json!({"path": "/b", "content": "/wAB"}), Value::Null),
        ("readFileBytes", json!({"path": "/b"}), json!({"content": "/wAB"})),
        (
            "readFile",
            json!({"path": "/b"}),
            json!({
                "content": "", "error": {"code": "UNKNOWN", "message": "/b is no text"},
            }),
        ),
        (
            "readFileBytes",
            json!({"path": "/x"}),
            json!({
                "content": "", "error": {"code": "ENOENT", "message": "no such file or directory: /x"},
            }),
        ),
        ("sqliteExists", json!({}), json!({"exists": true})),
        ("sqliteQuery", of("good"), row.clone()),
        ("sqliteQuery", of("bad"), failing(json!({"code": "UNKNOWN", "message": "no such table"}))),
        ("sqliteQuery", of("hang"), failing(json!({"code": "UNKNOWN", "message": late}))),
        ("sqliteTransaction", json!({"statements": [of("good"), of("good")]}), json!({"results": [row, row]})),
        (
            "sqliteTransaction",
            json!({"statements": [of("good"), of("bad")]}),
            json!({
                "results": [], "error": {"errorClass": "busyOrLocked", "message": "no such table"},
            }),
        ),
        // Nobody knows how far it came.
        (
            "sqliteTransaction",
            json!({"statements": [of("hang")]}),
            json!({
                "results": [], "error": {"errorClass": "postCommitAmbiguous", "message": late},
            }),
        ),
    ];
    for (operation, mut params, answer) in table {
        params["sessionId"] = ID.into();
        let answered = fake.ask(&format!("sessionFs.{operation}"), params.clone()).await.expect("a value");
        assert_eq!(answered, answer, "{operation} {params}");
    }
    let broken = json!({"sessionId": ID, "path": "/b", "content": "no base64!"});
    let answered = fake.ask("sessionFs.writeFileBytes", broken).await.expect("a value");
    assert_eq!(answered["code"], "UNKNOWN", "{answered}");
    assert_eq!(files.content(ID, "/b"), None, "no text");
}

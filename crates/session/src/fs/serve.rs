//! Answering the CLI's requests about files. Failures are values here, not errors.
//!
//! The methods are spelled out: their types are in the protocol's feature `host`, which not everybody shall pay for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use groundlink_transport::{ErrorObject, HandlerFuture, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    FileInfo, FsError, SessionDatabase, SessionFs, SqlFailure, SqlFailureClass, SqlKind, SqlResult, SqlStatement,
};
use crate::handlers::guard;
use crate::router::raw;

/// What all methods of this kind begin with.
pub(crate) const PREFIX: &str = "sessionFs.";

/// The parameters of all methods, read leniently.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Params {
    session_id: String,
    path: String,
    content: String,
    recursive: bool,
    force: bool,
    src: String,
    dest: String,
    /// Of one statement.
    query_type: Option<SqlKind>,
    query: String,
    #[serde(rename = "params")]
    values: BTreeMap<String, Value>,
    /// Of several.
    statements: Vec<SqlStatement>,
}

/// Answers a request about a session's files, whether the session is known here yet or not.
pub(crate) fn answer(fs: &Arc<dyn SessionFs>, request: &Request, deadline: Option<Duration>) -> HandlerFuture {
    let (fs, method) = (Arc::clone(fs), request.method().to_owned());
    let params = match request.parse() {
        Ok(params) => params,
        Err(error) => return Box::pin(async { Err(error) }),
    };
    Box::pin(async move {
        let answer = serve(fs, &method, params, deadline).await;
        answer.map(|answer| raw(answer.to_string())).ok_or_else(|| ErrorObject::method_not_found(&method))
    })
}

/// Answers a method; `None` for one that is not known, or that was not offered.
async fn serve(fs: Arc<dyn SessionFs>, method: &str, params: Params, deadline: Option<Duration>) -> Option<Value> {
    let operation = method.strip_prefix(PREFIX)?.to_owned();
    let offered = match operation.as_str() {
        "readFileBytes" | "writeFileBytes" => fs.keeps_bytes(),
        "sqliteExists" | "sqliteQuery" | "sqliteTransaction" => fs.database().is_some(),
        _ => true,
    };
    let shape = shape(&operation).filter(|_| offered)?;
    if operation == "sqliteTransaction" {
        return Some(transaction(fs, params, deadline).await);
    }
    let running = guard::run(deadline, async move { run(&*fs, &operation, params).await });
    let result = running.await.unwrap_or_else(|failure| Err(FsError::Other(failure.to_string())));
    Some(match result {
        Ok(value) => value,
        Err(error) => failed(shape, &error),
    })
}

/// The answer's fields when there is nothing to say.
fn shape(operation: &str) -> Option<Value> {
    Some(match operation {
        "readFile" | "readFileBytes" => json!({"content": ""}),
        "readdir" | "readdirWithTypes" => json!({"entries": []}),
        "stat" => json!({"isFile": false, "isDirectory": false, "size": 0, "mtime": "", "birthtime": ""}),
        "exists" | "sqliteExists" => json!({"exists": false}),
        "sqliteQuery" => json!(SqlResult::default()),
        "sqliteTransaction" => json!({"results": []}),
        "writeFile" | "writeFileBytes" | "appendFile" | "mkdir" | "rm" | "rename" => Value::Null,
        _ => return None,
    })
}

fn failed(mut shape: Value, error: &FsError) -> Value {
    let code = if matches!(error, FsError::NotFound(_)) { "ENOENT" } else { "UNKNOWN" };
    let error = json!({"code": code, "message": error.to_string()});
    match shape.as_object_mut() {
        Some(fields) => {
            fields.insert("error".to_owned(), error);
            shape
        }
        None => error,
    }
}

async fn run(fs: &dyn SessionFs, operation: &str, params: Params) -> Result<Value, FsError> {
    let (session, path) = (params.session_id.as_str(), params.path.as_str());
    Ok(match operation {
        "readFile" => json!({"content": fs.read(session, path).await?}),
        "writeFile" => nothing(fs.write(session, path, params.content).await?),
        "readFileBytes" => json!({"content": BASE64.encode(&fs.read_bytes(session, path).await?)}),
        "writeFileBytes" => {
            let content = BASE64.decode(params.content.as_bytes());
            let content = content.map_err(|error| FsError::Other(format!("{path}: no base64: {error}")))?;
            nothing(fs.write_bytes(session, path, content).await?)
        }
        "sqliteExists" => json!({"exists": database(fs)?.exists(session).await?}),
        "sqliteQuery" => {
            let kind = params.query_type.ok_or_else(|| FsError::Other("a statement of no known kind".to_owned()))?;
            let statement = SqlStatement { kind, sql: params.query, params: params.values };
            json!(database(fs)?.run(session, statement).await?)
        }
        "appendFile" => nothing(fs.append(session, path, params.content).await?),
        "mkdir" => nothing(fs.make_directory(session, path, params.recursive).await?),
        "rename" => nothing(fs.rename(session, &params.src, &params.dest).await?),
        "exists" => json!({"exists": fs.stat(session, path).await.is_ok()}),
        "stat" => info(&fs.stat(session, path).await?),
        "rm" => match fs.remove(session, path, params.recursive).await {
            Err(FsError::NotFound(_)) if params.force => Value::Null,
            result => nothing(result?),
        },
        "readdir" => {
            let names: Vec<String> = fs.list(session, path).await?.into_iter().map(|(name, _)| name).collect();
            json!({"entries": names})
        }
        _ => {
            let kind = |directory| if directory { "directory" } else { "file" };
            let entries = fs.list(session, path).await?.into_iter();
            let entries: Vec<Value> =
                entries.map(|(name, directory)| json!({"name": name, "type": kind(directory)})).collect();
            json!({"entries": entries})
        }
    })
}

fn database(fs: &dyn SessionFs) -> Result<&dyn SessionDatabase, FsError> {
    fs.database().ok_or_else(|| FsError::Other("there are no databases here".to_owned()))
}

/// Its failures have a form of their own. One of which nobody knows how far it came may have taken effect.
async fn transaction(fs: Arc<dyn SessionFs>, params: Params, deadline: Option<Duration>) -> Value {
    let running = guard::run(deadline, async move {
        let fatal = |error: FsError| SqlFailure { class: SqlFailureClass::Fatal, message: error.to_string() };
        database(&*fs).map_err(fatal)?.transaction(&params.session_id, params.statements).await
    });
    let ambiguous = |message: String| SqlFailure { class: SqlFailureClass::PostCommitAmbiguous, message };
    match running.await.unwrap_or_else(|failure| Err(ambiguous(failure.to_string()))) {
        Ok(results) => json!({"results": results}),
        Err(SqlFailure { class, message }) => {
            json!({"results": [], "error": {"errorClass": class, "message": message}})
        }
    }
}

fn nothing((): ()) -> Value {
    Value::Null
}

fn info(info: &FileInfo) -> Value {
    json!({
        "isFile": !info.is_directory,
        "isDirectory": info.is_directory,
        "size": info.size,
        "mtime": rfc3339(info.modified),
        "birthtime": rfc3339(info.created),
    })
}

/// A time as the CLI wants it. Times before 1970 count as 1970.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days since 0000-03-01, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (millis, text) in table {
            assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(millis)), text);
        }
    }
}

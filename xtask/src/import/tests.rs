//! Tests of the import: what becomes of a schema, and what of files that are none.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{API, EVENTS, FOLDER, import, read};
use crate::facts::write_files;
use crate::workspace;

fn api() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "server": {
            "ping": { "rpcMethod": "ping", "params": null, "result": { "type": "null" }, "stability": "experimental" },
            "a": { "b": { "do": {
                "rpcMethod": "a.b.do",
                "params": { "anyOf": [{ "not": {} }, { "$ref": "#/definitions/DoRequest" }] },
                "result": { "$ref": "#/definitions/Outcome" },
                "visibility": "internal",
            } } },
        },
        "session": { "a": { "get": {
            "rpcMethod": "session.a.get",
            "params": { "type": "object", "properties": { "sessionId": { "type": "string" } }, "required": ["sessionId"] },
            "result": { "type": "array", "items": { "$ref": "#/definitions/Colour" } },
        } } },
        "clientSession": { "ask": { "rpcMethod": "ask.it", "params": { "$ref": "#/definitions/Alone" }, "result": {} } },
        "clientGlobal": { "tell": { "rpcMethod": "tell.it", "notification": true, "params": { "$ref": "#/definitions/Alone" } } },
        "definitions": {
            "DoRequest": {
                "type": "object",
                "description": "Words of upstream.",
                "stability": "experimental",
                "properties": {
                    "count": { "type": "integer", "minimum": 0 },
                    "less": { "type": ["integer", "null"] },
                    "authToken": { "type": "string" },
                    "id": { "type": "string", "format": "uuid" },
                    "at": { "type": ["string", "null"], "format": "date-time", "stability": "experimental" },
                    "old": { "type": "string", "contentEncoding": "base64", "deprecated": true },
                    "secret": { "type": "string", "format": "uri" },
                    "headers": { "type": "object", "additionalProperties": { "type": "string" } },
                    "inline": { "type": "object", "properties": { "x": { "enum": ["one", "two"] }, "y": { "enum": ["only"] } } },
                    "list": { "type": "array", "items": { "type": "object", "properties": { "z": { "x-opaque-json": true } } } },
                    "maybe": { "anyOf": [{ "$ref": "#/definitions/Colour" }, { "type": "null" }] },
                    "again": { "$ref": "#/definitions/DoRequest" },
                    "shape": { "anyOf": [{ "type": "string" }, { "type": "boolean" }] },
                    "event": { "$ref": "session-events.schema.json#/definitions/SessionEvent" },
                },
                "required": ["count", "maybe"],
            },
            "Colour": { "type": "string", "enum": ["red", "blue"] },
            "Outcome": { "anyOf": [{ "$ref": "#/definitions/Fine" }, { "type": "object", "properties": {
                "state": { "type": "string", "const": "bad" }, "why": { "type": "string" } }, "required": ["state", "why"] }] },
            "Fine": { "type": "object", "properties": { "state": { "const": "fine" }, "at": { "type": "number" } }, "required": ["state"] },
            "Alone": { "type": "object", "properties": { "it": { "$ref": "#/definitions/Fine" } }, "required": ["it"] },
        },
    })
}

fn events() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {
            "SessionEvent": { "anyOf": [{ "$ref": "#/definitions/DoneEvent" }] },
            "DoneEvent": { "type": "object", "visibility": "internal", "properties": {
                "type": { "const": "a.done" }, "data": { "$ref": "#/definitions/DoneData" } } },
            "DoneData": { "type": "object", "properties": { "colour": { "$ref": "#/definitions/Shade" } }, "required": ["colour"] },
            "Shade": { "type": "string", "enum": ["light", "dark"] },
        },
    })
}

fn folder(api: &str, events: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(API), api).unwrap();
    fs::write(folder.path().join(EVENTS), events).unwrap();
    folder
}

fn show(path: &Path) -> String {
    let facts = read(path, Some("9.9.9")).unwrap();
    let files = write_files(&facts).into_iter().map(|(name, text)| format!("== {name}.toml\n{text}"));
    files.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_becomes_of_a_schema() {
    let folder = folder(&api().to_string(), &events().to_string());
    insta::assert_snapshot!(show(folder.path()));
    // However it is named, and every time.
    assert_eq!(show(&folder.path().join(API)), show(folder.path()));
}

#[test]
fn no_word_of_upstreams_prose_is_kept() {
    let folder = folder(&api().to_string(), &events().to_string());
    assert!(!show(folder.path()).contains("Words of upstream"));
}

/// Facts on disk before an import; afterwards they must be the same.
fn facts_on_disk() -> (TempDir, PathBuf) {
    let schema = tempfile::tempdir().unwrap();
    let target = schema.path().join(FOLDER);
    fs::create_dir(&target).unwrap();
    fs::write(target.join("old.toml"), "origin = 'schema 1.0.0'\n").unwrap();
    (schema, target)
}

fn listed(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn an_import_replaces_the_facts_as_a_whole_and_leaves_nothing_else() {
    let (schema, target) = facts_on_disk();
    fs::create_dir(schema.path().join("docs")).unwrap();
    fs::write(schema.path().join("docs/a.toml"), "our words").unwrap();
    let source = folder(&api().to_string(), &events().to_string());
    for _ in 0..2 {
        import(source.path(), Some("9.9.9"), &target).unwrap();
        assert_eq!(listed(&target), ["a.toml", "ask.toml", "server.toml", "shared.toml", "tell.toml"]);
        assert_eq!(listed(schema.path()), [FOLDER, "docs"]);
        assert_eq!(fs::read_to_string(schema.path().join("docs/a.toml")).unwrap(), "our words");
    }
}

#[test]
fn bad_schema_files_are_refused_and_the_facts_are_untouched() {
    let (good, events) = (api().to_string(), events().to_string());
    let without = |section: &str| {
        let mut api = api();
        api.as_object_mut().unwrap().remove(section);
        api.to_string()
    };
    let changed = |pointer: &str, value: Value| {
        let mut api = api();
        *api.pointer_mut(pointer).unwrap() = value;
        api.to_string()
    };
    let mut told = Vec::new();
    for (case, api, events, version) in [
        ("cut off", &good[..good.len() / 2], events.as_str(), Some("9.9.9")),
        ("events cut off", &good, &events[..events.len() - 1], Some("9.9.9")),
        ("empty", "", &events, Some("9.9.9")),
        ("not JSON", "<html>not found</html>", &events, Some("9.9.9")),
        ("JSON, but no schema", "{\"version\":1}", &events, Some("9.9.9")),
        ("a list", "[]", &events, Some("9.9.9")),
        ("a schema of something else", &without("clientSession"), &events, Some("9.9.9")),
        ("without definitions", &without("definitions"), &events, Some("9.9.9")),
        (
            "a draft nobody knows",
            &changed("/$schema", json!("https://json-schema.org/draft/2099-01/schema")),
            &events,
            Some("9.9.9"),
        ),
        (
            "a reference to nothing",
            &changed("/server/ping/result", json!({ "$ref": "#/definitions/Gone" })),
            &events,
            Some("9.9.9"),
        ),
        ("the two swapped", &events, &good, Some("9.9.9")),
        ("no version", &good, &events, None),
        ("a version that is none", &good, &events, Some("latest")),
    ] {
        let (schema, target) = facts_on_disk();
        let source = folder(api, events);
        let error = import(source.path(), version, &target).expect_err(case).to_string();
        told.push(format!("{case}: {}", error.replace(&source.path().display().to_string(), "FOLDER")));
        assert_eq!(listed(schema.path()), [FOLDER], "{case}");
        assert_eq!(listed(&target), ["old.toml"], "{case}");
    }
    let (_schema, target) = facts_on_disk();
    let error = import(Path::new("/nowhere"), None, &target).unwrap_err();
    told.push(format!("no folder: {error}"));
    let empty = tempfile::tempdir().unwrap();
    let error = import(empty.path(), None, &target).unwrap_err().to_string();
    told.push(format!("an empty folder: {}", error.replace(&empty.path().display().to_string(), "FOLDER")));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_version_is_found_beside_the_schemas() {
    let package = tempfile::tempdir().unwrap();
    let schemas = package.path().join("1.2.3/schemas");
    fs::create_dir_all(&schemas).unwrap();
    fs::write(schemas.join(API), api().to_string()).unwrap();
    fs::write(schemas.join(EVENTS), events().to_string()).unwrap();
    assert_eq!(read(&schemas, None).unwrap().origin, "schema 1.2.3");
    fs::write(package.path().join("1.2.3/package.json"), r#"{"version":"4.5.6"}"#).unwrap();
    assert_eq!(read(&package.path().join("1.2.3"), None).unwrap().origin, "schema 4.5.6");
}

/// The facts in the repository are what is written of them: nobody edited them.
#[test]
fn the_imported_facts_are_as_written() {
    let folder = workspace::root().join("crates/protocol/schema").join(FOLDER);
    let mut facts = crate::facts::Facts::read(&folder).unwrap();
    facts.sort();
    for (name, text) in write_files(&facts) {
        assert!(fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap() == text, "{name}.toml was edited");
    }
}

//! Messages made of a JSON Schema.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

/// Deeper than this, only what is required.
const DEPTH: usize = 5;

pub(crate) struct Samples {
    schema: Value,
}

/// How much a sample has.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Full,
    Empty,
    /// Full, with fields and words that nobody knows yet.
    Future,
    /// Full, with optional fields of a shape that nobody expects.
    Reshaped,
}

impl Samples {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/protocol.schema.json");
        let text = std::fs::read_to_string(path).expect("the JSON Schema");
        Self { schema: serde_json::from_str(&text).expect("JSON") }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.section("$defs").into_iter()
    }

    pub(crate) fn section(&self, name: &str) -> BTreeSet<&str> {
        self.schema[name].as_object().expect("a section").keys().map(String::as_str).collect()
    }

    /// Whether upstream keeps that method for its own parts.
    pub(crate) fn is_internal(&self, method: &str) -> bool {
        self.schema["methods"][method]["stability"].as_str().is_some_and(|marks| marks.contains("internal"))
    }

    pub(crate) fn fullest(&self, name: &str) -> Vec<Value> {
        self.all(name, Kind::Full)
    }

    pub(crate) fn emptiest(&self, name: &str) -> Vec<Value> {
        self.all(name, Kind::Empty)
    }

    pub(crate) fn future(&self, name: &str) -> Vec<Value> {
        self.all(name, Kind::Future)
    }

    pub(crate) fn reshaped(&self, name: &str) -> Vec<Value> {
        self.all(name, Kind::Reshaped)
    }

    /// The data of an event, in all its forms.
    pub(crate) fn event(&self, kind: &str) -> Vec<Value> {
        let schema = &self.schema["events"][kind];
        [Kind::Full, Kind::Empty, Kind::Future, Kind::Reshaped].map(|kind| self.one(schema, kind, 0)).to_vec()
    }

    /// One sample an alternative.
    fn all(&self, name: &str, kind: Kind) -> Vec<Value> {
        let schema = &self.schema["$defs"][name];
        let Some(alternatives) = schema["anyOf"].as_array() else { return vec![self.one(schema, kind, 0)] };
        let mut all: Vec<Value> = alternatives.iter().map(|one| self.one(one, kind, 0)).collect();
        if kind == Kind::Future && alternatives.iter().all(|one| one["required"].is_array()) {
            all.push(json!({ "kind": "later", "type": "later", "state": "later", "later": [1] }));
        }
        all
    }

    fn one(&self, schema: &Value, kind: Kind, depth: usize) -> Value {
        let kind = if depth > DEPTH { Kind::Empty } else { kind };
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.trim_start_matches("#/$defs/");
            let target = &self.schema["$defs"][name];
            assert!(!target.is_null(), "no definition of {name}");
            let mut value = self.one(target, kind, depth + 1);
            // A variant of a union: the field that tells.
            for (field, constant) in schema["properties"].as_object().into_iter().flatten() {
                value[field] = constant["const"].clone();
            }
            return value;
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(words) = schema["enum"].as_array() {
            return if kind == Kind::Future { json!("a-word-of-later") } else { words[depth % words.len()].clone() };
        }
        if let Some(alternatives) = schema["anyOf"].as_array() {
            let nullable = alternatives.iter().any(|one| one["type"] == "null");
            if kind == Kind::Empty && nullable {
                return Value::Null;
            }
            // The last one that is cheap, so that types that contain themselves come to an end.
            let pick = if kind == Kind::Empty || nullable { 0 } else { depth % alternatives.len() };
            return self.one(&alternatives[pick], kind, depth + 1);
        }
        match schema["type"].as_str() {
            Some("string") => json!("text"),
            Some("boolean") => json!(true),
            Some("integer") => json!(7),
            Some("number") => json!(1.5),
            Some("array") if kind == Kind::Empty => json!([]),
            Some("array") => {
                json!([self.one(&schema["items"], kind, depth + 1), self.one(&schema["items"], kind, depth + 2)])
            }
            Some("object") => self.object(schema, kind, depth),
            _ if schema["type"].is_array() => json!({}),
            _ => json!({ "any": ["JSON", 1, null] }),
        }
    }

    fn object(&self, schema: &Value, kind: Kind, depth: usize) -> Value {
        let mut object = Map::new();
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let optional = !required.contains(name.as_str());
            let value = match kind {
                Kind::Empty if optional => continue,
                Kind::Reshaped if optional => json!({ "another": ["shape"] }),
                _ => self.one(property, kind, depth + 1),
            };
            object.insert(name.clone(), value);
        }
        if kind != Kind::Empty && schema["additionalProperties"].is_object() {
            object.insert("key".to_owned(), self.one(&schema["additionalProperties"], kind, depth + 1));
        }
        if kind == Kind::Future && schema["additionalProperties"].is_null() {
            object.insert("fieldOfLater".to_owned(), json!({ "deep": [1, "two", null] }));
        }
        Value::Object(object)
    }
}

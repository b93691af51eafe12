//! Examples and how to compare them.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An example message. `session.info@remote` is one of several of `session.info`.
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) json: Value,
}

impl Example {
    /// The name of the message it is an example of.
    pub(crate) fn of(&self) -> &str {
        self.name.split('@').next().unwrap_or_default()
    }
}

/// The examples of a family, sorted by name.
pub(crate) fn examples(family: &str) -> Vec<Example> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples").join(family);
    let mut examples: Vec<Example> = fs::read_dir(&folder)
        .expect("the folder of examples")
        .map(|entry| {
            let path = entry.expect("an example").path();
            let text = fs::read_to_string(&path).expect("the example's text");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            Example { name, json }
        })
        .collect();
    examples.sort_by(|a, b| a.name.cmp(&b.name));
    examples
}

/// Reads JSON as `T`.
pub(crate) fn read<T: DeserializeOwned>(json: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_str(&json.to_string())
}

/// Writes it again.
pub(crate) fn written(message: &impl Serialize) -> Value {
    let text = serde_json::to_string(message).expect("what was read can be written");
    serde_json::from_str(&text).expect("what is written is JSON")
}

/// Whether two JSON values say the same: `1` and `1.0` do.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

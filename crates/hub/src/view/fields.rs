//! Lenient reading of event data.
//!
//! What a card or a row needs is taken where it is found. The typed payloads of `protocol` refuse a
//! record that lacks a required field; a page should rather show what there is, since exporters
//! other than the CLI leave fields out.

use serde_json::Value;

/// A JSON value whose fields are read without complaint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a Value);

impl<'a> Fields<'a> {
    pub(crate) fn get(self, name: &str) -> Fields<'a> {
        Fields(self.0.get(name).unwrap_or(&Value::Null))
    }

    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The string at `name`; empty if there is none.
    pub(crate) fn str(self, name: &str) -> &'a str {
        self.0.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// The string at `name`, if there is one that is not empty.
    pub(crate) fn opt(self, name: &str) -> Option<&'a str> {
        Some(self.str(name)).filter(|text| !text.is_empty())
    }

    pub(crate) fn owned(self, name: &str) -> Option<String> {
        self.opt(name).map(str::to_owned)
    }

    pub(crate) fn bool(self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    pub(crate) fn int(self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    pub(crate) fn list(self, name: &str) -> impl Iterator<Item = Fields<'a>> + use<'a> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.into_iter().flatten().map(Fields)
    }

    /// The strings of the array at `name`.
    pub(crate) fn strings(self, name: &str) -> Vec<String> {
        let strings = self.list(name).filter_map(|item| item.0.as_str());
        strings.map(str::to_owned).collect()
    }

    /// The value as a person may read it: a string as it is, anything else as indented JSON.
    pub(crate) fn pretty(self) -> String {
        match self.0 {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => serde_json::to_string_pretty(other).unwrap_or_default(),
        }
    }
}

//! Fields this version does not know.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap};
use serde_json::value::{RawValue, to_raw_value};

use crate::RawJson;

/// The fields of a record that this version has no name for, kept as they came and written back.
///
/// `Debug` shows their names only: an unknown field may be a secret.
#[derive(Clone, Default)]
pub struct Extra(Vec<(String, RawJson)>);

impl Extra {
    /// No extra fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn from_entries(entries: Vec<(String, RawJson)>) -> Self {
        Self(entries)
    }

    /// The value of a field, as JSON text.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.iter().filter(|(key, _)| *key == name).last().map(|(_, value)| value)
    }

    /// The value of a field, read as `T`; `None` when it is absent or of another shape.
    pub fn get_as<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Sets a field, in place of any of that name.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON.
    pub fn set(&mut self, name: &str, value: &impl Serialize) -> Result<(), serde_json::Error> {
        let value = to_raw_value(value)?;
        self.remove(name);
        self.0.push((name.to_owned(), value));
        Ok(())
    }

    /// Removes a field; says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(key, _)| key != name);
        self.0.len() != before
    }

    /// Names and values, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes the entries, but for those whose name the record itself has written.
    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M, written: impl Fn(&str) -> bool) -> Result<(), M::Error> {
        for (name, value) in self.iter().filter(|(name, _)| !written(name)) {
            map.serialize_entry(name, value)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

//! A JSON object on its way into a record.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::{Extra, RawJson};

/// The entries of a JSON object, in their order, each value still text.
///
/// Records take their fields out of it; what is left over is their [`Extra`].
#[derive(Debug)]
pub(crate) struct Object {
    // Taking leaves a hole rather than moving the rest: an object of a million unknown keys stays linear.
    entries: Vec<Option<(String, RawJson)>>,
}

/// A field that a record cannot do without is missing or has the wrong shape.
#[derive(Debug)]
pub(crate) struct FieldError {
    record: &'static str,
    field: &'static str,
    cause: Option<serde_json::Error>,
}

impl Object {
    /// A required field.
    pub(crate) fn required<T: DeserializeOwned>(
        &mut self,
        record: &'static str,
        field: &'static str,
    ) -> Result<T, FieldError> {
        let missing = |cause| FieldError { record, field, cause };
        let slot = self.find(field).ok_or_else(|| missing(None))?;
        let value = slot.as_ref().map_or("null", |(_, raw)| raw.get());
        let value = serde_json::from_str(value).map_err(|error| missing(Some(error)))?;
        *slot = None;
        Ok(value)
    }

    /// An optional field. `null` and a value of an unexpected shape count as absent but are left
    /// in place, so that they are written back as they came.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let slot = self.find(field)?;
        let (_, raw) = slot.as_ref()?;
        if raw.get() == "null" {
            return None;
        }
        let value = serde_json::from_str(raw.get()).ok()?;
        *slot = None;
        Some(value)
    }

    /// A list whose absence means empty. An explicit empty list is left in place as above.
    pub(crate) fn list<T: DeserializeOwned>(&mut self, field: &str) -> Vec<T> {
        let Some(slot) = self.find(field) else { return Vec::new() };
        let list = slot.as_ref().and_then(|(_, raw)| serde_json::from_str::<Vec<T>>(raw.get()).ok());
        match list {
            Some(list) if !list.is_empty() => {
                *slot = None;
                list
            }
            _ => Vec::new(),
        }
    }

    /// A string field that tells a union's variants apart, taken out.
    pub(crate) fn tag(&mut self, field: &str) -> Option<String> {
        self.optional(field)
    }

    /// What no field took.
    pub(crate) fn rest(self) -> Extra {
        Extra::from_entries(self.entries.into_iter().flatten().collect())
    }

    // The last of repeated keys counts, as in JavaScript.
    fn find(&mut self, field: &str) -> Option<&mut Option<(String, RawJson)>> {
        self.entries.iter_mut().rev().find(|slot| slot.as_ref().is_some_and(|(name, _)| name == field))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(Some(entry));
                }
                Ok(Object { entries })
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, field, cause } = self;
        match cause {
            None => write!(f, "{record} needs the field `{field}`"),
            Some(cause) => write!(f, "{record} cannot read its field `{field}`: {cause}"),
        }
    }
}

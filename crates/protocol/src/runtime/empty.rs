//! Parameters or a result without content.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::{Object, Record};
use crate::{Extra, RawJson};

/// No parameters, or a result that says nothing but "done".
///
/// Written as `{}`; read from `{}`, `null` or anything else, since servers differ.
#[derive(Clone, Debug, Default)]
pub struct Empty {
    /// Fields this version does not know.
    pub extra: Extra,
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?;
        let extra = serde_json::from_str::<Object>(raw.get()).map(Object::rest).unwrap_or_default();
        Ok(Self { extra })
    }
}

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::record::serialize(self, serializer)
    }
}

impl Record for Empty {
    fn read(object: Object) -> Result<Self, super::FieldError> {
        Ok(Self { extra: object.rest() })
    }

    fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.extra.write(map, |_| false)
    }
}

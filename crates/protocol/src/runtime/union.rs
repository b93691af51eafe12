//! Unions: objects told apart by one string field.

use serde::ser::{Serialize, Serializer};

use crate::RawJson;

/// A union's object that this version cannot name, kept whole.
#[derive(Clone, Debug)]
pub struct Tagged {
    tag: String,
    raw: RawJson,
}

impl Tagged {
    pub(crate) fn new(tag: String, raw: RawJson) -> Self {
        Self { tag, raw }
    }

    /// The value of the telling field; empty when it is missing.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The whole object, as it came.
    pub fn raw(&self) -> &serde_json::value::RawValue {
        &self.raw
    }
}

impl Serialize for Tagged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

/// Declares a union. Objects with an unknown tag, and objects of a known tag that lack what their
/// record needs, are `Unknown` and written back as they came.
macro_rules! union {
    (
        $(#[$meta:meta])*
        $name:ident by $tag:literal { $( $(#[$vmeta:meta])* $v:ident($ty:ty) = $word:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)]
        pub enum $name {
            $( $(#[$vmeta])* $v($ty), )*
            /// A kind this version does not know, or cannot read.
            Unknown($crate::Tagged),
        }

        impl $name {
            /// The word that tells the kinds apart on the wire.
            pub fn tag(&self) -> &str {
                match self {
                    $( Self::$v(_) => $word, )*
                    Self::Unknown(tagged) => tagged.tag(),
                }
            }
        }

        $(
            impl From<$ty> for $name {
                fn from(value: $ty) -> Self {
                    Self::$v(value)
                }
            }
        )*

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                if let Self::Unknown(tagged) = self {
                    return tagged.serialize(serializer);
                }
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry($tag, self.tag())?;
                match self {
                    $( Self::$v(value) => $crate::runtime::Record::write(value, &mut map)?, )*
                    Self::Unknown(_) => {}
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = $crate::RawJson::deserialize(deserializer)?;
                let mut object: $crate::runtime::Object =
                    serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
                let tag = object.tag($tag).unwrap_or_default();
                let known = match tag.as_str() {
                    $( $word => $crate::runtime::Record::read(object).ok().map(Self::$v), )*
                    _ => None,
                };
                Ok(known.unwrap_or_else(|| Self::Unknown($crate::Tagged::new(tag, raw))))
            }
        }
    };
}

pub(crate) use union;

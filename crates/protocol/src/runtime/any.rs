//! Values of several shapes that no field tells apart.

use super::Object;

/// Whether a JSON object has these words in these fields; anything does when there are none.
pub(crate) fn says(json: &str, words: &[(&str, &str)]) -> bool {
    words.is_empty()
        || serde_json::from_str::<Object>(json)
            .is_ok_and(|mut object| words.iter().all(|(field, word)| object.tag(field).as_deref() == Some(word)))
}

/// Declares such a value. The first shape that can be read counts, if the fields named behind `if` have the words given
/// there; what fits none is `Unknown` and written back.
macro_rules! any_of {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$vmeta:meta])* $v:ident($ty:ty) $(if $( $field:literal = $word:literal )&+)?, )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)]
        pub enum $name {
            $( $(#[$vmeta])* $v($ty), )*
            /// A shape this version does not know.
            Unknown($crate::RawJson),
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$v(value) => value.serialize(serializer), )*
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = $crate::RawJson::deserialize(deserializer)?;
                $(
                    if $crate::runtime::says(raw.get(), &[ $( $( ($field, $word), )+ )? ])
                        && let Ok(value) = serde_json::from_str(raw.get())
                    {
                        return Ok(Self::$v(value));
                    }
                )*
                Ok(Self::Unknown(raw))
            }
        }
    };
}

pub(crate) use any_of;

//! Values of several shapes that no field tells apart.

/// Declares such a value. The first shape that can be read counts; what fits none is `Unknown` and written back.
macro_rules! any_of {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$vmeta:meta])* $v:ident($ty:ty), )* }
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
                $( if let Ok(value) = serde_json::from_str(raw.get()) { return Ok(Self::$v(value)); } )*
                Ok(Self::Unknown(raw))
            }
        }
    };
}

pub(crate) use any_of;

//! Records: structs that read and write JSON objects and keep what they do not know.

use serde::ser::{SerializeMap, Serializer};

use super::{FieldError, Object};

/// A struct that is an object on the wire.
pub(crate) trait Record: Sized {
    /// Takes the fields out of an object.
    fn read(object: Object) -> Result<Self, FieldError>;

    /// Writes the fields into an object that is being written.
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// `Serialize::serialize` of every record.
pub(crate) fn serialize<R: Record, S: Serializer>(record: &R, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    record.write(&mut map)?;
    map.end()
}

/// Declares a record. `field: Type = "wireName"`; fields in `optional` are `Option`s and absent
/// when `None`, those in `lists` are `Vec`s and absent when empty.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$rmeta:meta])* $r:ident: $rty:ty = $rname:literal, )*
        }
        $( optional { $( $(#[$ometa:meta])* $o:ident: $oty:ty = $oname:literal, )* } )?
        $( lists { $( $(#[$lmeta:meta])* $l:ident: $lty:ty = $lname:literal, )* } )?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[$rmeta])* pub $r: $rty, )*
            $( $( $(#[$ometa])* pub $o: Option<$oty>, )* )?
            $( $( $(#[$lmeta])* pub $l: Vec<$lty>, )* )?
            /// Fields this version does not know.
            pub extra: $crate::Extra,
        }

        $crate::runtime::record_start! {
            $name { $( $r: $rty, )* } { $( $( $o )* )? } { $( $( $l )* )? }
        }

        impl $crate::runtime::Record for $name {
            #[allow(unused_mut)]
            fn read(mut object: $crate::runtime::Object) -> Result<Self, $crate::runtime::FieldError> {
                Ok(Self {
                    $( $r: object.required(stringify!($name), $rname)?, )*
                    $( $( $o: object.optional($oname), )* )?
                    $( $( $l: object.list($lname), )* )?
                    extra: object.rest(),
                })
            }

            fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $( map.serialize_entry($rname, &self.$r)?; )*
                $( $( if let Some(value) = &self.$o { map.serialize_entry($oname, value)?; } )* )?
                $( $( if !self.$l.is_empty() { map.serialize_entry($lname, &self.$l)?; } )* )?
                self.extra.write(map, |name| match name {
                    $( $rname => true, )*
                    $( $( $oname => self.$o.is_some(), )* )?
                    $( $( $lname => !self.$l.is_empty(), )* )?
                    _ => false,
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::runtime::serialize_record(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let object = $crate::runtime::Object::deserialize(deserializer)?;
                $crate::runtime::Record::read(object).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// How a record is made: `Default` where nothing is required, else `new` with what is.
macro_rules! record_start {
    ($name:ident {} { $($o:ident)* } { $($l:ident)* }) => {
        impl Default for $name {
            fn default() -> Self {
                Self { $( $o: None, )* $( $l: Vec::new(), )* extra: $crate::Extra::new() }
            }
        }
    };
    ($name:ident { $($r:ident: $rty:ty,)+ } { $($o:ident)* } { $($l:ident)* }) => {
        impl $name {
            /// With the required fields; everything else absent.
            #[allow(clippy::too_many_arguments)]
            pub fn new($( $r: impl Into<$rty> ),+) -> Self {
                Self { $( $r: $r.into(), )+ $( $o: None, )* $( $l: Vec::new(), )* extra: $crate::Extra::new() }
            }
        }
    };
}

pub(crate) use {record, record_start};

//! The tables that bind wire names to types.

/// Declares one unit struct a method.
macro_rules! methods {
    ( $( $(#[$meta:meta])* $name:ident = $wire:literal: $params:ty => $output:ty, )* ) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl $crate::Method for $name {
                const NAME: &'static str = $wire;
                type Params = $params;
                type Output = $output;
            }
        )*
    };
}

/// Declares one unit struct a notification.
macro_rules! notifications {
    ( $( $(#[$meta:meta])* $name:ident = $wire:literal: $params:ty, )* ) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl $crate::Notification for $name {
                const NAME: &'static str = $wire;
                type Params = $params;
            }
        )*
    };
}

/// A list of wire names. `if "family"` behind one needs that feature.
macro_rules! names {
    ( $(#[$meta:meta])* $name:ident { $( $wire:literal $(if $feature:literal)?, )* } ) => {
        $(#[$meta])*
        pub const $name: &[&str] = &[ $( $(#[cfg(feature = $feature)])? $wire, )* ];
    };
}

/// Declares the record of an event's data.
macro_rules! event {
    ( $(#[$meta:meta])* $name:ident $wire:literal $($fields:tt)* ) => {
        $crate::runtime::record! { $(#[$meta])* $name $($fields)* }

        impl $crate::EventData for $name {
            const TYPE: &'static str = $wire;
        }
    };
}

/// Declares the enum of all events. `if "family"` behind one needs that feature.
macro_rules! payload {
    ( $( $(#[$meta:meta])* $name:ident = $wire:literal $(if $feature:literal)?, )* ) => {
        /// The wire types of all events with data here, in order.
        pub const TYPES: &[&str] = &[ $( $(#[cfg(feature = $feature)])? $wire, )* ];

        /// An event's data, typed, to `match` on.
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)]
        #[non_exhaustive]
        pub enum Payload {
            $( $(#[$meta])* $(#[cfg(feature = $feature)])? $name($name), )*
            /// An event whose type this version does not know, or whose data it cannot read.
            /// The event itself still has everything: see [`Event::data_raw`](crate::Event::data_raw).
            Unknown,
        }

        impl Payload {
            pub(crate) fn read(kind: &str, data: &str) -> Self {
                match kind {
                    $( $(#[cfg(feature = $feature)])? $wire => serde_json::from_str(data).map_or(Self::Unknown, Self::$name), )*
                    _ => Self::Unknown,
                }
            }
        }

        impl serde::Serialize for Payload {
            /// Writes the data; `null` where it is unknown.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( $(#[cfg(feature = $feature)])? Self::$name(data) => data.serialize(serializer), )*
                    Self::Unknown => serializer.serialize_unit(),
                }
            }
        }
    };
}

pub(crate) use {event, methods, names, notifications, payload};

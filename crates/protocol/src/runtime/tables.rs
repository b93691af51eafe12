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

        /// The wire names of all methods here, in order.
        pub const NAMES: &[&str] = &[ $( $wire, )* ];
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

        /// The wire names of all notifications here, in order.
        pub const NAMES: &[&str] = &[ $( $wire, )* ];
    };
}

/// Binds event types to their data and declares the enum of them all.
macro_rules! events {
    ( $( $(#[$meta:meta])* $name:ident = $wire:literal, )* ) => {
        $(
            impl $crate::EventData for $name {
                const TYPE: &'static str = $wire;
            }
        )*

        /// The wire types of all events with data here, in order.
        pub const TYPES: &[&str] = &[ $( $wire, )* ];

        /// An event's data, typed, to `match` on.
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)]
        #[non_exhaustive]
        pub enum Payload {
            $( $(#[$meta])* $name($name), )*
            /// An event whose type this version does not know, or whose data it cannot read.
            /// The event itself still has everything: see [`Event::data_raw`](crate::Event::data_raw).
            Unknown,
        }

        impl Payload {
            pub(crate) fn read(kind: &str, data: &str) -> Self {
                match kind {
                    $( $wire => serde_json::from_str(data).map_or(Self::Unknown, Self::$name), )*
                    _ => Self::Unknown,
                }
            }
        }
    };
}

pub(crate) use {events, methods, notifications};

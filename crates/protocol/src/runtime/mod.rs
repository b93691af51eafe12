//! What the generated types stand on: a small reading and writing core shared by all records,
//! so that a record costs the compiler a few calls instead of a state machine of its own.

mod any;
mod empty;
mod enums;
mod extra;
mod object;
mod record;
mod secret;
mod tables;
mod union;

pub use empty::Empty;
pub use extra::Extra;
pub use secret::Secret;
pub use union::Tagged;

pub(crate) use any::{any_of, says};
pub(crate) use enums::open_enum;
pub(crate) use object::{FieldError, Object};
pub(crate) use record::{Record, record, record_start, serialize as serialize_record};
pub(crate) use tables::{event, methods, names, notifications, payload};
pub(crate) use union::union;

//! Why a message could not be read.

/// Why a message could not be read. Unknown names, words and fields are never a reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text is not JSON, or not an object.
    #[error("not a JSON object: {0}; send one UTF-8 JSON object")]
    Json(#[source] serde_json::Error),
    /// An event's envelope lacks what every event has.
    #[error("the event has no `{field}`; every event needs a non-empty string there")]
    Envelope {
        /// The field's name on the wire.
        field: &'static str,
    },
    /// Data of one type was asked from an event of another.
    #[error("this is an event of type `{found}`, not `{expected}`; check its kind first")]
    OtherEvent {
        /// The type that was asked for.
        expected: &'static str,
        /// The type it is.
        found: String,
    },
    /// An event's data lacks what its type needs.
    #[error("the data of {kind} event `{id}` cannot be read: {source}; its raw data is still there")]
    Data {
        /// The event's type.
        kind: &'static str,
        /// The event's id.
        id: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

//! The event envelope.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::events::Payload;
use crate::{DecodeError, EventData, RawJson};

/// One event of a session.
///
/// Only the envelope is read; the data stays JSON text until somebody asks for it, and the very
/// bytes that came are kept. Cloning is cheap.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    raw: RawJson,
    envelope: Envelope,
}

#[derive(Default)]
struct Envelope {
    id: Text,
    kind: Text,
    timestamp: Text,
    parent_id: Text,
    agent_id: Text,
    ephemeral: bool,
    // Where the data lies in the raw text; empty when there is none.
    data: Range<usize>,
}

/// A text of the envelope.
#[derive(Default)]
enum Text {
    /// There is none, or something else in its place.
    #[default]
    Absent,
    /// Where it lies in the raw text. Nearly all do: nothing is copied for them.
    Here(Range<usize>),
    /// It was written with escapes.
    Unescaped(String),
}

impl Text {
    /// `start` is where the event's text begins.
    fn read(value: &RawValue, start: usize) -> Self {
        let json = value.get();
        match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) if !inner.contains('\\') => {
                let begin = inner.as_ptr().addr() - start;
                Self::Here(begin..begin + inner.len())
            }
            Some(_) => serde_json::from_str(json).map_or(Self::Absent, Self::Unescaped),
            None => Self::Absent,
        }
    }

    fn get<'a>(&'a self, raw: &'a RawValue) -> Option<&'a str> {
        match self {
            Self::Absent => None,
            Self::Here(place) => raw.get().get(place.clone()),
            Self::Unescaped(text) => Some(text),
        }
    }
}

/// The fields of the envelope.
enum Field {
    Id,
    Type,
    Timestamp,
    ParentId,
    AgentId,
    Ephemeral,
    Data,
    Other,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Field, E> {
                Ok(match name {
                    "id" => Field::Id,
                    "type" => Field::Type,
                    "timestamp" => Field::Timestamp,
                    "parentId" => Field::ParentId,
                    "agentId" => Field::AgentId,
                    "ephemeral" => Field::Ephemeral,
                    "data" => Field::Data,
                    _ => Field::Other,
                })
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

impl Event {
    /// Reads an event's envelope.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object with a non-empty string `id` and `type`.
    pub fn parse(json: &str) -> Result<Self, DecodeError> {
        let raw: &RawValue = serde_json::from_str(json).map_err(DecodeError::Json)?;
        Self::from_raw(raw.to_owned())
    }

    /// The same for JSON that is known to be well-formed.
    ///
    /// # Errors
    ///
    /// When it is not an object with a non-empty string `id` and `type`.
    pub fn from_raw(raw: RawJson) -> Result<Self, DecodeError> {
        let envelope = Envelope::read(raw.get())?;
        let present = |field: &Text| field.get(&raw).is_some_and(|text| !text.is_empty());
        if !present(&envelope.id) {
            return Err(DecodeError::Envelope { field: "id" });
        }
        if !present(&envelope.kind) {
            return Err(DecodeError::Envelope { field: "type" });
        }
        Ok(Self(Arc::new(Inner { raw, envelope })))
    }

    /// The event's id, unique in its session.
    pub fn id(&self) -> &str {
        self.0.envelope.id.get(&self.0.raw).unwrap_or_default()
    }

    /// The `type` on the wire, such as `user.message`.
    pub fn kind(&self) -> &str {
        self.0.envelope.kind.get(&self.0.raw).unwrap_or_default()
    }

    /// When it happened, RFC 3339; empty when the sender did not say.
    pub fn timestamp(&self) -> &str {
        self.0.envelope.timestamp.get(&self.0.raw).unwrap_or_default()
    }

    /// The durable event before this one, where there is one.
    pub fn parent_id(&self) -> Option<&str> {
        self.0.envelope.parent_id.get(&self.0.raw)
    }

    /// The sub-agent it comes from; `None` for the main agent.
    pub fn agent_id(&self) -> Option<&str> {
        self.0.envelope.agent_id.get(&self.0.raw)
    }

    /// Whether the CLI keeps no record of it: it is never replayed after a restart.
    pub fn ephemeral(&self) -> bool {
        self.0.envelope.ephemeral
    }

    /// The whole event, byte for byte as it came.
    pub fn raw(&self) -> &RawValue {
        &self.0.raw
    }

    /// The data as JSON text; `null` when there is none.
    pub fn data_raw(&self) -> &RawValue {
        // A scan of the text, which was valid when the envelope was read.
        serde_json::from_str(self.data_text()).unwrap_or(RawValue::NULL)
    }

    /// Whether this is an event of type `T`.
    pub fn is<T: EventData>(&self) -> bool {
        self.kind() == T::TYPE
    }

    /// The data as `T`.
    ///
    /// # Errors
    ///
    /// When the event is of another type, or lacks what `T` needs.
    pub fn data<T: EventData>(&self) -> Result<T, DecodeError> {
        if !self.is::<T>() {
            return Err(DecodeError::OtherEvent { expected: T::TYPE, found: self.kind().to_owned() });
        }
        serde_json::from_str(self.data_text()).map_err(|source| DecodeError::Data {
            kind: T::TYPE,
            id: self.id().to_owned(),
            source,
        })
    }

    /// The data to `match` on; [`Payload::Unknown`] when its type is unknown or it is malformed.
    pub fn payload(&self) -> Payload {
        Payload::read(self.kind(), self.data_text())
    }

    fn data_text(&self) -> &str {
        let text = self.0.raw.get().get(self.0.envelope.data.clone()).unwrap_or_default();
        if text.is_empty() { "null" } else { text }
    }
}

impl Envelope {
    fn read(text: &str) -> Result<Self, DecodeError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        // Raw slices know where they lie; the data's place is kept, not a copy of it.
        deserializer.deserialize_map(Fields { start: text.as_ptr().addr() }).map_err(DecodeError::Json)
    }
}

struct Fields {
    start: usize,
}

impl<'de> Visitor<'de> for Fields {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event: an object with `id`, `type` and `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        // Values of an unexpected shape count as absent: one odd field must not lose an event.
        while let Some((field, value)) = map.next_entry::<Field, &'de RawValue>()? {
            match field {
                Field::Id => envelope.id = Text::read(value, self.start),
                Field::Type => envelope.kind = Text::read(value, self.start),
                Field::Timestamp => envelope.timestamp = Text::read(value, self.start),
                Field::ParentId => envelope.parent_id = Text::read(value, self.start),
                Field::AgentId => envelope.agent_id = Text::read(value, self.start),
                Field::Ephemeral => envelope.ephemeral = value.get() == "true",
                Field::Data => {
                    let start = value.get().as_ptr().addr() - self.start;
                    envelope.data = start..start + value.get().len();
                }
                Field::Other => {}
            }
        }
        Ok(envelope)
    }
}

impl fmt::Debug for Event {
    /// The envelope only: data may be long, and private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id())
            .field("kind", &self.kind())
            .field("timestamp", &self.timestamp())
            .field("ephemeral", &self.ephemeral())
            .finish_non_exhaustive()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_raw(RawJson::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

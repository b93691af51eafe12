//! What a method, a server's request and a notification are to the type system.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON-RPC method: its name and what goes in and out. Implemented by one unit struct a method
/// in [`methods`](crate::methods) (client to server) and [`requests`](crate::requests) (server to client).
pub trait Method {
    /// The name on the wire.
    const NAME: &'static str;
    /// The parameters, always one object.
    type Params: Serialize + DeserializeOwned;
    /// The result.
    type Output: Serialize + DeserializeOwned;
}

/// A JSON-RPC notification; see [`notifications`](crate::notifications).
pub trait Notification {
    /// The name on the wire.
    const NAME: &'static str;
    /// The parameters, always one object.
    type Params: Serialize + DeserializeOwned;
}

/// The data of one type of event; see [`events`](crate::events).
pub trait EventData: Serialize + DeserializeOwned {
    /// The event's `type` on the wire.
    const TYPE: &'static str;
}

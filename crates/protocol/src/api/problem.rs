//! The `type`s of [`Problem`](super::Problem)s. Each is stable; what else a problem says may change.

/// The request that an answer names is not open (any more).
pub const NOT_PENDING: &str = "urn:groundlink:problem:not-pending";
/// The request that an answer names wants another kind of answer.
pub const WRONG_KIND: &str = "urn:groundlink:problem:wrong-kind";
/// The pending request is not the one that the answer's digest was made of: look at it again.
pub const DIGEST_MISMATCH: &str = "urn:groundlink:problem:digest-mismatch";
/// Another answer to the same request is on its way.
pub const ALREADY_ANSWERING: &str = "urn:groundlink:problem:already-answering";
/// The session can be watched only.
pub const NOT_STEERABLE: &str = "urn:groundlink:problem:not-steerable";
/// The session's exporter does not know this type of command.
pub const NOT_SUPPORTED: &str = "urn:groundlink:problem:not-supported";
/// The session has ended.
pub const ENDED: &str = "urn:groundlink:problem:ended";
/// The command cannot be changed or taken back: the session has it, or it is no message.
pub const NOT_QUEUED: &str = "urn:groundlink:problem:not-queued";
/// Too many commands of the session wait.
pub const TOO_MANY_COMMANDS: &str = "urn:groundlink:problem:too-many-commands";
/// Commands come too fast; `Retry-After` says when to go on.
pub const TOO_FAST: &str = "urn:groundlink:problem:too-fast";
/// Too many streams are open; `Retry-After` says when to try again.
pub const TOO_MANY_STREAMS: &str = "urn:groundlink:problem:too-many-streams";
/// The session's exporter is still connected, so that the session cannot be deleted.
pub const STILL_CONNECTED: &str = "urn:groundlink:problem:still-connected";
/// Too many devices are notified already.
pub const TOO_MANY_SUBSCRIPTIONS: &str = "urn:groundlink:problem:too-many-subscriptions";

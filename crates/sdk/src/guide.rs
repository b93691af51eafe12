//! A guide, a page a subject. What it shows is compiled with the documentation; what it claims of the Copilot CLI is
//! tested with the real one.
//!
//! | Page | About |
//! |---|---|
//! | [`start`] | from nothing to the first answer |
//! | [remote sessions](crate#always-on) | links, QR codes, hubs, the bridge |
//! | [permissions and questions](crate#answering-here) | handlers, and what happens without them |
//! | [`permissions`] | a policy, lasting approvals, several clients |
//! | [tools and hooks](crate#tools-and-hooks) | functions that the model calls, moments that you may change |
//! | [`streaming`] | events: live, from the start, of some kinds, slowly |
//! | [`server`] | a CLI that runs already, a CLI over TCP, coming back after a loss |
//! | [`provide`] | canvases, skills, MCP sign-in, limits, and whatever else the CLI asks |
//! | [`files`] | sessions' files and databases, kept by your program |
//! | [`traces`] | OpenTelemetry |
//! | [`model`] | a model of your own, and no account |
//! | [`testing`] | your program against the real CLI, without an account or a network |
//! | [`parity`] | what the official SDKs document, and where it is here |

#[doc = include_str!("../docs/start.md")]
pub mod start {}

#[doc = include_str!("../docs/permissions.md")]
pub mod permissions {}

#[doc = include_str!("../docs/streaming.md")]
pub mod streaming {}

#[doc = include_str!("../docs/server.md")]
pub mod server {}

#[doc = include_str!("../docs/model.md")]
pub mod model {}

#[doc = include_str!("../docs/provide.md")]
pub mod provide {}

#[doc = include_str!("../docs/files.md")]
pub mod files {}

#[doc = include_str!("../docs/traces.md")]
pub mod traces {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/parity.md")]
pub mod parity {}

//! Stand-ins and helpers for tests and examples: never for production.
//!
//! The agent in the tests is the real, unmodified Copilot CLI. What stands in is only what no test may touch: GitHub's
//! account endpoints ([`github`]) and the model (`groundlink_cli::scripted`).
//!
//! Nearly everything here panics when the world is not as a test needs it: that is how a test fails.
//!
//! - [`signed_in`]: everything that makes a CLI believe somebody is signed in
//! - [`github`]: GitHub's account endpoints
//! - [`hub`]: a hub of the test's own
//! - [`viewer`]: the hub's viewer API, as a test speaks it
//! - [`process`]: real programs, their output, and what is left of them
//! - [`proxy`]: connections that can be cut
//! - [`repo`]: scratch repositories
//! - [`wait`]: waiting for a condition
//! - [`normalise`]: comparable output

#![allow(clippy::missing_panics_doc)]

pub mod github;
pub mod hub;
pub mod normalise;
pub mod process;
pub mod proxy;
pub mod repo;
pub mod signed_in;
pub mod viewer;
pub mod wait;

pub use groundlink_cli::{install, scripted};
pub use hub::TestHub;
pub use process::Program;
pub use proxy::Proxy;
pub use repo::ScratchRepo;
pub use signed_in::SignedInCli;
pub use viewer::Viewer;
pub use wait::{eventually, eventually_or};

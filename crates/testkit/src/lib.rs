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
//! - [`mcp`]: an MCP server that wants a token
//! - [`viewer`]: the hub's viewer API, as a test speaks it
//! - [`process`]: real programs, their output, and what is left of them
//! - [`proxy`]: connections that can be cut
//! - [`repo`]: scratch repositories
//! - [`wait`]: waiting for a condition
//! - [`normalise`]: comparable output

//!
//! # A test of your own program
//!
//! ```no_run
//! use groundlink::prelude::*;
//! use groundlink_testkit::ScratchRepo;
//! use groundlink_testkit::scripted::ScriptedModel;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let model = ScriptedModel::start().await?;
//! let (repo, home) = (ScratchRepo::new(), tempfile::tempdir()?);
//! // The real CLI, found as always; it keeps its state in a home of the test's, and needs no account.
//! let client = Client::builder().offline(true).home(home.path()).start().await?;
//! let config = SessionConfig::new()
//!     .working_directory(repo.path())
//!     .model("scripted")
//!     .provider(Provider::openai_completions(model.base_url().as_str()))
//!     .on_permission(ApproveAll);
//! let session = client.create_session(config).await?;
//!
//! // Words in the prompt choose what the model does: here it runs a command that makes a file.
//! session.send_and_wait("run-shell").await?;
//! assert!(repo.has("shell-proof.txt"));
//!
//! // Any tool can be called as the model would: your own, too.
//! let end = session.send_and_wait(r#"tool:my_tool {"city":"Oslo"}"#).await?;
//! # client.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`SignedInCli`] does the same for programs whose users are signed in, and [`TestHub`] with a [`Viewer`] for what is
//! shared.

#![allow(clippy::missing_panics_doc)]

pub mod github;
pub mod hub;
pub mod mcp;
pub mod normalise;
pub mod process;
pub mod proxy;
pub mod repo;
pub mod signed_in;
pub mod viewer;
pub mod wait;

pub use groundlink_cli::{install, scripted};
pub use hub::TestHub;
pub use mcp::LockedMcp;
pub use process::Program;
pub use proxy::Proxy;
pub use repo::ScratchRepo;
pub use signed_in::SignedInCli;
pub use viewer::Viewer;
pub use wait::{eventually, eventually_or};

//! The hub: a server to which a Copilot session is exported, and from which it is watched and steered by a link.
//!
//! It speaks GitHub's Mission Control wire to exporters (the CLI itself, or groundlink's bridge), a JSON API and a
//! page to viewers, and keeps everything in one `SQLite` file. It knows nothing of the agent: no JSON-RPC, no child
//! processes, no models.
//!
//! ```no_run
//! # async fn run() -> Result<(), groundlink_hub::HubError> {
//! let hub = groundlink_hub::Hub::builder().data_dir("hub-data").listen("127.0.0.1:8080").start().await?;
//! for (name, value) in hub.environment() {
//!     println!("export {name}={value}");
//! }
//! hub.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The rooms, from the door to the cellar
//!
//! - `server`: start, handle, end; what every answer has.
//! - `wire`: the exporter's door. `ingest`: what an upload holds.
//! - `api`, `pages`: the viewer's door.
//! - `live`: a session in memory, and all of them.
//! - `ledger`: what becomes of a command. `state`: what a session is doing. [`view`]: what a page shows of it. Plain
//!   state machines, without I/O.
//! - [`web`]: the view as HTML, and its changes.
//! - `push`: who is notified that is not at a page.
//! - `store`: the `SQLite` file. `keys`: the secrets.
//!
//! # Who may do what
//!
//! Exporters show the hub's export token; nothing of any other token is kept. A link's secret is the right to watch
//! and steer its session. Both are derived from `hub.key` in the data directory; the database holds only hashes of
//! links, and their text is cut out of the events that are stored.

mod api;
mod digest;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod ingest;
mod keys;
mod ledger;
mod live;
mod order;
mod pages;
mod problem;
mod push;
mod server;
mod state;
mod store;
pub mod view;
pub mod web;
mod wire;

pub use error::HubError;
pub use live::{ApiLimits, Retention, SessionSummary};
pub use push::{PushPost, PushReceiver, PushReply, PushSettings, PushTransport, PushTransportError};
pub use server::{Hub, HubBuilder, HubHandle};

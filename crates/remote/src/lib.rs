//! Remote control of Copilot sessions: the link, its QR code, and the two ways to share.
//!
//! * **Native**: the Copilot CLI shares the session itself, with GitHub or with a hub given to the
//!   client. [`RemoteExt::remote`] switches it on and off.
//! * **Bridge**: [`Bridge`] exports the session to a hub from the events it receives anyway. It works
//!   without a GitHub account and without a repository.
//!
//! Both end in a [`Link`], whose [`Qr`] code can be shown in a terminal or on a page.
//!
//! This crate must never know what a hub is made of: no web framework, no database, no rendering of pages.

mod bridge;
mod control;
mod error;
mod link;
mod qr;

pub use bridge::{Bridge, BridgeBuilder, BridgeHandle, BridgeState, BridgeStatus, HubEndpoint};
pub use control::{RemoteControl, RemoteExt, RemoteStatus};
pub use error::RemoteError;
pub use groundlink_protocol::mc::{ExporterInfo, Suggestion};
pub use groundlink_session::RemoteMode;
pub use link::Link;
pub use qr::{Qr, TerminalTheme};

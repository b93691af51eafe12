//! Remote control of Copilot sessions: the link, its QR code, and the two ways to share.
//!
//! * **Native**: the Copilot CLI shares the session itself, with GitHub or with a hub given to the
//!   client.
//! * **Bridge**: [`Bridge`] exports the session to a hub from the events it receives anyway. It works
//!   without a GitHub account and without a repository.
//!
//! [`RemoteExt::remote`] switches sharing on and off, and chooses the way by what is possible;
//! [`RemoteBuilderExt::remote_to`] names the other end for a whole client, whose links are all in
//! [`RemoteClientExt::remote_links`].
//!
//! Both end in a [`Link`], whose [`Qr`] code can be shown in a terminal or on a page.
//!
//! This crate must never know what a hub is made of: no web framework, no database, no rendering of pages.

mod always;
mod bridge;
mod control;
mod doctor;
mod error;
mod heal;
mod link;
mod qr;
mod sharing;
mod target;

pub use always::{RemoteBuilderExt, RemoteClientExt, RemoteLink};
pub use bridge::{Bridge, BridgeBuilder, BridgeHandle, BridgeState, BridgeStatus, HubEndpoint};
pub use control::{RemoteControl, RemoteExt, RemoteStatus};
pub use doctor::{Check, CheckName, CheckOutcome, Doctor, Report, doctor};
pub use error::RemoteError;
pub use groundlink_protocol::mc::{ExporterInfo, Suggestion};
pub use groundlink_session::RemoteMode;
pub use link::Link;
pub use qr::{Qr, TerminalTheme};
pub use target::{HubSource, RemoteTarget, RemoteWay, WayReason};

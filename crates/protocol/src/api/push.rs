//! Notifications by Web Push, and which pages are being looked at.

use serde::{Deserialize, Serialize};

use super::{Device, RequestKind};
use crate::Secret;

/// What a browser needs to subscribe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushSetup {
    /// The hub's public key (RFC 8292), as `applicationServerKey` wants it: an uncompressed P-256 point in Base64url.
    pub public_key: String,
}

/// A browser's subscription, and what it is to be told. The endpoint and the keys are a right to send and to read, so
/// they are not printed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PushSubscription {
    /// Where the browser's push service takes messages.
    pub endpoint: Secret,
    /// The browser's public key, an uncompressed P-256 point in Base64url.
    pub p256dh: Secret,
    /// The 16 bytes that browser and hub share, in Base64url.
    pub auth: Secret,
    /// Whose it is.
    pub device: Device,
    /// Tell what is asked and by which session; otherwise only that a session needs somebody.
    #[serde(default)]
    pub content: bool,
    /// Tell also when a turn is done.
    #[serde(default)]
    pub done: bool,
}

/// What the hub knows of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushState {
    /// What is asked is told.
    pub content: bool,
    /// The end of a turn is told, too.
    pub done: bool,
    /// When it was made, or made again.
    pub since_ms: u64,
}

/// Whether somebody looks at a page that shows the session, or at the list of all. It holds for 25 seconds, so a page
/// that is looked at says so again every 10.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FocusReport {
    /// The device that shows the page.
    pub device: Device,
    /// The page, among those of the device. Up to 64 characters.
    pub page: String,
    /// It is in view and has the focus. `false`: it was just left.
    pub focused: bool,
}

/// Why somebody is notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PushReason {
    /// The session waits for an answer.
    NeedsYou,
    /// A turn failed.
    Failed,
    /// A turn is done.
    Done,
    /// A word of a newer hub.
    #[serde(other)]
    Unknown,
}

/// What a message says once the browser has decrypted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushMessage {
    /// The session. Its id leads nowhere without a link.
    pub session_id: String,
    /// Why.
    pub reason: PushReason,
    /// When it was sent, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it is about, if the person wants that told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<PushContent>,
}

/// What a message is about. Characters that draw nothing, or move what others draw, are written as their code point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushContent {
    /// What people call the session.
    pub session: String,
    /// What is asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RequestKind>,
    /// Of a permission: what for, in the CLI's words (`shell`, `write`, `url`, ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The command, the question, the error: one line, cut to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How many more requests wait.
    #[serde(default)]
    pub more: u32,
}

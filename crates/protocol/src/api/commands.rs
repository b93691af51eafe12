//! What viewers want done, and what became of it.

use serde::{Deserialize, Serialize};

use super::{Delivery, Device};

/// Something that a viewer wants done.
///
/// ```
/// use groundlink_protocol::api::{CommandAction, CommandIntent, Delivery};
///
/// let action = CommandAction::UserMessage { content: "please add a test".into(), delivery: Delivery::Queue };
/// let intent = CommandIntent::new("my-phone-17", action);
/// assert_eq!(
///     serde_json::to_string(&intent).unwrap(),
///     r#"{"client_id":"my-phone-17","type":"user_message","content":"please add a test"}"#,
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandIntent {
    /// Made by the client, 1 to 64 characters, new for each intent. Sending the same one again (after a
    /// lost answer, say) does nothing new and answers with the first one's receipt.
    pub client_id: String,
    /// What is wanted.
    #[serde(flatten)]
    pub action: CommandAction,
    /// With an answer: the [`PendingRequest::digest`](super::PendingRequest::digest) of what the person saw. If the pending request has another
    /// one, the answer is refused ([`problem::DIGEST_MISMATCH`](super::problem::DIGEST_MISMATCH)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Who gives it. Kept in the audit and shown to the other devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}

impl CommandIntent {
    /// An intent without digest and device.
    pub fn new(client_id: impl Into<String>, action: CommandAction) -> Self {
        Self { client_id: client_id.into(), action, digest: None, device: None }
    }
}

/// Other words for a message that still waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEdit {
    /// The whole text.
    pub content: String,
    /// Who changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}

/// The kinds of [`CommandIntent`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommandAction {
    /// A message to the agent: starts a turn, or joins the running one.
    UserMessage {
        /// The text.
        content: String,
        /// Whether it waits for the end of a running turn.
        #[serde(default, skip_serializing_if = "Delivery::is_queue")]
        delivery: Delivery,
    },
    /// Stop the running turn.
    Abort {},
    /// Change the agent mode.
    ModeSwitch {
        /// `interactive`, `plan` or `autopilot`.
        mode: String,
    },
    /// Change the model.
    ModelSwitch {
        /// The id of one of the exporter's models.
        model: String,
    },
    /// Answer a permission request.
    PermissionResponse {
        /// Which request.
        request_id: String,
        /// Whether the agent may.
        approved: bool,
        /// `once` (also when absent) or `session`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
        /// Words for the agent with a refusal. Where the exporter cannot pass them on, the hub sends them as a message
        /// after it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feedback: Option<String>,
    },
    /// Answer a question.
    AskUserResponse {
        /// Which request.
        request_id: String,
        /// The answer.
        answer: String,
        /// The answer was typed, not chosen.
        #[serde(default)]
        freeform: bool,
    },
    /// Answer a form.
    ElicitationResponse {
        /// Which request.
        request_id: String,
        /// `accept`, `decline` or `cancel`.
        action: String,
        /// The filled form, with `accept`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<serde_json::Value>,
    },
    /// Answer a plan.
    PlanApprovalResponse {
        /// Which request.
        request_id: String,
        /// Whether to go on with the plan.
        approved: bool,
        /// One of the offered actions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selected_action: Option<String>,
        /// What to change, with a refusal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feedback: Option<String>,
    },
}

impl CommandAction {
    /// The word in `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UserMessage { .. } => "user_message",
            Self::Abort {} => "abort",
            Self::ModeSwitch { .. } => "mode_switch",
            Self::ModelSwitch { .. } => "model_switch",
            Self::PermissionResponse { .. } => "permission_response",
            Self::AskUserResponse { .. } => "ask_user_response",
            Self::ElicitationResponse { .. } => "elicitation_response",
            Self::PlanApprovalResponse { .. } => "plan_approval_response",
        }
    }

    /// The request that an answer is for.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::PermissionResponse { request_id, .. }
            | Self::AskUserResponse { request_id, .. }
            | Self::ElicitationResponse { request_id, .. }
            | Self::PlanApprovalResponse { request_id, .. } => Some(request_id),
            Self::UserMessage { .. } | Self::Abort {} | Self::ModeSwitch { .. } | Self::ModelSwitch { .. } => None,
        }
    }
}

/// How far a command has come. All but the first two are ends. What was concluded from the session's silence
/// ([`Unknown`](Self::Unknown), and [`Rejected`](Self::Rejected) for want of an effect) may still turn into
/// [`Applied`](Self::Applied) or [`Superseded`](Self::Superseded), when the proof comes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommandState {
    /// Stored; the exporter has not fetched it yet.
    Accepted,
    /// Handed to the exporter.
    Delivered,
    /// The agent did it.
    Applied,
    /// The agent did not take it; the receipt says why.
    Rejected,
    /// Nobody fetched it in time.
    Expired,
    /// The request was answered elsewhere, or closed, before this answer got there.
    Superseded,
    /// Somebody took it back before the exporter fetched it.
    Cancelled,
    /// The exporter fetched it, and nothing was heard that shows whether it was done.
    Unknown,
    /// A word of a newer hub.
    #[serde(other)]
    Other,
}

impl CommandState {
    /// Whether the command is at its end.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Accepted | Self::Delivered | Self::Other)
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }
}

impl std::fmt::Display for CommandState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a [`CommandIntent`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReceipt {
    /// The hub's name for the command.
    pub id: String,
    /// The client's name for it.
    pub client_id: String,
    /// The kind, as in [`CommandAction::kind`].
    #[serde(rename = "type")]
    pub kind: String,
    /// How far it has come.
    pub state: CommandState,
    /// Why it was rejected, expired, superseded, cancelled, or why its outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The request that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The command that it is a part of: the words that go with a refusal follow it as a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// When the hub took it in.
    #[serde(default)]
    pub accepted_at_ms: u64,
    /// When the exporter fetched it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at_ms: Option<u64>,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
}

/// One line of a session's audit, which only ever grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Counts up from 1 within the session.
    pub n: u64,
    /// When it happened, by the hub's clock.
    pub at_ms: u64,
    /// What happened to the command: one of the words of [`CommandState`], or `refused`, `edited`. Of the session itself:
    /// `renamed`, `archived`, `unarchived`, `deleted`.
    pub outcome: String,
    /// The hub's name for the command; absent when it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The command's type, as in [`CommandAction::kind`]; `session` where it is about the session itself.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who did it; absent when the device did not say, and when nobody at the link did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The request that was to be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What it was about: the beginning of a message, the answer and what was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The reason of a refusal or a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A stretch of a session's audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The entries after the asked-for number, in order; empty only when there are no more.
    pub entries: Vec<AuditEntry>,
    /// The number of the last entry; 0 when there is none.
    pub last: u64,
}

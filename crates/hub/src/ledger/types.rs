//! What goes into a [`Ledger`](super::Ledger) and comes out of it.

use groundlink_protocol::api::{CommandReceipt, CommandState};

/// How much of a finished message is kept.
const FINISHED_TEXT: usize = 4_096;

/// What a command is about. The words are those of the Mission Control wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandKind {
    UserMessage,
    Abort,
    ModeSwitch,
    PermissionResponse,
    AskUserResponse,
    ElicitationResponse,
    PlanApprovalResponse,
}

impl CommandKind {
    const ALL: [Self; 7] = [
        Self::UserMessage,
        Self::Abort,
        Self::ModeSwitch,
        Self::PermissionResponse,
        Self::AskUserResponse,
        Self::ElicitationResponse,
        Self::PlanApprovalResponse,
    ];

    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UserMessage => "user_message",
            Self::Abort => "abort",
            Self::ModeSwitch => "mode_switch",
            Self::PermissionResponse => "permission_response",
            Self::AskUserResponse => "ask_user_response",
            Self::ElicitationResponse => "elicitation_response",
            Self::PlanApprovalResponse => "plan_approval_response",
        }
    }

    /// The kind with this word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Answers a request.
    pub(crate) fn is_answer(self) -> bool {
        !matches!(self, Self::UserMessage | Self::Abort | Self::ModeSwitch)
    }

    /// Keeps its place behind others: the order of these matters to the one who sent them.
    pub(crate) fn is_queued(self) -> bool {
        matches!(self, Self::UserMessage | Self::ModeSwitch)
    }
}

/// What a command wants to be the outcome, to compare with what happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Yes or no.
    Approved(bool),
    /// A text, an action, a mode.
    Word(String),
}

/// How a request came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Somebody answered; `None` when the events do not say what.
    Answered(Option<Answer>),
    /// The turn ended, or the session.
    Dropped,
}

/// What an event proves about commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A message arrived in the session, and says which command brought it.
    Message { command_id: String },
    /// A turn was aborted on a remote command.
    Aborted,
    /// The mode is now this.
    Mode { mode: String },
    /// A request is no longer open.
    Closed { request_id: String, tool_call_id: Option<String>, how: Closing },
}

/// Why a command is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another answer to the same request is on its way.
    AlreadyAnswering,
    /// Too many commands are open.
    TooMany,
}

/// A command on its way into the ledger.
#[derive(Debug, Clone)]
pub(crate) struct NewCommand {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) kind: CommandKind,
    /// What the exporter gets.
    pub(crate) content: String,
    pub(crate) request_id: Option<String>,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) answer: Option<Answer>,
    /// The session's last event at this moment: the command's place in the history.
    pub(crate) at_seq: u64,
}

/// A command in the ledger. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Place in the order of acceptance, from 1.
    pub(crate) order: u64,
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) kind: CommandKind,
    /// What the exporter gets. At the end only the beginning of a message is kept, to show what became of it.
    pub(crate) content: String,
    pub(crate) request_id: Option<String>,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) answer: Option<Answer>,
    pub(crate) state: CommandState,
    pub(crate) reason: Option<String>,
    pub(crate) at_seq: u64,
    pub(crate) accepted_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) delivered_at: Option<u64>,
    pub(crate) acknowledged_at: Option<u64>,
    pub(crate) attempts: u32,
}

impl Entry {
    /// Not at its end yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.state.is_final()
    }

    /// The words of a message, or the mode that was asked for.
    pub(crate) fn text(&self) -> Option<&str> {
        match (self.kind, &self.answer) {
            (CommandKind::UserMessage, _) => Some(&self.content),
            (CommandKind::ModeSwitch, Some(Answer::Word(mode))) => Some(mode),
            _ => None,
        }
    }

    /// Drops what nobody needs of a finished command.
    pub(super) fn shorten(&mut self) {
        let keep = if self.kind == CommandKind::UserMessage { FINISHED_TEXT } else { 0 };
        self.content.truncate(self.content.floor_char_boundary(keep));
        self.content.shrink_to_fit();
    }

    /// What the client gets to see.
    pub(crate) fn receipt(&self) -> CommandReceipt {
        CommandReceipt {
            id: self.id.clone(),
            client_id: self.client_id.clone(),
            kind: self.kind.as_str().to_owned(),
            state: self.state,
            reason: self.reason.clone(),
        }
    }
}

/// The ledger's times and bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a hand-out is nobody else's.
    pub(crate) lease_ms: u64,
    /// How long a command waits to be fetched.
    pub(crate) ttl_ms: u64,
    /// The same for an abort, which would do harm late.
    pub(crate) abort_ttl_ms: u64,
    /// Commands of a session that may be open at a time.
    pub(crate) open: usize,
    /// Answers in one poll answer.
    pub(crate) batch: usize,
    /// Hand-outs of one command.
    pub(crate) attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lease_ms: 15_000, ttl_ms: 24 * 3_600_000, abort_ttl_ms: 120_000, open: 100, batch: 16, attempts: 5 }
    }
}

//! What goes into a [`Ledger`](super::Ledger) and comes out of it.

use groundlink_protocol::api::{CommandReceipt, CommandState, Delivery, Device, QueuedMessage};

/// How much of a finished message is kept.
const FINISHED_TEXT: usize = 4_096;

/// What a command is about. The words are those of the Mission Control wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandKind {
    UserMessage,
    Abort,
    ModeSwitch,
    ModelSwitch,
    PermissionResponse,
    AskUserResponse,
    ElicitationResponse,
    PlanApprovalResponse,
}

impl CommandKind {
    const ALL: [Self; 8] = [
        Self::UserMessage,
        Self::Abort,
        Self::ModeSwitch,
        Self::ModelSwitch,
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
            Self::ModelSwitch => "model_switch",
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
        matches!(
            self,
            Self::PermissionResponse | Self::AskUserResponse | Self::ElicitationResponse | Self::PlanApprovalResponse
        )
    }

    /// Goes to the session one after the other: their order matters to the one who sent them.
    pub(crate) fn is_lined_up(self) -> bool {
        matches!(self, Self::UserMessage | Self::ModeSwitch | Self::ModelSwitch)
    }

    /// The CLI knows it. Others are handed only to an exporter that names them.
    pub(crate) fn is_of_the_cli(self) -> bool {
        self != Self::ModelSwitch
    }
}

/// What a command wants to be the outcome, to compare with what happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Yes or no.
    Approved(bool),
    /// A text, an action, a mode, a model.
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
    /// A turn was aborted, `remote`: on a remote command.
    Aborted { remote: bool },
    /// The mode is now this.
    Mode { mode: String },
    /// The model is now this.
    Model { model: String },
    /// A request is no longer open.
    Closed { request_id: String, tool_call_id: Option<String>, how: Closing },
}

/// What the session is like at a moment, as far as it bears on commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// No turn is running, and nothing waits for a person.
    pub(crate) idle: bool,
    /// The agent mode, where the session has told it.
    pub(crate) mode: Option<String>,
    /// The model.
    pub(crate) model: Option<String>,
    /// The exporter takes `model_switch`.
    pub(crate) switches_models: bool,
}

/// Why a command is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another answer to the same request is on its way.
    AlreadyAnswering,
    /// Too many commands are open.
    TooMany,
}

/// Why a command cannot be changed or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixed {
    /// No such command is remembered.
    NotThere,
    /// Only messages have words to change.
    NoMessage,
    /// The exporter has fetched it.
    Delivered,
    /// It is at its end.
    Ended(CommandState),
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
    pub(crate) delivery: Delivery,
    pub(crate) device: Option<Device>,
    /// What it is about, for people.
    pub(crate) subject: Option<String>,
    /// A message to send once it is applied.
    pub(crate) follow: Option<String>,
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
    pub(crate) ended_at: Option<u64>,
    pub(crate) attempts: u32,
    pub(crate) delivery: Delivery,
    pub(crate) device: Option<Device>,
    pub(crate) subject: Option<String>,
    pub(crate) follow: Option<String>,
    /// The command that this one is a part of.
    pub(crate) part_of: Option<String>,
    /// Who changed it or took it back, until that is stored.
    pub(crate) actor: Option<Device>,
}

impl Entry {
    /// Not at its end yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.state.is_final()
    }

    /// At an end that was concluded from the session's silence.
    pub(super) fn is_in_doubt(&self) -> bool {
        matches!(self.state, CommandState::Unknown | CommandState::Rejected) && self.delivered_at.is_some()
    }

    /// In the exporter's hand, and not heard of since.
    pub(super) fn is_out(&self) -> bool {
        self.state == CommandState::Delivered && self.acknowledged_at.is_none()
    }

    /// Waits at the hub for the session to be idle.
    pub(super) fn waits_for_idle(&self) -> bool {
        self.kind == CommandKind::UserMessage && self.delivery != Delivery::Steer
    }

    /// The words of a message, or the mode or model that was asked for.
    pub(crate) fn text(&self) -> Option<&str> {
        match (self.kind, &self.answer) {
            (CommandKind::UserMessage, _) => Some(&self.content),
            (CommandKind::ModeSwitch | CommandKind::ModelSwitch, Some(Answer::Word(word))) => Some(word),
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
            device: self.device.clone(),
            request_id: self.request_id.clone(),
            part_of: self.part_of.clone(),
            accepted_at_ms: self.accepted_at,
            delivered_at_ms: self.delivered_at,
            ended_at_ms: self.ended_at,
        }
    }

    /// A message that is shown as waiting.
    pub(crate) fn queued(&self) -> QueuedMessage {
        QueuedMessage {
            id: self.id.clone(),
            client_id: self.client_id.clone(),
            content: self.content.clone(),
            delivery: self.delivery,
            state: self.state,
            editable: self.state == CommandState::Accepted,
            device: self.device.clone(),
            part_of: self.part_of.clone(),
            accepted_at_ms: self.accepted_at,
        }
    }
}

/// The beginning of a text, for a line.
pub(crate) fn start_of(text: &str) -> String {
    /// Longer ones are cut.
    const LENGTH: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= LENGTH {
        return line;
    }
    format!("{}…", &line[..line.floor_char_boundary(LENGTH)])
}

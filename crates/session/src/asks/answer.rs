//! What a handler said, on its way to the CLI.

use groundlink_protocol::RawJson;
use secrecy::SecretString;

use crate::answers::{
    self, AutoModeAnswer, ElicitationAnswer, LimitsAnswer, PermissionDecision, PlanDecision, UserAnswer,
};
use crate::handlers::{HandlerKind, McpAuthAnswer};
use crate::line::Line;
use crate::{SessionError, ToolResult};

/// What a handler said.
pub(super) enum Answer {
    Permission(PermissionDecision),
    Tool(ToolResult),
    UserInput(Option<UserAnswer>),
    Elicitation(ElicitationAnswer),
    Plan(PlanDecision),
    AutoMode(AutoModeAnswer),
    Limits(LimitsAnswer),
    Sampling(Option<RawJson>),
    McpAuth(McpAuthAnswer),
    Command(Result<(), String>),
    /// Nobody answers the question.
    NoResponse,
}

/// What became of it.
pub(super) enum Sent {
    First,
    Late,
    /// There is no call that says "nobody"; the direct request does.
    Nothing,
}

impl Answer {
    /// What is answered in the place of a handler that failed: nothing may happen because of it.
    pub(super) fn closed(kind: HandlerKind) -> Self {
        match kind {
            HandlerKind::Permission => Self::Permission(PermissionDecision::reject_with(
                "The program that decides about permissions failed; the tool was not run.",
            )),
            HandlerKind::Tool => Self::Tool(ToolResult::error("the program that runs this tool failed")),
            HandlerKind::Elicitation => Self::Elicitation(ElicitationAnswer::Cancel),
            HandlerKind::Plan => Self::Plan(PlanDecision::reject(None)),
            HandlerKind::AutoModeSwitch => Self::AutoMode(AutoModeAnswer::No),
            HandlerKind::SessionLimits => Self::Limits(LimitsAnswer::Cancel),
            HandlerKind::Sampling => Self::Sampling(None),
            HandlerKind::McpAuth => Self::McpAuth(McpAuthAnswer::Cancelled),
            HandlerKind::Command => Self::Command(Err("the program that runs this command failed".to_owned())),
            _ => Self::NoResponse,
        }
    }

    /// Whether the CLI could read it.
    pub(super) fn check(&self) -> Result<(), SessionError> {
        match self {
            Self::Permission(decision) => decision.check(),
            Self::Limits(answer) => answer.check(),
            _ => Ok(()),
        }
    }

    /// What of it nobody else is to see.
    pub(super) fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::McpAuth(McpAuthAnswer::Token(token)) => Some(&token.token),
            _ => None,
        }
    }

    pub(super) async fn send(self, line: &Line, session: &str, request_id: &str) -> Result<Sent, SessionError> {
        let first = match self {
            Self::Permission(decision) => answers::send_permission(line, session, request_id, &decision).await?,
            Self::Tool(result) => answers::send_tool(line, session, request_id, result).await?,
            Self::UserInput(Some(answer)) => answers::send_user_input(line, session, request_id, &answer).await?,
            Self::Elicitation(answer) => answers::send_elicitation(line, session, request_id, &answer).await?,
            Self::Plan(decision) => answers::send_plan(line, session, request_id, &decision).await?,
            Self::AutoMode(answer) => answers::send_auto_mode(line, session, request_id, answer).await?,
            Self::Limits(answer) => answers::send_limits(line, session, request_id, answer).await?,
            Self::Sampling(message) => answers::send_sampling(line, session, request_id, message).await?,
            Self::McpAuth(answer) => answers::send_mcp_auth(line, session, request_id, &answer).await?,
            Self::Command(end) => answers::send_command(line, session, request_id, end).await?,
            Self::UserInput(None) | Self::NoResponse => return Ok(Sent::Nothing),
        };
        Ok(if first { Sent::First } else { Sent::Late })
    }
}

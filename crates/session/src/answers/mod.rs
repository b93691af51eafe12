//! Answers to what the agent asks. Only what the CLI understands can be expressed: a decision of an
//! unknown kind would be accepted by it and then break the tool call.

mod limits;
mod send;

use groundlink_protocol::RawJson;
use groundlink_protocol::types::PermissionRequest;
pub use limits::{AutoModeAnswer, LimitsAnswer};
pub(crate) use send::{
    check_call, send_auto_mode, send_command, send_elicitation, send_limits, send_mcp_auth, send_permission, send_plan,
    send_sampling, send_tool, send_user_input,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::SessionError;

/// The answer to a permission request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PermissionDecision {
    /// Yes, this once.
    ApproveOnce,
    /// Yes, and do not ask again in this session for what `approval` covers.
    ApproveForSession {
        /// What is covered.
        approval: Approval,
    },
    /// Yes, and do not ask again at this place (a repository or directory) for what `approval` covers.
    #[serde(rename_all = "camelCase")]
    ApproveForLocation {
        /// What is covered.
        approval: Approval,
        /// The repository's root, or the working directory.
        location_key: String,
    },
    /// Yes, always, for this domain. For requests of kind `url` only.
    ApprovePermanently {
        /// The domain.
        domain: String,
    },
    /// No. The tool call fails and the agent is told.
    Reject {
        /// Words for the agent: why not, or what to do instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        feedback: Option<String>,
    },
    /// Nobody is there to ask. The tool call fails.
    UserNotAvailable,
    /// No answer from here: other clients, the terminal or a browser decide. Only for handlers; it cannot be sent.
    #[serde(skip)]
    Leave,
}

impl PermissionDecision {
    /// No, without words.
    pub fn reject() -> Self {
        Self::Reject { feedback: None }
    }

    /// No, with words for the agent.
    pub fn reject_with(feedback: impl Into<String>) -> Self {
        Self::Reject { feedback: Some(feedback.into()) }
    }

    /// Yes, and do not ask again in this session for the like; just this once where the CLI has no
    /// word for what would be covered.
    pub fn approve_for_session(request: &PermissionRequest) -> Self {
        match Approval::covering(request) {
            Some(approval) => Self::ApproveForSession { approval },
            None => Self::ApproveOnce,
        }
    }

    /// Whether it lets the tool run.
    pub fn is_approval(&self) -> bool {
        !matches!(self, Self::Reject { .. } | Self::UserNotAvailable | Self::Leave)
    }

    pub(crate) fn check(&self) -> Result<(), SessionError> {
        match self {
            Self::ApproveForSession { approval } => approval.check(),
            Self::ApproveForLocation { approval, location_key } => {
                approval.check()?;
                not_empty("location_key", location_key)
            }
            Self::ApprovePermanently { domain } => not_empty("domain", domain),
            Self::ApproveOnce | Self::Reject { .. } | Self::UserNotAvailable => Ok(()),
            Self::Leave => Err(SessionError::invalid("decision", "`Leave` is no answer; answer nothing instead")),
        }
    }
}

/// What a lasting approval covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Approval {
    /// These shell commands, by the identifiers that the request lists.
    Commands {
        /// Identifiers, as in `permissionRequest.commands`.
        command_identifiers: Vec<String>,
    },
    /// Reading files.
    Read,
    /// Writing files.
    Write,
    /// A tool of an MCP server; all of its tools without a name.
    Mcp {
        /// The server.
        server_name: String,
        /// The tool.
        tool_name: Option<String>,
    },
    /// Writing to long-term memory.
    Memory,
    /// A tool that a client declared.
    CustomTool {
        /// The tool.
        tool_name: String,
    },
}

impl Approval {
    /// What a lasting approval of `request` would cover: the very shell commands, all writes, all
    /// reads, the one tool. `None` for kinds without a lasting approval.
    pub fn covering(request: &PermissionRequest) -> Option<Self> {
        match request {
            PermissionRequest::Shell(shell) if !shell.commands.is_empty() => Some(Self::Commands {
                command_identifiers: shell.commands.iter().map(|c| c.identifier.clone()).collect(),
            }),
            PermissionRequest::Write(_) => Some(Self::Write),
            PermissionRequest::Read(_) => Some(Self::Read),
            PermissionRequest::Memory(_) => Some(Self::Memory),
            PermissionRequest::Mcp(mcp) => {
                Some(Self::Mcp { server_name: mcp.server_name.clone(), tool_name: Some(mcp.tool_name.clone()) })
            }
            PermissionRequest::CustomTool(tool) => Some(Self::CustomTool { tool_name: tool.tool_name.clone() }),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SessionError> {
        match self {
            Self::Commands { command_identifiers } if command_identifiers.is_empty() => {
                Err(SessionError::invalid("command_identifiers", "it is empty: name at least one command"))
            }
            Self::Mcp { server_name, .. } => not_empty("server_name", server_name),
            Self::CustomTool { tool_name } => not_empty("tool_name", tool_name),
            _ => Ok(()),
        }
    }
}

/// The answer to a question of the agent's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserAnswer {
    /// One of the choices, or the person's own words.
    pub answer: String,
    /// Whether they are the person's own words.
    pub was_freeform: bool,
}

impl UserAnswer {
    /// One of the choices.
    pub fn choice(answer: impl Into<String>) -> Self {
        Self { answer: answer.into(), was_freeform: false }
    }

    /// The person's own words.
    pub fn freeform(answer: impl Into<String>) -> Self {
        Self { answer: answer.into(), was_freeform: true }
    }
}

/// The answer to a form (an elicitation).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ElicitationAnswer {
    /// Filled in: a JSON object that fits the requested schema.
    Accept(Option<RawJson>),
    /// The person does not want to answer.
    Decline,
    /// The person closed the form.
    Cancel,
}

impl ElicitationAnswer {
    /// Filled in with `content`.
    pub fn accept(content: &impl Serialize) -> Result<Self, SessionError> {
        let content = serde_json::value::to_raw_value(content)
            .map_err(|error| SessionError::invalid("content", error.to_string()))?;
        Ok(Self::Accept(Some(content)))
    }

    pub(crate) fn wire(&self) -> ElicitationWire<'_> {
        match self {
            Self::Accept(content) => ElicitationWire { action: "accept", content: content.as_deref() },
            Self::Decline => ElicitationWire { action: "decline", content: None },
            Self::Cancel => ElicitationWire { action: "cancel", content: None },
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ElicitationWire<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a RawValue>,
}

/// The answer to a plan that the agent wants approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct PlanDecision {
    /// Whether to go on with the plan.
    pub approved: bool,
    /// One of the offered actions, such as `interactive`, `autopilot` or `exit_only`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_action: Option<String>,
    /// Words for the agent; with `approved: false` it stays in plan mode and revises.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
}

impl PlanDecision {
    /// Go on, with one of the offered actions.
    pub fn approve(action: impl Into<String>) -> Self {
        Self { approved: true, selected_action: Some(action.into()), feedback: None }
    }

    /// Do not; with words, the agent revises its plan.
    pub fn reject(feedback: Option<String>) -> Self {
        Self { approved: false, selected_action: None, feedback }
    }
}

fn not_empty(field: &'static str, value: &str) -> Result<(), SessionError> {
    if value.trim().is_empty() { Err(SessionError::invalid(field, "it is empty")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_on_the_wire() {
        let table: &[(PermissionDecision, &str)] = &[
            (PermissionDecision::ApproveOnce, r#"{"kind":"approve-once"}"#),
            (
                PermissionDecision::ApproveForSession {
                    approval: Approval::Commands { command_identifiers: vec!["ls".to_owned()] },
                },
                r#"{"kind":"approve-for-session","approval":{"kind":"commands","commandIdentifiers":["ls"]}}"#,
            ),
            (
                PermissionDecision::ApproveForLocation {
                    approval: Approval::Mcp { server_name: "s".to_owned(), tool_name: None },
                    location_key: "k".to_owned(),
                },
                r#"{"kind":"approve-for-location","approval":{"kind":"mcp","serverName":"s","toolName":null},"locationKey":"k"}"#,
            ),
            (
                PermissionDecision::ApproveForSession { approval: Approval::CustomTool { tool_name: "t".to_owned() } },
                r#"{"kind":"approve-for-session","approval":{"kind":"custom-tool","toolName":"t"}}"#,
            ),
            (PermissionDecision::reject(), r#"{"kind":"reject"}"#),
            (PermissionDecision::reject_with("no"), r#"{"kind":"reject","feedback":"no"}"#),
            (PermissionDecision::UserNotAvailable, r#"{"kind":"user-not-available"}"#),
            (
                PermissionDecision::ApprovePermanently { domain: "example.com".to_owned() },
                r#"{"kind":"approve-permanently","domain":"example.com"}"#,
            ),
        ];
        for (decision, wire) in table {
            decision.check().unwrap();
            assert_eq!(serde_json::to_string(decision).unwrap(), *wire);
        }
    }

    #[test]
    fn decisions_that_would_break_the_tool_call_are_refused() {
        let approve = |approval| PermissionDecision::ApproveForSession { approval };
        let table = [
            approve(Approval::Commands { command_identifiers: Vec::new() }),
            approve(Approval::Mcp { server_name: " ".to_owned(), tool_name: None }),
            approve(Approval::CustomTool { tool_name: String::new() }),
            PermissionDecision::ApprovePermanently { domain: String::new() },
            PermissionDecision::ApproveForLocation { approval: Approval::Read, location_key: String::new() },
        ];
        for decision in table {
            assert!(matches!(decision.check(), Err(SessionError::Invalid { .. })), "{decision:?}");
        }
    }

    #[test]
    fn other_answers_on_the_wire() {
        let json = |value: &dyn erased::Json| value.json();
        assert_eq!(json(&UserAnswer::choice("red")), r#"{"answer":"red","wasFreeform":false}"#);
        assert_eq!(json(&PlanDecision::approve("interactive")), r#"{"approved":true,"selectedAction":"interactive"}"#);
        assert_eq!(json(&PlanDecision::reject(None)), r#"{"approved":false}"#);
        let filled = ElicitationAnswer::accept(&serde_json::json!({"ok": true})).unwrap();
        assert_eq!(json(&filled.wire()), r#"{"action":"accept","content":{"ok":true}}"#);
        assert_eq!(json(&ElicitationAnswer::Cancel.wire()), r#"{"action":"cancel"}"#);
    }

    mod erased {
        pub(super) trait Json {
            fn json(&self) -> String;
        }
        impl<T: serde::Serialize> Json for T {
            fn json(&self) -> String {
                serde_json::to_string(self).unwrap()
            }
        }
    }
}

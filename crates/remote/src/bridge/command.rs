//! From a command of the hub's to what is to be done with the session.

use groundlink_protocol::mc::{
    AskUserResponse, Command, CommandType, ElicitationResponse, ModeSwitch, ModelChoice, ModelSwitch,
    PermissionResponse, PermissionScope, PlanApprovalResponse,
};
use groundlink_protocol::types::{ElicitationAction, SessionMode};
use groundlink_session::{ElicitationAnswer, PermissionDecision, PlanDecision, UserAnswer};
use serde::de::DeserializeOwned;

use super::prompts::{PromptKind, Prompts};

/// One thing to do with a session.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A message: starts a turn, or joins the running one; `enqueue`: waits for its end.
    Send { text: String, source: String, enqueue: bool },
    /// Stop the turn.
    Abort,
    /// Change the mode.
    SetMode(SessionMode),
    /// Change the model.
    SetModel(String),
    /// Answer a permission request.
    Permission { request_id: String, decision: PermissionDecision },
    /// Answer a question.
    UserInput { request_id: String, answer: UserAnswer },
    /// Answer a form.
    Elicitation { request_id: String, answer: ElicitationAnswer },
    /// Answer a plan approval.
    Plan { request_id: String, decision: PlanDecision },
}

/// The `source` of the `user.message` that a command becomes: the proof that it was applied.
pub(crate) fn source_of(command_id: &str) -> String {
    format!("command-{command_id}")
}

/// What `command` asks for, or why it cannot be done.
///
/// Stricter than the CLI, which takes a type it does not know for a message to the model: a command of a
/// newer hub must not end up as one.
pub(crate) fn plan(command: &Command, prompts: &Prompts, models: &[ModelChoice]) -> Result<Action, String> {
    match &command.kind {
        CommandType::UserMessage => Ok(Action::Send {
            text: command.content.clone(),
            source: source_of(&command.id),
            // Without a word it is as with the CLI's own exporter: the message joins the running turn.
            enqueue: command.delivery.as_deref() == Some("queue"),
        }),
        CommandType::Abort => Ok(Action::Abort),
        CommandType::ModeSwitch => match content::<ModeSwitch>(command)?.mode {
            SessionMode::Unknown(mode) => {
                Err(format!("there is no mode `{mode}`; choose interactive, plan or autopilot"))
            }
            mode => Ok(Action::SetMode(mode)),
        },
        CommandType::PermissionResponse => {
            let content: PermissionResponse = content(command)?;
            let target = prompts.resolve(PromptKind::Permission, &content.prompt_id)?;
            let decision = match (content.approved, content.scope, target.lasting) {
                (Some(true), Some(PermissionScope::Session), Some(approval)) => {
                    PermissionDecision::ApproveForSession { approval }
                }
                // What cannot be approved for the session is approved once: it asks again, which is safe.
                (Some(true), ..) => PermissionDecision::ApproveOnce,
                _ => PermissionDecision::Reject { feedback: content.feedback.filter(|text| !text.is_empty()) },
            };
            Ok(Action::Permission { request_id: target.request_id, decision })
        }
        CommandType::AskUserResponse => {
            let content: AskUserResponse = content(command)?;
            let target = prompts.resolve(PromptKind::UserInput, &content.prompt_id)?;
            let answer = content.answer.ok_or("the answer is missing")?;
            let was_freeform = content.was_freeform.unwrap_or(false);
            Ok(Action::UserInput { request_id: target.request_id, answer: UserAnswer { answer, was_freeform } })
        }
        CommandType::ElicitationResponse => {
            let content: ElicitationResponse = content(command)?;
            let target = prompts.resolve(PromptKind::Elicitation, &content.prompt_id)?;
            let answer = match content.action {
                ElicitationAction::Accept => ElicitationAnswer::Accept(content.content),
                ElicitationAction::Decline => ElicitationAnswer::Decline,
                ElicitationAction::Cancel => ElicitationAnswer::Cancel,
                ElicitationAction::Unknown(action) => {
                    return Err(format!("a form cannot be answered by `{action}`; use accept, decline or cancel"));
                }
            };
            Ok(Action::Elicitation { request_id: target.request_id, answer })
        }
        CommandType::PlanApprovalResponse => {
            let content: PlanApprovalResponse = content(command)?;
            let target = prompts.resolve(PromptKind::Plan, &content.prompt_id)?;
            let decision = PlanDecision {
                approved: content.approved.unwrap_or(false),
                selected_action: content.selected_action.map(|action| action.as_str().to_owned()),
                feedback: content.feedback.filter(|text| !text.is_empty()),
            };
            Ok(Action::Plan { request_id: target.request_id, decision })
        }
        CommandType::ModelSwitch => {
            let ModelSwitch { model, .. } = content(command)?;
            // The CLI takes any name, and fails in the next turn.
            if models.iter().any(|choice| choice.id == model) {
                return Ok(Action::SetModel(model));
            }
            let known: Vec<&str> = models.iter().map(|choice| choice.id.as_str()).collect();
            Err(if known.is_empty() {
                "this session has no models to choose from".to_owned()
            } else {
                format!("there is no model `{model}`; choose {}", known.join(" or "))
            })
        }
        CommandType::Unknown(other) => {
            Err(format!("this version of groundlink has no command `{other}`; update it on the machine of the session"))
        }
    }
}

/// The structured content of a command: JSON in a string.
fn content<T: DeserializeOwned>(command: &Command) -> Result<T, String> {
    serde_json::from_str(&command.content)
        .map_err(|error| format!("the content of the command is not what `{}` needs: {error}", command.kind.as_str()))
}

#[cfg(test)]
mod tests;

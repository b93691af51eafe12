//! Reading an intent, with errors that help.

use axum::http::StatusCode;
use groundlink_protocol::api::{CommandAction, CommandIntent};

use crate::problem::Failure;

const MAX_CLIENT_ID: usize = 64;
const MODES: [&str; 3] = ["interactive", "plan", "autopilot"];
const SCOPES: [&str; 2] = ["once", "session"];
const ELICITATION_ACTIONS: [&str; 3] = ["accept", "decline", "cancel"];
const PLAN_ACTIONS: [&str; 4] = ["autopilot", "autopilot_fleet", "interactive", "exit_only"];

/// Reads and checks a command.
pub(super) fn read(body: &[u8]) -> Result<CommandIntent, Failure> {
    let intent: CommandIntent = serde_json::from_slice(body).map_err(|e| {
        let status = if e.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Failure::new(status, format!("the body is not a command: {e}"))
    })?;
    check(&intent).map_err(|detail| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail))?;
    Ok(intent)
}

fn check(intent: &CommandIntent) -> Result<(), String> {
    let length = intent.client_id.chars().count();
    if length == 0 || length > MAX_CLIENT_ID {
        return Err(format!("`client_id` must have 1 to {MAX_CLIENT_ID} characters; make a new one for each command"));
    }
    match &intent.action {
        CommandAction::UserMessage { content } if content.trim().is_empty() => {
            Err("`content` is empty: there is nothing to send".to_owned())
        }
        CommandAction::ModeSwitch { mode } => one_of("mode", mode, &MODES),
        CommandAction::PermissionResponse { scope: Some(scope), .. } => one_of("scope", scope, &SCOPES),
        CommandAction::ElicitationResponse { action, content, .. } => {
            one_of("action", action, &ELICITATION_ACTIONS)?;
            match content {
                Some(content) if !content.is_object() => Err("`content` must be an object, the filled form".to_owned()),
                None if action == "accept" => Err("`content` is missing: to accept is to send the form".to_owned()),
                _ => Ok(()),
            }
        }
        CommandAction::PlanApprovalResponse { selected_action: Some(action), .. } => {
            one_of("selected_action", action, &PLAN_ACTIONS)
        }
        _ => Ok(()),
    }
}

fn one_of(name: &str, given: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&given) { Ok(()) } else { Err(format!("`{name}` must be one of: {}", known.join(", "))) }
}

//! Reading an intent, with errors that help.

use axum::http::StatusCode;
use groundlink_protocol::api::{CommandAction, CommandEdit, CommandIntent, Delivery, Device};

use crate::problem::Failure;

const MAX_CLIENT_ID: usize = 64;
const MAX_DEVICE_NAME: usize = 100;
const MAX_MODEL: usize = 200;
pub(super) const MODES: [&str; 3] = ["interactive", "plan", "autopilot"];
pub(super) const SCOPES: [&str; 2] = ["once", "session"];
pub(super) const ELICITATION_ACTIONS: [&str; 3] = ["accept", "decline", "cancel"];
pub(super) const PLAN_ACTIONS: [&str; 4] = ["autopilot", "autopilot_fleet", "interactive", "exit_only"];

/// Reads and checks a command.
pub(super) fn read(body: &[u8]) -> Result<CommandIntent, Failure> {
    let intent: CommandIntent = serde_json::from_slice(body).map_err(|e| {
        let status = if e.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Failure::new(status, format!("the body is not a command: {e}"))
    })?;
    check_device(intent.device.as_ref())?;
    check(&intent).map_err(unfit)?;
    Ok(intent)
}

/// Reads and checks other words for a message.
pub(super) fn read_edit(body: &[u8]) -> Result<CommandEdit, Failure> {
    let edit: CommandEdit = serde_json::from_slice(body).map_err(|e| {
        let status = if e.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Failure::new(status, format!("the body is not a change of a command: {e}"))
    })?;
    check_device(edit.device.as_ref())?;
    if edit.content.trim().is_empty() {
        return Err(unfit("`content` is empty: to take the message back, use DELETE"));
    }
    Ok(edit)
}

/// Checks what a device says of itself.
pub(super) fn check_device(device: Option<&Device>) -> Result<(), Failure> {
    let Some(device) = device else { return Ok(()) };
    let id = device.id.chars().count();
    if id == 0 || id > MAX_CLIENT_ID {
        return Err(unfit(format!("`device.id` must have 1 to {MAX_CLIENT_ID} characters; make it once and keep it")));
    }
    if device.name.as_ref().is_some_and(|name| name.chars().count() > MAX_DEVICE_NAME) {
        return Err(unfit(format!("`device.name` must have at most {MAX_DEVICE_NAME} characters")));
    }
    Ok(())
}

fn unfit(detail: impl Into<String>) -> Failure {
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

fn check(intent: &CommandIntent) -> Result<(), String> {
    let length = intent.client_id.chars().count();
    if length == 0 || length > MAX_CLIENT_ID {
        return Err(format!("`client_id` must have 1 to {MAX_CLIENT_ID} characters; make a new one for each command"));
    }
    match &intent.action {
        CommandAction::UserMessage { content, .. } if content.trim().is_empty() => {
            Err("`content` is empty: there is nothing to send".to_owned())
        }
        CommandAction::UserMessage { delivery: Delivery::Unknown, .. } => {
            Err("`delivery` must be one of: queue, steer".to_owned())
        }
        CommandAction::ModelSwitch { model } if model.trim().is_empty() || model.len() > MAX_MODEL => {
            Err("`model` must be the id of one of the exporter's models".to_owned())
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

//! Carrying answers to the CLI. Each tells whether it was the first.

use std::collections::BTreeMap;

use groundlink_protocol::types::HandlePendingResult;
use groundlink_protocol::{Method as _, RawJson, methods};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::json;
use serde_json::value::to_raw_value;

use super::{AutoModeAnswer, ElicitationAnswer, LimitsAnswer, PermissionDecision, PlanDecision, UserAnswer};
use crate::handlers::McpAuthAnswer;
use crate::line::Line;
use crate::{SessionError, ToolResult};

/// The one shape of every answer by call. `key` is `result` or `response`, as the method has it.
async fn send(
    line: &Line,
    method: &'static str,
    session_id: &str,
    request_id: &str,
    key: &'static str,
    answer: &impl Serialize,
) -> Result<bool, SessionError> {
    call(line, method, session_id, request_id, Some((key, raw(answer)?))).await
}

async fn call(
    line: &Line,
    method: &'static str,
    session_id: &str,
    request_id: &str,
    answer: Option<(&'static str, RawJson)>,
) -> Result<bool, SessionError> {
    let failed = |error| SessionError::from_call(method, Some(session_id), error);
    let mut params = BTreeMap::from([("sessionId", raw(session_id)?), ("requestId", raw(request_id)?)]);
    params.extend(answer);
    let result: HandlePendingResult = line.call(method, &params).await.map_err(failed)?;
    Ok(result.success)
}

/// Decisions about permissions that the CLI knows.
const DECISIONS: [&str; 6] = [
    "approve-once",
    "approve-for-session",
    "approve-for-location",
    "approve-permanently",
    "reject",
    "user-not-available",
];

/// Refuses what would do harm whatever way it is called: a decision about a permission of a kind that the CLI does not
/// know would be accepted by it, and then break the tool call.
pub(crate) fn check_call(method: &str, params: &(impl Serialize + ?Sized)) -> Result<(), SessionError> {
    if method != methods::SessionPermissionsHandlePendingPermissionRequest::NAME {
        return Ok(());
    }
    let params = serde_json::to_value(params).map_err(|error| SessionError::invalid("params", error.to_string()))?;
    let kind = params["result"]["kind"].as_str().unwrap_or_default();
    if DECISIONS.contains(&kind) {
        return Ok(());
    }
    let reason = format!("the CLI has no decision `{kind}`, but `{}`", DECISIONS.join("`, `"));
    Err(SessionError::invalid("result", reason))
}

fn raw(value: &(impl Serialize + ?Sized)) -> Result<RawJson, SessionError> {
    to_raw_value(value).map_err(|error| SessionError::invalid("answer", error.to_string()))
}

pub(crate) async fn send_permission(
    line: &Line,
    session_id: &str,
    request_id: &str,
    decision: &PermissionDecision,
) -> Result<bool, SessionError> {
    decision.check()?;
    let method = methods::SessionPermissionsHandlePendingPermissionRequest::NAME;
    send(line, method, session_id, request_id, "result", decision).await
}

pub(crate) async fn send_user_input(
    line: &Line,
    session_id: &str,
    request_id: &str,
    answer: &UserAnswer,
) -> Result<bool, SessionError> {
    let method = methods::SessionUiHandlePendingUserInput::NAME;
    send(line, method, session_id, request_id, "response", answer).await
}

pub(crate) async fn send_elicitation(
    line: &Line,
    session_id: &str,
    request_id: &str,
    answer: &ElicitationAnswer,
) -> Result<bool, SessionError> {
    let method = methods::SessionUiHandlePendingElicitation::NAME;
    send(line, method, session_id, request_id, "result", &answer.wire()).await
}

pub(crate) async fn send_plan(
    line: &Line,
    session_id: &str,
    request_id: &str,
    decision: &PlanDecision,
) -> Result<bool, SessionError> {
    let method = methods::SessionUiHandlePendingExitPlanMode::NAME;
    send(line, method, session_id, request_id, "response", decision).await
}

pub(crate) async fn send_auto_mode(
    line: &Line,
    session_id: &str,
    request_id: &str,
    answer: AutoModeAnswer,
) -> Result<bool, SessionError> {
    let method = methods::SessionUiHandlePendingAutoModeSwitch::NAME;
    send(line, method, session_id, request_id, "response", &answer).await
}

pub(crate) async fn send_limits(
    line: &Line,
    session_id: &str,
    request_id: &str,
    answer: LimitsAnswer,
) -> Result<bool, SessionError> {
    answer.check()?;
    let method = methods::SessionUiHandlePendingSessionLimitsExhausted::NAME;
    send(line, method, session_id, request_id, "response", &answer).await
}

pub(crate) async fn send_tool(
    line: &Line,
    session_id: &str,
    request_id: &str,
    result: ToolResult,
) -> Result<bool, SessionError> {
    let method = methods::SessionToolsHandlePendingToolCall::NAME;
    let (key, answer) = result.into_wire().map_err(|error| SessionError::invalid("result", error.to_string()))?;
    send(line, method, session_id, request_id, key, &answer).await
}

/// `None` refuses.
pub(crate) async fn send_sampling(
    line: &Line,
    session_id: &str,
    request_id: &str,
    message: Option<RawJson>,
) -> Result<bool, SessionError> {
    let method = methods::SessionUiHandlePendingSampling::NAME;
    call(line, method, session_id, request_id, message.map(|message| ("response", message))).await
}

pub(crate) async fn send_command(
    line: &Line,
    session_id: &str,
    request_id: &str,
    end: Result<(), String>,
) -> Result<bool, SessionError> {
    let method = methods::SessionCommandsHandlePendingCommand::NAME;
    let answer = match end {
        Ok(()) => None,
        Err(error) => Some(("error", raw(&error)?)),
    };
    call(line, method, session_id, request_id, answer).await
}

pub(crate) async fn send_mcp_auth(
    line: &Line,
    session_id: &str,
    request_id: &str,
    answer: &McpAuthAnswer,
) -> Result<bool, SessionError> {
    let method = "session.mcp.oauth.handlePendingRequest";
    let wire = match answer {
        McpAuthAnswer::Cancelled => json!({"kind": "cancelled"}),
        McpAuthAnswer::RuntimeRefresh => json!({"kind": "runtimeRefresh"}),
        McpAuthAnswer::Token(token) => {
            let mut wire = json!({"kind": "token", "accessToken": token.token.expose_secret()});
            if let Some(kind) = &token.token_type {
                wire["tokenType"] = kind.as_str().into();
            }
            if let Some(time) = token.expires_in {
                wire["expiresIn"] = time.as_secs().into();
            }
            wire
        }
    };
    send(line, method, session_id, request_id, "result", &wire).await
}

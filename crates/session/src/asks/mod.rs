//! From an event that asks something to the handler, and from the handler to the answer.

mod answer;
mod run;

use std::sync::Arc;

use answer::{Answer, Sent};
use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
use groundlink_protocol::{Event, events};
use groundlink_transport::task;
use serde::Deserialize;

use crate::answers::{PlanDecision, UserAnswer};
use crate::handlers::{AnswerOutcome, AnswerReport, HandlerEnd, HandlerKind, Handlers};
use crate::shared::Shared;

/// The direct request's answer when nobody can answer: the agent is told so.
pub(crate) const NO_RESPONSE: &str = r#"{"noResponse":true}"#;
/// The direct request's answer when nobody approved the plan.
pub(crate) const NOT_APPROVED: &str = r#"{"approved":false}"#;
/// The direct request's answer when nobody wants another model.
pub(crate) const NO_SWITCH: &str = r#"{"response":"no"}"#;

/// An MCP server wants somebody to be signed in.
const MCP_AUTH: &str = "mcp.oauth_required";
/// A session has used up its limit.
const LIMITS: &str = "session_limits_exhausted.requested";

/// What the CLI asks only when a client has said that it is interested, and who answers it. Observed with CLI 1.0.102:
/// without, a session at its limit just stops, and an MCP server stays out.
pub(crate) fn interests(handlers: &Handlers) -> impl Iterator<Item = &'static str> + use<> {
    let wanted = [(MCP_AUTH, handlers.mcp_auth.is_some()), (LIMITS, handlers.limits.is_some())];
    wanted.into_iter().filter_map(|(event_type, handled)| handled.then_some(event_type))
}

/// The call that says so. The CLI forgets it with the connection.
pub(crate) const REGISTER_INTEREST: &str = "session.eventLog.registerInterest";

/// Its params.
pub(crate) fn interest(session: &str, event_type: &str) -> serde_json::Value {
    serde_json::json!({"sessionId": session, "eventType": event_type})
}

/// The fields that all requests and their ends share, read leniently.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Common {
    request_id: String,
    question: Option<String>,
    summary: Option<String>,
    tool_name: String,
    command_name: String,
    resolved_by_hook: Option<bool>,
}

/// Whether an event asks something or ends a question.
enum Step {
    Asked(HandlerKind),
    Ended(HandlerKind),
}

fn step(event_type: &str) -> Option<Step> {
    use HandlerKind as K;
    Some(match event_type {
        "permission.requested" => Step::Asked(K::Permission),
        "permission.completed" => Step::Ended(K::Permission),
        "external_tool.requested" => Step::Asked(K::Tool),
        "external_tool.completed" => Step::Ended(K::Tool),
        "user_input.requested" => Step::Asked(K::UserInput),
        "user_input.completed" => Step::Ended(K::UserInput),
        "elicitation.requested" => Step::Asked(K::Elicitation),
        "elicitation.completed" => Step::Ended(K::Elicitation),
        "exit_plan_mode.requested" => Step::Asked(K::Plan),
        "exit_plan_mode.completed" => Step::Ended(K::Plan),
        "auto_mode_switch.requested" => Step::Asked(K::AutoModeSwitch),
        "auto_mode_switch.completed" => Step::Ended(K::AutoModeSwitch),
        LIMITS => Step::Asked(K::SessionLimits),
        "session_limits_exhausted.completed" => Step::Ended(K::SessionLimits),
        "sampling.requested" => Step::Asked(K::Sampling),
        "sampling.completed" => Step::Ended(K::Sampling),
        MCP_AUTH => Step::Asked(K::McpAuth),
        "mcp.oauth_completed" => Step::Ended(K::McpAuth),
        "command.execute" => Step::Asked(K::Command),
        "command.completed" => Step::Ended(K::Command),
        _ => return None,
    })
}

/// Acts on an event that asks or ends a question; passes over every other. Never blocks.
pub(crate) fn dispatch(shared: &Arc<Shared>, event: &Event) {
    if event.kind() == "abort" && event.agent_id().is_none() {
        // The tool calls that asked are gone; a direct request left open would be asked for ever.
        for kind in [HandlerKind::UserInput, HandlerKind::Plan, HandlerKind::AutoModeSwitch] {
            shared.questions.settle_all(kind, fallback(kind));
        }
        return;
    }
    let Some(step) = step(event.kind()) else { return };
    let common: Common = serde_json::from_str(event.data_raw().get()).unwrap_or_default();
    match step {
        Step::Asked(kind) => asked(shared, kind, &common, event),
        Step::Ended(kind) => shared.questions.settle(&common.request_id, direct_answer(kind, event)),
    }
}

/// Whether the CLI asks by a direct request too.
pub(crate) fn is_direct(kind: HandlerKind) -> bool {
    matches!(kind, HandlerKind::UserInput | HandlerKind::Plan | HandlerKind::AutoModeSwitch)
}

/// What the direct request is answered with once the question has ended.
fn direct_answer(kind: HandlerKind, event: &Event) -> String {
    let written = match kind {
        HandlerKind::UserInput => event.data::<events::UserInputCompleted>().ok().and_then(|data| {
            let was_freeform = data.was_freeform.unwrap_or(true);
            serde_json::to_string(&UserAnswer { answer: data.answer?, was_freeform }).ok()
        }),
        HandlerKind::Plan => event.data::<events::ExitPlanModeCompleted>().ok().and_then(|data| {
            let decision = PlanDecision {
                approved: data.approved?,
                selected_action: data.selected_action.map(|action| action.to_string()),
                feedback: data.feedback,
            };
            serde_json::to_string(&decision).ok()
        }),
        HandlerKind::AutoModeSwitch => event.data::<events::AutoModeSwitchCompleted>().ok().and_then(|data| {
            let response = data.response?.to_string();
            serde_json::to_string(&serde_json::json!({"response": response})).ok()
        }),
        _ => None,
    };
    written.unwrap_or_else(|| fallback(kind).to_owned())
}

/// The direct answer that lets nothing happen.
pub(crate) fn fallback(kind: HandlerKind) -> &'static str {
    match kind {
        HandlerKind::Plan => NOT_APPROVED,
        HandlerKind::AutoModeSwitch => NO_SWITCH,
        _ => NO_RESPONSE,
    }
}

/// Whether this client has a handler for it. Tools and commands of other clients are theirs to answer.
fn is_handled(shared: &Shared, kind: HandlerKind, common: &Common) -> bool {
    let handlers = &shared.handlers;
    match kind {
        HandlerKind::Permission => handlers.permission.is_some(),
        HandlerKind::Tool => handlers.tools.get(&common.tool_name).is_some(),
        HandlerKind::UserInput => handlers.user_input.is_some(),
        HandlerKind::Elicitation => handlers.elicitation.is_some(),
        HandlerKind::Plan => handlers.plan.is_some(),
        HandlerKind::AutoModeSwitch => handlers.auto_mode.is_some(),
        HandlerKind::SessionLimits => handlers.limits.is_some(),
        HandlerKind::Sampling => handlers.sampling.is_some(),
        HandlerKind::McpAuth => handlers.mcp_auth.is_some(),
        HandlerKind::Command => handlers.commands.contains_key(&common.command_name),
        _ => false,
    }
}

fn asked(shared: &Arc<Shared>, kind: HandlerKind, common: &Common, event: &Event) {
    if common.request_id.is_empty() || common.resolved_by_hook == Some(true) {
        return;
    }
    let handled = is_handled(shared, kind, common);
    if !handled && !is_direct(kind) {
        return;
    }
    let text = match kind {
        HandlerKind::UserInput => common.question.as_deref(),
        HandlerKind::Plan => common.summary.as_deref(),
        _ => None,
    };
    let (abort, registration) = AbortHandle::new_pair();
    let abort = handled.then_some(abort);
    let new = shared.questions.open(kind, &common.request_id, text.unwrap_or_default(), abort);
    if new && handled {
        let work = handle(Arc::clone(shared), kind, common.request_id.clone(), event.clone(), registration);
        task::spawn(Box::pin(work));
    }
}

/// Runs the handler, carries its answer to the CLI and reports what became of it.
async fn handle(
    shared: Arc<Shared>,
    kind: HandlerKind,
    request_id: String,
    event: Event,
    registration: AbortRegistration,
) {
    let running = run::handler(Arc::clone(&shared), kind, request_id.clone(), event);
    let (handler, outcome) = match Abortable::new(running, registration).await {
        Err(_aborted) => (HandlerEnd::Dropped, AnswerOutcome::None),
        Ok((end, None)) => (end, AnswerOutcome::None),
        Ok((end, Some(answer))) => carry(&shared, kind, &request_id, end, answer).await,
    };
    tracing::debug!(session = %shared.id, request_id, ?kind, ?handler, ?outcome, "a handler has ended");
    if let Some(reporter) = &shared.handlers.reporter {
        reporter(AnswerReport { session_id: shared.id.clone(), request_id, kind, handler, outcome });
    }
}

async fn carry(
    shared: &Shared,
    kind: HandlerKind,
    request_id: &str,
    end: HandlerEnd,
    answer: Answer,
) -> (HandlerEnd, AnswerOutcome) {
    let (end, answer) = match answer.check() {
        Ok(()) => (end, answer),
        Err(error) => {
            tracing::error!(session = %shared.id, request_id, ?kind, %error, "a handler's answer cannot be sent");
            (HandlerEnd::Unspeakable, Answer::closed(kind))
        }
    };
    if let Some(secret) = answer.secret() {
        shared.gave(secret);
    }
    let outcome = match answer.send(&shared.line, &shared.id, request_id).await {
        Ok(Sent::First) => AnswerOutcome::First,
        Ok(Sent::Late) => AnswerOutcome::Late,
        Ok(Sent::Nothing) => {
            shared.questions.settle(request_id, fallback(kind).to_owned());
            AnswerOutcome::First
        }
        Err(error) => {
            // The CLI is gone, or refuses the answer; a direct request must not wait for it.
            tracing::warn!(session = %shared.id, %request_id, %error, "the handler's answer did not arrive");
            shared.questions.settle(request_id, fallback(kind).to_owned());
            AnswerOutcome::Failed(error.to_string())
        }
    };
    (end, outcome)
}

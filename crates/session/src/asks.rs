//! From an event that asks something to the handler, and from the handler to the answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{AbortHandle, AbortRegistration, Abortable};
use groundlink_protocol::{Event, EventData, events};
use groundlink_transport::{Peer, WeakPeer};
use serde::Deserialize;

use crate::SessionError;
use crate::answers::{self, ElicitationAnswer, PermissionDecision, PlanDecision};
use crate::handlers::Ask;
use crate::questions::Kind;
use crate::shared::Shared;

/// The direct request's answer when nobody can answer: the agent is told so.
pub(crate) const NO_RESPONSE: &str = r#"{"noResponse":true}"#;
/// The direct request's answer when nobody approved the plan.
pub(crate) const NOT_APPROVED: &str = r#"{"approved":false}"#;

/// The fields that all requests and their ends share, read leniently.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Common {
    request_id: String,
    question: Option<String>,
    summary: Option<String>,
    resolved_by_hook: Option<bool>,
}

/// Acts on an event that asks or ends a question; passes over every other. Never blocks.
pub(crate) fn dispatch(shared: &Arc<Shared>, event: &Event) {
    let (family, step) = event.kind().split_once('.').unwrap_or((event.kind(), ""));
    let kind = match family {
        "permission" => Kind::Permission,
        "user_input" => Kind::UserInput,
        "elicitation" => Kind::Elicitation,
        "exit_plan_mode" => Kind::Plan,
        "abort" if event.agent_id().is_none() => {
            // The tool calls that asked are gone; a direct request left open would be asked for ever.
            shared.questions.settle_all(Kind::UserInput, NO_RESPONSE);
            shared.questions.settle_all(Kind::Plan, NOT_APPROVED);
            return;
        }
        _ => return,
    };
    let common: Common = serde_json::from_str(event.data_raw().get()).unwrap_or_default();
    match step {
        "requested" => asked(shared, kind, &common, event),
        "completed" => shared.questions.settle(&common.request_id, direct_answer(kind, event)),
        _ => {}
    }
}

/// What the direct request is answered with once the question has ended.
fn direct_answer(kind: Kind, event: &Event) -> String {
    let written = match kind {
        Kind::UserInput => event.data::<events::UserInputCompleted>().ok().and_then(|data| {
            let was_freeform = data.was_freeform.unwrap_or(true);
            serde_json::to_string(&answers::UserAnswer { answer: data.answer?, was_freeform }).ok()
        }),
        Kind::Plan => event.data::<events::ExitPlanModeCompleted>().ok().and_then(|data| {
            let decision = PlanDecision {
                approved: data.approved?,
                selected_action: data.selected_action.map(|action| action.to_string()),
                feedback: data.feedback,
            };
            serde_json::to_string(&decision).ok()
        }),
        Kind::Permission | Kind::Elicitation => None,
    };
    written.unwrap_or_else(|| fallback(kind).to_owned())
}

/// The direct answer that lets nothing happen.
pub(crate) fn fallback(kind: Kind) -> &'static str {
    if kind == Kind::Plan { NOT_APPROVED } else { NO_RESPONSE }
}

fn asked(shared: &Arc<Shared>, kind: Kind, common: &Common, event: &Event) {
    if common.request_id.is_empty() || common.resolved_by_hook == Some(true) {
        return;
    }
    let text = match kind {
        Kind::UserInput => common.question.as_deref(),
        Kind::Plan => common.summary.as_deref(),
        Kind::Permission | Kind::Elicitation => None,
    };
    let handlers = &shared.handlers;
    let handled = match kind {
        Kind::Permission => handlers.permission.is_some(),
        Kind::UserInput => handlers.user_input.is_some(),
        Kind::Elicitation => handlers.elicitation.is_some(),
        Kind::Plan => handlers.plan.is_some(),
    };
    let (abort, registration) = AbortHandle::new_pair();
    let abort = handled.then_some(abort);
    let new = shared.questions.open(kind, &common.request_id, text.unwrap_or_default(), abort);
    if new && handled {
        let task = handle(Arc::clone(shared), kind, common.request_id.clone(), event.clone(), registration);
        tokio::spawn(task);
    }
}

/// Runs the handler and carries its answer to the CLI.
async fn handle(shared: Arc<Shared>, kind: Kind, request_id: String, event: Event, registration: AbortRegistration) {
    let Some(answer) = run_handler(&shared, kind, &request_id, &event, registration).await else {
        return;
    };
    let Some(peer) = shared.peer.get().and_then(WeakPeer::upgrade) else { return };
    let sent = answer.send(&shared, &peer, &request_id).await;
    if let Err(error) = sent {
        // The CLI is gone, or refuses the answer; a direct request must not wait for it.
        tracing::warn!(session = %shared.id, %request_id, %error, "the handler's answer did not arrive");
        shared.questions.settle(&request_id, fallback(kind).to_owned());
    }
}

/// What a handler said.
enum Answer {
    Permission(PermissionDecision),
    UserInput(answers::UserAnswer),
    Elicitation(ElicitationAnswer),
    Plan(PlanDecision),
    /// Nobody answers the question.
    NoResponse,
}

impl Answer {
    /// What is answered in the place of a handler that failed: nothing may happen because of it.
    fn closed(kind: Kind) -> Self {
        match kind {
            Kind::Permission => Self::Permission(PermissionDecision::reject_with(
                "The program that decides about permissions failed; the tool was not run.",
            )),
            Kind::UserInput => Self::NoResponse,
            Kind::Elicitation => Self::Elicitation(ElicitationAnswer::Cancel),
            Kind::Plan => Self::Plan(PlanDecision::reject(None)),
        }
    }

    async fn send(self, shared: &Shared, peer: &Peer, request_id: &str) -> Result<(), SessionError> {
        let session = shared.id.as_str();
        let first = match self {
            Self::Permission(decision) => {
                // A decision that the CLI would choke on is a failed handler.
                let decision = match decision.check() {
                    Ok(()) => decision,
                    Err(error) => PermissionDecision::reject_with(error.to_string()),
                };
                answers::send_permission(peer, session, request_id, &decision).await?
            }
            Self::UserInput(answer) => answers::send_user_input(peer, session, request_id, &answer).await?,
            Self::Elicitation(answer) => answers::send_elicitation(peer, session, request_id, &answer).await?,
            Self::Plan(decision) => answers::send_plan(peer, session, request_id, &decision).await?,
            Self::NoResponse => {
                shared.questions.settle(request_id, NO_RESPONSE.to_owned());
                true
            }
        };
        if !first {
            tracing::debug!(session, request_id, "somebody else answered first");
        }
        Ok(())
    }
}

/// `None`: somebody else answered meanwhile.
async fn run_handler(
    shared: &Shared,
    kind: Kind,
    request_id: &str,
    event: &Event,
    registration: AbortRegistration,
) -> Option<Answer> {
    let running = AssertUnwindSafe(call_handler(shared, kind, request_id, event)).catch_unwind();
    match Abortable::new(running, registration).await {
        Err(_aborted) => None,
        Ok(Ok(Some(answer))) => Some(answer),
        Ok(Ok(None)) => {
            tracing::warn!(kind = event.kind(), request_id, "a request could not be read and is refused");
            Some(Answer::closed(kind))
        }
        Ok(Err(_panic)) => {
            tracing::error!(kind = event.kind(), request_id, "a handler panicked; the request is refused");
            Some(Answer::closed(kind))
        }
    }
}

/// `None`: the event lacks what a handler needs.
async fn call_handler(shared: &Shared, kind: Kind, request_id: &str, event: &Event) -> Option<Answer> {
    let handlers = &shared.handlers;
    let answer = match kind {
        Kind::Permission => {
            let handler = handlers.permission.as_ref()?;
            Answer::Permission(handler.decide(ask(shared, request_id, event)?).await)
        }
        Kind::UserInput => {
            let handler = handlers.user_input.as_ref()?;
            let answer = handler.answer(ask(shared, request_id, event)?).await;
            answer.map_or(Answer::NoResponse, Answer::UserInput)
        }
        Kind::Elicitation => {
            let handler = handlers.elicitation.as_ref()?;
            Answer::Elicitation(handler.fill_in(ask(shared, request_id, event)?).await)
        }
        Kind::Plan => {
            let handler = handlers.plan.as_ref()?;
            Answer::Plan(handler.approve(ask(shared, request_id, event)?).await)
        }
    };
    Some(answer)
}

fn ask<T: EventData>(shared: &Shared, request_id: &str, event: &Event) -> Option<Ask<T>> {
    Some(Ask {
        session_id: shared.id.clone(),
        request_id: request_id.to_owned(),
        data: event.data::<T>().ok()?,
        event: event.clone(),
    })
}

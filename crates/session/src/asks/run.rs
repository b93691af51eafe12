//! Calling the handler that a question is for.

use std::sync::Arc;

use groundlink_protocol::{Event, EventData, events};

use super::answer::Answer;
use crate::handlers::{Ask, CommandCall, HandlerEnd, HandlerKind, McpAuthAsk, guard, tools};
use crate::shared::Shared;
use crate::{PermissionDecision, ToolCall, TraceContext};

/// Runs the handler within its deadline. What stands in for one that failed lets nothing happen.
pub(super) async fn handler(
    shared: Arc<Shared>,
    kind: HandlerKind,
    request_id: String,
    event: Event,
) -> (HandlerEnd, Option<Answer>) {
    let deadline = shared.handlers.deadlines.of(kind);
    let event_type = event.kind().to_owned();
    let running = call(shared, kind, request_id.clone(), event);
    match guard::run(deadline, running).await {
        Ok(Some(Answer::Permission(PermissionDecision::Leave))) => (HandlerEnd::Left, None),
        Ok(Some(answer)) => (HandlerEnd::Answered, Some(answer)),
        Ok(None) => {
            tracing::warn!(event_type, request_id, "a request could not be read and is refused");
            (HandlerEnd::Unreadable, Some(Answer::closed(kind)))
        }
        Err(failure) => {
            tracing::error!(event_type, request_id, %failure, "the request is refused");
            (failure.into(), Some(Answer::closed(kind)))
        }
    }
}

/// `None`: the event lacks what a handler needs.
async fn call(shared: Arc<Shared>, kind: HandlerKind, request_id: String, event: Event) -> Option<Answer> {
    let handlers = &shared.handlers;
    Some(match kind {
        HandlerKind::Permission => {
            let handler = handlers.permission.as_ref()?;
            Answer::Permission(handler.decide(ask(&shared, request_id, event)?).await)
        }
        HandlerKind::Tool => {
            let call = tool_call(&shared, request_id, &event)?;
            Answer::Tool(handlers.tools.get(&call.tool_name)?.call(call).await)
        }
        HandlerKind::UserInput => {
            let handler = handlers.user_input.as_ref()?;
            Answer::UserInput(handler.answer(ask(&shared, request_id, event)?).await)
        }
        HandlerKind::Elicitation => {
            let handler = handlers.elicitation.as_ref()?;
            Answer::Elicitation(handler.fill_in(ask(&shared, request_id, event)?).await)
        }
        HandlerKind::Plan => {
            let handler = handlers.plan.as_ref()?;
            Answer::Plan(handler.approve(ask(&shared, request_id, event)?).await)
        }
        HandlerKind::AutoModeSwitch => {
            let handler = handlers.auto_mode.as_ref()?;
            Answer::AutoMode(handler.switch(ask(&shared, request_id, event)?).await)
        }
        HandlerKind::SessionLimits => {
            let handler = handlers.limits.as_ref()?;
            Answer::Limits(handler.decide(ask(&shared, request_id, event)?).await)
        }
        HandlerKind::Sampling => {
            let handler = handlers.sampling.as_ref()?;
            Answer::Sampling(handler.sample(ask(&shared, request_id, event)?).await)
        }
        HandlerKind::McpAuth => {
            let handler = handlers.mcp_auth.as_ref()?;
            let mut ask: McpAuthAsk = serde_json::from_str(event.data_raw().get()).ok()?;
            ask.session_id.clone_from(&shared.id);
            Answer::McpAuth(handler.sign_in(ask).await)
        }
        HandlerKind::Command => {
            let call = command_call(&shared, request_id, &event)?;
            Answer::Command(handlers.commands.get(&call.name)?.run(call).await)
        }
        _ => return None,
    })
}

fn ask<T: EventData>(shared: &Shared, request_id: String, event: Event) -> Option<Ask<T>> {
    Some(Ask { session_id: shared.id.clone(), request_id, data: event.data::<T>().ok()?, event })
}

fn tool_call(shared: &Shared, request_id: String, event: &Event) -> Option<ToolCall> {
    let data: events::ExternalToolRequested = event.data().ok()?;
    Some(ToolCall {
        session_id: shared.id.clone(),
        request_id,
        tool_call_id: data.tool_call_id,
        tool_name: data.tool_name,
        arguments: data.arguments.unwrap_or_else(tools::no_arguments),
        working_directory: data.working_directory.or_else(|| shared.facts().cwd),
        agent_id: event.agent_id().map(str::to_owned),
        trace: data.traceparent.map(|traceparent| TraceContext { traceparent, tracestate: data.tracestate }),
        line: Arc::clone(&shared.line),
    })
}

fn command_call(shared: &Shared, request_id: String, event: &Event) -> Option<CommandCall> {
    let data: events::CommandExecute = event.data().ok()?;
    Some(CommandCall {
        session_id: shared.id.clone(),
        request_id,
        line: data.command.unwrap_or_else(|| format!("/{}", data.command_name)),
        name: data.command_name,
        args: data.args.unwrap_or_default(),
    })
}

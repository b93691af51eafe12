//! Calling the handler that a question is for.

use std::sync::Arc;

use groundlink_protocol::{Event, events};

use super::answer::Answer;
use crate::handlers::{Asked, CommandCall, HandlerEnd, HandlerKind, guard, tools};
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
    let asked = Asked { session_id: shared.id.clone(), request_id, event };
    Some(match kind {
        HandlerKind::Permission => {
            let handler = handlers.permission.as_ref()?;
            Answer::Permission(handler.decide(asked.read()?).await)
        }
        HandlerKind::Tool => {
            let call = tool_call(&shared, asked)?;
            Answer::Tool(handlers.tools.get(&call.tool_name)?.call(call).await)
        }
        HandlerKind::UserInput => Answer::UserInput(handlers.user_input.as_ref()?(asked).await?),
        HandlerKind::Elicitation => Answer::Elicitation(handlers.elicitation.as_ref()?(asked).await?),
        HandlerKind::Plan => Answer::Plan(handlers.plan.as_ref()?(asked).await?),
        HandlerKind::AutoModeSwitch => Answer::AutoMode(handlers.auto_mode.as_ref()?(asked).await?),
        HandlerKind::SessionLimits => Answer::Limits(handlers.limits.as_ref()?(asked).await?),
        HandlerKind::Sampling => Answer::Sampling(handlers.sampling.as_ref()?(asked).await?),
        HandlerKind::McpAuth => Answer::McpAuth(handlers.mcp_auth.as_ref()?(asked).await?),
        HandlerKind::Command => {
            let call = command_call(asked)?;
            Answer::Command(handlers.commands.get(&call.name)?.run(call).await)
        }
        _ => return None,
    })
}

fn tool_call(shared: &Shared, asked: Asked) -> Option<ToolCall> {
    let Asked { session_id, request_id, event } = asked;
    let data: events::ExternalToolRequested = event.data().ok()?;
    Some(ToolCall {
        session_id,
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

fn command_call(asked: Asked) -> Option<CommandCall> {
    let Asked { session_id, request_id, event } = asked;
    let data: events::CommandExecute = event.data().ok()?;
    Some(CommandCall {
        session_id,
        request_id,
        line: data.command.unwrap_or_else(|| format!("/{}", data.command_name)),
        name: data.command_name,
        args: data.args.unwrap_or_default(),
    })
}

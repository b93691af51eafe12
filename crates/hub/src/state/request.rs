//! Open questions, made from the events that ask them.

use groundlink_protocol::Event;
use groundlink_protocol::api::{PendingRequest, RequestKind};
use serde_json::Value;

use crate::digest::{Asked, digest};
use crate::order;

/// Longer summaries are cut.
const MAX_SUMMARY: usize = 300;
/// Longer details are cut.
const MAX_DETAIL: usize = 64 * 1024;
/// Bigger forms are left out; the event has them.
const MAX_SCHEMA: usize = 64 * 1024;
const MAX_CHOICES: usize = 64;

/// Text for people, cut at a character, with a note of what is missing.
fn capped(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit);
    format!("{}\n[{} more bytes]", &text[..end], text.len() - end)
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= MAX_SUMMARY {
        return line;
    }
    format!("{}…", &line[..line.floor_char_boundary(MAX_SUMMARY)])
}

fn data(event: &Event) -> Value {
    serde_json::from_str(event.data_raw().get()).unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn texts(value: &Value, name: &str) -> Vec<String> {
    let items = value.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).take(MAX_CHOICES).map(str::to_owned).collect()
}

fn schema(value: &Value) -> Option<Value> {
    value.get("requestedSchema").filter(|schema| schema.to_string().len() <= MAX_SCHEMA).cloned()
}

/// A question without its particulars; `None` when it has no name to answer to.
fn base(event: &Event, seq: u64, kind: RequestKind, id: Option<&str>, call: Option<&str>) -> Option<PendingRequest> {
    Some(PendingRequest {
        request_id: id?.to_owned(),
        kind,
        tool_call_id: call.map(str::to_owned),
        summary: String::new(),
        detail: None,
        choices: Vec::new(),
        allow_freeform: false,
        schema: None,
        field_order: Vec::new(),
        permission: None,
        session_scope: false,
        answering: false,
        seq,
        requested_at: event.timestamp().to_owned(),
        digest: String::new(),
    })
}

/// A permission. One that a hook has answered already waits for nobody.
pub(super) fn permission(event: &Event, seq: u64) -> Option<PendingRequest> {
    let data = data(event);
    if data.get("resolvedByHook") == Some(&Value::Bool(true)) {
        return None;
    }
    let asked = data.get("permissionRequest").unwrap_or(&Value::Null);
    let kind = text(asked, "kind").unwrap_or("unknown");
    let call = text(asked, "toolCallId").or_else(|| text(&data, "toolCallId"));
    let mut request = base(event, seq, RequestKind::Permission, text(&data, "requestId"), call)?;
    let (summary, detail) = match kind {
        "shell" => (text(asked, "intention"), text(asked, "fullCommandText").map(str::to_owned)),
        "write" => (text(asked, "fileName"), text(asked, "diff").map(str::to_owned)),
        "url" => (text(asked, "intention"), text(asked, "url").map(str::to_owned)),
        "read" => (text(asked, "intention"), text(asked, "path").map(str::to_owned)),
        "mcp" => {
            let args = asked.get("args").filter(|args| !args.is_null());
            let tool = text(asked, "toolTitle").or_else(|| text(asked, "toolName"));
            (tool, args.and_then(|args| serde_json::to_string_pretty(args).ok()))
        }
        _ => (text(asked, "intention"), serde_json::to_string_pretty(asked).ok()),
    };
    let summary = summary.or(detail.as_deref()).unwrap_or(kind);
    // The CLI (1.0.102) asks twice about a file elsewhere: whether it may be reached, and then whether to read it.
    let elsewhere = data.get("promptRequest").and_then(|prompt| text(prompt, "kind")) == Some("path");
    request.summary =
        one_line(&if elsewhere { format!("Outside of the folder: {summary}") } else { summary.to_owned() });
    request.detail = detail.map(|detail| capped(&detail, MAX_DETAIL));
    request.permission = Some(kind.to_owned());
    request.session_scope = asked.get("canOfferSessionApproval") == Some(&Value::Bool(true));
    request.digest = digest(Asked::Permission, &data);
    Some(request)
}

/// A question by the `ask_user` tool.
pub(super) fn user_input(event: &Event, seq: u64) -> Option<PendingRequest> {
    let data = data(event);
    let call = text(&data, "toolCallId");
    let mut request = base(event, seq, RequestKind::UserInput, text(&data, "requestId"), call)?;
    fill_question(&mut request, &data);
    Some(request)
}

fn fill_question(request: &mut PendingRequest, data: &Value) {
    let question = text(data, "question").unwrap_or_default();
    request.summary = one_line(question);
    request.detail = (question.len() > MAX_SUMMARY || question.contains('\n')).then(|| capped(question, MAX_DETAIL));
    request.choices = texts(data, "choices");
    let free = data.get("allowFreeform").or_else(|| data.get("allow_freeform")).and_then(Value::as_bool);
    request.allow_freeform = free.unwrap_or(true);
    request.digest = digest(Asked::Question, data);
}

fn fill_form(request: &mut PendingRequest, event: &Event, asking: &Value) {
    request.schema = schema(asking);
    if request.schema.is_some() {
        request.field_order = order::of_form(event.data_raw());
    }
}

/// A form.
pub(super) fn elicitation(event: &Event, seq: u64) -> Option<PendingRequest> {
    let data = data(event);
    let call = text(&data, "toolCallId");
    let mut request = base(event, seq, RequestKind::Elicitation, text(&data, "requestId"), call)?;
    request.summary = one_line(text(&data, "message").unwrap_or_default());
    request.detail = text(&data, "url").map(|url| capped(url, MAX_DETAIL));
    fill_form(&mut request, event, &data);
    request.digest = digest(Asked::Form, &data);
    Some(request)
}

/// A plan.
pub(super) fn plan(event: &Event, seq: u64) -> Option<PendingRequest> {
    let data = data(event);
    let call = text(&data, "toolCallId");
    let mut request = base(event, seq, RequestKind::PlanApproval, text(&data, "requestId"), call)?;
    request.summary = one_line(text(&data, "summary").unwrap_or("the plan"));
    request.detail = text(&data, "planContent").map(|plan| capped(plan, MAX_DETAIL));
    request.choices = texts(&data, "actions");
    request.digest = digest(Asked::Plan, &data);
    Some(request)
}

/// The question that a tool call is about to ask. Questions are not in the history that is exported when a
/// session is shared later; the tool call is, and its id is good for an answer.
pub(super) fn inferred(event: &Event, seq: u64) -> Option<PendingRequest> {
    let data = data(event);
    let call = text(&data, "toolCallId");
    let arguments = data.get("arguments").unwrap_or(&Value::Null);
    match text(&data, "toolName")? {
        "ask_user" if arguments.get("requestedSchema").is_some() => {
            let mut request = base(event, seq, RequestKind::Elicitation, call, call)?;
            request.summary = one_line(text(arguments, "message").unwrap_or_default());
            fill_form(&mut request, event, arguments);
            request.digest = digest(Asked::Form, arguments);
            Some(request)
        }
        "ask_user" => {
            let mut request = base(event, seq, RequestKind::UserInput, call, call)?;
            fill_question(&mut request, arguments);
            Some(request)
        }
        "exit_plan_mode" => {
            let mut request = base(event, seq, RequestKind::PlanApproval, call, call)?;
            request.summary = one_line(text(arguments, "summary").unwrap_or("the plan"));
            request.choices = texts(arguments, "actions");
            request.digest = digest(Asked::Plan, arguments);
            Some(request)
        }
        _ => None,
    }
}

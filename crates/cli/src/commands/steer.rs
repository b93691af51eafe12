//! `send`, `pending`, `respond`, `abort`: one request to a session, through its link.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use crate::args::{AbortArgs, DeviceArgs, PendingArgs, RespondArgs, SendArgs, Verdict};
use crate::device;
use crate::display;
use crate::error::Error;
use crate::output;
use crate::protocol::api::{
    CommandAction, CommandReceipt, CommandState, Delivery, PendingRequest, RequestKind, SessionStatus,
};
use crate::viewer::Viewer;

/// After this, a person who waits is told why.
const PATIENCE: Duration = Duration::from_secs(3);

/// `groundlink send`
pub(super) async fn send(args: SendArgs) -> Result<(), Error> {
    let viewer = open(&args.link, &args.device).await?;
    let delivery = if args.steer { Delivery::Steer } else { Delivery::Queue };
    let action = CommandAction::UserMessage { content: args.text, delivery };
    carry_out(&viewer, action, None, args.json, "Sent.").await
}

/// `groundlink abort`
pub(super) async fn abort(args: AbortArgs) -> Result<(), Error> {
    let viewer = open(&args.link, &args.device).await?;
    let status = viewer.snapshot().await?.status;
    // It is sent all the same: a turn may be about to begin.
    let runs = matches!(status, SessionStatus::Working | SessionStatus::Waiting);
    let done = if runs { "Stopped." } else { "No turn was running." };
    carry_out(&viewer, CommandAction::Abort {}, None, args.json, done).await
}

/// `groundlink pending`
pub(super) async fn pending(args: PendingArgs) -> Result<(), Error> {
    let snapshot = Viewer::open(&args.link).await?.snapshot().await?;
    if args.json {
        return snapshot.pending.iter().try_for_each(output::json_line);
    }
    if snapshot.pending.is_empty() {
        return output::text("Nothing is pending.");
    }
    snapshot.pending.iter().try_for_each(|request| output::text(&describe(request)))
}

/// `groundlink respond`
pub(super) async fn respond(args: RespondArgs) -> Result<(), Error> {
    let viewer = open(&args.link, &args.device).await?;
    let snapshot = viewer.snapshot().await?;
    let request = find(&snapshot.pending, &args.request)?;
    let action = action(request, &args)?;
    // What is answered is what was pending now, and nothing that takes its place meanwhile.
    let digest = Some(request.digest.clone()).filter(|digest| !digest.is_empty());
    carry_out(&viewer, action, digest, args.json, "Answered.").await
}

/// Opens the link as this terminal.
async fn open(link: &Url, who: &DeviceArgs) -> Result<Viewer, Error> {
    Ok(Viewer::open(link).await?.on(device::this(who.name.as_deref())))
}

/// Posts a command and waits for its end.
async fn carry_out(
    viewer: &Viewer,
    action: CommandAction,
    digest: Option<String>,
    json: bool,
    done: &str,
) -> Result<(), Error> {
    let queued = matches!(action, CommandAction::UserMessage { delivery: Delivery::Queue, .. });
    let posted = viewer.post(action, digest).await?;
    let settled = viewer.settled(posted);
    tokio::pin!(settled);
    let receipt = tokio::select! {
        receipt = &mut settled => receipt,
        () = tokio::time::sleep(PATIENCE) => {
            if !json && std::io::stderr().is_terminal() {
                if queued {
                    eprintln!("The message waits at the hub until the session is idle (Ctrl+C leaves it there) ...");
                } else {
                    eprintln!("Waiting for the session to take it ...");
                }
            }
            settled.await
        }
    }?;
    if json {
        output::json_line(&receipt)?;
    }
    outcome(&receipt)?;
    if json { Ok(()) } else { output::text(&format!("{done} (command {})", display::line(&receipt.id, 80))) }
}

/// Whether a receipt says that the command took effect.
pub(super) fn outcome(receipt: &CommandReceipt) -> Result<(), Error> {
    let outcome = match receipt.state {
        CommandState::Applied => return Ok(()),
        CommandState::Rejected => "the session did not take it",
        CommandState::Expired => "the session did not take it in time",
        CommandState::Superseded => "somebody else was first",
        CommandState::Cancelled => "it was taken back",
        CommandState::Unknown => "nobody knows whether the session took it",
        _ => "the hub says something this version does not know",
    };
    let reason = receipt.reason.as_deref().map(|reason| format!(": {}", display::line(reason, 300)));
    Err(Error::NotApplied { outcome, reason: reason.unwrap_or_default() })
}

/// The request with this id, or the only one whose id begins so.
fn find<'a>(pending: &'a [PendingRequest], wanted: &str) -> Result<&'a PendingRequest, Error> {
    let wanted = wanted.trim();
    if let Some(exact) = pending.iter().find(|request| request.request_id == wanted) {
        return Ok(exact);
    }
    let mut fitting = pending.iter().filter(|request| request.request_id.starts_with(wanted));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Error::AmbiguousRequest { request: display::line(wanted, 80) }),
        (None, _) => Err(Error::NoSuchRequest { request: display::line(wanted, 80) }),
    }
}

/// The command that gives this answer to this request.
fn action(request: &PendingRequest, args: &RespondArgs) -> Result<CommandAction, Error> {
    let request_id = request.request_id.clone();
    let approved = args.verdict.map(|verdict| verdict == Verdict::Approve);
    let feedback = args.feedback.clone();
    let wrong = |hint| Err(Error::WrongAnswer { hint });
    match (request.kind, approved, args.answer.clone()) {
        (RequestKind::Permission, Some(true), _) if args.session && !request.session_scope => {
            wrong("`approve` alone: it can be approved once only")
        }
        (RequestKind::Permission, Some(approved), _) => {
            let scope = (approved && args.session).then(|| "session".to_owned());
            Ok(CommandAction::PermissionResponse { request_id, approved, scope, feedback })
        }
        (RequestKind::Permission, None, _) => wrong("`approve` or `deny`"),
        (RequestKind::UserInput, _, Some(answer)) => {
            let freeform = !request.choices.contains(&answer);
            Ok(CommandAction::AskUserResponse { request_id, answer, freeform })
        }
        (RequestKind::UserInput, _, None) => wrong("`--answer TEXT`"),
        (RequestKind::PlanApproval, Some(approved), _) => {
            Ok(CommandAction::PlanApprovalResponse { request_id, approved, selected_action: None, feedback })
        }
        (RequestKind::PlanApproval, None, selected_action) => {
            Ok(CommandAction::PlanApprovalResponse { request_id, approved: true, selected_action, feedback: None })
        }
        (RequestKind::Elicitation, Some(false), _) => {
            Ok(CommandAction::ElicitationResponse { request_id, action: "decline".into(), content: None })
        }
        (RequestKind::Elicitation, approved, answer) => {
            let Some(content) = form(request.schema.as_ref(), approved, answer.as_deref()) else {
                return wrong("`--answer` with the form's fields as a JSON object, or `deny`");
            };
            Ok(CommandAction::ElicitationResponse { request_id, action: "accept".into(), content: Some(content) })
        }
        _ => wrong("one that this version of groundlink does not know; use the page"),
    }
}

/// A form's content: the JSON object that was given, or the given text for its only field.
pub(super) fn form(schema: Option<&Value>, approved: Option<bool>, answer: Option<&str>) -> Option<Value> {
    let fields = schema.and_then(|schema| schema.get("properties")?.as_object());
    let only = fields.filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    let Some(answer) = answer else {
        // `approve` fills in a form that asks for nothing, or for a single yes.
        return match (approved, only) {
            (Some(true), Some((name, field))) if field["type"] == "boolean" => Some(json!({name: true})),
            (Some(true), None) if fields.is_none_or(serde_json::Map::is_empty) => Some(json!({})),
            _ => None,
        };
    };
    if let Ok(object @ Value::Object(_)) = serde_json::from_str(answer) {
        return Some(object);
    }
    let (name, field) = only?;
    let value = match field["type"].as_str() {
        Some("string") | None => json!(answer),
        // Numbers and truth values are written as in JSON.
        Some(_) => serde_json::from_str(answer).ok()?,
    };
    Some(json!({name: value}))
}

/// A pending request for a person to read.
pub(super) fn describe(request: &PendingRequest) -> String {
    let kind = match request.kind {
        RequestKind::Permission => request.permission.as_deref().unwrap_or("permission"),
        RequestKind::UserInput => "question",
        RequestKind::Elicitation => "form",
        RequestKind::PlanApproval => "plan",
        _ => "request",
    };
    let mut text = format!("{}  [{}] {}", request.request_id, kind, request.summary);
    if request.answering {
        text.push_str("  (an answer is on its way)");
    }
    let mut add = |title: &str, body: &str| {
        for (n, line) in body.trim_matches('\n').trim_end().split('\n').enumerate() {
            let title = if n == 0 { title } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(text, "\n    {title}{line}");
        }
    };
    if let Some(detail) = request.detail.as_deref().filter(|detail| *detail != request.summary) {
        add("", detail);
    }
    if !request.choices.is_empty() {
        add("choices: ", &request.choices.join(" / "));
    }
    display::visible(&text).into_owned()
}

#[cfg(test)]
mod tests;

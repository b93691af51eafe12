//! What keys answer a request, and what they say.

use serde_json::{Value, json};

use super::form::Form;
use crate::commands::steer;
use crate::display;
use crate::protocol::api::{CommandAction, PendingRequest, RequestKind};

/// Choices that a digit can name.
const CHOICES: usize = 9;
/// How the hub ends a detail that it has cut.
const CUT: &str = " more bytes]";

/// What somebody may choose from, by number: what is shown, and what is answered.
pub(super) fn choices(request: &PendingRequest) -> Vec<(String, CommandAction)> {
    let request_id = || request.request_id.clone();
    let choices: Vec<(String, CommandAction)> = match request.kind {
        RequestKind::UserInput => request
            .choices
            .iter()
            .map(|choice| {
                let action = CommandAction::AskUserResponse {
                    request_id: request_id(),
                    answer: choice.clone(),
                    freeform: false,
                };
                (choice.clone(), action)
            })
            .collect(),
        RequestKind::Elicitation => only_field(request)
            .map(|(name, field)| options(name, field))
            .unwrap_or_default()
            .into_iter()
            .map(|(shown, content)| (shown, accept(request, content)))
            .collect(),
        _ => Vec::new(),
    };
    choices.into_iter().take(CHOICES).collect()
}

fn accept(request: &PendingRequest, content: Value) -> CommandAction {
    let request_id = request.request_id.clone();
    CommandAction::ElicitationResponse { request_id, action: "accept".into(), content: Some(content) }
}

/// The field of a form that has one.
fn only_field(request: &PendingRequest) -> Option<(&String, &Value)> {
    let fields = request.schema.as_ref()?.get("properties")?.as_object()?;
    fields.iter().next().filter(|_| fields.len() == 1)
}

/// The values that the only field may have, where it says so.
fn options(name: &str, field: &Value) -> Vec<(String, Value)> {
    values_of(field).into_iter().map(|(title, value)| (title, json!({name: value}))).collect()
}

/// Title and value of what a field may be, where it says so.
pub(super) fn values_of(field: &Value) -> Vec<(String, Value)> {
    if field["type"] == "boolean" {
        return [("yes", true), ("no", false)].map(|(title, value)| (title.to_owned(), value.into())).into();
    }
    let names = &field["enumNames"];
    let listed = field["enum"].as_array().into_iter().flatten().enumerate();
    let listed = listed.map(|(n, value)| (if names[n].is_string() { &names[n] } else { value }, value));
    let titled = ["oneOf", "anyOf"].into_iter().filter_map(|word| field[word].as_array()).flatten();
    let titled = titled.filter(|option| !option["const"].is_null()).map(|option| {
        let title = if option["title"].is_string() { &option["title"] } else { &option["const"] };
        (title, &option["const"])
    });
    listed.chain(titled).map(|(title, value)| (word(title), value.clone())).collect()
}

/// A value as a person would write it.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Yes or no. An approval takes effect for what was shown; what was not shown whole is not approved here.
pub(super) fn verdict(
    request: &PendingRequest,
    approved: bool,
    feedback: Option<String>,
) -> Result<CommandAction, &'static str> {
    if approved && request.detail.as_deref().is_some_and(|detail| detail.ends_with(CUT)) {
        return Err("It is too long to be shown here in full. Approve it on the page.");
    }
    let request_id = request.request_id.clone();
    match request.kind {
        RequestKind::Permission => {
            Ok(CommandAction::PermissionResponse { request_id, approved, scope: None, feedback })
        }
        RequestKind::PlanApproval => {
            Ok(CommandAction::PlanApprovalResponse { request_id, approved, selected_action: None, feedback })
        }
        RequestKind::Elicitation if !approved => {
            Ok(CommandAction::ElicitationResponse { request_id, action: "decline".into(), content: None })
        }
        _ => Err("This wants another answer."),
    }
}

/// Yes, and for whatever is like it until the session ends, where that is on offer.
pub(super) fn for_the_session(request: &PendingRequest) -> Result<CommandAction, &'static str> {
    if !request.session_scope {
        return Err("It can be approved once only: press y.");
    }
    let mut action = verdict(request, true, None)?;
    if let CommandAction::PermissionResponse { scope, .. } = &mut action {
        *scope = Some("session".to_owned());
    }
    Ok(action)
}

/// Whether it can be answered in words.
pub(super) fn takes_words(request: &PendingRequest) -> bool {
    match request.kind {
        RequestKind::UserInput => request.allow_freeform || request.choices.is_empty(),
        RequestKind::Elicitation => only_field(request).is_some_and(|(name, field)| options(name, field).is_empty()),
        _ => false,
    }
}

/// An answer in words.
pub(super) fn words(request: &PendingRequest, answer: &str) -> Result<CommandAction, &'static str> {
    match request.kind {
        RequestKind::UserInput => Ok(CommandAction::AskUserResponse {
            request_id: request.request_id.clone(),
            answer: answer.to_owned(),
            freeform: !request.choices.iter().any(|choice| choice == answer),
        }),
        RequestKind::Elicitation => steer::form(request.schema.as_ref(), None, Some(answer))
            .map(|content| accept(request, content))
            .ok_or("This does not fit the field. Write a number, true or false as they are."),
        _ => Err("This wants another answer."),
    }
}

/// What it is about, in one line that may be long.
pub(super) fn subject(request: &PendingRequest) -> String {
    let about = match (request.kind, request.permission.as_deref()) {
        (RequestKind::Permission, Some("shell")) => request.detail.as_deref().unwrap_or(&request.summary),
        (RequestKind::PlanApproval, _) => "Go on with this plan?",
        _ => &request.summary,
    };
    let kind = match &request.permission {
        Some(permission) => format!("[{permission}] "),
        None => String::new(),
    };
    display::line(&format!("{kind}{about}"), 500)
}

/// The keys that answer it, for the line below the transcript.
pub(super) fn keys(request: &PendingRequest) -> String {
    let mut keys: Vec<&str> = Vec::new();
    let count = choices(request).len();
    let digits = format!("1-{count} choose");
    match request.kind {
        RequestKind::Permission => {
            keys.push("y approve");
            keys.extend(request.session_scope.then_some("s for the session"));
            keys.extend(["n deny", "d deny and say why"]);
        }
        RequestKind::PlanApproval => keys.extend(["y go on", "n not so", "d not so, and say why"]),
        _ => {
            if count > 0 {
                keys.push(&digits);
            }
            if takes_words(request) {
                keys.push("a answer in words");
            }
            if request.kind == RequestKind::Elicitation {
                if keys.is_empty() {
                    keys.push(if Form::of(request).is_some() { "f fill in" } else { "fill it in on the page" });
                }
                keys.push("n decline");
            }
        }
    }
    keys.join(" · ")
}

/// What the transcript does not say of it: what exactly would be done, and the choices with their numbers.
pub(super) fn particulars(request: &PendingRequest) -> Option<String> {
    let is_shell = request.permission.as_deref() == Some("shell");
    let detail = request.detail.as_deref().filter(|_| request.kind == RequestKind::Permission && !is_shell);
    let mut lines: Vec<String> = detail
        .iter()
        .flat_map(|detail| detail.trim_matches('\n').split('\n'))
        .map(|line| format!("  | {}", display::visible(line)))
        .collect();
    lines.extend(Form::of(request).iter().flat_map(Form::outline));
    let numbered = choices(request);
    lines.extend(
        numbered.iter().enumerate().map(|(n, (shown, _))| format!("  {} {}", n + 1, display::line(shown, 200))),
    );
    (!lines.is_empty()).then(|| lines.join("\n"))
}

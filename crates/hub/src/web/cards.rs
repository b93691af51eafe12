//! Cards: what waits for a person, with everything that is needed to decide.

use maud::{Markup, html};

use super::card_form;
use super::chrome::READ_ONLY;
use super::diff::{counts, diff};
use super::icon::{Icon, icon};
use super::items::item_id;
use super::markdown::markdown;
use super::visible::visible;
use crate::view::{Ask, Part, Permission, Plan, Question, Request, SessionView};

/// The id of a card's element.
pub(super) fn card_id(n: u64) -> String {
    format!("r{n}")
}

pub(super) fn card(view: &SessionView, request: &Request) -> Markup {
    let sent = request.answer.as_ref().is_some_and(|answer| answer.failed.is_none());
    let failed = request.answer.as_ref().and_then(|answer| answer.failed.as_deref());
    let (test_id, kind) = match &request.ask {
        Ask::Permission(_) => ("card-permission", "permission"),
        Ask::Question(_) => ("card-question", "question"),
        Ask::Elicitation(_) => ("card-elicitation", "elicitation"),
        Ask::Plan(_) => ("card-plan", "plan"),
    };
    let heading = format!("{}-title", card_id(request.n));
    html! {
        section.card id=(card_id(request.n)) aria-labelledby=(heading) data-testid=(test_id) data-kind=(kind)
            data-request-id=(request.id) data-digest=(request.digest) data-item=(item_id(request.item))
            data-state=(if sent { "sent" } else { "open" }) data-read-only[!view.header().steerable] {
            fieldset disabled[sent || !view.header().steerable] {
                @match &request.ask {
                    Ask::Permission(permission) => (permission_card(permission, &heading, view.asker(request), view.takes_feedback())),
                    Ask::Question(question) => (question_card(question, &heading)),
                    Ask::Elicitation(form) => (card_form::elicitation_card(form, &heading)),
                    Ask::Plan(plan) => (plan_card(plan, &heading)),
                }
            }
            p.card-error.bad role="alert" data-testid="card-error" hidden[failed.is_none()] {
                @if let Some(why) = failed { (why) }
            }
            @if !view.header().steerable {
                p.hint data-testid="card-read-only" { (READ_ONLY) " Answer where it runs." }
            }
            p.card-sent hidden[!sent] { "Sent. Waiting for the agent to take it." }
        }
    }
}

/// A card's first line: what sort of decision this is.
pub(super) fn heading(id: &str, mark: Icon, text: &str) -> Markup {
    html! {
        h2 id=(id) { (icon(mark)) span { (text) } }
    }
}

fn permission_card(permission: &Permission, heading_id: &str, asker: Option<&str>, feedback: bool) -> Markup {
    let (mark, question) = permission_title(permission);
    // On a phone these want a second tap: what they do cannot be taken back.
    let arm = matches!(permission.kind.as_str(), "shell" | "write");
    html! {
        (heading(heading_id, mark, question))
        div.card-body tabindex="0" role="group" aria-label="What exactly" {
            @if let Some(intention) = &permission.intention {
                p.why dir="auto" { (visible(intention)) }
            }
            @if let Some(agent) = asker {
                p.fact data-testid="asker" { span.k { "Asked by" } span.w dir="auto" { "sub-agent " (visible(agent)) } }
            }
            @for warning in &permission.warnings {
                p.warn { (icon(Icon::Warning)) span { (visible(warning)) } }
            }
            @for part in &permission.parts { (part_html(part)) }
            @if let Some(folder) = &permission.folder {
                p.fact { span.k { "Folder" } span.v { (visible(folder)) } }
            }
            p.fact { span.k { "Approve covers" } span.w { (scope_words(permission)) } }
            @if permission.too_large {
                p.warn {
                    (icon(Icon::Warning))
                    span { "This is too much to show here, so it cannot be approved here. Answer on the computer itself." }
                }
            }
        }
        textarea.line rows="1" name="feedback" data-testid="deny-message" maxlength="4000" dir="auto"
            aria-label="Message to the agent, goes with Deny" placeholder="Why not? Goes with Deny" {}
        div.actions {
            button.deny type="button" data-testid="deny" data-act="deny" { (icon(Icon::Cross)) span.label { "Deny" } }
            button.primary type="button" data-testid="approve" data-act="approve" data-arm[arm] disabled[permission.too_large] {
                (icon(Icon::Check)) span.label { "Approve once" }
            }
            @if permission.session_scope {
                button.wide type="button" data-testid="approve-session" data-act="approve-session" data-arm[arm]
                    disabled[permission.too_large] { span.label { (session_scope_label(permission)) } }
            }
        }
        @if !feedback {
            p.hint { "Deny also ends the agent's turn; the agent gets your message after it." }
        }
    }
}

/// What an approval covers.
fn scope_words(permission: &Permission) -> &'static str {
    match (permission.kind.as_str(), permission.session_scope) {
        ("shell", false) => "this command, this once",
        ("shell", true) => "this command, this once; or commands like it, until the session ends",
        ("write", false) => "this change, this once",
        ("write", true) => "this change, this once; or every change of files, until the session ends",
        (_, false) => "this call, this once",
        (_, true) => "this call, this once; or calls like it, until the session ends",
    }
}

fn session_scope_label(permission: &Permission) -> &'static str {
    match permission.kind.as_str() {
        "shell" => "Approve it for the whole session",
        "write" => "Approve all file changes from now on",
        _ => "Approve for the whole session",
    }
}

fn permission_title(permission: &Permission) -> (Icon, &'static str) {
    let creates = permission.parts.iter().any(|part| {
        matches!(part, Part::Diff { diff, .. }
            if diff.lines().take(4).any(|line| line.starts_with("create file mode") || line.starts_with("new file mode")))
    });
    let elsewhere = permission.elsewhere;
    match permission.kind.as_str() {
        // The CLI asks whether a file elsewhere may be reached, and then again whether to read or change it.
        "shell" if elsewhere => (Icon::Shell, "Run this outside of the folder?"),
        "write" if elsewhere => (Icon::Pencil, "Write outside of the folder?"),
        "read" if elsewhere => (Icon::File, "Read outside of the folder?"),
        "shell" => (Icon::Shell, "Run this command?"),
        "write" if creates => (Icon::Pencil, "Create this file?"),
        "write" => (Icon::Pencil, "Change this file?"),
        "read" => (Icon::File, "Read this file?"),
        "url" => (Icon::Globe, "Fetch this address?"),
        "mcp" | "custom-tool" => (Icon::Tool, "Use this tool?"),
        "memory" => (Icon::Shield, "Remember this?"),
        _ => (Icon::Shield, "Allow this?"),
    }
}

fn part_html(part: &Part) -> Markup {
    match part {
        Part::Command(command) => html! {
            pre.cmd { code { (visible(command)) } }
        },
        Part::Diff { path, diff: text } => {
            let (added, removed) = counts(text);
            html! {
                p.fact { span.k { "File" } span.v { (visible(path)) }
                    span.plus { "+" (added) } span.minus { "−" (removed) } }
                (diff(text, Some(path)))
            }
        }
        Part::Value { label, value } if value.contains('\n') => html! {
            p.fact { span.k { (label) } }
            pre.args { code { (visible(value)) } }
        },
        Part::Value { label, value } => html! {
            p.fact { span.k { (label) } span.v { (visible(value)) } }
        },
        Part::List { label, values } => html! {
            p.fact { span.k { (label) } span.v { @for value in values { span.one { (visible(value)) } } } }
        },
    }
}

fn question_card(question: &Question, heading_id: &str) -> Markup {
    let free = question.freeform || question.choices.is_empty();
    html! {
        (heading(heading_id, Icon::Question, "The agent asks"))
        div.card-body tabindex="0" role="group" aria-label="The question" {
            div.md dir="auto" { (markdown(&question.text)) }
        }
        @if !question.choices.is_empty() {
            div.choices {
                @for choice in &question.choices {
                    button type="button" data-testid="choice" data-act="choice" data-value=(choice) dir="auto" {
                        (visible(choice))
                    }
                }
            }
        }
        @if free {
            form.answer data-act="answer" {
                textarea.line rows="1" name="answer" data-testid="answer-text" dir="auto" enterkeyhint="send"
                    aria-label="Your answer"
                    placeholder=(if question.choices.is_empty() { "Your answer" } else { "Or another answer" }) {}
                button.primary type="submit" data-testid="answer-send" { "Answer" }
            }
        }
    }
}

fn plan_card(plan: &Plan, heading_id: &str) -> Markup {
    let recommended = plan.recommended.as_deref().unwrap_or("interactive");
    // What the agent recommends comes first, for eyes, fingers and the keyboard alike.
    let (first, rest): (Vec<_>, Vec<_>) = plan.actions.iter().partition(|action| *action == recommended);
    let ways = first.into_iter().chain(rest);
    html! {
        (heading(heading_id, Icon::Plan, "Go on with this plan?"))
        div.card-body tabindex="0" role="group" aria-label="The plan" {
            div.md dir="auto" { (markdown(&plan.content)) }
        }
        div.actions {
            @for action in ways {
                button.primary[action == recommended] type="button" data-testid="plan-action"
                    data-act="plan-action" data-value=(action) { (plan_action(action)) }
            }
        }
        div.answer {
            textarea.line rows="1" name="feedback" data-testid="plan-feedback" dir="auto"
                aria-label="What to change, goes with Change the plan" placeholder="What to change" {}
            button.deny type="button" data-testid="plan-reject" data-act="plan-reject" { "Change the plan" }
        }
    }
}

fn plan_action(action: &str) -> &str {
    match action {
        "autopilot" => "Approve, autopilot",
        "autopilot_fleet" => "Approve, autopilot with helpers",
        "interactive" => "Approve, ask me on the way",
        "exit_only" => "Approve, do not start yet",
        other => other,
    }
}

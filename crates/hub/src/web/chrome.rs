//! What stands around the transcript: header, banners, the foot of the page.

use groundlink_protocol::api::SessionStatus;
use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::visible::visible;
use crate::view::{SessionView, Task, TaskState};

/// The status in words.
pub(super) fn status_label(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Starting => "Starting",
        SessionStatus::Working => "Working",
        SessionStatus::Waiting => "Needs you",
        SessionStatus::Ended => "Ended",
        SessionStatus::Error => "Error",
        _ => "Idle",
    }
}

/// The session's name: what a person has called it, its title, else its folder.
pub(super) fn title(view: &SessionView) -> String {
    let header = view.header();
    let folder = header.cwd.as_deref().map(folder_name);
    header.name.as_deref().or(header.title.as_deref()).or(folder).unwrap_or("Session").to_owned()
}

pub(super) fn head(view: &SessionView) -> Markup {
    let header = view.header();
    let status = view.status();
    // What waits is shown below and waits for as long as it takes; of the rest nobody knows whether it still is so.
    let away = away_label(view).filter(|_| status != SessionStatus::Waiting);
    html! {
        h1 dir="auto" title=(title(view)) { (title(view)) }
        span.pill data-testid="status" data-status=(status.as_str()) data-presence=[away.map(|(word, _)| word)] {
            (away.map_or_else(|| status_label(status), |(_, label)| label))
        }
        p.where {
            @if let Some(cwd) = &header.cwd {
                span title=(cwd) { (icon(Icon::Folder)) span.vh { "Folder " } span.w { (folder_name(cwd)) } }
            }
            @if let Some(branch) = &header.branch {
                span title=[header.repository.as_deref()] {
                    (icon(Icon::Branch)) span.vh { "Branch " } span.w { (branch) }
                }
            }
            @if let Some(model) = &header.model {
                span.model-name { span.vh { "Model " } span.w { (model) } }
            }
            @if let Some(percent) = header.usage.percent() {
                span.ctx data-testid="context" data-level=(level(percent)) title="How full the model's context is" {
                    span.vh { "Context " } span.w { (percent) "%" }
                }
            }
        }
    }
}

/// Whether the computer is not heard, or not as it should be, and so what is shown may not be so any more.
fn away(view: &SessionView) -> bool {
    let presence = view.header().presence;
    view.status() != SessionStatus::Ended && (!presence.online || presence.silent)
}

/// What is known of a session whose computer is not heard.
fn away_label(view: &SessionView) -> Option<(&'static str, &'static str)> {
    // Beside it stands how the page's own connection is doing.
    let online = view.header().presence.online;
    let known = if online { ("silent", "Computer silent") } else { ("offline", "Computer offline") };
    away(view).then_some(known)
}

fn level(percent: u64) -> &'static str {
    match percent {
        0..70 => "low",
        70..90 => "high",
        _ => "full",
    }
}

/// The agent's list of things to do, one line that opens.
pub(super) fn tasks(view: &SessionView) -> Markup {
    let tasks = &view.header().tasks;
    let done = tasks.iter().filter(|task| task.state == TaskState::Done).count();
    let at = |state| tasks.iter().find(|task| task.state == state);
    let current = at(TaskState::Doing).or_else(|| at(TaskState::Open));
    html! {
        @if !tasks.is_empty() {
            details.tasks id="tasks-list" data-testid="tasks" {
                summary {
                    (icon(Icon::Plan))
                    span.what dir="auto" {
                        @match current { Some(task) => (visible(&task.title)), None => "All done" }
                    }
                    span.state { (done) " of " (tasks.len()) }
                    (icon(Icon::Chevron))
                }
                ul { @for task in tasks { (task_row(task)) } }
            }
        }
    }
}

fn task_row(task: &Task) -> Markup {
    let (state, words) = match task.state {
        TaskState::Open => ("open", "To do: "),
        TaskState::Doing => ("doing", "At it: "),
        TaskState::Done => ("done", "Done: "),
    };
    html! {
        li data-state=(state) { span.vh { (words) } span dir="auto" { (visible(&task.title)) } }
    }
}

/// What the session's details say: where it runs, with what, and what it has used.
pub(super) fn details(view: &SessionView) -> Markup {
    let header = view.header();
    let usage = header.usage;
    let machine = header.exporter.as_ref().and_then(|exporter| exporter.machine.as_deref());
    let rows = [
        ("Computer", machine),
        ("Folder", header.cwd.as_deref()),
        ("Repository", header.repository.as_deref()),
        ("Branch", header.branch.as_deref()),
        ("Model", header.model.as_deref()),
    ];
    html! {
        dl.facts {
            @for (name, value) in rows {
                @if let Some(value) = value { dt { (name) } dd dir="auto" { (visible(value)) } }
            }
            @if let (Some(percent), Some(context), Some(limit)) = (usage.percent(), usage.context, usage.limit) {
                dt { "Context" }
                dd {
                    meter min="0" max="100" low="70" high="90" optimum="0" value=(percent) aria-label="Context used" {}
                    " " (percent) "%, " (thousands(context)) " of " (thousands(limit)) " tokens"
                }
            }
            @if usage.calls > 0 {
                dt { "Used" }
                dd { (thousands(usage.input)) " tokens in, " (thousands(usage.output)) " out, " (usage.calls) " model calls" }
            }
        }
        @if let Some(plan) = &header.plan {
            details.plan id="details-plan" {
                summary { (icon(Icon::Plan)) "The plan" (icon(Icon::Chevron)) }
                div.md dir="auto" tabindex="0" role="group" aria-label="The plan" { (super::markdown::markdown(plan.head())) }
            }
        }
    }
}

fn thousands(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..10_000 => format!("{}.{}k", count / 1_000, count % 1_000 / 100),
        _ => format!("{}k", count / 1_000),
    }
}

/// A banner: what the exporter wants to be known.
pub(super) fn notice(view: &SessionView) -> Markup {
    html! {
        @if let Some(notice) = view.header().exporter.as_ref().and_then(|exporter| exporter.notice.as_deref()) {
            p.banner data-testid="notice" { (icon(Icon::Info)) span dir="auto" { (notice) } }
        }
    }
}

/// The line below the transcript that says that something is going on, or that nobody knows.
pub(super) fn activity(view: &SessionView) -> Markup {
    let header = view.header();
    let working = view.status() == SessionStatus::Working;
    html! {
        @if away(view) {
            p.banner.silent data-testid="presence" { (icon(Icon::Warning)) span { (silence(view)) } }
        } @else if working {
            p.activity {
                span.dots aria-hidden="true" { i {} i {} i {} }
                @if header.stopping {
                    "Stopping"
                } @else {
                    (header.activity.as_deref().unwrap_or("Working"))
                }
            }
        }
        @if !working && view.items().len() == 0 && view.status() != SessionStatus::Ended {
            p.empty { "Nothing has been said yet." }
        }
    }
}

/// Since when the computer is not heard, and what to make of that.
fn silence(view: &SessionView) -> Markup {
    html! {
        @if let Some(ms) = view.header().presence.last_seen_ms {
            "The computer has been silent since " (time_ms(ms)) ". "
            @if view.status() == SessionStatus::Working { "It was working then. " }
            "What you see is the last that was heard; it goes on when the computer is back."
        } @else {
            "Nothing has been heard of the computer yet."
        }
    }
}

pub(super) fn suggestions(view: &SessionView) -> Markup {
    let header = view.header();
    let quiet = matches!(view.status(), SessionStatus::Idle | SessionStatus::Starting);
    html! {
        @if let Some(exporter) = header.exporter.as_ref().filter(|_| quiet && header.steerable) {
            @for suggestion in exporter.suggestions.iter().take(12) {
                button.chip type="button" data-testid="suggestion" data-act="suggest"
                    data-prompt=(suggestion.prompt) { (suggestion.label) }
            }
        }
    }
}

const MODES: [(&str, &str); 3] = [("interactive", "Interactive"), ("plan", "Plan"), ("autopilot", "Autopilot")];

/// Why nothing can be pressed.
pub(super) const READ_ONLY: &str = "This session is shared for reading only.";

/// Mode and stop, beside the send button, and whether there is anything to write to.
pub(super) fn controls(view: &SessionView) -> Markup {
    let header = view.header();
    let status = view.status();
    let running = matches!(status, SessionStatus::Working | SessionStatus::Waiting);
    let closed = match status {
        SessionStatus::Ended => Some("The session has ended."),
        _ if !header.steerable => Some(READ_ONLY),
        _ => None,
    };
    let wanted = header.mode_wanted.as_deref();
    let mode = wanted.or(header.mode.as_deref()).unwrap_or("interactive");
    html! {
        @if let Some(why) = closed {
            p.closed data-testid="closed" {
                (why)
                @if status == SessionStatus::Ended { " " (time(&header.since)) }
            }
        } @else {
            label.mode data-pending[wanted.is_some()] {
                span.vh { "Mode" }
                select id="mode" data-testid="mode" data-act="mode" autocomplete="off" {
                    @for (value, label) in MODES {
                        option value=(value) selected[value == mode] { (label) }
                    }
                    @if MODES.iter().all(|(value, _)| *value != mode) {
                        option value=(mode) selected disabled { (mode) }
                    }
                }
                (icon(Icon::Chevron))
            }
            (models(view))
            @if running {
                button.stop id="stop" type="button" data-testid="stop" data-act="stop" disabled[header.stopping] {
                    (icon(Icon::Stop))
                    span { @if header.stopping { "Stopping" } @else { "Stop" } }
                }
            }
        }
    }
}

/// The choice of a model, where the exporter offers one.
fn models(view: &SessionView) -> Markup {
    let header = view.header();
    let offered = header.exporter.iter().filter(|exporter| exporter.commands.iter().any(|word| word == "model_switch"));
    let models: Vec<_> = offered.flat_map(|exporter| &exporter.models).take(100).collect();
    let wanted = header.model_wanted.as_deref();
    let current = wanted.or(header.model.as_deref()).unwrap_or("");
    html! {
        @if !models.is_empty() {
            label.mode.model data-pending[wanted.is_some()] {
                span.vh { "Model" }
                select id="model" data-testid="model" data-act="model" autocomplete="off" {
                    @if models.iter().all(|model| model.id != current) {
                        option value=(current) selected disabled { (if current.is_empty() { "Model" } else { current }) }
                    }
                    @for model in &models {
                        option value=(model.id) selected[model.id == current] { (model.name.as_deref().unwrap_or(&model.id)) }
                    }
                }
                (icon(Icon::Chevron))
            }
        }
    }
}

/// A moment; the page puts it into the reader's own time zone.
pub(super) fn time(at: &str) -> Markup {
    at.parse::<jiff::Timestamp>().map_or_else(|_| html! {}, moment)
}

fn time_ms(ms: u64) -> Markup {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| html! {}, moment)
}

pub(super) fn moment(moment: jiff::Timestamp) -> Markup {
    html! {
        time datetime=(moment.to_string()) { (moment.strftime("%H:%M")) " UTC" }
    }
}

/// The last part of a path.
pub(super) fn folder_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches(['/', '\\']);
    let name = trimmed.rsplit(['/', '\\']).next().unwrap_or(trimmed);
    if name.is_empty() { path } else { name }
}

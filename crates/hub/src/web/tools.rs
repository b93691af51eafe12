//! Tool calls: one line each, that opens to arguments, output, changes and pictures.

use maud::{Markup, html};

use super::ansi::ansi;
use super::chrome::time;
use super::diff::{counts, diff};
use super::icon::{Icon, icon};
use super::items::{by_device, cut_note, item_id};
use super::visible::visible;
use crate::view::{Agent, By, Capped, Image, Input, Item, Outcome, ToolCall, ToolKind, ToolState, Verdict};

/// The id of the element that holds the items of a sub-agent.
pub(super) fn kids_id(n: u64) -> String {
    format!("k{n}")
}

/// The row of a tool call. `kids`: the items of the sub-agent that it started, as far as they are drawn.
pub(super) fn tool_row(item: &Item, tool: &ToolCall, kids: &Markup) -> Markup {
    let (state, label) = tool_state(tool);
    let exit = tool.exit_code.filter(|code| *code != 0);
    html! {
        details.item.row.tool.sub[item.nested] id=(item_id(item.n)) data-n=(item.n)
            data-parent=[item.parent.map(kids_id)] data-testid="item-tool" data-state=(state) data-tool=(tool.name)
            data-kind=(kind_word(tool.kind)) data-exit=[exit] {
            summary {
                (icon(tool_icon(tool.kind)))
                span.verb { (verb(tool)) }
                span.what.mono[mono(tool.kind)] dir="auto" { (visible(&tool.summary)) }
                @if let Some(diff) = &tool.diff {
                    @let (added, removed) = counts(diff.head());
                    span.plus { "+" (added) }
                    span.minus { "−" (removed) }
                }
                @if !tool.images.is_empty() {
                    span.count { (icon(Icon::Picture)) span.vh { "Pictures: " } (tool.images.len()) }
                }
                @if let Some(agent) = &tool.agent {
                    @if agent.steps > 0 { span.count { (steps(agent.steps)) } }
                }
                span.state dir="auto" { (visible(&label)) }
                (icon(Icon::Chevron))
            }
            div.inside { (inside(item, tool)) }
            @if tool.kind == ToolKind::Agent {
                div.kids id=(kids_id(item.n)) role="group" aria-label="Steps of the sub-agent" data-testid="kids" { (kids) }
            }
        }
    }
}

fn inside(item: &Item, tool: &ToolCall) -> Markup {
    html! {
        @if let Some(intention) = &tool.intention {
            p.why dir="auto" { (visible(intention)) }
        }
        @if let Some(outcome) = &tool.outcome { (outcome_line(outcome)) }
        @if let Some(agent) = &tool.agent { (agent_facts(agent)) }
        (input(&tool.input))
        @if let Some(text) = &tool.diff {
            (diff(text.head(), None))
            (cut_note(text))
        }
        @if !tool.images.is_empty() {
            div.pictures {
                @for (index, image) in tool.images.iter().enumerate() { (picture(item, index, image, "of the tool's answer")) }
            }
        }
        @if let Some(output) = &tool.output { (output_html(output)) }
        @if let Some(error) = &tool.error {
            p.bad { (icon(Icon::Warning)) (visible(error)) }
        }
        p.meta { span { (visible(&tool.name)) } " " (time(&item.at)) }
    }
}

/// Drawn by the page's script when it comes into view: nobody fetches what nobody looks at.
///
/// Its address names the event, too, by which it is found when the view does not keep the item any more.
pub(super) fn picture(item: &Item, index: usize, image: &Image, whose: &str) -> Markup {
    let size = format!("{} KB", image.bytes.len().div_ceil(1024));
    let event = item.seq.map_or_else(String::new, |seq| format!("?event={seq}"));
    html! {
        img data-testid="picture" data-src={ "page/picture/" (item.n) "/" (index) (event) } decoding="async"
            alt={ "Picture " (index + 1) " " (whose) ", " (size) };
    }
}

fn output_html(output: &Capped) -> Markup {
    html! {
        pre.out tabindex="0" role="group" aria-label="Output" dir="auto" {
            (ansi(output.head())) (cut_note(output)) (ansi(output.tail()))
        }
    }
}

fn agent_facts(agent: &Agent) -> Markup {
    html! {
        p.fact {
            @if !agent.name.is_empty() { span.k { "Agent" } span.v dir="auto" { (visible(&agent.name)) } }
            @if let Some(model) = &agent.model { span.k { "Model" } span.v dir="auto" { (visible(model)) } }
            @if let Some(tokens) = agent.tokens { span.k { "Tokens" } span.v { (tokens) } }
        }
    }
}

fn steps(count: u64) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

fn input(input: &Input) -> Markup {
    match input {
        Input::None => html! {},
        Input::Command(command) => html! {
            pre.cmd tabindex="0" role="group" aria-label="Command" {
                code { (visible(command.head())) (cut_note(command)) (visible(command.tail())) }
            }
        },
        Input::Json(json) => html! {
            pre.args tabindex="0" role="group" aria-label="Arguments" {
                code { (visible(json.head())) (cut_note(json)) (visible(json.tail())) }
            }
        },
    }
}

fn tool_state(tool: &ToolCall) -> (&'static str, String) {
    if tool.waiting {
        return ("waiting", "Needs you".to_owned());
    }
    match tool.state {
        ToolState::Running => ("running", "Running".to_owned()),
        ToolState::Done if tool.agent.as_ref().is_some_and(|agent| agent.running) => ("running", "Running".to_owned()),
        ToolState::Denied => ("denied", "Denied".to_owned()),
        ToolState::Interrupted => ("interrupted", "Stopped".to_owned()),
        ToolState::Failed => ("failed", "Failed".to_owned()),
        ToolState::Done if tool.runs_on => ("background", "Runs on".to_owned()),
        ToolState::Done => match (tool.exit_code, tool.took_ms) {
            (Some(code), _) if code != 0 => ("done", format!("Exit {code}")),
            _ if tool.kind == ToolKind::Ask => ("done", answer(tool)),
            (_, Some(ms)) if ms >= 1000 => ("done", duration(ms)),
            _ => ("done", String::new()),
        },
    }
}

/// What a question was answered with, in a few words.
fn answer(tool: &ToolCall) -> String {
    match tool.outcome.as_ref().map(|outcome| &outcome.verdict) {
        Some(Verdict::Answered(answer)) => answer.lines().next().unwrap_or("").chars().take(80).collect(),
        _ => String::new(),
    }
}

fn duration(ms: i64) -> String {
    match ms / 1000 {
        seconds @ 0..10 => format!("{seconds}.{} s", ms % 1000 / 100),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn verb(tool: &ToolCall) -> Markup {
    let word = match (tool.kind, tool.name.as_str()) {
        (_, "read_bash" | "read_powershell" | "read_agent") => "Read from",
        (_, "write_bash" | "write_powershell") => "Type into",
        (_, "stop_bash" | "stop_powershell") => "Stop",
        (_, "list_bash" | "list_powershell") => "List the shells",
        (_, "write_agent") => "Write to",
        (_, "list_agents") => "List the sub-agents",
        (ToolKind::Shell, _) => "Run",
        (ToolKind::Write, "create") => "Create",
        (ToolKind::Write, "delete") => "Delete",
        (ToolKind::Write, _) => "Edit",
        (ToolKind::Read, _) => "Read",
        (ToolKind::Search, _) => "Search",
        (ToolKind::Web, _) => "Fetch",
        (ToolKind::Ask, _) => "Ask",
        (ToolKind::Plan, _) => "Plan for review",
        (ToolKind::Agent, _) => "Sub-agent",
        (ToolKind::Todo, _) => "To-do list",
        (ToolKind::Other, name) => return visible(name),
    };
    html! { (word) }
}

fn tool_icon(kind: ToolKind) -> Icon {
    match kind {
        ToolKind::Shell => Icon::Shell,
        ToolKind::Write => Icon::Pencil,
        ToolKind::Read => Icon::File,
        ToolKind::Search => Icon::Search,
        ToolKind::Web => Icon::Globe,
        ToolKind::Ask => Icon::Question,
        ToolKind::Plan | ToolKind::Todo => Icon::Plan,
        ToolKind::Agent => Icon::Agent,
        ToolKind::Other => Icon::Tool,
    }
}

fn kind_word(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Agent => "agent",
        ToolKind::Shell => "shell",
        ToolKind::Write => "write",
        _ => "other",
    }
}

fn mono(kind: ToolKind) -> bool {
    matches!(kind, ToolKind::Shell | ToolKind::Write | ToolKind::Read | ToolKind::Search | ToolKind::Web)
}

/// How a request ended: what was said, by whom and when.
pub(super) fn outcome_line(outcome: &Outcome) -> Markup {
    let (class, mark, words) = match &outcome.verdict {
        Verdict::Approved => ("good", Icon::Check, "Approved"),
        Verdict::ApprovedForSession => ("good", Icon::Check, "Approved for this session"),
        Verdict::Denied => ("bad", Icon::Cross, "Denied"),
        Verdict::Answered(_) => ("good", Icon::Check, "Answered"),
        Verdict::Declined => ("quiet", Icon::Cross, "Not answered"),
        Verdict::Cancelled => ("quiet", Icon::Cross, "Closed without an answer"),
    };
    html! {
        p class={ "outcome " (class) } data-testid="outcome" {
            (icon(mark))
            (words) " "
            @match &outcome.by {
                By::Local => span.by { "in the terminal" },
                By::Link(sender) => (by_device(sender, "by", "from ", "from the link")),
                By::Nobody => {},
            }
            " " (time(&outcome.at))
            @if let Verdict::Answered(answer) = &outcome.verdict {
                " "
                span.answer dir="auto" { (visible(answer)) }
            }
        }
    }
}

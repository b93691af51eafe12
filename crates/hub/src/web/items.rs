//! The transcript's rows.

use maud::{Markup, html};

use super::ansi::ansi;
use super::chrome::time;
use super::diff::{counts, diff};
use super::icon::{Icon, icon};
use super::markdown::{markdown, open_code, plain};
use super::visible::visible;
use crate::view::{
    AskRow, Body, By, Capped, Input, Item, Level, Notice, Outcome, Prose, ProseText, Queued, Source, StreamText,
    TailForm, ToolCall, ToolKind, ToolState, UserText, Verdict,
};
use groundlink_protocol::api::CommandState;

/// The id of an item's element.
pub(super) fn item_id(n: u64) -> String {
    format!("i{n}")
}

/// The id of a queued message's element.
pub(super) fn queued_id(n: u64) -> String {
    format!("q{n}")
}

pub(super) fn item(item: &Item) -> Markup {
    let id = item_id(item.n);
    let at = &item.at;
    match &item.body {
        Body::User(user) => user_row(&id, item, user),
        Body::Assistant(prose) => html! {
            article.item.assistant.sub[item.nested] id=(id) data-n=(item.n) data-testid="item-assistant"
                data-state=(prose_state(prose)) {
                span.vh { "Agent: " }
                (prose_html(prose))
            }
        },
        Body::Reasoning(prose) => html! {
            details.item.row.thought.sub[item.nested] id=(id) data-n=(item.n) data-testid="item-reasoning"
                data-state=(prose_state(prose)) {
                summary {
                    (icon(Icon::Thought))
                    span.what { @if prose_state(prose) == "streaming" { "Thinking" } @else { "Thought" } }
                    (icon(Icon::Chevron))
                }
                div.inside { (prose_html(prose)) }
            }
        },
        Body::Tool(tool) => tool_row(&id, item, tool),
        Body::Request(row) => ask_row(&id, item.n, at, row),
        Body::Notice(notice) => notice_row(&id, item.n, at, notice),
    }
}

fn user_row(id: &str, item: &Item, user: &UserText) -> Markup {
    let (source, label, command) = match &user.source {
        Source::Local => ("local", "Local", None),
        Source::Link(command) => ("link", "From the link", Some(command)),
        Source::Autopilot => ("autopilot", "Autopilot", None),
    };
    html! {
        article.item.user.failed[user.failed.is_some()] id=(id) data-n=(item.n) data-testid="item-user"
            data-source=(source) data-command=[command] {
            span.vh { "Message: " }
            div.bubble dir="auto" { (capped_plain(&user.text)) }
            p.meta {
                @if let Some(why) = &user.failed {
                    span.bad { (icon(Icon::Warning)) "Not delivered. " (why) }
                } @else {
                    span.source { (label) } " " (time(&item.at))
                }
            }
        }
    }
}

/// A message that is on its way to the agent.
pub(super) fn queued(queued: &Queued) -> Markup {
    let label = match queued.state {
        CommandState::Delivered => "On its way to the agent",
        CommandState::Applied => "With the agent, which reads it at its next step",
        _ => "Waiting for the computer to fetch it",
    };
    html! {
        article.item.user.queued id=(queued_id(queued.n)) data-testid="item-queued"
            data-state=(queued.state.as_str()) data-command=(queued.command) {
            span.vh { "Queued message: " }
            div.bubble dir="auto" { (capped_plain(&queued.text)) }
            p.meta { (label) }
        }
    }
}

fn capped_plain(text: &Capped) -> Markup {
    html! {
        (text.head())
        (cut_note(text))
        (text.tail())
    }
}

/// Says how much of a text is not shown.
fn cut_note(text: &Capped) -> Markup {
    html! {
        @if text.cut() > 0 {
            span.cut { (size(text.cut())) " not shown" }
        }
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KB", bytes / 1024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}

fn prose_state(prose: &Prose) -> &'static str {
    match &prose.text {
        ProseText::Streaming(_) => "streaming",
        ProseText::Whole(_) if prose.interrupted => "interrupted",
        ProseText::Whole(_) => "done",
    }
}

fn prose_html(prose: &Prose) -> Markup {
    html! {
        div.md dir="auto" {
            @match &prose.text {
                ProseText::Streaming(stream) => {
                    div.done { (blocks(stream, 0)) }
                    div.tail { (tail(stream)) }
                }
                ProseText::Whole(text) => {
                    (markdown(text.head()))
                    (cut_note(text))
                }
            }
        }
        @if prose.interrupted {
            p.meta { "Stopped here" }
        }
    }
}

/// The finished blocks of a growing text from an offset on. Each is drawn by itself, so that the
/// result is the same however many of them are drawn at once.
pub(super) fn blocks(stream: &StreamText, from: usize) -> Markup {
    html! {
        @for block in stream.blocks_from(from) { (markdown(block)) }
    }
}

/// The part of a growing text that may still change.
pub(super) fn tail(stream: &StreamText) -> Markup {
    match stream.tail() {
        TailForm::Markdown(text) => markdown(text),
        TailForm::Code { language, content } => open_code(language, content),
        TailForm::Plain(text) => plain(text),
    }
}

fn tool_row(id: &str, item: &Item, tool: &ToolCall) -> Markup {
    let (state, label) = tool_state(tool);
    html! {
        details.item.row.tool.sub[item.nested] id=(id) data-n=(item.n) data-testid="item-tool"
            data-state=(state) data-tool=(tool.name) data-exit=[tool.exit_code.filter(|code| *code != 0)] {
            summary {
                (icon(tool_icon(tool.kind)))
                span.verb { (verb(tool)) }
                span.what.mono[mono(tool.kind)] dir="auto" { (visible(&tool.summary)) }
                @if let Some(diff) = &tool.diff {
                    @let (added, removed) = counts(diff.head());
                    span.plus { "+" (added) }
                    span.minus { "−" (removed) }
                }
                span.state dir="auto" { (visible(&label)) }
                (icon(Icon::Chevron))
            }
            div.inside {
                @if let Some(intention) = &tool.intention {
                    p.why dir="auto" { (intention) }
                }
                @if let Some(outcome) = &tool.outcome {
                    (outcome_line(outcome))
                }
                (input(&tool.input))
                @if let Some(text) = &tool.diff {
                    (diff(text.head(), None))
                    (cut_note(text))
                }
                @if let Some(output) = &tool.output {
                    pre.out tabindex="0" aria-label="Output" dir="auto" {
                        (ansi(output.head())) (cut_note(output)) (ansi(output.tail()))
                    }
                }
                @if let Some(error) = &tool.error {
                    p.bad { (icon(Icon::Warning)) (visible(error)) }
                }
                p.meta { (visible(&tool.name)) " " (time(&item.at)) }
            }
        }
    }
}

fn input(input: &Input) -> Markup {
    match input {
        Input::None => html! {},
        Input::Command(command) => html! {
            pre.cmd tabindex="0" aria-label="Command" {
                code { (visible(command.head())) (cut_note(command)) (visible(command.tail())) }
            }
        },
        Input::Json(json) => html! {
            pre.args tabindex="0" aria-label="Arguments" {
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
        ToolState::Denied => ("denied", "Denied".to_owned()),
        ToolState::Interrupted => ("interrupted", "Stopped".to_owned()),
        ToolState::Failed => ("failed", "Failed".to_owned()),
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
        ToolKind::Plan => Icon::Plan,
        ToolKind::Agent => Icon::Agent,
        ToolKind::Other => Icon::Tool,
    }
}

fn mono(kind: ToolKind) -> bool {
    matches!(kind, ToolKind::Shell | ToolKind::Write | ToolKind::Read | ToolKind::Search | ToolKind::Web)
}

fn outcome_line(outcome: &Outcome) -> Markup {
    let (class, mark, words) = match &outcome.verdict {
        Verdict::Approved => ("good", Icon::Check, "Approved"),
        Verdict::ApprovedForSession => ("good", Icon::Check, "Approved for this session"),
        Verdict::Denied => ("bad", Icon::Cross, "Denied"),
        Verdict::Answered(_) => ("good", Icon::Check, "Answered"),
        Verdict::Declined => ("quiet", Icon::Cross, "Not answered"),
        Verdict::Cancelled => ("quiet", Icon::Cross, "Closed without an answer"),
    };
    html! {
        p class={ "outcome " (class) } {
            (icon(mark))
            (words) " "
            @match &outcome.by {
                By::Local => span.by { "locally" },
                By::Link(command) => span.by data-command=(command) { "from the link" },
                By::Nobody => {},
            }
            @if let Verdict::Answered(answer) = &outcome.verdict {
                " "
                span.answer dir="auto" { (visible(answer)) }
            }
        }
    }
}

fn ask_row(id: &str, n: u64, at: &str, row: &AskRow) -> Markup {
    html! {
        article.item.row.ask id=(id) data-n=(n) data-testid="item-request"
            data-state=(if row.waiting { "waiting" } else { "closed" }) {
            p {
                (icon(Icon::Shield))
                span.what dir="auto" { (visible(&row.summary)) }
                @if row.waiting { span.state { "Needs you" } } @else { (time(at)) }
            }
            @if let Some(outcome) = &row.outcome { (outcome_line(outcome)) }
        }
    }
}

fn notice_row(id: &str, n: u64, at: &str, notice: &Notice) -> Markup {
    let (level, mark) = match notice.level {
        Level::Info => ("info", Icon::Info),
        Level::Warning => ("warning", Icon::Warning),
        Level::Error => ("error", Icon::Warning),
        Level::Stopped => ("stopped", Icon::Stop),
    };
    html! {
        p.item.note id=(id) data-n=(n) data-testid="item-notice" data-level=(level) {
            (icon(mark))
            span dir="auto" { (visible(notice.text.head())) (cut_note(&notice.text)) }
            (time(at))
        }
    }
}

//! The transcript's rows.

use maud::{Markup, html};

use super::chrome::time;
use super::icon::{Icon, icon};
use super::markdown::{markdown, open_code, plain};
use super::tools::{kids_id, outcome_line, picture, tool_row};
use super::visible::visible;
use crate::view::{
    AskRow, Attached, Body, Capped, Item, Level, Notice, Prose, ProseText, Queued, Sender, SessionView, Source,
    StreamText, TailForm, UserText,
};
use groundlink_protocol::api::{CommandState, Delivery, SessionStatus};

/// The id of an item's element.
pub(super) fn item_id(n: u64) -> String {
    format!("i{n}")
}

/// The id of a queued message's element.
pub(super) fn queued_id(n: u64) -> String {
    format!("q{n}")
}

/// An item without those of a sub-agent that it may hold.
pub(super) fn item(item: &Item) -> Markup {
    item_with(item, &html! {})
}

/// An item, and within it the given ones of the sub-agent that it started.
pub(super) fn item_with(item: &Item, kids: &Markup) -> Markup {
    let id = item_id(item.n);
    let at = &item.at;
    let parent = item.parent.map(kids_id);
    match &item.body {
        Body::User(user) => user_row(&id, item, user),
        Body::Assistant(prose) => html! {
            article.item.assistant.sub[item.nested] id=(id) data-n=(item.n)
                data-parent=[parent] data-testid="item-assistant" data-state=(prose_state(prose)) {
                span.vh { "Agent: " }
                (prose_html(prose))
            }
        },
        Body::Reasoning(prose) => html! {
            details.item.row.thought.sub[item.nested] id=(id) data-n=(item.n)
                data-parent=[parent] data-testid="item-reasoning" data-state=(prose_state(prose)) {
                summary {
                    (icon(Icon::Thought))
                    span.what { @if prose_state(prose) == "streaming" { "Thinking" } @else { "Thought" } }
                    (icon(Icon::Chevron))
                }
                div.inside { (prose_html(prose)) }
            }
        },
        Body::Tool(tool) => tool_row(item, tool, kids),
        Body::Request(row) => ask_row(&id, item.n, at, row),
        Body::Notice(notice) => notice_row(&id, item.n, at, notice),
    }
}

fn user_row(id: &str, item: &Item, user: &UserText) -> Markup {
    let (source, label, command) = match &user.source {
        Source::Local => ("local", html! { span.source { "Terminal" } }, None),
        Source::Link(sender) => ("link", by_device(sender, "source", "", "From the link"), Some(&sender.command)),
        Source::Autopilot => ("autopilot", html! { span.source { "Autopilot" } }, None),
        Source::Agent => ("agent", html! { span.source { "The agent, to its sub-agent" } }, None),
    };
    html! {
        article.item.user.sub[item.nested].failed[user.failed.is_some()] id=(id) data-n=(item.n)
            data-parent=[item.parent.map(kids_id)] data-testid="item-user" data-source=(source) data-command=[command] {
            span.vh { "Message: " }
            div.bubble dir="auto" { (capped_plain(&user.text)) }
            (attached(item, &user.attached))
            p.meta {
                @if let Some(why) = &user.failed {
                    span.bad { (icon(Icon::Warning)) "Not delivered. " (why) }
                } @else {
                    (label) " " (time(&item.at))
                }
            }
        }
    }
}

/// What came along with a message.
fn attached(item: &Item, attached: &Attached) -> Markup {
    html! {
        @if !attached.images.is_empty() {
            div.pictures {
                @for (index, image) in attached.images.iter().enumerate() { (picture(item, index, image, "sent along")) }
            }
        }
        @if !attached.files.is_empty() {
            ul.files aria-label="Sent along" {
                @for name in &attached.files { li data-testid="attached" { (icon(Icon::File)) span dir="auto" { (visible(name)) } } }
            }
        }
    }
}

/// A message that is on its way to the agent.
pub(super) fn queued(view: &SessionView, queued: &Queued) -> Markup {
    let open = view.takes_messages();
    let label = match queued.state {
        CommandState::Accepted if view.status() == SessionStatus::Ended => "Waiting, but the session has ended",
        CommandState::Accepted if !open => "Waiting, but the session takes no messages now",
        CommandState::Accepted if queued.delivery == Delivery::Queue => "Queued, goes out when this turn ends",
        CommandState::Delivered if queued.taken => "With the agent, which reads it at its next step",
        CommandState::Delivered => "On its way to the agent",
        _ => "Waiting for the computer to fetch it",
    };
    html! {
        article.item.user.queued id=(queued_id(queued.n)) data-testid="item-queued"
            data-state=(queued.state.as_str()) data-command=(queued.command) {
            span.vh { "Queued message: " }
            div.bubble dir="auto" { (capped_plain(&queued.text)) }
            p.meta {
                @if let Some(device) = &queued.device {
                    (by_device(&Sender { command: queued.command.clone(), device: Some(device.clone()) }, "source", "", "From the link"))
                    " · "
                }
                (label)
            }
            @if queued.state == CommandState::Accepted && queued.delivery == Delivery::Queue { (queue_tools(queued, open)) }
        }
    }
}

/// What can be done with a message that still waits; where nobody takes messages any more, it can be taken back.
fn queue_tools(queued: &Queued, open: bool) -> Markup {
    let whole = open && queued.text.cut() == 0;
    html! {
        div.queue-tools {
            @if whole {
                button.quiet type="button" data-testid="queue-edit" data-act="queue-edit" { (icon(Icon::Pencil)) "Edit" }
                button.quiet type="button" data-testid="queue-steer" data-act="queue-steer" { (icon(Icon::Steer)) "Steer now" }
            }
            button.quiet type="button" data-testid="queue-cancel" data-act="queue-cancel" { (icon(Icon::Cross)) "Cancel" }
        }
        @if whole {
            form.queue-form hidden data-act="queue-save" {
                textarea.line name="content" rows="2" dir="auto" data-testid="queue-text" aria-label="The queued message" {
                    (queued.text.head())
                }
                div.queue-tools {
                    button.quiet type="submit" data-testid="queue-save" { (icon(Icon::Check)) "Save" }
                    button.quiet type="button" data-act="queue-keep" { "Leave as it is" }
                }
            }
        }
        p.card-error.bad role="alert" hidden {}
    }
}

/// The device that gave a command. The page calls its own so.
pub(super) fn by_device(sender: &Sender, class: &str, before: &str, nameless: &str) -> Markup {
    let device = sender.device.as_ref();
    let name = device.and_then(|device| device.name.as_deref()).filter(|name| !name.trim().is_empty());
    html! {
        span class=(class) dir="auto" data-command=(sender.command) data-device=[device.map(|device| &device.id)] {
            @if let Some(name) = name { (before) (visible(name)) } @else { (nameless) }
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
pub(super) fn cut_note(text: &Capped) -> Markup {
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
            span.says {
                span.said dir="auto" {
                    (visible(notice.text.head())) (cut_note(&notice.text))
                    @if let Some(sender) = &notice.by { " " (by_device(sender, "by", "from ", "from the link")) }
                }
                @if let Some(advice) = &notice.advice { span.advice dir="auto" { (visible(advice)) } }
                @if let Some(url) = &notice.url {
                    a href=(url) target="_blank" rel="noopener noreferrer nofollow" { (visible(url)) }
                }
            }
            (time(at))
        }
    }
}

//! The page of all sessions: its rows, drawn the same for the first load and for every change.

use std::fmt::Write as _;

use groundlink_protocol::api::{SessionEntry, SessionStatus};
use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use super::app;
use super::chrome::{folder_name, moment, status_label};
use super::dialogs;
use super::icon::{Icon, icon};
use super::page::{Files, document, files};
use super::visible::visible;

/// What the page of all sessions must know beside them.
#[derive(Clone, Debug)]
pub struct ListContext {
    /// The base of the hub link's API, ending in `/api/v1/hubs/{key}`; absolute, or absolute within the site.
    pub api_base: String,
    /// The place in the hub's changes up to which the sessions hold.
    pub cursor: String,
    /// The link that leads here.
    pub link_url: String,
    /// The link as a QR code, an SVG drawing made by the program that runs the hub; put into the page as it is.
    pub qr: Option<String>,
    /// The hub's public key for push services, where people can be notified.
    pub push: Option<String>,
}

/// A drawn session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListRow {
    /// The session.
    pub id: String,
    /// Where it belongs.
    pub group: &'static str,
    /// The row.
    pub html: String,
}

/// A change of the drawn list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListChange {
    /// Forget what was there before.
    pub all: bool,
    /// Rows that are new or different.
    pub rows: Vec<ListRow>,
    /// Sessions that were deleted.
    pub gone: Vec<String>,
}

/// The groups, in the page's order, and their titles.
const GROUPS: [(&str, &str); 6] = [
    ("needs", "Needs you"),
    ("working", "Working"),
    ("idle", "Idle"),
    ("offline", "Offline"),
    ("ended", "Ended"),
    ("archived", "Archived"),
];

/// Where a session belongs. One whose computer is not heard waits for nobody who could be told so.
fn group(entry: &SessionEntry) -> &'static str {
    match entry.status {
        _ if entry.archived => "archived",
        SessionStatus::Ended => "ended",
        _ if !entry.presence.online => "offline",
        SessionStatus::Waiting => "needs",
        SessionStatus::Working => "working",
        _ => "idle",
    }
}

/// Draws the page of all sessions.
pub fn list(sessions: &[SessionEntry], context: &ListContext) -> String {
    let mut rows: Vec<(&SessionEntry, u64)> = sessions.iter().map(|entry| (entry, moment_ms(entry))).collect();
    rows.sort_by_key(|(entry, at)| (std::cmp::Reverse(*at), entry.session_id.clone()));
    // Who has waited the longest comes first.
    rows.sort_by_key(|(entry, at)| if group(entry) == "needs" { *at } else { 0 });
    let waiting = rows.iter().filter(|(entry, _)| group(entry) == "needs").count();
    let body = html! {
        a.skip href="#find" { "Skip to the search field" }
        div #app.list data-api=(context.api_base) data-cursor=(context.cursor) data-push=[&context.push] {
            header.bar {
                h1 { "Sessions" }
                p #connection data-testid="connection" data-state="connecting" { "Connecting" }
                @if context.push.is_some() { (dialogs::bell()) }
                button.icon-button type="button" data-testid="details-open" data-act="open-hand-on" aria-haspopup="dialog"
                    aria-label="Open this list on another device" title="Open this list on another device" { (icon(Icon::Share)) }
                div.find role="search" {
                    (icon(Icon::Search))
                    input #find type="search" data-testid="find" placeholder="Find a session" aria-label="Find a session"
                        autocomplete="off" spellcheck="false" dir="auto" enterkeyhint="search";
                }
            }
            noscript {
                p.banner { "Scripts are off in this browser: this is the state when the page was loaded. Load it again for a newer one." }
            }
            main {
                @for (name, title) in GROUPS { (section(name, title, &rows)) }
                div #empty.empty data-testid="empty" hidden[!rows.is_empty()] {
                    p { "No sessions yet." }
                    p.hint { "A session appears here as soon as it is shared to this hub." }
                }
                p #nothing.empty data-testid="nothing" hidden { "No session fits." }
            }
            (hand_on(context))
            (menu())
            (deletion())
            @if context.push.is_some() { (dialogs::notify(true)) }
            div #polite.vh aria-live="polite" {}
            div #assertive.vh aria-live="assertive" {}
        }
    };
    let title = if waiting > 0 { format!("({waiting}) Sessions") } else { "Sessions".to_owned() };
    let parts = Files {
        sheets: &["page.css", "cards.css", "sessions.css"],
        script: Some("sessions.js"),
        modules: super::assets::LIST_MODULES,
    };
    document(&title, &files(&context.api_base), &body, &parts, Some(&app::list_address(&context.api_base)))
}

fn section(name: &str, title: &str, rows: &[(&SessionEntry, u64)]) -> Markup {
    let of_it: Vec<&SessionEntry> = rows.iter().map(|(entry, _)| *entry).filter(|entry| group(entry) == name).collect();
    let list = html! {
        ul.sessions data-testid={ "list-" (name) } { @for entry in &of_it { (PreEscaped(row(entry).html)) } }
    };
    let count = html! { span.count { (of_it.len()) } };
    html! {
        section.group id={ "group-" (name) } data-group=(name) data-testid={ "group-" (name) } hidden[of_it.is_empty()] {
            @if name == "archived" {
                details #archived-list {
                    summary { h2 { (title) } (count) (icon(Icon::Chevron)) }
                    (list)
                }
            } @else {
                div.group-top { h2 { (title) } (count) }
                (list)
            }
        }
    }
}

/// Draws a session.
pub fn row(entry: &SessionEntry) -> ListRow {
    let name = title(entry);
    let path = entry.link.find("/t/").map_or("", |at| &entry.link[at..]);
    let folder = entry.cwd.as_deref().map(folder_name);
    let connected = entry.presence.online && entry.status != SessionStatus::Ended;
    let group = group(entry);
    let html = html! {
        li.session id={ "s-" (entry.session_id) } data-testid="session" data-id=(entry.session_id) data-group=(group)
            data-at=(moment_ms(entry)) data-find=(searchable(entry)) data-title=(name) data-name=[entry.name.as_deref()]
            data-archived[entry.archived] data-connected[connected] {
            a.open href=(path) data-testid="open" {
                span.first {
                    strong.name dir="auto" { (visible(&name)) }
                    (state(entry))
                }
                @if let Some((kind, what)) = waits(entry) {
                    span.waits data-testid="waits" {
                        (icon(kind)) span.what dir="auto" { (visible(&what)) }
                        @if entry.waiting.len() > 1 { span.more { "and " (entry.waiting.len() - 1) " more" } }
                    }
                } @else if let Some(error) = entry.error.as_deref().filter(|_| entry.status == SessionStatus::Error) {
                    span.waits.failed data-testid="failed" { (icon(Icon::Warning)) span.what dir="auto" { (visible(error)) } }
                }
                span.about {
                    @if let Some(place) = entry.repository.as_deref().or(folder).filter(|place| *place != name) {
                        span title=[entry.cwd.as_deref()] { (icon(Icon::Folder)) span.vh { "In " } span.w dir="auto" { (visible(place)) } }
                    }
                    @if let Some(branch) = &entry.branch {
                        span { (icon(Icon::Branch)) span.vh { "branch " } span.w dir="auto" { (visible(branch)) } }
                    }
                    @if let Some(machine) = &entry.machine {
                        span { span.vh { "on " } span.w dir="auto" { (visible(machine)) } }
                    }
                    @if let Some(model) = &entry.model {
                        span { span.vh { "model " } span.w dir="auto" { (visible(model)) } }
                    }
                }
            }
            button.icon-button type="button" data-act="menu" data-testid="menu" aria-haspopup="dialog"
                aria-label={ "Rename, archive or delete " (name) } title="Rename, archive or delete" { (icon(Icon::More)) }
        }
    };
    ListRow { id: entry.session_id.clone(), group, html: html.into_string() }
}

/// What people call it.
pub(crate) fn title(entry: &SessionEntry) -> String {
    let folder = entry.cwd.as_deref().map(folder_name);
    entry.name.as_deref().or(entry.title.as_deref()).or(folder).unwrap_or("Session").to_owned()
}

/// The status and since when.
fn state(entry: &SessionEntry) -> Markup {
    let away = !entry.presence.online && entry.status != SessionStatus::Ended;
    let (word, label) = if away { ("offline", "Offline") } else { (entry.status.as_str(), status_label(entry.status)) };
    let since = i64::try_from(moment_ms(entry)).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    html! {
        span.state {
            // Of one that has ended nobody expects to hear.
            @if entry.presence.online && entry.presence.silent && entry.status != SessionStatus::Ended {
                span.pill data-testid="state" data-status="silent" { "Silent" }
            } @else {
                span.pill data-testid="state" data-status=(word) { (label) }
            }
            @if let Some(since) = since {
                span.vh { " since " }
                span.age data-since=(since.as_millisecond()) { (moment(since)) }
            }
        }
    }
}

/// What it waits for, in a line.
fn waits(entry: &SessionEntry) -> Option<(Icon, String)> {
    use groundlink_protocol::api::RequestKind;
    let first = entry.waiting.first().filter(|_| entry.status == SessionStatus::Waiting)?;
    let kind = match first.kind {
        RequestKind::Permission => Icon::Shield,
        RequestKind::PlanApproval => Icon::Plan,
        _ => Icon::Question,
    };
    Some((kind, first.summary.clone()))
}

/// The moment that counts for its place and its age, in milliseconds since 1970: since when it is as it is; of one that
/// is offline, when it was heard last.
fn moment_ms(entry: &SessionEntry) -> u64 {
    let since = entry.since.as_deref().and_then(|since| since.parse::<jiff::Timestamp>().ok());
    let since = since.and_then(|since| u64::try_from(since.as_millisecond()).ok());
    let heard = entry.presence.last_seen_ms.filter(|_| !entry.presence.online && entry.status != SessionStatus::Ended);
    heard.or(since).or(entry.presence.last_seen_ms).unwrap_or(entry.created_at_ms)
}

/// What the search looks through.
fn searchable(entry: &SessionEntry) -> String {
    let mut text = String::new();
    let fields =
        [&entry.name, &entry.title, &entry.repository, &entry.branch, &entry.cwd, &entry.machine, &entry.model];
    let waiting = entry.waiting.iter().map(|waiting| &waiting.summary);
    for word in fields.into_iter().flatten().chain(waiting) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{} ", word.to_lowercase());
    }
    text
}

fn hand_on(context: &ListContext) -> Markup {
    html! {
        dialog.sheet #hand-on-dialog aria-labelledby="hand-on-title" data-testid="hand-on" {
            (dialogs::top("hand-on-title", "Open this list on another device"))
            @if let Some(qr) = &context.qr {
                div.qr data-testid="qr" { (PreEscaped(qr)) }
            }
            p.hint { "Whoever has this link can watch, steer, rename and delete every session of this hub. To show somebody one session, hand on its own link." }
            div.link-row {
                input.line #link readonly value=(context.link_url) aria-label="The link of this list" dir="ltr";
                button.plain type="button" data-act="copy-link" data-testid="copy-link" { "Copy" }
            }
        }
    }
}

fn menu() -> Markup {
    html! {
        dialog.sheet #menu-dialog aria-labelledby="menu-title" data-testid="session-menu" {
            (dialogs::top("menu-title", "Session"))
            form #rename method="dialog" {
                label.field for="name" { "Name" }
                div.link-row {
                    input.line #name maxlength="120" autocomplete="off" dir="auto" data-testid="name" enterkeyhint="done";
                    button.plain type="submit" data-testid="rename" { "Save" }
                }
                p.hint { "Without a name, the session's own title is shown." }
            }
            div.two {
                button.plain type="button" data-act="archive" data-testid="archive" { "Archive" }
                button.plain.danger type="button" data-act="ask-delete" data-testid="delete" { "Delete" }
            }
            p.hint #delete-hint data-testid="delete-hint" hidden { "It is connected. To delete it, end it where it runs." }
            p.bad #menu-error role="alert" data-testid="menu-error" hidden {}
        }
    }
}

fn deletion() -> Markup {
    html! {
        dialog.sheet #delete-dialog role="alertdialog" aria-labelledby="delete-title" aria-describedby="delete-text" data-testid="delete-dialog" {
            (dialogs::top("delete-title", "Delete this session?"))
            p #delete-text {
                strong #delete-name dir="auto" {}
                " is removed from this hub with all that was said and done in it. Its link leads nowhere any more. This cannot be undone."
            }
            p.hint { "The record of who answered what is kept. Files that the agent changed stay as they are." }
            p.bad #delete-error role="alert" data-testid="delete-error" hidden {}
            div.two {
                button.plain type="button" data-act="close-dialog" data-testid="delete-cancel" autofocus { "Keep" }
                button.plain.danger type="button" data-act="delete" data-testid="delete-confirm" { "Delete" }
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! What opens over the page: the session's details with its link, and the help for the keyboard.

use maud::{Markup, PreEscaped, html};

use super::icon::{Icon, icon};
use super::page::PageContext;

/// Keys and what they do, as the page's script has them.
const KEYS: [(&[&str], &str); 9] = [
    (&["?"], "Show this help"),
    (&["/"], "Write a message"),
    (&["w"], "Go to what waits for you"),
    (&["e"], "Go to the newest"),
    (&["i"], "Session details and link"),
    (&["Enter"], "Send, or queue while the agent works"),
    (&["Ctrl", "Enter"], "Steer now"),
    (&["Shift", "Enter"], "New line"),
    (&["Esc"], "Leave a field or close a window"),
];

/// Where the session runs, and the link to hand on.
pub(super) fn details(context: &PageContext, region: PreEscaped<&str>) -> Markup {
    html! {
        dialog.sheet #details-dialog aria-labelledby="details-title" data-testid="details" {
            (top_with("details-title", "This session", Some(&html! {
                button.quiet type="button" data-act="open-keys" { (icon(Icon::Keys)) "Keyboard" }
            })))
            div #details { (region) }
            p.hint #connection-facts data-testid="connection-facts" {}
            section.hand-on {
                h3 { "Hand on to another device" }
                @if let Some(qr) = &context.qr {
                    div.qr data-testid="qr" { (PreEscaped(qr)) }
                }
                p.hint { "Whoever has this link can watch and steer the session." }
                div.link-row {
                    input.line #link readonly value=(context.link_url) aria-label="The session's link" dir="ltr";
                    button.plain type="button" data-act="copy-link" data-testid="copy-link" { "Copy" }
                }
            }
            section {
                label.field for="device-name" { "This device is called" }
                input.line #device-name maxlength="60" autocomplete="off" dir="auto" data-testid="device-name";
                p.hint { "The other devices see it beside what you send." }
            }
        }
    }
}

/// The keyboard's help.
pub(super) fn keys() -> Markup {
    html! {
        dialog.sheet #keys-dialog aria-labelledby="keys-title" data-testid="keys" {
            (top("keys-title", "Keyboard"))
            dl.keys {
                @for (keys, what) in KEYS {
                    dt { @for key in keys { kbd { (key) } " " } }
                    dd { (what) }
                }
            }
            label.tick { input type="checkbox" #single-keys checked; span { "Single keys do something outside of fields" } }
        }
    }
}

/// The button that opens the window of notifications.
pub(super) fn bell() -> Markup {
    html! {
        button #bell.icon-button type="button" data-testid="bell" data-state="off" aria-haspopup="dialog"
            aria-label="Notifications" title="Notifications" { (icon(Icon::Bell)) }
    }
}

/// Whether this device is notified, and of what.
pub(super) fn notify(all: bool) -> Markup {
    html! {
        dialog.sheet #notify-dialog aria-labelledby="notify-title" data-testid="notify" {
            (top("notify-title", "Notifications"))
            p.hint {
                @if all { "When one of the sessions needs you, also while this page is closed." }
                @else { "When this session needs you, also while this page is closed." }
                " Not while somebody looks at a page that shows it."
            }
            label.tick { input type="checkbox" #notify-on data-testid="notify-on" autocomplete="off"; span { "Notify this device" } }
            p.hint #notify-state role="status" data-testid="notify-state" {}
            label.tick { input type="checkbox" #notify-content data-testid="notify-content" autocomplete="off" disabled; span { "Say which session it is and what it asks" } }
            p.hint { "It may be read on a locked screen. Without it, a notification only says that a session needs you. Either way only this browser can decrypt it." }
            label.tick { input type="checkbox" #notify-done data-testid="notify-done" autocomplete="off" disabled; span { "Also when a turn is done" } }
            p.bad #notify-error role="alert" data-testid="notify-error" hidden {}
        }
    }
}

pub(super) fn top(id: &str, title: &str) -> Markup {
    top_with(id, title, None)
}

/// A window's head with something more to press, in sight wherever the window is scrolled to.
fn top_with(id: &str, title: &str, more: Option<&Markup>) -> Markup {
    html! {
        div.sheet-top {
            h2 id=(id) { (title) }
            @if let Some(more) = more { (more) }
            // Without a word about it, the focus would go to what stands before this.
            button.icon-button type="button" data-act="close-dialog" aria-label="Close" autofocus[more.is_some()] {
                (icon(Icon::Cross))
            }
        }
    }
}

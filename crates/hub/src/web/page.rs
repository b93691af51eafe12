//! The whole page, and the page that says that there is none.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets::address;
use super::icon::{Icon, icon};
use super::patch::{ViewerCursor, regions};
use super::{chrome, items};
use crate::view::SessionView;

/// The most items of the transcript that a page starts with; the newest.
pub(super) const PAGE_ITEMS: usize = 400;

/// What a page must know beside the session.
#[derive(Clone, Debug)]
pub struct PageContext {
    /// The base of the link's API, ending in `/api/v1/links/{key}`; absolute, or absolute within the site.
    pub api_base: String,
    /// Changes whenever the view was made anew, so that older cursors are told to start over.
    pub epoch: String,
    /// The link that leads here.
    pub link_url: String,
}

/// Draws the page of a session.
pub fn page(view: &SessionView, context: &PageContext) -> String {
    let files = files(&context.api_base);
    let cursor = ViewerCursor::at(view, &context.epoch);
    let regions = regions(view);
    let region = |name: &str| {
        let html = regions.iter().find(|(id, _)| *id == name).map_or("", |(_, html)| html.as_str());
        PreEscaped(html)
    };
    let body = html! {
        a.skip href="#composer" { "Skip to the message field" }
        div #app data-api=(context.api_base) data-cursor=(cursor) data-session=(view.session_id())
            data-link=(context.link_url) {
            header.top {
                div #head { (region("head")) }
                p #connection data-testid="connection" data-state="connecting" { "Connecting" }
            }
            noscript {
                p.banner { "Scripts are off in this browser: this is the state when the page was loaded. Load it again for a newer one." }
            }
            main {
                div #notice { (region("notice")) }
                h2.vh { "Transcript" }
                div #log role="log" aria-live="off" aria-label="Transcript" { (region("log")) }
                div #queue { (region("queue")) }
                div #activity { (region("activity")) }
            }
            footer.foot {
                button #below type="button" data-testid="new-below" hidden { (icon(Icon::Down)) span { "New below" } }
                div #dock role="region" aria-label="Waiting for you" { (region("dock")) }
                div #suggestions role="group" aria-label="Suggestions" { (region("suggestions")) }
                (composer(region("controls")))
            }
            div #polite.vh aria-live="polite" {}
            div #assertive.vh aria-live="assertive" {}
        }
    };
    document(&chrome::title(view), &files, &body, true)
}

fn composer(controls: PreEscaped<&str>) -> Markup {
    html! {
        form #compose {
            label.vh for="composer" { "Message to the agent" }
            textarea #composer data-testid="composer" rows="1" dir="auto" autocomplete="off"
                placeholder="Message the agent" enterkeyhint="enter" {}
            div.tools {
                div #controls { (controls) }
                button.send type="submit" data-testid="send" aria-label="Send" title="Send" { (icon(Icon::Send)) }
            }
        }
        p #compose-error.bad role="alert" data-testid="compose-error" hidden {}
    }
}

/// The page for a link that leads nowhere. It says the same for every one.
pub fn not_found() -> String {
    let body = html! {
        main.nowhere {
            h1 { "This link does not lead to a session" }
            p { "It may have been mistyped or cut short, or the session was removed. Ask for the link again where the session runs." }
        }
    };
    document("Not found", "/assets", &body, false)
}

fn document(title: &str, files: &str, body: &Markup, scripted: bool) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                meta name="theme-color" media="(prefers-color-scheme: light)" content="#faf9f6";
                meta name="theme-color" media="(prefers-color-scheme: dark)" content="#161615";
                meta name="format-detection" content="telephone=no";
                title { (title) " · groundlink" }
                link #icon rel="icon" type="image/svg+xml" href=(address(files, "icon.svg"))
                    data-attention=(address(files, "icon-attention.svg"));
                link rel="stylesheet" href=(address(files, "page.css"));
                @if scripted { script type="module" src=(address(files, "page.js")) {} }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// Where the page's files are: beside the API, so that a hub behind a path prefix works.
fn files(api_base: &str) -> String {
    let site = api_base.find("/api/v1/").map_or("", |at| &api_base[..at]);
    format!("{site}/assets")
}

/// The newest part of the transcript.
pub(super) fn log(view: &SessionView) -> Markup {
    let hidden = view.items().len().saturating_sub(PAGE_ITEMS);
    let older = view.dropped() + u64::try_from(hidden).unwrap_or(0);
    html! {
        @if older > 0 {
            p.older { (older) " earlier items are not shown" }
        }
        @for item in view.items().skip(hidden) { (items::item(item)) }
    }
}

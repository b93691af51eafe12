//! The whole page, and the page that says that there is none.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets::{MODULES, address};
use super::icon::{Icon, icon};
use super::patch::{ViewerCursor, regions};
use super::{app, chrome, dialogs};
use crate::view::SessionView;

/// The ground of the page, as the style sheet has it, for what a browser draws around it.
pub(super) const LIGHT: &str = "#faf9f6";
const DARK: &str = "#161615";

/// What a page must know beside the session.
#[derive(Clone, Debug)]
pub struct PageContext {
    /// The base of the link's API, ending in `/api/v1/links/{key}`; absolute, or absolute within the site.
    pub api_base: String,
    /// Changes whenever the view was made anew, so that older cursors are told to start over.
    pub epoch: String,
    /// The link that leads here.
    pub link_url: String,
    /// The link as a QR code, an SVG drawing made by the program that runs the hub; put into the page as it is.
    pub qr: Option<String>,
    /// The hub's public key for push services, where people can be notified.
    pub push: Option<String>,
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
            data-link=(context.link_url) data-push=[&context.push] {
            header.top {
                a #back.icon-button data-testid="back" href="/" hidden aria-label="All sessions" title="All sessions" { (icon(Icon::Chevron)) }
                div #head { (region("head")) }
                @if context.push.is_some() { (dialogs::bell()) }
                button #more.icon-button type="button" data-testid="details-open" data-act="open-details" aria-haspopup="dialog"
                    aria-label="Session details and link" title="Session details and link" { (icon(Icon::Share)) }
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
                button #below type="button" data-testid="new-below" hidden { (icon(Icon::Down)) span { "New below" } span.number {} }
                div #settled role="status" data-testid="settled" {}
                div #tasks { (region("tasks")) }
                div #dock role="region" aria-label="Waiting for you" { (region("dock")) }
                div #suggestions role="group" aria-label="Suggestions" { (region("suggestions")) }
                (composer(region("controls")))
            }
            (dialogs::details(context, region("details")))
            (dialogs::keys())
            @if context.push.is_some() { (dialogs::notify(false)) }
            div #polite.vh aria-live="polite" {}
            div #assertive.vh aria-live="assertive" {}
        }
    };
    document(&chrome::title(view), &files, &body, &SESSION, Some(&app::address(&context.api_base)))
}

fn composer(controls: PreEscaped<&str>) -> Markup {
    html! {
        form #compose {
            label.vh for="composer" { "Message to the agent" }
            fieldset.delivery data-testid="delivery" {
                legend.vh { "How the message joins the running turn" }
                label { input type="radio" name="delivery" value="queue" checked data-testid="delivery-queue"; span { "Queue" } }
                label { input type="radio" name="delivery" value="steer" data-testid="delivery-steer"; span { "Steer now" } }
                span.hint #delivery-hint { "Goes out when this turn ends" }
            }
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
    document("Not found", "/assets", &body, &Files { script: None, modules: &[], ..SESSION }, None)
}

/// The files that a page loads.
pub(super) struct Files {
    pub(super) sheets: &'static [&'static str],
    pub(super) script: Option<&'static str>,
    /// What the script imports.
    pub(super) modules: &'static [&'static str],
}

/// The files of a session's page.
const SESSION: Files =
    Files { sheets: &["page.css", "transcript.css", "cards.css"], script: Some("page.js"), modules: MODULES };

/// `app`: the address of the manifest, for a page that can be installed.
pub(super) fn document(title: &str, files: &str, body: &Markup, parts: &Files, app: Option<&str>) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                meta name="theme-color" media="(prefers-color-scheme: light)" content=(LIGHT);
                meta name="theme-color" media="(prefers-color-scheme: dark)" content=(DARK);
                meta name="format-detection" content="telephone=no";
                title { (title) " · groundlink" }
                link #icon rel="icon" type="image/svg+xml" href=(address(files, "icon.svg"))
                    data-attention=(address(files, "icon-attention.svg"));
                @if let Some(app) = app {
                    link rel="manifest" href=(app);
                    link rel="apple-touch-icon" href=(address(files, "icon-touch.png"));
                    meta name="mobile-web-app-capable" content="yes";
                }
                @for sheet in parts.sheets { link rel="stylesheet" href=(address(files, sheet)); }
                @for module in parts.modules { link rel="modulepreload" href=(address(files, module)); }
                @if let Some(script) = parts.script { script type="module" src=(address(files, script)) {} }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// Where the page's files are: beside the API, so that a hub behind a path prefix works.
pub(super) fn files(api_base: &str) -> String {
    let site = api_base.find("/api/v1/").map_or("", |at| &api_base[..at]);
    format!("{site}/assets")
}

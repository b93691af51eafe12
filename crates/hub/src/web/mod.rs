//! The page of a session: rendered here, kept current by patches, without a build step.
//!
//! [`page`] draws a [`SessionView`](crate::view::SessionView) whole. The page then opens one event
//! stream; for each viewer [`patch_since`] says what is new since the [`ViewerCursor`] that this
//! viewer has, so that no viewer needs a queue. Fragments are the same functions in both ways, and
//! a page that followed all patches shows what a page loaded now shows.
//!
//! Whatever comes from a session is hostile: text is escaped by `maud`, Markdown is cleaned twice
//! (raw HTML becomes text, `ammonia` has the last word), control characters that could deceive are
//! made visible where a person decides, and [`CONTENT_SECURITY_POLICY`] allows no inline script or style.
//!
//! # Hooks for browser tests
//!
//! | `data-testid` | what |
//! |---|---|
//! | `status` | what the session is doing; `data-status` has the API's word |
//! | `connection` | the page's connection; `data-state` is `connecting`, `catching-up`, `live`, `reconnecting` or `offline` |
//! | `connection-facts` | the same with its age, in the window of details |
//! | `presence` | the banner that tells since when the exporter is silent |
//! | `notice` | the exporter's notice |
//! | `item-user`, `item-assistant`, `item-reasoning`, `item-tool`, `item-request`, `item-notice` | the transcript; `data-state` says how far a tool call is |
//! | `item-queued` | a message on its way; `data-state` is the command's state |
//! | `card-permission`, `card-question`, `card-elicitation`, `card-plan` | open requests; `data-request-id` names them |
//! | `approve`, `approve-session`, `deny`, `deny-message` | in `card-permission`; the message goes with `deny` |
//! | `asker` | in `card-permission`: the sub-agent that asks |
//! | `attached` | in `item-user`: a file that was sent along |
//! | `tasks`, `context` | the list of things to do; how full the model's context is |
//! | `choice` (`data-value`), `answer-text`, `answer-send` | in `card-question` |
//! | `field` (`name`), `elicit-accept`, `elicit-decline`, `elicit-cancel` | in `card-elicitation` |
//! | `plan-action` (`data-value`), `plan-feedback`, `plan-reject` | in `card-plan` |
//! | `card-error` | why an answer did not get through |
//! | `settled` | what became of a request that somebody else answered, for a while |
//! | `composer`, `send`, `stop`, `mode`, `model`, `suggestion`, `compose-error` | the foot of the page |
//! | `delivery`, `delivery-queue`, `delivery-steer` | how a message joins the running turn |
//! | `queue-edit`, `queue-text`, `queue-save`, `queue-steer`, `queue-cancel` | in `item-queued`, while it waits |
//! | `details-open`, `details`, `qr`, `copy-link`, `device-name` | the session's window: its link, and what this device is called |
//! | `bell`, `notify` with `notify-on`, `notify-state`, `notify-content`, `notify-done`, `notify-error` | notifications on this device, also on the page of all sessions |
//! | `older`, `beyond`, `trimmed` | above the first item: that there are older ones, some that the page has no numbers for, or trimmed ones |
//! | `closed`, `card-read-only` | why nothing can be written or pressed |
//! | `new-below` | shown when something came in below the part in view |
//! | `back` | the way to all sessions, in a browser that has been there |
//!
//! And on the page of all sessions:
//!
//! | `data-testid` | what |
//! |---|---|
//! | `connection`, `find`, `empty`, `nothing` | the page's connection, the search field, that there are no sessions, or none that fit |
//! | `group-needs`, `group-working`, `group-idle`, `group-offline`, `group-ended`, `group-archived` | the groups; hidden when empty |
//! | `session` (`data-id`) with `open`, `state`, `waits`, `failed`, `menu` | a session |
//! | `session-menu` with `name`, `rename`, `archive`, `delete`, `delete-hint`, `menu-error` | what is done to it |
//! | `delete-dialog` with `delete-confirm`, `delete-cancel`, `delete-error` | the question before it is deleted |

mod ansi;
mod app;
mod assets;
mod card_form;
mod cards;
mod chrome;
mod dialogs;
mod diff;
mod highlight;
mod icon;
mod items;
mod log;
mod markdown;
mod page;
mod patch;
mod sessions;
#[cfg(test)]
mod tests;
mod tools;
mod visible;

pub use app::{list_manifest, manifest};
pub use assets::{Asset, asset};
pub use log::{Older, older, older_past};
pub use page::{PageContext, not_found, page};
pub use patch::{Op, Patch, ViewerCursor, patch_since};
pub(crate) use sessions::title as session_name;

pub use sessions::{ListChange, ListContext, ListRow, list, row as list_row};

/// A text in every way in which one is drawn, for the fuzz targets. Its first line is a path and a language, too.
pub(crate) fn every_way(text: &str) -> [String; 6] {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    [
        markdown::markdown(text),
        ansi::ansi(text),
        visible::visible(text),
        diff::diff(text, None),
        diff::diff(rest, Some(first)),
        highlight::code(first, rest),
    ]
    .map(maud::PreEscaped::into_string)
}

/// The policy of the worker that shows notifications: it speaks to the hub and loads nothing.
pub const WORKER_SECURITY_POLICY: &str = "default-src 'none'; connect-src 'self'";

/// The policy that every page must be served with.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

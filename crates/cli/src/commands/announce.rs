//! What `demo`, `share` and `serve` say about themselves.

use std::collections::BTreeMap;
use std::path::Path;

use groundlink::remote::{Link, TerminalTheme};
use groundlink_hub::SessionSummary;
use serde::Serialize;

use crate::display;
use crate::error::Error;
use crate::output;
use crate::protocol::api::SessionStatus;
use crate::status::{self, StatusLine};

/// A session that has just been shared.
pub(super) struct Shared<'a> {
    pub(super) link: &'a Link,
    /// Leads to all sessions of the hub.
    pub(super) sessions_link: &'a str,
    pub(super) session_id: &'a str,
    pub(super) directory: &'a Path,
    pub(super) scripted: bool,
    pub(super) lan: bool,
    pub(super) json: bool,
}

/// Prints the link.
pub(super) fn shared(shared: &Shared<'_>) -> Result<(), Error> {
    if shared.json {
        return output::json_line(&Line::Shared {
            url: shared.link.as_str(),
            sessions_url: shared.sessions_link,
            session_id: shared.session_id,
            directory: shared.directory,
        });
    }
    if shared.lan {
        warn_lan();
    }
    let width = usize::from(console::Term::stdout().size().1);
    output::text(&page(shared, qr(shared.link, width).as_deref()))
}

/// Other devices see what is said in clear text.
pub(super) fn warn_lan() {
    eprintln!(
        "Caution: with --lan everything travels as plain http. Whoever is on this network can read along, and steer \
         with the link they read. Use it on networks you trust.\n"
    );
}

/// The code, unless the terminal is too narrow to show it whole.
fn qr(link: &Link, width: usize) -> Option<String> {
    let code = link.qr();
    if console::Term::stdout().is_term() && code.terminal_width() > width {
        return None;
    }
    // Without colours the code has to guess; most terminals are dark.
    let plain = !console::colors_enabled() && std::env::var_os("NO_COLOR").is_some();
    Some(code.terminal(if plain { TerminalTheme::Dark } else { TerminalTheme::Auto }))
}

fn page(shared: &Shared<'_>, qr: Option<&str>) -> String {
    let mut lines = vec!["Open this link to see the session and steer it:".to_owned(), String::new()];
    lines.push(format!("  {}", shared.link));
    lines.push(String::new());
    match qr {
        Some(code) => lines.push(code.to_owned()),
        None => lines.push("(The terminal is too narrow for the QR code.)\n".to_owned()),
    }
    lines.push(format!("The agent works in {}.", display::line(&shared.directory.display().to_string(), 500)));
    if shared.scripted {
        lines.push("Its model is a script, not an AI; the commands and edits you approve are real.".to_owned());
    }
    lines.push(if shared.lan {
        "Whoever has the link can watch and steer this session.".to_owned()
    } else {
        "Whoever has the link can watch and steer this session, from this machine; --lan lets your phone in.".to_owned()
    });
    lines.push(String::new());
    lines.push("All sessions that were shared this way, for yourself alone:".to_owned());
    lines.push(format!("  {}", shared.sessions_link));
    lines.push(String::new());
    lines.push("Press Ctrl+C to end it.".to_owned());
    lines.join("\n")
}

/// The lines that programs read, told apart by `event`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// A session is shared under `url`.
    Shared { url: &'a str, sessions_url: &'a str, session_id: &'a str, directory: &'a Path },
    /// How the session is doing now.
    State { status: SessionStatus, viewers: u64, online: bool, title: Option<String> },
    /// The session, the CLI and the hub have ended.
    Ended {},
    /// A hub listens at `url`.
    Listening {
        url: &'a str,
        sessions_url: &'a str,
        export_base: &'a str,
        export_token: &'a str,
        environment: BTreeMap<&'a str, &'a str>,
    },
}

/// Shows how a session is doing, whenever that changes.
#[derive(Debug)]
pub(super) struct States {
    json: bool,
    line: StatusLine,
    last: Option<Line<'static>>,
}

impl States {
    /// JSON lines for programs, or a line that moves for people.
    pub(super) fn new(json: bool) -> Self {
        Self { json, line: if json { StatusLine::none() } else { StatusLine::new("sharing") }, last: None }
    }

    pub(super) fn show(&mut self, summary: &SessionSummary) -> Result<(), Error> {
        let state = Line::State {
            status: summary.status,
            viewers: u64::from(summary.viewers),
            online: summary.presence.online,
            title: summary.title.clone(),
        };
        if self.last.as_ref() == Some(&state) {
            return Ok(());
        }
        if self.json {
            output::json_line(&state)?;
        }
        let online = if summary.presence.online { "" } else { " · not connected to the hub" };
        let viewers = status::viewers(u64::from(summary.viewers));
        self.line.set(&format!("{} · {viewers}{online}", summary.status));
        self.last = Some(state);
        Ok(())
    }
}

/// What a hub says about itself.
pub(super) struct Listening<'a> {
    pub(super) url: &'a str,
    /// Leads to all sessions of the hub.
    pub(super) sessions_link: &'a str,
    pub(super) export_base: &'a str,
    pub(super) export_token: &'a str,
    pub(super) environment: &'a [(String, String)],
}

/// Prints how to use a hub.
pub(super) fn listening(hub: &Listening<'_>, json: bool) -> Result<(), Error> {
    if !json {
        return output::text(&serve_page(hub));
    }
    output::json_line(&Line::Listening {
        url: hub.url,
        sessions_url: hub.sessions_link,
        export_base: hub.export_base,
        export_token: hub.export_token,
        environment: hub.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    })
}

fn serve_page(hub: &Listening<'_>) -> String {
    let lines: Vec<String> =
        hub.environment.iter().map(|(name, value)| format!("  export {name}={}", quoted(value))).collect();
    format!(
        "The hub listens at {}\n\n\
         To share sessions to it, set these where you start `copilot` or a program that uses a Copilot SDK:\n\n\
         {}\n\n\
         In a `copilot` terminal, start it with --remote, or type /remote on; it prints the session's link.\n\n\
         All sessions, to watch, steer, rename and delete, are at\n\n  {}\n\nKeep that link to yourself, too.\n\
         The token lets a program add sessions: keep it to yourself. Press Ctrl+C to end the hub.",
        hub.url,
        lines.join("\n"),
        hub.sessions_link,
    )
}

/// A value as a shell word.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let link = Link::parse("http://192.0.2.7:8080/t/abc").unwrap();
        let demo = Shared {
            link: &link,
            sessions_link: "http://192.0.2.7:8080/h/all",
            session_id: "s",
            directory: Path::new("/home/me/project"),
            scripted: true,
            lan: false,
            json: false,
        };
        let share = Shared { scripted: false, lan: true, ..demo };
        let environment =
            [("COPILOT_MC_BASE_URL".to_owned(), "http://h/mc".to_owned()), ("B".to_owned(), "it's".to_owned())];
        let hub = Listening {
            url: "http://h/",
            sessions_link: "http://h/h/all",
            export_base: "http://h/mc",
            export_token: "t",
            environment: &environment,
        };
        let pages = [page(&demo, Some("[QR]\n")), page(&share, None), serve_page(&hub)].join("\n\n=====\n\n");
        insta::assert_snapshot!(pages);
    }
}

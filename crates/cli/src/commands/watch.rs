//! `watch`: a session's transcript, live.

use std::io::{self, Write};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;

use crate::args::WatchArgs;
use crate::display;
use crate::error::Error;
use crate::output;
use crate::protocol::api::{PassingEvent, SequencedEvent, SessionSnapshot, SessionStatus};
use crate::signals::Stop;
use crate::transcript::{Manner, Transcript};
use crate::viewer::{Update, Viewer};

/// Pauses between attempts to reconnect; the last one is used again and again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(5)];

/// `groundlink watch`
pub(super) async fn run(args: WatchArgs) -> Result<(), Error> {
    let mut stop = Stop::listen().map_err(Error::Output)?;
    tokio::select! {
        watched = watch(&args) => match watched {
            // The reader has seen enough (`groundlink watch LINK | head`).
            Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        },
        () = stop.requested() => Ok(()),
    }
}

async fn watch(args: &WatchArgs) -> Result<(), Error> {
    let viewer = Viewer::open(&args.link).await?;
    let snapshot = viewer.snapshot().await?;
    if args.json {
        return follow(&viewer, &mut Lines, 0).await;
    }
    let manner = Manner { colours: console::colors_enabled(), without_ids: false };
    follow(&viewer, &mut Page::new(io::stdout(), manner, &snapshot).map_err(Error::Output)?, 0).await
}

/// Shows everything after the event `seen`, across broken connections, until the session has ended and its hub with it.
pub(super) async fn follow(viewer: &Viewer, screen: &mut dyn Screen, mut seen: u64) -> Result<(), Error> {
    let mut epoch = String::new();
    let mut ended = false;
    let mut failures = 0;
    let mut lost_sight = false;
    loop {
        let lost = match viewer.updates(seen, &epoch).await {
            Ok(mut updates) => loop {
                let update = match updates.next().await {
                    Some(Ok(update)) => update,
                    Some(Err(error)) => break Some(error),
                    None => break None,
                };
                failures = 0;
                if std::mem::take(&mut lost_sight) {
                    screen.back()?;
                }
                match &update {
                    // What came before the connection broke may come again.
                    Update::Event(seq, _) if *seq <= seen => continue,
                    Update::Event(seq, _) => seen = *seq,
                    Update::Epoch(change) => {
                        seen = 0;
                        epoch.clone_from(&change.epoch);
                    }
                    Update::State(state) => {
                        ended = state.status == SessionStatus::Ended;
                        // The first state names the log that was asked for; a change of it is told by itself.
                        if epoch.is_empty() {
                            epoch.clone_from(&state.epoch);
                        }
                    }
                    Update::Passing(_) => {}
                }
                screen.show(&update)?;
            },
            // The hub forgot the session, or another program listens there now.
            Err(error @ (Error::NoSuchLink { .. } | Error::NotAHub { .. })) => return Err(error),
            Err(error) => Some(error),
        };
        if ended {
            // The hub that ran for this session alone has gone with it.
            return Ok(());
        }
        if failures == 0 {
            screen.lost(lost.as_ref())?;
            lost_sight = true;
        }
        tokio::time::sleep(PAUSES[failures.min(PAUSES.len() - 1)]).await;
        failures += 1;
    }
}

/// Where a watched session is shown.
pub(super) trait Screen: Send {
    fn show(&mut self, update: &Update) -> Result<(), Error>;
    /// The connection broke and is being made again.
    fn lost(&mut self, error: Option<&Error>) -> Result<(), Error>;
    /// The connection is there again; what was missed follows.
    fn back(&mut self) -> Result<(), Error>;
}

/// One JSON object a line.
struct Lines;

impl Screen for Lines {
    fn show(&mut self, update: &Update) -> Result<(), Error> {
        match update {
            Update::Event(seq, event) => {
                output::json_line(&tagged("event", &SequencedEvent { seq: *seq, event: event.raw().to_owned() }))
            }
            Update::Passing(event) => {
                output::json_line(&tagged("delta", &PassingEvent { event: event.raw().to_owned() }))
            }
            Update::Epoch(change) => output::json_line(&tagged("epoch", change)),
            Update::State(state) => output::json_line(&tagged("state", state)),
        }
    }

    fn lost(&mut self, error: Option<&Error>) -> Result<(), Error> {
        let reason = error.map_or_else(|| "the hub closed the connection".to_owned(), ToString::to_string);
        output::json_line(&json!({"type": "reconnecting", "reason": reason}))
    }

    /// The state that comes first says it.
    fn back(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// A JSON object with a `type` before its own fields.
#[derive(serde::Serialize)]
struct Typed<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(flatten)]
    fields: &'a T,
}

fn tagged<'a, T>(kind: &'a str, fields: &'a T) -> Typed<'a, T> {
    Typed { kind, fields }
}

/// A transcript to read.
pub(super) struct Page<W> {
    transcript: Transcript<W>,
    title: Option<String>,
    online: bool,
    silent: bool,
}

impl<W: Write> Page<W> {
    pub(super) fn new(out: W, manner: Manner, snapshot: &SessionSnapshot) -> io::Result<Self> {
        let mut transcript = Transcript::new(out, manner);
        transcript.note(&header(snapshot))?;
        if snapshot.trimmed_before > 0 {
            transcript.note("* the oldest events are no longer kept")?;
        }
        Ok(Self {
            transcript,
            title: snapshot.title.clone(),
            online: snapshot.presence.online,
            silent: snapshot.presence.silent,
        })
    }

    /// Writes a line of one's own.
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        self.transcript.note(text)
    }

    /// Writes the particulars of a request.
    pub(super) fn particulars(&mut self, text: &str) -> io::Result<()> {
        self.transcript.particulars(text)
    }

    fn state(&mut self, state: &SessionSnapshot) -> io::Result<()> {
        if state.title != self.title {
            self.title.clone_from(&state.title);
            if let Some(title) = &self.title {
                self.transcript.note(&format!("* title: {}", display::line(title, 100)))?;
            }
        }
        if state.presence.online != self.online {
            self.online = state.presence.online;
            let note = if self.online { "* the session is back" } else { "* the session is offline" };
            self.transcript.note(note)?;
        } else if state.presence.silent && !self.silent {
            self.transcript.note("* nothing has been heard from the session for a while")?;
        }
        self.silent = state.presence.silent;
        Ok(())
    }
}

impl<W: Write + Send> Screen for Page<W> {
    fn show(&mut self, update: &Update) -> Result<(), Error> {
        let shown = match update {
            Update::Event(_, event) | Update::Passing(event) => self.transcript.event(event),
            Update::Epoch(_) => self.transcript.note("* earlier events were found; here they are in order"),
            Update::State(state) => self.state(state),
        };
        shown.map_err(Error::Output)
    }

    fn lost(&mut self, _error: Option<&Error>) -> Result<(), Error> {
        self.transcript.note("* the connection was lost, trying again ...").map_err(Error::Output)
    }

    fn back(&mut self) -> Result<(), Error> {
        self.transcript.note("* connected again").map_err(Error::Output)
    }
}

/// What a watched session is, in one line.
fn header(snapshot: &SessionSnapshot) -> String {
    let parts = [
        Some(snapshot.title.as_deref().unwrap_or("A session")),
        snapshot.cwd.as_deref(),
        snapshot.model.as_deref(),
        Some(snapshot.status.as_str()),
        (!snapshot.presence.online).then_some("offline"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| display::line(part, 100)).collect();
    format!("--- {} ---", parts.join(" · "))
}

#[cfg(test)]
mod tests;

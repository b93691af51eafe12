//! `attach`: a session's transcript, live, in this terminal, with keys to answer and a line to write.

mod answer;
mod editor;
mod form;
mod ui;

use std::io::{self, IsTerminal as _, Stdout, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyEventKind};
use crossterm::{execute, terminal};
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::steer;
use super::watch::{Page, Screen, follow};
use crate::args::AttachArgs;
use crate::device;
use crate::error::Error;
use crate::protocol::api::{CommandAction, SessionSnapshot};
use crate::signals::Stop;
use crate::transcript::Manner;
use crate::viewer::{Update, Viewer};
use ui::{Ui, Wish};

/// Events before the last one that are shown at the start.
const EARLIER: u64 = 1_000;
/// Commands of ours that may be under way. Nobody types faster.
const UNDER_WAY: usize = 64;

/// `groundlink attach`
pub(super) async fn run(args: AttachArgs) -> Result<(), Error> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Error::NoTerminal);
    }
    let mut stop = Stop::listen().map_err(Error::Signals)?;
    let viewer = Viewer::open(&args.link).await?.on(device::this(args.device.name.as_deref()));
    let snapshot = viewer.snapshot().await?;
    let raw = Raw::enter().map_err(Error::Output)?;
    let columns = terminal::size().map_or(80, |(columns, _)| usize::from(columns));
    let shared = Shared { ui: Arc::new(Mutex::new(Ui::new(io::stdout(), columns))), text: String::new() };
    let ended = tokio::select! {
        ended = attach(&viewer, &snapshot, &shared) => ended,
        () = stop.requested() => Ok(End::Detached),
    };
    {
        let mut ui = shared.ui();
        let words = match ended {
            Ok(End::Detached) => ui.farewell(),
            Ok(End::Over) => "The session has ended.",
            Err(_) => "",
        };
        ui.finish(words).map_err(Error::Output)?;
    }
    drop(raw);
    ended.map(drop)
}

/// Why this viewer came to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The person has left.
    Detached,
    /// The session is over, and its hub is gone.
    Over,
}

async fn attach(viewer: &Viewer, snapshot: &SessionSnapshot, shared: &Shared) -> Result<End, Error> {
    let manner = Manner { colours: console::colors_enabled(), without_ids: true };
    let mut page = Page::new(shared.clone(), manner, snapshot).map_err(Error::Output)?;
    let from = snapshot.last_seq.saturating_sub(EARLIER);
    if from > 0 {
        page.note("* earlier events are not shown here").map_err(Error::Output)?;
    }
    let mut screen = Attached { page, shared: shared.clone(), from };
    tokio::select! {
        followed = follow(viewer, &mut screen, from) => followed.map(|()| End::Over),
        left = read_keys(viewer, shared) => left,
    }
}

/// Keys, and what becomes of the commands that they give.
async fn read_keys(viewer: &Viewer, shared: &Shared) -> Result<End, Error> {
    let mut keys = EventStream::new();
    let (outcomes, mut outcome) = mpsc::channel::<(CommandAction, Error)>(UNDER_WAY);
    loop {
        let key = tokio::select! {
            key = keys.next() => key,
            Some((action, error)) = outcome.recv() => {
                shared.ui().failed(&action, &format!("Not done: {error}")).map_err(Error::Output)?;
                continue;
            }
        };
        let wish = match key {
            Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => shared.ui().key(key, Instant::now()),
            Some(Ok(Event::Paste(text))) => shared.ui().paste(&text).map(|()| None),
            Some(Ok(Event::Resize(columns, _))) => shared.ui().resize(usize::from(columns)).map(|()| None),
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(error),
            // The terminal is gone.
            None => return Ok(End::Detached),
        };
        match wish.map_err(Error::Output)? {
            None => {}
            Some(Wish::Detach) => return Ok(End::Detached),
            Some(Wish::Send(action, digest)) => {
                let (viewer, outcomes) = (viewer.clone(), outcomes.clone());
                tokio::spawn(async move {
                    if let Err(error) = carry_out(&viewer, action.clone(), digest).await {
                        // Nobody is left to be told only when the command ends.
                        let _ = outcomes.send((action, error)).await;
                    }
                });
            }
        }
    }
}

/// Gives a command and waits for its end. That it took effect the transcript says.
async fn carry_out(viewer: &Viewer, action: CommandAction, digest: Option<String>) -> Result<(), Error> {
    let posted = viewer.post(action, digest).await?;
    steer::outcome(&viewer.settled(posted).await?)
}

/// The screen, from both sides: what the session says and what is typed.
#[derive(Clone)]
struct Shared {
    ui: Arc<Mutex<Ui<Stdout>>>,
    /// Transcript that was not flushed yet: it is drawn in whole entries.
    text: String,
}

impl Shared {
    fn ui(&self) -> MutexGuard<'_, Ui<Stdout>> {
        self.ui.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // What is written here is written with `write!`, which is text.
        self.text.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        self.ui().add(&text)
    }
}

/// The transcript as `watch` shows it, and the state for the foot.
struct Attached {
    page: Page<Shared>,
    shared: Shared,
    /// The transcript begins after this event.
    from: u64,
}

impl Screen for Attached {
    fn show(&mut self, update: &Update) -> Result<(), Error> {
        self.page.show(update)?;
        if let Update::State(state) = update {
            let state = SessionSnapshot::clone(state);
            let said = self.shared.ui().state(state, self.from, Instant::now()).map_err(Error::Output)?;
            for words in said {
                self.page.particulars(&words).map_err(Error::Output)?;
            }
        }
        Ok(())
    }

    fn lost(&mut self, error: Option<&Error>) -> Result<(), Error> {
        self.page.lost(error)?;
        self.shared.ui().connection(true).map_err(Error::Output)
    }

    fn back(&mut self) -> Result<(), Error> {
        self.page.back()?;
        self.shared.ui().connection(false).map_err(Error::Output)
    }
}

/// The terminal gives each key at once, for as long as this lives.
struct Raw(());

impl Raw {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let raw = Self(());
        execute!(io::stdout(), EnableBracketedPaste)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nothing better to be done where these fail.
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = terminal::disable_raw_mode();
    }
}

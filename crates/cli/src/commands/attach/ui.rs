//! What is on the screen: the transcript, which scrolls away upwards, and below it a foot of a few rows that is drawn anew
//! after every change. A plain state machine: keys and news come in, bytes for the terminal and wishes come out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use console::{measure_text_width, truncate_str};
use crossterm::cursor::{MoveToColumn, MoveUp};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crossterm::queue;
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{Clear, ClearType};

use super::answer;
use super::editor::Editor;
use super::form::Form;
use crate::commands::steer;
use crate::protocol::api::{CommandAction, Delivery, PendingRequest, RequestKind, SessionSnapshot, SessionStatus};

/// Keys within this time of a request's appearance answer nothing: they were meant for something else.
const TOO_SOON: Duration = Duration::from_millis(600);
/// Rows for a line that is still being written.
const PARTIAL_ROWS: usize = 3;
/// Rows for what can be done.
const GUIDE_ROWS: usize = 4;
/// What separates one thing that can be done from the next.
const DOT: &str = " · ";

/// What a key asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Wish {
    /// A command for the session; with an answer, the digest of what was shown.
    Send(CommandAction, Option<String>),
    /// The end of this viewer; the session goes on.
    Detach,
}

/// What the line at the bottom is for.
#[derive(Debug, Clone, PartialEq)]
enum Focus {
    /// Keys answer what waits; when nothing does, they write a message.
    Open,
    /// A message, whatever waits.
    Message,
    /// Words that go with a refusal.
    Why(String),
    /// An answer in words.
    Answer(String),
    /// A form, field by field.
    Form(Form),
}

impl Focus {
    /// The request that is being answered.
    fn request(&self) -> Option<&str> {
        match self {
            Self::Open | Self::Message => None,
            Self::Why(id) | Self::Answer(id) => Some(id),
            Self::Form(form) => Some(form.request_id()),
        }
    }
}

/// The screen. See the module's description.
pub(super) struct Ui<W: Write> {
    out: W,
    columns: usize,
    /// The end of the transcript, without a line end yet.
    partial: String,
    /// The widths of the foot's rows; the cursor is in the last one.
    foot: Vec<usize>,
    /// The column of the cursor.
    column: usize,
    state: Option<SessionSnapshot>,
    /// Requests that have appeared, and when.
    appeared: Vec<(String, Instant)>,
    /// Those that were answered here.
    answered: HashSet<String>,
    focus: Focus,
    editor: Editor,
    hint: Option<String>,
    /// The hub is not heard: what is known of the session may be over.
    lost: bool,
}

impl<W: Write> Ui<W> {
    pub(super) fn new(out: W, columns: usize) -> Self {
        Self {
            out,
            columns,
            partial: String::new(),
            foot: Vec::new(),
            column: 0,
            state: None,
            appeared: Vec::new(),
            answered: HashSet::new(),
            focus: Focus::Open,
            editor: Editor::default(),
            hint: None,
            lost: false,
        }
    }

    /// Adds to the transcript.
    pub(super) fn add(&mut self, text: &str) -> io::Result<()> {
        self.erase()?;
        self.partial.push_str(text);
        while let Some(end) = self.partial.find('\n') {
            let line: String = self.partial.drain(..=end).collect();
            queue!(self.out, Print(line.trim_end_matches('\n')), Print("\r\n"))?;
        }
        self.draw()
    }

    /// Takes in the state; gives what is to be said of requests that are new. The transcript begins after the event
    /// `from`: of what was asked before that, everything has to be said.
    pub(super) fn state(&mut self, state: SessionSnapshot, from: u64, now: Instant) -> io::Result<Vec<String>> {
        let before = self.current().map(|request| request.request_id.clone());
        let mut kept = false;
        let is_there = |id: &str| state.pending.iter().any(|request| request.request_id == id);
        self.appeared.retain(|(id, _)| is_there(id));
        self.answered.retain(|id| is_there(id));
        if self.focus.request().is_some_and(|id| !is_there(id)) {
            self.focus = Focus::Open;
            if !self.editor.is_empty() {
                self.hint = Some(
                    "It was answered elsewhere. Your words are still here; Enter sends them as a message.".to_owned(),
                );
                kept = true;
                self.focus = Focus::Message;
            }
        }
        let mut said = Vec::new();
        for request in &state.pending {
            if !self.appeared.iter().any(|(id, _)| *id == request.request_id) {
                self.appeared.push((request.request_id.clone(), now));
                // Who is writing goes on writing.
                if self.focus == Focus::Open && !self.editor.is_empty() {
                    self.focus = Focus::Message;
                }
                said.extend((request.seq <= from).then(|| steer::describe(request)));
                said.extend(answer::particulars(request));
            }
        }
        self.state = Some(state);
        // What was said of another request is in the way of this one's keys.
        if !kept && self.current().map(|request| &request.request_id) != before.as_ref() {
            self.hint = None;
        }
        self.redraw()?;
        Ok(said)
    }

    /// Says something below the transcript until the next key.
    pub(super) fn hint(&mut self, words: &str) -> io::Result<()> {
        self.hint = Some(words.to_owned());
        self.redraw()
    }

    /// Whether the hub is heard.
    pub(super) fn connection(&mut self, lost: bool) -> io::Result<()> {
        self.lost = lost;
        self.redraw()
    }

    /// A command of ours did not take effect: its request can be answered again, and its words are still there.
    pub(super) fn failed(&mut self, action: &CommandAction, words: &str) -> io::Result<()> {
        let mut said = None;
        match action {
            CommandAction::UserMessage { content, .. } => said = Some((content, Focus::Message)),
            CommandAction::AskUserResponse { request_id, answer, freeform } => {
                self.answered.remove(request_id);
                said = freeform.then(|| (answer, Focus::Answer(request_id.clone())));
            }
            CommandAction::PermissionResponse { request_id, feedback, .. }
            | CommandAction::PlanApprovalResponse { request_id, feedback, .. } => {
                self.answered.remove(request_id);
                said = feedback.as_ref().map(|why| (why, Focus::Why(request_id.clone())));
            }
            CommandAction::ElicitationResponse { request_id, .. } => {
                self.answered.remove(request_id);
            }
            _ => {}
        }
        // Not into what is being written by now, nor for a request that is gone.
        if let Some((said, focus)) = said
            && self.editor.is_empty()
            && self.focus == Focus::Open
            && focus.request().is_none_or(|id| self.request(id).is_some())
        {
            self.editor.insert(said);
            self.focus = focus;
        }
        self.hint(words)
    }

    pub(super) fn resize(&mut self, columns: usize) -> io::Result<()> {
        // The terminal has laid its rows out anew by now.
        self.columns = columns;
        self.redraw()
    }

    pub(super) fn paste(&mut self, text: &str) -> io::Result<()> {
        if self.focus == Focus::Open && self.current().is_some() {
            return self.hint("Press Tab to write a message.");
        }
        self.editor.insert(text);
        self.redraw()
    }

    /// Leaves the terminal as a program does that has ended.
    pub(super) fn finish(&mut self, words: &str) -> io::Result<()> {
        self.erase()?;
        if !self.partial.is_empty() {
            queue!(self.out, Print(&self.partial), Print("\r\n"))?;
        }
        if !words.is_empty() {
            queue!(self.out, Print(words), Print("\r\n"))?;
        }
        self.out.flush()
    }

    /// What is said to somebody who leaves.
    pub(super) fn farewell(&self) -> &'static str {
        if self.status() == SessionStatus::Ended { "Detached." } else { "Detached; the session goes on." }
    }

    /// What waits for an answer that nobody has given yet, and that can be given here.
    fn current(&self) -> Option<&PendingRequest> {
        let pending = self.state.iter().filter(|state| state.steerable).flat_map(|state| &state.pending);
        pending.into_iter().find(|request| !request.answering && !self.answered.contains(&request.request_id))
    }

    fn request(&self, id: &str) -> Option<&PendingRequest> {
        self.state.iter().flat_map(|state| &state.pending).find(|request| request.request_id == id)
    }

    /// Why nothing can be written to the session.
    fn closed(&self) -> Option<&'static str> {
        match &self.state {
            Some(state) if state.status == SessionStatus::Ended => Some("The session has ended."),
            Some(state) if !state.steerable => Some("This session is shared for reading only."),
            _ => None,
        }
    }

    fn status(&self) -> SessionStatus {
        self.state.as_ref().map_or(SessionStatus::Starting, |state| state.status)
    }

    /// A key was pressed.
    pub(super) fn key(&mut self, key: KeyEvent, now: Instant) -> io::Result<Option<Wish>> {
        self.hint = None;
        let wish = self.press(key, now);
        self.redraw()?;
        Ok(wish)
    }

    fn press(&mut self, key: KeyEvent, now: Instant) -> Option<Wish> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Some(Wish::Detach),
            KeyCode::Char('d') if control && self.editor.is_empty() => return Some(Wish::Detach),
            KeyCode::Char('x') if control => {
                if matches!(self.status(), SessionStatus::Working | SessionStatus::Waiting) {
                    return Some(Wish::Send(CommandAction::Abort {}, None));
                }
                self.hint = Some("No turn is running.".to_owned());
            }
            KeyCode::Tab => self.turn(),
            KeyCode::Esc => {
                self.editor.take();
                self.focus = Focus::Open;
            }
            _ if self.focus == Focus::Open && self.current().is_some() => return self.answer(key, now),
            // What was begun before can still be read, and copied.
            _ if self.closed().is_some() => {
                self.hint = self.closed().map(|why| format!("{why}{DOT}Ctrl+C detaches"));
            }
            KeyCode::Up => self.field_before(),
            KeyCode::Enter => return self.enter(key.modifiers.contains(KeyModifiers::ALT)),
            _ => self.edit(key, control),
        }
        None
    }

    /// Back to the field of a form that was filled in before.
    fn field_before(&mut self) {
        if let Focus::Form(form) = &mut self.focus
            && let Some(written) = form.back()
        {
            self.editor.take();
            self.editor.insert(&written);
        }
    }

    /// From answering to writing, and back.
    fn turn(&mut self) {
        self.focus = match (&self.focus, self.current().is_some()) {
            (Focus::Open, true) => Focus::Message,
            _ => Focus::Open,
        };
    }

    fn edit(&mut self, key: KeyEvent, control: bool) {
        let editor = &mut self.editor;
        match key.code {
            KeyCode::Char('u') if control => editor.delete_before(),
            KeyCode::Char('w') if control => editor.delete_word(),
            KeyCode::Char('a') if control => editor.home(),
            KeyCode::Char('e') if control => editor.end(),
            KeyCode::Char(c) if !control => editor.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => editor.backspace(),
            KeyCode::Delete => editor.delete(),
            KeyCode::Left => editor.left(),
            KeyCode::Right => editor.right(),
            KeyCode::Home => editor.home(),
            KeyCode::End => editor.end(),
            _ => {}
        }
    }

    /// A key while something waits.
    fn answer(&mut self, key: KeyEvent, now: Instant) -> Option<Wish> {
        let request = self.current()?.clone();
        let KeyCode::Char(pressed) = key.code else { return None };
        let id = &request.request_id;
        let at = self.appeared.iter().find(|(known, _)| known == id).map(|(_, at)| *at);
        if at.is_none_or(|at| now.saturating_duration_since(at) < TOO_SOON) {
            self.hint = Some("It has only just been asked. Read it, then press the key again.".to_owned());
            return None;
        }
        let choices = answer::choices(&request);
        let chosen = pressed.to_digit(10).and_then(|digit| choices.get((digit as usize).checked_sub(1)?));
        let decides = answer::verdict(&request, false, None).is_ok();
        let action = match pressed.to_ascii_lowercase() {
            _ if chosen.is_some() => chosen.map(|(_, action)| action.clone()).ok_or(""),
            'y' => answer::verdict(&request, true, None),
            's' if request.kind == RequestKind::Permission => answer::for_the_session(&request),
            'f' if choices.is_empty() && !answer::takes_words(&request) => match Form::of(&request) {
                Some(form) => {
                    self.focus = Focus::Form(form);
                    return None;
                }
                None => Err("Press Tab to write a message."),
            },
            'n' if decides => answer::verdict(&request, false, None),
            'd' if decides && choices.is_empty() => {
                self.focus = Focus::Why(id.clone());
                return None;
            }
            'a' if answer::takes_words(&request) => {
                self.focus = Focus::Answer(id.clone());
                return None;
            }
            _ => Err("Press Tab to write a message."),
        };
        match action {
            Ok(action) => Some(self.send_answer(&request, action)),
            Err(why) => {
                self.hint = Some(why.to_owned());
                None
            }
        }
    }

    fn send_answer(&mut self, request: &PendingRequest, action: CommandAction) -> Wish {
        self.answered.insert(request.request_id.clone());
        self.focus = Focus::Open;
        let digest = Some(request.digest.clone()).filter(|digest| !digest.is_empty());
        Wish::Send(action, digest)
    }

    fn enter(&mut self, steer: bool) -> Option<Wish> {
        let id = match &self.focus {
            Focus::Open | Focus::Message => {
                let content = self.editor.take();
                self.focus = Focus::Open;
                if content.trim().is_empty() {
                    return None;
                }
                let delivery = if steer { Delivery::Steer } else { Delivery::Queue };
                return Some(Wish::Send(CommandAction::UserMessage { content, delivery }, None));
            }
            focus => focus.request()?.to_owned(),
        };
        let request = self.request(&id)?.clone();
        let text = self.editor.take();
        let action = match &mut self.focus {
            Focus::Form(form) => form.enter(&text).transpose(),
            Focus::Why(_) => {
                let why = Some(text.trim().to_owned()).filter(|why| !why.is_empty());
                Some(answer::verdict(&request, false, why).map_err(str::to_owned))
            }
            _ => Some(answer::words(&request, &text).map_err(str::to_owned)),
        };
        match action? {
            Ok(action) => Some(self.send_answer(&request, action)),
            Err(why) => {
                self.editor.insert(&text);
                self.hint = Some(why);
                None
            }
        }
    }

    /// The row above the line: what can be done.
    fn guide(&self) -> String {
        if let Some(hint) = &self.hint {
            return hint.clone();
        }
        let Some(state) = &self.state else { return "connecting ...".to_owned() };
        let mut parts = Vec::new();
        match (&self.focus, self.current()) {
            (Focus::Why(_), _) => parts.push("Enter denies and tells the agent why · Esc back".to_owned()),
            (Focus::Answer(_), _) => parts.push("Enter answers · Esc back".to_owned()),
            (Focus::Form(form), _) => return form.guide(),
            (Focus::Message, Some(_)) => parts.push("something waits for an answer: Tab".to_owned()),
            (Focus::Open, Some(request)) => parts.push(format!("{}{DOT}Tab message", answer::keys(request))),
            _ if self.lost => {}
            _ => {
                parts.push(state.status.to_string());
                if !state.presence.online && state.status != SessionStatus::Ended {
                    parts.push("offline".to_owned());
                }
            }
        }
        if self.lost {
            parts.insert(0, "no connection to the hub, trying again".to_owned());
        }
        if !state.steerable {
            parts.push("shared for reading only".to_owned());
        }
        let queued = state.queue.len();
        if queued > 0 {
            parts.push(format!("{queued} queued"));
        }
        if state.steerable && matches!(state.status, SessionStatus::Working | SessionStatus::Waiting) {
            if !self.editor.is_empty() && matches!(self.focus, Focus::Open | Focus::Message) {
                parts.push(format!("Enter queues{DOT}Alt+Enter steers"));
            }
            parts.push("Ctrl+X stops".to_owned());
        }
        parts.push("Ctrl+C detaches".to_owned());
        parts.join(DOT)
    }

    /// What is being answered, or waits for it, in one line: its place in the transcript may have scrolled away.
    fn question(&self) -> Option<String> {
        if let Some(id) = self.focus.request() {
            return self.request(id).map(answer::subject);
        }
        let request = self.current().filter(|_| self.focus == Focus::Open)?;
        let pending = self.state.iter().flat_map(|state| &state.pending);
        let open = pending.filter(|request| !self.answered.contains(&request.request_id)).count();
        let more = if open > 1 { format!(" (1 of {open})") } else { String::new() };
        Some(format!("needs you{more}: {}", answer::subject(request)))
    }

    fn label(&self) -> Cow<'static, str> {
        match &self.focus {
            Focus::Why(_) => "why not> ".into(),
            Focus::Answer(_) => "answer> ".into(),
            Focus::Form(form) => form.label().into(),
            Focus::Open if self.current().is_some() => "".into(),
            Focus::Open | Focus::Message if self.closed().is_some() => "".into(),
            Focus::Open | Focus::Message => "message> ".into(),
        }
    }

    fn redraw(&mut self) -> io::Result<()> {
        self.erase()?;
        self.draw()
    }

    /// Takes the foot away; the cursor is where it began.
    fn erase(&mut self) -> io::Result<()> {
        if self.foot.is_empty() {
            return Ok(());
        }
        let columns = self.columns.max(1);
        // A terminal that became narrower has broken the rows, the one with the cursor, too.
        let above: usize = self.foot.iter().rev().skip(1).map(|width| width.div_ceil(columns).max(1)).sum();
        let rows = above + self.column / columns;
        self.foot.clear();
        queue!(self.out, MoveToColumn(0))?;
        if let Some(up) = u16::try_from(rows).ok().filter(|up| *up > 0) {
            queue!(self.out, MoveUp(up))?;
        }
        queue!(self.out, Clear(ClearType::FromCursorDown))
    }

    fn foot_row(&mut self, look: Attribute, row: &str) -> io::Result<()> {
        self.foot.push(measure_text_width(row));
        queue!(self.out, SetAttribute(look), Print(row), SetAttribute(Attribute::Reset), Print("\r\n"))
    }

    fn draw(&mut self) -> io::Result<()> {
        // One column less than there are, so that no terminal wraps a full row.
        let room = self.columns.saturating_sub(1).max(10);
        for row in tail_rows(&self.partial, room) {
            queue!(self.out, Print(&row), Print("\r\n"))?;
            self.foot.push(measure_text_width(&row));
        }
        if let Some(question) = self.question() {
            let row = truncate_str(&question, room, "…").into_owned();
            self.foot_row(Attribute::Bold, &row)?;
        }
        for row in rows(&self.guide(), room) {
            self.foot_row(Attribute::Dim, &row)?;
        }
        // A field's name may be long; what is written needs some room, too.
        let label = truncate_str(&self.label(), room / 2, "…> ").into_owned();
        let (text, column) = self.editor.shown(room.saturating_sub(measure_text_width(&label)));
        let label_width = measure_text_width(&label);
        queue!(self.out, SetAttribute(Attribute::Bold), Print(&label), SetAttribute(Attribute::Reset), Print(&text))?;
        self.column = label_width + column;
        queue!(self.out, MoveToColumn(u16::try_from(self.column).unwrap_or(u16::MAX)))?;
        self.foot.push(label_width + measure_text_width(&text));
        self.out.flush()
    }
}

/// Words in rows of a width, broken between the things that can be done wherever that is possible.
fn rows(text: &str, room: usize) -> Vec<String> {
    let parts = text.split(DOT).flat_map(|part| {
        let whole = measure_text_width(part) <= room;
        let words: Vec<&str> = if whole { vec![part] } else { part.split(' ').collect() };
        words.into_iter().enumerate().map(|(n, words)| (if n == 0 { DOT } else { " " }, words))
    });
    let mut rows: Vec<String> = Vec::new();
    for (between, words) in parts {
        match rows.last_mut() {
            Some(row) if measure_text_width(row) + measure_text_width(between) + measure_text_width(words) <= room => {
                row.push_str(between);
                row.push_str(words);
            }
            _ => rows.push(truncate_str(words, room, "…").into_owned()),
        }
    }
    if rows.len() > GUIDE_ROWS {
        rows.truncate(GUIDE_ROWS);
        let last = rows.last_mut().map(std::mem::take).unwrap_or_default();
        let cut = truncate_str(&last, room.saturating_sub(2), "").into_owned();
        rows[GUIDE_ROWS - 1] = format!("{cut} …");
    }
    rows
}

/// The last rows of a text that has no end yet.
fn tail_rows(text: &str, room: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for c in text.chars() {
        let last = rows.last_mut().expect("one row at least");
        if measure_text_width(last) + measure_text_width(c.encode_utf8(&mut [0; 4])) > room {
            rows.push(c.to_string());
        } else {
            last.push(c);
        }
    }
    if text.is_empty() {
        rows.clear();
    }
    rows.split_off(rows.len().saturating_sub(PARTIAL_ROWS))
}

#[cfg(test)]
mod tests;

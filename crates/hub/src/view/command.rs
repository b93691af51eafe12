//! What becomes of the commands given at the link.

use groundlink_protocol::api::{CommandState, Delivery, Device};

use super::item::{Attached, Body, Sender, Source, UserText};
use super::request::Answer;
use super::text::Capped;
use super::{SessionView, reduce};

/// The most senders of commands that are remembered by name.
const MAX_SENDERS: usize = 4_096;

/// The most queued messages that are shown.
const MAX_QUEUE: usize = 50;

/// News about a command.
#[derive(Clone, Debug)]
pub struct CommandNote {
    /// The command's id.
    pub id: String,
    /// Its type on the wire: `user_message`, `permission_response`, ...
    pub kind: String,
    /// How far it has come.
    pub state: CommandState,
    /// The request it answers.
    pub request_id: Option<String>,
    /// A message's text, or the mode of a mode switch.
    pub text: Option<String>,
    /// Why it was not applied.
    pub reason: Option<String>,
    /// How a message joins a running turn.
    pub delivery: Delivery,
    /// Who gave it.
    pub device: Option<Device>,
    /// The exporter has taken it. Whether it has an effect is not known by that.
    pub taken: bool,
}

/// A message that the agent has not read yet.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Its place among all queued messages; never changes.
    pub n: u64,
    /// The command that carries it.
    pub command: String,
    /// The words.
    pub text: Capped,
    /// How far it has come.
    pub state: CommandState,
    /// How it joins a running turn.
    pub delivery: Delivery,
    /// Who gave it.
    pub device: Option<Device>,
    /// It is with the agent, which reads it at its next step.
    pub taken: bool,
    /// The revision of the view that changed it last.
    pub last_rev: u64,
}

impl SessionView {
    /// Takes in news about a command. The news of one command may come in any order with the events
    /// that prove it, and more than once.
    pub fn apply_command(&mut self, note: &CommandNote) {
        self.at_seq = None;
        self.take_command(note);
    }

    /// The same for a command that is read again from the store, at its place after the stored event `seq`.
    pub(crate) fn replay_command(&mut self, note: &CommandNote, seq: u64) {
        self.at_seq = Some(seq);
        self.take_command(note);
    }

    fn take_command(&mut self, note: &CommandNote) {
        self.remember_sender(note);
        match note.kind.as_str() {
            "user_message" => self.apply_message(note),
            "abort" => {
                if !note.state.is_final() || note.state == CommandState::Applied {
                    self.stopper = Some(self.sender(&note.id));
                }
                let stopping = self.turn.is_working() && !note.state.is_final();
                if self.header.stopping != stopping {
                    self.header.stopping = stopping;
                    self.touch_header();
                }
            }
            "mode_switch" => {
                let wanted = if note.state.is_final() { None } else { note.text.clone() };
                if self.header.mode_wanted != wanted {
                    self.header.mode_wanted = wanted;
                    self.touch_header();
                }
            }
            "model_switch" => {
                let wanted = if note.state.is_final() { None } else { note.text.clone() };
                if self.header.model_wanted != wanted {
                    self.header.model_wanted = wanted;
                    self.touch_header();
                }
            }
            _ => self.apply_answer(note),
        }
    }

    fn remember_sender(&mut self, note: &CommandNote) {
        let Some(device) = &note.device else { return };
        if self.senders.insert(note.id.clone(), device.clone()).is_some() {
            return;
        }
        self.senders_order.push_back(note.id.clone());
        if self.senders_order.len() > MAX_SENDERS
            && let Some(oldest) = self.senders_order.pop_front()
        {
            self.senders.remove(&oldest);
        }
    }

    /// Who gave this command.
    pub(super) fn sender(&self, command: &str) -> Sender {
        Sender { command: command.to_owned(), device: self.senders.get(command).cloned() }
    }

    fn apply_message(&mut self, note: &CommandNote) {
        let place = self.queue.iter().position(|queued| queued.command == note.id);
        // One that was read has an event, which tells of it.
        let told = matches!(note.state, CommandState::Applied | CommandState::Cancelled);
        if told || self.applied.contains(&note.id) {
            return self.dequeue(&note.id);
        }
        let text = note.text.as_deref().unwrap_or("");
        if note.state.is_final() {
            let text = match place {
                Some(place) => self.queue[place].text.clone(),
                None => reduce::user_text(text),
            };
            self.applied.insert(note.id.clone());
            self.dequeue(&note.id);
            let reason = note.reason.clone().unwrap_or_else(|| match note.state {
                CommandState::Expired => "It was not picked up in time.".to_owned(),
                _ => "The agent did not take it.".to_owned(),
            });
            let source = Source::Link(self.sender(&note.id));
            self.push(
                "",
                false,
                Body::User(UserText { text, source, attached: Attached::default(), failed: Some(reason) }),
            );
            return;
        }
        let rev = self.rev + 1;
        if let Some(place) = place {
            let queued = &mut self.queue[place];
            // Only while it waits can somebody have changed the words.
            let words = (note.state == CommandState::Accepted).then(|| reduce::user_text(text));
            let changed = words.filter(|words| *words != queued.text);
            if (queued.state, queued.taken) == (note.state, note.taken) && changed.is_none() {
                return;
            }
            (queued.state, queued.taken) = (note.state, note.taken);
            if let Some(words) = changed {
                queued.text = words;
            }
            queued.last_rev = rev;
        } else {
            if self.queue.len() >= MAX_QUEUE {
                self.queue.remove(0);
            }
            self.queue.push(Queued {
                n: rev,
                command: note.id.clone(),
                text: reduce::user_text(text),
                state: note.state,
                delivery: note.delivery,
                device: note.device.clone(),
                taken: note.taken,
                last_rev: rev,
            });
        }
        self.rev = rev;
        self.queue_rev = rev;
    }

    /// The message of this command is with the agent.
    pub(super) fn dequeue(&mut self, command: &str) {
        let before = self.queue.len();
        self.queue.retain(|queued| queued.command != command);
        if self.queue.len() != before {
            self.queue_rev = self.bump();
        }
    }

    fn apply_answer(&mut self, note: &CommandNote) {
        let Some(id) = &note.request_id else { return };
        let answer = match note.state {
            CommandState::Accepted | CommandState::Delivered | CommandState::Applied => {
                Answer { command: note.id.clone(), failed: None }
            }
            _ => {
                let reason = note.reason.clone();
                let failed = reason.unwrap_or_else(|| "The agent did not take the answer.".to_owned());
                Answer { command: note.id.clone(), failed: Some(failed) }
            }
        };
        let rev = self.rev + 1;
        let Some(request) = self.requests.iter_mut().find(|request| request.is_named(id)) else {
            match note.state {
                CommandState::Applied => self.settle_outcome(id, &note.id, true),
                CommandState::Superseded => self.settle_outcome(id, &note.id, false),
                _ => {}
            }
            return;
        };
        // An older answer's failure does not concern the one that is on its way now.
        let other_on_its_way =
            request.answer.as_ref().is_some_and(|known| known.failed.is_none() && known.command != answer.command);
        if request.answer.as_ref() == Some(&answer) || (other_on_its_way && answer.failed.is_some()) {
            return;
        }
        request.answer = Some(answer);
        request.last_rev = rev;
        self.rev = rev;
        self.requests_rev = rev;
    }
}

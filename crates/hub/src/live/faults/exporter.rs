//! An exporter as the CLI was seen to be: what it uploads again and when, what it forgets, what an abort drops.

use std::collections::{BTreeSet, HashMap, HashSet};

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// A command from a poll's answer.
pub(super) struct Handed {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) content: String,
}

/// How far the exporter's buffers were when an upload was made.
pub(super) struct Marks {
    events: Vec<String>,
    acknowledged: Vec<String>,
}

/// A session with its exporters. Two attachments poll by themselves and remember their own commands only.
pub(super) struct Exporter {
    /// Everything the session ever said, by id.
    said: HashMap<String, Value>,
    /// The durable events, in order: what the CLI keeps.
    history: Vec<String>,
    unsent: Vec<Value>,
    acknowledgements: Vec<String>,
    /// Uploads that the hub confirmed.
    confirmed: BTreeSet<String>,
    /// What each poller has been given.
    pollers: Vec<HashSet<String>>,
    effects: HashMap<String, u32>,
    count: u64,
    working: bool,
    mode: &'static str,
    /// Messages that joined the turn, to be read at its next step.
    unread: Vec<Handed>,
    asked: Vec<String>,
}

impl Exporter {
    pub(super) fn new() -> Self {
        let mut new = Self {
            said: HashMap::new(),
            history: Vec::new(),
            unsent: Vec::new(),
            acknowledgements: Vec::new(),
            confirmed: BTreeSet::new(),
            pollers: vec![HashSet::new()],
            effects: HashMap::new(),
            count: 0,
            working: false,
            mode: "interactive",
            unread: Vec::new(),
            asked: Vec::new(),
        };
        new.say(super::START, "session.start", &json!({"selectedModel": "m", "context": {"cwd": "/home/me"}}));
        new
    }

    fn event(&mut self, now: u64, kind: &str, data: &Value, ephemeral: bool) {
        self.count += 1;
        let id = format!("e{}", self.count);
        // A time of its own for each, so that their order is known.
        let at = jiff::Timestamp::from_millisecond(i64::try_from(now + self.count).expect("a time")).expect("a time");
        let parent = self.history.last();
        let mut event =
            json!({"id": id, "timestamp": format!("{at:.3}"), "parentId": parent, "type": kind, "data": data});
        if ephemeral {
            event["ephemeral"] = true.into();
        } else {
            self.history.push(id.clone());
        }
        self.said.insert(id, event.clone());
        self.unsent.push(event);
    }

    fn say(&mut self, now: u64, kind: &str, data: &Value) {
        self.event(now, kind, data, false);
    }

    fn mention(&mut self, now: u64, kind: &str, data: &Value) {
        self.event(now, kind, data, true);
    }

    /// What the next upload holds; nothing when there is nothing to say.
    pub(super) fn upload(&self) -> Option<(String, Marks)> {
        if self.unsent.is_empty() && self.acknowledgements.is_empty() {
            return None;
        }
        let events = &self.unsent[..self.unsent.len().min(500)];
        let body = json!({"events": events, "completed_command_ids": self.acknowledgements}).to_string();
        let ids = events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect();
        Some((body, Marks { events: ids, acknowledged: self.acknowledgements.clone() }))
    }

    pub(super) fn uploaded(&mut self, marks: Marks) {
        self.unsent.retain(|event| !marks.events.iter().any(|id| event["id"] == id.as_str()));
        self.acknowledgements.retain(|id| !marks.acknowledged.contains(id));
        self.confirmed.extend(marks.events);
    }

    pub(super) fn poller(&self, random: &mut StdRng) -> Option<usize> {
        (!self.pollers.is_empty()).then(|| random.random_range(0..self.pollers.len()))
    }

    /// Does what a command says, unless this poller knows it.
    pub(super) fn execute(&mut self, poller: usize, command: Handed, now: u64) {
        if !self.pollers[poller].insert(command.id.clone()) {
            return;
        }
        self.acknowledgements.push(command.id.clone());
        match command.kind.as_str() {
            "user_message" if self.working => self.unread.push(command),
            "user_message" => {
                self.read(&command, "idle", now);
                self.working = true;
                self.say(now, "assistant.turn_start", &json!({}));
            }
            "abort" => {
                if self.working {
                    self.effect(&command.id);
                    self.stop("remote_command", now);
                }
            }
            "mode_switch" => {
                let wanted: Value = serde_json::from_str(&command.content).expect("JSON");
                let wanted = if wanted["mode"] == "plan" { "plan" } else { "interactive" };
                if self.mode != wanted {
                    self.effect(&command.id);
                    self.mode = wanted;
                    self.say(now, "session.mode_changed", &json!({"newMode": wanted}));
                }
            }
            "permission_response" => {
                let answer: Value = serde_json::from_str(&command.content).expect("JSON");
                let request = answer["promptId"].as_str().expect("a request").to_owned();
                if self.asked.contains(&request) {
                    self.effect(&command.id);
                    self.answer(&request, answer["approved"] == true, now);
                }
            }
            other => panic!("the CLI would take `{other}` for a message"),
        }
    }

    fn effect(&mut self, id: &str) {
        *self.effects.entry(id.to_owned()).or_default() += 1;
    }

    fn read(&mut self, command: &Handed, delivery: &str, now: u64) {
        self.effect(&command.id);
        let source = format!("command-{}", command.id);
        let data = json!({"content": command.content, "source": source, "delivery": delivery});
        self.say(now, "user.message", &data);
    }

    fn answer(&mut self, request: &str, approved: bool, now: u64) {
        self.asked.retain(|id| id != request);
        let kind = if approved { "approved" } else { "denied-interactively-by-user" };
        self.say(now, "permission.completed", &json!({"requestId": request, "result": {"kind": kind}}));
        if !approved {
            self.stop("user_initiated", now);
        }
    }

    fn stop(&mut self, reason: &str, now: u64) {
        // What had been accepted and not read is dropped.
        self.unread.clear();
        self.asked.clear();
        self.working = false;
        self.say(now, "abort", &json!({"reason": reason}));
        self.mention(now, "session.idle", &json!({"aborted": true}));
    }

    /// Something happens in the session by itself.
    pub(super) fn live(&mut self, random: &mut StdRng, now: u64) -> String {
        for command in std::mem::take(&mut self.unread) {
            self.read(&command, "steering", now);
        }
        match random.random_range(0..100) {
            0..15 if !self.working => {
                self.working = true;
                self.say(now, "user.message", &json!({"content": "from the terminal"}));
                self.say(now, "assistant.turn_start", &json!({}));
                "typed in the terminal".to_owned()
            }
            15..40 if self.working => {
                let request = format!("R{}", self.count);
                self.asked.push(request.clone());
                let asked = json!({"kind": "shell", "fullCommandText": request});
                self.say(now, "permission.requested", &json!({"requestId": request, "permissionRequest": asked}));
                format!("asks {request}")
            }
            40..55 if !self.asked.is_empty() => {
                let request = self.asked[0].clone();
                let approved = random.random_range(0..2) == 0;
                self.answer(&request, approved, now);
                format!("answered in the terminal {request} {approved}")
            }
            55..75 if self.working && self.asked.is_empty() => {
                self.say(
                    now,
                    "assistant.message",
                    &json!({"messageId": format!("m{}", self.count), "content": "done"}),
                );
                self.say(now, "assistant.turn_end", &json!({}));
                self.mention(now, "session.idle", &json!({}));
                self.working = false;
                "the turn ends".to_owned()
            }
            75..80 => {
                self.mention(now, "session.title_changed", &json!({"title": format!("Title {}", self.count)}));
                "another title".to_owned()
            }
            80..84 if self.working => {
                self.stop("user_initiated", now);
                "stopped in the terminal".to_owned()
            }
            84..88 => {
                self.say(now, "session.error", &json!({"message": "the model does not answer"}));
                self.mention(now, "session.idle", &json!({}));
                self.working = false;
                self.asked.clear();
                "an error".to_owned()
            }
            _ => {
                self.say(now, "session.usage_record", &json!({"n": self.count}));
                "something".to_owned()
            }
        }
    }

    /// The process is killed and started again: its history is there, the rest is not.
    pub(super) fn crash(&mut self, now: u64) {
        self.unsent.clear();
        self.acknowledgements.clear();
        self.unread.clear();
        self.asked.clear();
        self.working = false;
        self.say(now, "session.resume", &json!({}));
    }

    /// Attaches; with `replay`, everything durable is uploaded again. A new attachment knows no commands.
    pub(super) fn attach(&mut self, replay: bool) {
        // After a kill the remembered position may be old: then everything comes as well.
        let unsent: Vec<String> = self.unsent.iter().filter_map(|e| e["id"].as_str().map(str::to_owned)).collect();
        let ephemeral: Vec<Value> = self.unsent.drain(..).filter(|event| event["ephemeral"] == true).collect();
        let again = self.history.iter().filter(|id| replay || unsent.contains(id) || !self.confirmed.contains(*id));
        let mut all: Vec<Value> = again.map(|id| self.said[id].clone()).chain(ephemeral).collect();
        all.sort_by_key(|event| event["timestamp"].as_str().map(str::to_owned));
        self.unsent = all;
        self.pollers = vec![HashSet::new()];
    }

    /// The session is attached twice.
    pub(super) fn attach_again(&mut self) {
        if self.pollers.len() < 2 {
            self.pollers.push(HashSet::new());
        }
    }

    /// More gathers than the exporter keeps: the oldest of it is dropped, and not sent again by itself.
    pub(super) fn outage(&mut self, random: &mut StdRng) {
        let lost = random.random_range(0..=self.unsent.len());
        self.unsent.drain(..lost);
    }

    pub(super) fn has_said(&self, id: &str) -> bool {
        self.said.contains_key(id)
    }

    pub(super) fn confirmed(&self) -> impl Iterator<Item = &str> {
        self.confirmed.iter().map(String::as_str)
    }

    pub(super) fn durable(&self) -> &[String] {
        &self.history
    }

    pub(super) fn is_durable(&self, id: &str) -> bool {
        self.said.get(id).is_some_and(|event| event["ephemeral"] != true)
    }

    /// How often a command took effect.
    pub(super) fn effects(&self, command: &str) -> u32 {
        self.effects.get(command).copied().unwrap_or_default()
    }

    pub(super) fn message_is_in_history(&self, command: &str) -> bool {
        let source = format!("command-{command}");
        self.history.iter().any(|id| self.said[id]["data"]["source"] == source.as_str())
    }
}

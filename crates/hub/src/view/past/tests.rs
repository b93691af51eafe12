//! What comes from the log, part by part, is what a view without a limit would have.

use std::collections::BTreeMap;

use groundlink_protocol::api::{CommandState, Delivery, Device};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::view::Source;

/// Small, so that a short session has a long past.
const KEPT: usize = 20;
const WINDOW: usize = 16;
const PART: usize = 7;

/// What happens in a session.
#[derive(Clone, Debug)]
enum Step {
    Message,
    MessageFromLink,
    MessageThatFails,
    Words,
    /// Words that are seen growing.
    GrowingWords(u8),
    Thought,
    ToolStarts,
    /// Of those that run, one ends.
    ToolEnds(u8),
    AgentStarts,
    AgentWorks(u8),
    AgentEnds(u8),
    Asked,
    Answered(u8),
    Idle,
    Silent,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Message),
        1 => Just(Step::MessageFromLink),
        1 => Just(Step::MessageThatFails),
        3 => Just(Step::Words),
        1 => (0..3_u8).prop_map(Step::GrowingWords),
        1 => Just(Step::Thought),
        3 => Just(Step::ToolStarts),
        3 => any::<u8>().prop_map(Step::ToolEnds),
        1 => Just(Step::AgentStarts),
        2 => any::<u8>().prop_map(Step::AgentWorks),
        1 => any::<u8>().prop_map(Step::AgentEnds),
        1 => Just(Step::Asked),
        1 => any::<u8>().prop_map(Step::Answered),
        1 => Just(Step::Idle),
        1 => Just(Step::Silent),
    ]
}

/// A session's log, and what a hub that was there throughout shows of it.
struct Session {
    events: Vec<(u64, Event)>,
    commands: Vec<(CommandNote, u64)>,
    live: SessionView,
    count: u64,
    tools: Vec<String>,
    agents: Vec<String>,
    asked: Vec<String>,
}

impl Session {
    fn of(steps: &[Step]) -> Self {
        let mut session = Self {
            events: Vec::new(),
            commands: Vec::new(),
            live: SessionView::with_limit("s", KEPT),
            count: 0,
            tools: Vec::new(),
            agents: Vec::new(),
            asked: Vec::new(),
        };
        for step in steps {
            session.step(step);
        }
        session
    }

    fn event(&mut self, kind: &str, agent: Option<&str>, data: &Value) -> Event {
        self.count += 1;
        let n = self.count;
        let mut event = json!({"id": format!("e{n}"), "type": kind, "data": data,
            "timestamp": format!("2026-03-02T09:{:02}:{:02}.000Z", n / 60 % 60, n % 60)});
        if let Some(agent) = agent {
            event["agentId"] = agent.into();
        }
        Event::parse(&event.to_string()).expect("a well-formed event")
    }

    fn store(&mut self, kind: &str, agent: Option<&str>, data: &Value) {
        let event = self.event(kind, agent, data);
        let seq = self.seq() + 1;
        self.live.apply_event(&event, Some(seq));
        self.events.push((seq, event));
    }

    fn seq(&self) -> u64 {
        self.events.last().map_or(0, |(seq, _)| *seq)
    }

    fn command(&mut self, kind: &str, request: Option<&str>, state: CommandState) -> String {
        self.count += 1;
        let note = CommandNote {
            id: format!("c{}", self.count),
            kind: kind.to_owned(),
            state: CommandState::Delivered,
            request_id: request.map(str::to_owned),
            text: Some("words".to_owned()),
            reason: None,
            delivery: Delivery::Queue,
            device: Some(Device { id: "d".to_owned(), name: Some("phone".to_owned()) }),
            taken: false,
        };
        self.live.apply_command(&note);
        let id = note.id.clone();
        let ended = CommandNote { state, ..note };
        if state != CommandState::Applied {
            self.live.apply_command(&ended);
        }
        let at = self.seq();
        self.commands.push((ended, at));
        id
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each kind of step")]
    fn step(&mut self, step: &Step) {
        let n = self.count;
        let take = |list: &mut Vec<String>, pick: u8| {
            (!list.is_empty()).then(|| list.swap_remove(usize::from(pick) % list.len()))
        };
        match step {
            Step::Message => self.store("user.message", None, &json!({"content": format!("message {n}")})),
            Step::MessageFromLink => {
                let id = self.command("user_message", None, CommandState::Applied);
                let source = format!("command-{id}");
                self.store("user.message", None, &json!({"content": format!("message {n}"), "source": source}));
            }
            Step::MessageThatFails => {
                self.command("user_message", None, CommandState::Rejected);
            }
            Step::Words => {
                self.store(
                    "assistant.message",
                    None,
                    &json!({"messageId": format!("m{n}"), "content": format!("words {n}")}),
                );
            }
            Step::GrowingWords(between) => {
                let delta = json!({"messageId": format!("m{n}"), "deltaContent": "wo"});
                let event = self.event("assistant.message_delta", None, &delta);
                self.live.apply_event(&event, None);
                for _ in 0..*between {
                    self.step(&Step::ToolStarts);
                }
                self.store(
                    "assistant.message",
                    None,
                    &json!({"messageId": format!("m{n}"), "content": format!("words {n}")}),
                );
            }
            Step::Thought => {
                let data =
                    json!({"messageId": format!("m{n}"), "content": "so", "reasoningText": format!("thought {n}")});
                self.store("assistant.turn_start", None, &json!({}));
                self.store("assistant.message", None, &data);
            }
            Step::ToolStarts => {
                self.tools.push(format!("t{n}"));
                let arguments = json!({"command": format!("run {n}")});
                let data = json!({"toolCallId": format!("t{n}"), "toolName": "bash", "arguments": arguments});
                self.store("tool.execution_start", None, &data);
            }
            Step::ToolEnds(pick) => {
                let Some(call) = take(&mut self.tools, *pick) else { return };
                let result = json!({"content": format!("printed {n}")});
                self.store(
                    "tool.execution_complete",
                    None,
                    &json!({"toolCallId": call, "success": true, "result": result}),
                );
            }
            Step::AgentStarts => {
                self.agents.push(format!("a{n}"));
                let data =
                    json!({"toolCallId": format!("a{n}"), "toolName": "task", "arguments": {"agent_type": "explore"}});
                self.store("tool.execution_start", None, &data);
                let agent = format!("agent-a{n}");
                self.store(
                    "subagent.started",
                    Some(&agent),
                    &json!({"toolCallId": format!("a{n}"), "agentName": "explore"}),
                );
            }
            Step::AgentWorks(pick) => {
                let Some(call) = self.agents.get(usize::from(*pick) % self.agents.len().max(1)).cloned() else {
                    return;
                };
                let data = json!({"messageId": format!("m{n}"), "content": format!("step {n}")});
                self.store("assistant.message", Some(&format!("agent-{call}")), &data);
            }
            Step::AgentEnds(pick) => {
                let Some(call) = take(&mut self.agents, *pick) else { return };
                let agent = format!("agent-{call}");
                self.store("subagent.completed", Some(&agent), &json!({"toolCallId": call, "durationMs": n}));
                self.store(
                    "tool.execution_complete",
                    None,
                    &json!({"toolCallId": call, "success": true, "result": {}}),
                );
            }
            Step::Asked => {
                self.asked.push(format!("r{n}"));
                let asked = json!({"kind": "url", "url": format!("https://example.com/{n}")});
                self.store(
                    "permission.requested",
                    None,
                    &json!({"requestId": format!("r{n}"), "permissionRequest": asked}),
                );
            }
            Step::Answered(pick) => {
                let Some(request) = take(&mut self.asked, *pick) else { return };
                if pick % 2 == 0 {
                    self.command("permission_response", Some(&request), CommandState::Applied);
                }
                self.store(
                    "permission.completed",
                    None,
                    &json!({"requestId": request, "result": {"kind": "approved"}}),
                );
            }
            Step::Idle => {
                (self.tools, self.agents, self.asked) = (Vec::new(), Vec::new(), Vec::new());
                self.store("session.idle", None, &json!({}));
            }
            Step::Silent => self.store("session.usage_record", None, &json!({})),
        }
    }

    /// The log from its beginning, in order; until `Break`.
    fn replay(
        &self,
        mut each: impl FnMut(Result<(&Event, u64), (&CommandNote, u64)>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut commands = self.commands.iter().peekable();
        for (seq, event) in &self.events {
            while let Some((note, at)) = commands.next_if(|(_, at)| at < seq) {
                each(Err((note, *at)))?;
            }
            each(Ok((event, *seq)))?;
        }
        commands.try_for_each(|(note, at)| each(Err((note, *at))))
    }

    /// The view of a hub that reads the log now.
    fn read(&self, limit: usize) -> SessionView {
        let mut view = SessionView::with_limit("s", limit);
        let _ = self.replay(|step| {
            match step {
                Ok((event, seq)) => view.apply_event(event, Some(seq)),
                Err((note, at)) => view.replay_command(note, at),
            }
            ControlFlow::Continue(())
        });
        view
    }

    fn window(&self, until: u64, view: &SessionView) -> Past {
        let mut past = Past::with_limit("s", until, failed(view), WINDOW);
        let _ = self.replay(|step| match step {
            Ok((event, seq)) => past.apply_event(event, seq),
            Err((note, at)) => {
                past.apply_command(note, at);
                ControlFlow::Continue(())
            }
        });
        past
    }

    /// Everything that a page gets which scrolls from the end of `view` to the beginning.
    fn scrolled(&self, view: &SessionView) -> Vec<Item> {
        let mut all: Vec<Item> = view.items().cloned().collect();
        let (mut before, mut until) = (view.dropped(), view.gone());
        if before == 0 {
            return all;
        }
        let mut past = self.window(until, view);
        loop {
            if !past.covers(until) {
                past = self.window(until, view);
                assert!(past.covers(until), "a window covers its own end");
            }
            let older = past.part(until, before, PART);
            if let Some(first) = older.items.first() {
                (before, until) = (first.n, older.until);
            }
            let more = older.is_more && older.has_numbers;
            assert!(!more || !older.items.is_empty(), "who is told of more gets more");
            all.splice(0..0, older.items);
            if !more {
                return all;
            }
        }
    }
}

fn failed(view: &SessionView) -> HashSet<String> {
    view.items().filter_map(|item| failed_command(&item.body)).collect()
}

fn failed_command(body: &Body) -> Option<String> {
    match body {
        Body::User(user) if user.failed.is_some() => match &user.source {
            Source::Link(sender) => Some(sender.command.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// All of an item but what counts a view's changes.
fn told(item: &Item) -> String {
    format!("{} {:?} {} {} {:?}", item.n, item.seq, item.at, item.nested, item.body)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn scrolled_back_from_the_log_it_is_what_a_view_without_a_limit_has(steps in prop::collection::vec(step(), 1..160)) {
        let session = Session::of(&steps);
        let whole = session.read(usize::MAX);
        let scrolled = session.scrolled(&session.read(KEPT));
        prop_assert_eq!(scrolled.len(), whole.items().len());
        for (item, known) in scrolled.iter().zip(whole.items()) {
            prop_assert_eq!(told(item), told(known));
            prop_assert!(item.parent.is_none() || item.parent == known.parent, "{:?} {:?}", item, known);
        }
    }

    /// A hub that saw things grow and fail has them in other places; what is before its view is all there nevertheless.
    #[test]
    fn before_a_view_that_was_there_throughout_nothing_is_missing(steps in prop::collection::vec(step(), 1..160)) {
        let session = Session::of(&steps);
        let scrolled = session.scrolled(&session.live);
        prop_assert!(scrolled.windows(2).all(|pair| pair[0].n + 1 == pair[1].n), "every number once");
        let count = |items: &mut dyn Iterator<Item = &Item>| {
            let mut counts = BTreeMap::new();
            for item in items {
                let name = failed_command(&item.body).unwrap_or_else(|| format!("{:?}", item.seq));
                *counts.entry(name).or_insert(0) += 1;
            }
            counts
        };
        let (got, expected) = (count(&mut scrolled.iter()), count(&mut session.read(usize::MAX).items()));
        let other = expected.iter().find(|(name, count)| got.get(*name) != Some(count));
        prop_assert_eq!(other.map(|(name, count)| (name, got.get(name), count)), None);
        prop_assert_eq!(got.len(), expected.len());
    }
}

//! How the work is getting on: sub-agents, things to do, the plan, what was used, and what to do about trouble.

use groundlink_protocol::Event;

use super::SessionView;
use super::fields::Fields;
use super::item::{Agent, Body, Level, Notice, ToolState};
use super::request::Ask;
use super::text::{Capped, first_line};

const MAX_NOTICE: usize = 8 * 1024;
const MAX_ADVICE: usize = 1024;
const MAX_PLAN: usize = 64 * 1024;
const MAX_TASKS: usize = 100;
const MAX_TASK: usize = 300;
/// The most sub-agents whose tool call is remembered.
const MAX_AGENTS: usize = 1024;

/// What was used so far. Counts are tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What is in the model's context now.
    pub context: Option<u64>,
    /// What fits into it.
    pub limit: Option<u64>,
    /// What was sent to models.
    pub input: u64,
    /// What models wrote.
    pub output: u64,
    /// How often a model was asked.
    pub calls: u64,
}

impl Usage {
    /// How full the context is, in per cent.
    pub fn percent(&self) -> Option<u64> {
        let (context, limit) = (self.context?, self.limit.filter(|limit| *limit > 0)?);
        Some((context.saturating_mul(100) / limit).min(100))
    }
}

/// A thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What.
    pub title: String,
    /// How far it is.
    pub state: TaskState,
}

/// See [`Task`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Not begun.
    Open,
    /// Begun.
    Doing,
    /// Done.
    Done,
}

impl SessionView {
    /// Finds out which sub-agent an event belongs to; says whether to any.
    pub(super) fn note_agent(&mut self, event: &Event, data: Fields<'_>) -> bool {
        let call = data.opt("parentToolCallId").map(str::to_owned);
        if let (Some(agent), Some(call)) = (event.agent_id(), data.opt("toolCallId"))
            && event.kind().starts_with("subagent.")
        {
            if self.agents.len() >= MAX_AGENTS {
                self.agents.clear();
            }
            self.agents.insert(agent.to_owned(), call.to_owned());
        }
        let call = call.or_else(|| event.agent_id().and_then(|agent| self.agents.get(agent)).cloned());
        self.parent = call.and_then(|call| self.by_call.get(&call).copied());
        event.agent_id().is_some() || data.opt("parentToolCallId").is_some()
    }

    /// A sub-agent's item was added.
    pub(super) fn count_step(&mut self, parent: u64) {
        self.update(parent, |body| {
            if let Body::Tool(tool) = body {
                tool.agent.get_or_insert_default().steps += 1;
            }
        });
    }

    pub(super) fn subagent(&mut self, kind: &str, data: Fields<'_>, at: &str) {
        let name = data.opt("agentDisplayName").or(data.opt("agentName")).unwrap_or("").to_owned();
        let tokens = data.int("totalTokens").and_then(|tokens| u64::try_from(tokens).ok());
        let took = data.int("durationMs");
        let failed = (kind == "subagent.failed").then(|| data.str("error").to_owned());
        let Some(n) = self.by_call.get(data.str("toolCallId")).copied().filter(|n| self.item(*n).is_some()) else {
            if let Some(why) = failed {
                self.notice(Level::Warning, &why, at);
            }
            return;
        };
        let model = data.owned("model");
        let running = kind == "subagent.started";
        self.update(n, |body| {
            let Body::Tool(call) = body else { return };
            let agent = call.agent.get_or_insert_default();
            agent.running = running;
            if !name.is_empty() {
                agent.name = name;
            }
            agent.model = model.or(agent.model.take());
            agent.tokens = tokens.or(agent.tokens);
            call.took_ms = took.or(call.took_ms);
            if let Some(why) = failed {
                call.state = ToolState::Failed;
                call.error = Some(why);
            }
        });
    }

    /// The turn is over, and with it the work of sub-agents of which nobody has said how it ended.
    pub(super) fn interrupt_agents(&mut self) {
        let calls: Vec<u64> = self.agents.values().filter_map(|call| self.by_call.get(call)).copied().collect();
        for n in calls {
            let running = |body: &Body| matches!(body, Body::Tool(tool) if tool.agent.as_ref().is_some_and(|agent| agent.running));
            if self.item(n).is_some_and(|item| running(&item.body)) {
                self.update(n, |body| {
                    let Body::Tool(call) = body else { return };
                    call.state = ToolState::Interrupted;
                    if let Some(agent) = &mut call.agent {
                        agent.running = false;
                    }
                });
            }
        }
    }

    pub(super) fn used(&mut self, data: Fields<'_>) {
        let count = |name| data.int(name).and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        let usage = &mut self.header.usage;
        usage.input = usage.input.saturating_add(count("inputTokens"));
        usage.output = usage.output.saturating_add(count("outputTokens"));
        usage.calls += 1;
        self.touch_header();
    }

    pub(super) fn context_filled(&mut self, data: Fields<'_>) {
        let count = |name| data.int(name).and_then(|count| u64::try_from(count).ok());
        let usage = &mut self.header.usage;
        usage.context = count("currentTokens").or(usage.context);
        usage.limit = count("tokenLimit").or(usage.limit);
        self.touch_header();
    }

    pub(super) fn compacted(&mut self, data: Fields<'_>) {
        if let Some(tokens) = data.int("postCompactionTokens").and_then(|tokens| u64::try_from(tokens).ok()) {
            self.header.usage.context = Some(tokens);
            self.touch_header();
        }
    }

    /// Keeps a plan that was handed in, to be read again when its card is gone.
    pub(super) fn note_plan(&mut self, ask: &Ask) {
        if let Ask::Plan(plan) = ask
            && !plan.content.trim().is_empty()
        {
            self.header.plan = Some(Capped::new(&plan.content, MAX_PLAN, 0));
            self.touch_header();
        }
    }

    /// A warning or an error, with what to do about it.
    pub(super) fn trouble(&mut self, level: Level, kind: &str, data: Fields<'_>, at: &str, nested: bool) {
        let message = data.str("message").trim();
        if message.is_empty() {
            return;
        }
        let own = data.opt("remediation").map(|text| first_line(text, MAX_ADVICE));
        let advice = own.or_else(|| advice(level, kind, data.int("statusCode")).map(str::to_owned));
        let url = data.owned("url").filter(|url| url.starts_with("https://") || url.starts_with("http://"));
        let text = Capped::new(message, MAX_NOTICE, 0);
        self.push(at, nested, Body::Notice(Notice { level, text, by: None, advice, url }));
    }
}

/// What helps, where the CLI does not say.
fn advice(level: Level, kind: &str, status: Option<i64>) -> Option<&'static str> {
    Some(match (kind, status) {
        ("authentication" | "authorization", _) | (_, Some(401 | 403)) => {
            "Sign in again where the session runs, then send the message once more."
        }
        ("quota" | "rate_limit", _) | (_, Some(402 | 429)) => {
            "The model's limit is reached. Wait a while, or choose another model, then send the message once more."
        }
        ("context_limit", _) | (_, Some(413)) => {
            "The conversation is too long for the model. Send /compact, or start a new session."
        }
        ("remote", _) => "The work goes on where the session runs; it may not be seen or steered from here.",
        (_, Some(500..)) => "The model's service has a fault. Send the message once more in a while.",
        _ if level == Level::Error => "The turn ended here. Send the message once more to try again.",
        _ => return None,
    })
}

/// The sub-agent that a tool call asks for.
pub(super) fn agent_of(arguments: Fields<'_>) -> Agent {
    Agent { name: arguments.str("agent_type").to_owned(), model: arguments.owned("model"), ..Agent::default() }
}

/// The list of things to do that a tool call writes, if it writes one.
pub(super) fn tasks_of(tool: &str, arguments: Fields<'_>) -> Option<Vec<Task>> {
    if super::summary::kind(tool) != super::ToolKind::Todo {
        return None;
    }
    let todos = arguments.get("todos");
    let tasks: Vec<Task> = match todos.0.as_str() {
        Some(text) => text.lines().filter_map(checklist_line).take(MAX_TASKS).collect(),
        None => arguments.list("todos").filter_map(listed).take(MAX_TASKS).collect(),
    };
    Some(tasks)
}

/// `- [x] what`
fn checklist_line(line: &str) -> Option<Task> {
    let rest = line.trim_start().strip_prefix(['-', '*', '+'])?.trim_start().strip_prefix('[')?;
    let (mark, title) = rest.split_once(']')?;
    let state = match mark.trim() {
        "" => TaskState::Open,
        "x" | "X" => TaskState::Done,
        _ => TaskState::Doing,
    };
    let title = first_line(title, MAX_TASK);
    (!title.is_empty()).then_some(Task { title, state })
}

fn listed(task: Fields<'_>) -> Option<Task> {
    let title = task.opt("content").or(task.opt("title")).or(task.opt("description"))?;
    Some(self::task(title, task.str("status")))
}

/// A thing to do, with its status in the CLI's words.
pub(super) fn task(title: &str, status: &str) -> Task {
    let state = match status {
        "done" | "completed" => TaskState::Done,
        "in_progress" => TaskState::Doing,
        _ => TaskState::Open,
    };
    Task { title: first_line(title, MAX_TASK), state }
}

/// How far a list of things to do is, in a few words.
pub(super) fn summary(arguments: Fields<'_>) -> String {
    let tasks = tasks_of("update_todo", arguments).unwrap_or_default();
    let done = tasks.iter().filter(|task| task.state == TaskState::Done).count();
    format!("{done} of {} done", tasks.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_things_to_do_are_read() {
        let text = json!({"todos": "# Plan\n- [x] look\n- [ ] change\n* [~] test\nwords\n- [ ]\n"});
        let list = json!({"todos": [{"content": "look", "status": "completed"}, {"title": "change"}, {"content": "test", "status": "in_progress"}, 3]});
        for arguments in [text, list] {
            let tasks = tasks_of("update_todo", Fields(&arguments)).expect("a list");
            let told: Vec<_> = tasks.iter().map(|task| (task.title.as_str(), task.state)).collect();
            let states = [TaskState::Done, TaskState::Open, TaskState::Doing];
            assert_eq!(told, ["look", "change", "test"].into_iter().zip(states).collect::<Vec<_>>());
            assert_eq!(summary(Fields(&arguments)), "1 of 3 done");
        }
        assert_eq!(tasks_of("bash", Fields(&json!({"todos": "- [ ] x"}))), None);
        assert_eq!(tasks_of("update_todo", Fields(&json!(null))), Some(Vec::new()));
    }

    #[test]
    fn every_error_says_what_to_do() {
        for (kind, status, part) in [
            ("authentication", None, "Sign in"),
            ("query", Some(429), "limit"),
            ("query", Some(503), "fault"),
            ("query", None, "once more"),
        ] {
            assert!(advice(Level::Error, kind, status).is_some_and(|text| text.contains(part)), "{kind} {status:?}");
        }
        assert_eq!(advice(Level::Warning, "odd", None), None);
    }

    #[test]
    fn a_context_fills() {
        let usage = |context, limit| Usage { context, limit, ..Usage::default() };
        assert_eq!(usage(Some(50), Some(200)).percent(), Some(25));
        assert_eq!(usage(Some(300), Some(200)).percent(), Some(100));
        assert_eq!(usage(Some(1), Some(0)).percent(), None);
        assert_eq!(usage(None, Some(3)).percent(), None);
    }
}

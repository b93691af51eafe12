//! Tool calls come, print and end.

use super::fields::Fields;
use super::item::{Body, Item, ToolCall, ToolKind, ToolState, Verdict};
use super::request::{Ask, Elicitation, Plan, Question};
use super::text::Capped;
use super::{SessionView, images, progress, shells, summary, todos};
use crate::digest::{Asked, digest};

const OUTPUT_HEAD: usize = 8 * 1024;
const OUTPUT_TAIL: usize = 24 * 1024;
/// While a tool runs, only the end of its output matters, and it is sent again with every change.
const LIVE_TAIL: usize = 2 * 1024;
const MAX_DIFF: usize = 64 * 1024;

/// The most notes about tool calls that have not started.
const MAX_INTENTIONS: usize = 256;

impl SessionView {
    /// What an `assistant.message` says about the calls it is going to make.
    pub(super) fn note_tool_requests(&mut self, message: Fields<'_>) {
        for request in message.list("toolRequests") {
            if let (Some(call), Some(intention)) = (request.opt("toolCallId"), request.opt("intentionSummary")) {
                if self.intentions.len() >= MAX_INTENTIONS {
                    self.intentions.clear();
                }
                self.intentions.insert(call.to_owned(), intention.to_owned());
            }
        }
    }

    pub(super) fn tool_started(&mut self, data: Fields<'_>, at: &str, nested: bool) {
        let (call, name) = (data.str("toolCallId"), data.str("toolName"));
        let arguments = data.get("arguments");
        if summary::is_note(name) {
            if let Some(intent) = arguments.owned("intent") {
                self.header.activity = Some(intent);
                self.touch_header();
            }
            return;
        }
        if call.is_empty() || self.by_call.contains_key(call) {
            return;
        }
        if let Some(tasks) = progress::tasks_of(name, arguments) {
            self.header.tasks = tasks;
            self.touch_header();
        }
        let kind = self.kind_of(name, call, arguments, nested);
        let (line, input) = summary::describe(kind, arguments, self.header.cwd.as_deref());
        let intention = self
            .intentions
            .remove(call)
            .or_else(|| arguments.owned("description"))
            .filter(|intention| *intention != line);
        let tool = ToolCall {
            call_id: call.to_owned(),
            name: tool_name(data),
            title: data.owned("toolTitle"),
            kind,
            summary: line,
            intention,
            input,
            state: ToolState::Running,
            output: None,
            diff: None,
            images: Vec::new(),
            agent: (kind == ToolKind::Agent).then(|| progress::agent_of(arguments)),
            error: None,
            runs_on: false,
            exit_code: None,
            started_ms: millis(at),
            took_ms: None,
            waiting: false,
            outcome: None,
        };
        let n = self.push(at, nested, Body::Tool(Box::new(tool)));
        self.by_call.insert(call.to_owned(), n);
    }

    /// What sort of work a call is. What is done to the agent's own table of things to do is remembered until it is done.
    fn kind_of(&mut self, name: &str, call: &str, arguments: Fields<'_>, nested: bool) -> ToolKind {
        let sql = arguments.str("query");
        if name != "sql" || nested || !todos::is_about(sql) {
            return summary::kind(name);
        }
        if self.statements.len() >= MAX_INTENTIONS {
            self.statements.clear();
        }
        self.statements.insert(call.to_owned(), sql.to_owned());
        ToolKind::Todo
    }

    /// A question is open as soon as the tool that asks it runs: the event that tells of it is not
    /// replayed, and the wire accepts the call's id in its place.
    pub(super) fn infer_request(&mut self, data: Fields<'_>, at: &str) {
        let (call, arguments) = (data.str("toolCallId"), data.get("arguments"));
        let (asked, ask) = match summary::kind(data.str("toolName")) {
            ToolKind::Ask if !arguments.get("requestedSchema").is_null() => {
                (Asked::Form, Ask::Elicitation(Elicitation::read(arguments, &self.field_order)))
            }
            ToolKind::Ask => (Asked::Question, Ask::Question(Question::read(arguments))),
            ToolKind::Plan => (Asked::Plan, Ask::Plan(Plan::read(arguments))),
            _ => return,
        };
        self.note_plan(&ask);
        self.open_request(call, Some(call), at, ask, digest(asked, arguments.0));
    }

    pub(super) fn tool_printed(&mut self, data: Fields<'_>) {
        let output = live_tail(data.str("partialOutput"));
        self.update_running(data, |tool| {
            tool.output = Some(output);
        });
    }

    pub(super) fn tool_progressed(&mut self, data: Fields<'_>) {
        let message = live_tail(data.str("progressMessage"));
        self.update_running(data, |tool| {
            tool.output = Some(message);
        });
    }

    fn update_running(&mut self, data: Fields<'_>, change: impl FnOnce(&mut ToolCall)) {
        let Some(n) = self.by_call.get(data.str("toolCallId")).copied() else {
            return;
        };
        let running =
            self.item(n).is_some_and(|item| matches!(&item.body, Body::Tool(tool) if tool.state == ToolState::Running));
        if running {
            self.update(n, |body| {
                if let Body::Tool(tool) = body {
                    change(tool);
                }
            });
        }
    }

    pub(super) fn tool_ended(&mut self, data: Fields<'_>, at: &str, nested: bool) {
        let call = data.str("toolCallId");
        if !self.by_call.contains_key(call) {
            if call.is_empty() || data.str("toolName").is_empty() {
                // The beginning was not exported: nothing is known that a row could show.
                self.close_requests_of_call(call, at, &verdict_of(data));
                return;
            }
            self.tool_started(data, at, nested);
        }
        let Some(n) = self.by_call.get(call).copied() else {
            return;
        };
        let result = data.get("result");
        let error = data.get("error");
        let state = match data.bool("success") {
            Some(true) => ToolState::Done,
            _ if is_denied(error) => ToolState::Denied,
            _ => ToolState::Failed,
        };
        self.close_requests_of_call(call, at, &verdict_of(data));
        let ended = millis(at);
        let exit_code = data
            .get("shellExecution")
            .int("exitCode")
            .or_else(|| result.list("contents").find_map(|content| content.int("exitCode")));
        let error = error.owned("message");
        if let Some(sql) = self.statements.remove(call)
            && state == ToolState::Done
            && let Some(tasks) = self.todos.follow(&sql)
        {
            self.header.tasks = tasks;
            self.touch_header();
        }
        if state == ToolState::Done {
            self.shells_told_of(result, at);
        }
        // What else prints these words has left nothing.
        let is_shell = |item: &Item| matches!(&item.body, Body::Tool(tool) if tool.kind == ToolKind::Shell);
        let may_leave = !nested && state == ToolState::Done && self.item(n).is_some_and(is_shell);
        let left = shells::left_running(result.str("content")).filter(|_| may_leave);
        let pictures = images::of_result(result, images::MAX_BYTES.saturating_sub(self.image_bytes));
        if self.item(n).is_some() {
            self.image_bytes += pictures.iter().map(|image| image.bytes.len()).sum::<usize>();
        }
        self.update(n, |body| {
            let Body::Tool(tool) = body else { return };
            let (output, diff) = output_of(tool.kind, result);
            tool.state = state;
            // One that works on in the background is told of by its own end.
            if tool.agent.as_ref().is_some_and(|agent| agent.running) && state == ToolState::Done {
                return;
            }
            if tool.output.is_none() || output.is_some() || diff.is_some() {
                tool.output = output;
            }
            tool.diff = diff;
            tool.images = pictures;
            tool.error = error;
            tool.exit_code = exit_code;
            tool.runs_on = left.is_some();
            tool.took_ms = match (tool.started_ms, ended) {
                (Some(start), Some(end)) if end >= start => Some(end - start),
                _ => None,
            };
        });
        if let Some(shell) = left {
            self.shell_left(shell, n);
        }
    }

    /// The turn is over: whatever still runs does not.
    pub(super) fn interrupt_tools(&mut self) {
        // Only the last turn can have something running, and sub-agents.
        let running: Vec<u64> = self
            .last_turn()
            .filter(|item| matches!(&item.body, Body::Tool(tool) if tool.state == ToolState::Running))
            .map(|item| item.n)
            .collect();
        for n in running {
            self.update(n, |body| {
                if let Body::Tool(tool) = body {
                    tool.state = ToolState::Interrupted;
                }
            });
        }
    }
}

fn tool_name(data: Fields<'_>) -> String {
    match (data.opt("mcpServerName"), data.opt("mcpToolName")) {
        (Some(server), Some(tool)) => format!("{server}/{tool}"),
        _ => data.str("toolName").to_owned(),
    }
}

fn live_tail(text: &str) -> Capped {
    Capped::new(text.trim_end(), 0, LIVE_TAIL)
}

/// What the tool printed, and the change it made to a file.
fn output_of(kind: ToolKind, result: Fields<'_>) -> (Option<Capped>, Option<Capped>) {
    let content = result.str("content");
    let detailed = result.opt("detailedContent").unwrap_or(content);
    let whole = |text: &str| {
        let text = text.trim_matches('\n');
        (!text.is_empty()).then(|| Capped::new(text, OUTPUT_HEAD, OUTPUT_TAIL))
    };
    match kind {
        ToolKind::Write if is_diff(detailed) => {
            let diff = Capped::new(detailed.trim_start_matches('\n'), MAX_DIFF, 0);
            (None, Some(diff))
        }
        // The CLI says the end of a shell both in words and as a number; the number is enough.
        ToolKind::Shell => (whole(without_shell_marker(content)), None),
        // The outcome says it.
        ToolKind::Ask | ToolKind::Plan => (None, None),
        _ => (whole(content), None),
    }
}

fn is_diff(text: &str) -> bool {
    text.trim_start().starts_with("diff --git") || text.starts_with("--- ")
}

fn without_shell_marker(text: &str) -> &str {
    let trimmed = text.trim_end();
    match trimmed.rfind("<shellId: ") {
        Some(at) if trimmed.ends_with('>') && !trimmed[at..].contains('\n') => &trimmed[..at],
        _ => text,
    }
}

fn is_denied(error: Fields<'_>) -> bool {
    matches!(error.str("code"), "rejected" | "denied")
}

/// What was said to a request, as far as the end of its tool call tells.
fn verdict_of(data: Fields<'_>) -> Verdict {
    let otherwise = || if is_denied(data.get("error")) { Verdict::Denied } else { Verdict::Approved };
    verdict_of_result(data.get("result")).unwrap_or_else(otherwise)
}

/// What a person answered, as the tool that asked reports it.
fn verdict_of_result(result: Fields<'_>) -> Option<Verdict> {
    let content = result.str("content");
    let answer = ["User selected: ", "User responded: "].iter().find_map(|prefix| content.strip_prefix(prefix))?;
    Some(Verdict::Answered(answer.trim().to_owned()))
}

/// An RFC 3339 time in milliseconds since 1970.
pub(super) fn millis(at: &str) -> Option<i64> {
    at.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_marker_is_cut_off_only_at_the_end() {
        let cases = [
            ("a\n<shellId: 0 completed with exit code 0>", "a\n"),
            ("<shellId: 0>\nmore", "<shellId: 0>\nmore"),
            ("plain", "plain"),
            ("x <shellId: 1 is still running>\n", "x "),
        ];
        for (text, expected) in cases {
            assert_eq!(without_shell_marker(text), expected);
        }
    }

    #[test]
    fn times_are_read() {
        assert_eq!(millis("1970-01-01T00:00:01.500Z"), Some(1500));
        assert_eq!(millis("yesterday"), None);
    }
}

//! A session's events as a readable transcript, written as they come.

use std::collections::HashMap;
use std::io::{self, Write};

use console::Style;

use crate::display::{line, safe, visible};
use crate::protocol::Event;
use crate::protocol::events::{
    AssistantMessage, AssistantMessageDelta, Payload, PermissionCompleted, PermissionRequested, ToolExecutionComplete,
};
use crate::protocol::types::{PermissionRequest, PermissionResult};

/// Lines of a tool's output that are shown.
const OUTPUT_LINES: usize = 12;
/// Characters of a line that are shown.
const WIDTH: usize = 200;

/// Writes events to `out`. Text that streams in is written piece by piece and not repeated when the
/// whole message arrives.
///
/// What somebody says begins at the edge, and its further lines do not: no text can pass itself off as an entry of the
/// transcript, such as a question that was answered.
#[derive(Debug)]
pub(crate) struct Transcript<W> {
    out: W,
    manner: Manner,
    /// The message whose pieces are being written.
    streaming: Option<Streaming>,
    /// What each open request asks for, to say it again with the answer.
    asked: HashMap<String, String>,
    /// The tools that are running, by call.
    tools: HashMap<String, String>,
}

/// How a transcript is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// For a terminal that shows colours, and a person who has not asked for none (`NO_COLOR`).
    pub(crate) colours: bool,
    /// Where questions are answered by keys, their ids are of no use.
    pub(crate) without_ids: bool,
}

/// What a piece of the transcript is, for its looks. The sixteen colours alone: they fit any terminal's background.
#[derive(Debug, Clone, Copy)]
enum Look {
    Speaker,
    Question,
    Aside,
    Trouble,
    Added,
    Removed,
}

impl Manner {
    fn paint(self, look: Look, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let style = match look {
            Look::Speaker => Style::new().cyan().bold(),
            Look::Question => Style::new().bold(),
            Look::Aside => Style::new().dim(),
            Look::Trouble | Look::Removed => Style::new().red(),
            Look::Added => Style::new().green(),
        };
        style.force_styling(true).apply_to(text).to_string()
    }
}

#[derive(Debug)]
struct Streaming {
    message_id: String,
    /// What has been written of it.
    written: String,
    /// Line ends that are written when something follows them.
    line_ends: usize,
    /// The cursor stands behind its last word.
    open: bool,
    /// The turn was stopped: pieces that were still on their way are of no interest.
    stopped: bool,
}

impl<W: Write> Transcript<W> {
    pub(crate) fn new(out: W, manner: Manner) -> Self {
        Self { out, manner, streaming: None, asked: HashMap::new(), tools: HashMap::new() }
    }

    /// Writes a line of one's own, such as a header.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        self.aside(text)
    }

    /// Writes the particulars of what was asked; of a change, what goes and what comes are told apart.
    pub(crate) fn particulars(&mut self, text: &str) -> io::Result<()> {
        let manner = self.manner;
        let painted =
            text.lines().map(|line| match line.strip_prefix("  | ").and_then(|change| change.chars().next()) {
                Some('+') => manner.paint(Look::Added, line),
                Some('-') => manner.paint(Look::Removed, line),
                _ => line.to_owned(),
            });
        let painted = painted.collect::<Vec<_>>().join("\n");
        self.entry(&painted)
    }

    /// Writes what an event says to a person, which may be nothing.
    pub(crate) fn event(&mut self, event: &Event) -> io::Result<()> {
        let sub_agent = event.agent_id().is_some();
        match event.payload() {
            Payload::UserMessage(message) => self.block("you", &message.content),
            Payload::AssistantMessageDelta(delta) if !sub_agent => self.delta(&delta),
            Payload::AssistantMessage(message) if !sub_agent => self.message(&message),
            Payload::AssistantMessage(message) => self.block("sub-agent", &message.content),
            Payload::ToolExecutionStart(tool) => {
                let title = tool.tool_title.unwrap_or_else(|| tool.tool_name.clone());
                self.tools.insert(tool.tool_call_id, title.clone());
                let arguments = tool.arguments.map(|arguments| brief(arguments.get())).unwrap_or_default();
                self.aside(line(&format!("* {title} {arguments}"), WIDTH).trim_end())
            }
            Payload::ToolExecutionComplete(done) => self.tool_done(done),
            Payload::PermissionRequested(request) => self.permission(&request),
            Payload::PermissionCompleted(done) => self.permission_done(&done),
            Payload::UserInputRequested(request) => {
                let choices = if request.choices.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", request.choices.join(" / "))
                };
                self.asks(&request.request_id, &format!("{}{choices}", request.question))
            }
            Payload::UserInputCompleted(done) => {
                self.answered(&done.request_id, &done.answer.unwrap_or_else(|| "no answer".to_owned()))
            }
            Payload::ElicitationRequested(request) => self.asks(&request.request_id, &request.message),
            Payload::ElicitationCompleted(done) => {
                let action = done.action.map_or_else(|| "closed".to_owned(), |action| action.to_string());
                self.answered(&done.request_id, &action)
            }
            Payload::ExitPlanModeRequested(request) => {
                let plan = request.plan_content.or(request.summary).unwrap_or_default();
                self.block("plan", &plan)?;
                self.asks(&request.request_id, "Go on with this plan?")
            }
            Payload::ExitPlanModeCompleted(done) => {
                self.answered(&done.request_id, if done.approved == Some(true) { "approved" } else { "not approved" })
            }
            Payload::SessionModeChanged(change) => {
                self.aside(&format!("* mode: {}", line(change.new_mode.as_str(), 40)))
            }
            Payload::SessionError(error) => self.block("error", &error.message),
            Payload::SessionWarning(warning) => self.block("warning", &warning.message),
            Payload::Abort(_) => {
                if let Some(at) = &mut self.streaming {
                    at.stopped = true;
                }
                // The line ends here, and so does the message.
                self.aside("* stopped")
            }
            Payload::SessionShutdown(_) => self.aside("* the session ended"),
            _ => Ok(()),
        }
    }

    fn delta(&mut self, delta: &AssistantMessageDelta) -> io::Result<()> {
        if self.streaming.as_ref().is_some_and(|at| at.message_id == delta.message_id && at.stopped) {
            return Ok(());
        }
        let same = self.streaming.as_ref().is_some_and(|at| at.message_id == delta.message_id && at.open);
        if !same {
            self.end_line()?;
            let written = match self.streaming.take() {
                // Another line came between two pieces of one message.
                Some(at) if at.message_id == delta.message_id => at.written,
                _ => String::new(),
            };
            write!(self.out, "{} ", self.manner.paint(Look::Speaker, "copilot>"))?;
            let message_id = delta.message_id.clone();
            self.streaming = Some(Streaming { message_id, written, line_ends: 0, open: true, stopped: false });
        }
        if let Some(at) = &mut self.streaming {
            at.written.push_str(&delta.delta_content);
            let text = "\n".repeat(at.line_ends) + &safe(&delta.delta_content);
            let now = text.trim_end_matches('\n');
            at.line_ends = text.len() - now.len();
            write!(self.out, "{}", hanging(now))?;
        }
        self.out.flush()
    }

    fn message(&mut self, message: &AssistantMessage) -> io::Result<()> {
        match self.streaming.take() {
            Some(at) if at.message_id == message.message_id => match message.content.strip_prefix(&at.written) {
                // Pieces may have been left out at the end, or shed by the hub in the middle.
                Some(rest) if at.open => {
                    let rest = "\n".repeat(at.line_ends) + &safe(rest);
                    writeln!(self.out, "{}", hanging(rest.trim_end()))
                }
                Some(rest) if rest.trim().is_empty() => Ok(()),
                _ => {
                    if at.open {
                        writeln!(self.out)?;
                    }
                    self.block("copilot", &message.content)
                }
            },
            other => {
                self.streaming = other;
                self.block("copilot", &message.content)
            }
        }?;
        self.out.flush()
    }

    fn tool_done(&mut self, done: ToolExecutionComplete) -> io::Result<()> {
        let title = self.tools.remove(&done.tool_call_id).unwrap_or_else(|| "tool".to_owned());
        let (outcome, look) = if done.success { ("done", Look::Aside) } else { ("failed", Look::Trouble) };
        let said = self.manner.paint(look, &format!("* {} {outcome}", line(&title, 60)));
        self.entry(&said)?;
        let text = match (done.result, done.error) {
            (Some(result), _) => result.content.unwrap_or_default(),
            (None, Some(error)) => error.message,
            (None, None) => String::new(),
        };
        let mut lines = text.lines().filter(|text| !text.trim().is_empty());
        for text in lines.by_ref().take(OUTPUT_LINES) {
            writeln!(self.out, "  | {}", line_as_is(text))?;
        }
        let more = lines.count();
        if more > 0 {
            writeln!(self.out, "  | … {more} more lines")?;
        }
        self.out.flush()
    }

    fn permission(&mut self, request: &PermissionRequested) -> io::Result<()> {
        if request.resolved_by_hook == Some(true) {
            return Ok(());
        }
        let kind = request.permission_request.tag();
        // Asked before the thing itself is.
        let elsewhere = request.prompt_request.as_ref().is_some_and(|prompt| {
            let prompt: serde_json::Value = serde_json::from_str(prompt.get()).unwrap_or_default();
            prompt["kind"] == "path"
        });
        let where_to = if elsewhere { ", outside of the folder" } else { "" };
        let wish = match &request.permission_request {
            PermissionRequest::Shell(shell) => shell.full_command_text.clone(),
            PermissionRequest::Write(write) => write.file_name.clone(),
            PermissionRequest::Read(read) => read.path.clone(),
            PermissionRequest::Url(url) => url.url.clone(),
            _ => String::new(),
        };
        // Every line of a command that somebody approves has to be seen.
        self.asks(&request.request_id, format!("[{kind}{where_to}] {wish}").trim_end())
    }

    fn permission_done(&mut self, done: &PermissionCompleted) -> io::Result<()> {
        let outcome = match &done.result {
            PermissionResult::Approved(_)
            | PermissionResult::ApprovedForSession(_)
            | PermissionResult::ApprovedForLocation(_) => "approved",
            PermissionResult::DeniedInteractivelyByUser(_) => "denied",
            other => other.tag(),
        };
        let outcome = outcome.to_owned();
        self.answered(&done.request_id, &outcome)
    }

    fn asks(&mut self, request_id: &str, question: &str) -> io::Result<()> {
        self.asked.insert(request_id.to_owned(), line(question, 80));
        self.end_line()?;
        writeln!(self.out, "{}", self.manner.paint(Look::Question, &format!("? {}", hanging(&visible(question)))))?;
        if !self.manner.without_ids {
            writeln!(self.out, "  waiting for an answer to request {}", line(request_id, 80))?;
        }
        self.out.flush()
    }

    fn answered(&mut self, request_id: &str, answer: &str) -> io::Result<()> {
        let question = self.asked.remove(request_id).unwrap_or_default();
        self.entry(&format!("= {}: {question}", line(answer, 80)))
    }

    /// Words of somebody, on lines of their own.
    fn block(&mut self, who: &str, text: &str) -> io::Result<()> {
        if text.trim().is_empty() {
            return Ok(());
        }
        self.end_line()?;
        let look = if matches!(who, "error" | "warning") { Look::Trouble } else { Look::Speaker };
        let who = self.manner.paint(look, &format!("{who}>"));
        writeln!(self.out, "{who} {}", hanging(safe(text).trim_end()))?;
        self.out.flush()
    }

    /// What happened, on a line of its own, as nobody's words.
    fn aside(&mut self, text: &str) -> io::Result<()> {
        let painted = self.manner.paint(Look::Aside, text);
        self.entry(&painted)
    }

    fn entry(&mut self, text: &str) -> io::Result<()> {
        self.end_line()?;
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Ends the line that pieces of a message are being written to.
    fn end_line(&mut self) -> io::Result<()> {
        if let Some(at) = &mut self.streaming
            && at.open
        {
            at.open = false;
            writeln!(self.out)?;
        }
        Ok(())
    }
}

/// A text of several lines, of which only the first begins at the edge.
fn hanging(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// A tool's arguments in few words: its first texts.
fn brief(arguments: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    let Some(fields) = parsed.as_object() else { return String::new() };
    let first = ["command", "path", "url", "pattern", "question"].iter().find_map(|name| fields.get(*name)?.as_str());
    line(first.unwrap_or_default(), 120)
}

/// A line with its indentation, shortened.
fn line_as_is(text: &str) -> String {
    let text = safe(text);
    if text.chars().count() <= WIDTH { text } else { text.chars().take(WIDTH - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::moves_others;
    use serde_json::{Value, json};

    fn event(kind: &str, data: &Value) -> Event {
        Event::parse(&json!({"id": kind, "type": kind, "timestamp": "", "parentId": null, "data": data}).to_string())
            .unwrap()
    }

    fn written(events: &[(&str, Value)]) -> String {
        written_in(Manner::default(), events)
    }

    fn written_in(manner: Manner, events: &[(&str, Value)]) -> String {
        let mut transcript = Transcript::new(Vec::new(), manner);
        for (kind, data) in events {
            transcript.event(&event(kind, data)).unwrap();
        }
        String::from_utf8(transcript.out).unwrap()
    }

    fn delta(id: &str, text: &str) -> (&'static str, Value) {
        ("assistant.message_delta", json!({"messageId": id, "deltaContent": text}))
    }

    fn message(id: &str, text: &str) -> (&'static str, Value) {
        ("assistant.message", json!({"messageId": id, "content": text}))
    }

    #[test]
    fn a_file_elsewhere_is_told_from_one_in_the_folder() {
        let asked = |id: &str, prompt: &str| {
            let request = json!({"kind": "read", "toolCallId": "c", "intention": "Read", "path": "/etc/hostname"});
            let prompt = json!({"kind": prompt, "paths": ["/etc/hostname"]});
            ("permission.requested", json!({"requestId": id, "permissionRequest": request, "promptRequest": prompt}))
        };
        let text = written(&[asked("1", "path"), asked("2", "read")]);
        assert!(text.starts_with("? [read, outside of the folder] /etc/hostname\n"), "{text}");
        assert!(text.contains("\n? [read] /etc/hostname\n"), "{text}");
    }

    #[test]
    fn a_whole_turn() {
        let text = written(&[
            ("session.start", json!({"sessionId": "s", "version": 1})),
            ("user.message", json!({"content": "run a command"})),
            delta("1", "I will "),
            delta("1", "run one."),
            message("1", "I will run one."),
            (
                "tool.execution_start",
                json!({"toolCallId": "c", "toolName": "bash", "arguments": {"command": "date >> x"}}),
            ),
            (
                "permission.requested",
                json!({"requestId": "r", "permissionRequest": {"kind": "shell", "toolCallId": "c",
                       "fullCommandText": "date >> x\nrm y", "intention": "Write the time"}}),
            ),
            ("permission.completed", json!({"requestId": "r", "result": {"kind": "approved"}})),
            (
                "tool.execution_complete",
                json!({"toolCallId": "c", "success": true, "result": {"content": "  today\n\n"}}),
            ),
            message("2", "Done."),
            ("user_input.requested", json!({"requestId": "q", "question": "Color?", "choices": ["red", "blue"]})),
            ("user_input.completed", json!({"requestId": "q", "answer": "red"})),
            ("session.mode_changed", json!({"newMode": "plan"})),
            ("exit_plan_mode.requested", json!({"requestId": "p", "summary": "1. one\n2. two"})),
            ("exit_plan_mode.completed", json!({"requestId": "p", "approved": true})),
            ("session.error", json!({"errorType": "query", "message": "the model said 503"})),
            ("abort", json!({"reason": "user_initiated"})),
            ("future.event", json!({"x": 1})),
        ]);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn pieces_are_not_repeated_and_nothing_is_lost() {
        let between = ("tool.execution_start", json!({"toolCallId": "c", "toolName": "t"}));
        for (events, want) in [
            (vec![delta("1", "a b"), message("1", "a b c")], "copilot> a b c\n"),
            (vec![message("1", "a b c")], "copilot> a b c\n"),
            (vec![delta("1", "a "), delta("1", "c"), message("1", "a b c")], "copilot> a c\ncopilot> a b c\n"),
            (vec![delta("1", "a"), between.clone(), message("1", "a")], "copilot> a\n* t\n"),
            (
                vec![delta("1", "a"), between.clone(), delta("1", "b"), message("1", "ab")],
                "copilot> a\n* t\ncopilot> b\n",
            ),
            (
                vec![delta("1", "a"), ("abort", json!({})), delta("1", "b"), delta("2", "c")],
                "copilot> a\n* stopped\ncopilot> c",
            ),
            (vec![delta("1", "a"), message("2", "b")], "copilot> a\ncopilot> b\n"),
        ] {
            assert_eq!(written(&events), want);
        }
    }

    #[test]
    fn words_cannot_pass_themselves_off_as_an_entry() {
        let spoof = "Look:\n? [shell] ls\n= approved: all of it\n";
        let want = "Look:\n  ? [shell] ls\n  = approved: all of it\n";
        for (events, who) in [
            (vec![message("1", spoof)], "copilot"),
            (
                vec![delta("1", "Look:\n"), delta("1", "\n".trim()), delta("1", &spoof[6..]), message("1", spoof)],
                "copilot",
            ),
            (vec![delta("1", "Look:"), message("1", spoof)], "copilot"),
            (vec![("user.message", json!({"content": spoof}))], "you"),
            (vec![("session.error", json!({"errorType": "query", "message": spoof}))], "error"),
        ] {
            assert_eq!(written(&events), format!("{who}> {want}"));
        }
    }

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        let asks = json!({"requestId": "r", "permissionRequest": {"kind": "shell", "toolCallId": "c",
                          "fullCommandText": "date", "intention": "Write the time"}});
        let events = [
            ("user.message", json!({"content": "go"})),
            ("permission.requested", asks),
            ("session.error", json!({"errorType": "query", "message": "503"})),
        ];
        assert!(!written(&events).contains('\u{1b}'));
        let painted = written_in(Manner { colours: true, without_ids: true }, &events);
        let bold = "\u{1b}[1m? [shell] date\u{1b}[0m\n";
        assert_eq!(painted, format!("\u{1b}[36m\u{1b}[1myou>\u{1b}[0m go\n{bold}\u{1b}[31merror>\u{1b}[0m 503\n"));
    }

    #[test]
    fn long_output_is_cut_and_control_characters_are_shown() {
        let lines: Vec<String> = (1..=30).map(|n| format!("{n} \u{1b}[31m{}", "x".repeat(n * 10))).collect();
        let output = lines.join("\n");
        let text = written(&[(
            "tool.execution_complete",
            json!({"toolCallId": "c", "success": true, "result": {"content": output}}),
        )]);
        assert!(
            text.contains("… 18 more lines") && text.contains("[U+001B][31m") && !text.contains('\u{1b}'),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() < 220));
    }

    /// What a tool or a model may say to pass for something else.
    const HOSTILE: [&str; 12] = [
        "\n? FORGED",
        "\n= FORGED",
        "\n* FORGED",
        "\ncopilot> FORGED",
        "\r? FORGED",
        "\u{1b}[2J",
        "\u{9b}31m",
        "\u{202e}",
        "\u{8}",
        "\n",
        " ",
        "words",
    ];

    fn hostile_event(kind: usize, id: &str, text: &str) -> (&'static str, Value) {
        match kind {
            0 => ("user.message", json!({"content": text})),
            1 => delta(id, text),
            2 => message(id, text),
            3 => ("tool.execution_start", json!({"toolCallId": id, "toolName": text, "arguments": {"command": text}})),
            4 => ("tool.execution_complete", json!({"toolCallId": id, "success": true, "result": {"content": text}})),
            5 => (
                "permission.requested",
                json!({"requestId": id, "permissionRequest": {"kind": "shell", "toolCallId": "c", "fullCommandText": text,
                       "intention": text}}),
            ),
            6 => ("user_input.requested", json!({"requestId": id, "question": text, "choices": [text, "b"]})),
            7 => ("user_input.completed", json!({"requestId": id, "answer": text})),
            8 => ("exit_plan_mode.requested", json!({"requestId": id, "summary": text})),
            9 => ("session.error", json!({"errorType": "query", "message": text})),
            10 => ("session.mode_changed", json!({"newMode": text})),
            _ => ("abort", json!({"reason": "user_initiated"})),
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_passes_for_an_entry_or_moves_the_cursor(
            events in proptest::collection::vec((0..12usize, 0..2usize, proptest::collection::vec(0..HOSTILE.len(), 0..6)), 0..12),
        ) {
            let events: Vec<_> = events
                .iter()
                .map(|(kind, id, parts)| {
                    let text: String = parts.iter().map(|part| HOSTILE[*part]).collect();
                    hostile_event(*kind, ["1", "2"][*id], &text)
                })
                .collect();
            let out = written(&events);
            let hidden = out.chars().find(|c| moves_others(*c) && !matches!(c, '\n' | '\t'));
            proptest::prop_assert_eq!(hidden, None, "{}", out);
            let forged = ["? FORGED", "= FORGED", "* FORGED", "copilot> FORGED"];
            let entry = out.lines().find(|line| forged.iter().any(|forged| line.starts_with(forged)));
            proptest::prop_assert_eq!(entry, None, "{}", out);
        }
    }
}

//! Shells that run on behind the agent's back: the call that started one is over long before it is.

use super::SessionView;
use super::fields::Fields;
use super::item::{Body, ToolState};
use super::tools::millis;

/// Shells that are remembered. Nobody leaves that many running.
const MAX_SHELLS: usize = 256;

/// The shell that a call has left running, by the words of the CLI (1.0.102): `<command started in background with
/// shellId: 0>`, `<command started in detached background with shellId: 0>`, `<command with shellId: 2 moved to background
/// by the user. ...>`.
pub(super) fn left_running(said: &str) -> Option<&str> {
    let said = said.trim().strip_prefix("<command ")?;
    let (_, id) = said.split_once("shellId: ")?;
    let id = &id[..id.find(|c: char| !c.is_alphanumeric()).unwrap_or(id.len())];
    (said.contains("background") && !id.is_empty()).then_some(id)
}

impl SessionView {
    /// The call of the item `n` has left a shell running.
    pub(super) fn shell_left(&mut self, id: &str, n: u64) {
        if self.shells.len() < MAX_SHELLS {
            self.shells.insert(id.to_owned(), n);
        }
    }

    /// Reads what the result of any call says of shells that have ended: `shell_exit`, or `<command with id: 1 stopped>`.
    pub(super) fn shells_told_of(&mut self, result: Fields<'_>, at: &str) {
        let exits: Vec<(String, Option<i64>)> = result
            .list("contents")
            .filter(|content| content.str("type") == "shell_exit")
            .filter_map(|content| Some((content.owned("shellId")?, content.int("exitCode"))))
            .collect();
        for (id, code) in exits {
            self.shell_ended(&id, code, at);
        }
        let said = result.str("content").trim();
        if let Some(id) = said.strip_prefix("<command with id: ").and_then(|rest| rest.strip_suffix(" stopped>")) {
            self.shell_ended(id, None, at);
        }
    }

    /// Takes in `system.notification`.
    pub(super) fn notified(&mut self, data: Fields<'_>, at: &str) {
        let kind = data.get("kind");
        if matches!(kind.str("type"), "shell_completed" | "shell_detached_completed") {
            self.shell_ended(kind.str("shellId"), kind.int("exitCode"), at);
        }
    }

    fn shell_ended(&mut self, id: &str, code: Option<i64>, at: &str) {
        let Some(n) = self.shells.remove(id) else { return };
        let ended = millis(at);
        self.update(n, |body| {
            let Body::Tool(tool) = body else { return };
            tool.runs_on = false;
            tool.exit_code = code.or(tool.exit_code);
            if let (Some(start), Some(end)) = (tool.started_ms, ended)
                && end >= start
            {
                tool.took_ms = Some(end - start);
            }
        });
    }

    /// The process that they belonged to is gone.
    pub(super) fn shells_gone(&mut self) {
        for n in std::mem::take(&mut self.shells).into_values() {
            self.update(n, |body| {
                if let Body::Tool(tool) = body {
                    tool.runs_on = false;
                    tool.state = ToolState::Interrupted;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::Feeder;
    use super::*;

    #[test]
    fn what_was_left_running_is_told_by_its_words() {
        for (said, id) in [
            ("<command started in background with shellId: 0>", Some("0")),
            ("<command started in detached background with shellId: 12>", Some("12")),
            ("<command with shellId: 2 moved to background by the user. You will be notified.>", Some("2")),
            ("done\n<shellId: 0 completed with exit code 0>", None),
            ("<command started in background with shellId: >", None),
            ("in the background with shellId: 3", None),
        ] {
            assert_eq!(left_running(said), id, "{said}");
        }
    }

    /// Starts a shell in the background.
    fn started(feeder: &mut Feeder, shell: &str) {
        let call = format!("c{shell}");
        let said = format!("<command started in background with shellId: {shell}>");
        feeder
            .event(
                "tool.execution_start",
                json!({"toolCallId": call, "toolName": "bash", "arguments": {"command": "npm start", "mode": "async"}}),
            )
            .event(
                "tool.execution_complete",
                json!({"toolCallId": call, "success": true, "result": {"content": said}}),
            );
    }

    /// Of each call: whether it runs on, how far it has come, its exit code.
    fn calls(feeder: &Feeder) -> Vec<(bool, ToolState, Option<i64>)> {
        let tools = feeder.view.items().filter_map(|item| match &item.body {
            Body::Tool(tool) if tool.name == "bash" => Some((tool.runs_on, tool.state, tool.exit_code)),
            _ => None,
        });
        tools.collect()
    }

    #[test]
    fn a_shell_runs_on_until_its_end_is_told() {
        let mut feeder = Feeder::new();
        for shell in ["0", "1", "2", "3"] {
            started(&mut feeder, shell);
        }
        feeder.event("session.idle", json!({}));
        assert_eq!(calls(&feeder), [(true, ToolState::Done, None); 4]);
        let notified = json!({"content": "", "kind": {"type": "shell_completed", "shellId": "0", "exitCode": 3}});
        let read = json!({"toolCallId": "r", "toolName": "read_bash", "success": true, "result": {"content": "over",
            "contents": [{"type": "shell_exit", "shellId": "1", "exitCode": 0}]}});
        let stopped = json!({"toolCallId": "s", "toolName": "stop_bash", "success": true,
            "result": {"content": "<command with id: 2 stopped>"}});
        feeder
            .event("system.notification", notified)
            .event("tool.execution_complete", read)
            .event("tool.execution_complete", stopped);
        let over = |code| (false, ToolState::Done, code);
        let three = [over(Some(3)), over(Some(0)), over(None)];
        assert_eq!(calls(&feeder)[..3], three);
        assert_eq!(calls(&feeder)[3], (true, ToolState::Done, None));
        feeder.event("session.shutdown", json!({}));
        assert_eq!(calls(&feeder)[..3], three);
        assert_eq!(calls(&feeder)[3], (false, ToolState::Interrupted, None));
    }

    #[test]
    fn a_file_that_says_the_same_words_is_no_shell() {
        let mut feeder = Feeder::new();
        let said = "<command started in background with shellId: 0>";
        feeder.event(
            "tool.execution_complete",
            json!({"toolCallId": "v", "toolName": "view", "success": true, "result": {"content": said}}),
        );
        feeder.event("session.shutdown", json!({}));
        let item = feeder.view.items().find_map(|item| match &item.body {
            Body::Tool(tool) => Some((tool.runs_on, tool.state)),
            _ => None,
        });
        assert_eq!(item, Some((false, ToolState::Done)));
    }

    #[test]
    fn a_shell_of_a_process_that_is_gone_does_not_run_on() {
        let mut feeder = Feeder::new();
        started(&mut feeder, "0");
        feeder.event("session.resume", json!({"sessionWasActive": true}));
        assert_eq!(calls(&feeder), [(true, ToolState::Done, None)]);
        feeder.event("session.resume", json!({}));
        assert_eq!(calls(&feeder), [(false, ToolState::Interrupted, None)]);
    }
}

//! Whether work goes on, told from a session's events. The state and what a page shows share this one reducer, so that
//! they cannot say different things.

use std::collections::BTreeSet;

use groundlink_protocol::Event;
use groundlink_protocol::api::SessionStatus;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Sub-agents at work that are remembered. Nobody starts that many.
const MAX_AGENTS: usize = 256;

/// See the module's description.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(crate) struct Turn {
    started: bool,
    working: bool,
    ended: bool,
    /// What went wrong last; it is over when something else happens.
    error: Option<String>,
    /// The last message asked for tools, so that the end of its turn is not the end of the work.
    tools_called: bool,
    /// The sub-agents at work, by their ids. They may go on when the agent itself has nothing to do.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    agents: BTreeSet<String>,
}

/// The fields that matter, from events of all types.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    message: Option<String>,
    tool_requests: Vec<IgnoredAny>,
    session_was_active: Option<bool>,
    continue_pending_work: Option<bool>,
}

fn read(event: &Event) -> Data {
    serde_json::from_str(event.data_raw().get()).unwrap_or_default()
}

impl Turn {
    /// What the session is doing; `asked`: a question is open.
    pub(crate) fn status(&self, asked: bool) -> SessionStatus {
        if self.ended {
            SessionStatus::Ended
        } else if asked {
            SessionStatus::Waiting
        } else if self.is_working() {
            SessionStatus::Working
        } else if self.error.is_some() {
            SessionStatus::Error
        } else if self.started {
            SessionStatus::Idle
        } else {
            SessionStatus::Starting
        }
    }

    /// Whether the agent or one of its sub-agents is at work.
    pub(crate) fn is_working(&self) -> bool {
        self.working || !self.agents.is_empty()
    }

    /// Whether the agent itself would take up a message at once, whatever its sub-agents do.
    pub(crate) fn is_free(&self) -> bool {
        !self.working && !self.ended
    }

    /// What went wrong last.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Takes in an event. True: what was asked before has nobody any more to take an answer.
    pub(crate) fn apply(&mut self, event: &Event) -> bool {
        self.started = true;
        if let Some(agent) = event.agent_id() {
            self.apply_nested(agent, event.kind());
            return false;
        }
        match event.kind() {
            "session.start" => self.begin(),
            "session.resume" => {
                self.begin();
                // The questions of a process that is gone have nobody to take the answer.
                let data = read(event);
                if data.session_was_active != Some(true) && data.continue_pending_work != Some(true) {
                    self.rest();
                    return true;
                }
            }
            "session.error" => {
                self.working = false;
                self.error = read(event).message.or_else(|| Some("the session reported an error".to_owned()));
            }
            "session.idle" | "abort" => {
                self.rest();
                return true;
            }
            "session.shutdown" => {
                self.rest();
                self.ended = true;
                return true;
            }
            "user.message" | "assistant.turn_start" => {
                self.work();
                self.tools_called = false;
            }
            "assistant.message" => {
                self.work();
                self.tools_called = !read(event).tool_requests.is_empty();
            }
            "tool.execution_start" => self.work(),
            // The end of the work itself (`session.idle`) is not in a history that is exported later.
            "assistant.turn_end" if !self.tools_called => self.working = false,
            _ => {}
        }
        false
    }

    fn apply_nested(&mut self, agent: &str, kind: &str) {
        match kind {
            "subagent.started" | "assistant.turn_start" => {
                if self.agents.len() < MAX_AGENTS {
                    self.agents.insert(agent.to_owned());
                }
                (self.ended, self.error) = (false, None);
            }
            "subagent.completed" | "subagent.failed" => {
                self.agents.remove(agent);
            }
            _ => {}
        }
    }

    fn begin(&mut self) {
        (self.ended, self.error) = (false, None);
    }

    fn work(&mut self) {
        self.begin();
        self.working = true;
    }

    fn rest(&mut self) {
        self.working = false;
        self.agents.clear();
    }
}

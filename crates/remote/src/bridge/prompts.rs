//! Which requests of the agent are open, and by which names a command may call them.

use std::collections::VecDeque;

use groundlink_protocol::Event;
use groundlink_protocol::events::PermissionRequested;
use groundlink_session::Approval;
use serde::Deserialize;

/// More open requests than any session has; beyond that the oldest are forgotten, and commands that name
/// them by request id still work.
const MOST_OPEN: usize = 256;

/// What kind of answer a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PromptKind {
    Permission,
    UserInput,
    Elicitation,
    Plan,
}

impl PromptKind {
    fn of(family: &str) -> Option<Self> {
        match family {
            "permission" => Some(Self::Permission),
            "user_input" => Some(Self::UserInput),
            "elicitation" => Some(Self::Elicitation),
            "exit_plan_mode" => Some(Self::Plan),
            _ => None,
        }
    }

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Permission => "permission request",
            Self::UserInput => "question",
            Self::Elicitation => "form",
            Self::Plan => "plan approval",
        }
    }
}

/// An open request.
#[derive(Clone, Debug)]
struct Prompt {
    kind: PromptKind,
    request_id: String,
    tool_call_id: Option<String>,
    lasting: Option<Approval>,
}

/// The open requests of one session, learnt from its events.
#[derive(Debug, Default)]
pub(crate) struct Prompts {
    open: VecDeque<Prompt>,
}

/// What a command's prompt id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The id the CLI wants.
    pub(crate) request_id: String,
    /// What an approval for the whole session would cover, where the CLI has a word for it.
    pub(crate) lasting: Option<Approval>,
}

impl Prompts {
    /// Learns from an event; all but requests and their ends are passed over.
    pub(crate) fn learn(&mut self, event: &Event) {
        let Some((family, step)) = event.kind().split_once('.') else { return };
        let Some(kind) = PromptKind::of(family) else { return };
        let Ok(data) = serde_json::from_str::<RequestData>(event.data_raw().get()) else { return };
        match step {
            "requested" => {
                self.close(&data.request_id);
                if self.open.len() >= MOST_OPEN {
                    self.open.pop_front();
                }
                let tool_call_id = data.tool_call_id.or_else(|| data.permission_request?.tool_call_id);
                let permission = event.data::<PermissionRequested>().ok();
                let lasting = permission.and_then(|data| Approval::covering(&data.permission_request));
                self.open.push_back(Prompt { kind, request_id: data.request_id, tool_call_id, lasting });
            }
            "completed" => self.close(&data.request_id),
            _ => {}
        }
    }

    /// The open request that `id` names, by request id or by tool call id. An id we do not know may still be
    /// open (questions are not kept in the history we read), so it is handed on for the CLI to judge.
    pub(crate) fn resolve(&self, kind: PromptKind, id: &str) -> Result<Target, String> {
        let named = |prompt: &&Prompt| prompt.request_id == id || prompt.tool_call_id.as_deref() == Some(id);
        if let Some(prompt) = self.open.iter().filter(named).find(|prompt| prompt.kind == kind) {
            return Ok(Target { request_id: prompt.request_id.clone(), lasting: prompt.lasting.clone() });
        }
        match self.open.iter().find(named) {
            Some(other) => Err(format!("{id} is a {}, not a {}", other.kind.name(), kind.name())),
            None => Ok(Target { request_id: id.to_owned(), lasting: None }),
        }
    }

    fn close(&mut self, request_id: &str) {
        self.open.retain(|prompt| prompt.request_id != request_id);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestData {
    request_id: String,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(default)]
    permission_request: Option<PermissionData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PermissionData {
    #[serde(default)]
    tool_call_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(prompts: &mut Prompts, kind: &str, data: &str) {
        let text = format!(r#"{{"id":"e","timestamp":"","parentId":null,"type":"{kind}","data":{data}}}"#);
        prompts.learn(&Event::parse(&text).expect("an event"));
    }

    #[test]
    fn both_ids_name_a_request_until_it_is_completed() {
        let mut prompts = Prompts::default();
        learn(
            &mut prompts,
            "permission.requested",
            r#"{"requestId":"r1","permissionRequest":{"kind":"shell","toolCallId":"t1","fullCommandText":"echo hi","commands":[{"identifier":"echo hi"}]}}"#,
        );
        for id in ["r1", "t1"] {
            let target = prompts.resolve(PromptKind::Permission, id).expect("open");
            assert_eq!(target.request_id, "r1");
            assert_eq!(target.lasting, Some(Approval::Commands { command_identifiers: vec!["echo hi".to_owned()] }));
        }
        learn(&mut prompts, "permission.completed", r#"{"requestId":"r1","toolCallId":"t1"}"#);
        assert_eq!(prompts.resolve(PromptKind::Permission, "t1").expect("unknown").request_id, "t1");
    }

    #[test]
    fn an_answer_of_the_wrong_kind_is_refused() {
        let mut prompts = Prompts::default();
        learn(&mut prompts, "elicitation.requested", r#"{"requestId":"r1","toolCallId":"t1"}"#);
        let reason = prompts.resolve(PromptKind::UserInput, "t1").expect_err("wrong kind");
        assert_eq!(reason, "t1 is a form, not a question");
    }

    #[test]
    fn some_requests_have_no_session_wide_approval() {
        let mut prompts = Prompts::default();
        learn(
            &mut prompts,
            "permission.requested",
            r#"{"requestId":"r","permissionRequest":{"kind":"url","url":"https://example.com"}}"#,
        );
        assert_eq!(prompts.resolve(PromptKind::Permission, "r").expect("open").lasting, None);
    }

    #[test]
    fn odd_events_are_passed_over_and_memory_is_bounded() {
        let mut prompts = Prompts::default();
        learn(&mut prompts, "permission.requested", "{}");
        learn(&mut prompts, "permission.requested", "null");
        learn(&mut prompts, "permission", "{}");
        for n in 0..1000 {
            learn(&mut prompts, "user_input.requested", &format!(r#"{{"requestId":"{n}"}}"#));
        }
        assert_eq!(prompts.open.len(), MOST_OPEN);
    }
}

//! What the script reads from a chat-completions request.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// The request body, as far as the script looks at it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ChatRequest {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
    #[serde(default)]
    pub(super) stream: bool,
}

/// One message of the conversation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    #[serde(default)]
    content: Value,
}

/// One tool the CLI offers.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tool {
    #[serde(default)]
    function: Function,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Function {
    #[serde(default)]
    name: String,
    #[serde(default)]
    parameters: Value,
}

impl Message {
    /// The message's text, whichever of its two forms the content has.
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
                texts.join("\n")
            }
            _ => String::new(),
        }
    }
}

/// A request boiled down to what decides the reply.
#[derive(Debug, Clone, Default)]
pub(super) struct Conversation {
    /// What the person typed last, without the context blocks the CLI wraps around it.
    pub(super) prompt: String,
    /// Results of the tools that ran since then, oldest first.
    pub(super) results: Vec<String>,
    /// Model replies since then.
    pub(super) replies: usize,
    /// The directory the CLI says it works in.
    pub(super) working_directory: Option<PathBuf>,
    /// Names of the tools on offer, each with the names of its parameters.
    pub(super) tools: Vec<(String, Vec<String>)>,
}

impl Conversation {
    pub(super) fn read(request: &ChatRequest) -> Self {
        let messages = &request.messages;
        // The CLI says behind what a person said how much of a limited session is left.
        let said = |message: &Message| message.role == "user" && !message.text().starts_with("<session_limits_status>");
        let last_user = messages.iter().rposition(said);
        let after = last_user.map_or(&messages[..0], |at| &messages[at + 1..]);
        let texts = |role: &str| -> Vec<String> {
            after.iter().filter(|message| message.role == role).map(Message::text).collect()
        };
        Self {
            prompt: last_user.map(|at| without_context(&messages[at].text())).unwrap_or_default(),
            results: texts("tool"),
            replies: texts("assistant").len(),
            working_directory: messages
                .iter()
                .filter(|message| matches!(message.role.as_str(), "system" | "developer"))
                .find_map(|message| working_directory(&message.text())),
            tools: request.tools.iter().map(Tool::shape).collect(),
        }
    }

    /// True when tool `name` is offered and has parameter `parameter`.
    pub(super) fn takes(&self, name: &str, parameter: &str) -> bool {
        self.tools.iter().any(|(tool, parameters)| tool == name && parameters.iter().any(|p| p == parameter))
    }
}

impl Tool {
    fn shape(&self) -> (String, Vec<String>) {
        let parameters = self.function.parameters.get("properties").and_then(Value::as_object);
        (self.function.name.clone(), parameters.map(|all| all.keys().cloned().collect()).unwrap_or_default())
    }
}

/// Removes `<some_tag>...</some_tag>` blocks, which the CLI adds to a prompt.
pub(super) fn without_context(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, tagged) = rest.split_at(open);
        kept.push_str(before);
        let end = end_of_block(tagged);
        if end.is_none() {
            kept.push('<');
        }
        rest = &tagged[end.unwrap_or(1)..];
    }
    kept.push_str(rest);
    kept.trim().to_owned()
}

/// The length of the block that `text`, which begins with `<`, begins with.
fn end_of_block(text: &str) -> Option<usize> {
    let name = &text[1..text.find('>')?];
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !plain {
        return None;
    }
    let close = format!("</{name}>");
    text.find(&close).map(|at| at + close.len())
}

fn working_directory(system: &str) -> Option<PathBuf> {
    let after = system.split_once("Current working directory:")?.1;
    let path = after.lines().next()?.trim();
    (!path.is_empty()).then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn context_blocks_are_removed_and_nothing_else() {
        for (given, want) in [
            ("hello", "hello"),
            ("<current_datetime>now</current_datetime>\n\nhello", "hello"),
            ("a <b_c>x <d>y</d></b_c> z", "a  z"),
            ("1 < 2 and <open> only", "1 < 2 and <open> only"),
            ("tool:x {\"a\":\"<B>\"}", "tool:x {\"a\":\"<B>\"}"),
            ("<", "<"),
            ("<é>", "<é>"),
        ] {
            assert_eq!(without_context(given), want, "{given}");
        }
    }

    #[test]
    fn reads_the_last_turn() {
        let request: ChatRequest = serde_json::from_value(json!({
            "messages": [
                {"role": "system", "content": "…\n* Current working directory: /home/me/my project\n* Git"},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "ok"},
                {"role": "user", "content": [{"type": "text", "text": "<x>c</x>second"}, {"type": "image_url"}]},
                {"role": "assistant", "content": null, "tool_calls": []},
                {"role": "user", "content": "<session_limits_status>\n30 left\n</session_limits_status>"},
                {"role": "tool", "content": "out", "tool_call_id": "1"},
            ],
            "tools": [{"type": "function", "function": {"name": "bash", "parameters": {"properties": {"command": {}}}}}],
        }))
        .unwrap();
        let read = Conversation::read(&request);
        assert_eq!(read.prompt, "second");
        assert_eq!(read.results, ["out"]);
        assert_eq!(read.replies, 1);
        assert_eq!(read.working_directory, Some(PathBuf::from("/home/me/my project")));
        assert!(read.takes("bash", "command") && !read.takes("create", "command"));
    }
}

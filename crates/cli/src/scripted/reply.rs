//! What the script answers: words, tool calls, and how fast.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

/// One reply of the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Reply {
    /// What it thinks aloud before it says anything.
    pub(super) thought: String,
    /// What it says, before any tool call.
    pub(super) text: String,
    /// The tools it calls.
    pub(super) calls: Vec<Call>,
    /// How long it waits before the first word.
    pub(super) delay: Duration,
    /// How long it waits after each word; unset: a short natural pause.
    pub(super) pace: Option<Duration>,
    /// When all is said, it goes on only once this file is there: an answer that lasts as long as somebody needs it to.
    pub(super) until: Option<PathBuf>,
    /// Answers with this HTTP status instead.
    pub(super) error: Option<u16>,
    /// Says with the error that there were too many requests, and for how many seconds that holds.
    pub(super) retry_after: Option<u64>,
    /// What the reply costs, in GitHub's AI credits.
    pub(super) credits: u64,
    /// How many replies in a row call a tool, and the pause each of those tools makes, in seconds.
    pub(super) steps: Option<Steps>,
}

/// A reply that goes on for several tool calls, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) count: u64,
    pub(super) pause: u64,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Value,
}

impl Reply {
    /// A reply of words alone.
    pub(super) fn say(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Adds a tool call.
    #[must_use]
    pub(super) fn call(mut self, name: &str, arguments: Value) -> Self {
        self.calls.push(Call { name: name.to_owned(), arguments });
        self
    }

    /// Adds a shell command with the description a permission request shows.
    #[must_use]
    pub(super) fn shell(self, command: &str, description: &str) -> Self {
        self.call("bash", json!({"command": command, "description": description}))
    }

    /// Adds a question; without choices the answer is free text.
    #[must_use]
    pub(super) fn ask(self, question: &str, choices: &[&str]) -> Self {
        let mut arguments = json!({"question": question});
        if !choices.is_empty() {
            arguments["choices"] = json!(choices);
        }
        self.call("ask_user", arguments)
    }

    /// Waits `pace` after each word.
    #[must_use]
    pub(super) fn paced(mut self, pace: Duration) -> Self {
        self.pace = Some(pace);
        self
    }
}

impl Call {
    /// `ask_user` has two forms; the terminal app offers the one with a schema.
    pub(super) fn into_form(mut self) -> Self {
        if self.name != "ask_user" || self.arguments.get("question").is_none() {
            return self;
        }
        let mut field = json!({"type": "string", "title": "Answer"});
        if let Some(choices) = self.arguments.get("choices") {
            field["enum"] = choices.clone();
        }
        let schema = json!({"type": "object", "properties": {"answer": field}, "required": ["answer"]});
        self.arguments = json!({"message": self.arguments["question"], "requestedSchema": schema});
        self
    }
}

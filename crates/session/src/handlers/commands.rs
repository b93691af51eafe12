//! Slash commands of the client's own.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use async_trait::async_trait;

/// A slash command that this program offers in the session: people see it in their list of commands.
#[derive(Clone)]
pub struct SlashCommand {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) handler: Arc<dyn CommandHandler>,
}

/// A slash command that somebody gave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommandCall {
    /// The session.
    pub session_id: String,
    /// The request's id.
    pub request_id: String,
    /// The command, without the slash.
    pub name: String,
    /// What stands behind it.
    pub args: String,
    /// The whole line.
    pub line: String,
}

/// Runs a slash command.
#[async_trait]
pub trait CommandHandler: Send + Sync + 'static {
    /// Does it. The error's words are for the person who gave the command.
    async fn run(&self, call: CommandCall) -> Result<(), String>;
}

/// What a closure that is a command may give: nothing, or a `Result` of nothing.
pub trait CommandEnd {
    /// As the trait has it.
    fn end(self) -> Result<(), String>;
}

impl CommandEnd for () {
    fn end(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> CommandEnd for Result<(), E> {
    fn end(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl<F, Fut> CommandHandler for F
where
    F: Fn(CommandCall) -> Fut + Send + Sync + 'static,
    Fut: Future + Send,
    Fut::Output: CommandEnd,
{
    async fn run(&self, call: CommandCall) -> Result<(), String> {
        self(call).await.end()
    }
}

impl SlashCommand {
    /// A command by name (without the slash), what people read about it, and what runs it.
    pub fn new(name: impl Into<String>, description: impl Into<String>, handler: impl CommandHandler) -> Self {
        Self { name: name.into(), description: description.into(), handler: Arc::new(handler) }
    }
}

impl std::fmt::Debug for SlashCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlashCommand").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A session's commands by name.
pub(crate) type Commands = BTreeMap<String, Arc<dyn CommandHandler>>;

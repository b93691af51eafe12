//! What a session is made of.

use std::path::PathBuf;
use std::sync::Arc;

use groundlink_protocol::types::{self, SessionCreateParams};
use secrecy::SecretString;

use crate::events::EventLimits;
use crate::handlers::{
    AnswerReport, AutoModeHandler, Deadlines, ElicitationHandler, Handlers, LimitsHandler, PermissionHandler,
    PlanHandler, SamplingHandler, SlashCommand, UserInputHandler, tools,
};
use crate::hooks::{HookHandler, HookInput, RawHookHandler};
use crate::provider::{Provider, wire_secret};
use crate::{SessionError, Tool};

/// How a session is created or resumed.
///
/// What this client will answer: `ask_*` makes the CLI ask, and the request stays open until some
/// client, here or remote, answers it by call; `on_*` also sets a handler that answers. With
/// neither, the CLI does not ask: a tool that needs a permission is denied, and the tools for
/// questions and plans do not exist.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    pub(crate) params: SessionCreateParams,
    pub(crate) handlers: Handlers,
    pub(crate) limits: EventLimits,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            params: SessionCreateParams {
                // A client always says what it will answer, and how its lists are to be read.
                request_permission: Some(false),
                request_user_input: Some(false),
                request_elicitation: Some(false),
                request_exit_plan_mode: Some(false),
                request_auto_mode_switch: Some(false),
                hooks: Some(false),
                env_value_mode: Some("direct".to_owned()),
                tool_filter_precedence: Some("excluded".to_owned()),
                ..SessionCreateParams::default()
            },
            handlers: Handlers::default(),
            limits: EventLimits::default(),
        }
    }
}

impl SessionConfig {
    /// A session with the CLI's own defaults, which asks nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id, a UUID. By default a new one is made.
    #[must_use]
    pub fn session_id(mut self, id: impl Into<String>) -> Self {
        self.params.session_id = Some(id.into());
        self
    }

    /// The title to begin with.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.params.name = Some(name.into());
        self
    }

    /// The directory the agent works in. By default that of the CLI process.
    #[must_use]
    pub fn working_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.params.working_directory = Some(path.into().to_string_lossy().into_owned());
        self
    }

    /// The model's id. The CLI refuses an unknown one.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.params.model = Some(model.into());
        self
    }

    /// A model provider of one's own instead of GitHub's.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.params.provider = Some(provider.wire);
        self
    }

    /// Whether text comes as deltas while the model writes it. Off by default.
    #[must_use]
    pub fn streaming(mut self, on: bool) -> Self {
        self.params.streaming = Some(on);
        self
    }

    /// Restricts the agent to these tools.
    #[must_use]
    pub fn available_tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.params.available_tools = tools.into_iter().map(Into::into).collect();
        self
    }

    /// Takes these tools from the agent.
    #[must_use]
    pub fn excluded_tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.params.excluded_tools = tools.into_iter().map(Into::into).collect();
        self
    }

    /// A GitHub token for this session only.
    #[must_use]
    pub fn github_token(mut self, token: &SecretString) -> Self {
        self.params.github_token = Some(wire_secret(token));
        self
    }

    /// Whether the CLI asks for permissions; unanswered, they stay open.
    #[must_use]
    pub fn ask_permission(mut self, ask: bool) -> Self {
        self.params.request_permission = Some(ask);
        self
    }

    /// Whether the agent can ask questions; unanswered, they stay open.
    #[must_use]
    pub fn ask_user(mut self, ask: bool) -> Self {
        self.params.request_user_input = Some(ask);
        self
    }

    /// Whether forms can be asked for; unanswered, they stay open.
    #[must_use]
    pub fn ask_elicitation(mut self, ask: bool) -> Self {
        self.params.request_elicitation = Some(ask);
        self
    }

    /// Whether the agent asks before it leaves plan mode; unanswered, it waits.
    #[must_use]
    pub fn plan_approval(mut self, ask: bool) -> Self {
        self.params.request_exit_plan_mode = Some(ask);
        self
    }

    /// Answers permission requests.
    #[must_use]
    pub fn on_permission(mut self, handler: impl PermissionHandler) -> Self {
        self.handlers.permission = Some(Arc::new(handler));
        self.ask_permission(true)
    }

    /// Answers questions.
    #[must_use]
    pub fn on_user_input(mut self, handler: impl UserInputHandler) -> Self {
        self.handlers.user_input = Some(Arc::new(handler));
        self.ask_user(true)
    }

    /// Fills in forms.
    #[must_use]
    pub fn on_elicitation(mut self, handler: impl ElicitationHandler) -> Self {
        self.handlers.elicitation = Some(Arc::new(handler));
        self.ask_elicitation(true)
    }

    /// Approves plans.
    #[must_use]
    pub fn on_plan(mut self, handler: impl PlanHandler) -> Self {
        self.handlers.plan = Some(Arc::new(handler));
        self.plan_approval(true)
    }

    /// Answers when the model is at its rate limit and the CLI offers another.
    #[must_use]
    pub fn on_auto_mode_switch(mut self, handler: impl AutoModeHandler) -> Self {
        self.handlers.auto_mode = Some(Arc::new(handler));
        self.params.request_auto_mode_switch = Some(true);
        self
    }

    /// Answers when the session has used up its limit. Without a handler somebody else has to, or the turn waits.
    #[must_use]
    pub fn on_session_limits(mut self, handler: impl LimitsHandler) -> Self {
        self.handlers.limits = Some(Arc::new(handler));
        self
    }

    /// Answers MCP servers that ask for a call of the model.
    #[must_use]
    pub fn on_sampling(mut self, handler: impl SamplingHandler) -> Self {
        self.handlers.sampling = Some(Arc::new(handler));
        self
    }

    /// Offers a tool of this program's to the agent.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.handlers.tools.add(&tool);
        self.params.tools.push(tool.wire);
        self
    }

    /// Offers tools of this program's to the agent.
    #[must_use]
    pub fn tools(self, tools: impl IntoIterator<Item = Tool>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// Runs code at a moment of the session; which one, the handler's input says. One a type: a later one takes the
    /// place of an earlier.
    ///
    /// ```
    /// use groundlink_session::{HookCall, PreToolUse, PreToolUseOutput, SessionConfig};
    ///
    /// let config = SessionConfig::new().hook(|call: HookCall<PreToolUse>| async move {
    ///     (call.data.tool_name == "bash").then(|| PreToolUseOutput::deny("no shell here"))
    /// });
    /// ```
    #[must_use]
    pub fn hook<I: HookInput>(mut self, handler: impl HookHandler<I>) -> Self {
        self.handlers.hooks.add(handler);
        self.params.hooks = Some(true);
        self
    }

    /// Runs code at a moment that this version has no types for.
    #[must_use]
    pub fn raw_hook(mut self, hook_type: impl Into<String>, handler: impl RawHookHandler) -> Self {
        self.handlers.hooks.add_raw(hook_type.into(), handler);
        self.params.hooks = Some(true);
        self
    }

    /// Offers a slash command.
    #[must_use]
    pub fn command(mut self, command: SlashCommand) -> Self {
        self.params.commands.push(types::ClientCommand {
            description: Some(command.description),
            ..types::ClientCommand::new(command.name.as_str())
        });
        self.handlers.commands.insert(command.name, command.handler);
        self
    }

    /// How long handlers may take.
    #[must_use]
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.handlers.deadlines = deadlines;
        self
    }

    /// Is told what became of each question that a handler of this session was given: whether its answer was the
    /// first, or somebody else's. Must not block.
    #[must_use]
    pub fn on_answered(mut self, report: impl Fn(AnswerReport) + Send + Sync + 'static) -> Self {
        self.handlers.reporter = Some(Arc::new(report));
        self
    }

    /// How many events are kept for streams that read slowly.
    #[must_use]
    pub fn event_limits(mut self, limits: EventLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Changes any field of the request itself, for what has no method here.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut SessionCreateParams)) -> Self {
        change(&mut self.params);
        self
    }

    /// The credentials in it.
    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        let provider = self.params.provider.as_ref();
        let fields = [
            self.params.github_token.as_ref(),
            provider.and_then(|p| p.api_key.as_ref()),
            provider.and_then(|p| p.bearer_token.as_ref()),
        ];
        let headers = provider.and_then(|p| p.headers.as_ref()).into_iter().flat_map(|headers| headers.values());
        fields.into_iter().flatten().chain(headers).map(|secret| SecretString::from(secret.expose())).collect()
    }

    pub(crate) fn check(&self) -> Result<(), SessionError> {
        if let Some(directory) = &self.params.working_directory
            && !PathBuf::from(directory).is_absolute()
        {
            return Err(SessionError::invalid(
                "working_directory",
                format!("`{directory}` is not an absolute path; the CLI has another working directory"),
            ));
        }
        if self.params.session_id.as_deref().is_some_and(str::is_empty) {
            return Err(SessionError::invalid("session_id", "it is empty; leave it out or give a UUID"));
        }
        tools::check(self.params.tools.iter().map(|tool| tool.name.as_str()))?;
        Ok(())
    }
}

//! What this client answers.

use std::sync::Arc;

use groundlink_protocol::types;

use super::SessionConfig;
use crate::handlers::{
    AnswerReport, AutoModeHandler, Deadlines, ElicitationHandler, GitHubTokenHandler, LimitsHandler, PermissionHandler,
    PlanHandler, ProviderTokenHandler, SamplingHandler, SlashCommand, UserInputHandler,
};
use crate::hooks::{HookHandler, HookInput, RawHookHandler};

impl SessionConfig {
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

    /// Gives bearer tokens for the session's own model provider, when the CLI needs them.
    #[must_use]
    pub fn on_provider_token(mut self, handler: impl ProviderTokenHandler) -> Self {
        self.handlers.provider_tokens.insert(String::new(), Arc::new(handler));
        self
    }

    /// Gives bearer tokens for a [named provider](Self::providers).
    #[must_use]
    pub fn on_named_provider_token(mut self, name: impl Into<String>, handler: impl ProviderTokenHandler) -> Self {
        self.handlers.provider_tokens.insert(name.into(), Arc::new(handler));
        self
    }

    /// Gives GitHub tokens for this session, when the CLI needs them; the first time while the session is being made.
    #[must_use]
    pub fn on_github_token(mut self, handler: impl GitHubTokenHandler) -> Self {
        let registration = uuid::Uuid::new_v4().to_string();
        self.handlers.github_token = Some(Arc::new(handler));
        self.handlers.github_registration = Some(registration.clone());
        self.params.github_token_provider_registration_id = Some(registration);
        self
    }
}

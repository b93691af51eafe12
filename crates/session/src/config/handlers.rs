//! What this client answers.

use std::sync::Arc;

use groundlink_protocol::types;

use super::SessionConfig;
use crate::handlers::{
    AnswerReport, AutoModeHandler, Canvas, Deadlines, ElicitationHandler, GitHubTokenHandler, LimitsHandler,
    McpAuthHandler, PermissionHandler, PlanHandler, ProviderTokenHandler, SamplingHandler, Skill, SkillProvider,
    SlashCommand, UserInputHandler,
};
use crate::hooks::{HookHandler, HookInput, RawHookHandler};
use crate::serve;

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

    /// Whether the agent asks by forms: its questions then come as an [elicitation](Self::on_elicitation) with fields of the
    /// agent's own, and not as [user input](Self::on_user_input).
    #[must_use]
    pub fn ask_user_by_form(mut self, on: bool) -> Self {
        // It is text.
        let _ = self.params.extra.set("askUserVariant", &if on { "elicitation" } else { "legacy" });
        self.ask_user(true)
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
        self.handlers.user_input = Some((Arc::new(handler) as Arc<dyn UserInputHandler>).bound());
        self.ask_user(true)
    }

    /// Fills in forms.
    #[must_use]
    pub fn on_elicitation(mut self, handler: impl ElicitationHandler) -> Self {
        self.handlers.elicitation = Some((Arc::new(handler) as Arc<dyn ElicitationHandler>).bound());
        self.ask_elicitation(true)
    }

    /// Approves plans.
    #[must_use]
    pub fn on_plan(mut self, handler: impl PlanHandler) -> Self {
        self.handlers.plan = Some((Arc::new(handler) as Arc<dyn PlanHandler>).bound());
        self.plan_approval(true)
    }

    /// Answers when the model is at its rate limit and the CLI offers another.
    #[must_use]
    pub fn on_auto_mode_switch(mut self, handler: impl AutoModeHandler) -> Self {
        self.handlers.auto_mode = Some((Arc::new(handler) as Arc<dyn AutoModeHandler>).bound());
        self.params.request_auto_mode_switch = Some(true);
        self
    }

    /// Answers when the session has used up its limit. Without a handler the turn ends there, with a notice
    /// (`session.info` of type `session_limits`), as does every turn until the limit is raised.
    #[must_use]
    pub fn on_session_limits(mut self, handler: impl LimitsHandler) -> Self {
        self.handlers.limits = Some((Arc::new(handler) as Arc<dyn LimitsHandler>).bound());
        self
    }

    /// Answers MCP servers that ask for a call of the model.
    #[must_use]
    pub fn on_sampling(mut self, handler: impl SamplingHandler) -> Self {
        self.handlers.sampling = Some((Arc::new(handler) as Arc<dyn SamplingHandler>).bound());
        self
    }

    /// Signs in to MCP servers that want it. Without a handler they stay out (`session.mcp.list` says `needs-auth`), unless
    /// somebody signs in by other means.
    #[must_use]
    pub fn on_mcp_auth(mut self, handler: impl McpAuthHandler) -> Self {
        self.handlers.mcp_auth = Some((Arc::new(handler) as Arc<dyn McpAuthHandler>).bound());
        self
    }

    /// Offers a canvas: a page that this program shows, and that the agent opens and works on.
    ///
    /// ```
    /// use groundlink_session::{Canvas, CanvasCall, CanvasView, SessionConfig};
    ///
    /// let board = Canvas::new("board", "Board", "The tasks on a board", |call: CanvasCall| async move {
    ///     Ok(CanvasView::page(format!("http://localhost:3000/board/{}", call.instance_id)))
    /// });
    /// let config = SessionConfig::new().canvas(board);
    /// ```
    #[must_use]
    pub fn canvas(mut self, canvas: Canvas) -> Self {
        self.params.canvases.push(canvas.declared());
        self.handlers.canvases.insert(canvas.id, canvas.handler);
        self.handlers.serves.insert(serve::CANVAS, serve::canvas);
        // Without, the agent has no tools for them.
        self.request_canvas_renderer(true)
    }

    /// Gives the agent skills, from wherever the program has them.
    #[must_use]
    pub fn on_skills(mut self, provider: impl SkillProvider) -> Self {
        self.handlers.skills = Some(Arc::new(provider));
        self.handlers.serves.insert(serve::SKILLS, serve::skills);
        self.params.has_skill_provider = Some(true);
        self
    }

    /// Gives the agent a skill: what it is for, and the instructions that it reads when it uses it. Together with
    /// [`on_skills`](Self::on_skills) the later one counts.
    #[must_use]
    pub fn skill(mut self, skill: Skill, instructions: &str) -> Self {
        self.fixed_skills.add(skill, instructions);
        let skills = self.fixed_skills.clone();
        self.on_skills(skills)
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
    pub fn on_provider_token(self, handler: impl ProviderTokenHandler) -> Self {
        self.on_named_provider_token("", handler)
    }

    /// Gives bearer tokens for a [named provider](Self::providers).
    #[must_use]
    pub fn on_named_provider_token(mut self, name: impl Into<String>, handler: impl ProviderTokenHandler) -> Self {
        self.handlers.provider_tokens.insert(name.into(), Arc::new(handler));
        self.handlers.serves.insert(serve::PROVIDER_TOKEN, serve::provider_token);
        self
    }

    /// Gives GitHub tokens for this session, when the CLI needs them; the first time while the session is being made.
    #[must_use]
    pub fn on_github_token(mut self, handler: impl GitHubTokenHandler) -> Self {
        let registration = uuid::Uuid::new_v4().to_string();
        self.handlers.github_token = Some(Arc::new(handler));
        self.handlers.serves.insert(serve::GITHUB_TOKEN, serve::github_token);
        self.handlers.github_registration = Some(registration.clone());
        self.params.github_token_provider_registration_id = Some(registration);
        self
    }
}

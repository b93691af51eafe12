//! What a session is made of.

use std::path::PathBuf;
use std::sync::Arc;

use groundlink_protocol::types::{self, ProviderType, ProviderWireApi, SessionCreateParams};
use secrecy::{ExposeSecret as _, SecretString};

use crate::SessionError;
use crate::events::EventLimits;
use crate::handlers::{ElicitationHandler, Handlers, PermissionHandler, PlanHandler, UserInputHandler};

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
        self.params.github_token = Some(types_secret(token));
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
        Ok(())
    }
}

/// A model provider of one's own.
#[derive(Debug, Clone)]
pub struct Provider {
    wire: types::Provider,
}

impl Provider {
    fn new(kind: ProviderType, api: Option<ProviderWireApi>, base_url: impl Into<String>) -> Self {
        let mut wire = types::Provider::new(kind);
        wire.wire_api = api;
        wire.base_url = Some(base_url.into());
        Self { wire }
    }

    /// An endpoint that speaks `OpenAI`'s chat completions, such as a local model server.
    pub fn openai_completions(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Openai, Some(ProviderWireApi::Completions), base_url)
    }

    /// An endpoint that speaks `OpenAI`'s responses.
    pub fn openai_responses(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Openai, Some(ProviderWireApi::Responses), base_url)
    }

    /// An endpoint that speaks Anthropic's messages.
    pub fn anthropic(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Anthropic, None, base_url)
    }

    /// An Azure `OpenAI` endpoint.
    pub fn azure(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Azure, None, base_url)
    }

    /// The key for the endpoint.
    #[must_use]
    pub fn api_key(mut self, key: &SecretString) -> Self {
        self.wire.api_key = Some(types_secret(key));
        self
    }

    /// The bearer token for the endpoint.
    #[must_use]
    pub fn bearer_token(mut self, token: &SecretString) -> Self {
        self.wire.bearer_token = Some(types_secret(token));
        self
    }

    /// The model's name at the endpoint, where it differs from the session's.
    #[must_use]
    pub fn wire_model(mut self, model: impl Into<String>) -> Self {
        self.wire.wire_model = Some(model.into());
        self
    }

    /// Changes any field of the provider itself, for what has no method here.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut types::Provider)) -> Self {
        change(&mut self.wire);
        self
    }
}

fn types_secret(secret: &SecretString) -> groundlink_protocol::Secret {
    groundlink_protocol::Secret::new(secret.expose_secret())
}

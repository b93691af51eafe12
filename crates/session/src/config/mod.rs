//! What a session is made of.

mod agents;
mod extensions;
mod features;
mod handlers;
mod identity;
mod mcp;
mod model;
mod policy;
mod prompt;
mod resume;
mod tools;

use std::fmt;
use std::path::Path;

pub use agents::CustomAgent;
use groundlink_protocol::RawJson;
use groundlink_protocol::types::SessionCreateParams;
pub use identity::WorkingDirectoryTrust;
pub use mcp::McpServer;
pub use prompt::{SectionAction, SystemMessage};
use secrecy::SecretString;
use serde::Serialize;

use crate::SessionError;
use crate::events::EventLimits;
use crate::handlers::{FixedSkills, Handlers, tools as client_tools};
use crate::telemetry::Tracing;

/// Defines methods that set one field each.
macro_rules! fields {
    ($($(#[$doc:meta])* $kind:ident $name:ident $(: $type:ty)?;)*) => {
        impl super::SessionConfig {
            $(super::field!($kind $name ($($type)?) $(#[$doc])*);)*
        }
    };
}

macro_rules! field {
    (flag $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, on: bool) -> Self {
            self.params.$name = Some(on);
            self
        }
    };
    (text $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, value: impl Into<String>) -> Self {
            self.params.$name = Some(value.into());
            self
        }
    };
    (path $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, path: impl AsRef<std::path::Path>) -> Self {
            self.params.$name = Some(path.as_ref().to_string_lossy().into_owned());
            self
        }
    };
    (list $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name<T: Into<String>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
            self.params.$name = values.into_iter().map(Into::into).collect();
            self.given.insert(stringify!($name));
            self
        }
    };
    (paths $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name<T: AsRef<std::path::Path>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
            self.params.$name = paths.into_iter().map(|path| path.as_ref().to_string_lossy().into_owned()).collect();
            self
        }
    };
    (typed $name:ident ($type:ty) $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, value: $type) -> Self {
            self.params.$name = Some(value);
            self
        }
    };
    (typedlist $name:ident ($type:ty) $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, values: impl IntoIterator<Item = $type>) -> Self {
            self.params.$name = values.into_iter().collect();
            self
        }
    };
    (flags $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name<T: Into<String>>(mut self, values: impl IntoIterator<Item = (T, bool)>) -> Self {
            self.params.$name = Some(values.into_iter().map(|(name, on)| (name.into(), on)).collect());
            self
        }
    };
    (json $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        pub fn $name(mut self, value: &impl serde::Serialize) -> Result<Self, crate::SessionError> {
            self.params.$name = Some(super::raw(stringify!($name), value)?);
            Ok(self)
        }
    };
    (jsonlist $name:ident () $(#[$doc:meta])*) => {
        $(#[$doc])*
        pub fn $name<T: serde::Serialize>(
            mut self,
            values: impl IntoIterator<Item = T>,
        ) -> Result<Self, crate::SessionError> {
            let values = values.into_iter().map(|value| super::raw(stringify!($name), &value));
            self.params.$name = values.collect::<Result<_, _>>()?;
            Ok(self)
        }
    };
}

pub(crate) use {field, fields};

/// JSON text of a value.
fn raw(field: &'static str, value: &(impl Serialize + ?Sized)) -> Result<RawJson, SessionError> {
    serde_json::value::to_raw_value(value).map_err(|error| SessionError::invalid(field, error.to_string()))
}

/// How a session is created or resumed.
///
/// What this client will answer: `ask_*` makes the CLI ask, and the request stays open until some
/// client, here or remote, answers it by call; `on_*` also sets a handler that answers. With
/// neither, the CLI does not ask: a tool that needs a permission is denied, and the tools for
/// questions and plans do not exist.
#[derive(Clone)]
pub struct SessionConfig {
    /// Boxed: it is large, and every future that holds a configuration would be.
    pub(crate) params: Box<SessionCreateParams>,
    pub(crate) handlers: Handlers,
    pub(crate) limits: EventLimits,
    /// What only `session.resume` takes.
    resume: resume::ResumeOptions,
    /// Lists that were set, be it to nothing.
    given: std::collections::BTreeSet<&'static str>,
    mcp_secrets: Vec<SecretString>,
    /// Skills that stand in the program.
    fixed_skills: FixedSkills,
}

/// Without what only the CLI is to see: of servers and agents, whose headers and variables may be credentials, nothing.
impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unseen = || raw("debug", "unseen").ok();
        let mut params = self.params.clone();
        params.mcp_servers = params.mcp_servers.and_then(|_| unseen());
        params.custom_agents = params.custom_agents.iter().filter_map(|_| unseen()).collect();
        let Self { handlers, limits, resume, given, fixed_skills, .. } = self;
        f.debug_struct("SessionConfig")
            .field("params", &params)
            .field("handlers", handlers)
            .field("limits", limits)
            .field("resume", resume)
            .field("given", given)
            .field("fixed_skills", fixed_skills)
            .finish_non_exhaustive()
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            params: Box::new(SessionCreateParams {
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
            }),
            handlers: Handlers::default(),
            limits: EventLimits::default(),
            resume: resume::ResumeOptions::default(),
            given: std::collections::BTreeSet::new(),
            mcp_secrets: Vec::new(),
            fixed_skills: FixedSkills::default(),
        }
    }
}

impl SessionConfig {
    /// A session with the CLI's own defaults, which asks nobody.
    pub fn new() -> Self {
        Self::default()
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

    /// Sets a field that the request's type does not have.
    fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        // A name, a flag or an empty list is JSON.
        if let Err(error) = self.params.extra.set(name, &value) {
            tracing::error!(name, %error, "a field of a session's configuration");
        }
        self
    }

    /// The trace that the caller is in, unless the configuration says so itself.
    pub(crate) fn traced(mut self, source: Option<&Tracing>) -> Self {
        if let Some(context) = source.filter(|_| self.params.traceparent.is_none()).and_then(|source| (source.0)()) {
            self.params.traceparent = Some(context.traceparent);
            self.params.tracestate = context.tracestate;
        }
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
        let named = self.params.providers.iter();
        let named = named
            .flat_map(|p| p.api_key.iter().chain(&p.bearer_token).chain(p.headers.iter().flat_map(|h| h.values())));
        let secrets = fields.into_iter().flatten().chain(headers).chain(named);
        let secrets = secrets.map(|secret| SecretString::from(secret.expose()));
        secrets.chain(self.mcp_secrets.iter().cloned()).collect()
    }

    pub(crate) fn check(&self) -> Result<(), SessionError> {
        if let Some(directory) = &self.params.working_directory
            && !Path::new(directory).is_absolute()
        {
            return Err(SessionError::invalid(
                "working_directory",
                format!("`{directory}` is not an absolute path; the CLI has another working directory"),
            ));
        }
        if self.params.session_id.as_deref().is_some_and(str::is_empty) {
            return Err(SessionError::invalid("session_id", "it is empty; leave it out, and a new one is made"));
        }
        client_tools::check(self.params.tools.iter().map(|tool| tool.name.as_str()))?;
        self.check_words()?;
        for directory in self.params.additional_directories.iter().chain(&self.params.instruction_directories) {
            if directory.is_empty() {
                return Err(SessionError::invalid("directories", "a directory's name is empty"));
            }
        }
        for (field, tools) in
            [("available_tools", &self.params.available_tools), ("excluded_tools", &self.params.excluded_tools)]
        {
            if tools.iter().any(|tool| tool == "*") {
                let reason = "`*` is the name of no tool; say `builtin:*`, `custom:*` or `mcp:*`";
                return Err(SessionError::invalid(field, reason));
            }
        }
        if self.params.cloud.is_some() && self.params.session_id.is_some() {
            let reason = "the id of a session at GitHub is chosen there; leave it out";
            return Err(SessionError::invalid("session_id", reason));
        }
        if self.given.contains("allowed_models") && self.params.allowed_models.is_empty() {
            return Err(SessionError::invalid("allowed_models", "it is empty; leave it out to allow all models"));
        }
        let limit = self.params.session_limits.as_ref().and_then(|limits| limits.max_ai_credits.as_ref());
        if let Some(limit) = limit.filter(|limit| limit.as_f64().is_none_or(|limit| limit < 0.0)) {
            return Err(SessionError::invalid("session_limits", format!("`{limit}` is no amount of credits")));
        }
        let providers: Vec<&str> = self.params.providers.iter().map(|provider| provider.name.as_str()).collect();
        if let Some(model) = self.params.models.iter().find(|model| !providers.contains(&model.provider.as_str())) {
            let reason = format!("`{}` is of `{}`, and there is no provider of that name", model.id, model.provider);
            return Err(SessionError::invalid("models", reason));
        }
        Ok(())
    }

    /// Fields of a few known words.
    fn check_words(&self) -> Result<(), SessionError> {
        let p = &self.params;
        let table: [(&'static str, &Option<String>, &[&str]); 7] = [
            ("reasoning_summary", &p.reasoning_summary, &["none", "concise", "detailed"]),
            ("context_tier", &p.context_tier, &["default", "long_context"]),
            ("trust_working_directory", &p.trust_working_directory, &["session", "user"]),
            ("mcp_o_auth_token_storage", &p.mcp_o_auth_token_storage, &["persistent", "in-memory"]),
            ("embedding_cache_storage", &p.embedding_cache_storage, &["persistent", "in-memory"]),
            ("remote_session", &p.remote_session, &["off", "export", "on"]),
            ("tool_filter_precedence", &p.tool_filter_precedence, &["excluded", "available"]),
        ];
        for (field, value, words) in table {
            if let Some(value) = value.as_deref().filter(|value| !words.contains(value)) {
                let reason = format!("`{value}` is none of `{}`", words.join("`, `"));
                return Err(SessionError::invalid(field, reason));
            }
        }
        Ok(())
    }
}

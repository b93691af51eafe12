//! Handlers: code of the user's that answers what the agent asks.
//!
//! Each is a trait, and each closure of the right shape is one. A handler runs in a task of its own, so that nothing
//! else waits for it. If another client (the terminal, a browser) answers first, or the turn is aborted, its future is
//! dropped. A handler that panics or is past its [deadline](Deadlines) never leaves the agent waiting: a permission is
//! denied, a question goes without answer, a plan is not approved, a tool has failed.

mod bound;
mod canvas;
mod client;
pub(crate) mod closure;
mod commands;
mod deadlines;
pub(crate) mod guard;
pub mod hooks;
mod hosting;
mod mcp_auth;
mod people;
mod permission;
mod report;
mod requests;
mod sampling;
mod skills;
mod tokens;
pub(crate) mod tools;
mod transform;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use bound::{Asked, Bound, Serve};
pub(crate) use canvas::Canvases;
pub use canvas::{Canvas, CanvasCall, CanvasHandler, CanvasView};
pub(crate) use client::{ClientHandlers, Frames};
pub(crate) use commands::Commands;
pub use commands::{CommandCall, CommandEnd, CommandHandler, SlashCommand};
pub use deadlines::{Deadlines, HandlerKind};
use groundlink_protocol::{Event, RawJson};
pub(crate) use guard::Failure;
pub(crate) use hooks::Hooks;
pub(crate) use hosting::{Confirming, Launching};
pub use hosting::{
    ExtensionLaunch, ExtensionLaunchAsk, ExtensionLauncher, InstallationAsk, InstallationDecision, InstallationHandler,
};
pub use mcp_auth::{McpAuthAnswer, McpAuthAsk, McpAuthHandler, McpChallenge, McpOauthClient, McpToken};
pub use people::{
    AutoModeAsk, AutoModeHandler, ElicitationAsk, ElicitationHandler, LimitsAsk, LimitsHandler, PlanAsk, PlanHandler,
    UserInputAsk, UserInputHandler,
};
pub use permission::{ApproveAll, PermissionAsk, PermissionHandler};
pub use report::{AnswerOutcome, AnswerReport, HandlerEnd};
pub use requests::RequestHandler;
pub use sampling::{SamplingAsk, SamplingHandler};
pub(crate) use skills::FixedSkills;
pub use skills::{Skill, SkillProvider};
pub use tokens::{GitHubToken, GitHubTokenAsk, GitHubTokenHandler, ProviderTokenAsk, ProviderTokenHandler};
pub(crate) use tools::Tools;
pub(crate) use transform::Transforms;
pub use transform::{SectionText, SectionTransform};

use crate::answers::{AutoModeAnswer, ElicitationAnswer, LimitsAnswer, PlanDecision, UserAnswer};

/// Something the agent asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ask<T> {
    /// The session it comes from.
    pub session_id: String,
    /// The request's id, for answering by call.
    pub request_id: String,
    /// What is asked.
    pub data: T,
    /// The event it came in, with everything that `data` does not know.
    pub event: Event,
}

/// Told what becomes of answers.
pub(crate) type Reporter = Arc<dyn Fn(AnswerReport) + Send + Sync>;

/// The handlers of one session.
///
/// Most come together with what reads and answers for them ([`Bound`], [`Serve`]): it is linked into those programs only
/// that give such a handler.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) permission: Option<Arc<dyn PermissionHandler>>,
    pub(crate) user_input: Option<Bound<Option<UserAnswer>>>,
    pub(crate) elicitation: Option<Bound<ElicitationAnswer>>,
    pub(crate) plan: Option<Bound<PlanDecision>>,
    pub(crate) auto_mode: Option<Bound<AutoModeAnswer>>,
    pub(crate) limits: Option<Bound<LimitsAnswer>>,
    pub(crate) sampling: Option<Bound<Option<RawJson>>>,
    pub(crate) mcp_auth: Option<Bound<McpAuthAnswer>>,
    /// By the method, or by what all methods of the kind begin with.
    pub(crate) serves: BTreeMap<&'static str, Serve>,
    pub(crate) canvases: Canvases,
    pub(crate) skills: Option<Arc<dyn SkillProvider>>,
    pub(crate) tools: Tools,
    pub(crate) commands: Commands,
    pub(crate) hooks: Hooks,
    pub(crate) transforms: Transforms,
    /// By the provider's name; that of the session's own provider is empty.
    pub(crate) provider_tokens: BTreeMap<String, Arc<dyn ProviderTokenHandler>>,
    pub(crate) github_token: Option<Arc<dyn GitHubTokenHandler>>,
    /// The name under which GitHub tokens are asked for.
    pub(crate) github_registration: Option<String>,
    pub(crate) deadlines: Deadlines,
    pub(crate) reporter: Option<Reporter>,
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("permission", &self.permission.is_some())
            .field("user_input", &self.user_input.is_some())
            .field("elicitation", &self.elicitation.is_some())
            .field("plan", &self.plan.is_some())
            .field("tools", &!self.tools.is_empty())
            .field("hooks", &!self.hooks.is_empty())
            .finish_non_exhaustive()
    }
}

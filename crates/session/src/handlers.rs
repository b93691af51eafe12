//! Handlers: code of the user's that answers what the agent asks.
//!
//! Each is a trait, and each closure of the right shape is one. A handler runs in a task of its own
//! and may take as long as a person takes. If another client (the terminal, a browser) answers
//! first, its future is dropped. A handler that panics never leaves the agent waiting: a permission
//! is denied, a question goes without answer, a plan is not approved.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use groundlink_protocol::{Event, events};

use crate::answers::{ElicitationAnswer, PermissionDecision, PlanDecision, UserAnswer};

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

/// The agent wants to use a tool.
pub type PermissionAsk = Ask<events::PermissionRequested>;
/// The agent has a question.
pub type UserInputAsk = Ask<events::UserInputRequested>;
/// Somebody (an MCP server, a tool) wants a form filled in.
pub type ElicitationAsk = Ask<events::ElicitationRequested>;
/// The agent has a plan and wants to leave plan mode.
pub type PlanAsk = Ask<events::ExitPlanModeRequested>;

/// Decides whether the agent may use a tool.
#[async_trait]
pub trait PermissionHandler: Send + Sync + 'static {
    /// The decision.
    async fn decide(&self, ask: PermissionAsk) -> PermissionDecision;
}

/// Answers the agent's questions.
#[async_trait]
pub trait UserInputHandler: Send + Sync + 'static {
    /// The answer; `None` tells the agent that nobody could respond.
    async fn answer(&self, ask: UserInputAsk) -> Option<UserAnswer>;
}

/// Fills in forms.
#[async_trait]
pub trait ElicitationHandler: Send + Sync + 'static {
    /// The answer.
    async fn fill_in(&self, ask: ElicitationAsk) -> ElicitationAnswer;
}

/// Approves plans.
#[async_trait]
pub trait PlanHandler: Send + Sync + 'static {
    /// The decision.
    async fn approve(&self, ask: PlanAsk) -> PlanDecision;
}

#[async_trait]
impl<F, Fut> PermissionHandler for F
where
    F: Fn(PermissionAsk) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = PermissionDecision> + Send,
{
    async fn decide(&self, ask: PermissionAsk) -> PermissionDecision {
        self(ask).await
    }
}

#[async_trait]
impl<F, Fut> UserInputHandler for F
where
    F: Fn(UserInputAsk) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Option<UserAnswer>> + Send,
{
    async fn answer(&self, ask: UserInputAsk) -> Option<UserAnswer> {
        self(ask).await
    }
}

#[async_trait]
impl<F, Fut> ElicitationHandler for F
where
    F: Fn(ElicitationAsk) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ElicitationAnswer> + Send,
{
    async fn fill_in(&self, ask: ElicitationAsk) -> ElicitationAnswer {
        self(ask).await
    }
}

#[async_trait]
impl<F, Fut> PlanHandler for F
where
    F: Fn(PlanAsk) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = PlanDecision> + Send,
{
    async fn approve(&self, ask: PlanAsk) -> PlanDecision {
        self(ask).await
    }
}

/// Approves every permission request, once each. For agents in a sandbox, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApproveAll;

#[async_trait]
impl PermissionHandler for ApproveAll {
    async fn decide(&self, _ask: PermissionAsk) -> PermissionDecision {
        PermissionDecision::ApproveOnce
    }
}

/// The handlers of one session.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) permission: Option<Arc<dyn PermissionHandler>>,
    pub(crate) user_input: Option<Arc<dyn UserInputHandler>>,
    pub(crate) elicitation: Option<Arc<dyn ElicitationHandler>>,
    pub(crate) plan: Option<Arc<dyn PlanHandler>>,
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("permission", &self.permission.is_some())
            .field("user_input", &self.user_input.is_some())
            .field("elicitation", &self.elicitation.is_some())
            .field("plan", &self.plan.is_some())
            .finish()
    }
}

//! What people are asked besides permissions: questions, forms, plans, and what to do at a limit.

use std::sync::Arc;

use async_trait::async_trait;
use groundlink_protocol::events;

use super::Ask;
use super::bound::{Asked, Bound, bind};
use super::closure::by_closure;
use crate::answers::{AutoModeAnswer, ElicitationAnswer, LimitsAnswer, PlanDecision, UserAnswer};

/// The agent has a question.
pub type UserInputAsk = Ask<events::UserInputRequested>;
/// Somebody (an MCP server, a tool) wants a form filled in.
pub type ElicitationAsk = Ask<events::ElicitationRequested>;
/// The agent has a plan and wants to leave plan mode.
pub type PlanAsk = Ask<events::ExitPlanModeRequested>;
/// The model is at its rate limit; the CLI offers to go on with one that it chooses.
pub type AutoModeAsk = Ask<events::AutoModeSwitchRequested>;
/// The session has used up what [`session_limits`](crate::SessionConfig::session_limits) gave it.
pub type LimitsAsk = Ask<events::SessionLimitsExhaustedRequested>;

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

/// Decides whether to go on with another model.
#[async_trait]
pub trait AutoModeHandler: Send + Sync + 'static {
    /// The decision.
    async fn switch(&self, ask: AutoModeAsk) -> AutoModeAnswer;
}

/// Decides what happens when a session's limit is used up.
#[async_trait]
pub trait LimitsHandler: Send + Sync + 'static {
    /// The decision.
    async fn decide(&self, ask: LimitsAsk) -> LimitsAnswer;
}

/// A closure of the right shape is a handler; and each is bound to what reads for it.
macro_rules! handlers {
    ($($handler:ident . $method:ident: $ask:ty => $answer:ty;)*) => {$(
        impl dyn $handler {
            pub(crate) fn bound(self: Arc<Self>) -> Bound<$answer> {
                bind(self, Asked::read, |handler, ask| handler.$method(ask))
            }
        }

        by_closure!($handler.$method: $ask => $answer);
    )*};
}

handlers! {
    UserInputHandler.answer: UserInputAsk => Option<UserAnswer>;
    ElicitationHandler.fill_in: ElicitationAsk => ElicitationAnswer;
    PlanHandler.approve: PlanAsk => PlanDecision;
    AutoModeHandler.switch: AutoModeAsk => AutoModeAnswer;
    LimitsHandler.decide: LimitsAsk => LimitsAnswer;
}

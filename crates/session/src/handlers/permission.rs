//! Permissions.

use async_trait::async_trait;
use groundlink_protocol::events;

use super::Ask;
use super::closure::by_closure;
use crate::answers::PermissionDecision;

/// The agent wants to use a tool.
pub type PermissionAsk = Ask<events::PermissionRequested>;

/// Decides whether the agent may use a tool. One that panics, or gives a decision that the CLI could not read, rejects.
#[async_trait]
pub trait PermissionHandler: Send + Sync + 'static {
    /// The decision.
    async fn decide(&self, ask: PermissionAsk) -> PermissionDecision;
}

by_closure!(PermissionHandler.decide: PermissionAsk => PermissionDecision);

/// Approves every permission request, once each. For agents in a sandbox, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApproveAll;

#[async_trait]
impl PermissionHandler for ApproveAll {
    async fn decide(&self, _ask: PermissionAsk) -> PermissionDecision {
        PermissionDecision::ApproveOnce
    }
}

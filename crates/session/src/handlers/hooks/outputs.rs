//! What hooks may change.

use groundlink_protocol::RawJson;
use serde::Serialize;

/// Defines an output of optional fields.
macro_rules! outputs {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$field_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }
    )*};
}

/// What a hook thinks of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HookPermission {
    /// It may run; nobody is asked.
    Allow,
    /// It may not.
    Deny,
    /// A person decides.
    Ask,
}

/// What to do about an error. CLI 1.0.102 passes over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ErrorHandling {
    /// Try again.
    Retry,
    /// Go on without.
    Skip,
    /// End the turn.
    Abort,
}

outputs! {
    /// The answer to [`PreToolUse`](super::PreToolUse).
    PreToolUseOutput {
        /// Whether the tool may run.
        permission_decision: HookPermission,
        /// Why.
        permission_decision_reason: String,
        /// Arguments to run it with instead.
        modified_args: RawJson,
        /// More for the model.
        additional_context: String,
        /// Asks to keep the hook's output out of sight. Without effect in CLI 1.0.102.
        suppress_output: bool,
    }

    /// The answer to [`PreMcpToolCall`](super::PreMcpToolCall).
    PreMcpToolCallOutput {
        /// The `_meta` to call with.
        meta_to_use: RawJson,
    }

    /// The answer to [`PostToolUse`](super::PostToolUse).
    PostToolUseOutput {
        /// The result to go on with: `textResultForLlm`, `resultType` and more.
        modified_result: RawJson,
        /// More for the model.
        additional_context: String,
        /// Asks to keep the hook's output out of sight. Without effect in CLI 1.0.102.
        suppress_output: bool,
    }

    /// The answer of hooks that can only add something for the model.
    ContextOutput {
        /// More for the model.
        additional_context: String,
    }

    /// The answer to [`UserPromptSubmitted`](super::UserPromptSubmitted).
    UserPromptSubmittedOutput {
        /// The message to go on with.
        modified_prompt: String,
        /// More for the model.
        additional_context: String,
        /// Asks to keep the hook's output out of sight. Without effect in CLI 1.0.102.
        suppress_output: bool,
        /// `block` lets the message not through.
        decision: String,
        /// Why it is blocked.
        reason: String,
    }

    /// The answer to [`UserPromptTransformed`](super::UserPromptTransformed).
    UserPromptTransformedOutput {
        /// The message to go on with.
        modified_transformed_prompt: String,
    }

    /// The answer to [`SessionStart`](super::SessionStart).
    SessionStartOutput {
        /// More for the model.
        additional_context: String,
        /// Fields of the configuration to go on with. A changed model is passed over by CLI 1.0.102.
        modified_config: RawJson,
    }

    /// The answer to [`SessionEnd`](super::SessionEnd).
    SessionEndOutput {
        /// Asks to keep the hook's output out of sight. Without effect in CLI 1.0.102.
        suppress_output: bool,
        /// What was cleaned up; stands in the `hook.end` event.
        cleanup_actions: Vec<String>,
        /// What the session did; stands in the `hook.end` event.
        session_summary: String,
    }

    /// The answer to [`ErrorOccurred`](super::ErrorOccurred).
    ErrorOccurredOutput {
        /// Asks to keep the hook's output out of sight. Without effect in CLI 1.0.102.
        suppress_output: bool,
        /// What to do. CLI 1.0.102 passes over it: it tries again as often as it does without a hook.
        error_handling: ErrorHandling,
        /// How often to try again. CLI 1.0.102 passes over it.
        retry_count: u32,
        /// What to tell people; stands in the `hook.end` event, and CLI 1.0.102 shows it nowhere else.
        user_notification: String,
    }

    /// The answer to [`AgentStop`](super::AgentStop).
    AgentStopOutput {
        /// `block` makes the agent go on.
        decision: String,
        /// What it has to do yet.
        reason: String,
    }

    /// The answer to [`SubagentStop`](super::SubagentStop).
    SubagentStopOutput {
        /// `block` makes the sub-agent go on.
        decision: String,
        /// What it has to do yet.
        reason: String,
        /// What it answers instead.
        modified_response: String,
    }

    /// The answer to [`PermissionRequestHook`](super::PermissionRequestHook).
    PermissionRequestOutput {
        /// `allow` or `deny`.
        behavior: HookPermission,
        /// Why not.
        message: String,
        /// Whether a denial ends the turn too.
        interrupt: bool,
    }

    /// The answer of hooks that can change nothing.
    NoOutput {}
}

impl PreToolUseOutput {
    /// The tool may not run.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self {
            permission_decision: Some(HookPermission::Deny),
            permission_decision_reason: Some(reason.into()),
            ..Self::default()
        }
    }

    /// The tool may run, and nobody is asked.
    pub fn allow() -> Self {
        Self { permission_decision: Some(HookPermission::Allow), ..Self::default() }
    }

    /// A person decides.
    pub fn ask(reason: impl Into<String>) -> Self {
        Self {
            permission_decision: Some(HookPermission::Ask),
            permission_decision_reason: Some(reason.into()),
            ..Self::default()
        }
    }
}

impl ContextOutput {
    /// More for the model.
    pub fn context(text: impl Into<String>) -> Self {
        Self { additional_context: Some(text.into()) }
    }
}

impl UserPromptSubmittedOutput {
    /// The message to go on with.
    pub fn replace(prompt: impl Into<String>) -> Self {
        Self { modified_prompt: Some(prompt.into()), ..Self::default() }
    }

    /// The message is not let through.
    pub fn block(reason: impl Into<String>) -> Self {
        Self { decision: Some("block".to_owned()), reason: Some(reason.into()), ..Self::default() }
    }
}

impl AgentStopOutput {
    /// The agent goes on, and is told what it has to do yet.
    pub fn go_on(reason: impl Into<String>) -> Self {
        Self { decision: Some("block".to_owned()), reason: Some(reason.into()) }
    }
}

impl PermissionRequestOutput {
    /// Yes; no person is asked.
    pub fn allow() -> Self {
        Self { behavior: Some(HookPermission::Allow), ..Self::default() }
    }

    /// No; no person is asked.
    pub fn deny(message: impl Into<String>) -> Self {
        Self { behavior: Some(HookPermission::Deny), message: Some(message.into()), ..Self::default() }
    }
}

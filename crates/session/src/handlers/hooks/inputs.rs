//! What hooks are told.

use groundlink_protocol::RawJson;
use serde::Deserialize;

use super::HookInput;
use super::outputs::{
    AgentStopOutput, ContextOutput, ErrorOccurredOutput, NoOutput, PermissionRequestOutput, PostToolUseOutput,
    PreMcpToolCallOutput, PreToolUseOutput, SessionEndOutput, SessionStartOutput, SubagentStopOutput,
    UserPromptSubmittedOutput, UserPromptTransformedOutput,
};

/// Defines an input: its name on the wire, its output, its required and its optional fields.
macro_rules! inputs {
    ($(
        $(#[$doc:meta])*
        $name:ident = $wire:literal => $output:ty {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        } optional {
            $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            $($(#[$optional_doc])* #[serde(default)] pub $optional: Option<$optional_type>,)*
        }

        impl HookInput for $name {
            const TYPE: &'static str = $wire;
            type Output = $output;
        }

        impl super::HookAnswer<$name> for $output {
            fn answer(self) -> Option<$output> {
                Some(self)
            }
        }
    )*};
}

inputs! {
    /// A tool is about to run; the hook may forbid it, allow it, or change its arguments.
    PreToolUse = "preToolUse" => PreToolUseOutput {
        /// The tool.
        tool_name: String,
    } optional {
        /// Its arguments.
        tool_args: RawJson,
    }

    /// A tool of an MCP server is about to be called.
    PreMcpToolCall = "preMcpToolCall" => PreMcpToolCallOutput {
        /// The server.
        server_name: String,
        /// The tool.
        tool_name: String,
    } optional {
        /// The call's id.
        tool_call_id: String,
        /// The arguments.
        arguments: RawJson,
        /// The call's `_meta`.
        #[serde(rename = "_meta")]
        meta: RawJson,
    }

    /// A tool has run.
    PostToolUse = "postToolUse" => PostToolUseOutput {
        /// The tool.
        tool_name: String,
    } optional {
        /// Its arguments.
        tool_args: RawJson,
        /// Its result: `textResultForLlm`, `resultType` and more.
        tool_result: RawJson,
    }

    /// A tool has failed.
    PostToolUseFailure = "postToolUseFailure" => ContextOutput {
        /// The tool.
        tool_name: String,
    } optional {
        /// Its arguments.
        tool_args: RawJson,
        /// What went wrong.
        error: String,
    }

    /// A message came in, from anybody.
    UserPromptSubmitted = "userPromptSubmitted" => UserPromptSubmittedOutput {
        /// The message.
        prompt: String,
    } optional {}

    /// A message is ready for the model.
    UserPromptTransformed = "userPromptTransformed" => UserPromptTransformedOutput {
        /// The message as it came in.
        prompt: String,
        /// What the CLI has made of it.
        transformed_prompt: String,
    } optional {}

    /// The session begins.
    SessionStart = "sessionStart" => SessionStartOutput {} optional {
        /// How: `new`, `startup` or `resume`.
        source: String,
        /// The first message, where there is one.
        initial_prompt: String,
    }

    /// The session ends.
    SessionEnd = "sessionEnd" => SessionEndOutput {} optional {
        /// Why: `complete`, `error`, `abort`, `timeout` or `user_exit`.
        reason: String,
        /// The agent's last words.
        final_message: String,
        /// What went wrong.
        error: String,
    }

    /// Something went wrong.
    ErrorOccurred = "errorOccurred" => ErrorOccurredOutput {} optional {
        /// What, as the CLI says it: text or an object.
        error: RawJson,
        /// Where: `model_call`, `tool_execution`, `system` or `user_input`.
        error_context: String,
        /// Whether going on is possible.
        recoverable: bool,
    }

    /// The agent is done with its turn; the hook may make it go on.
    AgentStop = "agentStop" => AgentStopOutput {} optional {
        /// Why it stops, such as `end_turn`.
        stop_reason: String,
        /// The file with the session's events.
        transcript_path: String,
        /// Whether it goes on because of this hook already.
        #[serde(alias = "stop_hook_active")]
        stop_hook_active: bool,
    }

    /// A sub-agent begins.
    SubagentStart = "subagentStart" => ContextOutput {} optional {
        /// Its name.
        agent_name: String,
        /// Its name for people.
        agent_display_name: String,
        /// What it is for.
        agent_description: String,
        /// The file with the session's events.
        transcript_path: String,
    }

    /// A sub-agent is done; the hook may make it go on, or change its answer.
    SubagentStop = "subagentStop" => SubagentStopOutput {} optional {
        /// Its name.
        agent_name: String,
        /// Its name for people.
        agent_display_name: String,
        /// What it answers.
        response: String,
        /// Why it stops.
        stop_reason: String,
        /// The file with the session's events.
        transcript_path: String,
    }

    /// The context is about to be compacted. CLI 1.0.102 runs such hooks from files, and tells no client: neither of a
    /// compaction that was asked for nor of one at a threshold.
    PreCompact = "preCompact" => NoOutput {} optional {
        /// What caused it: `manual` or `auto`.
        trigger: String,
        /// What the user wants kept.
        custom_instructions: String,
        /// The file with the session's events.
        transcript_path: String,
    }

    /// A person is about to be asked for a permission; the hook may decide in their place. CLI 1.0.102 runs such hooks
    /// from files, and tells no client: a client decides in its [permission handler](crate::PermissionHandler).
    PermissionRequestHook = "permissionRequest" => PermissionRequestOutput {} optional {
        /// The tool.
        tool_name: String,
        /// Its arguments.
        tool_input: RawJson,
        /// Lasting approvals that would fit.
        permission_suggestions: RawJson,
    }

    /// People are to be notified, such as of a question. CLI 1.0.102 runs such hooks from files, and tells no client.
    Notification = "notification" => ContextOutput {} optional {
        /// The words.
        message: String,
        /// The heading.
        title: String,
        /// What it is about.
        notification_type: String,
    }

    /// A result was given. Not seen from CLI 1.0.102, neither by a client nor by a hook from a file.
    PostResult = "postResult" => NoOutput {} optional {}

    /// A pull request is about to be described. Not seen from CLI 1.0.102, neither by a client nor by a hook from a file.
    PrePrDescription = "prePRDescription" => NoOutput {} optional {}
}

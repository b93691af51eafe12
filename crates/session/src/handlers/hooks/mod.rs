//! Hooks: code that runs at given moments of a session and may change what comes next.

mod inputs;
mod outputs;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use groundlink_protocol::RawJson;
pub use inputs::{
    AgentStop, ErrorOccurred, Notification, PermissionRequestHook, PostResult, PostToolUse, PostToolUseFailure,
    PreCompact, PreMcpToolCall, PrePrDescription, PreToolUse, SessionEnd, SessionStart, SubagentStart, SubagentStop,
    UserPromptSubmitted, UserPromptTransformed,
};
pub use outputs::{
    AgentStopOutput, ContextOutput, ErrorHandling, ErrorOccurredOutput, HookPermission, NoOutput,
    PermissionRequestOutput, PostToolUseOutput, PreMcpToolCallOutput, PreToolUseOutput, SessionEndOutput,
    SessionStartOutput, SubagentStopOutput, UserPromptSubmittedOutput, UserPromptTransformedOutput,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::closure::by_closure;
use super::guard;

/// A hook that is being run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HookCall<T> {
    /// The session.
    pub session_id: String,
    /// When, in milliseconds since 1970.
    pub timestamp: Option<f64>,
    /// The directory the agent works in.
    pub working_directory: Option<String>,
    /// The sub-agent it is about; `None` for the main agent.
    pub agent_id: Option<String>,
    /// The kind of the sub-agent.
    pub agent_type: Option<String>,
    /// What happened.
    pub data: T,
    /// The input as the CLI sent it, with everything that `data` does not know.
    pub raw: RawJson,
}

/// What a hook is told, and with it which hook it is.
pub trait HookInput: DeserializeOwned + Send + 'static {
    /// The name on the wire.
    const TYPE: &'static str;
    /// What it may answer.
    type Output: Serialize + Send + 'static;
}

/// Runs at its moment.
///
/// The CLI waits for it, and takes a hook that fails for consent. So a `preToolUse` or `permissionRequest` hook that
/// panics, hangs past its [deadline](crate::Deadlines) or cannot be read is answered with a denial; every other hook
/// that fails lets things be, and is logged.
#[async_trait]
pub trait HookHandler<I: HookInput>: Send + Sync + 'static {
    /// What to change; `None` lets things be.
    async fn run(&self, call: HookCall<I>) -> Option<I::Output>;
}

/// What a closure that is a hook may give: the hook's output, that or `None`, or nothing.
pub trait HookAnswer<I: HookInput> {
    /// As the trait has it.
    fn answer(self) -> Option<I::Output>;
}

impl<I: HookInput> HookAnswer<I> for Option<I::Output> {
    fn answer(self) -> Option<I::Output> {
        self
    }
}

impl<I: HookInput> HookAnswer<I> for () {
    fn answer(self) -> Option<I::Output> {
        None
    }
}

#[async_trait]
impl<I, F, Fut> HookHandler<I> for F
where
    I: HookInput,
    F: Fn(HookCall<I>) -> Fut + Send + Sync + 'static,
    Fut: Future + Send,
    Fut::Output: HookAnswer<I>,
{
    async fn run(&self, call: HookCall<I>) -> Option<I::Output> {
        self(call).await.answer()
    }
}

/// What is known of a hook's input whatever the hook.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Envelope {
    timestamp: Option<f64>,
    cwd: Option<String>,
    agent_id: Option<String>,
    agent_type: Option<String>,
}

type Output = Result<Option<RawJson>, serde_json::Error>;

trait Erased: Send + Sync {
    fn run(self: Arc<Self>, session_id: &str, raw: &RawValue) -> Result<BoxFuture<'static, Output>, serde_json::Error>;
}

struct Typed<I, H> {
    handler: H,
    input: PhantomData<fn(I)>,
}

impl<I: HookInput, H: HookHandler<I>> Erased for Typed<I, H> {
    fn run(self: Arc<Self>, session_id: &str, raw: &RawValue) -> Result<BoxFuture<'static, Output>, serde_json::Error> {
        let call = call(session_id, raw, serde_json::from_str(raw.get())?);
        Ok(Box::pin(async move { self.handler.run(call).await.map(|output| to_raw_value(&output)).transpose() }))
    }
}

/// A hook of a type that this version has no types for.
#[async_trait]
pub trait RawHookHandler: Send + Sync + 'static {
    /// What to change, as JSON; `None` lets things be.
    async fn run(&self, call: HookCall<()>) -> Option<RawJson>;
}

by_closure!(RawHookHandler.run: HookCall<()> => Option<RawJson>);

struct Raw<H>(H);

impl<H: RawHookHandler> Erased for Raw<H> {
    fn run(self: Arc<Self>, session_id: &str, raw: &RawValue) -> Result<BoxFuture<'static, Output>, serde_json::Error> {
        let call = call(session_id, raw, ());
        Ok(Box::pin(async move { Ok(self.0.run(call).await) }))
    }
}

fn call<T>(session_id: &str, raw: &RawValue, data: T) -> HookCall<T> {
    let envelope: Envelope = serde_json::from_str(raw.get()).unwrap_or_default();
    HookCall {
        session_id: session_id.to_owned(),
        timestamp: envelope.timestamp,
        working_directory: envelope.cwd,
        agent_id: envelope.agent_id,
        agent_type: envelope.agent_type,
        data,
        raw: raw.to_owned(),
    }
}

/// The hooks of a session, one a type.
#[derive(Clone, Default)]
pub(crate) struct Hooks(BTreeMap<String, Arc<dyn Erased>>);

impl Hooks {
    pub(crate) fn add<I: HookInput>(&mut self, handler: impl HookHandler<I>) {
        self.0.insert(I::TYPE.to_owned(), Arc::new(Typed { handler, input: PhantomData }));
    }

    pub(crate) fn add_raw(&mut self, hook_type: String, handler: impl RawHookHandler) {
        self.0.insert(hook_type, Arc::new(Raw(handler)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs a hook and gives its output, or what is answered in its place.
    pub(crate) async fn run(
        &self,
        hook_type: &str,
        session_id: &str,
        input: &RawValue,
        deadline: Option<Duration>,
    ) -> Option<RawJson> {
        let hook = self.0.get(hook_type).cloned()?;
        let failed = |reason: &dyn std::fmt::Display| {
            tracing::error!(hook_type, session = session_id, %reason, "a hook failed");
            closed(hook_type)
        };
        let running = match hook.run(session_id, input) {
            Ok(running) => running,
            Err(error) => return failed(&error),
        };
        match guard::run(deadline, running).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => failed(&error),
            Err(failure) => failed(&failure),
        }
    }
}

/// The output in the place of a hook that failed: those that may forbid something forbid it.
pub(crate) fn closed(hook_type: &str) -> Option<RawJson> {
    const REASON: &str = "The program that decides about tools failed; the tool was not run.";
    let output = match hook_type {
        PreToolUse::TYPE => json!({"permissionDecision": "deny", "permissionDecisionReason": REASON}),
        PermissionRequestHook::TYPE => json!({"behavior": "deny", "message": REASON}),
        _ => return None,
    };
    to_raw_value(&output).ok()
}

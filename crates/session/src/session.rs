//! One session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use groundlink_protocol::types::{
    SessionAbortParams, SessionLogParams, SessionMode, SessionModeSetParams, SessionModelSwitchToParams, SessionRef,
};
use groundlink_protocol::{Method, methods};
use secrecy::SecretString;

use crate::SessionError;
use crate::ToolResult;
use crate::answers::{
    self, AutoModeAnswer, ElicitationAnswer, LimitsAnswer, PermissionDecision, PlanDecision, UserAnswer,
};
use crate::client::ClientInner;
use crate::events::EventStream;
use crate::history::WireLog;
use crate::message::Message;
use crate::shared::Shared;

/// How long to wait for a session's last events after it was destroyed.
const LAST_EVENTS: Duration = Duration::from_millis(500);

/// A session of the CLI's. Cheap to clone; all clones are the same session.
///
/// Dropping a handle does not end the session: [`destroy`](Self::destroy) does, or the end of the
/// client. A handle keeps its client, and with it the CLI, alive.
#[derive(Clone)]
pub struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Arc<ClientInner>,
}

impl Session {
    /// The session's id.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The directory the agent works in, as configured or as the CLI last said.
    pub fn working_directory(&self) -> Option<String> {
        self.shared.facts().cwd
    }

    /// The credentials that the CLI was given through this client for this session: GitHub tokens, the keys of its model
    /// provider, the tokens of connection and hub, the headers of its MCP servers, what the variables of client and MCP
    /// servers say is one ([`secrets_among`](crate::secrets_among)), and those that its handlers gave so far. An agent's
    /// tools may print them; whoever passes events on blanks them.
    pub fn secrets(&self) -> Vec<SecretString> {
        let fixed = self.client.secrets.iter().chain(&self.shared.secrets).cloned();
        fixed.chain(self.secrets_given(0)).collect()
    }

    /// The tokens that this session's handlers gave to the CLI, but the first `known`: for whoever blanks them and has
    /// those already.
    pub fn secrets_given(&self, known: usize) -> Vec<SecretString> {
        self.shared.given_since(known)
    }

    /// The events from now on. What was sent before is not seen; see
    /// [`subscribe_from_start`](Self::subscribe_from_start).
    pub fn subscribe(&self) -> EventStream {
        EventStream::new(Arc::clone(&self.shared.feed), self.shared.feed.reader(), self.log_source())
    }

    /// The events from the first one that this client received on, then live. Of a resumed session
    /// that is its `session.resume`; what happened before is in [`history`](Self::history).
    pub fn subscribe_from_start(&self) -> EventStream {
        let reader = self.shared.feed.reader_from_start();
        EventStream::new(Arc::clone(&self.shared.feed), reader, self.log_source())
    }

    fn log_source(&self) -> Arc<WireLog> {
        Arc::new(WireLog { id: self.shared.id.clone(), line: Arc::clone(&self.shared.line) })
    }

    /// Sends a message and gives its id as soon as it is accepted, long before the agent has
    /// answered. The id is in the `user.message` event and, as `originatingMessageId`, in what follows from it.
    pub async fn send(&self, message: impl Into<Message>) -> Result<String, SessionError> {
        let message = message.into().traced(self.client.trace_source.as_ref());
        let params = message.into_params(self.id());
        Ok(self.call::<methods::SessionSend>(&params).await?.message_id)
    }

    /// Ends the running turn and drops what waits in the queue.
    pub async fn abort(&self) -> Result<(), SessionError> {
        let result = self.call::<methods::SessionAbort>(&SessionAbortParams::new(self.id())).await?;
        if result.success {
            return Ok(());
        }
        Err(SessionError::Refused {
            method: methods::SessionAbort::NAME.to_owned(),
            code: 0,
            message: result.error.unwrap_or_else(|| "no reason given".to_owned()),
            data: None,
        })
    }

    /// Puts the agent into a mode.
    pub async fn set_mode(&self, mode: SessionMode) -> Result<(), SessionError> {
        if let SessionMode::Unknown(word) = &mode {
            return Err(SessionError::invalid("mode", format!("the CLI has no mode `{word}`")));
        }
        let params = SessionModeSetParams::new(self.id(), mode);
        self.call::<methods::SessionModeSet>(&params).await.map(drop)
    }

    /// The agent's mode.
    pub async fn mode(&self) -> Result<SessionMode, SessionError> {
        self.call::<methods::SessionModeGet>(&SessionRef::new(self.id())).await
    }

    /// Has the agent go on with another model. The CLI (1.0.102) takes any name; one that it does not know fails with
    /// the next message.
    pub async fn set_model(&self, model: impl Into<String>) -> Result<(), SessionError> {
        let params = SessionModelSwitchToParams::new(self.id(), model.into());
        self.call::<methods::SessionModelSwitchTo>(&params).await.map(drop)
    }

    /// Writes a line into the session's timeline, and with it an event; `ephemeral` lines are not stored.
    pub async fn log(&self, message: &str, ephemeral: bool) -> Result<(), SessionError> {
        let mut params = SessionLogParams::new(self.id(), message);
        params.ephemeral = Some(ephemeral);
        self.call::<methods::SessionLog>(&params).await.map(drop)
    }

    /// Answers a permission request. `false`: it is not open (any more); somebody answered first.
    pub async fn respond_permission(
        &self,
        request_id: &str,
        decision: PermissionDecision,
    ) -> Result<bool, SessionError> {
        answers::send_permission(&self.shared.line, self.id(), request_id, &decision).await
    }

    /// Answers a question of the agent's. `false`: it is not open (any more).
    pub async fn respond_user_input(
        &self,
        request_id: &str,
        answer: impl Into<String>,
        was_freeform: bool,
    ) -> Result<bool, SessionError> {
        let answer = UserAnswer { answer: answer.into(), was_freeform };
        answers::send_user_input(&self.shared.line, self.id(), request_id, &answer).await
    }

    /// Answers a form. `false`: it is not open (any more).
    pub async fn respond_elicitation(&self, request_id: &str, answer: ElicitationAnswer) -> Result<bool, SessionError> {
        answers::send_elicitation(&self.shared.line, self.id(), request_id, &answer).await
    }

    /// Answers a plan. `false`: it is not open (any more).
    pub async fn respond_plan(&self, request_id: &str, decision: PlanDecision) -> Result<bool, SessionError> {
        answers::send_plan(&self.shared.line, self.id(), request_id, &decision).await
    }

    /// Answers a call of a client's tool. `false`: it is not open (any more).
    pub async fn respond_tool(&self, request_id: &str, result: impl Into<ToolResult>) -> Result<bool, SessionError> {
        answers::send_tool(&self.shared.line, self.id(), request_id, result.into()).await
    }

    /// Answers an offer to go on with another model. `false`: it is not open (any more).
    pub async fn respond_auto_mode(&self, request_id: &str, answer: AutoModeAnswer) -> Result<bool, SessionError> {
        answers::send_auto_mode(&self.shared.line, self.id(), request_id, answer).await
    }

    /// Answers what to do about a limit that is used up. `false`: it is not open (any more).
    pub async fn respond_limits(&self, request_id: &str, answer: LimitsAnswer) -> Result<bool, SessionError> {
        answers::send_limits(&self.shared.line, self.id(), request_id, answer).await
    }

    /// Calls any method. The session's id is to be in the params.
    pub async fn call<M: Method>(&self, params: &M::Params) -> Result<M::Output, SessionError> {
        let failed = |error| SessionError::from_call(M::NAME, Some(self.id()), error);
        answers::check_call(M::NAME, params)?;
        self.shared.line.call(M::NAME, params).await.map_err(failed)
    }

    /// Whether it is over for this client.
    pub fn is_over(&self) -> bool {
        self.shared.feed.is_closed()
    }

    /// Ends the session: its tools stop, its files stay, so that it can be resumed. Streams end once they have read its
    /// last events. Doing it again is harmless.
    pub async fn destroy(&self) -> Result<(), SessionError> {
        destroy(&self.client, &self.shared).await
    }
}

/// Ends a session at the server and here.
pub(crate) fn destroy<'a>(client: &'a ClientInner, shared: &'a Arc<Shared>) -> BoxFuture<'a, Result<(), SessionError>> {
    Box::pin(destroying(client, shared))
}

async fn destroying(client: &ClientInner, shared: &Arc<Shared>) -> Result<(), SessionError> {
    if shared.feed.is_closed() {
        return Ok(());
    }
    let method = methods::SessionDestroy::NAME;
    let result = shared.line.call::<serde_json::Value>(method, &SessionRef::new(shared.id.as_str())).await;
    if result.is_ok() {
        let mut shut_down = shared.shut_down.subscribe();
        let _ = tokio::time::timeout(LAST_EVENTS, shut_down.wait_for(|seen| *seen)).await;
    }
    client.router.remove(&shared.id);
    shared.close();
    match result {
        Ok(_) => Ok(()),
        Err(error) => match SessionError::from_call(method, Some(&shared.id), error) {
            SessionError::SessionNotFound { .. } => Ok(()),
            error => Err(error),
        },
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id()).finish_non_exhaustive()
    }
}

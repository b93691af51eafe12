//! Commands come in from viewers and go out to exporters.

use std::sync::Arc;
use std::time::Duration;

use groundlink_protocol::api::{CommandAction, CommandIntent, CommandReceipt, RequestKind, SessionStatus};
use groundlink_protocol::mc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Inner, Live, bump, now};
use crate::ledger::{Answer, CommandKind, Entry, NewCommand, Refusal};
use crate::store::SessionUpdate;

/// Why a command is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    #[error("this request is not open (any more): it was answered, or the turn is over")]
    NotPending,
    #[error("this request wants another kind of answer: `{0}`")]
    WrongKind(&'static str),
    #[error("another answer to this request is on its way")]
    AlreadyAnswering,
    #[error("too many commands are waiting; wait until the session has fetched some, or stop the turn")]
    TooMany,
    #[error("this session can be watched but not steered")]
    NotSteerable,
    #[error("this session has ended")]
    Ended,
    #[error("the hub could not store the command")]
    Store(#[from] sqlx::Error),
}

/// Commands on their way to an exporter. Dropped before [`HandOut::sent`], they go back: the client hung up.
pub(crate) struct HandOut {
    live: Arc<Live>,
    entries: Vec<Entry>,
}

impl HandOut {
    /// The wire's form of the commands, for an answer that is sent now.
    pub(crate) fn sent(mut self) -> Vec<mc::Command> {
        std::mem::take(&mut self.entries)
            .into_iter()
            .map(|e| mc::Command::new(e.id, mc::CommandState::InProgress, e.kind.as_str(), e.content))
            .collect()
    }
}

impl Drop for HandOut {
    fn drop(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        {
            let mut inner = self.live.lock();
            for entry in &self.entries {
                inner.ledger.release(&entry.id);
            }
        }
        bump(&self.live.commands);
    }
}

/// An exporter that waits for commands.
struct PollerGuard<'a>(&'a Live);

impl<'a> PollerGuard<'a> {
    fn new(live: &'a Live) -> Self {
        live.lock().pollers += 1;
        Self(live)
    }
}

impl Drop for PollerGuard<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.pollers = inner.pollers.saturating_sub(1);
        inner.last_seen = inner.last_seen.max(Some(now()));
    }
}

impl Live {
    /// Accepts a command. `true`: it is new; `false`: the client had sent it before.
    pub(crate) async fn submit(self: Arc<Self>, intent: CommandIntent) -> Result<(CommandReceipt, bool), SubmitError> {
        let task = tokio::spawn(async move { self.apply_submit(intent).await });
        task.await.unwrap_or_else(|error| Err(SubmitError::Store(sqlx::Error::Protocol(error.to_string()))))
    }

    async fn apply_submit(&self, intent: CommandIntent) -> Result<(CommandReceipt, bool), SubmitError> {
        let _order = self.order.lock().await;
        let known = self.lock().ledger.get_by_client(&intent.client_id).map(Entry::receipt);
        let known = match known {
            Some(receipt) => Some(receipt),
            None => self.store.command_by_client(self.n, &intent.client_id).await?.map(|e| e.receipt()),
        };
        if let Some(receipt) = known {
            return Ok((receipt, false));
        }
        let entry = {
            let mut inner = self.lock();
            let command = prepare(&inner, intent)?;
            let entry = inner.ledger.accept(command, now()).map_err(SubmitError::from)?.clone();
            inner.used_at = now();
            entry
        };
        let receipt = entry.receipt();
        if let Err(error) = self.store.put_commands(self.n, vec![entry.clone()]).await {
            self.lock().ledger.forget(&entry.id);
            return Err(error.into());
        }
        let changes = Self::note_changes(&mut self.lock());
        self.store_changes(changes.into_iter().filter(|e| *e != entry).collect()).await?;
        self.wake_all();
        bump(&self.commands);
        Ok((receipt, true))
    }

    /// Waits for commands to hand out, for at most `hold`. `None`: there was nothing.
    pub(crate) async fn poll(
        self: &Arc<Self>,
        hold: Duration,
        shutdown: &CancellationToken,
    ) -> sqlx::Result<Option<HandOut>> {
        let deadline = Instant::now() + hold;
        let _poller = PollerGuard::new(self);
        let mut news = self.commands.subscribe();
        self.note_poll().await?;
        loop {
            news.borrow_and_update();
            if let Some(hand_out) = self.take().await? {
                return Ok(Some(hand_out));
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(None),
                () = tokio::time::sleep_until(deadline) => return Ok(None),
                changed = news.changed() => if changed.is_err() { return Ok(None) },
            }
        }
    }

    /// Who asks for commands takes them.
    async fn note_poll(&self) -> sqlx::Result<()> {
        self.touch().await?;
        let first = !std::mem::replace(&mut self.lock().polled, true);
        if first {
            let update = SessionUpdate { steerable: Some(true), ..SessionUpdate::default() };
            self.store.update_session(self.n, update).await?;
            self.wake_all();
        }
        Ok(())
    }

    async fn take(self: &Arc<Self>) -> sqlx::Result<Option<HandOut>> {
        let _order = self.order.lock().await;
        let (hand_out, changes) = {
            let mut inner = self.lock();
            let entries = inner.ledger.take(now());
            // From here on a hang-up gives them back.
            (HandOut { live: self.clone(), entries }, Self::note_changes(&mut inner))
        };
        if !changes.is_empty() {
            self.store_changes(changes).await?;
            self.wake_all();
        }
        Ok((!hand_out.entries.is_empty()).then_some(hand_out))
    }
}

impl From<Refusal> for SubmitError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::AlreadyAnswering => Self::AlreadyAnswering,
            Refusal::TooMany => Self::TooMany,
        }
    }
}

/// Checks a command against the session's state, and words it for the exporter.
fn prepare(inner: &Inner, intent: CommandIntent) -> Result<NewCommand, SubmitError> {
    if inner.status() == SessionStatus::Ended {
        return Err(SubmitError::Ended);
    }
    if !inner.steerable() {
        return Err(SubmitError::NotSteerable);
    }
    let mut request_id = None;
    let mut tool_call_id = None;
    if let Some(named) = intent.action.request_id() {
        let request = inner.state.request(named).ok_or(SubmitError::NotPending)?;
        let wanted = match request.kind {
            RequestKind::Permission => CommandKind::PermissionResponse,
            RequestKind::UserInput => CommandKind::AskUserResponse,
            RequestKind::Elicitation => CommandKind::ElicitationResponse,
            _ => CommandKind::PlanApprovalResponse,
        };
        // The CLI would drop it without a word.
        if wanted.as_str() != intent.action.kind() {
            return Err(SubmitError::WrongKind(wanted.as_str()));
        }
        request_id = Some(request.request_id.clone());
        tool_call_id.clone_from(&request.tool_call_id);
    }
    let prompt = request_id.clone().unwrap_or_default();
    let (kind, content, answer) = word(intent.action, prompt);
    Ok(NewCommand {
        id: uuid::Uuid::new_v4().to_string(),
        client_id: intent.client_id,
        kind,
        content,
        request_id,
        tool_call_id,
        answer,
        at_seq: inner.last_seq,
    })
}

/// The exporter's words for an action, and the outcome that it should have.
fn word(action: CommandAction, prompt: String) -> (CommandKind, String, Option<Answer>) {
    match action {
        CommandAction::UserMessage { content } => (CommandKind::UserMessage, content, None),
        CommandAction::ModeSwitch { mode } => {
            let content = json(&mc::ModeSwitch::new(mode.as_str()));
            (CommandKind::ModeSwitch, content, Some(Answer::Word(mode)))
        }
        CommandAction::PermissionResponse { approved, scope, feedback, .. } => {
            let content = mc::PermissionResponse {
                approved: Some(approved),
                scope: scope.as_deref().map(Into::into),
                feedback,
                ..mc::PermissionResponse::new(prompt)
            };
            (CommandKind::PermissionResponse, json(&content), Some(Answer::Approved(approved)))
        }
        CommandAction::AskUserResponse { answer, freeform, .. } => {
            let content = mc::AskUserResponse {
                answer: Some(answer.clone()),
                was_freeform: Some(freeform),
                ..mc::AskUserResponse::new(prompt)
            };
            (CommandKind::AskUserResponse, json(&content), Some(Answer::Word(answer)))
        }
        CommandAction::ElicitationResponse { action, content, .. } => {
            let content = mc::ElicitationResponse {
                content: content.as_ref().and_then(|value| serde_json::value::to_raw_value(value).ok()),
                ..mc::ElicitationResponse::new(prompt, action.as_str())
            };
            (CommandKind::ElicitationResponse, json(&content), Some(Answer::Word(action)))
        }
        CommandAction::PlanApprovalResponse { approved, selected_action, feedback, .. } => {
            let content = mc::PlanApprovalResponse {
                approved: Some(approved),
                selected_action: selected_action.as_deref().map(Into::into),
                feedback,
                ..mc::PlanApprovalResponse::new(prompt)
            };
            (CommandKind::PlanApprovalResponse, json(&content), Some(Answer::Approved(approved)))
        }
        // `Abort`, and what a newer protocol may add and this hub does not accept.
        _ => (CommandKind::Abort, String::new(), None),
    }
}

fn json(content: &impl serde::Serialize) -> String {
    serde_json::to_string(content).unwrap_or_default()
}

//! Commands come in from viewers and go out to exporters.

use std::sync::Arc;
use std::time::Duration;

use groundlink_protocol::api::{
    AuditEntry, CommandAction, CommandEdit, CommandIntent, CommandReceipt, CommandState, Delivery, Device, RequestKind,
    SessionStatus,
};
use groundlink_protocol::mc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Inner, Live, bump, now};
use crate::ledger::{Answer, CommandKind, Entry, Fixed, NewCommand, Refusal, start_of};
use crate::store::SessionUpdate;

/// Why a command is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    #[error("this request is not open (any more): it was answered, or the turn is over")]
    NotPending,
    #[error("this request wants another kind of answer: `{0}`")]
    WrongKind(&'static str),
    #[error("this request is not the one that was shown: look at it again, and answer what it asks now")]
    DigestMismatch,
    #[error("this does not fit the form: {0}")]
    DoesNotFit(String),
    #[error("another answer to this request is on its way")]
    AlreadyAnswering,
    #[error("too many commands are waiting; wait until the session has fetched some, or stop the turn")]
    TooMany,
    #[error("this session can be watched but not steered")]
    NotSteerable,
    #[error("this session's exporter does not know the command `{0}`")]
    NotSupported(&'static str),
    #[error("this session has ended")]
    Ended,
    #[error("{0}")]
    NotQueued(&'static str),
    #[error("there is no such command")]
    NoSuchCommand,
    #[error("the hub could not store the command")]
    Store(#[from] sqlx::Error),
}

/// Commands on their way to an exporter. Dropped before [`HandOut::sent`], they go back: the client hung up.
pub(crate) struct HandOut {
    live: Arc<Live>,
    entries: Vec<Entry>,
    /// The exporter is one of ours and reads more than the CLI does.
    ours: bool,
}

impl HandOut {
    /// The wire's form of the commands, for an answer that is sent now.
    pub(crate) fn sent(mut self) -> Vec<mc::Command> {
        let ours = self.ours;
        std::mem::take(&mut self.entries)
            .into_iter()
            .map(|e| {
                let is_message = e.kind == CommandKind::UserMessage;
                let delivery = (ours && is_message).then(|| e.delivery.as_str().to_owned());
                let command = mc::Command::new(e.id, mc::CommandState::InProgress, e.kind.as_str(), e.content);
                mc::Command { delivery, ..command }
            })
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
        let refused = Refused::of(&intent);
        let accepted = {
            let mut inner = self.lock();
            inner.used_at = now();
            prepare(&inner, intent).and_then(|command| Ok(inner.ledger.accept(command, now())?.clone()))
        };
        let entry = match accepted {
            Ok(entry) => entry,
            Err(error) => {
                self.store.audit(self.n, refused.line(&error)).await?;
                return Err(error);
            }
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

    /// Gives a message that still waits other words.
    pub(crate) async fn edit(self: Arc<Self>, id: String, edit: CommandEdit) -> Result<CommandReceipt, SubmitError> {
        self.change(id, move |inner, id| inner.ledger.edit(id, edit.content, edit.device).cloned()).await
    }

    /// Takes a command back that still waits.
    pub(crate) async fn cancel(
        self: Arc<Self>,
        id: String,
        device: Option<Device>,
    ) -> Result<CommandReceipt, SubmitError> {
        self.change(id, move |inner, id| inner.ledger.cancel(id, device, now()).cloned()).await
    }

    async fn change(
        self: Arc<Self>,
        id: String,
        change: impl FnOnce(&mut Inner, &str) -> Result<Entry, Fixed> + Send + 'static,
    ) -> Result<CommandReceipt, SubmitError> {
        let task = tokio::spawn(async move {
            let _order = self.order.lock().await;
            let (before, after) = {
                let mut inner = self.lock();
                let before = inner.ledger.get(&id).cloned();
                (before, change(&mut inner, &id))
            };
            let after = match (before, after) {
                (Some(before), Ok(after)) => {
                    if let Err(error) = self.store.put_commands(self.n, vec![after.clone()]).await {
                        self.lock().ledger.undo(before);
                        return Err(error.into());
                    }
                    after
                }
                (None, _) | (_, Err(Fixed::NotThere)) => {
                    let known = self.store.command(self.n, &id).await?;
                    return Err(known.map_or(SubmitError::NoSuchCommand, |e| Fixed::Ended(e.state).into()));
                }
                (_, Err(fixed)) => return Err(fixed.into()),
            };
            let changes = Self::note_changes(&mut self.lock());
            self.store_changes(changes).await?;
            self.wake_all();
            bump(&self.commands);
            Ok(after.receipt())
        });
        task.await.unwrap_or_else(|error| Err(SubmitError::Store(sqlx::Error::Protocol(error.to_string()))))
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
        let first = {
            let mut inner = self.lock();
            let first = !std::mem::replace(&mut inner.polled, true);
            if first {
                inner.tell_state(now());
            }
            first
        };
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
            let ours = inner.exporter.is_some();
            // From here on a hang-up gives them back.
            (HandOut { live: self.clone(), entries, ours }, Self::note_changes(&mut inner))
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

impl From<Fixed> for SubmitError {
    fn from(fixed: Fixed) -> Self {
        use CommandState::{Applied, Cancelled};
        match fixed {
            Fixed::NotThere => Self::NoSuchCommand,
            Fixed::NoMessage => Self::NotQueued("only a message has words to change"),
            Fixed::Delivered => Self::NotQueued("the session has fetched it already"),
            Fixed::Ended(Applied) => Self::NotQueued("the agent has it already"),
            Fixed::Ended(Cancelled) => Self::NotQueued("it was taken back already"),
            Fixed::Ended(_) => Self::NotQueued("it is over: its receipt says how it ended"),
        }
    }
}

/// What the audit says of a command that is not accepted.
struct Refused {
    kind: &'static str,
    device: Option<Device>,
    request_id: Option<String>,
    subject: Option<String>,
}

impl Refused {
    fn of(intent: &CommandIntent) -> Self {
        Self {
            kind: intent.action.kind(),
            device: intent.device.clone(),
            request_id: intent.action.request_id().map(start_of),
            subject: subject(&intent.action, None),
        }
    }

    fn line(self, error: &SubmitError) -> AuditEntry {
        AuditEntry {
            n: 0,
            at_ms: now(),
            outcome: "refused".to_owned(),
            command: None,
            kind: self.kind.to_owned(),
            device: self.device,
            request_id: self.request_id,
            subject: self.subject,
            reason: Some(error.to_string()),
        }
    }
}

/// What a command is about, for people: the beginning of a message, or the answer and what was asked.
fn subject(action: &CommandAction, asked: Option<&str>) -> Option<String> {
    let yes = |approved: bool| if approved { "approved" } else { "denied" };
    let answer = match action {
        CommandAction::UserMessage { content, .. } => return Some(start_of(content)),
        CommandAction::ModeSwitch { mode: word } | CommandAction::ModelSwitch { model: word } => {
            return Some(start_of(word));
        }
        CommandAction::PermissionResponse { approved, scope, .. } => match scope.as_deref() {
            Some("session") if *approved => "approved for this session".to_owned(),
            _ => yes(*approved).to_owned(),
        },
        CommandAction::PlanApprovalResponse { approved, .. } => yes(*approved).to_owned(),
        CommandAction::AskUserResponse { answer, .. } => format!("answered \u{201c}{}\u{201d}", start_of(answer)),
        CommandAction::ElicitationResponse { action, .. } => action.clone(),
        _ => return None,
    };
    Some(asked.map_or(answer.clone(), |asked| format!("{answer}: {}", start_of(asked))))
}

/// Checks a command against the session's state, and words it for the exporter.
fn prepare(inner: &Inner, intent: CommandIntent) -> Result<NewCommand, SubmitError> {
    if inner.status() == SessionStatus::Ended {
        return Err(SubmitError::Ended);
    }
    if !inner.steerable() {
        return Err(SubmitError::NotSteerable);
    }
    if matches!(intent.action, CommandAction::ModelSwitch { .. }) && !inner.takes(&mc::CommandType::ModelSwitch) {
        return Err(SubmitError::NotSupported("model_switch"));
    }
    let mut request_id = None;
    let mut tool_call_id = None;
    let mut asked = None;
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
        if intent.digest.as_ref().is_some_and(|seen| *seen != request.digest) {
            return Err(SubmitError::DigestMismatch);
        }
        if let CommandAction::ElicitationResponse { action, content: Some(content), .. } = &intent.action
            && action == "accept"
        {
            inner.view.check_form(named, content).map_err(SubmitError::DoesNotFit)?;
        }
        asked = Some(request.detail.as_deref().unwrap_or(&request.summary));
        request_id = Some(request.request_id.clone());
        tool_call_id.clone_from(&request.tool_call_id);
    }
    let prompt = request_id.clone().unwrap_or_default();
    let subject = subject(&intent.action, asked);
    let delivery = match &intent.action {
        CommandAction::UserMessage { delivery, .. } => *delivery,
        _ => Delivery::Steer,
    };
    // The CLI cannot pass the words of a refusal on; they follow it as a message.
    let follow = match &intent.action {
        CommandAction::PermissionResponse { approved: false, feedback: Some(words), .. }
            if !words.trim().is_empty() && !inner.view.takes_feedback() =>
        {
            Some(words.clone())
        }
        _ => None,
    };
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
        delivery,
        device: intent.device,
        subject,
        follow,
    })
}

/// The exporter's words for an action, and the outcome that it should have.
fn word(action: CommandAction, prompt: String) -> (CommandKind, String, Option<Answer>) {
    match action {
        CommandAction::UserMessage { content, .. } => (CommandKind::UserMessage, content, None),
        CommandAction::ModeSwitch { mode } => {
            let content = json(&mc::ModeSwitch::new(mode.as_str()));
            (CommandKind::ModeSwitch, content, Some(Answer::Word(mode)))
        }
        CommandAction::ModelSwitch { model } => {
            let content = json(&mc::ModelSwitch::new(model.as_str()));
            (CommandKind::ModelSwitch, content, Some(Answer::Word(model)))
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

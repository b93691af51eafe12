//! The bridge's port on a real session. It keeps no CLI alive: a bridge is there for its session, not the other way
//! round.

use futures::stream::{BoxStream, StreamExt as _};
use groundlink_protocol::mc::ModelChoice;
use groundlink_protocol::types::{
    AbortReason, SessionAbortParams, SessionEventLogReadParams, SessionModelListParams, SessionModelSwitchToParams,
};
use groundlink_protocol::{Event, methods};
use groundlink_session::{EventItem, Message, SecretString, SendMode, Session, SessionError, WeakSession};

use super::command::Action;
use super::port::{Heard, LogError, LogPage, Port};
use super::queued;

/// Events a page of the log: outputs of tools are large, and a page is in memory at once.
const PAGE: u64 = 200;
/// Models offered at the other end; a list that is longer helps nobody.
const MODELS: usize = 100;

/// Why nothing can be asked of the session any more.
const GONE: &str = "the program has let go of the session's client";

impl Port for WeakSession {
    fn session_id(&self) -> String {
        self.id().to_owned()
    }

    fn secrets_given(&self, known: usize) -> Vec<SecretString> {
        self.upgrade().map(|session| session.secrets_given(known)).unwrap_or_default()
    }

    fn events(&self) -> BoxStream<'static, Heard> {
        let Some(session) = self.upgrade() else { return futures::stream::empty().boxed() };
        session
            .subscribe()
            .map(|item| match item {
                EventItem::Event(event) => Heard::Event(event),
                // Shed deltas come again in the event that ends them.
                EventItem::Lagged(lagged) => Heard::Lost(lagged.lost),
            })
            .boxed()
    }

    /// Ephemeral events included: a question that is open at this moment is one.
    async fn log(&self, cursor: Option<String>) -> Result<LogPage, LogError> {
        let Some(session) = self.upgrade() else { return Err(LogError::Gone(GONE.to_owned())) };
        let params = SessionEventLogReadParams {
            cursor,
            max: Some(PAGE),
            include_ephemeral: Some(true),
            ..SessionEventLogReadParams::new(self.id())
        };
        match session.call::<methods::SessionEventLogRead>(&params).await {
            Ok(page) => Ok(LogPage {
                events: page.events.into_iter().filter_map(readable).collect(),
                cursor: Some(page.cursor),
                more: page.has_more,
            }),
            Err(error) if session.is_over() || is_gone(&error) => Err(LogError::Gone(error.to_string())),
            Err(error) => Err(LogError::Passing(error.to_string())),
        }
    }

    async fn models(&self) -> Vec<ModelChoice> {
        let Some(session) = self.upgrade() else { return Vec::new() };
        let params = SessionModelListParams::new(self.id());
        let models = session.call::<methods::SessionModelList>(&params).await;
        let models = models.inspect_err(|error| tracing::debug!(%error, "the session has no list of models"));
        let list = models.map(|models| models.list).unwrap_or_default();
        list.iter().filter_map(|model| choice(model.get())).take(MODELS).collect()
    }

    async fn apply(&self, action: Action) -> Result<(), String> {
        let session: Session = self.upgrade().ok_or(GONE)?;
        // A request that is answered, withdrawn or unknown: the CLI does not tell them apart.
        let still_open = |open: bool| {
            if open { Ok(()) } else { Err("it is no longer pending: it was answered or withdrawn before".to_owned()) }
        };
        let failed = |error: SessionError| error.to_string();
        match action {
            Action::Send { text, source, enqueue } => {
                let mode = if enqueue { queued::mode(&session).await } else { SendMode::Immediate };
                let message = Message::text(text).mode(mode).source(source);
                session.send(message).await.map(drop).map_err(failed)
            }
            Action::Abort => {
                let params = SessionAbortParams {
                    reason: Some(AbortReason::RemoteCommand),
                    ..SessionAbortParams::new(self.id())
                };
                let aborted = session.call::<methods::SessionAbort>(&params).await.map_err(failed)?;
                if aborted.success {
                    return Ok(());
                }
                Err(aborted.error.unwrap_or_else(|| "the session did not abort, and did not say why".to_owned()))
            }
            Action::SetMode(mode) => session.set_mode(mode).await.map_err(failed),
            Action::SetModel(model) => {
                let params = SessionModelSwitchToParams::new(self.id(), model.as_str());
                let switched = session.call::<methods::SessionModelSwitchTo>(&params).await.map_err(failed)?;
                if switched.model_id.as_deref() == Some(model.as_str()) {
                    return Ok(());
                }
                Err(switched.message.unwrap_or_else(|| "the model was not changed, and nobody said why".to_owned()))
            }
            Action::Permission { request_id, decision } => {
                still_open(session.respond_permission(&request_id, decision).await.map_err(failed)?)
            }
            Action::UserInput { request_id, answer } => still_open(
                session.respond_user_input(&request_id, answer.answer, answer.was_freeform).await.map_err(failed)?,
            ),
            Action::Elicitation { request_id, answer } => {
                still_open(session.respond_elicitation(&request_id, answer).await.map_err(failed)?)
            }
            Action::Plan { request_id, decision } => {
                still_open(session.respond_plan(&request_id, decision).await.map_err(failed)?)
            }
        }
    }
}

fn choice(model: &str) -> Option<ModelChoice> {
    #[derive(serde::Deserialize)]
    struct Model {
        id: String,
        name: Option<String>,
    }
    let Model { id, name } = serde_json::from_str(model).ok()?;
    let mut choice = ModelChoice::new(id);
    choice.name = name;
    Some(choice)
}

/// An event without an envelope has no id, so nobody could ever speak of it.
fn readable(raw: groundlink_protocol::RawJson) -> Option<Event> {
    Event::from_raw(raw).inspect_err(|error| tracing::warn!(%error, "an event in the session's log is unreadable")).ok()
}

fn is_gone(error: &SessionError) -> bool {
    error.is_closed() || matches!(error, SessionError::SessionNotFound { .. })
}

//! Where what the server sends goes: events to their sessions, requests to their answers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use groundlink_protocol::types::SessionLifecycleParams;
use groundlink_protocol::{Event, Method as _, Notification as _, RawJson, notifications, requests};
use groundlink_transport::{ErrorObject, HandlerFuture, Notification, PeerBuilder, Request};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{broadcast, watch};

use crate::asks;
use crate::fs::{Files, serve as fs};
use crate::handlers::hooks::{self, HookInput as _};
use crate::handlers::{ClientHandlers, Deadlines, Frames, HandlerKind as Kind};
use crate::line::Line;
use crate::models;
use crate::serve;
use crate::shared::Shared;
use crate::stored;

/// The sessions of one client, over all of its connections.
pub(crate) struct Router {
    /// The connection in use.
    pub(crate) line: Arc<Line>,
    /// Sessions that come, change and go.
    pub(crate) lifecycle: broadcast::Sender<SessionLifecycleParams>,
    /// Who keeps the sessions' files, if not the CLI, and how long each call may take.
    pub(crate) files: OnceLock<Files>,
    /// What the client answers for no session in particular.
    handlers: ClientHandlers,
    /// Requests to models, where this program answers them.
    pub(crate) models: Option<Arc<dyn Frames>>,
    sessions: Mutex<HashMap<String, Arc<Shared>>>,
    /// Counts changes of the list of sessions.
    changed: watch::Sender<u64>,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("sessions", &self.lock().len()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventParams<'a> {
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// The fields that tell which question a direct request is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Direct {
    session_id: String,
    question: String,
    summary: String,
}

/// The fields that tell which session a request is for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OfSession {
    session_id: String,
    registration_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HookParams<'a> {
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(borrow)]
    hook_type: Cow<'a, str>,
    #[serde(borrow)]
    input: &'a RawValue,
}

impl Router {
    pub(crate) fn new(line: Line, handlers: ClientHandlers) -> Self {
        let line = Arc::new(line);
        let deadline = handlers.deadlines.of(Kind::ModelRequest);
        Self {
            models: handlers.models.as_ref().map(|make| make(deadline, Arc::clone(&line))),
            line,
            lifecycle: stored::changes(),
            files: OnceLock::new(),
            handlers,
            sessions: Mutex::default(),
            changed: watch::Sender::default(),
        }
    }

    /// Connects the router to a peer that is about to be built.
    pub(crate) fn wire(self: &Arc<Self>, builder: PeerBuilder) -> PeerBuilder {
        let (events, asks) = (Arc::clone(self), Arc::clone(self));
        builder
            .fast_path(notifications::SessionEvent::NAME)
            .on_notification(move |notification| events.on_notification(&notification))
            .on_request(move |request| asks.on_request(&request))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Shared>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Shared>> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Shared>> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn deadlines(&self) -> &Deadlines {
        &self.handlers.deadlines
    }

    /// Registers a session; `false` when there is one of that id.
    pub(crate) fn add(&self, shared: &Arc<Shared>) -> bool {
        let mut sessions = self.lock();
        if sessions.contains_key(&shared.id) {
            return false;
        }
        sessions.insert(shared.id.clone(), Arc::clone(shared));
        drop(sessions);
        self.changed.send_modify(|count| *count += 1);
        true
    }

    pub(crate) fn remove(&self, id: &str) {
        self.lock().remove(id);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Wakes when a session has come or gone. Ends with the router.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The connection has ended for good: so have all sessions, as far as this client can tell.
    pub(crate) fn close(&self) {
        for shared in self.all() {
            shared.close();
        }
        if let Some(models) = &self.models {
            models.clear();
        }
    }

    fn on_notification(&self, notification: &Notification) {
        match notification.method() {
            notifications::SessionEvent::NAME => {}
            notifications::SessionLifecycle::NAME => {
                if let Ok(change) = notification.parse::<SessionLifecycleParams>() {
                    // Nobody need listen.
                    let _ = self.lifecycle.send(change);
                }
                return;
            }
            _ => return,
        }
        let params: EventParams<'_> = match notification.parse() {
            Ok(params) => params,
            Err(error) => return tracing::warn!(%error, "an event notification is unreadable"),
        };
        let Some(shared) = self.get(&params.session_id) else { return };
        match Event::from_raw(params.event.to_owned()) {
            Ok(event) => shared.take_in(event),
            Err(error) => tracing::warn!(session = %shared.id, %error, "an event is unreadable"),
        }
    }

    fn on_request(&self, request: &Request) -> HandlerFuture {
        match request.method() {
            requests::HooksInvoke::NAME => self.hook(request),
            requests::UserInputRequest::NAME => self.hold(request, Kind::UserInput),
            requests::ExitPlanModeRequest::NAME => self.hold(request, Kind::Plan),
            requests::AutoModeSwitchRequest::NAME => self.hold(request, Kind::AutoModeSwitch),
            method => {
                if let Some(files) = self.files.get().filter(|_| method.starts_with(fs::PREFIX)) {
                    files(request)
                } else if let Some(family) = serve::family(method) {
                    self.of_session(family, request)
                } else if let Some(models) = self.models.as_ref().filter(|_| method.starts_with(models::PREFIX)) {
                    Arc::clone(models).take(request)
                } else {
                    serve::client(&self.handlers, request)
                }
            }
        }
    }

    /// The session that asks under a name of its own.
    fn registered(&self, registration: &str) -> Option<Arc<Shared>> {
        let fits = |shared: &&Arc<Shared>| shared.handlers.github_registration.as_deref() == Some(registration);
        self.lock().values().find(fits).cloned()
    }

    /// Has a request answered by what its session was given for it.
    fn of_session(&self, family: &'static str, request: &Request) -> HandlerFuture {
        let of: OfSession = match request.parse() {
            Ok(of) => of,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        let shared = match &of.registration_id {
            Some(registration) => self.registered(registration),
            None => self.get(&of.session_id),
        };
        let Some(shared) = shared else {
            let error = ErrorObject::invalid_params("no such session at this client");
            return Box::pin(async { Err(error) });
        };
        match shared.handlers.serves.get(family).copied() {
            Some(serve) => serve(shared, request),
            None => serve::unserved(family, request),
        }
    }

    /// Runs a hook. Whatever goes wrong is answered as the hook's type demands: an error would count as consent.
    fn hook(&self, request: &Request) -> HandlerFuture {
        let shared_and_params = request.parse::<HookParams<'_>>().map(|params| {
            let shared = self.get(&params.session_id);
            (shared, params.hook_type.into_owned(), params.input.to_owned())
        });
        Box::pin(async move {
            let output = match shared_and_params {
                Ok((Some(shared), hook_type, input)) => {
                    let handlers = Arc::clone(&shared.handlers);
                    let deadline = handlers.deadlines.of(Kind::Hook);
                    handlers.hooks.run(&hook_type, &shared.id, &input, deadline).await
                }
                // A session that this client does not know, or has closed: nobody here can say yes.
                Ok((None, hook_type, _)) => hooks::closed(&hook_type),
                Err(error) => {
                    tracing::error!(?error, "a hook's request is unreadable and is refused");
                    hooks::closed(hooks::PreToolUse::TYPE)
                }
            };
            let body = output.map_or_else(|| "{}".to_owned(), |output| format!(r#"{{"output":{}}}"#, output.get()));
            Ok(raw(body))
        })
    }

    /// Keeps a direct request open until its question has ended, however that comes about.
    fn hold(&self, request: &Request, kind: Kind) -> HandlerFuture {
        let direct: Direct = match request.parse() {
            Ok(direct) => direct,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        let Some(shared) = self.get(&direct.session_id) else {
            let error = ErrorObject::invalid_params("no such session at this client");
            return Box::pin(async { Err(error) });
        };
        let text = if kind == Kind::Plan { direct.summary } else { direct.question };
        let claimed = shared.questions.claim(kind, &text);
        Box::pin(async move {
            let claimed = match claimed {
                Some(answer) => Some(answer),
                None => shared.questions.claim_soon(kind, &text).await,
            };
            let Some(mut answer) = claimed else {
                // A server that sends no event: nobody could name the question, so nobody can answer.
                tracing::warn!(session = %shared.id, ?kind, "a question came without its event");
                return Ok(raw(asks::fallback(kind).to_owned()));
            };
            // From here on the session may go without waiting for this.
            drop(shared);
            let answer = answer.wait_for(Option::is_some).await.map(|answer| answer.clone());
            // The sender goes with the session: the server is told that nobody answers.
            let answer = answer.ok().flatten();
            Ok(raw(answer.unwrap_or_else(|| asks::fallback(kind).to_owned())))
        })
    }
}

/// Nobody here answers that.
pub(crate) fn absent(method: &str) -> HandlerFuture {
    let error = ErrorObject::method_not_found(method);
    Box::pin(async { Err(error) })
}

pub(crate) fn raw(json: String) -> RawJson {
    // Only text that this crate wrote comes here.
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

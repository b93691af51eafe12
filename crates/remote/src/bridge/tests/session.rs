//! A session that does what a test tells it.

use std::sync::{Arc, Mutex};

use futures::channel::mpsc;
use futures::stream::{BoxStream, StreamExt as _};
use groundlink_protocol::Event;
use groundlink_protocol::mc::ModelChoice;
use groundlink_session::SecretString;

use crate::bridge::command::Action;
use crate::bridge::port::{Heard, LogError, LogPage, Port};

/// Events a page of the log.
const PAGE: usize = 3;

#[derive(Clone, Default)]
pub(super) struct FakeSession(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    log: Vec<Event>,
    listeners: Vec<mpsc::UnboundedSender<Heard>>,
    applied: Vec<String>,
    refusal: Option<String>,
    log_trouble: u32,
    ended: bool,
    given: Vec<SecretString>,
}

impl FakeSession {
    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().expect("the lock"))
    }

    /// Something happens in the session. Returns the event's id.
    pub(super) fn say(&self, kind: &str, ephemeral: bool, data: &str) -> String {
        self.state(|state| {
            let id = format!("e{}", state.log.len() + 1);
            let flag = if ephemeral { r#""ephemeral":true,"# } else { "" };
            let text = format!(
                r#"{{"type":"{kind}","data":{data},"id":"{id}",{flag}"timestamp":"2026-01-01T00:00:00.000Z","parentId":null}}"#
            );
            let event = Event::parse(&text).expect("an event");
            state.log.push(event.clone());
            state.listeners.retain(|listener| listener.unbounded_send(Heard::Event(event.clone())).is_ok());
            id
        })
    }

    /// A handler gives the CLI a token.
    pub(super) fn give(&self, secret: &str) {
        self.state(|state| state.given.push(secret.into()));
    }

    pub(super) fn end(&self) {
        self.state(|state| {
            state.ended = true;
            state.listeners.clear();
        });
    }

    /// What was done with it, in `Debug` form.
    pub(super) fn applied(&self) -> Vec<String> {
        self.state(|state| state.applied.clone())
    }

    /// From now on, commands are refused.
    pub(super) fn refuse(&self, reason: &str) {
        self.state(|state| state.refusal = Some(reason.to_owned()));
    }

    /// The next so many readings of the log fail.
    pub(super) fn trouble_log(&self, times: u32) {
        self.state(|state| state.log_trouble = times);
    }
}

impl Port for FakeSession {
    fn secrets_given(&self, known: usize) -> Vec<SecretString> {
        self.state(|state| state.given.iter().skip(known).cloned().collect())
    }

    fn session_id(&self) -> String {
        "5e551011-0000-4000-8000-000000000001".to_owned()
    }

    fn events(&self) -> BoxStream<'static, Heard> {
        let (sender, receiver) = mpsc::unbounded();
        self.state(|state| {
            if !state.ended {
                state.listeners.push(sender);
            }
        });
        receiver.boxed()
    }

    async fn log(&self, cursor: Option<String>) -> Result<LogPage, LogError> {
        self.state(|state| {
            if state.ended {
                return Err(LogError::Gone("the session has ended".to_owned()));
            }
            if state.log_trouble > 0 {
                state.log_trouble -= 1;
                return Err(LogError::Passing("trouble".to_owned()));
            }
            let from: usize = cursor.map_or(0, |cursor| cursor.parse().expect("our own cursor"));
            let to = state.log.len().min(from + PAGE);
            Ok(LogPage {
                events: state.log[from..to].to_vec(),
                cursor: Some(to.to_string()),
                more: to < state.log.len(),
            })
        })
    }

    async fn models(&self) -> Vec<ModelChoice> {
        vec![ModelChoice::new("m1")]
    }

    async fn apply(&self, action: Action) -> Result<(), String> {
        self.state(|state| {
            if let Some(reason) = &state.refusal {
                return Err(reason.clone());
            }
            state.applied.push(format!("{action:?}"));
            Ok(())
        })
    }
}

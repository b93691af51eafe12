//! Canvases: pages that this program shows beside the conversation, and that the agent opens and works on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use groundlink_protocol::RawJson;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::closure::by_closure;
use crate::SessionError;

/// A kind of canvas that the agent may open, by its tool `open_canvas`; each time with an id of the agent's own.
#[derive(Clone)]
pub struct Canvas {
    pub(crate) id: String,
    pub(crate) wire: Value,
    actions: Vec<Value>,
    pub(crate) handler: Arc<dyn CanvasHandler>,
}

impl Canvas {
    /// A canvas by its id, what people read and what the model reads about it, and who shows it.
    pub fn new(
        id: impl Into<String>,
        display_name: impl Into<String>,
        description: impl Into<String>,
        handler: impl CanvasHandler,
    ) -> Self {
        let id = id.into();
        let wire = json!({"id": id, "displayName": display_name.into(), "description": description.into()});
        Self { id, wire, actions: Vec::new(), handler: Arc::new(handler) }
    }

    /// What the model is to give when it opens one: a JSON Schema.
    pub fn input(mut self, schema: &impl Serialize) -> Result<Self, SessionError> {
        self.wire["inputSchema"] = schema_of("canvas", schema)?;
        Ok(self)
    }

    /// Something that the agent can do with an open one, by its tool `invoke_canvas_action`.
    #[must_use]
    pub fn action(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.actions.push(json!({"name": name.into(), "description": description.into()}));
        self
    }

    /// The same, with what the model is to give: a JSON Schema.
    pub fn action_with(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        schema: &impl Serialize,
    ) -> Result<Self, SessionError> {
        let schema = schema_of("canvas action", schema)?;
        self.actions.push(json!({"name": name.into(), "description": description.into(), "inputSchema": schema}));
        Ok(self)
    }

    /// As the CLI wants it.
    pub(crate) fn declared(&self) -> RawJson {
        let mut wire = self.wire.clone();
        if !self.actions.is_empty() {
            wire["actions"] = self.actions.clone().into();
        }
        // Only text and JSON are in it.
        RawValue::from_string(wire.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

fn schema_of(field: &'static str, schema: &impl Serialize) -> Result<Value, SessionError> {
    match serde_json::to_value(schema) {
        Ok(schema @ Value::Object(_)) => Ok(schema),
        Ok(_) => Err(SessionError::invalid(field, "a JSON Schema is an object")),
        Err(error) => Err(SessionError::invalid(field, error.to_string())),
    }
}

impl fmt::Debug for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canvas").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is asked of an open canvas, or of one that is to be opened.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CanvasCall {
    /// The session.
    pub session_id: String,
    /// Which kind of canvas: the id that it was declared with.
    pub canvas_id: String,
    /// Which one of them. The same id again is the same canvas.
    pub instance_id: String,
    /// What is to be done, of [`CanvasHandler::act`]; else empty.
    #[serde(default, rename = "actionName")]
    pub action: String,
    /// What the model gave.
    pub input: Option<RawJson>,
}

/// How a canvas that was opened is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CanvasView {
    /// Where it can be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How it stands, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl CanvasView {
    /// One that is a page.
    pub fn page(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }

    /// Gives it a title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }
}

/// Shows canvases. A closure that opens one is a handler, too, of canvases without actions.
///
/// The model reads an error's words. One that panics or is past its [deadline](crate::Deadlines) is answered with an error.
#[async_trait]
pub trait CanvasHandler: Send + Sync + 'static {
    /// Opens a canvas, or brings it to the front if it is open.
    async fn open(&self, call: CanvasCall) -> Result<CanvasView, String>;

    /// Does something with an open one. What it gives is for the model.
    async fn act(&self, call: CanvasCall) -> Result<Value, String> {
        Err(format!("the canvas has no action `{}`", call.action))
    }

    /// It was closed.
    async fn close(&self, _call: CanvasCall) {}
}

by_closure!(CanvasHandler.open: CanvasCall => Result<CanvasView, String>);

/// A session's canvases by their ids.
pub(crate) type Canvases = BTreeMap<String, Arc<dyn CanvasHandler>>;

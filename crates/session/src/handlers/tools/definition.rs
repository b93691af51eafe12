//! What a tool is.

use std::sync::Arc;

use async_trait::async_trait;
use groundlink_protocol::types;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ToolCall, ToolHandler, ToolResult};
use crate::SessionError;

/// A tool that this program offers to the agent.
///
/// ```
/// use groundlink_session::{Tool, ToolCall};
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
/// let weather = Tool::new("lookup_weather", "The weather of a city")
///     .parameters(&schema)?
///     .skip_permission(true)
///     .handler(|call: ToolCall| async move {
///         let arguments: serde_json::Value = call.arguments()?;
///         Ok::<_, groundlink_session::SessionError>(format!("Sunny in {}", arguments["city"]))
///     });
/// # Ok::<(), groundlink_session::SessionError>(())
/// ```
///
/// With the feature `schemars`, `Tool::typed` takes name, description and a closure whose first argument is a struct;
/// schema and arguments are made from it.
#[derive(Clone)]
pub struct Tool {
    pub(crate) wire: types::Tool,
    pub(crate) handler: Option<Arc<dyn ToolHandler>>,
}

/// Whether a tool may be left out of the model's list until it is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolDefer {
    /// The CLI decides, by the number of tools.
    Auto,
    /// Always in the list.
    Never,
}

impl Tool {
    /// A tool by name (letters, digits, `_`, `-`) and what the model is told about it. Without a
    /// [`handler`](Self::handler) its calls stay open until some client answers them by call
    /// ([`Session::respond_tool`](crate::Session::respond_tool)).
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        let mut wire = types::Tool::new(name);
        wire.description = Some(description.into());
        Self { wire, handler: None }
    }

    /// A tool with parameters of type `P`; the schema comes from it. Arguments that do not fit make the call fail, and
    /// the model is told why.
    ///
    /// ```
    /// # use groundlink_session::{Tool, ToolCall, schemars};
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Weather {
    ///     /// The city's name.
    ///     city: String,
    /// }
    ///
    /// let tool = Tool::typed("weather", "The weather of a city", |weather: Weather, _call: ToolCall| async move {
    ///     format!("Sunny in {}", weather.city)
    /// });
    /// ```
    #[cfg(feature = "schemars")]
    pub fn typed<P>(name: impl Into<String>, description: impl Into<String>, run: impl TypedTool<P>) -> Self
    where
        P: DeserializeOwned + schemars::JsonSchema + Send + 'static,
    {
        let mut tool = Self::new(name, description);
        // Models want the types of fields in place, not references.
        let settings = schemars::generate::SchemaSettings::draft07().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let schema = settings.into_generator().into_root_schema_for::<P>();
        tool.wire.parameters = serde_json::value::to_raw_value(&schema).ok();
        tool.typed_handler(run)
    }

    /// The parameters, as a JSON Schema of type `object`.
    pub fn parameters(mut self, schema: &impl Serialize) -> Result<Self, SessionError> {
        let invalid = |reason: String| SessionError::invalid("parameters", reason);
        let schema = serde_json::to_value(schema).map_err(|error| invalid(error.to_string()))?;
        if !schema.is_object() {
            return Err(invalid("a JSON Schema is an object, of type `object` for a tool".to_owned()));
        }
        let raw = serde_json::value::to_raw_value(&schema).map_err(|error| invalid(error.to_string()))?;
        self.wire.parameters = Some(raw);
        Ok(self)
    }

    /// What runs it.
    #[must_use]
    pub fn handler(mut self, handler: impl ToolHandler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// What runs it, with its arguments read as `P`; the schema is given with [`parameters`](Self::parameters). Arguments
    /// that do not fit make the call fail, and the model is told why.
    #[must_use]
    pub fn typed_handler<P: DeserializeOwned + Send + 'static>(self, run: impl TypedTool<P>) -> Self {
        self.handler(Typed { run, marker: std::marker::PhantomData })
    }

    /// More for the model: when and how to use it.
    #[must_use]
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.wire.instructions = Some(text.into());
        self
    }

    /// Whether it runs without a permission. By default the CLI asks, as for every tool.
    #[must_use]
    pub fn skip_permission(mut self, skip: bool) -> Self {
        self.wire.skip_permission = Some(skip);
        self
    }

    /// Whether it stands in for a tool of the CLI's of the same name, which is an error otherwise.
    #[must_use]
    pub fn overrides_built_in(mut self, overrides: bool) -> Self {
        self.wire.overrides_built_in_tool = Some(overrides);
        self
    }

    /// Whether the turn ends once it has run.
    #[must_use]
    pub fn terminal(mut self, terminal: bool) -> Self {
        self.wire.is_terminal = Some(terminal);
        self
    }

    /// Whether it may be left out of the model's list until it is searched for.
    #[must_use]
    pub fn defer(mut self, defer: ToolDefer) -> Self {
        let word = match defer {
            ToolDefer::Auto => "auto",
            ToolDefer::Never => "never",
        };
        self.wire.defer = Some(word.to_owned());
        self
    }

    /// Changes any field of the definition itself, for what has no method here.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut types::Tool)) -> Self {
        change(&mut self.wire);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.wire.name
    }
}

/// A closure that takes parameters and the call, for `Tool::typed`.
pub trait TypedTool<P>: Send + Sync + 'static {
    /// What it gives.
    type Result: Into<ToolResult>;
    /// Runs it.
    fn run(&self, parameters: P, call: ToolCall) -> impl Future<Output = Self::Result> + Send;
}

impl<P, F, Fut> TypedTool<P> for F
where
    F: Fn(P, ToolCall) -> Fut + Send + Sync + 'static,
    Fut: Future + Send,
    Fut::Output: Into<ToolResult>,
{
    type Result = Fut::Output;

    fn run(&self, parameters: P, call: ToolCall) -> impl Future<Output = Self::Result> + Send {
        self(parameters, call)
    }
}

/// Reads the arguments before the closure is called.
struct Typed<P, T> {
    run: T,
    marker: std::marker::PhantomData<fn(P)>,
}

#[async_trait]
impl<P, T> ToolHandler for Typed<P, T>
where
    P: DeserializeOwned + Send + 'static,
    T: TypedTool<P>,
{
    async fn call(&self, call: ToolCall) -> ToolResult {
        match call.arguments::<P>() {
            Ok(parameters) => self.run.run(parameters, call).await.into(),
            Err(error) => ToolResult::failure(error.to_string()),
        }
    }
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool").field("definition", &self.wire).field("has_handler", &self.handler.is_some()).finish()
    }
}

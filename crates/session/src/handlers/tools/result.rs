//! What a tool gives back.

use std::collections::BTreeMap;
use std::fmt::Display;

use groundlink_protocol::RawJson;
use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::SessionError;

/// The result of a tool.
///
/// Text makes one (`"done".into()`), and so does a `Result` of anything that is one with anything that can be
/// displayed: the error becomes a [failure](Self::failure), whose words the model reads.
#[derive(Debug, Clone)]
pub struct ToolResult {
    wire: Wire,
    /// Sent in place of everything else.
    error: Option<String>,
}

/// How a tool fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ToolResultKind {
    /// It did what it was asked for.
    Success,
    /// It did not.
    Failure,
    /// A person did not want it.
    Rejected,
    /// A rule forbids it.
    Denied,
    /// It took too long.
    Timeout,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    text_result_for_llm: String,
    result_type: ToolResultKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_log: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    binary_results_for_llm: Vec<Binary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_references: Vec<String>,
    tool_telemetry: BTreeMap<String, RawJson>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Binary {
    data: String,
    mime_type: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl ToolResult {
    fn new(kind: ToolResultKind, text: impl Into<String>) -> Self {
        let wire = Wire {
            text_result_for_llm: text.into(),
            result_type: kind,
            error: None,
            session_log: None,
            binary_results_for_llm: Vec::new(),
            tool_references: Vec::new(),
            tool_telemetry: BTreeMap::new(),
        };
        Self { wire, error: None }
    }

    /// It worked; the text is for the model.
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(ToolResultKind::Success, text)
    }

    /// It worked; the value goes to the model as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, SessionError> {
        let text = serde_json::to_string(value).map_err(|error| SessionError::invalid("result", error.to_string()))?;
        Ok(Self::success(text))
    }

    /// It did not work; the model reads why.
    pub fn failure(text: impl Into<String>) -> Self {
        Self::new(ToolResultKind::Failure, text)
    }

    /// A person did not want it. The turn ends there: the model does not go on by itself.
    pub fn rejected(text: impl Into<String>) -> Self {
        Self::new(ToolResultKind::Rejected, text)
    }

    /// A rule forbids it.
    pub fn denied(text: impl Into<String>) -> Self {
        Self::new(ToolResultKind::Denied, text)
    }

    /// It took too long.
    pub fn timeout(text: impl Into<String>) -> Self {
        Self::new(ToolResultKind::Timeout, text)
    }

    /// It broke. The model is only told that the tool failed, not why (observed with CLI 1.0.102); use
    /// [`failure`](Self::failure) for words that it is to read.
    pub fn error(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { error: Some(text.clone()), ..Self::failure(text) }
    }

    /// A picture for the model, as base64. The CLI leaves it out where it does not know that the model can see: a model of
    /// one's own needs [`SessionConfig::model_capabilities`](crate::SessionConfig::model_capabilities) with
    /// `{"supports": {"vision": true}}`.
    #[must_use]
    pub fn image(self, mime_type: impl Into<String>, base64: impl Into<String>) -> Self {
        self.binary("image", mime_type, base64)
    }

    /// A file for the model, as base64.
    #[must_use]
    pub fn resource(self, mime_type: impl Into<String>, base64: impl Into<String>) -> Self {
        self.binary("resource", mime_type, base64)
    }

    fn binary(mut self, kind: &'static str, mime_type: impl Into<String>, base64: impl Into<String>) -> Self {
        let binary = Binary { data: base64.into(), mime_type: mime_type.into(), kind, description: None };
        self.wire.binary_results_for_llm.push(binary);
        self
    }

    /// What people see in the timeline instead of the model's text.
    #[must_use]
    pub fn session_log(mut self, text: impl Into<String>) -> Self {
        self.wire.session_log = Some(text.into());
        self
    }

    /// Names the tools that the model may now use: for a tool that searches for tools.
    #[must_use]
    pub fn tool_reference(mut self, tool: impl Into<String>) -> Self {
        self.wire.tool_references.push(tool.into());
        self
    }

    /// Figures about the call, which come again in `tool.execution_complete`.
    pub fn telemetry(mut self, name: impl Into<String>, value: &impl Serialize) -> Result<Self, SessionError> {
        let value = to_raw_value(value).map_err(|error| SessionError::invalid("telemetry", error.to_string()))?;
        self.wire.tool_telemetry.insert(name.into(), value);
        Ok(self)
    }

    /// How the tool fared.
    pub fn kind(&self) -> ToolResultKind {
        self.wire.result_type
    }

    /// What the model reads.
    pub fn text(&self) -> &str {
        &self.wire.text_result_for_llm
    }

    /// The field of the answer, and what goes there.
    pub(crate) fn into_wire(self) -> Result<(&'static str, RawJson), serde_json::Error> {
        match self.error {
            Some(error) => Ok(("error", to_raw_value(&error)?)),
            None => Ok(("result", to_raw_value(&self.wire)?)),
        }
    }
}

impl From<&str> for ToolResult {
    fn from(text: &str) -> Self {
        Self::success(text)
    }
}

impl From<String> for ToolResult {
    fn from(text: String) -> Self {
        Self::success(text)
    }
}

impl<T: Into<ToolResult>, E: Display> From<Result<T, E>> for ToolResult {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => value.into(),
            Err(error) => Self::failure(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_on_the_wire() {
        let table = [
            (
                ToolResult::from("sunny"),
                "result",
                r#"{"textResultForLlm":"sunny","resultType":"success","toolTelemetry":{}}"#,
            ),
            (
                ToolResult::from(Err::<String, _>("no such city")),
                "result",
                r#"{"textResultForLlm":"no such city","resultType":"failure","toolTelemetry":{}}"#,
            ),
            (
                ToolResult::rejected("no"),
                "result",
                r#"{"textResultForLlm":"no","resultType":"rejected","toolTelemetry":{}}"#,
            ),
            (
                ToolResult::denied("no"),
                "result",
                r#"{"textResultForLlm":"no","resultType":"denied","toolTelemetry":{}}"#,
            ),
            (
                ToolResult::timeout("no"),
                "result",
                r#"{"textResultForLlm":"no","resultType":"timeout","toolTelemetry":{}}"#,
            ),
            (ToolResult::error("broke"), "error", r#""broke""#),
            (
                ToolResult::success("a map").image("image/png", "AA==").session_log("drew").tool_reference("zoom"),
                "result",
                r#"{"textResultForLlm":"a map","resultType":"success","sessionLog":"drew","binaryResultsForLlm":[{"data":"AA==","mimeType":"image/png","type":"image"}],"toolReferences":["zoom"],"toolTelemetry":{}}"#,
            ),
            (
                ToolResult::json(&[1, 2]).and_then(|result| result.telemetry("ms", &3)).unwrap(),
                "result",
                r#"{"textResultForLlm":"[1,2]","resultType":"success","toolTelemetry":{"ms":3}}"#,
            ),
        ];
        for (result, field, json) in table {
            let (written_field, written) = result.into_wire().unwrap();
            assert_eq!((written_field, written.get()), (field, json));
        }
    }
}

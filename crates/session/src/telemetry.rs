//! OpenTelemetry: what the CLI exports, and which trace its work belongs to. Nothing here needs an OpenTelemetry library.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// What the CLI exports of its work: spans and metrics of sessions, calls of models and tools.
///
/// It travels as environment variables, so that it is for a CLI that the client starts. More of them (headers with
/// credentials, sampling) can be set by [`env`](crate::ClientBuilder::env), which wins over what is set here.
#[derive(Debug, Clone)]
pub struct Telemetry {
    target: Target,
    protocol: Option<OtlpProtocol>,
    source_name: Option<String>,
    capture_content: Option<bool>,
}

#[derive(Debug, Clone)]
enum Target {
    Otlp(String),
    File(PathBuf),
}

/// How an OTLP endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// `http/json`
    HttpJson,
    /// `http/protobuf`
    HttpProtobuf,
}

impl Telemetry {
    /// To an OTLP endpoint over HTTP, such as `http://localhost:4318`.
    pub fn otlp(endpoint: impl Into<String>) -> Self {
        Self::to(Target::Otlp(endpoint.into()))
    }

    /// To a file, a line of JSON for each span and metric.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::to(Target::File(path.into()))
    }

    fn to(target: Target) -> Self {
        Self { target, protocol: None, source_name: None, capture_content: None }
    }

    /// How the OTLP endpoint is spoken to.
    #[must_use]
    pub fn protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// The name of the instrumentation scope.
    #[must_use]
    pub fn source_name(mut self, name: impl Into<String>) -> Self {
        self.source_name = Some(name.into());
        self
    }

    /// Whether what was said, and what tools were given and gave, is exported too, and the names of the program's own tools.
    /// By default it is not.
    #[must_use]
    pub fn capture_content(mut self, on: bool) -> Self {
        self.capture_content = Some(on);
        self
    }

    /// The variables that tell the CLI.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut list: Vec<(&'static str, OsString)> = vec![("COPILOT_OTEL_ENABLED", "true".into())];
        match &self.target {
            Target::Otlp(endpoint) => {
                list.push(("COPILOT_OTEL_EXPORTER_TYPE", "otlp-http".into()));
                list.push(("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.into()));
            }
            Target::File(path) => {
                list.push(("COPILOT_OTEL_EXPORTER_TYPE", "file".into()));
                list.push(("COPILOT_OTEL_FILE_EXPORTER_PATH", path.into()));
            }
        }
        if let Some(protocol) = self.protocol {
            let word = match protocol {
                OtlpProtocol::HttpJson => "http/json",
                OtlpProtocol::HttpProtobuf => "http/protobuf",
            };
            list.push(("OTEL_EXPORTER_OTLP_PROTOCOL", word.into()));
        }
        if let Some(name) = &self.source_name {
            list.push(("COPILOT_OTEL_SOURCE_NAME", name.into()));
        }
        if let Some(on) = self.capture_content {
            list.push(("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", on.to_string().into()));
        }
        list
    }
}

/// The place in a trace that work belongs to, as W3C Trace Context writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// Trace, parent span and flags: `00-<32 hex digits>-<16 hex digits>-01`.
    pub traceparent: String,
    /// What vendors added.
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// By its `traceparent`.
    pub fn new(traceparent: impl Into<String>) -> Self {
        Self { traceparent: traceparent.into(), tracestate: None }
    }
}

/// Gives the place in a trace that the caller is at.
pub(crate) type TraceSource = Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>;

/// A source in a place where everything is printed.
#[derive(Clone)]
pub(crate) struct Tracing(pub(crate) TraceSource);

impl std::fmt::Debug for Tracing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tracing")
    }
}

//! Canvases, extensions and traces.

use super::fields;

fields! {
    /// Canvases that this client has, without a handler; the shape is the CLI's own. [`canvas`](Self::canvas) declares one
    /// with its handler.
    jsonlist canvases;

    /// Whose canvases they are: `id` and `name`.
    json canvas_provider;

    /// Which extension this client is: `source` and `name`.
    json extension_info;

    /// Where extensions find their library.
    path extension_sdk_path;

    /// Whether this client shows canvases: without one that does, the agent has no tools for them.
    flag request_canvas_renderer;

    /// Whether this client answers for extensions.
    flag request_extensions;

    /// Whether this client shows the pages of MCP servers.
    flag request_mcp_apps;

    /// The trace that the session belongs to (W3C trace context).
    text traceparent;

    /// More about the trace (W3C trace context).
    text tracestate;
}

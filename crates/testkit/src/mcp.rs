//! A server of the Model Context Protocol that wants a token.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// More than a client of the protocol ever says here.
const MAX_BODY: usize = 1 << 20;

/// A server over HTTP with one tool, `switch`, which says that the lamp is on. It lets in only who shows its token, and
/// says where that can be had. It stops when dropped.
#[derive(Debug)]
pub struct LockedMcp {
    base: String,
    task: JoinHandle<()>,
}

impl LockedMcp {
    /// Starts on a free loopback port; this is the token that it takes.
    pub async fn start(token: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state((base.clone(), format!("Bearer {token}")));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the stand-in for an MCP server stopped");
            }
        });
        Self { base, task }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("{}/mcp", self.base)
    }
}

impl Drop for LockedMcp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State((here, key)): State<(String, String)>, headers: HeaderMap, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path.starts_with("/.well-known/oauth-protected-resource") {
        return Json(json!({"resource": format!("{here}/mcp"), "authorization_servers": [here]})).into_response();
    }
    if path != "/mcp" {
        return StatusCode::NOT_FOUND.into_response();
    }
    if headers.get(header::AUTHORIZATION).is_none_or(|value| *value != *key) {
        let metadata = format!("{here}/.well-known/oauth-protected-resource/mcp");
        let challenge = format!(r#"Bearer resource_metadata="{metadata}", scope="read""#);
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    let body = axum::body::to_bytes(request.into_body(), MAX_BODY).await.unwrap_or_default();
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    };
    let result = match asked["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
            "serverInfo": {"name": "lamp", "version": "1"},
        }),
        "tools/list" => json!({"tools": [{"name": "switch", "inputSchema": {"type": "object"}}]}),
        "tools/call" => json!({"content": [{"type": "text", "text": "the lamp is on"}]}),
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    Json(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result})).into_response()
}

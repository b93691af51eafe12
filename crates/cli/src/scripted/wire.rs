//! The chat-completions wire: requests in, whole or streamed answers out.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::conversation::{ChatRequest, Conversation};
use super::reply::Reply;
use super::script::{self, Ask};
use super::{MODEL, ScriptOptions};

/// The CLI sends the whole conversation every time, tool output included.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// The pause after a word where the script does not say.
const PACE: Duration = Duration::from_millis(10);

struct Server {
    options: ScriptOptions,
    stop: CancellationToken,
}

/// The routes of the scripted model, to be merged into a server of one's own.
pub fn router(options: ScriptOptions) -> Router {
    router_until(options, CancellationToken::new())
}

/// The routes, with streams that end when `stop` is cancelled.
pub(super) fn router_until(options: ScriptOptions, stop: CancellationToken) -> Router {
    Router::new()
        .route("/chat/completions", post(chat))
        .route("/v1/chat/completions", post(chat))
        .route("/models", get(models))
        .route("/v1/models", get(models))
        .route("/page", get(|| async { Html("<html><body><h1>A page</h1></body></html>") }))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(Server { options, stop }))
}

async fn models() -> Json<Value> {
    Json(model_list(MODEL, "groundlink"))
}

/// The answer to `GET /models`: one model that can do everything a session may ask of it.
pub fn model_list(name: &str, vendor: &str) -> Value {
    json!({"object": "list", "data": [{
        "id": name, "name": name, "object": "model", "vendor": vendor, "version": name,
        "preview": false, "model_picker_enabled": true, "is_chat_default": true,
        "policy": {"state": "enabled", "terms": ""},
        "supported_endpoints": ["/chat/completions"],
        "capabilities": {
            "type": "chat", "object": "model_capabilities", "family": name, "tokenizer": "o200k_base",
            "supports": {"vision": true, "tool_calls": true, "parallel_tool_calls": true, "streaming": true},
            "limits": {
                "max_context_window_tokens": 128_000, "max_prompt_tokens": 110_000, "max_output_tokens": 16_000,
            },
        },
    }]})
}

/// The answer's parts that every form of it shares.
struct Answer {
    id: String,
    model: String,
    thought: String,
    text: String,
    calls: Vec<Value>,
    credits: u64,
    pace: Duration,
    until: Option<PathBuf>,
}

async fn chat(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let request: ChatRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            return failure(StatusCode::BAD_REQUEST, &format!("This is not a chat-completions request: {error}"));
        }
    };
    let conversation = Conversation::read(&request);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let directory = server.options.working_directory.clone().or_else(|| conversation.working_directory.clone());
    let reply = script::reply(&Ask {
        conversation: &conversation,
        directory: directory.unwrap_or_else(|| PathBuf::from(".")),
        base_url: &format!("http://{host}"),
    });
    let hurry = |wait: Duration| if server.options.hurry { Duration::ZERO } else { wait };
    // When the CLI hangs up (an abort), this future or the stream below is dropped: nothing goes on.
    tokio::time::sleep(hurry(reply.delay)).await;
    if let Some(status) = reply.error {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = failure(status, "The script was asked for this error.");
        if let Some(seconds) = reply.retry_after {
            response = limited("The script was asked for too many requests.");
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        return response;
    }
    let answer = Answer::new(request.model, reply, hurry);
    if request.stream {
        return Sse::new(answer.into_stream().take_until(server.stop.clone().cancelled_owned())).into_response();
    }
    tokio::time::sleep(answer.pace * u32::try_from(words(&answer.text).count()).unwrap_or(u32::MAX)).await;
    held(answer.until.clone()).await;
    Json(answer.whole()).into_response()
}

fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": {"message": message, "code": "scripted"}}))).into_response()
}

/// As GitHub says it, so that the CLI offers another model.
fn limited(message: &str) -> Response {
    let body = json!({"error": {"message": message, "code": "rate_limited"}});
    (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
}

impl Answer {
    fn new(model: String, reply: Reply, hurry: impl Fn(Duration) -> Duration) -> Self {
        let calls = reply.calls.into_iter().map(|call| {
            let id = format!("call_{}", Uuid::new_v4().simple());
            let arguments = call.arguments.to_string();
            json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
        });
        Self {
            id: format!("chat-{}", Uuid::new_v4().simple()),
            model: if model.is_empty() { MODEL.to_owned() } else { model },
            calls: calls.collect(),
            credits: reply.credits,
            pace: hurry(reply.pace.unwrap_or(PACE)),
            until: reply.until,
            thought: reply.thought,
            text: reply.text,
        }
    }

    fn finish_reason(&self) -> &'static str {
        if self.calls.is_empty() { "stop" } else { "tool_calls" }
    }

    /// Words stand in for tokens: close enough to be plausible in a usage display.
    fn usage(&self) -> Value {
        let completion = words(&self.text).count() + self.calls.len() * 20;
        json!({"prompt_tokens": 100, "completion_tokens": completion, "total_tokens": 100 + completion})
    }

    /// Beside the usage, as GitHub's models have it. The price of the tokens themselves is nobody's business here.
    fn charge(&self, answer: &mut Value) {
        if self.credits > 0 {
            let nano = self.credits.saturating_mul(1_000_000_000);
            answer["copilot_usage"] = json!({"token_details": [], "total_nano_aiu": nano});
        }
    }

    fn whole(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.text});
        if !self.thought.is_empty() {
            message["reasoning_text"] = json!(self.thought);
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = json!(self.calls);
        }
        let choice = json!({"index": 0, "message": message, "finish_reason": self.finish_reason()});
        let mut answer = json!({
            "id": self.id, "object": "chat.completion", "model": self.model, "choices": [choice], "usage": self.usage(),
        });
        self.charge(&mut answer);
        answer
    }

    fn chunk(&self, delta: &Value, finish_reason: Option<&str>) -> Value {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason});
        json!({"id": self.id, "object": "chat.completion.chunk", "model": self.model, "choices": [choice]})
    }

    /// The streamed form: words, then tool calls, then how it ended.
    fn into_stream(self) -> BoxStream<'static, Result<Event, Infallible>> {
        let pace = self.pace;
        let until = self.until.clone();
        let thought = pieces(&self.thought, pace).map(|piece| json!({"role": "assistant", "reasoning_text": piece}));
        let said = pieces(&self.text, pace).map(|piece| json!({"role": "assistant", "content": piece}));
        let said: Vec<Value> = thought.chain(said).map(|delta| self.chunk(&delta, None)).collect();
        let mut tail: Vec<Value> = Vec::with_capacity(self.calls.len() + 1);
        for (index, call) in self.calls.iter().enumerate() {
            let mut call = call.clone();
            call["index"] = json!(index);
            tail.push(self.chunk(&json!({"role": "assistant", "tool_calls": [call]}), None));
        }
        let mut last = self.chunk(&json!({}), Some(self.finish_reason()));
        last["usage"] = self.usage();
        self.charge(&mut last);
        tail.push(last);
        let slow = stream::iter(said).then(move |chunk| async move {
            // Timers go by milliseconds; a shorter pace means word by word, as fast as can be.
            if pace >= Duration::from_millis(1) {
                tokio::time::sleep(pace).await;
            }
            chunk
        });
        let data = |chunk: Value| Event::default().data(chunk.to_string());
        let end = stream::once(async { Event::default().data("[DONE]") });
        let tail = stream::once(async move {
            held(until).await;
            stream::iter(tail)
        });
        slow.chain(tail.flatten()).map(data).chain(end).map(Ok).boxed()
    }
}

/// Waits until the file is there.
async fn held(until: Option<PathBuf>) {
    let Some(file) = until else { return };
    while !tokio::fs::try_exists(&file).await.unwrap_or(false) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Words with the blanks that follow them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[start..].find(char::is_whitespace).map_or(rest.len(), |at| start + at);
        let next = rest[end..].find(|c: char| !c.is_whitespace()).map_or(rest.len(), |at| end + at);
        let (word, after) = rest.split_at(next);
        rest = after;
        Some(word)
    })
}

/// Words, or for text without pauses larger pieces, so that megabytes do not become a million events.
fn pieces(text: &str, pace: Duration) -> impl Iterator<Item = String> {
    let size = if pace.is_zero() { 4096 } else { 1 };
    let mut words = words(text);
    std::iter::from_fn(move || {
        let mut piece = words.next()?.to_owned();
        while piece.len() < size {
            match words.next() {
                Some(word) => piece.push_str(word),
                None => break,
            }
        }
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::ScriptedModel;

    #[test]
    fn words_lose_nothing() {
        for text in ["", " ", "a", "a b", "  a\n\nb  c ", "é ü", "\n"] {
            assert_eq!(words(text).collect::<String>(), text, "{text:?}");
            assert_eq!(pieces(text, Duration::ZERO).collect::<String>(), text, "{text:?}");
        }
        assert_eq!(words("a b  c").collect::<Vec<_>>(), ["a ", "b  ", "c"]);
    }

    fn ask(prompt: &str, stream: bool) -> Value {
        json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": prompt}],
               "tools": [{"type": "function", "function": {"name": "bash"}}]})
    }

    async fn start() -> ScriptedModel {
        ScriptedModel::start_with(ScriptOptions::new().hurry(true)).await.unwrap()
    }

    #[tokio::test]
    async fn answers_whole_and_streamed_alike() {
        let model = start().await;
        let client = reqwest::Client::new();
        let url = format!("{}/v1/chat/completions", model.base_url());
        let whole: Value = client.post(&url).json(&ask("run-shell", false)).send().await.unwrap().json().await.unwrap();
        let message = &whole["choices"][0]["message"];
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");

        let streamed = client.post(&url).json(&ask("run-shell", true)).send().await.unwrap().text().await.unwrap();
        let data: Vec<&str> = streamed.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(data.last(), Some(&"[DONE]"));
        let chunks: Vec<Value> =
            data[..data.len() - 1].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let delta = |chunk: &Value| chunk["choices"][0]["delta"].clone();
        let text: String = chunks.iter().filter_map(|c| delta(c)["content"].as_str().map(str::to_owned)).collect();
        assert_eq!(message["content"], text);
        let call = chunks.iter().find_map(|c| delta(c)["tool_calls"].get(0).cloned()).unwrap();
        assert_eq!(call["function"], message["tool_calls"][0]["function"]);
        assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
        model.stop().await;
    }

    #[tokio::test]
    async fn errors_and_models() {
        let model = start().await;
        let client = reqwest::Client::new();
        let url = format!("{}/chat/completions", model.base_url());
        let answer = client.post(&url).json(&ask("model-error-503", true)).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let answer = client.post(&url).body("nonsense").send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let models: Value =
            client.get(format!("{}/models", model.base_url())).send().await.unwrap().json().await.unwrap();
        assert_eq!(models["data"][0]["id"], MODEL);
        model.stop().await;
    }

    #[tokio::test]
    async fn stopping_ends_a_long_stream() {
        let model = ScriptedModel::start().await.unwrap();
        let url = format!("{}/chat/completions", model.base_url());
        let mut answer = reqwest::Client::new().post(&url).json(&ask("slow-stream-1000", true)).send().await.unwrap();
        answer.chunk().await.unwrap().unwrap();
        tokio::time::timeout(Duration::from_secs(2), model.stop()).await.expect("stop is bounded");
        let rest = tokio::time::timeout(Duration::from_secs(2), answer.bytes()).await.expect("the stream ended");
        drop(rest);
    }
}

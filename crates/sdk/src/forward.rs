//! Passing requests to models on, to where the CLI would have sent them.

use std::error::Error;

use groundlink_session::http::{HeaderMap, HeaderName, header};
use groundlink_session::{ModelRequest, ModelRequestHandler, ModelResponse};

/// Headers that are about one connection, and the one that would have an answer come packed.
const OF_A_CONNECTION: [HeaderName; 9] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Sends requests to models on to their addresses, and gives the answers back as they come: for programs that look at
/// them, count them or change them on the way.
///
/// ```no_run
/// use groundlink::ModelForwarder;
/// use groundlink::prelude::*;
/// use groundlink::session::ModelRequest;
///
/// # async fn run() -> Result<(), SessionError> {
/// let forwarder = ModelForwarder::new();
/// let client = Client::builder().on_model_request(move |mut request: ModelRequest| {
///     let forwarder = forwarder.clone();
///     async move {
///         println!("{} {}", request.method, request.path());
///         request.url = request.url.replace("https://models.example", "http://gateway.internal:8080");
///         forwarder.send(request).await
///     }
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ModelForwarder {
    http: reqwest::Client,
}

impl ModelForwarder {
    /// One that goes through the proxy that the environment names, if it does.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a request on. Redirects are followed; no answer at all is an error.
    pub async fn send(&self, request: ModelRequest) -> Result<ModelResponse, String> {
        let method = request.method.parse::<reqwest::Method>().map_err(|error| error.to_string())?;
        let sending = self.http.request(method, &request.url).headers(passed_on(request.headers)).body(request.body);
        let answer = sending.send().await.map_err(|error| reason(&error.without_url()))?;
        let (status, headers) = (answer.status().as_u16(), passed_on(answer.headers().clone()));
        let mut response = ModelResponse::stream(status, answer.bytes_stream());
        response.headers = headers;
        Ok(response)
    }
}

#[async_trait::async_trait]
impl ModelRequestHandler for ModelForwarder {
    async fn answer(&self, request: ModelRequest) -> Result<ModelResponse, String> {
        self.send(request).await
    }
}

fn passed_on(mut headers: HeaderMap) -> HeaderMap {
    for name in &OF_A_CONNECTION {
        headers.remove(name);
    }
    headers
}

/// All of it: what reqwest itself says is that a request failed.
fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

//! Requests of the CLI's that this version has no handler for.

use async_trait::async_trait;
use groundlink_protocol::RawJson;
use serde::Serialize;
use serde_json::value::to_raw_value;

/// Answers a method that the CLI calls; see [`ClientBuilder::on_request`](crate::ClientBuilder::on_request).
#[async_trait]
pub trait RequestHandler: Send + Sync + 'static {
    /// The method's result, by its params. An error's words go to the CLI.
    async fn answer(&self, params: RawJson) -> Result<RawJson, String>;
}

#[async_trait]
impl<F, Fut, T> RequestHandler for F
where
    F: Fn(RawJson) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, String>> + Send,
    T: Serialize + Send,
{
    async fn answer(&self, params: RawJson) -> Result<RawJson, String> {
        let result = self(params).await?;
        to_raw_value(&result).map_err(|error| error.to_string())
    }
}

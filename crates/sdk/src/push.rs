//! The way of a hub's notifications to push services.

use std::fmt;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use groundlink_hub::{PushPost, PushReply, PushTransport, PushTransportError};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;

/// Carries a hub's notifications to push services over HTTPS. [`EmbeddedHub::in_dir`](crate::EmbeddedHub::in_dir) has it
/// already; for a hub that is described by itself:
///
/// ```no_run
/// use groundlink::PushOverHttp;
/// use groundlink::hub::{Hub, PushSettings};
///
/// let hub = Hub::builder().data_dir("hub-data").push(PushSettings::new(PushOverHttp::new()));
/// ```
#[derive(Clone)]
pub struct PushOverHttp(Result<reqwest::Client, String>);

impl PushOverHttp {
    /// With a client of its own, which follows no redirects: a push service that redirects is none.
    pub fn new() -> Self {
        let client =
            reqwest::Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(5)).build();
        Self(client.map_err(|error| format!("no HTTP client can be made: {error}")))
    }
}

impl Default for PushOverHttp {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PushOverHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushOverHttp(..)")
    }
}

impl PushTransport for PushOverHttp {
    fn post(&self, post: PushPost) -> BoxFuture<'_, Result<PushReply, PushTransportError>> {
        async {
            let client = self.0.as_ref().map_err(String::clone)?;
            let mut request = client.post(post.url).body(post.body);
            for (name, value) in post.headers {
                request = request.header(name, value);
            }
            // The address is a secret.
            let answer = request.send().await.map_err(reqwest::Error::without_url)?;
            let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Ok(PushReply { status: answer.status().as_u16(), retry_after: retry_after.map(Duration::from_secs) })
        }
        .boxed()
    }
}

//! Asks GitHub what the CLI was answered and does not tell.

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::LIMIT;
use super::explain;
use super::report::Check;
use crate::bridge::innermost;

/// A person's view of GitHub.
pub(super) struct GitHub {
    http: Client,
    api: Url,
    authorization: HeaderValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    endpoints: Option<Endpoints>,
    /// Whether its sessions may be steered from afar; by policy.
    cli_remote_control_enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Endpoints {
    api: Option<Url>,
}

impl GitHub {
    /// `None` where the address or the token cannot be one.
    pub(super) fn new(api: &str, token: &SecretString) -> Option<Self> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).ok()?;
        authorization.set_sensitive(true);
        let http = Client::builder()
            .user_agent(concat!("groundlink/", env!("CARGO_PKG_VERSION")))
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none());
        Some(Self { http: http.build().ok()?, api: Url::parse(api).ok()?, authorization })
    }

    /// Repeats the CLI's own steps, up to the one that is refused: who is this, which repository, share a session. `None`:
    /// none of them is, this time. What is made is taken back.
    pub(super) async fn refusal(&self, repository: &str) -> Option<Check> {
        let account: Account = match self.ask(self.request(Method::GET, &self.at(&["copilot_internal", "user"]))).await
        {
            Ok(account) => account,
            Err(check) => return Some(check),
        };
        if account.cli_remote_control_enabled == Some(false) {
            return Some(explain::switched_off());
        }
        let (owner, name) = repository.split_once('/')?;
        let found: Value = match self.ask(self.request(Method::GET, &self.at(&["repos", owner, name]))).await {
            Ok(found) => found,
            Err(check) => return Some(check),
        };
        let base = account.endpoints?.api?;
        let id = Uuid::new_v4().to_string();
        let body = json!({
            "id": id, "agent_task_id": id, "owner_id": found["owner"]["id"], "repo_id": found["id"],
        });
        let door = at(&base, &["agents", "sessions"]);
        let made: Result<Value, Check> = self.ask(self.request(Method::POST, &door).json(&body)).await;
        match made {
            Ok(made) => {
                let id = made["id"].as_str().unwrap_or(&id).to_owned();
                let away: Result<Value, Check> =
                    self.ask(self.request(Method::DELETE, &at(&base, &["agents", "sessions", &id]))).await;
                if away.is_err() {
                    tracing::debug!("GitHub did not take back the session that was made for the question");
                }
                None
            }
            Err(check) => Some(check),
        }
    }

    fn at(&self, segments: &[&str]) -> Url {
        at(&self.api, segments)
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.http
            .request(method, url.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            // The question is what the CLI is answered.
            .header("copilot-integration-id", "copilot-developer-cli")
    }

    async fn ask<T: DeserializeOwned + Default>(&self, request: RequestBuilder) -> Result<T, Check> {
        let answer = request.send().await.map_err(|error| explain::unreachable(&innermost(&error.without_url())))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(explain::refusal(status.as_u16()));
        }
        let body = answer.bytes().await.map_err(|error| explain::unreachable(&innermost(&error.without_url())))?;
        // Of another form: what comes of it will show.
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }
}

fn at(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

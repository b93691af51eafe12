//! Model providers of one's own.

use std::collections::BTreeMap;

use groundlink_protocol::Secret;
use groundlink_protocol::types::{self, ProviderType, ProviderWireApi};
use secrecy::{ExposeSecret as _, SecretString};

use crate::SessionError;

/// A model provider of one's own.
#[derive(Debug, Clone)]
pub struct Provider {
    pub(crate) wire: types::Provider,
}

impl Provider {
    fn new(kind: ProviderType, api: Option<ProviderWireApi>, base_url: impl Into<String>) -> Self {
        let mut wire = types::Provider::new(kind);
        wire.wire_api = api;
        wire.base_url = Some(base_url.into());
        Self { wire }
    }

    /// An endpoint that speaks `OpenAI`'s chat completions, such as a local model server.
    pub fn openai_completions(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Openai, Some(ProviderWireApi::Completions), base_url)
    }

    /// An endpoint that speaks `OpenAI`'s responses.
    pub fn openai_responses(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Openai, Some(ProviderWireApi::Responses), base_url)
    }

    /// An endpoint that speaks Anthropic's messages.
    pub fn anthropic(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Anthropic, None, base_url)
    }

    /// An Azure `OpenAI` endpoint.
    pub fn azure(base_url: impl Into<String>) -> Self {
        Self::new(ProviderType::Azure, None, base_url)
    }

    /// The key for the endpoint.
    #[must_use]
    pub fn api_key(mut self, key: &SecretString) -> Self {
        self.wire.api_key = Some(wire_secret(key));
        self
    }

    /// The bearer token for the endpoint.
    #[must_use]
    pub fn bearer_token(mut self, token: &SecretString) -> Self {
        self.wire.bearer_token = Some(wire_secret(token));
        self
    }

    /// The model's name at the endpoint, where it differs from the session's.
    #[must_use]
    pub fn wire_model(mut self, model: impl Into<String>) -> Self {
        self.wire.wire_model = Some(model.into());
        self
    }

    /// Changes any field of the provider itself, for what has no method here.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut types::Provider)) -> Self {
        change(&mut self.wire);
        self
    }
}

/// The provider that the environment names, and the model at it.
///
/// The terminal app reads `COPILOT_PROVIDER_*` and `COPILOT_MODEL` by itself; a headless session does not, and has
/// to be told (observed with CLI 1.0.102). This reads them the same way.
#[derive(Debug, Clone)]
pub struct EnvironmentProvider {
    /// The provider, for [`SessionConfig::provider`](crate::SessionConfig::provider).
    pub provider: Provider,
    /// The model, for [`SessionConfig::model`](crate::SessionConfig::model).
    pub model: String,
    /// The endpoint's address.
    pub base_url: String,
}

impl EnvironmentProvider {
    /// The variables that hold credentials; commands that the agent runs have no use for them.
    pub const SECRET_VARIABLES: [&str; 3] =
        ["COPILOT_PROVIDER_API_KEY", "COPILOT_PROVIDER_BEARER_TOKEN", "COPILOT_PROVIDER_HEADERS"];

    /// Reads the environment of this process; `None` when it names no provider. `model` goes before the variables.
    pub fn read(model: Option<&str>) -> Result<Option<Self>, SessionError> {
        Self::from_lookup(model, |name| std::env::var(name).ok())
    }

    /// The same from any source of variables.
    pub fn from_lookup(
        model: Option<&str>,
        look: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, SessionError> {
        let get = |name: &str| look(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let Some(base_url) = get("COPILOT_PROVIDER_BASE_URL") else { return Ok(None) };
        let wire_api = get("COPILOT_PROVIDER_WIRE_API");
        let responses = match wire_api.as_deref() {
            None | Some("completions") => false,
            Some("responses") => true,
            Some(_) => return Err(unusable("COPILOT_PROVIDER_WIRE_API", "say `completions` or `responses`")),
        };
        let mut provider = match get("COPILOT_PROVIDER_TYPE").as_deref() {
            None | Some("openai") if responses => Provider::openai_responses(&base_url),
            None | Some("openai") => Provider::openai_completions(&base_url),
            Some("anthropic") => Provider::anthropic(&base_url),
            Some("azure") => Provider::azure(&base_url),
            Some(_) => return Err(unusable("COPILOT_PROVIDER_TYPE", "say `openai`, `azure` or `anthropic`")),
        };
        let named = model.map(str::to_owned).or_else(|| get("COPILOT_MODEL"));
        let Some(model) = named.or_else(|| get("COPILOT_PROVIDER_MODEL_ID")) else {
            return Err(unusable("COPILOT_MODEL", "it is unset, but COPILOT_PROVIDER_BASE_URL is set: name the model"));
        };
        let secret = |name: &str| get(name).map(Secret::new);
        let wire = &mut provider.wire;
        wire.api_key = secret("COPILOT_PROVIDER_API_KEY");
        wire.bearer_token = secret("COPILOT_PROVIDER_BEARER_TOKEN");
        wire.transport = get("COPILOT_PROVIDER_TRANSPORT");
        wire.model_id = get("COPILOT_PROVIDER_MODEL_ID");
        wire.wire_model = get("COPILOT_PROVIDER_WIRE_MODEL");
        wire.max_prompt_tokens =
            number(get("COPILOT_PROVIDER_MAX_PROMPT_TOKENS"), "COPILOT_PROVIDER_MAX_PROMPT_TOKENS")?;
        wire.max_output_tokens =
            number(get("COPILOT_PROVIDER_MAX_OUTPUT_TOKENS"), "COPILOT_PROVIDER_MAX_OUTPUT_TOKENS")?;
        if let Some(command) = get("COPILOT_PROVIDER_API_KEY_COMMAND") {
            wire.extra
                .set("apiKeyCommand", &command)
                .map_err(|error| unusable("COPILOT_PROVIDER_API_KEY_COMMAND", &error.to_string()))?;
        }
        if let Some(version) = get("COPILOT_PROVIDER_AZURE_API_VERSION") {
            let azure = serde_json::json!({ "apiVersion": version });
            wire.azure = serde_json::value::to_raw_value(&azure).ok();
        }
        if let Some(text) = get("COPILOT_PROVIDER_HEADERS") {
            let headers = headers(&text)?;
            wire.headers = Some(headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect());
        }
        Ok(Some(Self { provider, model, base_url }))
    }
}

fn number(text: Option<String>, variable: &'static str) -> Result<Option<u64>, SessionError> {
    text.map(|text| text.parse().map_err(|_| unusable(variable, "it is not a number"))).transpose()
}

/// `Name: Value` lines; a literal `\n` separates them, too. Values are not repeated in errors.
fn headers(text: &str) -> Result<BTreeMap<String, String>, SessionError> {
    let lines = text.split('\n').flat_map(|line| line.split("\\n")).map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
            _ => Err(unusable("COPILOT_PROVIDER_HEADERS", "write one `Name: Value` a line")),
        })
        .collect()
}

fn unusable(variable: &'static str, reason: &str) -> SessionError {
    SessionError::invalid(variable, reason)
}

pub(crate) fn wire_secret(secret: &SecretString) -> Secret {
    Secret::new(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], model: Option<&str>) -> Result<Option<EnvironmentProvider>, SessionError> {
        EnvironmentProvider::from_lookup(model, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const URL: (&str, &str) = ("COPILOT_PROVIDER_BASE_URL", "http://127.0.0.1:1/v1");
    const MODEL: (&str, &str) = ("COPILOT_MODEL", "m");

    #[test]
    fn the_environment_is_read_as_the_terminal_app_reads_it() {
        let kinds: [(&[(&str, &str)], &str); 5] = [
            (&[URL, MODEL], r#""type":"openai","wireApi":"completions""#),
            (&[URL, MODEL, ("COPILOT_PROVIDER_WIRE_API", "responses")], r#""type":"openai","wireApi":"responses""#),
            (&[URL, MODEL, ("COPILOT_PROVIDER_TYPE", "anthropic")], r#""type":"anthropic""#),
            (
                &[URL, MODEL, ("COPILOT_PROVIDER_TYPE", "azure"), ("COPILOT_PROVIDER_AZURE_API_VERSION", "v9")],
                r#""type":"azure","baseUrl":"http://127.0.0.1:1/v1","azure":{"apiVersion":"v9"}"#,
            ),
            (
                &[
                    URL,
                    MODEL,
                    ("COPILOT_PROVIDER_API_KEY_COMMAND", "pass key"),
                    ("COPILOT_PROVIDER_MODEL_ID", "known"),
                    ("COPILOT_PROVIDER_WIRE_MODEL", "mine"),
                    ("COPILOT_PROVIDER_MAX_OUTPUT_TOKENS", "5"),
                ],
                r#""modelId":"known","wireModel":"mine","maxOutputTokens":5,"apiKeyCommand":"pass key""#,
            ),
        ];
        for (variables, expected) in kinds {
            let found = read(variables, None).unwrap().unwrap();
            let wire = serde_json::to_string(&found.provider.wire).unwrap();
            assert!(wire.contains(expected), "{wire}");
            assert_eq!((found.model.as_str(), found.base_url.as_str()), ("m", URL.1));
        }
        assert!(read(&[MODEL], None).unwrap().is_none());
        assert_eq!(read(&[URL, MODEL], Some("other")).unwrap().unwrap().model, "other");
    }

    #[test]
    fn credentials_are_found_and_not_shown() {
        let variables = [
            URL,
            MODEL,
            ("COPILOT_PROVIDER_API_KEY", "canary-1"),
            ("COPILOT_PROVIDER_BEARER_TOKEN", "canary-2"),
            ("COPILOT_PROVIDER_HEADERS", "X-Key: canary-3\\nX-Other: canary-4"),
        ];
        let found = read(&variables, None).unwrap().unwrap();
        let secrets = crate::SessionConfig::new().provider(found.provider.clone()).secrets();
        let secrets: Vec<_> = secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect();
        assert_eq!(secrets, ["canary-1", "canary-2", "canary-3", "canary-4"]);
        assert!(!format!("{found:?}").contains("canary"));
        assert_eq!(found.provider.wire.headers.unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (variables, name) in [
            (vec![URL], "COPILOT_MODEL"),
            (vec![URL, MODEL, ("COPILOT_PROVIDER_TYPE", "x")], "COPILOT_PROVIDER_TYPE"),
            (vec![URL, MODEL, ("COPILOT_PROVIDER_WIRE_API", "x")], "COPILOT_PROVIDER_WIRE_API"),
            (vec![URL, MODEL, ("COPILOT_PROVIDER_MAX_PROMPT_TOKENS", "x")], "COPILOT_PROVIDER_MAX_PROMPT_TOKENS"),
            (vec![URL, MODEL, ("COPILOT_PROVIDER_HEADERS", "canary")], "COPILOT_PROVIDER_HEADERS"),
        ] {
            let error = read(&variables, None).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("canary"), "{error}");
        }
    }
}

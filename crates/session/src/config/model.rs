//! The model, and what the session may use.

use groundlink_protocol::types::{
    AutopilotOptions, CapiSessionOptions, NamedProviderConfig, ProviderModelConfig, SessionLimitsConfig,
};

use super::SessionConfig;
use super::fields;
use crate::provider::Provider;

fields! {
    /// The models that may be chosen; never empty.
    list allowed_models;

    /// How hard the model thinks, in its own words, such as `low`, `medium`, `high`.
    text reasoning_effort;

    /// What is told of its thinking: `none`, `concise` or `detailed`.
    text reasoning_summary;

    /// How long the context may be: `default` or `long_context`.
    text context_tier;

    /// What the model can do, where the CLI knows it otherwise or not at all; the shape is the CLI's own.
    json model_capabilities;

    /// Whether deltas of sub-agents come too. On by default.
    flag include_sub_agent_streaming_events;

    /// What the session may use at most. At the limit [`on_session_limits`](Self::on_session_limits) is asked.
    typed session_limits: SessionLimitsConfig;

    /// How autopilot goes on by itself. It does in the session's own mode `autopilot` only (`Session::set_mode`), not in a
    /// message's.
    typed autopilot: AutopilotOptions;

    /// Whether answers name their sources, where the model can.
    flag enable_citations;

    /// Model providers by name, besides or instead of the one.
    typedlist providers: NamedProviderConfig;

    /// Models of the named providers; each can be chosen as `PROVIDER/ID`.
    typedlist models: ProviderModelConfig;

    /// How GitHub's own model service is used.
    typed capi: CapiSessionOptions;
}

impl SessionConfig {
    /// The model's id. The CLI refuses an unknown one.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.params.model = Some(model.into());
        self
    }

    /// A model provider of one's own instead of GitHub's.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.params.provider = Some(provider.wire);
        self
    }

    /// Whether text comes as deltas while the model writes it. Off by default.
    #[must_use]
    pub fn streaming(mut self, on: bool) -> Self {
        self.params.streaming = Some(on);
        self
    }
}

impl SessionConfig {
    /// What the session may use at most, in AI credits.
    #[must_use]
    pub fn max_ai_credits(self, credits: u32) -> Self {
        self.session_limits(SessionLimitsConfig {
            max_ai_credits: Some(credits.into()),
            ..SessionLimitsConfig::default()
        })
    }
}

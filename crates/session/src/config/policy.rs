//! Settings of organisations, telemetry, and where the session runs.

use groundlink_protocol::types::CloudSession;
use secrecy::SecretString;

use super::SessionConfig;
use super::fields;
use crate::provider::wire_secret;

fields! {
    /// Whether an organisation's settings apply.
    flag enable_managed_settings;

    /// Settings as an organisation would make them; the shape is the CLI's own.
    json managed_settings;

    /// Does without these settings of the organisation's.
    list excluded_managed_settings;

    /// Whether the organisation's choice of model goes before the user's.
    flag enforce_managed_model_defaults;

    /// Whether the session sends telemetry.
    flag enable_session_telemetry;

    /// Whether telemetry for GitHub goes through this client.
    flag enable_github_telemetry_forwarding;

    /// Assignments of experiments; the shape is the CLI's own.
    json exp_assignments;

    /// The older switch of sharing for this session: `off`, `export` or `on`. `session.remote()` is the newer.
    text remote_session;

    /// Runs the session at GitHub. Its id is chosen there, so that none may be given, and the CLI takes no provider with
    /// it. What the CLI asks of this program before it has told the id (a token, a section of the system message) is
    /// refused.
    typed cloud: CloudSession;
}

impl SessionConfig {
    /// A GitHub token for this session only.
    #[must_use]
    pub fn github_token(mut self, token: &SecretString) -> Self {
        self.params.github_token = Some(wire_secret(token));
        self
    }
}

//! What the CLI asks of the program that hosts it, for no session in particular.

use std::collections::BTreeMap;

use async_trait::async_trait;
use groundlink_protocol::RawJson;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::to_raw_value;

use super::RequestHandler;
use super::closure::by_closure;

/// Something is to be installed or removed, and a person has to see the whole of it before.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InstallationAsk {
    /// The operation, as the call that began it named it. Confirm none that this program did not begin.
    pub operation_id: String,
    /// The session whose policy was looked at.
    pub policy_session_id: Option<String>,
    /// Until when it can be confirmed.
    pub expires_at: String,
    /// What would be done: `protocol::types::InstallationReview`, with the feature `extensions`.
    pub review: RawJson,
    pub(crate) confirmation_id: String,
    pub(crate) review_fingerprint: String,
}

/// What a person said to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstallationDecision {
    /// Do it.
    Confirm,
    /// Do not.
    Decline,
    /// The person closed the question.
    Cancel,
}

/// Shows people what is to be installed or removed, and gives their word. A closure is one, too.
///
/// When the question is withdrawn (it has expired, or the connection is lost), the future is dropped. One that fails or
/// panics is answered with an error, and nothing is done. People take as long as they take: there is no
/// [deadline](crate::Deadlines) but the CLI's own.
#[async_trait]
pub trait InstallationHandler: Send + Sync + 'static {
    /// The word.
    async fn confirm(&self, ask: InstallationAsk) -> Result<InstallationDecision, String>;
}

by_closure!(InstallationHandler.confirm: InstallationAsk => Result<InstallationDecision, E> where E: Display);

/// An extension is about to be started.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExtensionLaunchAsk {
    /// The extension's id, such as `project:notes`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The file that it begins with.
    pub module_path: String,
    /// Where it was found, in the CLI's words: `project`, `user`, `plugin`.
    pub source: String,
}

/// How an extension is started. The CLI adds variables of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExtensionLaunch {
    /// The program.
    pub executable: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its variables.
    pub env: BTreeMap<String, String>,
}

impl ExtensionLaunch {
    /// Starts this program.
    pub fn new(executable: impl Into<String>) -> Self {
        Self { executable: executable.into(), ..Self::default() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }
}

/// Says how extensions are started. A closure is one, too. One that fails, panics or is late is answered with an error.
#[async_trait]
pub trait ExtensionLauncher: Send + Sync + 'static {
    /// How to start this one; `None`: this program cannot.
    async fn launch(&self, ask: ExtensionLaunchAsk) -> Result<Option<ExtensionLaunch>, String>;
}

by_closure!(ExtensionLauncher.launch: ExtensionLaunchAsk => Result<Option<ExtensionLaunch>, E> where E: Display);

/// Answers `installations.confirm`.
pub(crate) struct Confirming<H>(pub(crate) H);

#[async_trait]
impl<H: InstallationHandler> RequestHandler for Confirming<H> {
    async fn answer(&self, params: RawJson) -> Result<RawJson, String> {
        let ask: InstallationAsk = read(&params)?;
        // The CLI takes no word on anything but what it asked.
        let (challenge, fingerprint) = (ask.confirmation_id.clone(), ask.review_fingerprint.clone());
        let decision = self.0.confirm(ask).await?;
        written(&json!({"confirmationId": challenge, "reviewFingerprint": fingerprint, "decision": decision}))
    }
}

/// Answers `extensionLaunchProvider.resolve`.
pub(crate) struct Launching<H>(pub(crate) H);

#[async_trait]
impl<H: ExtensionLauncher> RequestHandler for Launching<H> {
    async fn answer(&self, params: RawJson) -> Result<RawJson, String> {
        match self.0.launch(read(&params)?).await? {
            Some(launch) => written(&json!({"launch": launch})),
            None => written(&json!({})),
        }
    }
}

fn read<T: DeserializeOwned>(params: &RawJson) -> Result<T, String> {
    serde_json::from_str(params.get()).map_err(|error| format!("the request cannot be read: {error}"))
}

fn written(answer: &impl Serialize) -> Result<RawJson, String> {
    to_raw_value(answer).map_err(|error| error.to_string())
}

//! Finds out why sessions cannot be shared, and says who can change that.

mod explain;
mod github;
mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundlink_session::{Client, ClientBuilder, Event, Repository, Session, SessionConfig, SessionError};
use secrecy::SecretString;
use tokio::time::timeout;

use crate::bridge::{HubEndpoint, check_hub};
use crate::control::RemoteExt as _;
use crate::error::RemoteError;
use github::GitHub;
pub use report::{Check, CheckName, CheckOutcome, Report};

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Where GitHub's API is.
const API: &str = "https://api.github.com";
/// Variables that hold a GitHub token, in the CLI's order.
const TOKENS: [&str; 3] = ["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"];
/// The variable that moves the CLI's questions for the account elsewhere; the doctor follows.
const API_VARIABLE: &str = "COPILOT_DEBUG_GITHUB_API_URL";

/// Checks whether sessions can be shared from here, with GitHub or with a hub: [`doctor`] with more to say.
///
/// It starts the Copilot CLI. Towards GitHub it shares a session for a moment and deletes it again, because nothing else
/// shows what the policies allow; where that is refused, and a GitHub token is known, it asks GitHub for the reason.
///
/// ```no_run
/// use groundlink_remote::Doctor;
///
/// # async fn run() {
/// let report = Doctor::new().directory(".").examine().await;
/// println!("{report}");
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a doctor does nothing before `examine`"]
pub struct Doctor {
    client: ClientBuilder,
    directory: PathBuf,
    token: Option<SecretString>,
    api: String,
    hub: Option<HubEndpoint>,
}

/// Checks whether sessions of the current directory can be shared with GitHub. See [`Doctor`].
pub async fn doctor() -> Report {
    Doctor::new().examine().await
}

impl Default for Doctor {
    fn default() -> Self {
        Self::new()
    }
}

impl Doctor {
    /// For the current directory, the installed CLI and GitHub.
    pub fn new() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            client: Client::builder(),
            directory: PathBuf::from("."),
            token: TOKENS.iter().find_map(|name| variable(name)).map(SecretString::from),
            api: variable(API_VARIABLE).unwrap_or_else(|| API.to_owned()),
            hub: None,
        }
    }

    /// The CLI, and how it is started.
    pub fn client(mut self, client: ClientBuilder) -> Self {
        self.client = client;
        self
    }

    /// Where sessions would work.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// A hub as the other end, instead of GitHub.
    pub fn hub(mut self, hub: HubEndpoint) -> Self {
        self.hub = Some(hub);
        self
    }

    /// The token to ask GitHub with; that of the environment, by default.
    pub fn github_token(mut self, token: SecretString) -> Self {
        self.token = Some(token);
        self
    }

    /// Looks at everything.
    pub async fn examine(self) -> Report {
        let mut checks = Vec::new();
        let directory = self.directory.canonicalize().unwrap_or_else(|_| self.directory.clone());
        let mut starting = self.client.clone();
        if self.hub.is_none() {
            // It is GitHub that is to be asked.
            for name in ["COPILOT_MC_BASE_URL", "COPILOT_MC_FRONTEND_URL", "COPILOT_MC_ACCESS_TOKEN"] {
                starting = starting.env_remove(name);
            }
        }
        if directory.is_dir() {
            starting = starting.working_directory(&directory);
        }
        match starting.start().await {
            Ok(client) => {
                checks.push(Check::good(CheckName::Cli, "found, and it starts"));
                checks.push(Check::good(CheckName::Version, version(&client)));
                self.with_cli(&client, &directory, &mut checks).await;
                client.stop().await;
            }
            Err(error) => self.without_cli(&error, &mut checks),
        }
        if let Some(hub) = &self.hub {
            checks.push(hub_check(hub).await);
        }
        Report { checks }
    }

    fn without_cli(&self, error: &SessionError, checks: &mut Vec<Check>) {
        if let SessionError::ProtocolVersion { .. } = error {
            checks.push(Check::good(CheckName::Cli, "found, and it starts"));
            checks.push(Check::failed(CheckName::Version, error.to_string()).by("you"));
        } else {
            checks.push(Check::failed(CheckName::Cli, error.to_string()).by("you"));
            checks.push(skipped(CheckName::Version));
        }
        checks.push(skipped(CheckName::Account));
        checks.push(skipped(CheckName::Repository));
        if self.hub.is_none() {
            checks.push(skipped(CheckName::Sharing));
        }
    }

    async fn with_cli(&self, client: &Client, directory: &Path, checks: &mut Vec<Check>) {
        let account = self.account(client).await;
        let signed_in = account.outcome == CheckOutcome::Good;
        checks.push(account);
        let place = directory.display().to_string();
        let repository = client.repository(&place).await.ok();
        let (clone, name) = self.repository(&place, repository.as_ref());
        let on_github = clone.outcome == CheckOutcome::Good;
        checks.push(clone);
        if self.hub.is_some() {
            return;
        }
        checks.push(match name.filter(|_| signed_in && on_github) {
            Some(name) => self.sharing(client, directory, &name).await,
            None => skipped(CheckName::Sharing),
        });
    }

    async fn account(&self, client: &Client) -> Check {
        let status = match client.auth_status().await {
            Ok(status) if status.is_authenticated => {
                let who = status.status_message.or(status.login).unwrap_or_else(|| "somebody".to_owned());
                return Check::good(CheckName::Account, format!("signed in as {who}"));
            }
            Ok(status) => status.status_message.unwrap_or_else(|| "nobody is signed in".to_owned()),
            Err(error) => error.to_string(),
        };
        if self.hub.is_some() {
            let found = format!("{status}; sessions reach the hub by a bridge, which needs no account");
            return Check::new(CheckName::Account, CheckOutcome::Note, found);
        }
        Check::failed(CheckName::Account, status)
            .because("no account is stored, or the token in the environment is not accepted")
            .next("sign in with `copilot login`, or put a token into GH_TOKEN; or share through a hub, which needs no account")
            .by("you")
    }

    fn repository(&self, place: &str, found: Option<&Repository>) -> (Check, Option<String>) {
        let outside = match found {
            Some(Repository { on_github: true, name: Some(name), .. }) => {
                return (Check::good(CheckName::Repository, format!("{name} on GitHub")), Some(name.clone()));
            }
            Some(Repository { name: Some(name), .. }) => format!("{name}, which is not on GitHub"),
            _ => format!("{place} is in no clone of a GitHub repository"),
        };
        if self.hub.is_some() {
            return (
                Check::new(CheckName::Repository, CheckOutcome::Note, format!("{outside}; a hub takes any")),
                None,
            );
        }
        let check = Check::failed(CheckName::Repository, outside)
            .because("GitHub shares sessions of its repositories only")
            .next("work in a clone of a GitHub repository; or share through a hub, which needs none")
            .by("you");
        (check, None)
    }

    /// Shares a session for a moment.
    async fn sharing(&self, client: &Client, directory: &Path, repository: &str) -> Check {
        let tried = timeout(LIMIT * 3, share(client, directory)).await;
        let words = match tried {
            Ok(Ok(())) => return Check::good(CheckName::Sharing, format!("GitHub shares sessions of {repository}")),
            Ok(Err(words)) => words,
            Err(_) => "it took too long".to_owned(),
        };
        // The one answer that the CLI does tell.
        if words.contains("not enabled for this repository") {
            return explain::refusal(403);
        }
        let github = self.token.as_ref().and_then(|token| GitHub::new(&self.api, token));
        let refusal = match github {
            Some(github) => github.refusal(repository).await,
            None => None,
        };
        refusal.unwrap_or_else(|| explain::untold(&words))
    }
}

/// Shares a session of its own and takes it back. The error is in the CLI's words.
async fn share(client: &Client, directory: &Path) -> Result<(), String> {
    let config = SessionConfig::new().working_directory(directory);
    let session = client.create_session(config).await.map_err(|error| error.to_string())?;
    let outcome = share_session(&session).await;
    let id = session.id().to_owned();
    if let Err(error) = session.destroy().await {
        tracing::debug!(%error, "the session of the doctor did not end in good order");
    }
    if let Err(error) = client.delete_session(&id).await {
        tracing::debug!(%error, "the session of the doctor stays stored");
    }
    outcome
}

async fn share_session(session: &Session) -> Result<(), String> {
    let mut events = session.subscribe();
    let error = match session.remote().enable().await {
        Ok(_) => {
            let ended = session.remote().disable().await;
            return ended.map_err(|error| error.to_string());
        }
        Err(RemoteError::NotSharable { message }) => message,
        Err(error) => return Err(error.to_string()),
    };
    // Its reason comes as an event, before or soon after the answer.
    let warning = async {
        loop {
            let warning = events.next_of_kind("session.warning").await?;
            if let Some(words) = words_of(&warning) {
                return Some(words);
            }
        }
    };
    Err(timeout(Duration::from_secs(2), warning).await.ok().flatten().unwrap_or(error))
}

/// What a warning about sharing says.
fn words_of(warning: &Event) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Warning {
        warning_type: String,
        message: String,
    }
    let warning: Warning = serde_json::from_str(warning.data_raw().get()).ok()?;
    (warning.warning_type == "remote").then_some(warning.message)
}

fn version(client: &Client) -> String {
    let version = client.version();
    format!("{}, protocol {}", version.as_deref().unwrap_or("not told"), client.protocol_version())
}

fn skipped(name: CheckName) -> Check {
    Check::new(name, CheckOutcome::Skipped, "not looked at, because of what failed before")
}

async fn hub_check(hub: &HubEndpoint) -> Check {
    let shown = hub.shown();
    match check_hub(hub).await {
        Ok(()) => Check::good(CheckName::Hub, format!("{shown} answers and takes the token")),
        Err(error @ RemoteError::TokenRefused { status, .. }) => {
            Check::failed(CheckName::Hub, error.to_string()).status(status).by("you, or whoever runs the hub")
        }
        Err(error @ RemoteError::NotAHub { status, .. }) => {
            Check::failed(CheckName::Hub, error.to_string()).status(status).by("you")
        }
        Err(error) => Check::failed(CheckName::Hub, error.to_string())
            .because("it does not run, listens elsewhere, or a proxy or firewall is in the way")
            .by("you, or whoever runs the hub"),
    }
}

//! What the examples stand on, so that each runs offline, without an account, by one command.
//!
//! The agent is the real Copilot CLI (found, or installed by npm into groundlink's cache). GitHub's account endpoints,
//! the model and the far end of the link are stand-ins on this machine: see [`Stage`]. A program of yours has none of
//! this; it starts with `Client::builder()`.

mod acts;

use std::path::{Path, PathBuf};

pub use acts::{answer, kill, outcome, somebody_approves, somebody_opens, start_server};
use groundlink::session::{CliCommand, Client, ClientBuilder, MissionControl, Provider, SessionConfig};
use groundlink_testkit::install::{self, InstallOptions};
use groundlink_testkit::{ScratchRepo, SignedInCli, TestHub};

/// What the examples return.
pub type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The stand-ins of one example; gone when dropped.
#[derive(Debug)]
pub struct Stage {
    cli: PathBuf,
    hub: TestHub,
    account: SignedInCli,
    repo: ScratchRepo,
}

impl Stage {
    /// Finds or installs the CLI, and starts the stand-ins.
    pub async fn set() -> Result<Self> {
        let cli = install::ensure_cli(&InstallOptions::from_env()?, &install::Terminal::default()).await?;
        let (hub, account, repo) = (TestHub::start().await, SignedInCli::start().await, ScratchRepo::new());
        Ok(Self { cli, hub, account, repo })
    }

    /// What stands for `Client::builder()` of a program whose user is signed in: the account is a stand-in, and the
    /// far end is a hub on this machine instead of GitHub.
    pub fn client(&self) -> ClientBuilder {
        let hub = self.hub.handle();
        let mission_control = MissionControl {
            base_url: hub.export_base().into(),
            frontend_url: hub.url().to_string(),
            access_token: hub.export_token().clone(),
            repository: Some(("octo/demo".to_owned(), 7, 42)),
        };
        let mut builder = Client::builder().cli(CliCommand::new(&self.cli)).home(self.account.home());
        for (name, value) in self.account.environment() {
            builder = builder.env(name, value);
        }
        builder.mission_control(mission_control)
    }

    /// The same for a program whose user has no account: the model is the session's own.
    pub fn client_without_account(&self) -> ClientBuilder {
        Client::builder().cli(CliCommand::new(&self.cli)).home(self.account.home()).offline(true)
    }

    /// The scratch repository.
    pub fn directory(&self) -> &Path {
        self.repo.path()
    }

    /// A session in a scratch repository, whose permission requests and questions wait for whoever answers first.
    pub fn session(&self) -> SessionConfig {
        SessionConfig::new()
            .working_directory(self.repo.path())
            .model(groundlink_testkit::github::MODEL)
            .ask_permission(true)
            .ask_user(true)
    }

    /// The same with the scripted model as the session's own, for a CLI that nobody is signed in to.
    pub fn session_without_account(&self) -> SessionConfig {
        self.session().provider(Provider::openai_completions(self.account.model().base_url()))
    }

    /// The Copilot CLI.
    pub fn cli(&self) -> &PathBuf {
        &self.cli
    }

    /// The hub.
    pub fn hub(&self) -> &TestHub {
        &self.hub
    }

    /// An empty home for a CLI that is started by hand.
    pub fn home(&self) -> &std::path::Path {
        self.account.home()
    }
}

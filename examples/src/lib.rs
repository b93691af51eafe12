//! What the examples stand on, so that each runs offline, without an account, by one command.
//!
//! The agent is the real Copilot CLI (found, or installed by npm into groundlink's cache). GitHub's account endpoints,
//! the model and the far end of the link are stand-ins on this machine: see [`Stage`]. A program of yours has none of
//! this; it starts with `Client::builder()`.

use std::path::PathBuf;

use groundlink::session::{CliCommand, Client, ClientBuilder, MissionControl, Provider, SessionConfig};
use groundlink_testkit::install::{self, InstallOptions};
use groundlink_testkit::{ScratchRepo, SignedInCli, TestHub, Viewer};

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
            base_url: hub.export_base(),
            frontend_url: hub.url().clone(),
            access_token: hub.export_token().clone(),
            repository: Some(("octo/demo".to_owned(), 7, 42)),
        };
        let mut builder = Client::builder().cli(CliCommand::new(&self.cli)).home(self.account.home());
        for (name, value) in self.account.environment() {
            builder = builder.env(name, value);
        }
        builder.mission_control(mission_control)
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

/// Plays the person with the phone: opens the link, asks for a command, approves it, and waits for the answer.
pub async fn somebody_opens(link: &str) {
    let viewer = Viewer::open_steerable(link).await;
    println!("Somebody opens the link and says: run-shell");
    viewer.say("run-shell").await;
    let request = viewer.permit(true).await;
    println!("They approve: {}", request["detail"].as_str().unwrap_or_default());
    let answer = viewer.event("the answer", |event| {
        event["type"] == "assistant.message"
            && event["data"]["content"].as_str().is_some_and(|content| content.starts_with("Done."))
    });
    let answer = answer.await;
    viewer.until_idle().await;
    println!("The agent answers: {}", answer["data"]["content"].as_str().unwrap_or_default());
}

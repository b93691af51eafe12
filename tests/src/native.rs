//! The CLI's own exporter against a hub of ours: a signed-in CLI, a hub, a repository.

use std::collections::HashMap;

use groundlink::session::{CliCommand, Client, ClientBuilder, MissionControl, SessionConfig};
use groundlink_testkit::signed_in::UNWANTED;
use groundlink_testkit::{ScratchRepo, SignedInCli, TestHub};
use secrecy::SecretString;
use serde_json::Value;

use crate::parts;

/// What the CLI calls the repository in the link, whatever git says.
pub const REPOSITORY: (&str, u64, u64) = ("octo/demo", 7, 42);

/// The parts around a session that exports itself.
#[derive(Debug)]
pub struct Rig {
    /// The other end.
    pub hub: TestHub,
    /// What makes the CLI believe that somebody is signed in.
    pub account: SignedInCli,
    /// Where the session works.
    pub repo: ScratchRepo,
}

impl Rig {
    /// Starts everything but the CLI.
    pub async fn start() -> Self {
        Self { hub: TestHub::start().await, account: SignedInCli::start().await, repo: ScratchRepo::new() }
    }

    /// A client whose CLI is signed in and exports to the hub.
    pub fn client(&self) -> ClientBuilder {
        let hub = self.hub.handle();
        let (name, owner_id, repo_id) = REPOSITORY;
        let mission_control = MissionControl {
            base_url: hub.export_base().into(),
            frontend_url: hub.url().to_string(),
            access_token: hub.export_token().clone(),
            repository: Some((name.to_owned(), owner_id, repo_id)),
        };
        self.signed_in(Client::builder()).mission_control(mission_control)
    }

    /// The same without a hub.
    pub fn signed_in(&self, mut builder: ClientBuilder) -> ClientBuilder {
        for name in UNWANTED {
            builder = builder.env_remove(*name);
        }
        for (name, value) in self.account.environment() {
            builder = builder.env(name, value);
        }
        builder.cli(CliCommand::new(parts::copilot())).home(self.account.home()).working_directory(self.repo.path())
    }

    /// A session whose questions stay open until somebody answers them.
    pub fn config(&self) -> SessionConfig {
        SessionConfig::new()
            .working_directory(self.repo.path())
            .model(groundlink_testkit::github::MODEL)
            .streaming(true)
            .ask_permission(true)
            .ask_user(true)
            .plan_approval(true)
    }

    /// The beginning of every link that the CLI composes for this hub.
    pub fn link_prefix(&self) -> String {
        format!("{}/{}/tasks/", self.hub.handle().url().as_str().trim_end_matches('/'), REPOSITORY.0)
    }

    /// The hub's token, in clear: for environments of programs that are started by hand.
    pub fn export_token(&self) -> SecretString {
        self.hub.handle().export_token().clone()
    }
}

/// How often each event id occurs among `{seq, event}` values, where it occurs more than once.
pub fn duplicates(events: &[Value]) -> Vec<(String, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for event in events {
        *counts.entry(event["event"]["id"].as_str().unwrap_or("no id")).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(id, count)| (id.to_owned(), count)).collect()
}

/// How many user messages say exactly this.
pub fn said(events: &[Value], text: &str) -> usize {
    events.iter().filter(|e| e["event"]["type"] == "user.message" && e["event"]["data"]["content"] == text).count()
}

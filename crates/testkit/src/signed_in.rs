//! What makes a Copilot CLI believe that somebody is signed in, without an account and without leaving the machine.

use std::path::Path;

use groundlink_cli::scripted::ScriptedModel;
use tempfile::TempDir;

use crate::github::StandInGithub;

/// Variables of the person who runs the tests that must not reach a CLI with a stand-in for an account.
pub const UNWANTED: &[&str] = &[
    "GITHUB_TOKEN",
    "COPILOT_GITHUB_TOKEN",
    "COPILOT_OFFLINE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
];

/// A stand-in for GitHub, a scripted model, an empty home, and a token that can be searched for.
#[derive(Debug)]
pub struct SignedInCli {
    home: TempDir,
    token: String,
    github: StandInGithub,
    model: ScriptedModel,
}

impl SignedInCli {
    /// Starts both servers.
    pub async fn start() -> Self {
        let model = ScriptedModel::start().await.expect("the scripted model starts");
        let github = StandInGithub::start(&model.base_url()).await.expect("the stand-in for GitHub starts");
        let home = tempfile::Builder::new().prefix("groundlink-home-").tempdir().expect("a temporary directory");
        // Long and without a word in it: the CLI blanks every occurrence of the token in what it exports.
        let token = format!("gho_canary{}", uuid::Uuid::new_v4().simple());
        Self { home, token, github, model }
    }

    /// The variables to start a CLI with.
    pub fn environment(&self) -> Vec<(String, String)> {
        let home = self.home.path().display().to_string();
        let github = self.github.url();
        [
            ("COPILOT_API_URL", github.clone()),
            ("COPILOT_DEBUG_GITHUB_API_URL", github),
            ("GH_TOKEN", self.token.clone()),
            ("COPILOT_HOME", home.clone()),
            ("GH_CONFIG_DIR", home.clone()),
            ("XDG_CONFIG_HOME", home.clone()),
            ("XDG_STATE_HOME", home),
            ("COPILOT_AUTO_UPDATE", "false".to_owned()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// The account's token: a canary, to be found nowhere.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The CLI's home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The model that the stand-in for GitHub sends chat requests to.
    pub fn model(&self) -> &ScriptedModel {
        &self.model
    }

    /// The stand-in for GitHub.
    pub fn github(&self) -> &StandInGithub {
        &self.github
    }
}

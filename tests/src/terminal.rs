//! The `copilot` terminal app, as a person runs it, exporting to the hub.

use std::process::Stdio;
use std::time::Duration;

use groundlink_testkit::{Program, eventually_or};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::process::Command;

use crate::native::{REPOSITORY, Rig};
use crate::parts;

const SOON: Duration = Duration::from_mins(1);

/// The app on a terminal of its own, and its link.
#[derive(Debug)]
pub struct Terminal {
    /// The process.
    pub program: Program,
    /// The link on its screen.
    pub link: String,
}

impl Terminal {
    /// Starts it in the rig's repository, signed in, and reads the link off its screen.
    pub async fn start(rig: &Rig) -> Self {
        // The folder is trusted already: a first question about that is not what is tested.
        let config = json!({"trusted_folders": [rig.repo.path()]});
        std::fs::write(rig.account.home().join("config.json"), config.to_string()).expect("a writable home");

        let copilot = parts::copilot();
        let shell = format!(
            "stty cols 240 rows 60; exec '{}' --no-auto-update --model claude-sonnet-4.5 --remote",
            copilot.display()
        );
        // `script` gives it a terminal; it comes with every Debian.
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &shell, "/dev/null"]);
        command.current_dir(rig.repo.path()).envs(rig.account.environment()).env("TERM", "xterm-256color");
        for (name, value) in rig.hub.handle().environment() {
            command.env(name, value);
        }
        let (name, owner_id, repo_id) = REPOSITORY;
        command.env("COPILOT_MC_REPO", name).env("COPILOT_MC_REPO_IDS", format!("{owner_id},{repo_id}"));
        command.env("COPILOT_MC_ACCESS_TOKEN", rig.export_token().expose_secret());
        let program = Program::start_with_stdin(command, Stdio::piped());

        // The link is on the screen, for the person.
        let prefix = rig.link_prefix();
        let link = eventually_or("the link on the screen", SOON, || async {
            let screen = program.screen();
            let found = screen.find(&prefix).map(|at| {
                let rest = &screen[at..];
                let end = rest.find(|c: char| c.is_whitespace() || c.is_control()).unwrap_or(rest.len());
                rest[..end].to_owned()
            });
            found.ok_or(screen)
        })
        .await;
        Self { program, link }
    }

    /// Waits until the screen has shown this, counted from `from` bytes on.
    pub async fn shows(&self, text: &str, from: usize) {
        eventually_or(&format!("{text:?} on the screen"), SOON, || async {
            let screen = self.program.screen();
            let new = screen.get(from..).unwrap_or_default();
            if new.contains(text) { Ok(()) } else { Err(new.to_owned()) }
        })
        .await;
    }
}

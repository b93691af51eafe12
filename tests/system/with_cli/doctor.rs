//! `groundlink doctor`, for each thing that can stand in the way. What people are shown is held by snapshots.

use std::path::PathBuf;
use std::time::Duration;

use groundlink_testkit::process::Ended;
use groundlink_testkit::signed_in::UNWANTED;
use groundlink_testkit::{Program, ScratchRepo, SignedInCli, TestHub};
use groundlink_tests::parts;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_mins(2);

/// A person's machine, healthy but for what a test changes.
struct Machine {
    account: SignedInCli,
    repo: ScratchRepo,
}

impl Machine {
    async fn new() -> Self {
        let machine = Self { account: SignedInCli::start().await, repo: ScratchRepo::of_github("octo/demo") };
        machine.account.github().answer_sharing(201);
        machine
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(parts::groundlink());
        for name in UNWANTED {
            command.env_remove(name);
        }
        command
            .arg("doctor")
            .arg("--dir")
            .arg(self.repo.path())
            .args(arguments)
            .envs(self.account.environment())
            .env("COPILOT_CLI_PATH", parts::copilot())
            // The CLI would ask the real GitHub for them.
            .env("COPILOT_MC_REPO_IDS", "7,42");
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        Program::run(self.command(arguments), PATIENCE).await
    }

    /// What a person is shown.
    fn shown(&self, ended: &Ended) -> String {
        assert!(!format!("{ended:?}").contains(self.account.token()), "the token is not shown");
        let text = ended.stdout.replace(&self.repo.path().display().to_string(), "<repo>");
        format!("{}exit code {}\n{}", text, ended.code.unwrap_or(-1), ended.stderr)
    }
}

/// The sessions in the CLI's home.
fn stored_sessions(machine: &Machine) -> Vec<PathBuf> {
    let sessions = std::fs::read_dir(machine.account.home().join("session-state")).into_iter().flatten().flatten();
    // Beside them stand the CLI's own locks.
    sessions.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).map(|entry| entry.path()).collect()
}

#[tokio::test]
async fn a_healthy_machine() {
    let machine = Machine::new().await;
    let ended = machine.run(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    insta::assert_snapshot!(machine.shown(&ended));
    assert_eq!(stored_sessions(&machine), Vec::<PathBuf>::new(), "the doctor's own session is gone");

    let ended = machine.run(&["--json"]).await;
    let report: Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    assert_eq!(report["healthy"], true, "{report}");
    let names: Vec<&str> =
        report["checks"].as_array().expect("checks").iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, ["cli", "version", "account", "repository", "sharing"]);
}

#[tokio::test]
async fn each_answer_of_github_is_explained() {
    let machine = Machine::new().await;
    let mut shown = Vec::new();
    for status in [401, 403, 404, 422, 503] {
        machine.account.github().answer_sharing(status);
        let ended = machine.run(&[]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        shown.push(format!("## {status}\n\n{}", machine.shown(&ended)));
    }
    insta::assert_snapshot!(shown.join("\n"));
    let ended = machine.run(&["--json"]).await;
    let report: Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    let sharing = report["checks"].as_array().and_then(|checks| checks.last()).expect("checks");
    assert_eq!((&report["healthy"], &sharing["status"]), (&false.into(), &503.into()), "{report}");
}

/// The CLI says nothing at all then, and does not share.
#[tokio::test]
async fn an_account_whose_policy_forbids_it_is_told() {
    let machine = Machine::new().await;
    machine.account.github().answer_sharing(201);
    machine.account.github().switch_remote_control_off();
    let ended = machine.run(&[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    insta::assert_snapshot!(machine.shown(&ended));
}

#[tokio::test]
async fn what_fails_before_github_is_asked() {
    let machine = Machine::new().await;
    let mut shown = Vec::new();
    let mut show = |what: &str, ended: &Ended| {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        shown.push(format!("## {what}\n\n{}", machine.shown(ended)));
    };
    let mut command = machine.command(&[]);
    command.env("COPILOT_CLI_PATH", "/nowhere/copilot");
    show("no CLI", &Program::run(command, PATIENCE).await);

    let mut command = machine.command(&[]);
    command.env_remove("GH_TOKEN");
    show("nobody signed in", &Program::run(command, PATIENCE).await);

    let elsewhere = ScratchRepo::new();
    let mut command = machine.command(&[]);
    command.arg("--hub").arg("http://127.0.0.1:9/mc").env("GROUNDLINK_HUB_TOKEN", "glx_x");
    let hubless = Program::run(command, PATIENCE).await;
    show("no hub", &hubless);

    let outside = Machine { account: SignedInCli::start().await, repo: elsewhere };
    let ended = outside.run(&[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    shown.push(format!("## not a GitHub repository\n\n{}", outside.shown(&ended)));
    insta::assert_snapshot!(shown.join("\n"));
}

#[tokio::test]
async fn a_hub_and_its_token() {
    let (machine, hub) = (Machine::new().await, TestHub::start().await);
    let base = hub.handle().export_base().to_string();
    let address = hub.handle().local_addr().to_string();
    let mut shown = Vec::new();
    for (what, token, url, code) in [
        ("the right token", hub.handle().export_token().expose_secret().to_owned(), base.clone(), 0),
        ("another token", "glx_canary".to_owned(), base.clone(), 1),
        ("not the door", hub.handle().export_token().expose_secret().to_owned(), base.replace("/mc", "/elsewhere"), 1),
    ] {
        let mut command = machine.command(&["--hub", &url]);
        command.env("GROUNDLINK_HUB_TOKEN", &token).env_remove("GH_TOKEN");
        let ended = Program::run(command, PATIENCE).await;
        assert_eq!(ended.code, Some(code), "{what}: {ended:?}");
        assert!(!format!("{ended:?}").contains(&token), "the token is not shown");
        shown.push(format!("## {what}\n\n{}", machine.shown(&ended).replace(&address, "<hub>")));
    }
    insta::assert_snapshot!(shown.join("\n"));
}

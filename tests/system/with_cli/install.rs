//! A machine without the Copilot CLI: the command installs it by npm into its own cache.

use std::time::Duration;

use groundlink_testkit::{Program, Viewer};
use groundlink_tests::demo::{Home, files_below};
use groundlink_tests::parts;
use tokio::process::Command;

/// A download of some hundred megabytes, unless npm has it in its cache.
const DOWNLOAD: Duration = Duration::from_mins(4);

#[tokio::test]
async fn the_demo_installs_the_cli_where_there_is_none() {
    let home = Home::new();
    // Everything of PATH but a Copilot CLI that may happen to be installed here.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let without = std::env::split_paths(&path).filter(|folder| !folder.join("copilot").exists());
    // Where npm's registry is and how to get there are settings of the person who runs the tests: their environment
    // stays, but for the places where the CLI could be found or kept.
    let mut command = Command::new(parts::groundlink());
    command.args(["demo", "--json"]).current_dir(home.path()).env_remove("COPILOT_CLI_PATH");
    command.env("PATH", std::env::join_paths(without).expect("a PATH"));
    for (name, folder) in [("XDG_CACHE_HOME", "cache"), ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config")] {
        command.env(name, home.path().join(folder));
    }
    let mut demo = Program::start(command);
    let shared = demo.json_event("shared", DOWNLOAD).await;
    let viewer = Viewer::open_steerable(shared["url"].as_str().expect("a link")).await;
    viewer.say("hello").await;
    viewer.until_idle().await;
    let installed = files_below(&home.path().join("cache/groundlink"));
    assert!(installed.iter().any(|file| file.ends_with("copilot")), "the CLI is in groundlink's cache");
    assert!(
        installed.iter().any(|file| file.to_string_lossy().to_lowercase().contains("license")),
        "the CLI comes with its licence"
    );
    demo.interrupt().await;
    assert_eq!(demo.ended(Duration::from_secs(30)).await.code, Some(0));
    demo.nothing_left(Duration::from_secs(10)).await;
}

/// What is tested is what a person gets.
#[tokio::test]
async fn the_tests_run_the_version_that_is_installed_by_default() {
    let mut command = Command::new(parts::copilot());
    command.arg("--version");
    let ended = Program::run(command, Duration::from_mins(1)).await;
    let version = groundlink_testkit::install::DEFAULT_VERSION;
    assert!(ended.stdout.contains(&format!("GitHub Copilot CLI {version}.")), "not {version}: {ended:?}");
}

//! A machine without the Copilot CLI: the command installs it by npm into its own cache.

use std::time::Duration;

use groundlink_testkit::{Program, Viewer};
use groundlink_tests::demo::Home;

/// A download of some hundred megabytes, unless npm has it in its cache.
const DOWNLOAD: Duration = Duration::from_mins(4);

#[tokio::test]
async fn the_demo_installs_the_cli_where_there_is_none() {
    let home = Home::new();
    // Everything of PATH but a Copilot CLI that may happen to be installed here.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let without = std::env::split_paths(&path).filter(|folder| !folder.join("copilot").exists());
    let mut command = home.bare(&["demo", "--json"]);
    command.env("PATH", std::env::join_paths(without).expect("a PATH"));
    // Where the registry is, is a setting of the person who runs the tests.
    for (name, value) in npm_settings() {
        command.env(name, value);
    }
    let mut demo = Program::start(command);
    let shared = demo.json_event("shared", DOWNLOAD).await;
    let viewer = Viewer::open_steerable(shared["url"].as_str().expect("a link")).await;
    viewer.say("hello").await;
    viewer.until_idle().await;
    let installed = groundlink_tests::demo::files_below(&home.path().join("cache/groundlink"));
    assert!(installed.iter().any(|file| file.ends_with("copilot")), "the CLI is in groundlink's cache");
    assert!(
        installed.iter().any(|file| file.to_string_lossy().to_lowercase().contains("license")),
        "the CLI comes with its licence"
    );
    demo.interrupt().await;
    assert_eq!(demo.ended(Duration::from_secs(30)).await.code, Some(0));
    demo.nothing_left(Duration::from_secs(10)).await;
}

fn npm_settings() -> Vec<(String, String)> {
    let settings = std::env::vars().filter(|(name, _)| name.to_lowercase().starts_with("npm_config_"));
    let mut settings: Vec<_> = settings.collect();
    if let Some(home) = std::env::home_dir() {
        let cache = home.join(".npm").display().to_string();
        settings.push(("NPM_CONFIG_USERCONFIG".to_owned(), home.join(".npmrc").display().to_string()));
        settings.push(("NPM_CONFIG_CACHE".to_owned(), cache));
    }
    settings
}

/// What is tested is what a person gets.
#[tokio::test]
async fn the_tests_run_the_version_that_is_installed_by_default() {
    let mut command = tokio::process::Command::new(groundlink_tests::parts::copilot());
    command.arg("--version");
    let ended = Program::run(command, Duration::from_mins(1)).await;
    let version = groundlink_testkit::install::DEFAULT_VERSION;
    assert!(ended.stdout.contains(&format!("GitHub Copilot CLI {version}.")), "not {version}: {ended:?}");
}

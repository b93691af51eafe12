//! `cargo xtask test`: everything there is to check, in one command.
//!
//! The whole-system tests need real parts: the Copilot CLI, a browser and the library that drives it. This command
//! finds or installs them ([`parts`]) and hands their paths to the tests by environment variables. A part that is
//! missing makes the run fail; leaving it out is a decision somebody types (`--without`).

pub(crate) mod parts;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::workspace;
use parts::{Parts, PartsError};

/// What `cargo xtask test` understands.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Real parts to do without: tests that need them are left out, and listed.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    without: Vec<Part>,

    /// Tests only: no formatting, lint, codegen or tidy checks.
    #[arg(long)]
    quick: bool,

    /// Passed on to the test runner (cargo-nextest where it is installed, else cargo test).
    #[arg(last = true)]
    runner_args: Vec<String>,
}

/// A real part that the whole-system tests use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The unmodified Copilot CLI.
    Cli,
    /// Chromium, driven by playwright-core.
    Browser,
}

impl Part {
    /// Tests that need the part have this word in their name or module path.
    fn marker(self) -> &'static str {
        match self {
            Self::Cli => "with_cli",
            Self::Browser => "with_browser",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Browser => "browser",
        }
    }
}

/// Why the run did not come out well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestError {
    /// A real part could not be had.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// A step ran and failed; its own output says why.
    #[error("{step} failed ({status}); its output is above")]
    Step {
        /// What was being done.
        step: String,
        /// How the step's process ended.
        status: std::process::ExitStatus,
    },
    /// A step could not be started at all.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why it did not start.
        source: std::io::Error,
    },
}

/// Runs the checks and the tests.
pub(crate) fn run(args: &TestArgs) -> Result<(), TestError> {
    let root = workspace::root();
    let without = effective_without(&args.without);
    let parts = Parts::provide(&root, &without)?;
    parts.describe();

    if !args.quick {
        lint(&root)?;
    }

    let tests = Runner { root: &root, parts: &parts, without: &without };
    tests.build()?;
    tests.doctests(args)?;
    tests.tests(args)
}

/// Doing without the CLI also means doing without the browser tests, which all open a real session.
fn effective_without(asked: &[Part]) -> Vec<Part> {
    let mut without = asked.to_vec();
    if without.contains(&Part::Cli) && !without.contains(&Part::Browser) {
        without.push(Part::Browser);
    }
    without
}

fn lint(root: &Path) -> Result<(), TestError> {
    // This very program, so that nothing is built twice.
    let this = std::env::current_exe().map_err(|source| TestError::Start { program: "xtask".to_owned(), source })?;
    step(root, "codegen --check", Command::new(&this).args(["codegen", "--check"]))?;
    step(root, "tidy", Command::new(&this).arg("tidy"))?;
    step(root, "cargo fmt --check", cargo().args(["fmt", "--all", "--", "--check"]))?;
    let deny = ["--all-targets", "--quiet", "--", "-D", "warnings"];
    step(root, "cargo clippy", cargo().arg("clippy").args(WORKSPACE).args(deny))?;
    // As somebody has it who wants none of the options: in the workspace others switch them on.
    let lean = ["check", "-p", "groundlink", "--no-default-features", "--quiet"];
    step(root, "cargo check (the SDK without its options)", cargo().args(lean))
}

/// What is built, by every step alike: packages that are chosen for a step alone have other features switched on, and
/// everything below them is compiled once more. The families of the protocol are all on: no crate of the workspace asks
/// for every one, and each is to be linted and tested.
const WORKSPACE: [&str; 3] = ["--workspace", "--features", "groundlink/full,groundlink-protocol/full"];

struct Runner<'a> {
    root: &'a Path,
    parts: &'a Parts,
    without: &'a [Part],
}

impl Runner<'_> {
    /// The command and the examples, which the whole-system tests start as a person would.
    fn build(&self) -> Result<(), TestError> {
        let build = ["--bins", "--examples"];
        step(self.root, "cargo build (command and examples)", cargo().arg("build").args(WORKSPACE).args(build))
    }

    fn doctests(&self, args: &TestArgs) -> Result<(), TestError> {
        // A name or filter given by hand is meant for the tests; doctests would only be in the way.
        if !args.runner_args.is_empty() {
            return Ok(());
        }
        let mut command = cargo();
        command.arg("test").args(WORKSPACE).args(["--doc", "--quiet"]);
        step(self.root, "doctests", self.with_parts(&mut command))
    }

    fn tests(&self, args: &TestArgs) -> Result<(), TestError> {
        let nextest = has_nextest();
        if nextest {
            self.list_left_out()?;
        } else {
            for part in self.without {
                println!("left out: every test with `{}` in its name", part.marker());
            }
        }
        let mut command = cargo();
        if nextest {
            command.args(["nextest", "run"]).args(WORKSPACE).arg("--no-fail-fast");
            if let Some(filter) = self.filter(false) {
                command.args(["--filterset", &filter]);
            }
            command.args(&args.runner_args);
        } else {
            command.arg("test").args(WORKSPACE).args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
            let (options, harness) = split_harness(&args.runner_args);
            command.args(options).arg("--").args(harness);
            for part in self.without {
                command.args(["--skip", part.marker()]);
            }
        }
        step(self.root, "tests", self.with_parts(&mut command))
    }

    /// Shows what `--without` costs, by name.
    fn list_left_out(&self) -> Result<(), TestError> {
        let Some(filter) = self.filter(true) else { return Ok(()) };
        let mut command = cargo();
        command.args(["nextest", "list"]).args(WORKSPACE).args(["--filterset", &filter]);
        step(self.root, "tests that are left out", self.with_parts(&mut command))
    }

    /// A nextest filter for the tests that need a part which is left out, or for all others.
    fn filter(&self, left_out: bool) -> Option<String> {
        if self.without.is_empty() {
            return None;
        }
        let needs: Vec<String> = self.without.iter().map(|part| format!("test({})", part.marker())).collect();
        let needs = needs.join(" | ");
        Some(if left_out { needs } else { format!("not ({needs})") })
    }

    fn with_parts<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.parts.environment());
        // Where the person who runs the tests shares their own sessions to, and under which name.
        for name in ["BASE_URL", "FRONTEND_URL", "ACCESS_TOKEN", "REPO", "REPO_IDS"] {
            command.env_remove(format!("COPILOT_MC_{name}"));
        }
        if !self.without.is_empty() {
            let names: Vec<&str> = self.without.iter().map(|part| part.name()).collect();
            command.env("GROUNDLINK_TEST_WITHOUT", names.join(","));
        }
        command
    }
}

/// `cargo test` has its own `--`: what follows it belongs to the harness.
fn split_harness(args: &[String]) -> (&[String], &[String]) {
    match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[]),
    }
}

fn has_nextest() -> bool {
    cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn step(root: &Path, name: &str, command: &mut Command) -> Result<(), TestError> {
    println!("==> {name}");
    let started = Instant::now();
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.current_dir(root).status().map_err(|source| TestError::Start { program, source })?;
    if !status.success() {
        return Err(TestError::Step { step: name.to_owned(), status });
    }
    println!("    {name}: {:.0} s", started.elapsed().as_secs_f32());
    Ok(())
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").as_deref().unwrap_or(OsStr::new("cargo")));
    // `cargo run` tells this program what package it is. Build scripts look at that (ring's does), and everything above
    // them would be compiled again whenever cargo is started by hand in between.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cli_means_no_browser_tests_either() {
        assert_eq!(effective_without(&[Part::Cli]), [Part::Cli, Part::Browser]);
        assert_eq!(effective_without(&[Part::Browser]), [Part::Browser]);
        assert_eq!(effective_without(&[]), []);
    }

    #[test]
    fn harness_arguments_come_after_the_second_dashes() {
        let args: Vec<String> = ["-p", "x", "--", "--nocapture"].map(str::to_owned).to_vec();
        let (options, harness) = split_harness(&args);
        assert_eq!(options, ["-p", "x"]);
        assert_eq!(harness, ["--nocapture"]);
    }
}

//! `cargo xtask bench session`: what a session costs a program, here and with the official SDK.
//!
//! Two programs, built from the registry in the same run, do the same over an in-memory stream with the same other end.
//! Rows of events and calls are run with two counts; the difference, by the difference in count, is what one costs.
//! Then both start the real CLI, in turns ([`start`]). Last, an empty program on each is built from nothing: CPU time,
//! crates, and the size of the stripped result ([`hello`]).

mod hello;
mod start;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::build::{self, cargo, file};
use crate::error::{Error, Result};
use crate::workspace;

/// The official SDK as measured. One version, so that a figure that changes is ours.
const OFFICIAL: &str = "1.0.29-preview.4";
/// Rows whose cost is that of one message, and the smaller of the two counts.
const COSTS: [(&str, u64); 7] = [
    ("deltas-1", 20_000),
    ("deltas-4", 20_000),
    ("mix-1", 4_000),
    ("mix-1-typed", 4_000),
    ("mix-4", 4_000),
    ("calls", 4_000),
    ("calls-1000", 4_000),
];
/// Rows that are what they are.
const WHOLES: [(&str, u64); 3] = [("burst", 60_000), ("sessions", 1_000), ("tcp", 200)];

/// The official SDK connects over TCP and starts a CLI only with its feature `runtime`. Its build script would fetch
/// a CLI; this variable is its own word for leaving that out.
const NO_DOWNLOAD: (&str, &str) = ("COPILOT_SKIP_CLI_DOWNLOAD", "1");

/// Options of `cargo xtask bench session`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each program starts the real CLI.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..=100))]
    starts: u64,
    /// Leave out the builds from nothing, which take minutes.
    #[arg(long)]
    no_builds: bool,

    /// Only these rows, such as `tcp,start`.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
}

impl Args {
    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }
}

#[derive(Clone, Copy)]
enum Program {
    Ours,
    Official,
}

impl Program {
    const ALL: [Self; 2] = [Self::Ours, Self::Official];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "groundlink",
            Self::Official => "github-copilot-sdk",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Ours => "session-ours",
            Self::Official => "session-official",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Ours => include_str!("session/peers/ours.rs"),
            Self::Official => include_str!("session/peers/official.rs"),
        }
    }

    /// As a user would depend on it to start a CLI.
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Ours => &[],
            Self::Official => &["runtime"],
        }
    }

    fn dependencies(self, root: &Path, features: &[&str]) -> String {
        match self {
            Self::Ours => {
                let path = |name: &str| format!("{:?}", root.join("crates").join(name).display().to_string());
                format!(
                    "groundlink-session = {{ path = {}, features = {features:?} }}\ngroundlink-protocol = {{ path = {} }}\n",
                    path("session"),
                    path("protocol")
                )
            }
            Self::Official => format!(
                "github-copilot-sdk = {{ version = \"={OFFICIAL}\", default-features = false, features = {features:?} }}\n"
            ),
        }
    }
}

/// Runs it and prints JSON.
pub(super) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    let folder = build::target(&root).join("bench").join("session");
    write(&root, &folder)?;
    let recording = record(&root, &folder)?;
    let mut report = serde_json::Map::new();
    for program in Program::ALL {
        eprintln!("==> build {}", program.name());
        cargo_in(&folder, &["build", "--quiet", "--release", "--package", program.package()])?;
        let mut rows = serde_json::Map::new();
        for (row, count) in COSTS.into_iter().filter(|(row, _)| args.wants(row)) {
            eprintln!("==> {}: {row}", program.name());
            let few = measure(&folder, program, row, count, &recording)?;
            let many = measure(&folder, program, row, count * 2, &recording)?;
            rows.insert(row.to_owned(), each(&few, &many, count));
        }
        for (row, count) in WHOLES.into_iter().filter(|(row, _)| args.wants(row)) {
            eprintln!("==> {}: {row}", program.name());
            rows.insert(row.to_owned(), measure(&folder, program, row, count, &recording)?);
        }
        report.insert(program.name().to_owned(), Value::Object(rows));
    }
    if args.wants("start") {
        for (program, row) in start::measure(&root, &folder, args.starts)? {
            report[program.name()]["start"] = row;
        }
    }
    if !args.no_builds && args.wants("hello") {
        for program in Program::ALL {
            report[program.name()]["hello"] = hello::measure(&root, &folder, program)?;
        }
    }
    println!("{:#}", json!({"bench": "session", "official": OFFICIAL, "figures": report}));
    Ok(())
}

fn each(few: &Value, many: &Value, count: u64) -> Value {
    #[allow(clippy::cast_precision_loss)] // Far below 2^52.
    let by = |name: &str| {
        let difference = many[name].as_f64().unwrap_or_default() - few[name].as_f64().unwrap_or_default();
        (difference / count as f64 * 10.0).round() / 10.0
    };
    let mut each = json!({"allocations_each": by("allocations"), "cpu_ns_each": by("cpu_ns")});
    for name in ["missing", "missing_untold"] {
        if let Some(missing) = many.get(name) {
            each[name] = missing.clone();
        }
    }
    each
}

fn measure(folder: &Path, program: Program, row: &str, count: u64, recording: &Path) -> Result<Value> {
    let path = folder.join("build/release").join(program.package());
    let output = Command::new(&path).arg(row).arg(count.to_string()).arg(recording).output();
    let failed = |problem: String| Error::Command { command: format!("{} {row} {count}", path.display()), problem };
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

/// The events that were recorded from the CLI, in one file.
fn record(root: &Path, folder: &Path) -> Result<PathBuf> {
    let examples = root.join("crates/protocol/tests/examples/events");
    let mut names: Vec<PathBuf> = fs::read_dir(&examples)
        .map_err(Error::file(&examples))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    names.sort();
    let mut events = Vec::new();
    for name in names {
        let text = fs::read_to_string(&name).map_err(Error::file(&name))?;
        let event: Value = serde_json::from_str(&text).map_err(|error| Error::Command {
            command: format!("reading {}", name.display()),
            problem: error.to_string(),
        })?;
        events.push(event);
    }
    let path = folder.join("events.json");
    file(&path, &Value::Array(events).to_string())?;
    Ok(path)
}

fn write(root: &Path, folder: &Path) -> Result<()> {
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"common\", \"session-ours\", \"session-official\"]\n";
    file(&folder.join("Cargo.toml"), workspace)?;
    let lock = root.join("Cargo.lock");
    if !folder.join("Cargo.lock").exists() {
        file(&folder.join("Cargo.lock"), &fs::read_to_string(&lock).map_err(Error::file(&lock))?)?;
    }
    // Counting allocations takes unsafe code; a library has it.
    file(&folder.join("common/Cargo.toml"), &manifest("common", "stats_alloc = \"0.1\"\n"))?;
    file(&folder.join("common/src/lib.rs"), include_str!("session/peers/common.rs"))?;
    for program in Program::ALL {
        // Every typed call of ours, as the official SDK has them all.
        let features = if matches!(program, Program::Ours) { &["full"] } else { program.features() };
        let dependencies = format!("common = {{ path = \"../common\" }}\n{}", program.dependencies(root, features));
        let of_it = folder.join(program.package());
        file(&of_it.join("Cargo.toml"), &manifest(program.package(), &dependencies))?;
        file(&of_it.join("src/main.rs"), program.source())?;
    }
    Ok(())
}

fn manifest(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n\
         tokio = {{ version = \"1\", features = [\"rt\", \"io-util\", \"sync\", \"net\", \"time\", \"macros\"] }}\n\
         futures-util = {{ version = \"0.3\", default-features = false, features = [\"std\"] }}\n\
         serde_json = \"1\"\n{dependencies}"
    )
}

fn cargo_in(folder: &Path, args: &[&str]) -> Result<()> {
    let mut command = cargo();
    command
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env(NO_DOWNLOAD.0, NO_DOWNLOAD.1);
    for name in ["RUSTC_WRAPPER", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL"] {
        command.env_remove(name);
    }
    let failed = |problem: String| Error::Command { command: format!("cargo {}", args.join(" ")), problem };
    let status = command.status().map_err(|error| failed(error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(format!("{status}; its words are above. The bench builds its programs from the registry")))
}

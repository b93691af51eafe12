//! `cargo xtask bench hub`: what a hub does under use.
//!
//! The hub runs in a process of its own, with its database on disk, and is spoken to over HTTP by a small program
//! (`hub/program`) that is every exporter and every viewer, on the same machine. Both are built with optimisation. The
//! times hold for this machine and its disk: a command or an event is on its way for about as long as a commit takes.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::build::{cargo, file, target};
use crate::error::{Error, Result};
use crate::workspace;

/// Options of `cargo xtask bench hub`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fail when a figure misses its aim.
    #[arg(long)]
    check: bool,

    /// Idle streams whose memory is measured; twice as many files are open.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..=10_000))]
    streams: u64,
}

/// The program's files.
const FILES: [(&str, &str); 8] = [
    ("main.rs", include_str!("hub/program/main.rs")),
    ("client.rs", include_str!("hub/program/client.rs")),
    ("figures.rs", include_str!("hub/program/figures.rs")),
    ("latency.rs", include_str!("hub/program/latency.rs")),
    ("load.rs", include_str!("hub/program/load.rs")),
    ("machine.rs", include_str!("hub/program/machine.rs")),
    ("server.rs", include_str!("hub/program/server.rs")),
    ("sessions.rs", include_str!("hub/program/sessions.rs")),
];

/// What is wanted: the figure, where it stands in the report, the most it may be.
const AIMS: &[(&str, &str, f64)] = &[
    ("tap to exporter, p99, ms", "/tap_to_exporter_ms/held_poll/p99", 50.0),
    (
        "tap to exporter beside 100 busy sessions, p99, ms",
        "/tap_to_exporter_ms/held_poll_beside_100_busy_sessions/p99",
        50.0,
    ),
    ("tap to the CLI's own exporter, the longest, ms", "/tap_to_exporter_ms/native_path/most", 1_100.0),
    ("event to page, p99, ms", "/event_to_page_ms/alone/p99", 100.0),
    ("event to page beside 100 busy sessions, p99, ms", "/event_to_page_ms/beside_100_busy_sessions/p99", 100.0),
    ("memory of 5,000 idle streams, KiB", "/memory/idle_streams_kib", 250.0 * 1_000_000.0 / 1_024.0),
    ("page of 10,000 events, cold, ms", "/open/0/cold_ms", 1_000.0),
];

/// Runs the bench.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    let folder = target(&root).join("bench").join("hub");
    let program = build(&root, &folder)?;
    let data = folder.join("data");
    if data.exists() {
        std::fs::remove_dir_all(&data).map_err(Error::file(&data))?;
    }
    std::fs::create_dir_all(&data).map_err(Error::file(&data))?;
    let mut command = Command::new(&program);
    command.arg(&data).arg(args.streams.to_string()).stderr(Stdio::inherit());
    let failed = |problem: String| Error::Command { command: "bench-hub".to_owned(), problem };
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("{}; its words are above", output.status)));
    }
    let mut report: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    std::fs::remove_dir_all(&data).map_err(Error::file(&data))?;

    let aims: Vec<Value> = AIMS.iter().filter_map(|aim| judge(&report, *aim)).collect();
    let missed: Vec<String> = aims.iter().filter(|aim| aim["holds"] == false).map(Value::to_string).collect();
    report["bench"] = "hub".into();
    report["aims"] = aims.into();
    println!("{report:#}");
    if args.check && !missed.is_empty() {
        return Err(Error::Missed(missed));
    }
    Ok(())
}

/// Holds a figure against its aim. One that this system does not tell is left out.
fn judge(report: &Value, (figure, place, most): (&str, &str, f64)) -> Option<Value> {
    let measured = report.pointer(place)?.as_f64()?;
    Some(json!({"figure": figure, "measured": measured, "most": most.round(), "holds": measured <= most}))
}

/// Writes and builds the program.
fn build(root: &Path, folder: &Path) -> Result<std::path::PathBuf> {
    eprintln!("==> build");
    write(root, folder)?;
    let mut command = cargo();
    command.args(["build", "--quiet", "--release", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    command.arg("--target-dir").arg(folder.join("build"));
    let problem = match command.status() {
        Ok(status) if status.success() => {
            let name = format!("bench-hub{}", std::env::consts::EXE_SUFFIX);
            return Ok(folder.join("build").join("release").join(name));
        }
        Ok(status) => format!("{status}; its words are above"),
        Err(error) => error.to_string(),
    };
    Err(Error::Command { command: "cargo build --package bench-hub".to_owned(), problem })
}

fn write(root: &Path, folder: &Path) -> Result<()> {
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"bench-hub\"]\n\n[profile.release]\n\
                     debug = \"line-tables-only\"\n";
    file(&folder.join("Cargo.toml"), workspace)?;
    if !folder.join("Cargo.lock").exists() {
        // The same versions as in the workspace; cargo leaves out what is not used.
        let lock = root.join("Cargo.lock");
        file(&folder.join("Cargo.lock"), &std::fs::read_to_string(&lock).map_err(Error::file(&lock))?)?;
    }
    // A TOML string is quoted as a Rust one.
    let hub = root.join("crates").join("hub").display().to_string();
    // rustix: raises the limit of open files, without `unsafe`.
    let manifest = format!(
        "[package]\nname = \"bench-hub\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n\
         tokio = {{ version = \"1\", features = [\"rt-multi-thread\", \"macros\", \"net\", \"io-std\", \"io-util\", \"sync\", \
         \"time\", \"process\"] }}\nserde_json = \"1\"\nsecrecy = \"0.10\"\n\
         rustix = {{ version = \"1\", features = [\"process\"] }}\ngroundlink-hub = {{ path = {hub:?} }}\n"
    );
    file(&folder.join("bench-hub/Cargo.toml"), &manifest)?;
    for (name, text) in FILES {
        file(&folder.join("bench-hub/src").join(name), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_held_against_its_aim() {
        let report = json!({"a": {"p99": 7.5}});
        assert_eq!(judge(&report, ("f", "/a/p99", 8.0)).unwrap()["holds"], true);
        assert_eq!(judge(&report, ("f", "/a/p99", 7.0)).unwrap()["holds"], false);
        assert!(judge(&report, ("f", "/b", 7.0)).is_none());
    }

    #[test]
    fn the_program_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        write(&workspace::root(), folder.path()).unwrap();
        let manifest = std::fs::read_to_string(folder.path().join("bench-hub/Cargo.toml")).unwrap();
        toml::from_str::<toml::Table>(&manifest).unwrap();
        let main = std::fs::read_to_string(folder.path().join("bench-hub/src/main.rs")).unwrap();
        for (name, _) in FILES.iter().filter(|(name, _)| *name != "main.rs") {
            assert!(main.contains(&format!("mod {};", name.trim_end_matches(".rs"))), "{name}");
        }
    }
}

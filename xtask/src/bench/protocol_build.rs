//! What it costs to build the protocol with all features, beside the official SDK.
//!
//! Each is the one dependency of an empty package with a build folder of its own. CPU time, not wall time: that of
//! cargo and of all it starts, as the kernel counts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::build::children;

use crate::error::{Error, Result};
use crate::workspace;

/// The official SDK for Rust, without its default features: they fetch the CLI to build it into the program.
const PEER: &str = "github-copilot-sdk";
const OURS: &str = "groundlink-protocol";
/// At most this part of the peer's CPU time.
const GOAL: f64 = 0.5;

/// Options of `cargo xtask bench protocol-build`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The peer's version, as in a manifest.
    #[arg(long, default_value = "*", value_name = "VERSION")]
    peer_version: String,
}

/// Runs it and prints JSON.
pub(super) fn run(args: &Args) -> Result<()> {
    let folder = workspace::target().join("bench/protocol-build");
    let path = workspace::root().join("crates/protocol");
    let ours = Subject {
        name: OURS,
        requirement: format!("{{ path = {:?}, features = [\"full\"] }}", path.display().to_string()),
        folder: folder.join("ours"),
    };
    let peer = Subject {
        name: PEER,
        requirement: format!("{{ version = {:?}, default-features = false }}", args.peer_version),
        folder: folder.join("peer"),
    };
    let (ours, peer) = (ours.measure()?, peer.measure()?);
    let ratio = |key: &str| {
        let seconds = |of: &Value| of[key].as_f64().unwrap_or(f64::NAN);
        round(seconds(&ours) / seconds(&peer))
    };
    let whole = ratio("build_cpu_s");
    let figures = json!({
        "bench": "protocol-build",
        "ours": ours,
        "peer": peer,
        "ratio": {
            "build": whole,
            "build_alone": ratio("build_alone_cpu_s"),
            "check": ratio("check_cpu_s"),
            "check_alone": ratio("check_alone_cpu_s"),
        },
        "goal": { "build_at_most": GOAL, "met": whole <= GOAL },
    });
    println!("{figures:#}");
    Ok(())
}

struct Subject {
    name: &'static str,
    /// What stands behind the name in a manifest.
    requirement: String,
    folder: PathBuf,
}

impl Subject {
    fn measure(&self) -> Result<Value> {
        let manifest = format!(
            "[package]\nname = \"subject\"\nedition = \"2024\"\n\n[dependencies]\n{} = {}\n\n[workspace]\n",
            self.name, self.requirement
        );
        self.write("Cargo.toml", &manifest)?;
        self.write("src/lib.rs", "")?;
        // Downloads are no part of a build.
        self.cargo(&["fetch"])?;
        let mut figures = json!({ "name": self.name, "version": self.version()? });
        for task in ["check", "build"] {
            let target = self.folder.join("target");
            if target.exists() {
                fs::remove_dir_all(&target).map_err(Error::file(&target))?;
            }
            figures[format!("{task}_cpu_s")] = json!(self.cargo(&[task])?);
            // The crate itself, with its dependencies built.
            self.cargo(&["clean", "--package", self.name])?;
            figures[format!("{task}_alone_cpu_s")] = json!(self.cargo(&[task])?);
        }
        figures["crates"] = json!(self.tree()?.len());
        Ok(figures)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
        fs::write(&path, text).map_err(Error::file(&path))
    }

    fn version(&self) -> Result<String> {
        let start = format!("{} v", self.name);
        let line = self.tree()?.into_iter().find_map(|line| line.strip_prefix(&start).map(ToOwned::to_owned));
        Ok(line.unwrap_or_default().split(' ').next().unwrap_or_default().to_owned())
    }

    /// The crates it is made of.
    fn tree(&self) -> Result<Vec<String>> {
        let output = self.run(&["tree", "--edges", "normal", "--prefix", "none", "--no-dedupe"])?;
        let mut lines: Vec<String> = output.lines().map(ToOwned::to_owned).filter(|line| !line.is_empty()).collect();
        lines.sort();
        lines.dedup();
        lines.retain(|line| !line.starts_with("subject "));
        Ok(lines)
    }

    /// The CPU seconds of a cargo command.
    fn cargo(&self, args: &[&str]) -> Result<f64> {
        let before = children()?;
        self.run(args)?;
        Ok(round(children()? - before))
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        eprintln!("{}: cargo {}", self.name, args.join(" "));
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.folder).stdin(Stdio::null());
        // Nothing of the run around it may help or hinder.
        for name in ["CARGO_TARGET_DIR", "RUSTC_WRAPPER", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL"] {
            command.env_remove(name);
        }
        let failed =
            |problem: String| Error::Command { command: format!("cargo {} ({})", args.join(" "), self.name), problem };
        let output = command.output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let reason = said.lines().find(|line| line.starts_with("error")).unwrap_or("no reason given");
            return Err(failed(reason.to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

//! The real CLI: from nothing to the first words of an answer.
//!
//! The model is the scripted one, which answers at once, and the CLI is the one of the tests. Both programs have the same
//! environment, which holds nothing of whoever runs this, and take turns.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value, json};

use super::super::build::cargo;
use super::Program;
use crate::error::{Error, Result};
use crate::test::parts::Parts;
use crate::test::{Part, TestError};

/// What each run tells.
const TIMES: [&str; 3] = ["started_ms", "created_ms", "answer_ms"];

/// Says of both how long it took.
pub(super) fn measure(root: &Path, folder: &Path, times: u64) -> Result<Vec<(Program, Value)>> {
    let parts = Parts::provide(root, &[Part::Browser]).map_err(TestError::from)?;
    let model = Model::start(root)?;
    let stage = Stage::new(folder, &parts, &model.url)?;
    let mut runs: Vec<(Program, Vec<Value>)> = Program::ALL.map(|program| (program, Vec::new())).into();
    for (program, _) in &runs {
        // The first of all unpacks the CLI, and the first in a home makes its files.
        stage.run(*program)?;
    }
    for time in 1..=times {
        eprintln!("==> start {time} of {times}");
        for (program, runs) in &mut runs {
            runs.push(stage.run(*program)?);
        }
        // The end of one run takes something of the machine still when the next begins: each follows each as often.
        runs.reverse();
    }
    let row = |runs: &[Value]| {
        let mut row = Map::new();
        row.insert("starts".to_owned(), runs.len().into());
        for name in TIMES {
            let mut all: Vec<f64> = runs.iter().filter_map(|run| run[name].as_f64()).collect();
            all.sort_by(f64::total_cmp);
            let of = |at: usize| all.get(at).map_or(Value::Null, |time| json!(time.round()));
            let last = all.len().saturating_sub(1);
            row.insert(name.to_owned(), json!({"median": of(all.len() / 2), "least": of(0), "most": of(last)}));
        }
        Value::Object(row)
    };
    Ok(runs.iter().map(|(program, runs)| (*program, row(runs))).collect())
}

/// Where the programs run.
struct Stage<'a> {
    folder: &'a Path,
    cli: PathBuf,
    directory: PathBuf,
    model: &'a str,
    environment: Vec<(&'static str, PathBuf)>,
}

impl<'a> Stage<'a> {
    fn new(folder: &'a Path, parts: &Parts, model: &'a str) -> Result<Self> {
        let environment = parts.environment();
        let cli = environment.iter().find(|(name, _)| *name == "COPILOT_CLI_PATH").map(|(_, path)| path.clone());
        let directory = folder.join("directory");
        fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        Ok(Self { folder, cli: cli.unwrap_or_default(), directory, model, environment })
    }

    fn run(&self, program: Program) -> Result<Value> {
        let path = self.folder.join("build/release").join(program.package());
        let home = self.folder.join(format!("home-{}", program.package()));
        fs::create_dir_all(&home).map_err(Error::file(&home))?;
        let mut command = Command::new(&path);
        command.arg("start").arg(&self.cli).arg(&self.directory).arg(self.model);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(name, path)| (*name, path))).env("HOME", &home);
        // Offline, the CLI insists on a provider of its own, which sessions that bring theirs do not use.
        command.env("COPILOT_HOME", &home).envs([
            ("COPILOT_OFFLINE", "true"),
            ("COPILOT_MODEL", "none"),
            ("COPILOT_PROVIDER_BASE_URL", "http://127.0.0.1:9"),
            ("COPILOT_AUTO_UPDATE", "false"),
            // The official SDK always sets it.
            ("COPILOT_RUNTIME_PROCESS_FILE_LOGGING", "1"),
        ]);
        let failed = |problem: String| Error::Command { command: format!("{} start", path.display()), problem };
        let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
    }
}

/// The scripted model, in a process of its own. It ends with its input.
struct Model {
    url: String,
    child: Child,
}

impl Model {
    fn start(root: &Path) -> Result<Self> {
        let failed = |problem: String| Error::Command { command: "the scripted model".to_owned(), problem };
        let mut command = cargo();
        command.args(["run", "--quiet", "--package", "groundlink-testkit", "--example", "scripted_model"]);
        command.current_dir(root).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut url).map_err(|error| failed(error.to_string()))?;
        }
        let model = Self { url: url.trim().to_owned(), child };
        if model.url.is_empty() {
            return Err(failed("it told no address; its words are above".to_owned()));
        }
        Ok(model)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends by itself now; there is nobody to tell if not.
        let _ = self.child.wait();
    }
}

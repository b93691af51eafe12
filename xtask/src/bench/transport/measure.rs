//! Counting what a program does.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::Value;

use super::programs::{Program, Programs};
use crate::error::{Error, Result};

/// How many times more messages it takes to tell time than to count instructions.
const TIME_FACTOR: u64 = 100;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meter {
    /// Instructions, by valgrind. The same on every machine of a kind, and in every run.
    Instructions,
    /// Time. Good for comparing the programs of one run, and for nothing else.
    Nanoseconds,
}

/// A cost per message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// In the meter's unit.
    pub(super) each: f64,
    /// Messages that did not arrive, in the longer run.
    pub(super) lost: u64,
}

impl Meter {
    /// The best there is on this machine. Says so where it is not the right one.
    pub(super) fn find() -> Self {
        if Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success()) {
            return Self::Instructions;
        }
        eprintln!(
            "valgrind is not there (on Debian: `apt-get install valgrind`): no instructions are counted. Time is \
             measured instead; limits in instructions are left out, ratios are kept and depend on this machine's mood."
        );
        Self::Nanoseconds
    }

    /// What the figures are.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Nanoseconds => "nanoseconds",
        }
    }

    /// The cost of one message: the difference of two runs that differ in nothing but their count.
    pub(super) fn cost(
        self,
        programs: &Programs,
        program: Program,
        row: &str,
        counts: (u64, u64),
        variant: Option<&str>,
    ) -> Result<Cost> {
        let factor = if self == Self::Nanoseconds { TIME_FACTOR } else { 1 };
        let (few, many) = (counts.0 * factor, counts.1 * factor);
        let path = programs.path(program);
        let run = |count: u64| {
            let count = count.to_string();
            let args: Vec<&str> = [row, &count].into_iter().chain(variant).collect();
            self.once(&path, &args)
        };
        let (short, (long, lost)) = (run(few)?.0, run(many)?);
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let each = long.saturating_sub(short) as f64 / (many - few) as f64;
        Ok(Cost { each, lost })
    }

    /// One run: what it cost in all, and how many messages were lost.
    fn once(self, program: &Path, args: &[&str]) -> Result<(u64, u64)> {
        match self {
            Self::Instructions => {
                let mut command = Command::new("valgrind");
                command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
                let output = output(command.arg(program).args(args))?;
                let words = String::from_utf8_lossy(&output.stderr);
                let total = instructions(&words).ok_or_else(|| Error::Command {
                    command: "valgrind".to_owned(),
                    problem: format!("it counted nothing: {}", words.trim()),
                })?;
                Ok((total, lost(&output)))
            }
            Self::Nanoseconds => {
                let started = Instant::now();
                let output = output(Command::new(program).args(args))?;
                Ok((u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX), lost(&output)))
            }
        }
    }
}

/// The total in cachegrind's summary: `==1== I   refs:      1,234`, or `I refs:` in newer ones.
fn instructions(words: &str) -> Option<u64> {
    words.lines().find_map(|line| {
        let (name, number) = line.rsplit_once("refs:")?;
        let number: String = number.chars().filter(char::is_ascii_digit).collect();
        name.trim_end().ends_with('I').then(|| number.parse().ok())?
    })
}

fn lost(output: &Output) -> u64 {
    let report: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    report.and_then(|report| report["lost"].as_u64()).unwrap_or(0)
}

/// Runs the load program and gives its report.
pub(super) fn load(programs: &Programs, what: &str, count: u64) -> Result<Value> {
    let output = output(Command::new(programs.path(Program::Load)).args([what, &count.to_string()]))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Command { command: format!("bench-load {what}"), problem: error.to_string() })
}

fn output(command: &mut Command) -> Result<Output> {
    let output = command.output();
    let failed = |problem: String| Error::Command { command: format!("{command:?}"), problem };
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(failed(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_found_in_old_and_new_words() {
        for (words, total) in [
            ("==1== Cachegrind\n==1== I   refs:      1,234,567\n", Some(1_234_567)),
            ("==1== I refs:        89\n", Some(89)),
            ("==1== D   refs:      5\n==1== LL refs: 7\n", None),
            ("", None),
        ] {
            assert_eq!(instructions(words), total, "{words}");
        }
    }
}

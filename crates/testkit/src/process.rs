//! Real programs as children: their lines as they come, and proof that nothing of them is left afterwards.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::wait::{eventually, eventually_or};

/// Every descendant inherits it (unless its environment is made anew), whatever process group it is in.
const MARK: &str = "GROUNDLINK_TEST_MARK";

/// A program started by a test. When dropped, it and all its descendants are killed.
#[derive(Debug)]
pub struct Program {
    child: Child,
    mark: String,
    stdout: Lines,
    stderr: Lines,
}

type Lines = Arc<Mutex<Vec<String>>>;

/// How a program ended and what it said.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All it wrote to standard output.
    pub stdout: String,
    /// All it wrote to standard error.
    pub stderr: String,
}

impl Program {
    /// Starts a program in a process group of its own.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: Command) -> Self {
        Self::start_with_stdin(command, Stdio::null())
    }

    /// The same with something else than nothing to read. A pipe stays open, and silent, as long as the program runs.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start_with_stdin(mut command: Command, stdin: Stdio) -> Self {
        let mark = uuid::Uuid::new_v4().to_string();
        command
            .env(MARK, &mark)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let program = command.as_std().get_program().to_owned();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {program:?}: {error}"));
        let stdout = child.stdout.take().map(collect).unwrap_or_default();
        let stderr = child.stderr.take().map(collect).unwrap_or_default();
        Self { child, mark, stdout, stderr }
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or does not end in time.
    pub async fn run(command: Command, timeout: Duration) -> Ended {
        let mut program = Self::start(command);
        program.ended(timeout).await
    }

    /// The lines of standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines of standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line of standard output that is a JSON object with this `event`.
    ///
    /// # Panics
    ///
    /// When it does not come in time, or the program ends before.
    pub async fn json_event(&mut self, event: &str, timeout: Duration) -> Value {
        self.json_line(&format!("the event {event:?}"), timeout, |value| value["event"] == event).await
    }

    /// The first line of standard output that is JSON and fits.
    ///
    /// # Panics
    ///
    /// When it does not come in time, or the program ends before.
    pub async fn json_line(&mut self, what: &str, timeout: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        let started = std::time::Instant::now();
        loop {
            // Asked before looking: what it wrote before its end still counts.
            let ended = self.child.try_wait().ok().flatten();
            let lines = self.stdout();
            let found = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).find(|value| fits(value));
            if let Some(value) = found {
                return value;
            }
            let late = started.elapsed() >= timeout;
            assert!(
                ended.is_none() && !late,
                "no {what} (ended: {ended:?})\n--- stdout\n{}\n--- stderr\n{}",
                lines.join("\n"),
                self.stderr().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Its process id.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("a running program")
    }

    /// What Ctrl+C does.
    pub async fn interrupt(&self) {
        signal("INT", &[self.pid()]).await;
    }

    /// Asks it to end.
    pub async fn terminate(&self) {
        signal("TERM", &[self.pid()]).await;
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it does not end in time.
    pub async fn ended(&mut self, timeout: Duration) -> Ended {
        let status: ExitStatus = match tokio::time::timeout(timeout, self.child.wait()).await {
            Ok(status) => status.expect("the status of a child"),
            Err(_) => panic!(
                "still running after {timeout:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.stdout().join("\n"),
                self.stderr().join("\n")
            ),
        };
        // The pipes may hold lines that the readers have not taken yet.
        let mut before = usize::MAX;
        eventually("the last lines of output", Duration::from_secs(5), || {
            let now = self.stdout().len() + self.stderr().len();
            let settled = now == before;
            before = now;
            async move { settled.then_some(()) }
        })
        .await;
        Ended { code: status.code(), stdout: self.stdout().join("\n"), stderr: self.stderr().join("\n") }
    }

    /// The program's descendants (and itself) that are running now, as `(pid, command line)`.
    pub fn family(&self) -> Vec<(u32, String)> {
        marked(&self.mark)
    }

    /// Waits until nothing that it started is left.
    ///
    /// # Panics
    ///
    /// When something is still there after the time.
    pub async fn nothing_left(&self, timeout: Duration) {
        eventually_or("the end of all child processes", timeout, || {
            let family = self.family();
            async move { if family.is_empty() { Ok(()) } else { Err(format!("{family:?}")) } }
        })
        .await;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let left: Vec<String> = self.family().iter().map(|(pid, _)| pid.to_string()).collect();
        if !left.is_empty() {
            // Failure means they ended by themselves in between.
            drop(
                std::process::Command::new("sh")
                    .arg("-c")
                    .arg(format!("kill -KILL {} 2>/dev/null", left.join(" ")))
                    .status(),
            );
        }
    }
}

/// Sends a signal by name, by the shell's own `kill`: no program of that name needs to be installed.
pub async fn signal(name: &str, pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let line = format!("kill -{name} {}", pids.join(" "));
    if let Err(error) = Command::new("sh").arg("-c").arg(&line).status().await {
        tracing::warn!(%error, line, "cannot send a signal");
    }
}

/// Finds a program on PATH.
pub fn find_on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = Path::new(name.as_ref());
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

fn collect(stream: impl AsyncRead + Unpin + Send + 'static) -> Lines {
    let lines = Lines::default();
    let sink = Arc::clone(&lines);
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                    sink.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                }
            }
        }
    });
    lines
}

fn marked(mark: &str) -> Vec<(u32, String)> {
    let needle = format!("{MARK}={mark}");
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == needle.as_bytes())
        })
        .map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .collect()
}

//! Real programs as children: their lines as they come, and proof that nothing of them is left afterwards.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::wait::eventually_or;

/// Every descendant inherits it (unless its environment is made anew), whatever process group it is in.
const MARK: &str = "GROUNDLINK_TEST_MARK";

/// A program started by a test. When dropped, it and all its descendants are killed.
#[derive(Debug)]
pub struct Program {
    child: Child,
    mark: String,
    stdout: Output,
    stderr: Output,
}

/// What came out of a pipe so far, and whether more can come.
type Output = Arc<Mutex<Pipe>>;

#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    closed: bool,
}

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
    pub fn start(command: Command) -> Self {
        Self::start_with_stdin(command, Stdio::null())
    }

    /// The same with something else than nothing to read. A pipe stays open, and silent, as long as the program runs.
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
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let stdout = child.stdout.take().map(collect).unwrap_or_default();
        let stderr = child.stderr.take().map(collect).unwrap_or_default();
        Self { child, mark, stdout, stderr }
    }

    /// Runs a program to its end.
    pub async fn run(command: Command, timeout: Duration) -> Ended {
        let mut program = Self::start(command);
        program.ended(timeout).await
    }

    /// The complete lines of standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        lines(&text(&self.stdout))
    }

    /// The complete lines of standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        lines(&text(&self.stderr))
    }

    /// All of standard output so far, for programs that draw on a terminal.
    pub fn screen(&self) -> String {
        text(&self.stdout)
    }

    /// Writes to its standard input, which must be a pipe: what a person types.
    pub async fn write(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("a piped standard input");
        stdin.write_all(text.as_bytes()).await.expect("the program reads");
        stdin.flush().await.expect("the program reads");
    }

    /// The first line of standard output that is a JSON object with this `event`.
    pub async fn json_event(&mut self, event: &str, timeout: Duration) -> Value {
        self.json_line(&format!("the event {event:?}"), timeout, |value| value["event"] == event).await
    }

    /// The first line of standard output that is JSON and fits.
    pub async fn json_line(&mut self, what: &str, timeout: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        let started = std::time::Instant::now();
        loop {
            // Asked before looking: what it wrote before its end still counts.
            let ended = closed(&self.stdout);
            let lines = self.stdout();
            let found = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).find(|value| fits(value));
            if let Some(value) = found {
                return value;
            }
            let late = started.elapsed() >= timeout;
            assert!(
                !ended && !late,
                "no {what} ({})\n--- stdout\n{}\n--- stderr\n{}",
                if ended { "it ended" } else { "it is still running" },
                lines.join("\n"),
                self.stderr().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Its process id.
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
    pub async fn ended(&mut self, timeout: Duration) -> Ended {
        let Ok(status) = tokio::time::timeout(timeout, self.child.wait()).await else {
            panic!(
                "still running after {timeout:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.screen(),
                text(&self.stderr)
            );
        };
        let status = status.expect("the status of a child");
        // What is still in the pipes. A grandchild may hold them open; then what is there must do.
        let drained = async {
            while !(closed(&self.stdout) && closed(&self.stderr)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), drained).await;
        Ended { code: status.code(), stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }

    /// The program's descendants (and itself) that are running now, as `(pid, command line)`.
    pub fn family(&self) -> Vec<(u32, String)> {
        marked(&self.mark)
    }

    /// Waits until nothing that it started is left.
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

fn collect(mut stream: impl AsyncRead + Unpin + Send + 'static) -> Output {
    let output = Output::default();
    let sink = Arc::clone(&output);
    tokio::spawn(async move {
        let mut piece = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            locked(&sink).bytes.extend_from_slice(&piece[..length]);
        }
        locked(&sink).closed = true;
    });
    output
}

fn locked(output: &Output) -> MutexGuard<'_, Pipe> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed(output: &Output) -> bool {
    locked(output).closed
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&locked(output).bytes).into_owned()
}

/// Without what is still being written.
fn lines(text: &str) -> Vec<String> {
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(str::to_owned).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::eventually;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn output_and_exit_code_are_kept() {
        let ended = Program::run(shell("echo one; echo two >&2; printf three; exit 7"), SOON).await;
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(7), "one\nthree", "two\n"));
    }

    #[tokio::test]
    async fn lines_are_found_while_the_program_runs() {
        let mut program = Program::start(shell(r#"echo noise; echo '{"event":"up","n":1}'; read line"#));
        assert_eq!(program.json_event("up", SOON).await["n"], 1);
    }

    #[tokio::test]
    async fn a_grandchild_in_a_group_of_its_own_is_family_and_ends_with_the_test() {
        let program = Program::start(shell("setsid sleep 600 & setsid sleep 600 & echo; wait"));
        let family = |program: &Program| program.family().iter().filter(|(_, line)| line.starts_with("sleep")).count();
        eventually("both grandchildren", SOON, || async { (family(&program) == 2).then_some(()) }).await;
        let mark = program.mark.clone();
        drop(program);
        eventually("the end of both", SOON, || async { marked(&mark).is_empty().then_some(()) }).await;
    }
}

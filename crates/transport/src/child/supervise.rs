//! Watching over one program from its start to its certain end.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::tail::Tail;
use super::{ChildExit, StopPolicy};
use crate::{Error, task};

/// How long stderr may take to end after its program did. A descendant that holds it would hold the answer up.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long a drop may wait for a killed program to be collected.
const REAP: Duration = Duration::from_millis(100);

/// What the owner of a supervised program keeps.
#[derive(Clone)]
pub(super) struct Supervised {
    pub(super) pid: Option<u32>,
    pub(super) tail: Tail,
    /// Cancelled to ask for the end.
    pub(super) stop: CancellationToken,
    /// How the program itself ended; its descendants may still be about.
    pub(super) exit: watch::Receiver<Option<ChildExit>>,
    /// Cancelled when nothing of it is left.
    pub(super) gone: CancellationToken,
}

impl Supervised {
    /// Waits until the program itself ended.
    pub(super) async fn exited(&self) -> ChildExit {
        let mut exit = self.exit.clone();
        let exit = exit.wait_for(Option::is_some).await;
        // The sender goes early only with the runtime.
        exit.ok().and_then(|exit| exit.clone()).unwrap_or_else(|| ChildExit { status: None, output: self.tail.text() })
    }

    /// Asks for the end and waits until nothing is left. Bounded by the stop policy.
    pub(super) async fn end(&self) -> ChildExit {
        self.stop.cancel();
        self.gone.cancelled().await;
        self.exited().await
    }
}

/// The pipes of a started program.
pub(super) struct Pipes {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

/// A program that was started and is not yet watched.
pub(super) struct Started {
    process: Process,
    pipes: Pipes,
}

/// What supervision needs to know about the connection to the program.
pub(super) struct Line {
    /// Closes the program's stdin once what is queued is written. `None` where there is no stdin to close.
    pub(super) hang_up: Option<Box<dyn Fn() + Send + Sync>>,
    /// Completes when everything the program and its descendants wrote to stdout has been read.
    pub(super) drained: BoxFuture<'static, ()>,
    /// Completes when nobody needs the program any more.
    pub(super) unneeded: BoxFuture<'static, ()>,
}

/// Starts a program in a process group of its own.
pub(super) fn start(mut command: Command, stdin: Stdio) -> Result<Started, Error> {
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = PathBuf::from(command.as_std().get_program());
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(|source| Error::Spawn { program, source })?;
    let pipes = Pipes { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() };
    #[cfg(unix)]
    let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(nix::unistd::Pid::from_raw);
    let process = Process {
        child,
        #[cfg(unix)]
        group,
        gone: false,
    };
    Ok(Started { process, pipes })
}

/// Watches the program in the background. `connect` takes the pipes it wants and gives what the caller wants of them.
pub(super) fn watch<T>(
    started: Started,
    tail: Tail,
    policy: StopPolicy,
    connect: impl FnOnce(&Supervised, &mut Pipes) -> (Line, T),
) -> (Supervised, T) {
    let Started { process, mut pipes } = started;
    let (exited, exit) = watch::channel(None);
    let supervised = Supervised {
        pid: process.child.id(),
        tail,
        stop: CancellationToken::new(),
        exit,
        gone: CancellationToken::new(),
    };
    let (line, connected) = connect(&supervised, &mut pipes);
    let watched = supervised.clone();
    task::spawn(Box::pin(async move {
        // Cancelled in every case, also when the runtime drops this task half-way.
        let _gone = watched.gone.drop_guard_ref();
        let stderr = pipes.stderr.take().map(|stderr| task::spawn(Box::pin(watched.tail.clone().follow(stderr))));
        supervise(process, &watched, &policy, line, stderr, exited).await;
    }));
    (supervised, connected)
}

async fn supervise(
    mut process: Process,
    watched: &Supervised,
    policy: &StopPolicy,
    line: Line,
    stderr: Option<tokio::task::JoinHandle<()>>,
    exited: watch::Sender<Option<ChildExit>>,
) {
    let asked = async {
        tokio::select! {
            () = watched.stop.cancelled() => {}
            () = line.unneeded => {}
        }
    };
    let status = tokio::select! {
        status = process.wait() => status,
        () = asked => process.stop(policy, line.hang_up.as_deref()).await,
    };
    if let Some(mut stderr) = stderr
        && tokio::time::timeout(LAST_WORDS, &mut stderr).await.is_err()
    {
        stderr.abort();
    }
    tracing::debug!(pid = watched.pid, ?status, "program ended");
    exited.send_replace(Some(ChildExit { status, output: watched.tail.text() }));
    // Descendants that outlive their leader are asked as it would have been, and then not asked any more.
    process.signal(Signal::Terminate);
    let _ = tokio::time::timeout(policy.after_terminate, line.drained).await;
    process.signal(Signal::Kill);
    process.gone = true;
}

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

/// The program and its group. Dropped before its end was seen, it kills the whole group.
struct Process {
    child: Child,
    /// Numbered as its leader, which is the program itself.
    #[cfg(unix)]
    group: Option<nix::unistd::Pid>,
    gone: bool,
}

impl Process {
    async fn wait(&mut self) -> Option<ExitStatus> {
        match self.child.wait().await {
            Ok(status) => Some(status),
            Err(error) => {
                tracing::warn!(%error, "cannot wait for the program");
                None
            }
        }
    }

    /// Ends the program: by its stdin, by a request, by force.
    async fn stop(&mut self, policy: &StopPolicy, hang_up: Option<&(dyn Fn() + Send + Sync)>) -> Option<ExitStatus> {
        if let Some(hang_up) = hang_up {
            hang_up();
            if let Ok(status) = tokio::time::timeout(policy.after_stdin, self.wait()).await {
                return status;
            }
        }
        self.signal(Signal::Terminate);
        if let Ok(status) = tokio::time::timeout(policy.after_terminate, self.wait()).await {
            return status;
        }
        tracing::warn!("the program ignores requests to end and is killed");
        self.signal(Signal::Kill);
        tokio::time::timeout(policy.after_kill, self.wait()).await.ok().flatten()
    }

    /// Signals the whole group. It keeps its number while any member lives, so that a late signal reaches nobody else;
    /// with no member left the signal fails, which is as good.
    #[cfg(unix)]
    fn signal(&mut self, signal: Signal) {
        use nix::sys::signal::{Signal as Number, killpg};

        let Some(group) = self.group else { return };
        let number = match signal {
            Signal::Terminate => Number::SIGTERM,
            Signal::Kill => Number::SIGKILL,
        };
        if let Err(error) = killpg(group, number) {
            tracing::trace!(%error, "nobody to signal");
        }
    }

    /// There is no polite way here, and no group.
    #[cfg(not(unix))]
    fn signal(&mut self, signal: Signal) {
        if matches!(signal, Signal::Kill)
            && let Err(error) = self.child.start_kill()
        {
            tracing::trace!(%error, "nobody to signal");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.gone {
            return;
        }
        // The runtime ends while the program runs. Killed programs are collected in no time; a zombie would stay as long
        // as this process does.
        self.signal(Signal::Kill);
        let until = std::time::Instant::now() + REAP;
        while let Ok(None) = self.child.try_wait() {
            if std::time::Instant::now() > until {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

//! A program that serves over TCP and says on stdout where.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::supervise::{self, Line, Supervised};
use super::tail::Tail;
use super::{ChildExit, StopPolicy, announced_port};
use crate::{CliUrl, CloseReason, Error, Peer, PeerBuilder, task, tcp};

/// How long a program whose connection ended may take to exit before it counts as running on.
const STATUS: Duration = Duration::from_secs(1);

/// Longest line of output looked at, in bytes.
const MAX_LINE: u64 = 8 * 1024;

/// A running server. Dropped, it asks the program to end, in the background.
pub struct Server {
    url: CliUrl,
    program: Supervised,
}

impl Server {
    /// Starts a program and waits until it announces its port on stdout. Needs a tokio runtime.
    pub async fn spawn(command: Command, policy: StopPolicy, timeout: Duration) -> Result<Self, Error> {
        let started = supervise::start(command, Stdio::null())?;
        let (announce, announced) = oneshot::channel();
        let (program, ()) = supervise::watch(started, Tail::default(), policy, |program, pipes| {
            let drained = CancellationToken::new();
            let done = drained.clone().drop_guard();
            if let Some(stdout) = pipes.stdout.take() {
                let tail = program.tail.clone();
                task::spawn(Box::pin(async move {
                    read_output(stdout, announce, &tail).await;
                    drop(done);
                }));
            }
            let line = Line {
                hang_up: None,
                drained: Box::pin(async move { drained.cancelled().await }),
                unneeded: Box::pin(std::future::pending()),
            };
            (line, ())
        });
        // From here on, an early return ends the program.
        let mut server = Self { url: CliUrl::local(0), program };
        match tokio::time::timeout(timeout, announced).await {
            Ok(Ok(port)) => {
                server.url = CliUrl::local(port);
                Ok(server)
            }
            Ok(Err(_)) => Err(Error::EndedEarly(server.program.end().await)),
            Err(_) => Err(Error::NoAnnouncement { after: timeout, output: server.program.tail.text() }),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &CliUrl {
        &self.url
    }

    /// Connects to it. When the program ends, the peer's pending calls fail with its exit status and last lines, as those
    /// of a [`ChildPeer`](super::ChildPeer) do.
    pub async fn connect(&self, timeout: Duration, peer: PeerBuilder) -> Result<Peer, Error> {
        let program = self.program.clone();
        let peer = peer.on_end(Arc::new(move |reason| {
            let program = program.clone();
            Box::pin(async move { ended(&program, reason).await })
        }));
        tcp::connect(&self.url, timeout, peer).await
    }

    /// The program's process id.
    pub fn pid(&self) -> Option<u32> {
        self.program.pid
    }

    /// The last lines it printed, on stdout and stderr.
    pub fn output_tail(&self) -> String {
        self.program.tail.text()
    }

    /// Ends the program: asks its process group to terminate, then kills the group, each after the wait of the policy.
    pub async fn stop(&self) -> ChildExit {
        self.program.end().await
    }

    /// Waits until the program ended.
    pub async fn exited(&self) -> ChildExit {
        self.program.exited().await
    }
}

/// Looks for the announcement, then reads on, so that the program never waits for somebody to take its output.
async fn read_output(stdout: ChildStdout, announce: oneshot::Sender<u16>, tail: &Tail) {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut stdout).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => tail.push(&line),
        }
        if let Some(port) = announced_port(&String::from_utf8_lossy(&line)) {
            // Nobody waits any more when the time was up.
            let _ = announce.send(port);
            return tail.clone().follow(stdout).await;
        }
    }
}

/// What the end of a connection means: that of the program, or of this connection only.
async fn ended(program: &Supervised, reason: CloseReason) -> CloseReason {
    if program.stop.is_cancelled() {
        return CloseReason::Stopped(program.exited().await);
    }
    match tokio::time::timeout(STATUS, program.exited()).await {
        // It may be on its way out by our own wish, asked for a moment after its connection ended.
        Ok(exit) if program.stop.is_cancelled() => CloseReason::Stopped(exit),
        Ok(exit) => CloseReason::Exited(exit),
        Err(_) => reason,
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.program.stop.cancel();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("url", &self.url).field("pid", &self.program.pid).finish_non_exhaustive()
    }
}

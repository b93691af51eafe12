//! A peer over a program's stdin and stdout.

use std::ops::Deref;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;

use super::supervise::{self, Line, Supervised};
use super::tail::Tail;
use super::{ChildExit, StopPolicy};
use crate::peer::EndHook;
use crate::{CloseReason, Error, Peer, PeerBuilder};

/// How long a program whose output ended may take to exit before its pending calls fail without a status.
const STATUS: Duration = Duration::from_secs(1);

/// How long the reader may take, after everything else ended, before the connection is closed over its head.
const FORCE: Duration = Duration::from_millis(500);

/// A peer and the program behind it. Dropped, it asks the program to end, in the background.
///
/// Clones of the inner [`Peer`] do not keep the program running. When they all go, or the peer is closed, the program is
/// ended too.
pub struct ChildPeer {
    peer: Peer,
    program: Supervised,
}

/// Starts a program and a peer on its stdin and stdout. Needs a tokio runtime.
///
/// The command's own stdio settings are replaced. When the program ends, every pending call fails with its exit status
/// and the last lines of its stderr.
pub fn spawn(command: Command, policy: StopPolicy, peer: PeerBuilder) -> Result<ChildPeer, Error> {
    let started = supervise::start(command, Stdio::piped())?;
    let tail = Tail::default();
    let (program, peer) = supervise::watch(started, tail.clone(), policy, |program, pipes| {
        let builder = peer.also_on_noise(move |line| tail.push_line(line)).on_end(exit_as_reason(program.clone()));
        // Both are there, because both were asked for.
        let peer = match (pipes.stdout.take(), pipes.stdin.take()) {
            (Some(stdout), Some(stdin)) => builder.build(stdout, stdin),
            _ => builder.build(tokio::io::empty(), tokio::io::sink()),
        };
        let core = Arc::clone(peer.core());
        let (hung_up, drained, unneeded) = (Arc::clone(&core), Arc::clone(&core), core);
        let exit = program.clone();
        let line = Line {
            hang_up: Some(Box::new(move || hung_up.finish_writing())),
            drained: Box::pin(async move {
                if tokio::time::timeout(FORCE, drained.closed()).await.is_err() {
                    // Somebody outside the group holds the other end of stdout.
                    let stopped = exit.stop.is_cancelled();
                    let exit = exit.exited().await;
                    drained.close(if stopped { CloseReason::Stopped(exit) } else { CloseReason::Exited(exit) });
                }
            }),
            unneeded: Box::pin(async move {
                unneeded.closed().await;
            }),
        };
        (line, peer)
    });
    Ok(ChildPeer { peer, program })
}

/// What the end of stdout means: the program ended, or soon will; within the stop policy's time where we stop it.
fn exit_as_reason(program: Supervised) -> EndHook {
    Arc::new(move |reason| {
        let program = program.clone();
        Box::pin(async move {
            if program.stop.is_cancelled() {
                return CloseReason::Stopped(program.exited().await);
            }
            if !matches!(
                reason,
                CloseReason::EndOfStream
                    | CloseReason::Io(_)
                    | CloseReason::Frame(crate::frame::FrameError::Truncated { .. })
            ) {
                return reason;
            }
            let exit = tokio::time::timeout(STATUS, program.exited()).await;
            let exit = exit.unwrap_or_else(|_| ChildExit { status: None, output: program.tail.text() });
            // It may be on its way out by our own wish, asked for a moment after its output ended.
            if program.stop.is_cancelled() { CloseReason::Stopped(exit) } else { CloseReason::Exited(exit) }
        })
    })
}

impl ChildPeer {
    /// The peer.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The program's process id.
    pub fn pid(&self) -> Option<u32> {
        self.program.pid
    }

    /// The last lines of the program's stderr so far.
    pub fn output_tail(&self) -> String {
        self.program.tail.text()
    }

    /// Ends the program: writes what is queued and closes its stdin, then asks its process group to terminate, then
    /// kills the group, each after the wait of the [`StopPolicy`]. Calls that are pending then fail with how the program
    /// ended ([`CloseReason::Stopped`]). Calling it again only waits for the same end.
    pub async fn stop(&self) -> ChildExit {
        let exit = self.program.end().await;
        self.peer.close();
        exit
    }

    /// Waits until the program ended by itself or by [`stop`](Self::stop).
    pub async fn exited(&self) -> ChildExit {
        self.program.exited().await
    }
}

impl Deref for ChildPeer {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl Drop for ChildPeer {
    fn drop(&mut self) {
        self.program.stop.cancel();
    }
}

impl std::fmt::Debug for ChildPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChildPeer").field("pid", &self.program.pid).field("peer", &self.peer).finish()
    }
}

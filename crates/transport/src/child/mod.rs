//! A program as the other side: started in a process group of its own, and gone for certain when its handle is.
//!
//! The group matters because a command-line program is often a wrapper that starts the real one; a signal to the wrapper
//! alone leaves the real one running.

mod announce;
mod server;
mod stdio;
mod supervise;
mod tail;

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

pub use announce::announced_port;
pub use server::Server;
pub use stdio::{ChildPeer, spawn};

/// How a program is asked to end, and for how long before the next step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StopPolicy {
    /// After its stdin was closed. Programs that speak over stdio end by themselves then.
    pub after_stdin: Duration,
    /// After the group was asked to terminate.
    pub after_terminate: Duration,
    /// After the group was killed. Longer than a moment only where the system is stuck.
    pub after_kill: Duration,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            after_stdin: Duration::from_secs(5),
            after_terminate: Duration::from_secs(3),
            after_kill: Duration::from_secs(2),
        }
    }
}

impl StopPolicy {
    /// Sets the waits after closing stdin, after asking to terminate, and after killing.
    #[must_use]
    pub fn new(after_stdin: Duration, after_terminate: Duration, after_kill: Duration) -> Self {
        Self { after_stdin, after_terminate, after_kill }
    }
}

/// How a program ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChildExit {
    /// Its status, unless it closed its output and went on, or would not die.
    pub status: Option<ExitStatus>,
    /// The last lines of its stderr, and of its stdout what was no frame. Usually the only place a reason is given.
    pub output: String,
}

impl fmt::Display for ChildExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "the program ended ({status})")?,
            None => f.write_str("the program closed its output")?,
        }
        if self.output.is_empty() {
            f.write_str(" and said nothing on stderr")
        } else {
            write!(f, "; its last output: {}", self.output)
        }
    }
}

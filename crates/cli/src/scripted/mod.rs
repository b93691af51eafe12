//! The built-in scripted model: a chat-completions server that needs no account, no key and no network.
//!
//! The demo points the real Copilot CLI at it, so that everything except the model itself is real:
//! the CLI runs the commands, edits the files and asks for permission. Words in the prompt choose
//! what the script does; see [`SUGGESTIONS`] for the four a person is offered, and the module
//! `script` for the rest, which are there for tests.

mod conversation;
mod demo;
mod reply;
mod script;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use demo::{NOTICE, SUGGESTIONS, Suggestion};
pub use wire::{model_list, router};

/// The model name the script goes by. It says what it is wherever a person reads it; a CLI that does not know the
/// name offers all of its tools.
pub const MODEL: &str = "scripted-model";

/// What the script has to know besides the prompts.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ScriptOptions {
    /// Where file-editing replies put their files. Unset: what the CLI's system message says.
    pub working_directory: Option<PathBuf>,
    /// Pauses shorter and answers the same, for tests that do not look at the pace.
    pub hurry: bool,
}

impl ScriptOptions {
    /// Options that take everything from the conversation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts files under `path` (absolute), whatever the system message says.
    #[must_use]
    pub fn working_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.working_directory = Some(path.into());
        self
    }

    /// Leaves out the pauses between words.
    #[must_use]
    pub fn hurry(mut self, hurry: bool) -> Self {
        self.hurry = hurry;
        self
    }
}

/// A running scripted model. Dropping it stops the server.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl ScriptedModel {
    /// Starts on a free loopback port.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_with(ScriptOptions::new()).await
    }

    /// Starts on a free loopback port with `options`.
    pub async fn start_with(options: ScriptOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        // Streams end with the token too: graceful shutdown alone would wait for the longest answer.
        let app = wire::router_until(options, stop.clone());
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, app).with_graceful_shutdown(stopped.cancelled_owned());
            if let Err(error) = served.await {
                tracing::warn!(%error, "the scripted model's server ended");
            }
        });
        Ok(Self { address, stop, task: Some(task) })
    }

    /// The base URL for the CLI's own-provider setting, `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends open streams and the server, and waits for it.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // A keep-alive connection that is idle must not hold up the end of the program.
            let abort = task.abort_handle();
            if tokio::time::timeout(std::time::Duration::from_secs(2), task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

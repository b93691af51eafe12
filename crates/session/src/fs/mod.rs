//! Sessions' files, kept by this program instead of in the CLI's home.

mod database;
mod directory;
mod memory;
mod names;
pub(crate) mod serve;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
pub use database::{SessionDatabase, SqlFailure, SqlFailureClass, SqlKind, SqlResult, SqlStatement};
pub use directory::DirectoryFs;
use groundlink_transport::{HandlerFuture, Peer, Request};
pub use memory::InMemoryFs;
use serde_json::{Value, json};

use crate::SessionError;
use crate::handlers::HandlerKind;
use crate::router::Router;

/// Where sessions' files are said to be. Nothing of it need exist on a disk.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionFsConfig {
    /// The directory that sessions work in where they name none.
    pub initial_directory: String,
    /// The directory that a session's state goes to. It is the same for all: sessions are told apart by their ids.
    pub state_directory: String,
    /// Whether paths are written as on Windows.
    pub windows_paths: bool,
}

impl SessionFsConfig {
    /// Directories in POSIX form.
    pub fn new(initial_directory: impl Into<String>, state_directory: impl Into<String>) -> Self {
        Self {
            initial_directory: initial_directory.into(),
            state_directory: state_directory.into(),
            windows_paths: false,
        }
    }
}

/// The files that a client keeps.
#[derive(Clone)]
pub(crate) struct KeptFiles {
    config: SessionFsConfig,
    fs: Arc<dyn SessionFs>,
    /// Bound where files are given, so that a program without any has none of this code in it.
    serve: ServeFiles,
}

type ServeFiles = fn(&Arc<dyn SessionFs>, &Request, Option<Duration>) -> HandlerFuture;

/// Answers requests about files.
pub(crate) type Files = Box<dyn Fn(&Request) -> HandlerFuture + Send + Sync>;

impl KeptFiles {
    pub(crate) fn new(config: SessionFsConfig, fs: Arc<dyn SessionFs>) -> Self {
        Self { config, fs, serve: serve::answer }
    }

    /// Tells the CLI; it must know before the first session.
    pub(crate) async fn offer(&self, router: &Router, peer: &Peer) -> Result<(), SessionError> {
        const METHOD: &str = "sessionFs.setProvider";
        let (fs, serve) = (Arc::clone(&self.fs), self.serve);
        let deadline = router.deadlines().of(HandlerKind::SessionFs);
        // The same each time that a connection is made.
        let _ = router.files.set(Box::new(move |request| serve(&fs, request, deadline)));
        let params = json!({
            "initialCwd": self.config.initial_directory,
            "sessionStatePath": self.config.state_directory,
            "conventions": if self.config.windows_paths { "windows" } else { "posix" },
            "capabilities": {"sqlite": self.fs.database().is_some(), "binary": self.fs.keeps_bytes()},
        });
        let answer: Result<Value, _> = peer.call(METHOD, &params).await;
        answer.map(drop).map_err(|error| SessionError::from_call(METHOD, None, error))
    }
}

impl std::fmt::Debug for KeptFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptFiles").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What is known of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Bytes.
    pub size: u64,
    /// When it was made.
    pub created: SystemTime,
    /// When it was changed last.
    pub modified: SystemTime,
}

/// Why something did not work with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FsError {
    /// There is no such file or directory.
    #[error("no such file or directory: {0}")]
    NotFound(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Keeps the files of all sessions of a client.
///
/// Paths are absolute, as the CLI writes them, and **the same in every session** (such as `STATE/events.jsonl`, observed
/// with CLI 1.0.102): what belongs to one session must not be seen in another.
///
/// The CLI waits for each call, the first ones before a session is made. A call that panics or is past its
/// [deadline](crate::Deadlines) is answered with an error.
#[async_trait]
pub trait SessionFs: Send + Sync + 'static {
    /// The text of a file.
    async fn read(&self, session: &str, path: &str) -> Result<String, FsError>;
    /// Writes a file anew; directories that are missing are made.
    async fn write(&self, session: &str, path: &str, content: String) -> Result<(), FsError>;
    /// Writes to the end of a file; it and directories that are missing are made.
    async fn append(&self, session: &str, path: &str, content: String) -> Result<(), FsError>;
    /// What is known of a file or directory.
    async fn stat(&self, session: &str, path: &str) -> Result<FileInfo, FsError>;
    /// Makes a directory; with `recursive` those above it, too.
    async fn make_directory(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError>;
    /// The names in a directory, and whether each is a directory.
    async fn list(&self, session: &str, path: &str) -> Result<Vec<(String, bool)>, FsError>;
    /// Removes a file, or a directory; with `recursive` what is in it, too.
    async fn remove(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError>;
    /// Gives a file or directory another name.
    async fn rename(&self, session: &str, from: &str, to: &str) -> Result<(), FsError>;

    /// Whether files that are no text are kept, too. The CLI is told at the start of a connection.
    fn keeps_bytes(&self) -> bool {
        false
    }
    /// The bytes of a file.
    async fn read_bytes(&self, _session: &str, path: &str) -> Result<Vec<u8>, FsError> {
        Err(FsError::Other(format!("{path}: only text is kept here")))
    }
    /// Writes a file of bytes anew; directories that are missing are made.
    async fn write_bytes(&self, _session: &str, path: &str, _content: Vec<u8>) -> Result<(), FsError> {
        Err(FsError::Other(format!("{path}: only text is kept here")))
    }
    /// The sessions' databases, if there are any. The CLI is told at the start of a connection.
    fn database(&self) -> Option<&dyn SessionDatabase> {
        None
    }
}

/// Files, with databases beside them.
#[derive(Debug, Clone)]
pub struct WithDatabase<F, D> {
    /// The files.
    pub files: F,
    /// The databases.
    pub database: D,
}

/// Files that are somebody else's.
macro_rules! passed_on {
    ([$($params:tt)*] $type:ty, |$this:ident| $files:expr, $database:expr) => {
        #[async_trait]
        impl<$($params)*> SessionFs for $type {
            async fn read(&self, session: &str, path: &str) -> Result<String, FsError> {
                let $this = self;
                $files.read(session, path).await
            }

            async fn write(&self, session: &str, path: &str, content: String) -> Result<(), FsError> {
                let $this = self;
                $files.write(session, path, content).await
            }

            async fn append(&self, session: &str, path: &str, content: String) -> Result<(), FsError> {
                let $this = self;
                $files.append(session, path, content).await
            }

            async fn stat(&self, session: &str, path: &str) -> Result<FileInfo, FsError> {
                let $this = self;
                $files.stat(session, path).await
            }

            async fn make_directory(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError> {
                let $this = self;
                $files.make_directory(session, path, recursive).await
            }

            async fn list(&self, session: &str, path: &str) -> Result<Vec<(String, bool)>, FsError> {
                let $this = self;
                $files.list(session, path).await
            }

            async fn remove(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError> {
                let $this = self;
                $files.remove(session, path, recursive).await
            }

            async fn rename(&self, session: &str, from: &str, to: &str) -> Result<(), FsError> {
                let $this = self;
                $files.rename(session, from, to).await
            }

            fn keeps_bytes(&self) -> bool {
                let $this = self;
                $files.keeps_bytes()
            }

            async fn read_bytes(&self, session: &str, path: &str) -> Result<Vec<u8>, FsError> {
                let $this = self;
                $files.read_bytes(session, path).await
            }

            async fn write_bytes(&self, session: &str, path: &str, content: Vec<u8>) -> Result<(), FsError> {
                let $this = self;
                $files.write_bytes(session, path, content).await
            }

            fn database(&self) -> Option<&dyn SessionDatabase> {
                let $this = self;
                $database
            }
        }
    };
}

// So that a program can look into the files too.
passed_on!([T: SessionFs] Arc<T>, |this| (**this), (**this).database());
passed_on!([F: SessionFs, D: SessionDatabase] WithDatabase<F, D>, |this| this.files, Some(&this.database));

//! Why a task failed.

use std::io;
use std::path::{Path, PathBuf};

/// Why a task failed; the message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A facts or docs file is not as it must be.
    #[error("{file}: {problem}")]
    Facts {
        /// The file's name.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// A schema file is not one that the CLI ships.
    #[error("{}: {problem}; the facts are as they were", path.display())]
    Schema {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The generated files are not what the facts give.
    #[error("generated code is not current: {}; run `cargo xtask codegen` and commit the result", .0.join(", "))]
    NotCurrent(Vec<String>),
    /// A version of the CLI changed what a client relies on.
    #[error("{0} changes could break a client")]
    Breaking(usize),
    /// A program that a task needs failed.
    #[error("`{command}` failed: {problem}")]
    Command {
        /// What was run.
        command: String,
        /// What it said.
        problem: String,
    },
    /// The repository breaks its own rules.
    #[error("{}\n{} to put in order", .0.join("\n"), .0.len())]
    Untidy(Vec<String>),
    /// Figures of a bench are beyond their limits.
    #[error("{}\n{} beyond their limits", .0.join("\n"), .0.len())]
    Missed(Vec<String>),
    /// The checks or the tests.
    #[error(transparent)]
    Test(#[from] crate::test::TestError),
}

/// A result of a task.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// 1 where what was looked at is not as it should be, 2 where the task could not be done.
    pub(crate) fn exit_code(&self) -> std::process::ExitCode {
        match self {
            Self::File { .. } | Self::Facts { .. } | Self::Schema { .. } | Self::Command { .. } => 2.into(),
            Self::NotCurrent(_) | Self::Breaking(_) | Self::Untidy(_) | Self::Missed(_) | Self::Test(_) => {
                std::process::ExitCode::FAILURE
            }
        }
    }

    /// For `map_err` on file operations.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }

    /// A problem in a facts or docs file.
    pub(crate) fn facts(file: &str, problem: impl Into<String>) -> Self {
        Self::Facts { file: file.to_owned(), problem: problem.into() }
    }
}

//! Which session it is, and where it works.

use std::path::PathBuf;

use super::SessionConfig;
use super::fields;

fields! {
    /// Who opens the session: shown in its metadata and in the user agent.
    text client_name;

    /// Directories that the agent may use besides the working directory.
    paths additional_directories;

    /// The directory of the user's configuration.
    path config_dir;
}

/// For whom a session's working directory is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingDirectoryTrust {
    /// For the session.
    Session,
    /// For the user, from now on.
    User,
}

impl SessionConfig {
    /// Trusts the working directory: what it brings (hooks, servers, instructions) is used without a question.
    #[must_use]
    pub fn trust_working_directory(mut self, trust: WorkingDirectoryTrust) -> Self {
        let word = match trust {
            WorkingDirectoryTrust::Session => "session",
            WorkingDirectoryTrust::User => "user",
        };
        self.params.trust_working_directory = Some(word.to_owned());
        self
    }

    /// The id; any text that is not empty. By default a new UUID.
    #[must_use]
    pub fn session_id(mut self, id: impl Into<String>) -> Self {
        self.params.session_id = Some(id.into());
        self
    }

    /// The title to begin with.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.params.name = Some(name.into());
        self
    }

    /// The directory the agent works in. By default that of the CLI process.
    #[must_use]
    pub fn working_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.params.working_directory = Some(path.into().to_string_lossy().into_owned());
        self
    }
}

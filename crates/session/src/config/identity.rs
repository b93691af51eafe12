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

    /// Trusts the working directory: for this `session`, or for the `user` from now on.
    text trust_working_directory;
}

impl SessionConfig {
    /// The id, a UUID. By default a new one is made.
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

//! Why a hub does not start or stops working.

use std::path::PathBuf;

/// A hub's error. The message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// No data directory was named.
    #[error("the hub needs a data directory: call `data_dir` on its builder")]
    NoDataDir,

    /// The data directory cannot be made or used.
    #[error("cannot use the data directory {}: {source}; choose another one, or make it writable for this user", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// Another hub works with the same data.
    #[error("another hub is running with the data directory {}; stop it, or choose another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },

    /// The key file cannot be read or written.
    #[error("cannot use the key file {}: {source}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// The key file is not one of ours, or was cut.
    #[error(
        "the key file {} is damaged: it must be 32 bytes long; put the right one back, or delete it to start with a \
         new export token and new links",
        path.display()
    )]
    KeyDamaged {
        /// The file.
        path: PathBuf,
    },

    /// The database cannot be opened or brought up to date.
    #[error("cannot open the hub's database {}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },

    /// The database was made by a newer version, or is not ours.
    #[error("the hub's database {} does not fit this version: {source}; use the version that wrote it, or another data directory", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: sqlx::migrate::MigrateError,
    },

    /// The address to listen on is not one.
    #[error(
        "`{address}` is not an address to listen on; say for example 127.0.0.1:8080, or 127.0.0.1:0 for any free port"
    )]
    ListenAddress {
        /// What was asked for.
        address: String,
        /// Why it is none.
        source: std::io::Error,
    },

    /// Somebody listens there already.
    #[error("{address} is taken by another program; choose another port, or port 0 for any free one")]
    PortTaken {
        /// What was asked for.
        address: String,
    },

    /// The address exists, but cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// What was asked for.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },

    /// The public address cannot be the start of links.
    #[error(
        "`{url}` cannot be the hub's public address: it must be an http or https URL with a host, without query and fragment"
    )]
    PublicUrl {
        /// What was asked for.
        url: String,
    },
}

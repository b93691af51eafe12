//! Features of the CLI.

use groundlink_protocol::types::{InfiniteSessions, MemoryOptions};

use super::fields;

fields! {
    /// Whether configuration is looked for in the working directory.
    flag enable_config_discovery;

    /// Whether hooks of files run.
    flag enable_file_hooks;

    /// Whether the CLI may use git by itself.
    flag enable_host_git_operations;

    /// Whether the session is kept in the CLI's store of sessions.
    flag enable_session_store;

    /// Does without looking for text by its meaning.
    flag skip_embedding_retrieval;

    /// Where embeddings are kept: `persistent` or `in-memory`.
    text embedding_cache_storage;

    /// Whether the agent remembers beyond the session.
    typed memory: MemoryOptions;

    /// When and how the context is compacted, so that the session can go on for ever.
    typed infinite_sessions: InfiniteSessions;

    /// Whether changes of files are tracked, so that they can be taken back.
    flag enable_file_change_tracking;

    /// The sandbox that tools run in; the shape is the CLI's own.
    json sandbox_config;

    /// The CLI's own feature flags.
    flags feature_flags;

    /// Whether experimental features are on.
    flag is_experimental_mode;

    /// Whether a person is there.
    flag interactive_user;
}

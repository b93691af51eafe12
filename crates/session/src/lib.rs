//! Sessions of the Copilot CLI: finding and starting it, creating and resuming sessions, their
//! events, and answering what the agent asks.
//!
//! ```no_run
//! use groundlink_session::{Client, Message, SessionConfig};
//!
//! # async fn run() -> Result<(), groundlink_session::SessionError> {
//! let client = Client::builder().start().await?;
//! let session = client.create_session(SessionConfig::new().streaming(true)).await?;
//! let mut events = session.subscribe();
//! session.send(Message::text("What is in this directory?")).await?;
//! while let Some(item) = events.next().await {
//!     if item.event().is_some_and(|event| event.kind() == "session.idle") {
//!         break;
//!     }
//! }
//! client.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Who owns what
//!
//! A [`Client`] is one connection; a [`Session`] and an [`EventStream`] are handles on it. The CLI
//! that a client started ends with [`Client::stop`], or when the client and all its sessions are
//! gone. Streams keep nothing alive.
//!
//! # Queues
//!
//! | Queue | Bound | When full |
//! |---|---|---|
//! | ephemeral events of a session | [`EventLimits`] | the oldest are shed; slow streams are told by [`Lagged`] |
//! | durable events of a session | [`EventLimits`] | the oldest go; slow streams read them again from the CLI's log |
//! | open questions of a session | 256 | the oldest are forgotten here, and stay open at the CLI |
//!
//! # Failing closed
//!
//! A request that no handler answers stays open for other clients if the session asked for it (`ask_*`), and is denied
//! by the CLI if not. A handler that panics, that is past its [deadline](Deadlines), or that gives an answer which the
//! CLI could not read, is answered for, so that nothing happens because of it: a permission is rejected, a plan is not
//! approved, a tool has failed, and a `preToolUse` hook forbids the tool. What became of each answer is told to
//! [`on_answered`](SessionConfig::on_answered); that somebody else was first is a value there, not an error.

mod activity;
mod address;
mod answers;
mod asks;
mod builder;
mod capabilities;
mod cli;
mod client;
mod config;
mod connect;
mod error;
mod events;
mod extras;
mod fs;
mod generated;
mod handlers;
mod handshake;
mod history;
mod launch;
mod line;
mod message;
mod models;
mod pending;
mod provider;
mod questions;
mod reconnect;
mod remote;
mod reopen;
mod router;
pub mod rpc;
mod secrets;
mod serve;
mod session;
mod shared;
mod sharing;
mod stored;
mod telemetry;
mod turn;
mod weak;

pub use activity::Activity;
pub use answers::{
    Approval, AutoModeAnswer, ElicitationAnswer, LimitsAnswer, PermissionDecision, PlanDecision, UserAnswer,
};
pub use builder::ClientBuilder;
pub use capabilities::Capabilities;
pub use cli::CliCommand;
pub use client::Client;
pub use config::{CustomAgent, McpServer, SectionAction, SessionConfig, SystemMessage, WorkingDirectoryTrust};
pub use connect::StartTimings;
pub use error::SessionError;
pub use events::{EventItem, EventLimits, EventStream, Lagged};
pub use fs::{
    DirectoryFs, FileInfo, FsError, InMemoryFs, SessionDatabase, SessionFs, SessionFsConfig, SqlFailure,
    SqlFailureClass, SqlKind, SqlResult, SqlStatement, WithDatabase,
};
pub use handlers::hooks;
pub use handlers::tools::{Tool, ToolCall, ToolDefer, ToolHandler, ToolResult, ToolResultKind, TypedTool};
pub use handlers::{
    AnswerOutcome, AnswerReport, ApproveAll, Ask, AutoModeAsk, AutoModeHandler, Canvas, CanvasCall, CanvasHandler,
    CanvasView, CommandCall, CommandEnd, CommandHandler, Deadlines, ElicitationAsk, ElicitationHandler,
    ExtensionLaunch, ExtensionLaunchAsk, ExtensionLauncher, GitHubToken, GitHubTokenAsk, GitHubTokenHandler,
    HandlerEnd, HandlerKind, InstallationAsk, InstallationDecision, InstallationHandler, LimitsAsk, LimitsHandler,
    McpAuthAnswer, McpAuthAsk, McpAuthHandler, McpChallenge, McpOauthClient, McpToken, PermissionAsk,
    PermissionHandler, PlanAsk, PlanHandler, ProviderTokenAsk, ProviderTokenHandler, RequestHandler, SamplingAsk,
    SamplingHandler, SectionText, SectionTransform, Skill, SkillProvider, SlashCommand, UserInputAsk, UserInputHandler,
};
pub use handshake::PROTOCOL_VERSION;
pub use history::HistoryPage;
pub use hooks::{HookAnswer, HookCall, HookHandler, HookInput, PreToolUse, PreToolUseOutput, RawHookHandler};
pub use launch::{LogLevel, MissionControl};
pub use line::{ConnectionState, Connections};
pub use message::{Attachment, FileSpan, Message};
pub use models::{ModelMessage, ModelRequest, ModelRequestHandler, ModelResponse, ModelSocket, SocketClosed};
pub use provider::{EnvironmentProvider, Provider};
pub use reconnect::Reconnect;
pub use remote::{RemoteMode, RemoteState};
pub use secrets::secrets_among;
pub use session::Session;
pub use sharing::{ExportsTo, Repository, SharedSession, Sharer};
pub use stored::{Change, Lifecycle};
pub use telemetry::{OtlpProtocol, Telemetry, TraceContext};
pub use turn::TurnEnd;
pub use weak::WeakSession;

// Types of others that appear in this API.
pub use groundlink_protocol::types::{
    AgentMode, AutopilotOptions, CapiSessionOptions, CloudRepository, CloudSession, DefaultAgent, ImageGeneration,
    InfiniteSessions, LargeOutput, MemoryOptions, NamedProviderConfig, ProviderModelConfig, SendMode,
    SessionLifecycleParams, SessionLifecycleType, SessionLimitsConfig, SessionListEntry, SessionMode,
    ToolSearchOptions,
};
pub use groundlink_protocol::{Event, RawJson};
pub use groundlink_transport::CloseReason;
pub use http;
#[cfg(feature = "schemars")]
pub use schemars;
pub use secrecy::SecretString;

//! Remote sessions for coding agents: start a GitHub Copilot session, share it by link and QR
//! code, steer it from anywhere.
//!
//! This crate is the one to depend on. It re-exports the others:
//!
//! | Module | Crate | For |
//! |---|---|---|
//! | [`session`] | `groundlink-session` | clients, sessions, events, handlers |
//! | [`remote`] | `groundlink-remote` | sharing: links, QR codes, the bridge to a hub |
//! | [`hub`] (feature `hub`, on by default) | `groundlink-hub` | the server at the other end |
//! | [`protocol`] | `groundlink-protocol` | the messages of both wires |
//! | [`transport`] | `groundlink-transport` | the JSON-RPC peer below |
//!
//! There is a [`guide`], a page a subject.
//!
//! Every method of the CLI is a typed function: [`session::rpc`]. The families of its methods and events are features
//! of this crate (`full` is all of them), so that a program compiles what it uses.
//!
//! # Always on
//!
//! Every session of the client is shared. The link comes as an event.
//!
//! ```no_run
//! use groundlink::prelude::*;
//! use groundlink::protocol::events::SessionInfo;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().remote(true).start().await?;
//! let session = client.create_session(SessionConfig::new().ask_permission(true)).await?;
//!
//! let mut events = session.subscribe_from_start();
//! while let Some(event) = events.next_of_kind("session.info").await {
//!     let info: SessionInfo = event.data()?;
//!     if info.info_type == "remote" {
//!         println!("open {}", info.url.unwrap_or_default());
//!         break;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # On demand
//!
//! One session, when the user asks for it.
//!
//! ```no_run
//! use groundlink::prelude::*;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().start().await?;
//! let session = client.create_session(SessionConfig::new().ask_permission(true)).await?;
//!
//! let status = session.remote().enable().await?;
//! if let Some(link) = status.link {
//!     println!("open {}", link.url());
//!     println!("{}", link.qr().terminal(TerminalTheme::Auto));
//! }
//! // ... and later
//! session.remote().disable().await?;
//! client.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Both are the CLI's own sharing: they need a CLI that is signed in to GitHub, and go to GitHub unless
//! [`ClientBuilder::mission_control`](session::ClientBuilder::mission_control) names a hub.
//!
//! # To a hub
//!
//! `remote_to` names the other end for the whole client: GitHub, a hub that runs somewhere, or one in this very program. The
//! CLI exports there by itself where it can; where it cannot (nobody is signed in, the server is somebody else's) a
//! bridge does. Which one it is, and why, is in the status; `by` insists on one.
//!
//! ```no_run
//! # #[cfg(feature = "hub")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use futures::StreamExt as _;
//! use groundlink::prelude::*;
//!
//! let hub = EmbeddedHub::in_dir("hub-data").listen("127.0.0.1:8080");
//! let client = Client::builder().remote(true).remote_to(hub).start().await?;
//!
//! // Every session of the client, as it gets its link.
//! let mut links = client.remote_links();
//! let session = client.create_session(SessionConfig::new().ask_permission(true)).await?;
//! while let Some(shared) = links.next().await {
//!     if let Some(link) = shared.link {
//!         println!("{}: {link}", shared.session_id);
//!         break;
//!     }
//! }
//!
//! let mut statuses = session.remote().watch();
//! while let Some(status) = statuses.next().await {
//!     println!("by {:?}, because {:?}; {:?}", status.way, status.reason, status.bridge);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Without an account
//!
//! The bridge shares any session through a hub, from the events that the program receives anyway: with
//! a model of one's own, offline, on a server somebody else started.
//!
//! ```no_run
//! # #[cfg(feature = "hub")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use groundlink::prelude::*;
//!
//! let hub = Hub::builder().data_dir("hub-data").listen("127.0.0.1:0").start().await?;
//! let client = Client::builder().offline(true).start().await?;
//! let config = SessionConfig::new()
//!     .model("my-model")
//!     .provider(Provider::openai_completions("http://127.0.0.1:8000"))
//!     .streaming(true)
//!     .ask_permission(true)
//!     .ask_user(true);
//! let session = client.create_session(config).await?;
//!
//! let endpoint = HubEndpoint::new(hub.export_base(), hub.export_token().clone());
//! let bridge = Bridge::builder(&session, endpoint).start().await?;
//! println!("open {}", bridge.link().url());
//! # Ok(())
//! # }
//! ```
//!
//! # Answering here
//!
//! A handler answers what the agent asks. Without one, the request stays open, here and at the other end of the
//! link; whoever answers first, wins.
//!
//! ```no_run
//! use groundlink::prelude::*;
//!
//! # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
//! let config = SessionConfig::new()
//!     .on_permission(|ask: PermissionAsk| async move {
//!         match ask.data.permission_request {
//!             PermissionRequest::Read(_) => PermissionDecision::ApproveOnce,
//!             _ => PermissionDecision::reject_with("read only, please"),
//!         }
//!     })
//!     .on_user_input(|ask: UserInputAsk| async move { ask.data.choices.first().map(UserAnswer::choice) });
//! let session = client.create_session(config).await?;
//! # Ok(())
//! # }
//! ```

//!
//! # Tools and hooks
//!
//! A tool is a function of this program that the model may call. A hook runs at a moment of the session and may change
//! what comes next; one before a tool that fails or hangs forbids the tool.
//!
//! ```no_run
//! # #[cfg(feature = "schemars")]
//! # async fn run(client: groundlink::session::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use groundlink::prelude::*;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Weather {
//!     /// The city's name.
//!     city: String,
//! }
//!
//! let weather = Tool::typed("weather", "The weather of a city", |weather: Weather, _call: ToolCall| async move {
//!     format!("Sunny in {}", weather.city)
//! });
//! let config = SessionConfig::new().tool(weather.skip_permission(true)).hook(|call: HookCall<PreToolUse>| async move {
//!     (call.data.tool_name == "bash").then(|| PreToolUseOutput::deny("no shell here"))
//! });
//! let session = client.create_session(config).await?;
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "hub")]
mod embedded;

#[cfg(feature = "hub")]
pub use embedded::EmbeddedHub;
mod forward;
pub use forward::ModelForwarder;
pub mod guide;
#[cfg(feature = "hub")]
mod push;
#[cfg(feature = "hub")]
pub use push::PushOverHttp;

#[cfg(feature = "hub")]
pub use groundlink_hub as hub;
pub use groundlink_protocol as protocol;
pub use groundlink_remote as remote;
pub use groundlink_session as session;
pub use groundlink_transport as transport;

/// What most programs need: `use groundlink::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "hub")]
    pub use crate::EmbeddedHub;
    #[cfg(feature = "hub")]
    pub use groundlink_hub::Hub;
    pub use groundlink_protocol::types::PermissionRequest;
    pub use groundlink_remote::{
        Bridge, ExporterInfo, HubEndpoint, Link, RemoteBuilderExt, RemoteClientExt, RemoteExt, RemoteMode,
        RemoteTarget, RemoteWay, Suggestion, TerminalTheme,
    };
    #[cfg(feature = "schemars")]
    pub use groundlink_session::schemars;
    pub use groundlink_session::{
        AnswerReport, ApproveAll, Attachment, CliCommand, Client, CommandCall, Deadlines, ElicitationAnswer,
        ElicitationAsk, Event, EventItem, EventStream, HandlerKind, HookCall, McpServer, Message, MissionControl,
        PermissionAsk, PermissionDecision, PlanAsk, PlanDecision, PreToolUse, PreToolUseOutput, Provider, SecretString,
        SendMode, Session, SessionConfig, SessionError, SessionMode, SlashCommand, SystemMessage, Tool, ToolCall,
        ToolResult, UserAnswer, UserInputAsk, hooks,
    };
}

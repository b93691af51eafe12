//! The official SDK's sessions. Its events come with their data as a tree of JSON; that is what `typed` looks at, too.

use std::path::PathBuf;
use std::sync::Arc;

use common::{Got, Sdk, Stage};
use github_copilot_sdk::handler::ApproveAllHandler;
use github_copilot_sdk::session::Session;
use github_copilot_sdk::subscription::EventSubscription;
use github_copilot_sdk::types::{ProviderConfig, SessionConfig};
use github_copilot_sdk::{CliProgram, Client, ClientOptions, Transport};
use tokio::io::{AsyncRead, AsyncWrite};

struct Official;

impl Sdk for Official {
    type Client = Client;
    type Session = Session;
    type Events = EventSubscription;

    async fn connect<R, W>(reader: R, writer: W) -> Client
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let client = Client::from_streams(reader, writer, PathBuf::from("/tmp")).expect("a client");
        client.verify_protocol_version().await.expect("the protocol");
        client
    }

    async fn connect_tcp(address: String) -> Client {
        let (host, port) = address.rsplit_once(':').expect("an address");
        let mut options = ClientOptions::default();
        // It looks for a CLI even where it starts none.
        options.program = CliProgram::Path(PathBuf::from("/dev/null"));
        options.transport =
            Transport::External { host: host.to_owned(), port: port.parse().expect("a port"), connection_token: None };
        Client::start(options).await.expect("a client")
    }

    async fn session(client: &Client, id: &str) -> Session {
        let mut config = SessionConfig::default();
        config.session_id = Some(id.into());
        client.create_session(config).await.expect("a session")
    }

    fn subscribe(session: &Session) -> EventSubscription {
        session.subscribe()
    }

    async fn next(events: &mut EventSubscription, _typed: bool) -> Got {
        match futures_util::StreamExt::next(events).await {
            Some(Ok(event)) => {
                std::hint::black_box(&event.data);
                Got::Event
            }
            Some(Err(lagged)) => Got::Missed(lagged.skipped()),
            None => Got::End,
        }
    }

    async fn call(client: &Client) {
        client.ping(None).await.expect("an answer");
    }

    async fn start(stage: &Stage) -> Client {
        let mut options = ClientOptions::default();
        options.program = CliProgram::Path(stage.cli.clone());
        options.working_directory = stage.directory.clone();
        options.transport = Transport::Stdio;
        Client::start(options).await.expect("a client")
    }

    async fn open(client: &Client, stage: &Stage) -> Session {
        let provider = ProviderConfig::new(&stage.model).with_provider_type("openai").with_wire_api("completions");
        let config = SessionConfig::default()
            .with_working_directory(&stage.directory)
            .with_model("scripted")
            .with_provider(provider)
            .with_permission_handler(Arc::new(ApproveAllHandler))
            .with_streaming(true);
        client.create_session(config).await.expect("a session")
    }

    async fn send(session: &Session, text: &str) {
        session.send(text).await.expect("it is taken");
    }

    async fn next_type(events: &mut EventSubscription) -> String {
        match futures_util::StreamExt::next(events).await.expect("the session goes on") {
            Ok(event) => event.event_type,
            Err(_) => String::new(),
        }
    }

    async fn stop(client: Client) {
        client.stop().await.ok();
    }
}

fn main() {
    common::run::<Official>();
}

//! groundlink's sessions.

use common::{Got, Sdk, Stage};
use groundlink_protocol::methods::Ping;
use groundlink_protocol::types::PingParams;
use groundlink_session::{ApproveAll, CliCommand, Client, EventItem, EventStream, Provider, Session, SessionConfig};
use tokio::io::{AsyncRead, AsyncWrite};

struct Ours;

impl Sdk for Ours {
    type Client = Client;
    type Session = Session;
    type Events = EventStream;

    async fn connect<R, W>(reader: R, writer: W) -> Client
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        Client::builder().start_on(reader, writer).await.expect("a client")
    }

    async fn connect_tcp(address: String) -> Client {
        Client::builder().cli_url(address).start().await.expect("a client")
    }

    async fn session(client: &Client, id: &str) -> Session {
        client.create_session(SessionConfig::new().session_id(id)).await.expect("a session")
    }

    fn subscribe(session: &Session) -> EventStream {
        session.subscribe()
    }

    async fn next(events: &mut EventStream, typed: bool) -> Got {
        match events.next().await {
            Some(EventItem::Event(event)) => {
                if typed {
                    std::hint::black_box(event.payload());
                } else {
                    std::hint::black_box(event.data_raw());
                }
                Got::Event
            }
            Some(EventItem::Lagged(lagged)) => Got::Missed(lagged.shed + lagged.lost),
            None => Got::End,
        }
    }

    async fn call(client: &Client) {
        client.call::<Ping>(&PingParams::default()).await.expect("an answer");
    }

    async fn start(stage: &Stage) -> Client {
        let builder = Client::builder().cli(CliCommand::new(&stage.cli)).working_directory(&stage.directory);
        builder.start().await.expect("a client")
    }

    async fn open(client: &Client, stage: &Stage) -> Session {
        let config = SessionConfig::new()
            .working_directory(&stage.directory)
            .model("scripted")
            .provider(Provider::openai_completions(&stage.model))
            .on_permission(ApproveAll)
            .streaming(true);
        client.create_session(config).await.expect("a session")
    }

    async fn send(session: &Session, text: &str) {
        session.send(text).await.expect("it is taken");
    }

    async fn next_type(events: &mut EventStream) -> String {
        match events.next().await.expect("the session goes on") {
            EventItem::Event(event) => event.kind().to_owned(),
            EventItem::Lagged(_) => String::new(),
        }
    }

    async fn stop(client: Client) {
        client.stop().await;
    }
}

fn main() {
    common::run::<Ours>();
}

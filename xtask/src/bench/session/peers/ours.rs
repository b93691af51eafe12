//! groundlink's sessions.

use common::{Got, Sdk};
use groundlink_protocol::methods::Ping;
use groundlink_protocol::types::PingParams;
use groundlink_session::{Client, EventItem, EventStream, Session, SessionConfig};
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
}

fn main() {
    common::run::<Ours>();
}

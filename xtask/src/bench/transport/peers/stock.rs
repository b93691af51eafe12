//! jsonrpsee's own async client, over the least of a transport. It cannot answer requests.

use std::cell::Cell;

use common::{EventParams, Frames, IN_FLIGHT, Row, Sent};
use jsonrpsee::core::client::{
    Client, ClientT, ReceivedMessage, SubscriptionClientT, TransportReceiverT, TransportSenderT,
};
use jsonrpsee::core::traits::ToRpcParams;
use serde_json::value::{RawValue, to_raw_value};
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

struct Sender(WriteHalf<DuplexStream>);

impl TransportSenderT for Sender {
    type Error = std::io::Error;

    async fn send(&mut self, message: String) -> Result<(), std::io::Error> {
        self.0.write_all(&common::frame(&message)).await
    }
}

struct Receiver(Frames, ReadHalf<DuplexStream>);

impl TransportReceiverT for Receiver {
    type Error = std::io::Error;

    async fn receive(&mut self) -> Result<ReceivedMessage, std::io::Error> {
        loop {
            if let Some(frame) = self.0.next_ready() {
                return Ok(ReceivedMessage::Bytes(frame.to_vec()));
            }
            if !self.0.fill(&mut self.1).await {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

struct Named<'a>(&'a common::Send);

impl ToRpcParams for Named<'_> {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        to_raw_value(self.0).map(Some)
    }
}

fn main() {
    common::run(async |task, stream| {
        let (reader, writer) = tokio::io::split(stream);
        let client = Client::builder()
            .max_buffer_capacity_per_subscription(4096)
            .max_concurrent_requests(4096)
            .build_with_tokio(Sender(writer), Receiver(Frames::default(), reader));
        let params = common::Send::example();
        match task.row {
            Row::CallSequential => {
                for _ in 0..task.count {
                    let sent: Sent = client.request("session.send", Named(&params)).await.expect("an answer");
                    std::hint::black_box(sent);
                }
            }
            Row::CallParallel => {
                let left = Cell::new(task.count);
                let callers = (0..IN_FLIGHT).map(|_| async {
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        let sent: Sent = client.request("session.send", Named(&params)).await.expect("an answer");
                        std::hint::black_box(sent);
                    }
                });
                futures_util::future::join_all(callers).await;
            }
            Row::Reverse => panic!("takes requests for notifications"),
            Row::Raw { .. } => {
                let mut events = client.subscribe_to_method::<Box<RawValue>>("session.event").await.expect("a stream");
                for _ in 0..task.count {
                    std::hint::black_box(events.next().await.expect("not dropped").expect("an event"));
                }
            }
            Row::Typed { .. } => {
                let mut events = client.subscribe_to_method::<EventParams>("session.event").await.expect("a stream");
                for _ in 0..task.count {
                    std::hint::black_box(events.next().await.expect("not dropped").expect("an event"));
                }
            }
        }
        0
    });
}

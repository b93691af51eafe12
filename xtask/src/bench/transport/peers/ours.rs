//! groundlink-transport. Variants: `sync` serves from a method table, `slow` does without the fast path.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{EventParams, IN_FLIGHT, Row, Send, Sent};
use groundlink_transport::rpc::RpcModule;
use groundlink_transport::{ErrorObject, PeerBuilder};
use serde_json::value::to_raw_value;
use tokio::sync::Notify;

fn main() {
    common::run(async |task, stream| {
        match task.row {
            Row::CallSequential => {
                let peer = PeerBuilder::new().build_duplex(stream);
                let params = Send::example();
                for _ in 0..task.count {
                    let sent: Sent = peer.call("session.send", &params).await.expect("an answer");
                    std::hint::black_box(sent);
                }
            }
            Row::CallParallel => {
                let peer = PeerBuilder::new().build_duplex(stream);
                let (params, left) = (Send::example(), Cell::new(task.count));
                let callers = (0..IN_FLIGHT).map(|_| async {
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        let sent: Sent = peer.call("session.send", &params).await.expect("an answer");
                        std::hint::black_box(sent);
                    }
                });
                futures_util::future::join_all(callers).await;
            }
            Row::Reverse if task.variant == "sync" => {
                let mut module = RpcModule::new(());
                module
                    .register_method("userInput.request", |params, (), _| {
                        let asked: Send = params.parse()?;
                        std::hint::black_box(asked);
                        Ok::<_, jsonrpsee_types::ErrorObjectOwned>(Sent::example())
                    })
                    .expect("a new name");
                let peer = PeerBuilder::new().methods(module).build_duplex(stream);
                peer.closed().await;
            }
            Row::Reverse => {
                let peer = PeerBuilder::new().on_request(|request| {
                    Box::pin(async move {
                        let asked: Send = request.parse()?;
                        std::hint::black_box(asked);
                        to_raw_value(&Sent::example()).map_err(|error| ErrorObject::internal(error.to_string()))
                    })
                });
                peer.build_duplex(stream).closed().await;
            }
            Row::Raw { .. } | Row::Typed { .. } => {
                let typed = matches!(task.row, Row::Typed { .. });
                let (seen, all) = (AtomicUsize::new(0), Arc::new(Notify::new()));
                let (count, done) = (task.count, Arc::clone(&all));
                let mut builder = PeerBuilder::new().on_notification(move |notification| {
                    if typed {
                        std::hint::black_box(notification.parse::<EventParams>().expect("an event"));
                    } else {
                        std::hint::black_box(notification.params());
                    }
                    if seen.fetch_add(1, Ordering::Relaxed) + 1 == count {
                        done.notify_one();
                    }
                });
                if task.variant != "slow" {
                    builder = builder.fast_path("session.event");
                }
                let peer = builder.build_duplex(stream);
                all.notified().await;
                drop(peer);
            }
        }
        0
    });
}

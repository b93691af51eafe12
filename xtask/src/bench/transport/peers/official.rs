//! The JSON-RPC layer of the official Rust SDK, by the door it opens for tests, so that nothing of its session layer is
//! counted.

use std::cell::Cell;
use std::sync::Arc;

use common::{EventParams, IN_FLIGHT, Row, Sent};
use github_copilot_sdk::test_support::{JsonRpcClient, JsonRpcResponse};
use serde::Deserialize;
use serde_json::{from_value, to_value};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

/// As large as the SDK makes it for itself.
const NOTIFICATIONS: usize = 1024;

fn main() {
    common::run(async |task, stream| {
        let (reader, writer) = tokio::io::split(stream);
        let (notify, mut notifications) = broadcast::channel(NOTIFICATIONS);
        let (ask, mut requests) = mpsc::unbounded_channel();
        let client = Arc::new(JsonRpcClient::new(writer, reader, notify, ask));
        let params = common::Send::example();
        let call = async || {
            let params = to_value(&params).expect("plain data");
            let response = client.send_request("session.send", Some(params)).await.expect("an answer");
            let sent: Sent = from_value(response.result.expect("a result")).expect("the type");
            std::hint::black_box(sent);
        };
        let mut lost = 0;
        match task.row {
            Row::CallSequential => {
                for _ in 0..task.count {
                    call().await;
                }
            }
            Row::CallParallel => {
                let left = Cell::new(task.count);
                let callers = (0..IN_FLIGHT).map(|_| async {
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        call().await;
                    }
                });
                futures_util::future::join_all(callers).await;
            }
            Row::Reverse => {
                // Each in a task of its own, as the SDK's sessions do it.
                while let Some(request) = requests.recv().await {
                    let client = Arc::clone(&client);
                    tokio::spawn(async move {
                        let asked: common::Send = from_value(request.params.expect("params")).expect("the type");
                        std::hint::black_box(asked);
                        let response = JsonRpcResponse {
                            jsonrpc: "2.0".to_owned(),
                            id: request.id,
                            result: Some(to_value(Sent::example()).expect("plain data")),
                            error: None,
                        };
                        client.write(&response).await.expect("the other end reads");
                    });
                }
            }
            Row::Raw { .. } | Row::Typed { .. } => {
                let typed = matches!(task.row, Row::Typed { .. });
                let mut left = task.count;
                while left > 0 {
                    match notifications.recv().await {
                        Ok(notification) => {
                            left -= 1;
                            if typed {
                                let params = notification.params.as_ref().expect("params");
                                std::hint::black_box(EventParams::deserialize(params).expect("an event"));
                            } else {
                                std::hint::black_box(&notification.params);
                            }
                        }
                        Err(RecvError::Lagged(missed)) => {
                            let missed = usize::try_from(missed).unwrap_or(usize::MAX);
                            lost += missed;
                            left = left.saturating_sub(missed);
                        }
                        Err(RecvError::Closed) => panic!("closed"),
                    }
                }
            }
        }
        lost
    });
}

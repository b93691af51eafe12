//! The floor: no peer at all, only bytes that look right, on both ends.

use common::{Frames, IN_FLIGHT, Row, append_answer, frame, id};
use tokio::io::AsyncWriteExt;

fn main() {
    common::run(async |task, mut stream| {
        let mut frames = Frames::default();
        let mut out = Vec::new();
        let params = serde_json::to_string(&common::Send::example()).expect("plain data");
        let call = |id: usize| {
            frame(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"session.send","params":{params}}}"#))
        };
        let calls: Vec<Vec<u8>> = (0..IN_FLIGHT).map(call).collect();
        let mut done = 0;
        match task.row {
            Row::CallSequential => {
                while done < task.count {
                    stream.write_all(&calls[0]).await.expect("the other end reads");
                    while frames.next_ready().map(id).is_none() {
                        frames.fill(&mut stream).await;
                    }
                    done += 1;
                }
            }
            Row::CallParallel => {
                while done < task.count {
                    out.clear();
                    calls.iter().for_each(|call| out.extend_from_slice(call));
                    stream.write_all(&out).await.expect("the other end reads");
                    let mut answered = 0;
                    while answered < IN_FLIGHT {
                        while frames.next_ready().map(id).is_some() {
                            answered += 1;
                        }
                        if answered < IN_FLIGHT {
                            frames.fill(&mut stream).await;
                        }
                    }
                    done += IN_FLIGHT;
                }
            }
            Row::Reverse => loop {
                out.clear();
                while let Some(request) = frames.next_ready() {
                    append_answer(&mut out, id(request));
                }
                stream.write_all(&out).await.expect("the other end reads");
                frames.fill(&mut stream).await;
            },
            Row::Raw { .. } | Row::Typed { .. } => {
                while done < task.count {
                    while frames.next_ready().is_some() {
                        done += 1;
                    }
                    if done < task.count {
                        frames.fill(&mut stream).await;
                    }
                }
            }
        }
        0
    });
}

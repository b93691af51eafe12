//! A JSON-RPC peer over a child's stdio, TCP or any duplex stream.
//!
//! Both ends of the wire ask and answer, so there is no client and no server here, only a [`Peer`]: it sends calls and
//! notifications, answers the other side's requests from a method table or a handler, and hands notifications to a
//! callback in wire order. This crate knows frames and envelopes. It must never know method names, sessions or events.
//!
//! ```
//! use groundlink_transport::{ErrorObject, PeerBuilder, memory};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = PeerBuilder::new().on_request(|request| {
//!     Box::pin(async move {
//!         match request.method() {
//!             "echo" => Ok(request.params_or_null().to_owned()),
//!             name => Err(ErrorObject::method_not_found(name)),
//!         }
//!     })
//! });
//! let (client, _server) = memory::peers(PeerBuilder::new(), server);
//! let answer: serde_json::Value = client.call("echo", &serde_json::json!({"text": "hello"})).await?;
//! assert_eq!(answer["text"], "hello");
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run()).unwrap();
//! ```
//!
//! # Ordering
//!
//! One task reads. It runs the notification callback, begins to serve requests (a handler that does not wait is done
//! there and then) and completes calls, strictly in wire order. Nothing is read meanwhile, so none of these may block.
//! A notification that came before an answer has been seen by the callback when the call returns. The reverse does not
//! hold: a caller resumes when its own task is scheduled, and the callback may by then have seen later notifications.
//! Whoever needs what follows an answer registers its interest before it sends the call.
//!
//! # Queues
//!
//! | Queue | Bound | When full |
//! |---|---|---|
//! | bytes to write | [`Limits::write_high_water`] | callers and handlers wait |
//! | bytes to write, from the read loop itself | [`Limits::write_cap`] | the connection closes: the other side does not read |
//! | requests being served | [`Limits::max_incoming`] | the request is answered with "busy" |
//! | notifications | none: the callback takes them at once | the callback decides, it must not block |
//! | stderr and stray stdout lines of a child | the last 16 KiB | the oldest go |

pub mod child;
mod envelope;
mod error;
pub mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
pub mod memory;
mod message;
mod peer;
mod quick;
#[cfg(feature = "jsonrpsee")]
pub mod rpc;
#[doc(hidden)]
pub mod task;
pub mod tcp;

/// One JSON value exactly as it was, or will be, on the wire.
pub type RawJson = Box<serde_json::value::RawValue>;

pub use child::{ChildExit, ChildPeer, Server, StopPolicy};
pub use error::{CallError, CloseReason, Error, ErrorObject, codes};
pub use limits::Limits;
pub use message::{Notification, Request};
pub use peer::{HandlerFuture, Peer, PeerBuilder, Reply, WeakPeer};
#[cfg(feature = "jsonrpsee")]
pub use rpc::Named;
pub use tcp::CliUrl;

//! Everything about the transport that shows from outside, in one binary: it links once.

mod child;
mod conformance;
mod frames;
mod logs;
mod peers;
#[cfg(feature = "jsonrpsee")]
mod rpc;

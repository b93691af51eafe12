//! Two ends in one process, for tests and for programs that host both sides.

use tokio::io::DuplexStream;

use crate::{Peer, PeerBuilder};

/// Bytes in flight per direction before a writer waits. Small, so that waiting happens in tests too.
const CAPACITY: usize = 64 * 1024;

/// Two connected streams.
pub fn pair() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(CAPACITY)
}

/// Two connected peers. Needs a tokio runtime.
pub fn peers(left: PeerBuilder, right: PeerBuilder) -> (Peer, Peer) {
    let (a, b) = pair();
    (left.build_duplex(a), right.build_duplex(b))
}

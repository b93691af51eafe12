//! Events of a session: the bounded log, its readers and the public stream.

mod feed;
mod log;
mod refill;
mod stream;

pub(crate) use feed::Feed;
pub use log::EventLimits;
pub(crate) use refill::{LogPage, LogSource};
pub use stream::{EventItem, EventStream, Lagged};

//! Handlers together with what reads for them.
//!
//! Reading a request is bound to its handler where the handler is given, and is not found by the request's kind later: so
//! a program that gives no such handler has none of that code in it.

use std::pin::Pin;
use std::sync::Arc;

use groundlink_protocol::{Event, EventData};
use groundlink_transport::{HandlerFuture, Request};

use super::Ask;
use crate::shared::Shared;

/// A request that came in an event, unread.
pub(crate) struct Asked {
    pub(crate) session_id: String,
    pub(crate) request_id: String,
    pub(crate) event: Event,
}

impl Asked {
    /// `None`: the event lacks what a handler needs.
    pub(crate) fn read<T: EventData>(self) -> Option<Ask<T>> {
        let Self { session_id, request_id, event } = self;
        Some(Ask { session_id, request_id, data: event.data::<T>().ok()?, event })
    }
}

/// A handler of requests that come in events; `None`: the request could not be read.
pub(crate) type Bound<A> = Arc<dyn Fn(Asked) -> Answering<'static, Option<A>> + Send + Sync>;

/// A handler at work.
pub(super) type Answering<'a, A> = Pin<Box<dyn Future<Output = A> + Send + 'a>>;

/// What answers a session's requests of one method, or of one family of methods.
pub(crate) type Serve = fn(Arc<Shared>, &Request) -> HandlerFuture;

/// Binds a handler to what reads its requests.
pub(super) fn bind<H, T, A>(
    handler: Arc<H>,
    read: fn(Asked) -> Option<T>,
    run: for<'a> fn(&'a H, T) -> Answering<'a, A>,
) -> Bound<A>
where
    H: Send + Sync + ?Sized + 'static,
    T: Send + 'static,
    A: 'static,
{
    Arc::new(move |asked| {
        let handler = Arc::clone(&handler);
        Box::pin(async move { Some(run(&*handler, read(asked)?).await) })
    })
}

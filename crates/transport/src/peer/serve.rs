//! Requests of the other side: served at once where the handler does not wait, else each in a task of its own.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt as _;
use serde_json::value::RawValue;
use tokio::task::AbortHandle;

use super::{Core, HandlerFuture};
use crate::{ErrorObject, RawJson, Request, codes, task};

/// The requests being served. Whoever takes a request out of the table answers it, so that it is answered once.
#[derive(Default)]
pub(crate) struct Incoming {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// By a number of our own: the other side may use one id twice at a time, and then gets two answers.
    serving: HashMap<u64, (Box<str>, AbortHandle)>,
    next: u64,
    closed: bool,
}

impl Incoming {
    pub(crate) fn abort_all(&self) {
        let mut table = self.lock();
        table.closed = true;
        let serving = std::mem::take(&mut table.serving);
        drop(table);
        for (_, (_, task)) in serving {
            task.abort();
        }
    }

    fn finish(&self, number: u64) -> bool {
        self.lock().serving.remove(&number).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while the lock is held.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a request, or refuses it when too many are being served.
///
/// The handler runs here, within the read loop, up to where it first waits for something. Most never do, and their
/// answer is then written without a task, a table entry and a wake-up. All others go on in a task of their own.
pub(super) fn start(core: &Arc<Core>, id: &str, request: Request) {
    let max = core.setup.limits.max_incoming;
    let table = core.incoming.lock();
    if table.closed {
        return;
    }
    let busy = table.serving.len() >= max;
    drop(table);
    if busy {
        tracing::warn!(method = request.method(), max, "too many requests at once");
        let why = format!("Busy: {max} requests are being served already, try again later");
        return core.refuse(Some(id), &ErrorObject::new(codes::BUSY, why));
    }
    let method = request.method.clone();
    let begun = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut answering = answering(core, request);
        // Nobody needs waking: a handler that waits is polled again at once by its task.
        match answering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Begun::Answered(answer),
            Poll::Pending => Begun::Waiting(answering),
        }
    }));
    let answering = match begun {
        Ok(Begun::Waiting(answering)) => answering,
        Ok(Begun::Answered(answer)) => match answered_at_once(core, id, answer) {
            None => return,
            Some(answer) => Box::pin(std::future::ready(answer)),
        },
        Err(_) => match answered_at_once(core, id, Err(panicked(&method))) {
            None => return,
            Some(answer) => Box::pin(std::future::ready(answer)),
        },
    };
    let mut table = core.incoming.lock();
    if table.closed {
        return;
    }
    let number = table.next;
    table.next += 1;
    let id: Box<str> = id.into();
    // Spawned under the lock: the task cannot look for its entry before it is there.
    let task = task::spawn(Box::pin(serve(Arc::clone(core), number, id.clone(), method, answering)));
    table.serving.insert(number, (id, task.abort_handle()));
}

/// How far a handler came without waiting.
enum Begun {
    Answered(Result<RawJson, ErrorObject>),
    Waiting(HandlerFuture),
}

/// Queues an answer, or gives it back when it has to wait for room.
fn answered_at_once(
    core: &Core,
    id: &str,
    answer: Result<RawJson, ErrorObject>,
) -> Option<Result<RawJson, ErrorObject>> {
    if !core.outbox.has_room() {
        return Some(answer);
    }
    core.push_answer(id, &answer.and_then(|result| core.readable(result)));
    None
}

/// Stops serving a request and says so.
pub(super) fn cancel(core: &Arc<Core>, id: &RawValue) {
    let mut table = core.incoming.lock();
    // With one id used twice, the older request is the one meant: the other may not have been sent yet.
    let number = table.serving.iter().filter(|(_, (served, _))| **served == *id.get()).map(|(number, _)| *number).min();
    let Some((_, task)) = number.and_then(|number| table.serving.remove(&number)) else {
        return;
    };
    drop(table);
    task.abort();
    core.refuse(Some(id.get()), &ErrorObject::new(codes::CANCELLED, "Request cancelled"));
}

async fn serve(core: Arc<Core>, number: u64, id: Box<str>, method: String, answering: HandlerFuture) {
    let answer = AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|_| Err(panicked(&method)));
    let answer = answer.and_then(|result| core.readable(result));
    core.outbox.room().await;
    if core.incoming.finish(number) {
        core.push_answer(&id, &answer);
    }
}

fn panicked(method: &str) -> ErrorObject {
    // What the panic said stays in the panic hook: it may hold what the request held.
    tracing::error!(%method, "a request handler panicked");
    ErrorObject::internal(format!("The handler of {method} failed unexpectedly"))
}

fn answering(core: &Core, request: Request) -> HandlerFuture {
    #[cfg(feature = "jsonrpsee")]
    if let Some(answering) = core.setup.methods.call(&request) {
        return answering;
    }
    match &core.setup.on_request {
        Some(handler) => handler(request),
        None => Box::pin(std::future::ready(Err(ErrorObject::method_not_found(request.method())))),
    }
}

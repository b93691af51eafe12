//! Requests of the other side, each in a task of its own.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use serde_json::value::RawValue;
use tokio::task::AbortHandle;

use super::Core;
use super::core::error_answer;
use crate::{ErrorObject, RawJson, Request, codes};

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

/// Starts to serve a request, or refuses it when too many are being served.
pub(super) fn start(core: &Arc<Core>, id: &RawValue, request: Request) {
    let max = core.setup.limits.max_incoming;
    let mut table = core.incoming.lock();
    if table.closed {
        return;
    }
    if table.serving.len() >= max {
        drop(table);
        tracing::warn!(method = request.method(), max, "too many requests at once");
        let why = format!("Busy: {max} requests are being served already, try again later");
        return core.refuse(Some(id), &ErrorObject::new(codes::BUSY, why));
    }
    let number = table.next;
    table.next += 1;
    let id: Box<str> = id.get().into();
    // Spawned under the lock: the task cannot look for its entry before it is there.
    let task = tokio::spawn(serve(Arc::clone(core), number, id.clone(), request));
    table.serving.insert(number, (id, task.abort_handle()));
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
    core.refuse(Some(id), &ErrorObject::new(codes::CANCELLED, "Request cancelled"));
}

async fn serve(core: Arc<Core>, number: u64, id: Box<str>, request: Request) {
    let method = request.method.clone();
    let answer = AssertUnwindSafe(answer(&core, request)).catch_unwind().await.unwrap_or_else(|_| {
        // What the panic said stays in the panic hook: it may hold what the request held.
        tracing::error!(%method, "a request handler panicked");
        Err(ErrorObject::internal(format!("The handler of {method} failed unexpectedly")))
    });
    core.outbox.room().await;
    if core.incoming.finish(number) {
        match answer {
            Ok(result) => {
                let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
                core.outbox.push(&[head.as_bytes(), result.get().as_bytes(), b"}"]);
            }
            Err(error) => {
                core.outbox.push(&[error_answer(&id, &error).as_bytes()]);
            }
        }
    }
}

async fn answer(core: &Core, request: Request) -> Result<RawJson, ErrorObject> {
    if let Some(answer) = core.setup.methods.call(&request) {
        return core.readable(answer.await?);
    }
    match &core.setup.on_request {
        Some(handler) => core.readable(handler(request).await?),
        None => Err(ErrorObject::method_not_found(request.method())),
    }
}

//! Calls that wait for their answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Core;
use crate::{CallError, CloseReason, RawJson};

pub(crate) type Outcome = Result<RawJson, CallError>;

/// The table of calls by id. Closed, it takes no more.
#[derive(Default)]
pub(crate) struct Pending {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    calls: HashMap<u64, oneshot::Sender<Outcome>>,
    closed: Option<CloseReason>,
}

impl Pending {
    pub(crate) fn register(&self, id: u64) -> Result<oneshot::Receiver<Outcome>, CloseReason> {
        let mut table = self.lock();
        if let Some(reason) = &table.closed {
            return Err(reason.clone());
        }
        let (sender, receiver) = oneshot::channel();
        table.calls.insert(id, sender);
        Ok(receiver)
    }

    /// Completes a call. False where nobody waits under this id.
    pub(crate) fn complete(&self, id: u64, outcome: Outcome) -> bool {
        let waiting = self.lock().calls.remove(&id);
        // A caller that went away in this very moment does not matter.
        waiting.map(|waiting| waiting.send(outcome)).is_some()
    }

    /// Completes the only call that waits. False where there is none, or more than one.
    pub(crate) fn complete_only(&self, outcome: Outcome) -> bool {
        let mut table = self.lock();
        if table.calls.len() != 1 {
            return false;
        }
        let waiting = table.calls.drain().next();
        drop(table);
        waiting.map(|(_, waiting)| waiting.send(outcome)).is_some()
    }

    pub(crate) fn fail_all(&self, reason: &CloseReason) {
        let mut table = self.lock();
        table.closed = Some(reason.clone());
        let calls = std::mem::take(&mut table.calls);
        drop(table);
        for (_, waiting) in calls {
            let _ = waiting.send(Err(CallError::Closed(reason.clone())));
        }
    }

    fn forget(&self, id: u64) -> bool {
        self.lock().calls.remove(&id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while the lock is held.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held while a call waits; dropped early, it cancels the call.
pub(crate) struct Ticket<'a> {
    core: Option<&'a Core>,
    id: u64,
}

impl<'a> Ticket<'a> {
    pub(crate) fn new(core: &'a Core, id: u64) -> Self {
        Self { core: Some(core), id }
    }

    pub(crate) fn answered(mut self) {
        self.core = None;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(core) = self.core
            && core.pending.forget(self.id)
        {
            core.cancel(self.id);
        }
    }
}

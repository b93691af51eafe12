//! Calls that wait for their answer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::Core;
use crate::envelope::{self, Kind};
use crate::{CallError, CloseReason, RawJson};

pub(crate) type Outcome = Result<Answer, CallError>;

/// The result of a call, as the reading task hands it to the caller.
pub(crate) enum Answer {
    /// Known to be JSON.
    Read(RawJson),
    /// Taken from a frame that began as an answer does. Whoever reads the result proves it.
    Unproven { frame: Bytes, result: Bytes },
}

impl Answer {
    /// The result as it came.
    pub(crate) fn into_raw(self, id: u64) -> Result<RawJson, CallError> {
        match self {
            Self::Read(result) => Ok(result),
            Self::Unproven { frame, result } => {
                let text = std::str::from_utf8(&result).ok().map(ToOwned::to_owned);
                match text.map(RawValue::from_string) {
                    Some(Ok(raw)) => Ok(raw),
                    _ => read_again(&frame, id),
                }
            }
        }
    }

    /// The result as a type.
    pub(crate) fn parse<R: DeserializeOwned>(self, id: u64) -> Result<Result<R, serde_json::Error>, CallError> {
        if let Self::Unproven { result, .. } = &self
            && let Ok(text) = std::str::from_utf8(result)
            && let Ok(parsed) = serde_json::from_str(text)
        {
            return Ok(Ok(parsed));
        }
        // Not the type, or not JSON: only the long way tells which.
        Ok(serde_json::from_str(self.into_raw(id)?.get()))
    }
}

/// Reads a frame that did not turn out to be what it looked like.
fn read_again(frame: &[u8], id: u64) -> Result<RawJson, CallError> {
    match envelope::scan(frame).map(envelope::Envelope::kind) {
        Ok(Kind::Response { id: Some(other), outcome }) if envelope::own_id(other) == Some(id) => {
            Ok(outcome.map(ToOwned::to_owned)?)
        }
        Ok(_) => Err(CallError::BadAnswer("its frame says two things at once".to_owned())),
        Err(error) => Err(bad_answer(frame, &error)),
    }
}

/// The answer was in a frame that is not JSON.
pub(crate) fn bad_answer(frame: &[u8], error: &serde_json::Error) -> CallError {
    CallError::BadAnswer(format!("its frame of {} bytes is not JSON at byte {}", frame.len(), error.column()))
}

/// The table of calls by id. Closed, it takes no more.
#[derive(Default)]
pub(crate) struct Pending {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    calls: HashMap<u64, oneshot::Sender<Outcome>, BuildHasherDefault<IdHasher>>,
    closed: Option<CloseReason>,
}

/// For ids of our own counting: nobody else chooses a key, so nobody can make keys collide.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // Spreads counted numbers over the high bits too, which the table also looks at.
        self.0 = (self.0.rotate_left(5) ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
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
    pub(crate) fn complete(&self, id: u64, outcome: impl FnOnce() -> Outcome) -> bool {
        let waiting = self.lock().calls.remove(&id);
        // A caller that went away in this very moment does not matter.
        waiting.map(|waiting| waiting.send(outcome())).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as the reading task takes it from a frame.
    fn unproven(frame: &'static str) -> Answer {
        let frame = Bytes::from_static(frame.as_bytes());
        match crate::quick::recognise(&frame) {
            Some(crate::quick::Quick::Result { id: 1, value }) => {
                Answer::Unproven { result: frame.slice_ref(value), frame: frame.clone() }
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_proved_by_whoever_reads_it() {
        let table = [
            (r#"{"jsonrpc":"2.0","id":1,"result":[1,2]}"#, "[1,2]", "[1, 2]"),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":"text"}"#,
                "\"text\"",
                "invalid type: string \"text\", expected a sequence at line 1 column 6",
            ),
            (r#"{"jsonrpc":"2.0","id":1,"result":[1],"more":{}}"#, "[1]", "[1]"),
            (r#"{"jsonrpc":"2.0","id":1,"result":[1],"error":{"code":5,"message":"m"}}"#, "m (code 5)", "m (code 5)"),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":[1],"id":2}"#,
                "the answer could not be read: its frame says two things at once",
                "the answer could not be read: its frame says two things at once",
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":[1}"#,
                "the answer could not be read: its frame of 36 bytes is not JSON at byte 36",
                "the answer could not be read: its frame of 36 bytes is not JSON at byte 36",
            ),
        ];
        for (frame, raw, typed) in table {
            let read = unproven(frame).into_raw(1).map_or_else(|error| error.to_string(), |raw| raw.get().to_owned());
            assert_eq!(read, raw, "{frame}");
            let read = match unproven(frame).parse::<Vec<u8>>(1) {
                Ok(Ok(parsed)) => format!("{parsed:?}"),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(read, typed, "{frame}");
        }
    }

    #[test]
    fn counted_ids_spread() {
        let hash = |id: u64| {
            let mut hasher = IdHasher::default();
            hasher.write_u64(id);
            hasher.finish()
        };
        let high: std::collections::HashSet<u64> = (0..1000).map(|id| hash(id) >> 57).collect();
        assert_eq!(high.len(), 128);
    }
}

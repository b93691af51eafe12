//! What the tasks and the handles of one peer share.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::builder::{EndHook, FastPath, NoiseSink, NotificationSink, RequestHandler};
use super::outbox::Outbox;
use super::pending::{Answer, Pending, Ticket};
use super::serve::Incoming;
use crate::envelope;
use crate::frame::Digits;
#[cfg(feature = "jsonrpsee")]
use crate::rpc::MethodTable;
use crate::{CallError, CloseReason, ErrorObject, Limits, RawJson};

/// The method that cancels a request, by convention of the protocols that frame JSON-RPC this way.
pub(crate) const CANCEL: &str = "$/cancelRequest";

/// Bytes allowed for the envelope around params when a message is measured.
const ENVELOPE: usize = 64;

/// Everything a builder decided.
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    #[cfg(feature = "jsonrpsee")]
    pub(crate) methods: MethodTable,
    pub(crate) on_request: Option<RequestHandler>,
    pub(crate) on_notification: Option<NotificationSink>,
    pub(crate) on_noise: Option<NoiseSink>,
    pub(crate) on_end: Option<EndHook>,
    pub(crate) fast_paths: Vec<FastPath>,
}

pub(crate) struct Core {
    pub(crate) setup: Setup,
    pub(crate) outbox: Outbox,
    pub(crate) pending: Pending,
    pub(crate) incoming: Incoming,
    next_id: AtomicU64,
    reason: OnceLock<CloseReason>,
    closed: CancellationToken,
    /// The reading task. It ends with the close instead of looking out for it: it is woken for every message.
    reading: OnceLock<AbortHandle>,
}

impl Core {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            outbox: Outbox::new(setup.limits.write_high_water),
            pending: Pending::default(),
            incoming: Incoming::default(),
            next_id: AtomicU64::new(1),
            reason: OnceLock::new(),
            closed: CancellationToken::new(),
            reading: OnceLock::new(),
            setup,
        }
    }

    /// Calls and waits. The id is for reading the answer.
    pub(crate) async fn call(&self, method: &str, params: Option<&str>) -> Result<(u64, Answer), CallError> {
        self.check(method, params)?;
        self.outbox.room().await;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let waiting = self.pending.register(id).map_err(CallError::Closed)?;
        // From here on, dropping this future cancels the call.
        let ticket = Ticket::new(self, id);
        self.push_message(Some(id), method, params);
        let outcome = waiting.await;
        ticket.answered();
        // The sender goes unused only with the table itself, which closes with a reason first.
        let outcome =
            outcome.unwrap_or_else(|_| Err(CallError::Closed(self.close_reason().unwrap_or(CloseReason::Local))));
        Ok((id, outcome?))
    }

    pub(crate) async fn notify(&self, method: &str, params: Option<&str>) -> Result<(), CallError> {
        self.check(method, params)?;
        self.outbox.room().await;
        if let Some(reason) = self.close_reason() {
            return Err(CallError::Closed(reason));
        }
        if self.push_message(None, method, params) {
            Ok(())
        } else {
            // Writing ended before reading did; the reason comes with the end of both.
            Err(CallError::Closed(self.closed().await))
        }
    }

    /// Tells the other side that nobody waits for an answer any more.
    pub(crate) fn cancel(&self, id: u64) {
        self.push_unasked(&format!(r#"{{"jsonrpc":"2.0","method":"{CANCEL}","params":{{"id":{id}}}}}"#));
    }

    /// Refuses what the other side could not read or would silently misread.
    fn check(&self, method: &str, params: Option<&str>) -> Result<(), CallError> {
        if let Some(reason) = self.close_reason() {
            return Err(CallError::Closed(reason));
        }
        let Some(text) = params else { return Ok(()) };
        if text.starts_with('[') && text[1..].trim_start() != "]" || !text.starts_with(['{', '[']) && text != "null" {
            return Err(CallError::NotNamed { method: method.to_owned() });
        }
        let limits = &self.setup.limits;
        let size = text.len() + method.len() + ENVELOPE;
        if size > limits.max_frame {
            return Err(CallError::TooLarge { method: method.to_owned(), size, max: limits.max_frame });
        }
        if envelope::nests_deeper(text, limits.max_depth.saturating_sub(1)) {
            return Err(CallError::TooDeep { method: method.to_owned(), max: limits.max_depth });
        }
        Ok(())
    }

    /// False where nothing is written any more.
    fn push_message(&self, id: Option<u64>, method: &str, params: Option<&str>) -> bool {
        let method = quoted_inside(method);
        let (before, digits) = match id {
            Some(id) => (r#"{"jsonrpc":"2.0","id":"#, Some(Digits::of(id))),
            None => (r#"{"jsonrpc":"2.0""#, None),
        };
        let (between, params) = params.map_or(("\"", ""), |params| (r#"","params":"#, params));
        let queued = self.outbox.push(&[
            before.as_bytes(),
            digits.as_ref().map_or(b"", Digits::as_bytes),
            br#","method":""#,
            method.as_bytes(),
            between.as_bytes(),
            params.as_bytes(),
            b"}",
        ]);
        queued > 0
    }

    /// Queues the answer to a request of the other side. The id goes back as it came.
    pub(crate) fn push_answer(&self, id: &str, answer: &Result<RawJson, ErrorObject>) {
        match answer {
            Ok(result) => self.outbox.push(&[
                br#"{"jsonrpc":"2.0","id":"#,
                id.as_bytes(),
                br#","result":"#,
                result.get().as_bytes(),
                b"}",
            ]),
            Err(error) => self.outbox.push(&[error_answer(id, error).as_bytes()]),
        };
    }

    /// An answer that the other side can read: what it could not becomes an error.
    pub(crate) fn readable(&self, result: RawJson) -> Result<RawJson, ErrorObject> {
        let limits = &self.setup.limits;
        let size = result.get().len() + ENVELOPE;
        if size > limits.max_frame {
            let why = format!("The result has {size} bytes, more than a frame may have");
            return Err(ErrorObject::internal(why));
        }
        if envelope::nests_deeper(result.get(), limits.max_depth.saturating_sub(1)) {
            return Err(ErrorObject::internal("The result nests too deep to be read"));
        }
        Ok(result)
    }

    /// Queues a message from a place that cannot wait. Past the cap the other side is not reading, and goes.
    pub(crate) fn push_unasked(&self, message: &str) {
        let unwritten = self.outbox.push(&[message.as_bytes()]);
        if unwritten > self.setup.limits.write_cap {
            self.close(CloseReason::Stalled { unwritten });
        }
    }

    /// Queues an error answer from within the read loop.
    pub(crate) fn refuse(&self, id: Option<&str>, error: &ErrorObject) {
        self.push_unasked(&error_answer(id.unwrap_or("null"), error));
    }

    /// Ends the connection; only the first reason counts.
    pub(crate) fn close(&self, reason: CloseReason) {
        if self.reason.set(reason).is_err() {
            return;
        }
        let Some(reason) = self.reason.get() else {
            return;
        };
        tracing::debug!(reason = reason.kind(), "connection closed");
        self.outbox.close();
        self.pending.fail_all(reason);
        self.incoming.abort_all();
        self.closed.cancel();
        if let Some(reading) = self.reading.get() {
            reading.abort();
        }
    }

    /// Names the reading task, once, to end with the connection.
    pub(crate) fn end_with(&self, reading: AbortHandle) {
        let reading = self.reading.get_or_init(|| reading);
        // Closed already: `close` may have looked before there was anything to see.
        if self.reason.get().is_some() {
            reading.abort();
        }
    }

    /// Writes what is queued and closes the writing half. Reading goes on until the other side is done.
    pub(crate) fn finish_writing(&self) {
        self.outbox.close();
    }

    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        let reason = self.reason.get()?;
        // `reason` is set a moment before the token; what callers see is the token.
        if self.closed.is_cancelled() { Some(reason.clone()) } else { None }
    }

    pub(crate) async fn closed(&self) -> CloseReason {
        self.closed.cancelled().await;
        self.reason.get().cloned().unwrap_or(CloseReason::Local)
    }

    /// Whether what is queued is still to be written after the close.
    pub(crate) fn closed_locally(&self) -> bool {
        matches!(self.reason.get(), Some(CloseReason::Local))
    }
}

/// The text of an error answer.
pub(crate) fn error_answer(id: &str, error: &ErrorObject) -> String {
    let ErrorObject { code, message, data } = error;
    let data = data.as_deref().map_or_else(String::new, |data| format!(r#","data":{data}"#));
    let message = quoted_inside(message);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"{data}}}}}"#)
}

/// A string as JSON, without the quotes around it.
fn quoted_inside(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        return Cow::Borrowed(text);
    }
    let quoted = serde_json::Value::from(text).to_string();
    Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
}

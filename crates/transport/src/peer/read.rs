//! The reading task: bytes to frames, frames to where they belong.
//!
//! Nothing here ever waits for room in a queue. A read loop that waits for its own side's callers stands still together
//! with the other side's, each waiting for the other to read.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::core::CANCEL;
use super::pending::{Answer, bad_answer};
use super::{Core, WeakPeer, serve};
use crate::envelope::{self, Kind};
use crate::frame::{Decoder, Item};
use crate::quick::{self, Quick};
use crate::{CallError, CloseReason, ErrorObject, Notification, Request, codes};

/// Ends with the stream, or is aborted by [`Core::close`].
pub(super) async fn run(core: Arc<Core>, mut reader: impl AsyncRead + Send + Unpin, peer: WeakPeer) {
    let reason = read_all(&core, &mut reader, &peer).await;
    let reason = match &core.setup.on_end {
        Some(better) => better(reason).await,
        None => reason,
    };
    core.close(reason);
}

async fn read_all(core: &Arc<Core>, reader: &mut (impl AsyncRead + Send + Unpin), peer: &WeakPeer) -> CloseReason {
    let mut decoder = Decoder::new(&core.setup.limits);
    loop {
        match reader.read_buf(decoder.buffer()).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return CloseReason::Io(Arc::new(error)),
        }
        loop {
            match decoder.next_item() {
                Ok(Some(item)) => take(core, item, peer),
                Ok(None) => break,
                Err(error) => return CloseReason::Frame(error),
            }
        }
    }
    match decoder.finish() {
        Ok(rest) => {
            if let Some(item) = rest {
                take(core, item, peer);
            }
            CloseReason::EndOfStream
        }
        Err(error) => CloseReason::Frame(error),
    }
}

fn take(core: &Arc<Core>, item: Item, peer: &WeakPeer) {
    match item {
        Item::Frame(frame) => sort(core, &frame, peer),
        Item::Noise(line) => {
            tracing::debug!(bytes = line.len(), "a line that is no frame");
            if let Some(sink) = &core.setup.on_noise {
                sink(&line);
            }
        }
    }
}

fn sort(core: &Arc<Core>, frame: &Bytes, peer: &WeakPeer) {
    if let Some(notification) = recognise(core, frame) {
        hand_on(core, notification);
        return;
    }
    if sort_quickly(core, frame, peer) {
        return;
    }
    let envelope = match envelope::scan(frame) {
        Ok(envelope) => envelope,
        Err(error) => return unreadable(core, frame, &error),
    };
    match envelope.kind() {
        Kind::Response { id, outcome } => respond(core, id, outcome),
        Kind::Notification { method, params } if method == CANCEL => cancel(core, params),
        Kind::Notification { method, params } => hand_on(
            core,
            Notification {
                method: method.into(),
                params: params.map(|params| frame.slice_ref(params.get().as_bytes())),
                unproven: None,
            },
        ),
        Kind::Request { id, method, params } => {
            let request =
                Request { method: Cow::into_owned(method), params: params.map(ToOwned::to_owned), peer: peer.clone() };
            serve::start(core, id.get(), request);
        }
        Kind::Invalid { id, why } => {
            tracing::debug!(bytes = frame.len(), why, "a message that is none");
            core.refuse(id.map(RawValue::get), &ErrorObject::new(codes::INVALID_REQUEST, why));
        }
    }
}

/// Sorts a frame in the usual spelling. False where the frame needs the long way.
fn sort_quickly(core: &Arc<Core>, frame: &Bytes, peer: &WeakPeer) -> bool {
    match quick::recognise(frame) {
        Some(Quick::Result { id, value }) => {
            let answer = || Ok(Answer::Unproven { frame: frame.clone(), result: frame.slice_ref(value) });
            // Nobody waits: the long way says so, or finds another id in it.
            core.pending.complete(id, answer)
        }
        Some(Quick::Request { id, method, value }) => {
            let Some(params) = quick::prove(value) else { return false };
            let request = Request { method: method.to_owned(), params: Some(params.to_owned()), peer: peer.clone() };
            serve::start(core, id, request);
            true
        }
        Some(Quick::Notification { method, value }) if method != CANCEL => {
            let Some(params) = quick::prove(value) else { return false };
            let params = Some(frame.slice_ref(params.get().as_bytes()));
            hand_on(core, Notification { method: method.into(), params, unproven: None });
            true
        }
        Some(Quick::Notification { .. }) | None => false,
    }
}

/// The fast path: a frame that begins and ends as the named notification always does.
fn recognise(core: &Core, frame: &Bytes) -> Option<Notification> {
    let fast = core.setup.fast_paths.iter().find(|fast| frame.starts_with(&fast.prefix))?;
    let params = frame.slice(fast.prefix.len()..frame.len() - 1);
    // Anything behind the params shows here, unless it is an object itself; that is for `Notification::parse` to find.
    if !frame.ends_with(b"}}") || params.first() != Some(&b'{') {
        return None;
    }
    Some(Notification { method: Arc::clone(&fast.method), params: Some(params), unproven: Some(frame.clone()) })
}

fn hand_on(core: &Core, notification: Notification) {
    let Some(sink) = &core.setup.on_notification else {
        return;
    };
    let method = Arc::clone(&notification.method);
    // A callback that panics loses this notification, not the connection.
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sink(notification))).is_err() {
        tracing::error!(%method, "the notification callback panicked");
    }
}

fn respond(core: &Core, id: Option<&RawValue>, outcome: Result<&RawValue, ErrorObject>) {
    let outcome = outcome.map(|result| Answer::Read(result.to_owned())).map_err(CallError::from);
    let Some(id) = id else {
        // The other side could not read some message of ours and cannot say which.
        let refused_with = outcome.as_ref().err().and_then(CallError::code);
        let attributed = outcome.is_err() && core.pending.complete_only(outcome);
        tracing::warn!(code = refused_with, attributed, "an answer without an id");
        return;
    };
    let known = envelope::own_id(id).is_some_and(|id| core.pending.complete(id, || outcome));
    if !known {
        tracing::debug!("an answer nobody waits for");
    }
}

fn cancel(core: &Arc<Core>, params: Option<&RawValue>) {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    if let Some(Ok(params)) = params.map(|params| serde_json::from_str::<Params<'_>>(params.get())) {
        serve::cancel(core, params.id);
    }
}

/// A frame without a readable envelope costs at most the one call it seems to answer.
fn unreadable(core: &Core, frame: &[u8], error: &serde_json::Error) {
    let place = error.column();
    if envelope::is_json(frame) {
        tracing::warn!(bytes = frame.len(), "a frame that is JSON but no message");
        let why = "not a single message; batches are not supported";
        return core.refuse(None, &ErrorObject::new(codes::INVALID_REQUEST, why));
    }
    let guess = envelope::guess_id(frame);
    tracing::warn!(bytes = frame.len(), place, guessed = guess.is_some(), "a frame that is not JSON");
    match guess {
        Some(id) => {
            core.pending.complete(id, || Err(bad_answer(frame, error)));
        }
        None => core.refuse(None, &ErrorObject::new(codes::PARSE_ERROR, format!("not JSON at byte {place}"))),
    }
}

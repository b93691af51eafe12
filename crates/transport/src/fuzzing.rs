//! The bodies of the fuzz targets, as plain functions that an ordinary test runs over a small corpus too.
//!
//! They panic where an invariant does not hold. Not part of the API.

use crate::envelope::{self, Kind};
use crate::frame::{Decoder, FrameError, Item};
use crate::quick::{self, Quick};
use crate::{CliUrl, Error, Limits};

/// Limits small enough for a fuzzer to reach.
fn limits() -> Limits {
    let mut limits = Limits::default().max_frame(4096);
    limits.max_header = 128;
    limits.max_noise = 512;
    limits
}

/// However a stream is cut into pieces, the same items come out, then the same end.
///
/// The first byte gives the size of the pieces.
pub fn decoder(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else {
        return;
    };
    let whole = decode(&limits(), [stream]);
    let pieces = decode(&limits(), stream.chunks(usize::from(*size).max(1)));
    assert_eq!(whole, pieces);
}

/// Decodes a stream given in pieces: all items, and how it ended.
pub fn decode<'a>(limits: &Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Item>, Result<(), FrameError>) {
    let mut decoder = Decoder::new(limits);
    let mut items = Vec::new();
    let end = (|| {
        for piece in pieces {
            decoder.buffer().extend_from_slice(piece);
            while let Some(item) = decoder.next_item()? {
                items.push(item);
            }
        }
        items.extend(decoder.finish()?);
        Ok(())
    })();
    (items, end)
}

/// What is recognised by its first bytes, and whose value proves to be one, is what the whole frame says.
fn quickly(frame: &[u8]) {
    let Some(quick) = quick::recognise(frame) else { return };
    let (Quick::Result { value, .. } | Quick::Request { value, .. } | Quick::Notification { value, .. }) = quick;
    let Some(value) = quick::prove(value) else { return };
    let kind = envelope::scan(frame).map(envelope::Envelope::kind);
    let same = match (&quick, &kind) {
        (Quick::Result { id, .. }, Ok(Kind::Response { id: Some(whole), outcome: Ok(result) })) => {
            envelope::own_id(whole) == Some(*id) && result.get() == value.get()
        }
        (Quick::Request { id, method, .. }, Ok(Kind::Request { id: whole, method: named, params: Some(params) })) => {
            whole.get() == *id && named == method && params.get() == value.get()
        }
        (Quick::Notification { method, .. }, Ok(Kind::Notification { method: named, params: Some(params) })) => {
            named == method && params.get() == value.get()
        }
        _ => false,
    };
    assert!(same, "{quick:?} against {kind:?}");
}

/// A message is sorted as a plain reading of its JSON says, and nothing panics on what is not JSON.
pub fn envelope(frame: &[u8]) {
    let _ = envelope::guess_id(frame);
    quickly(frame);
    let value = serde_json::from_slice::<serde_json::Value>(frame).ok();
    let Ok(scanned) = envelope::scan(frame) else {
        assert!(!value.is_some_and(|value| value.is_object()), "an object was refused");
        return;
    };
    let kind = scanned.kind();
    // `Value` refuses deep nesting, which the scan does not mind.
    let Some(value) = value else { return };
    let has = |name: &str| value.get(name).is_some();
    match kind {
        Kind::Request { method, .. } => {
            assert!(has("id") && value["method"] == *method);
        }
        Kind::Notification { method, .. } => {
            assert!(!has("id") && value["method"] == *method);
        }
        Kind::Response { outcome, .. } => {
            assert!(!has("method") && (outcome.is_err() || value["error"].is_null()));
        }
        Kind::Invalid { .. } => {}
    }
    let text = value.to_string();
    let depth = depth(&value);
    assert!(!envelope::nests_deeper(&text, depth));
    assert!(depth == 0 || envelope::nests_deeper(&text, depth - 1));
}

fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What is read as a server's address is read as the same one when it is written, and a refusal shows no credentials.
pub fn address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match CliUrl::parse(text) {
        Ok(url) => {
            assert!(url.port() != 0 && !url.host().is_empty());
            assert_eq!(CliUrl::parse(&url.to_string()).ok(), Some(url));
        }
        Err(Error::Url { given, .. }) if text.contains('@') => {
            assert!(given.strip_prefix("…@").is_some_and(|rest| !rest.contains('@')), "{given}");
        }
        Err(_) => {}
    }
}

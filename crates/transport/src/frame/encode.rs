//! Writing frames.

use std::io::Write as _;

/// Appends one frame with this body.
pub fn append_frame(out: &mut Vec<u8>, body: &[u8]) {
    append_frame_parts(out, &[body]);
}

/// Appends one frame whose body is the parts in order, so that a caller need not join them first.
pub fn append_frame_parts(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(length + 40);
    // Writing into a Vec cannot fail.
    let _ = write!(out, "Content-Length: {length}\r\n\r\n");
    for part in parts {
        out.extend_from_slice(part);
    }
}

//! Cutting frames out of a byte stream, and writing them, without any I/O.
//!
//! A frame is `Content-Length: N`, CRLF, an empty line, and N bytes. Reading is lenient: header names in any case, LF as
//! well as CRLF, other headers ignored, whole lines of other text between frames handed out as noise. Writing is strict,
//! because some readers hang on anything but the canonical spelling.

mod decode;
mod encode;

pub use decode::{Decoder, Item};
pub(crate) use encode::Digits;
pub use encode::{append_frame, append_frame_parts};

/// Why the rest of a byte stream cannot be cut into frames any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A length that is not plain digits.
    #[error("a frame header gives a length that is not a number")]
    BadLength,
    /// Two different lengths for one frame.
    #[error("a frame header gives two different lengths, {0} and {1}")]
    TwoLengths(usize, usize),
    /// A line inside a header block that is no header.
    #[error("a frame header has a line without a colon")]
    BadHeader,
    /// A header block that does not end.
    #[error("a frame header is longer than {0} bytes")]
    HeaderTooLong(usize),
    /// A frame longer than allowed.
    #[error("a frame of {size} bytes is longer than the limit of {max}; raise the limit if the sender is right")]
    TooLarge {
        /// The length its header claims.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// Other text without end where a frame should begin.
    #[error("more than {0} bytes that are no frame; is this the protocol the other side speaks?")]
    TooMuchNoise(usize),
    /// A header that follows other text on the same line.
    #[error(
        "lost track of the frames: other text stands before a header on the same line; something prints into the stream"
    )]
    Desynchronised,
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame: {missing} more bytes were expected")]
    Truncated {
        /// Bytes that did not come; zero when even the header was unfinished.
        missing: usize,
    },
}

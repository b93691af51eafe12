//! The decoder: bytes in, frames and noise out.

use bytes::{Buf as _, Bytes, BytesMut};

use super::FrameError;
use crate::Limits;

/// Room offered to one read when nothing better is known, in bytes.
const READ_CHUNK: usize = 64 * 1024;

/// One thing found in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The body of a frame, a slice of the read buffer.
    Frame(Bytes),
    /// A line of other text, without its line end.
    Noise(Bytes),
}

/// Cuts frames out of a stream of bytes that comes in pieces of any size.
///
/// Fill [`buffer`](Self::buffer), then take items with [`next_item`](Self::next_item) until there is none, and call
/// [`finish`](Self::finish) at the end of the stream. After an error the position in the stream is lost for good.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    state: State,
    /// Bytes at the start of `buffer` known to hold no line end.
    searched: usize,
    /// Bytes of noise since the last frame.
    noise: usize,
    max_header: usize,
    max_frame: usize,
    max_noise: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before the length line of a frame.
    Between,
    /// After the length line, before the empty line.
    Header { length: usize, size: usize },
    /// Before the last byte of the body.
    Body { length: usize },
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: &Limits) -> Self {
        Self {
            buffer: BytesMut::new(),
            state: State::Between,
            searched: 0,
            noise: 0,
            max_header: limits.max_header,
            max_frame: limits.max_frame,
            max_noise: limits.max_noise,
        }
    }

    /// The buffer to append received bytes to, with room for a sensible read.
    ///
    /// The room grows with what was received, never with what a header claims, so a false length costs nothing.
    pub fn buffer(&mut self) -> &mut BytesMut {
        let room = match self.state {
            State::Body { length } => {
                let missing = length.saturating_sub(self.buffer.len());
                // A little more than the body, so that the next header comes with it.
                missing.saturating_add(4096).min(self.buffer.len().max(READ_CHUNK))
            }
            State::Between | State::Header { .. } => READ_CHUNK / 8,
        };
        if self.buffer.capacity() - self.buffer.len() < room {
            self.buffer.reserve(room.max(READ_CHUNK));
        }
        &mut self.buffer
    }

    /// The next item, or `None` when more bytes are needed.
    pub fn next_item(&mut self) -> Result<Option<Item>, FrameError> {
        loop {
            match self.state {
                State::Body { length } => {
                    if self.buffer.len() < length {
                        return Ok(None);
                    }
                    self.state = State::Between;
                    self.noise = 0;
                    return Ok(Some(Item::Frame(self.buffer.split_to(length).freeze())));
                }
                State::Header { length, size } => {
                    let Some(line) = self.line() else {
                        return self.unfinished(size, self.max_header, FrameError::HeaderTooLong(self.max_header));
                    };
                    let size = size + line.len();
                    if size > self.max_header {
                        return Err(FrameError::HeaderTooLong(self.max_header));
                    }
                    let line = trim_line_end(&line);
                    if line.is_empty() {
                        self.state = State::Body { length };
                        continue;
                    }
                    let (name, value) = split_header(line).ok_or(FrameError::BadHeader)?;
                    if is_length(name) {
                        let again = self.length(value)?;
                        if again != length {
                            return Err(FrameError::TwoLengths(length, again));
                        }
                    }
                    self.state = State::Header { length, size };
                }
                State::Between => {
                    if self.usual_header()? {
                        continue;
                    }
                    let Some(whole) = self.line() else {
                        return self.unfinished(self.noise, self.max_noise, FrameError::TooMuchNoise(self.max_noise));
                    };
                    // Before anything else, so that the same line ends the same way whether it came whole or in pieces.
                    // Empty lines count too, or a stream of them would be read for ever without a word.
                    self.noise += whole.len();
                    if self.noise > self.max_noise {
                        return Err(FrameError::TooMuchNoise(self.max_noise));
                    }
                    let line = trim_line_end(&whole);
                    if line.is_empty() {
                        continue;
                    }
                    match split_header(line) {
                        Some((name, value)) if is_length(name) => {
                            let length = self.length(value)?;
                            self.state = State::Header { length, size: whole.len() };
                        }
                        Some((name, _)) if name.eq_ignore_ascii_case(b"content-type") => {}
                        _ if ends_in_length_header(line) => return Err(FrameError::Desynchronised),
                        _ => return Ok(Some(Item::Noise(whole.slice(..line.len())))),
                    }
                }
            }
        }
    }

    /// Takes a header block that is there in whole, is the first thing after a frame, and is written in the usual way:
    /// one line and the empty one.
    fn usual_header(&mut self) -> Result<bool, FrameError> {
        const NAME: &[u8] = b"Content-Length: ";
        const END: &[u8] = b"\r\n\r\n";
        let Some(rest) = self.buffer.strip_prefix(NAME) else { return Ok(false) };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let size = NAME.len() + digits + END.len();
        // What could break a limit is left to the lines that know them.
        if digits == 0
            || self.noise > 0
            || size > self.max_header.min(self.max_noise)
            || !rest[digits..].starts_with(END)
        {
            return Ok(false);
        }
        let length = self.length(&rest[..digits])?;
        self.buffer.advance(size);
        self.searched = 0;
        self.state = State::Body { length };
        Ok(true)
    }

    /// The end of the stream: what is left as noise, or the frame that was cut short.
    pub fn finish(&mut self) -> Result<Option<Item>, FrameError> {
        match self.state {
            State::Body { length } => Err(FrameError::Truncated { missing: length - self.buffer.len() }),
            State::Header { .. } => Err(FrameError::Truncated { missing: 0 }),
            State::Between => {
                self.searched = 0;
                let rest = self.buffer.split().freeze();
                let line = rest.slice(..trim_line_end(&rest).len());
                if split_header(&line).is_some_and(|(name, _)| is_length(name)) {
                    return Err(FrameError::Truncated { missing: 0 });
                }
                Ok((!line.is_empty()).then_some(Item::Noise(line)))
            }
        }
    }

    /// Takes the next line with its line end. Bytes that were searched once are not searched again.
    fn line(&mut self) -> Option<Bytes> {
        let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return None;
        };
        let end = self.searched + found + 1;
        self.searched = 0;
        Some(self.buffer.split_to(end).freeze())
    }

    /// No line end yet: fine as long as the piece of a line stays within `max`.
    fn unfinished(&self, before: usize, max: usize, error: FrameError) -> Result<Option<Item>, FrameError> {
        if before + self.buffer.len() > max { Err(error) } else { Ok(None) }
    }

    fn length(&self, value: &[u8]) -> Result<usize, FrameError> {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(FrameError::BadLength);
        }
        let size =
            value.iter().fold(0usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
        if size > self.max_frame {
            return Err(FrameError::TooLarge { size, max: self.max_frame });
        }
        Ok(size)
    }
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_length(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-length")
}

fn split_header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
}

/// Whether a length header follows other text on this line: then the frame behind it would be taken for text, and every
/// frame after it too.
fn ends_in_length_header(line: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length:";
    let digits_from = line.trim_ascii_end().iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let before = line[..digits_from].trim_ascii_end();
    digits_from < line.trim_ascii_end().len()
        && before.len() >= NAME.len()
        && before[before.len() - NAME.len()..].eq_ignore_ascii_case(NAME)
}

//! Writing frames.

/// Appends one frame with this body.
pub fn append_frame(out: &mut Vec<u8>, body: &[u8]) {
    append_frame_parts(out, &[body]);
}

/// Appends one frame whose body is the parts in order, so that a caller need not join them first.
pub fn append_frame_parts(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(length + 40);
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(Digits::of(length as u64).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// A number in decimal, without the cost of formatting.
pub(crate) struct Digits {
    text: [u8; 20],
    from: usize,
}

impl Digits {
    pub(crate) fn of(mut number: u64) -> Self {
        let mut text = [b'0'; 20];
        let mut from = text.len();
        loop {
            from -= 1;
            // A digit: below ten.
            text[from] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { text, from };
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 1, 9, 10, 99, 100, 12_345_678, u64::MAX] {
            assert_eq!(Digits::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }
}

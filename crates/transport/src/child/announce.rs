//! The line in which a server says where it listens.

/// The port in a line such as `CLI server listening on port 46755`.
pub fn announced_port(line: &str) -> Option<u16> {
    const WORDS: &str = "listening on port ";
    let lower = line.to_ascii_lowercase();
    let rest = &line[lower.find(WORDS)? + WORDS.len()..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    // More digits would be cut off by an unfinished line only; anything glued to them is no port.
    if rest[digits..].starts_with(|next: char| next.is_alphanumeric()) {
        return None;
    }
    rest[..digits].parse().ok().filter(|port| *port != 0)
}

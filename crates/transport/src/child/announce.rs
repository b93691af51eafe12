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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_the_announcement_only() {
        let table = [
            ("CLI server listening on port 46755", Some(46755)),
            ("CLI server listening on port 46755\r\n", Some(46755)),
            ("[info] Server Listening On Port 1.", Some(1)),
            ("CLI server listening on port 0", None),
            ("CLI server listening on port 65536", None),
            ("CLI server listening on port 12a", None),
            ("CLI server listening on port ", None),
            ("Port 46755", None),
            ("", None),
        ];
        for (line, port) in table {
            assert_eq!(announced_port(line), port, "{line}");
        }
    }
}

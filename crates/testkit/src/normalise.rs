//! Makes output comparable between runs: what differs every time is replaced by a word.

/// Replaces UUIDs, times, loopback ports, link secrets and the given literal texts.
///
/// The same UUID gets the same number each time it occurs, so that who refers to whom stays visible.
pub fn normalise(text: &str, literals: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in literals {
        if !from.is_empty() {
            text = text.replace(from, to);
        }
    }
    let mut uuids: Vec<String> = Vec::new();
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        if let Some(uuid) = uuid_at(rest) {
            let number = uuids.iter().position(|known| known == uuid).unwrap_or_else(|| {
                uuids.push(uuid.to_owned());
                uuids.len() - 1
            });
            out.push_str("<uuid-");
            out.push_str(&(number + 1).to_string());
            out.push('>');
            rest = &rest[uuid.len()..];
        } else if let Some(time) = time_at(rest) {
            out.push_str("<time>");
            rest = &rest[time..];
        } else if let Some((prefix, length)) = port_at(rest) {
            out.push_str(prefix);
            out.push_str(":<port>");
            rest = &rest[length..];
        } else {
            let next = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    out
}

fn uuid_at(text: &str) -> Option<&str> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let candidate = text.get(..36)?;
    let fits = candidate
        .bytes()
        .enumerate()
        .all(|(at, byte)| if DASHES.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() });
    fits.then_some(candidate)
}

/// Length of an RFC 3339 time in UTC, such as `2026-11-23T00:59:13.311Z`.
fn time_at(text: &str) -> Option<usize> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    let fits = bytes.len() > SHAPE.len()
        && SHAPE.iter().zip(bytes).all(|(shape, byte)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => other == byte,
        });
    if !fits {
        return None;
    }
    let tail = bytes[SHAPE.len()..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let end = SHAPE.len() + tail;
    (bytes.get(end) == Some(&b'Z')).then_some(end + 1)
}

fn port_at(text: &str) -> Option<(&'static str, usize)> {
    ["127.0.0.1", "localhost", "[::1]"].into_iter().find_map(|host| {
        let digits = text.strip_prefix(host)?.strip_prefix(':')?.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then_some((host, host.len() + 1 + digits))
    })
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn replaces_what_differs_between_runs_and_nothing_else() {
        let table = [
            ("plain text, ünïcode", "plain text, ünïcode"),
            ("http://127.0.0.1:40123/mc", "http://127.0.0.1:<port>/mc"),
            ("at 2026-11-23T00:59:13.311Z.", "at <time>."),
            ("2026-11-23 is a day", "2026-11-23 is a day"),
            (
                "af40501f-fd55-460b-a1d5-a6e6c4b6985a b940501f-fd55-460b-a1d5-a6e6c4b6985a af40501f-fd55-460b-a1d5-a6e6c4b6985a",
                "<uuid-1> <uuid-2> <uuid-1>",
            ),
            ("the secret is swordfish", "the secret is <secret>"),
        ];
        for (from, to) in table {
            assert_eq!(normalise(from, &[("swordfish", "<secret>")]), to);
        }
    }
}

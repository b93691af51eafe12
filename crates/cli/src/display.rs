//! Text from a session, made safe for a terminal.

/// Replaces what could move the cursor, change colours, or show text in another order than it runs in.
///
/// A session's text comes from tools and models: a command that hides half of itself behind an escape
/// sequence must not look harmless when somebody is asked to approve it.
pub(crate) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// The same on one line of at most `limit` characters.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let mut words = text.split_whitespace();
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
    let out = safe(&out);
    if out.chars().count() <= limit {
        return out;
    }
    let kept: String = out.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Directions, which reorder what is shown; and characters of no width.
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            // Tag characters.
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides() {
        for (given, want) in [
            ("plain text\n\tindented", "plain text\n\tindented"),
            ("a\r\nb", "a\nb"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("rm \u{202e}cod.txt", "rm \\u{202e}cod.txt"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("ä €  日本 🎉", "ä €  日本 🎉"),
        ] {
            assert_eq!(safe(given), want);
        }
    }

    #[test]
    fn one_line() {
        assert_eq!(line("  a\n b\tc ", 10), "a b c");
        assert_eq!(line("abcdefghij", 5), "abcd…");
        assert_eq!(line("", 5), "");
    }
}

//! Text from a session, made safe for a terminal.

/// What somebody decides upon, with everything in it that would not be seen.
pub(crate) use crate::protocol::text::visible;
use crate::protocol::text::{is_hidden, replaced};

/// Replaces what could move the cursor, change colours, or show text in another order than it runs in.
///
/// For what is read and not decided upon: other characters without a shape of their own are part of how languages and
/// emoji are written. Carriage returns are left out.
pub(crate) fn safe(text: &str) -> String {
    replaced(&text.replace('\r', ""), moves_others).into_owned()
}

/// What somebody may decide upon, on one line of at most `limit` characters.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let mut words = text.split_whitespace();
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
    let out = visible(&out);
    if out.chars().count() <= limit {
        return out.into_owned();
    }
    let kept: String = out.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Controls, directions, and marks that a terminal may take for either.
pub(crate) fn moves_others(c: char) -> bool {
    let belongs_to_words =
        matches!(c, '\u{a0}' | '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{3000}' | '\u{fe00}'..='\u{fe0f}');
    is_hidden(c) && !belongs_to_words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides() {
        for (given, want) in [
            ("plain text\n\tindented", "plain text\n\tindented"),
            ("a\r\nb", "a\nb"),
            ("\u{1b}[2Jgone", "[U+001B][2Jgone"),
            ("rm \u{202e}cod.txt", "rm [U+202E]cod.txt"),
            ("\u{9b}31m", "[U+009B]31m"),
            ("ä €  日本 ❤\u{fe0f} 👩\u{200d}🚀", "ä €  日本 ❤\u{fe0f} 👩\u{200d}🚀"),
        ] {
            assert_eq!(safe(given), want);
        }
    }

    #[test]
    fn one_line() {
        assert_eq!(line("  a\n b\tc ", 10), "a b c");
        assert_eq!(line("abcdefghij", 5), "abcd…");
        assert_eq!(line("", 5), "");
        assert_eq!(line("a\u{200d}b\u{3164}", 40), "a[U+200D]b[U+3164]");
    }
}

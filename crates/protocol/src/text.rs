//! Text from a session, before somebody who decides upon it.
//!
//! What an agent wants to run is text that tools and models wrote. Characters that draw nothing, or that move what others
//! draw, can make a command read differently from what it does. Every groundlink front end shows them by these functions,
//! and so should every program that asks a person for an approval.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character draws nothing, or moves what others draw.
///
/// Spaces other than the plain one count: shells and people disagree about them. Line breaks and tabs do not.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}'
        | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}'
        | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The text with every [hidden](is_hidden) character as its code point in brackets.
///
/// ```
/// use groundlink_protocol::text::visible;
///
/// assert_eq!(visible("rm \u{202e}gpj.x"), "rm [U+202E]gpj.x");
/// assert_eq!(visible("ls -l"), "ls -l");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, is_hidden)
}

/// The text with those characters as their code points in brackets.
pub fn replaced(text: &str, which: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&which) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if which(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "[U+{:04X}]", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written() {
        assert_eq!(
            visible("rm \u{202e}gpj.x \u{200b}\r\u{a0}\u{3164}"),
            "rm [U+202E]gpj.x [U+200B][U+000D][U+00A0][U+3164]"
        );
        assert!(matches!(visible("ls -l 日本語 🚀"), Cow::Borrowed(_)));
    }

    #[test]
    fn ordinary_text_of_any_language_is_left_alone() {
        for text in ["ls -l | sort", "日本語 العربية עברית ภาษา", "naïve — “quotes” 🚀\n\tx"]
        {
            assert!(!text.chars().any(is_hidden), "{text}");
        }
    }
}

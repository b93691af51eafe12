//! Text that a person decides upon: nothing in it may hide.
//!
//! Zero-width characters, bidirectional controls and other characters without a shape of their own
//! can make a command read differently from what it does. They are drawn as their code point.

use std::fmt::Write as _;

use maud::{Markup, Render, html};

/// Draws `text` with every hidden character made visible. Line breaks and tabs stay.
pub(super) fn visible(text: &str) -> Markup {
    let mut rest = text;
    html! {
        @while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            (&rest[..at])
            (Hidden(c))
            ({ rest = &rest[at + c.len_utf8()..]; "" })
        }
        (rest)
    }
}

/// The same where there is only text: a hidden character becomes its code point in brackets.
pub(crate) fn visible_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "[U+{:04X}]", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

struct Hidden(char);

impl Render for Hidden {
    fn render(&self) -> Markup {
        let code = format!("U+{:04X}", u32::from(self.0));
        html! {
            span.hid title={ "Hidden character " (code) (name(self.0)) } { (code) }
        }
    }
}

/// Characters that draw nothing, or move what others draw. Spaces other than the plain one count:
/// shells and people disagree about them.
pub(super) fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}'
        | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}'
        | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn name(c: char) -> &'static str {
    match c {
        '\u{0}' => ": null",
        '\u{8}' => ": backspace",
        '\r' => ": carriage return",
        '\u{1b}' => ": escape",
        '\u{a0}' => ": no-break space",
        '\u{ad}' => ": soft hyphen",
        '\u{200b}' => ": zero-width space",
        '\u{200c}' => ": zero-width non-joiner",
        '\u{200d}' => ": zero-width joiner",
        '\u{200e}' | '\u{200f}' | '\u{61c}' => ": direction mark",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ": changes the direction of text",
        '\u{2060}' | '\u{feff}' => ": zero-width no-break space",
        '\u{e0000}'..='\u{e0fff}' => ": tag",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_drawn() {
        let html = visible("rm \u{202e}gpj.x\u{2066} a\u{200b}b\r\n<b>\ttab").into_string();
        assert_eq!(
            html,
            "rm <span class=\"hid\" title=\"Hidden character U+202E: changes the direction of text\">U+202E</span>gpj.x\
             <span class=\"hid\" title=\"Hidden character U+2066: changes the direction of text\">U+2066</span> a\
             <span class=\"hid\" title=\"Hidden character U+200B: zero-width space\">U+200B</span>b\
             <span class=\"hid\" title=\"Hidden character U+000D: carriage return\">U+000D</span>\n&lt;b&gt;\ttab"
        );
    }

    #[test]
    fn hidden_characters_are_written() {
        assert_eq!(visible_text("rm \u{202e}gpj.x \u{200b}\r"), "rm [U+202E]gpj.x [U+200B][U+000D]");
        assert_eq!(visible_text("ls -l 日本語 🚀"), "ls -l 日本語 🚀");
    }

    #[test]
    fn ordinary_text_of_any_language_is_left_alone() {
        for text in ["ls -l | sort", "日本語 العربية עברית ภาษา", "naïve — “quotes” 🚀\n\tx"]
        {
            assert!(!text.chars().any(is_hidden), "{text}");
        }
    }
}

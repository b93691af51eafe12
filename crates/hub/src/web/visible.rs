//! Text that a person decides upon: what would [hide](groundlink_protocol::text) in it is drawn as its code point.

use groundlink_protocol::text::is_hidden;
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

struct Hidden(char);

impl Render for Hidden {
    fn render(&self) -> Markup {
        let code = format!("U+{:04X}", u32::from(self.0));
        html! {
            span.hid title={ "Hidden character " (code) (name(self.0)) } { (code) }
        }
    }
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
}

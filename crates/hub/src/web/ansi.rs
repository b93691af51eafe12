//! Output of terminals: colours become classes, every other control is dropped or made visible.

use maud::{Markup, PreEscaped, html};

use super::visible::visible;

/// Draws terminal output.
pub(super) fn ansi(text: &str) -> Markup {
    let mut out = String::new();
    let mut style = Style::default();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        // A progress bar writes its line again and again; only the last writing was left to see.
        let line = line.strip_suffix('\r').unwrap_or(line);
        let last = line.rfind('\r').map_or(line, |at| &line[at + 1..]);
        draw_line(last, &mut style, &mut out);
    }
    PreEscaped(out)
}

fn draw_line(line: &str, style: &mut Style, out: &mut String) {
    let mut rest = line;
    while let Some(at) = rest.find('\u{1b}') {
        style.draw(&rest[..at], out);
        rest = escape(&rest[at + 1..], style);
    }
    style.draw(rest, out);
}

/// Reads one escape sequence, without its first character; returns what follows it.
fn escape<'a>(text: &'a str, style: &mut Style) -> &'a str {
    if let Some(body) = text.strip_prefix('[') {
        let end = body.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
        let Some(end) = end else { return "" };
        if body.as_bytes()[end] == b'm' {
            style.set(&body[..end]);
        }
        return &body[end + 1..];
    }
    if let Some(body) = text.strip_prefix([']', 'P', '_', '^', 'X']) {
        // A string (a title, a link, ...) up to its terminator; without one, up to the line's end.
        let bell = body.find('\u{7}').map(|at| at + 1);
        let string_end = body.find("\u{1b}\\").map(|at| at + 2);
        let end = match (bell, string_end) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(body.len()),
        };
        return &body[end..];
    }
    let intermediate = text.trim_start_matches(|c: char| ('\u{20}'..='\u{2f}').contains(&c));
    let mut chars = intermediate.chars();
    chars.next();
    chars.as_str()
}

#[derive(Default)]
struct Style {
    colour: Option<u8>,
    bold: bool,
    dim: bool,
}

impl Style {
    fn set(&mut self, codes: &str) {
        let mut codes = codes.split([';', ':']).map(|code| code.parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                22 => (self.bold, self.dim) = (false, false),
                30..=37 => self.colour = u8::try_from(code - 30).ok(),
                90..=97 => self.colour = u8::try_from(code - 90 + 8).ok(),
                39 => self.colour = None,
                // Palette and true colours do not fit a page's own palette, except the first sixteen.
                38 | 48 => match codes.next() {
                    Some(5) => {
                        let index = codes.next().and_then(|index| u8::try_from(index).ok());
                        if code == 38 {
                            self.colour = index.filter(|index| *index < 16);
                        }
                    }
                    Some(2) => {
                        codes.nth(2);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn draw(&self, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        let colour = self.colour.map(|colour| format!("a{colour}"));
        let classes: Vec<&str> =
            [colour.as_deref(), self.bold.then_some("ab"), self.dim.then_some("ad")].into_iter().flatten().collect();
        let text = visible(text);
        let drawn = if classes.is_empty() {
            text
        } else {
            html! { span class=(classes.join(" ")) { (text) } }
        };
        out.push_str(&drawn.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_classes_or_nothing() {
        let cases = [
            ("\u{1b}[31mred\u{1b}[0m plain", "<span class=\"a1\">red</span> plain"),
            ("\u{1b}[1;92mok\u{1b}[m", "<span class=\"a10 ab\">ok</span>"),
            (
                "\u{1b}[38;5;4mblue\u{1b}[38;2;1;2;3mother",
                "<span class=\"a4\">blue</span><span class=\"a4\">other</span>",
            ),
            ("a\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\b", "alinkb"),
            ("\u{1b}]0;title without end", ""),
            ("\u{1b}[2J\u{1b}[H\u{1b}(Bx\u{1b}", "x"),
            ("10%\r50%\r100%\r\nnext", "100%\nnext"),
            ("<script>\u{7}", "&lt;script&gt;<span class=\"hid\" title=\"Hidden character U+0007\">U+0007</span>"),
        ];
        for (text, expected) in cases {
            assert_eq!(ansi(text).into_string(), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_no_escape_survives(text in "[\u{1b}\\[\\]0-9;:m\r\n\u{7}a-z<é]{0,60}") {
            let html = ansi(&text).into_string();
            let survives = html.contains('\u{1b}');
            proptest::prop_assert!(!survives);
        }
    }
}

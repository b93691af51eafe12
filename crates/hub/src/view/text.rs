//! Texts with a bounded length, for display.

/// A text kept for display: whole where it is short, else its beginning and its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capped {
    head: String,
    tail: String,
    cut: usize,
}

impl Capped {
    /// Keeps at most `head + tail` bytes of `text` (rounded down to whole characters).
    pub fn new(text: &str, head: usize, tail: usize) -> Self {
        if text.len() <= head + tail {
            return Self { head: text.to_owned(), ..Self::default() };
        }
        let head_end = floor(text, head);
        let tail_start = ceil(text, text.len() - tail);
        Self { head: text[..head_end].to_owned(), tail: text[tail_start..].to_owned(), cut: tail_start - head_end }
    }

    /// The beginning; the whole text if nothing was cut.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The end; empty if nothing was cut.
    pub fn tail(&self) -> &str {
        &self.tail
    }

    /// How many bytes between beginning and end are not kept.
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.tail.is_empty()
    }
}

/// The largest character boundary not after `at`.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The smallest character boundary not before `at`.
fn ceil(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// The first line of a text, without surrounding space, at most `max` characters.
pub(crate) fn first_line(text: &str, max: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    if line.chars().count() <= max {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_kept_whole() {
        let text = Capped::new("grün", 3, 2);
        assert_eq!((text.head(), text.tail(), text.cut()), ("grün", "", 0));
    }

    #[test]
    fn long_text_loses_its_middle_at_character_boundaries() {
        let text = Capped::new("aäbböcc", 2, 3);
        assert_eq!((text.head(), text.tail()), ("a", "cc"));
        assert_eq!(text.head().len() + text.tail().len() + text.cut(), 9);
    }

    #[test]
    fn first_line_skips_blank_lines_and_shortens() {
        assert_eq!(first_line("\n  one \ntwo", 10), "one");
        assert_eq!(first_line("abcdef", 4), "abc…");
        assert_eq!(first_line("", 4), "");
    }
}

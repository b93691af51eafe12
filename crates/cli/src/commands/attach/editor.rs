//! A line of text that is being written.

use console::measure_text_width;

/// The text and the place in it.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: Vec<char>,
    at: usize,
}

impl Editor {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text; the line is empty afterwards.
    pub(super) fn take(&mut self) -> String {
        self.at = 0;
        std::mem::take(&mut self.text).into_iter().collect()
    }

    /// Writes at the place. Of what could move the terminal's own cursor, only line ends are kept.
    pub(super) fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
        for c in text.chars().filter(|c| *c == '\n' || !c.is_control()) {
            self.text.insert(self.at, c);
            self.at += 1;
        }
    }

    pub(super) fn backspace(&mut self) {
        if self.at > 0 {
            self.at -= 1;
            self.text.remove(self.at);
        }
    }

    pub(super) fn delete(&mut self) {
        if self.at < self.text.len() {
            self.text.remove(self.at);
        }
    }

    /// Deletes back to the beginning of a word.
    pub(super) fn delete_word(&mut self) {
        while self.at > 0 && self.text[self.at - 1].is_whitespace() {
            self.backspace();
        }
        while self.at > 0 && !self.text[self.at - 1].is_whitespace() {
            self.backspace();
        }
    }

    /// Deletes back to the beginning.
    pub(super) fn delete_before(&mut self) {
        self.text.drain(..self.at);
        self.at = 0;
    }

    pub(super) fn left(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    pub(super) fn right(&mut self) {
        self.at = (self.at + 1).min(self.text.len());
    }

    pub(super) fn home(&mut self) {
        self.at = 0;
    }

    pub(super) fn end(&mut self) {
        self.at = self.text.len();
    }

    /// What of it fits into so many columns, around the place; and the column of the place.
    pub(super) fn shown(&self, columns: usize) -> (String, usize) {
        let shown: Vec<char> = self.text.iter().map(|c| if *c == '\n' { '⏎' } else { *c }).collect();
        let width = |part: &[char]| measure_text_width(&part.iter().collect::<String>());
        let mut from = 0;
        while width(&shown[from..self.at]) >= columns.max(1) {
            from += 1;
        }
        let mut to = self.at;
        while to < shown.len() && width(&shown[from..=to]) < columns {
            to += 1;
        }
        (shown[from..to].iter().collect(), width(&shown[from..self.at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_and_mended() {
        let mut editor = Editor::default();
        editor.insert("helo wörld");
        for _ in 0..7 {
            editor.left();
        }
        editor.insert("l");
        assert_eq!(editor.shown(80), ("hello wörld".to_owned(), 4));
        editor.end();
        editor.delete_word();
        editor.insert("there\r\nand\tmore\u{1b}[2J");
        assert_eq!(editor.take(), "hello there\nand    more[2J");
        assert!(editor.is_empty());
        editor.insert("abc");
        editor.home();
        editor.delete();
        editor.right();
        editor.backspace();
        assert_eq!(editor.take(), "c");
        editor.insert("abc");
        editor.left();
        editor.delete_before();
        assert_eq!(editor.take(), "c");
        editor.backspace();
        editor.delete();
        editor.delete_word();
        assert!(editor.is_empty());
    }

    #[test]
    fn a_long_line_is_shown_around_the_cursor() {
        let mut editor = Editor::default();
        editor.insert("0123456789");
        assert_eq!(editor.shown(5), ("6789".to_owned(), 4));
        editor.home();
        assert_eq!(editor.shown(5), ("0123".to_owned(), 0));
        editor.take();
        editor.insert("日本語\n日本語");
        let (shown, column) = editor.shown(6);
        assert!(measure_text_width(&shown) < 6 && column == measure_text_width(&shown), "{shown} {column}");
    }
}

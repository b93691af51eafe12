//! Text that grows while the agent writes it.
//!
//! Rendering a whole message again for every few letters would cost the square of its length. So
//! the text is cut into Markdown blocks: those that can no longer change are rendered once, and
//! only the last one, the tail, is drawn again. Where the cuts are depends on the text alone and
//! not on how it arrived, so that a page that followed the stream and a page loaded later show
//! the same.

use super::text::floor;

/// The longest text kept; more is counted, not kept.
const MAX_TEXT: usize = 256 * 1024;

/// From this length on a tail is shown as plain text: rendering it again and again costs too much.
const PLAIN_FROM: usize = 16 * 1024;

/// A block longer than this ends at the next line, whatever it is (unless it is fenced code).
const MAX_BLOCK: usize = 8 * 1024;

/// Growing Markdown, cut into finished blocks and a tail.
#[derive(Clone, Debug, Default)]
pub struct StreamText {
    text: String,
    /// End offsets of the finished blocks.
    blocks: Vec<usize>,
    /// Start of the first line that has not been read yet.
    scanned: usize,
    fence: Option<Fence>,
    after_blank: bool,
    in_list: bool,
    cut: usize,
}

#[derive(Clone, Debug)]
struct Fence {
    mark: char,
    len: usize,
    /// Offset of the line after the opening one; only for a fence that is a block of its own.
    content: Option<usize>,
}

/// How the tail is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailForm<'a> {
    /// As Markdown.
    Markdown(&'a str),
    /// An open code fence: its language, and its content so far.
    Code {
        /// The word after the opening fence.
        language: &'a str,
        /// What stands after the opening line.
        content: &'a str,
    },
    /// Too long to be rendered again for every delta.
    Plain(&'a str),
}

impl StreamText {
    /// Appends what arrived.
    pub fn push(&mut self, delta: &str) {
        let room = MAX_TEXT.saturating_sub(self.text.len());
        let keep = if self.cut > 0 { 0 } else { floor(delta, room) };
        self.text.push_str(&delta[..keep]);
        self.cut += delta.len() - keep;
        while let Some(end) = self.text[self.scanned..].find('\n') {
            let (start, end) = (self.scanned, self.scanned + end + 1);
            self.read_line(start, end);
            self.scanned = end;
        }
    }

    /// Everything kept so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes came in beyond what is kept.
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// Where the tail begins.
    pub fn stable(&self) -> usize {
        self.blocks.last().copied().unwrap_or(0)
    }

    /// The finished blocks from the offset `from` on, which must be a former [`Self::stable`].
    pub fn blocks_from(&self, from: usize) -> impl Iterator<Item = &str> {
        let first = self.blocks.partition_point(|end| *end <= from);
        let mut start = from;
        self.blocks[first..].iter().map(move |end| {
            let block = &self.text[start..*end];
            start = *end;
            block
        })
    }

    /// Whether `at` is an offset at which a finished block ended.
    pub fn is_block_end(&self, at: usize) -> bool {
        at == 0 || self.blocks.binary_search(&at).is_ok()
    }

    /// The part after the last finished block, and how to draw it.
    pub fn tail(&self) -> TailForm<'_> {
        self.tail_at(self.text.len())
    }

    /// What has come since the text was `len` bytes long, if a page that has drawn the present
    /// tail up to there may simply append it.
    pub fn appended_since(&self, len: usize) -> Option<&str> {
        if len < self.stable() || !self.text.is_char_boundary(len) {
            return None;
        }
        match (self.tail_at(len), self.tail()) {
            (TailForm::Code { .. }, TailForm::Code { .. }) | (TailForm::Plain(_), TailForm::Plain(_)) => {
                Some(&self.text[len..])
            }
            _ => None,
        }
    }

    fn tail_at(&self, len: usize) -> TailForm<'_> {
        let start = self.stable();
        let tail = &self.text[start..len.max(start)];
        if let Some(content) = self.fence.as_ref().and_then(|fence| fence.content)
            && content <= len
        {
            let opening = self.text[start..content].trim().trim_start_matches(['`', '~']);
            return TailForm::Code {
                language: opening.split_whitespace().next().unwrap_or(""),
                content: &self.text[content..len],
            };
        }
        if tail.len() > PLAIN_FROM {
            return TailForm::Plain(tail);
        }
        TailForm::Markdown(tail)
    }

    fn read_line(&mut self, start: usize, end: usize) {
        let line = self.text[start..end].trim_end();
        let indent = line.len() - line.trim_start().len();
        let mark = fence_mark(line.trim_start());
        if let Some(fence) = &self.fence {
            let closes =
                mark.is_some_and(|(mark, len, rest)| mark == fence.mark && len >= fence.len && rest.is_empty());
            if closes {
                let own_block = fence.content.is_some();
                self.fence = None;
                self.after_blank = false;
                if own_block {
                    self.end_block(end);
                }
            }
            return;
        }
        if line.is_empty() {
            self.after_blank = true;
            return;
        }
        let item = indent == 0 && is_list_marker(line);
        if let Some((mark, len, _)) = mark {
            let own_block = indent == 0;
            if own_block {
                self.end_block(start);
                self.in_list = false;
            }
            self.fence = Some(Fence { mark, len, content: own_block.then_some(end) });
        } else if start == self.stable() {
            self.in_list = item;
        } else if indent == 0 && ((self.after_blank && !(self.in_list && item)) || start - self.stable() > MAX_BLOCK) {
            self.end_block(start);
            self.in_list = item;
        }
        self.after_blank = false;
    }

    fn end_block(&mut self, at: usize) {
        if at > self.stable() {
            self.blocks.push(at);
        }
    }
}

/// The fence character, its count and what follows it, if the line opens or closes a code fence.
fn fence_mark(line: &str) -> Option<(char, usize, &str)> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let len = line.len() - rest.len();
    let inline = mark == '`' && rest.contains('`');
    (len >= 3 && !inline).then_some((mark, len, rest.trim()))
}

fn is_list_marker(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest =
        if rest.len() == line.len() { line.strip_prefix(['-', '*', '+']) } else { rest.strip_prefix(['.', ')']) };
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> (Vec<String>, String) {
        let mut stream = StreamText::default();
        stream.push(text);
        let blocks = stream.blocks_from(0).map(str::to_owned).collect();
        (blocks, stream.text()[stream.stable()..].to_owned())
    }

    #[test]
    fn paragraphs_lists_and_fences_are_blocks() {
        let text = "# Title\n\nOne\ntwo\n\n- a\n\n- b\n\nEnd\n```rust\nlet a;\n\nlet b;\n```\nafter";
        let (blocks, tail) = cut(text);
        assert_eq!(
            blocks,
            ["# Title\n\n", "One\ntwo\n\n", "- a\n\n- b\n\n", "End\n", "```rust\nlet a;\n\nlet b;\n```\n"]
        );
        assert_eq!(tail, "after");
    }

    #[test]
    fn a_fence_inside_a_list_does_not_end_the_list() {
        let (blocks, tail) = cut("1. a\n   ```\n   x\n\nstill code\n   ```\n\n2. b\n");
        assert!(blocks.is_empty());
        assert!(tail.ends_with("2. b\n"));
    }

    #[test]
    fn an_open_fence_is_appended_to() {
        let mut stream = StreamText::default();
        stream.push("```sh\nls");
        let len = stream.text().len();
        stream.push(" -l\n");
        assert_eq!(stream.appended_since(len), Some(" -l\n"));
        assert_eq!(stream.tail(), TailForm::Code { language: "sh", content: "ls -l\n" });
        assert_eq!(stream.appended_since(3), None, "the fence line was not there yet");
        stream.push("```\n");
        assert_eq!(stream.tail(), TailForm::Markdown(""));
    }

    #[test]
    fn a_very_long_text_is_bounded() {
        let mut stream = StreamText::default();
        for _ in 0..40 {
            stream.push(&"é".repeat(8000));
        }
        assert!(stream.text().len() <= MAX_TEXT);
        assert_eq!(stream.text().len() + stream.cut(), 40 * 16_000);
        assert!(matches!(stream.tail(), TailForm::Plain(_)));
    }

    proptest! {
        #[test]
        fn cuts_do_not_depend_on_the_chunks(
            lines in prop::collection::vec("[-`~a1. \t]{0,6}|```[a-z]{0,2}|~~~", 0..30),
            chunk in 1_usize..7,
        ) {
            let text = lines.join("\n");
            let mut whole = StreamText::default();
            whole.push(&text);
            let mut pieces = StreamText::default();
            let chars: Vec<char> = text.chars().collect();
            for piece in chars.chunks(chunk) {
                pieces.push(&piece.iter().collect::<String>());
            }
            prop_assert_eq!(&whole.blocks, &pieces.blocks);
            prop_assert_eq!(whole.tail(), pieces.tail());
            let joined: String = whole.blocks_from(0).collect();
            prop_assert_eq!(joined + &text[whole.stable()..], text);
        }
    }
}

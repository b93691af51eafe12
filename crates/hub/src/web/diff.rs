//! Unified diffs, line by line.

use maud::{Markup, html};

use super::visible::visible;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Head,
    Hunk,
    Added,
    Removed,
    Same,
}

/// Draws every line of a unified diff.
pub(super) fn diff(text: &str) -> Markup {
    html! {
        div.diff tabindex="0" role="group" aria-label="Changes" {
            @for (kind, line) in lines(text) {
                div class=(class(kind)) { (visible(line)) "\n" }
            }
        }
    }
}

/// How many lines it adds and removes.
pub(super) fn counts(text: &str) -> (usize, usize) {
    let count = |kind| lines(text).filter(|(line, _)| *line == kind).count();
    (count(Line::Added), count(Line::Removed))
}

fn class(kind: Line) -> &'static str {
    match kind {
        Line::Head => "dh",
        Line::Hunk => "du",
        Line::Added => "da",
        Line::Removed => "dr",
        Line::Same => "ds",
    }
}

/// `+++ b` is a header before the first hunk of a file and an added line in a hunk.
fn lines(text: &str) -> impl Iterator<Item = (Line, &str)> {
    let mut in_hunk = !text.starts_with("diff ") && !text.starts_with("--- ");
    text.lines().map(move |line| {
        let kind = if line.starts_with("diff ") {
            in_hunk = false;
            Line::Head
        } else if line.starts_with("@@") {
            in_hunk = true;
            Line::Hunk
        } else if !in_hunk {
            Line::Head
        } else {
            match line.as_bytes().first() {
                Some(b'+') => Line::Added,
                Some(b'-') => Line::Removed,
                _ => Line::Same,
            }
        };
        (kind, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/x b/x\nindex 0..0\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n--- gone\n+++ come\n\\ No newline\n";

    #[test]
    fn headers_and_lines_are_told_apart() {
        let classes: Vec<&str> = lines(DIFF).map(|(kind, _)| class(kind)).collect();
        assert_eq!(classes, ["dh", "dh", "dh", "dh", "du", "ds", "dr", "da", "ds"]);
        assert_eq!(counts(DIFF), (1, 1));
        assert_eq!(counts("+only\n+added\n"), (2, 0));
    }

    #[test]
    fn lines_are_escaped() {
        assert!(diff("+<img src=x>\u{202e}").into_string().contains("+&lt;img src=x&gt;<span class=\"hid\""));
    }
}

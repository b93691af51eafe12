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

/// Draws a unified diff, except those header lines that only say again which file it is: `path`,
/// or the one file that a diff without `path` is about.
pub(super) fn diff(text: &str, path: Option<&str>) -> Markup {
    let one_file = text.lines().filter(|line| line.starts_with("diff ")).count() <= 1;
    let repeats = |kind, line: &str| match path {
        _ if kind != Line::Head || !one_file => false,
        Some(path) => names_only(line, path),
        None => ["diff ", "index ", "--- ", "+++ "].iter().any(|head| line.starts_with(head)),
    };
    let shown: Vec<(Line, &str)> = lines(text).filter(|(kind, line)| !repeats(*kind, line)).collect();
    // Old and new stand side by side on a wide page, where there is an old and a new.
    let two = [Line::Added, Line::Removed].iter().all(|wanted| shown.iter().any(|(kind, _)| kind == wanted));
    html! {
        div.diff.two[two] tabindex="0" role="group" aria-label="Changes" {
            @for run in shown.chunk_by(|(a, _), (b, _)| together(*a) == together(*b) && together(*a) != Together::Alone) {
                @if two && together(run[0].0) != Together::Alone {
                    div.dx { (run_html(run, two)) }
                } @else {
                    (run_html(run, false))
                }
            }
        }
    }
}

/// Lines that stand in one block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    Changed,
    Same,
    Alone,
}

fn together(kind: Line) -> Together {
    match kind {
        Line::Added | Line::Removed => Together::Changed,
        Line::Same => Together::Same,
        Line::Head | Line::Hunk => Together::Alone,
    }
}

fn run_html(run: &[(Line, &str)], twins: bool) -> Markup {
    html! {
        @for (kind, line) in run {
            div class=(class(*kind)) { (visible(line)) "\n" }
            // An unchanged line stands on both sides; it is read out and copied once.
            @if twins && *kind == Line::Same { div.ds.twin aria-hidden="true" { (visible(line)) "\n" } }
        }
    }
}

/// Whether a header line says nothing but this path.
fn names_only(line: &str, path: &str) -> bool {
    let is_path = |text: &str| {
        let text = text.strip_prefix("a/").or(text.strip_prefix("b/")).unwrap_or(text);
        text.trim_start_matches('/') == path.trim_start_matches('/') || text == "dev/null" || text == "/dev/null"
    };
    if let Some(paths) = line.strip_prefix("diff --git ") {
        let middle = paths.len() / 2;
        return paths.is_char_boundary(middle) && is_path(&paths[..middle]) && is_path(paths[middle..].trim_start());
    }
    line.starts_with("index ") || line.strip_prefix("--- ").or(line.strip_prefix("+++ ")).is_some_and(is_path)
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

    const DIFF: &str =
        "diff --git a/x b/x\nindex 0..0\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n--- gone\n+++ come\n\\ No newline\n";

    #[test]
    fn headers_and_lines_are_told_apart() {
        let classes: Vec<&str> = lines(DIFF).map(|(kind, _)| class(kind)).collect();
        assert_eq!(classes, ["dh", "dh", "dh", "dh", "du", "ds", "dr", "da", "ds"]);
        assert_eq!(counts(DIFF), (1, 1));
        assert_eq!(counts("+only\n+added\n"), (2, 0));
    }

    #[test]
    fn headers_that_only_repeat_the_path_are_left_out() {
        let drawn = |path| diff(DIFF, path).into_string();
        assert!(!drawn(Some("x")).contains("index 0"));
        assert!(!drawn(Some("/x")).contains("+++ b/x"));
        assert!(drawn(Some("other")).contains("+++ b/x"), "another file must be seen");
        assert!(drawn(Some("x")).contains("+++ come"));
        assert!(!drawn(None).contains("diff --git"));
        let two = format!("{DIFF}{DIFF}");
        assert!(diff(&two, None).into_string().contains("diff --git"));
        let new = "diff --git a/x b/x\ncreate file mode 100755\n--- a/dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n";
        let drawn = diff(new, Some("/x")).into_string();
        assert!(drawn.contains("100755") && !drawn.contains("null"));
    }

    #[test]
    fn old_and_new_stand_side_by_side_where_there_are_both() {
        insta::assert_snapshot!(diff(DIFF, Some("x")).into_string().replace("><", ">\n<"));
        assert!(!diff("+only\n added\n", None).into_string().contains("twin"));
    }

    #[test]
    fn lines_are_escaped() {
        assert!(diff("+<img src=x>\u{202e}", None).into_string().contains("+&lt;img src=x&gt;<span class=\"hid\""));
    }
}

//! The bodies of the fuzz targets, as plain functions that an ordinary test runs over a small corpus too.
//!
//! They panic where an invariant does not hold. Not part of the API.

use std::collections::HashSet;

use crate::ingest::{Secrets, Sorted, Upload};
use crate::keys::LinkHash;
use crate::state::SessionState;
use crate::view::SessionView;
use crate::web::{self, Op, ViewerCursor};

/// Elements that do more than show something.
const ACTIVE: [&str; 12] =
    ["base", "embed", "frame", "iframe", "link", "math", "meta", "object", "portal", "script", "style", "template"];
/// Elements without content.
const VOID: [&str; 5] = ["br", "hr", "img", "input", "wbr"];

/// No secrets.
struct Nothing;

impl Secrets for Nothing {
    fn known(&self) -> &[&str] {
        &[]
    }

    fn is_link(&self, _: &LinkHash) -> bool {
        false
    }
}

/// Whatever an exporter uploads: the page and the API tell the same of it, a page that follows gets harmless fragments
/// only, and a state that is stored is read as what it was.
pub fn upload(body: &[u8]) {
    let Ok(upload) = Upload::parse(body, &Nothing) else { return };
    let (mut state, mut view) = (SessionState::default(), SessionView::new("s"));
    let mut page = ViewerCursor::at(&view, "e");
    let mut seen = HashSet::new();
    let mut seq = 0;
    for one in &upload.events {
        let (event, is_stored) = match one {
            Sorted::Stored(new) => (&new.event, true),
            Sorted::Passing(event) => (event, false),
        };
        if !seen.insert((event.id(), is_stored)) {
            continue;
        }
        let before = view.rev();
        if is_stored {
            seq += 1;
            view.apply_event(event, Some(seq));
            state.apply(event, seq);
            assert_eq!(view.status(), state.status(), "after {}", event.kind());
            assert_eq!(shown(&view), open(&state), "after {}", event.kind());
        } else {
            // The API's state is that of the log.
            view.apply_event(event, None);
        }
        assert!(view.rev() >= before, "revisions go up");
        let ops = web::patch_since(&view, &mut page).map_or_else(Vec::new, |patch| patch.ops);
        ops.iter().flat_map(fragments).for_each(harmless);
        let sent = page.to_string();
        assert_eq!(ViewerCursor::parse(&sent).as_ref(), Some(&page), "{sent}");
    }
    let patch = web::patch_since(&view, &mut ViewerCursor::new("e"));
    patch.iter().flat_map(|patch| &patch.ops).flat_map(fragments).for_each(harmless);
    let stored = serde_json::to_string(&state).expect("a state is JSON");
    assert_eq!(serde_json::from_str::<SessionState>(&stored).ok().as_ref(), Some(&state), "{stored}");
}

/// The requests that the API tells of.
pub(crate) fn open(state: &SessionState) -> Vec<&str> {
    let mut open: Vec<&str> = state.pending().iter().map(|request| request.request_id.as_str()).collect();
    open.sort_unstable();
    open
}

/// The requests that the page shows.
pub(crate) fn shown(view: &SessionView) -> Vec<&str> {
    let mut shown: Vec<&str> = view.requests().iter().map(|request| request.id.as_str()).collect();
    shown.sort_unstable();
    shown
}

fn fragments(op: &Op) -> Vec<&str> {
    match op {
        Op::Reset { regions } => regions.values().map(String::as_str).collect(),
        Op::Region { html, .. } | Op::Item { html, .. } => vec![html],
        // What is appended to a growing text is put in as text.
        Op::Text { blocks, tail, .. } => std::iter::once(blocks).chain(tail).map(String::as_str).collect(),
        Op::List { html, .. } => html.values().map(String::as_str).collect(),
    }
}

/// Whatever a model or a tool writes is drawn harmlessly, in every way in which text is drawn.
pub fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for drawn in web::every_way(&text) {
        harmless(&drawn);
    }
}

/// Whatever a page sends as its place: it gets a patch, and then stands at the present.
///
/// The place is the first line; the rest is an upload that the page may have seen.
pub fn cursor(data: &[u8]) {
    let (sent, body) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let mut view = SessionView::new("s");
    if let Ok(upload) = Upload::parse(body, &Nothing) {
        for (seq, one) in (1..).zip(&upload.events) {
            match one {
                Sorted::Stored(new) => view.apply_event(&new.event, Some(seq)),
                Sorted::Passing(event) => view.apply_event(event, None),
            }
        }
    }
    let sent = String::from_utf8_lossy(sent);
    let mut page = ViewerCursor::resume("e", Some(&sent));
    assert_eq!(page.epoch(), "e");
    let patch = web::patch_since(&view, &mut page);
    patch.iter().flat_map(|patch| &patch.ops).flat_map(fragments).for_each(harmless);
    assert!(web::patch_since(&view, &mut page).is_none(), "it stands at the present");
}

/// Panics where HTML could do more than be looked at, or would not end within its place.
fn harmless(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let is_end = rest.starts_with('/');
        rest = rest.strip_prefix('/').unwrap_or(rest);
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(length);
        assert!(!name.is_empty(), "`<` begins no element in {html}");
        assert!(!ACTIVE.contains(&name), "<{name}> in {html}");
        rest = attributes(after, html);
        if is_end {
            assert_eq!(open.pop(), Some(name), "what is open ends in {html}");
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open in {html}");
}

/// Reads what stands in an element's tag; returns what follows it.
fn attributes<'a>(mut rest: &'a str, html: &str) -> &'a str {
    loop {
        rest = rest.trim_start_matches([' ', '\n', '/']);
        if let Some(after) = rest.strip_prefix('>') {
            return after;
        }
        let length = rest.find(['=', ' ', '>', '/']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(length);
        let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b"-0123456789".contains(&b));
        // Those of SVG have capitals.
        assert!(is_plain || name == "viewBox", "an attribute `{name}` in {html}");
        let acts = name.starts_with("on") || ["style", "srcdoc", "action", "formaction"].contains(&name);
        assert!(!acts, "{name} in {html}");
        let Some(quoted) = after.strip_prefix("=\"") else {
            rest = after;
            continue;
        };
        let (value, after) = quoted.split_once('"').unwrap_or_else(|| panic!("{name} has no end in {html}"));
        let is_link = ["http://", "https://", "mailto:"].iter().any(|scheme| starts_with(value, scheme));
        let goes_out = is_link || value.starts_with('#') || (value.starts_with('/') && !value.starts_with("//"));
        assert!(name != "href" || goes_out, "href={value} in {html}");
        assert!(name != "src" || (value.starts_with('/') && !value.starts_with("//")), "src={value} in {html}");
        rest = after;
    }
}

fn starts_with(value: &str, scheme: &str) -> bool {
    value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The corpus the fuzzer starts from, run as an ordinary test.
    #[test]
    fn the_fuzz_corpus_holds() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (target, body) in [("upload", upload as fn(&[u8])), ("text", text), ("cursor", cursor)] {
            let mut files = 0;
            for entry in std::fs::read_dir(corpus.join(target)).unwrap() {
                body(&std::fs::read(entry.unwrap().path()).unwrap());
                files += 1;
            }
            assert!(files >= 4, "the corpus of {target} has only {files} files");
        }
    }

    #[test]
    fn what_could_do_harm_is_told() {
        let harmful = [
            "<script>",
            "<p onclick=\"x\"></p>",
            "<p style=\"x\"></p>",
            "<a href=\"javascript:x\"></a>",
            "<a href=\"//elsewhere\"></a>",
            "<img src=\"https://elsewhere/\">",
            "<p>",
            "</p>",
            "<p></div>",
            "a < b",
            "<p title=\"x></p>",
        ];
        for html in harmful {
            assert!(std::panic::catch_unwind(|| harmless(html)).is_err(), "{html}");
        }
        harmless("<p title=\"&quot;<b\">a<br>&lt;b <a href=\"HTTPS://x/\" hidden>c</a></p>");
    }
}

//! Colours for code: a handful of classes, so that the page stays small and the policy allows no inline style.
//!
//! What is drawn is bounded (length of a block, of a line), and kept: a block that stands in the transcript is drawn
//! for every viewer and after every reconnect.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use maud::{Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Longer code stays without colours.
const MAX_CODE: usize = 48 * 1024;
/// Code with a longer line stays without colours: the cost of some patterns grows with the square of a line.
const MAX_LINE: usize = 1024;
/// After this long the rest of a block stays without colours. Without optimisation everything takes longer.
const PATIENCE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 5_000 } else { 250 });
/// Bytes of drawn blocks that are kept.
const MAX_KEPT: usize = 8 << 20;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// Scopes and their classes; the first that fits the innermost scope decides.
static CLASSES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let table = [
        ("comment", "hc"),
        ("string", "hs"),
        ("constant.character.escape", "hn"),
        ("constant", "hn"),
        ("keyword.operator", "hp"),
        ("keyword", "hk"),
        ("storage.type.function", "hk"),
        ("storage", "hk"),
        ("entity.name.function", "hf"),
        ("support.function", "hf"),
        ("variable.function", "hf"),
        ("entity.name.tag", "hk"),
        ("entity.other.attribute-name", "hf"),
        ("entity.name", "ht"),
        ("support.type", "ht"),
        ("support.class", "ht"),
        ("variable.parameter", "hv"),
        ("markup.inserted", "hs"),
        ("markup.deleted", "hd"),
        ("markup.heading", "hk"),
        ("invalid", "hd"),
    ];
    let scopes = table.into_iter().filter_map(|(scope, class)| Some((Scope::new(scope).ok()?, class)));
    scopes.collect()
});

/// The classes that [`code`] gives.
pub(super) fn is_class(name: &str) -> bool {
    matches!(name, "hc" | "hs" | "hn" | "hp" | "hk" | "hf" | "ht" | "hv" | "hd")
}

#[derive(Default)]
struct Kept {
    blocks: HashMap<[u8; 16], Arc<str>>,
    bytes: usize,
}

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// Draws code in a language, by its name or a file's extension; without colours where that is not known.
pub(super) fn code(language: &str, text: &str) -> Markup {
    let plain = || html! { (text) };
    if language.is_empty() || text.len() > MAX_CODE || text.lines().any(|line| line.len() > MAX_LINE) {
        return plain();
    }
    let mut hash = Sha256::new();
    hash.update(language.as_bytes());
    hash.update([0]);
    hash.update(text.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    let known = KEPT.lock().unwrap_or_else(PoisonError::into_inner).blocks.get(&key).cloned();
    if let Some(drawn) = known {
        return PreEscaped(drawn.to_string());
    }
    let Some(syntax) = SYNTAXES.find_syntax_by_token(language) else { return plain() };
    let Some((drawn, late)) = draw(syntax, text) else { return plain() };
    if late {
        // The patterns are read at their first use; the next drawing is quicker.
        return PreEscaped(drawn);
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.bytes + drawn.len() > MAX_KEPT {
        *kept = Kept::default();
    }
    kept.bytes += drawn.len();
    kept.blocks.insert(key, Arc::from(drawn.as_str()));
    PreEscaped(drawn)
}

/// The code, and whether it took too long to be drawn whole.
fn draw(syntax: &SyntaxReference, text: &str) -> Option<(String, bool)> {
    let deadline = Instant::now() + PATIENCE;
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut pen = Pen { out: String::with_capacity(text.len() * 2), class: None };
    let mut late = false;
    for line in text.split_inclusive('\n') {
        late = late || Instant::now() > deadline;
        if late {
            pen.put(None, line);
            continue;
        }
        let ops = state.parse_line(line, &SYNTAXES).ok()?;
        let mut at = 0;
        for (offset, op) in ops {
            pen.put(class_of(&stack), line.get(at..offset)?);
            at = offset;
            stack.apply(&op).ok()?;
        }
        pen.put(class_of(&stack), line.get(at..)?);
    }
    Some((pen.end(), late))
}

fn class_of(stack: &ScopeStack) -> Option<&'static str> {
    stack
        .scopes
        .iter()
        .rev()
        .find_map(|scope| CLASSES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class))
}

/// Writes text; neighbours of one class become one element.
struct Pen {
    out: String,
    class: Option<&'static str>,
}

impl Pen {
    fn put(&mut self, class: Option<&'static str>, text: &str) {
        if text.is_empty() {
            return;
        }
        // Space has no colour.
        let class = if text.trim().is_empty() { self.class } else { class };
        if class != self.class {
            self.close();
            if let Some(class) = class {
                self.out.push_str("<span class=\"");
                self.out.push_str(class);
                self.out.push_str("\">");
            }
            self.class = class;
        }
        self.out.push_str(&html! { (text) }.0);
    }

    fn close(&mut self) {
        if self.class.take().is_some() {
            self.out.push_str("</span>");
        }
    }

    fn end(mut self) -> String {
        self.close();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_gets_classes() {
        let rust = code("rust", "// why\nfn main() { let a = \"<b>\"; }\n").into_string();
        insta::assert_snapshot!(rust);
        for (language, text, part) in [
            ("python", "def f(x):\n    return 1\n", "<span class=\"hk\">def"),
            ("ts", "const a: string = 'x';", "class=\"hs\""),
            ("toml", "a = 1\n", "class=\"hn\""),
            ("sh", "echo \"x\" # y\n", "class=\"hc\""),
            ("json", "{\"a\": true}", "class=\"hn\""),
        ] {
            let drawn = code(language, text).into_string();
            assert!(drawn.contains(part), "{language}: {drawn}");
        }
    }

    #[test]
    fn what_costs_too_much_or_is_unknown_stays_plain() {
        let long = "x".repeat(MAX_LINE + 1);
        for (language, text) in [("", "<a>"), ("no-such-language", "<a>"), ("rust", long.as_str())] {
            let drawn = code(language, text).into_string();
            assert!(!drawn.contains("<span") && !drawn.contains("<a>"), "{drawn}");
        }
        let many = "let a = 1;\n".repeat(MAX_CODE / 8);
        assert!(!code("rust", &many).into_string().contains("<span"));
    }

    proptest::proptest! {
        #[test]
        fn the_text_stays_what_it_was(text in "([a-z\"'/*<>&(){};=\n ]|fn |let |//|é){0,60}") {
            let drawn = code("rust", &text).into_string();
            let bare: String = drawn
                .split('<')
                .enumerate()
                .map(|(n, part)| if n == 0 { part } else { part.split_once('>').map_or("", |(_, rest)| rest) })
                .collect();
            let bare = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
            proptest::prop_assert_eq!(bare, text);
        }
    }
}

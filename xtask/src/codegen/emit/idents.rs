//! Names in Rust that do not collide.

use std::collections::BTreeSet;

use crate::facts::Field;
use crate::names::{pascal, snake};

/// Words that cannot be a field's name.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
    "typeof", "unsafe", "use", "virtual", "where", "while", "yield",
];

/// The names of a record's fields. `extra` is the record's own.
pub(super) fn fields(fields: &[&Field]) -> Vec<String> {
    let mut taken = BTreeSet::from(["extra".to_owned()]);
    let name = |field: &&Field| {
        let mut name = snake(&field.wire);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert_str(0, "field_");
        }
        let mut name = escape(name);
        while !taken.insert(name.clone()) {
            name.push_str("_field");
        }
        name
    };
    fields.iter().map(name).collect()
}

/// A name that is no word of Rust's.
pub(super) fn escape(mut name: String) -> String {
    if KEYWORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// The names of an enum's variants. `Unknown` is the enum's own.
pub(super) fn variants<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::from(["Unknown".to_owned(), "Self".to_owned()]);
    let name = |word: &str| {
        let mut name = pascal(word);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert_str(0, "Word");
        }
        while !taken.insert(name.clone()) {
            name.push_str("Word");
        }
        name
    };
    words.map(name).collect()
}

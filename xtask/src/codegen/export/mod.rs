//! The protocol for others than Rust: JSON Schema, TypeScript, a page to read; and the list our own tests go through.

pub(crate) mod json_schema;
mod page;
mod tests_list;
mod typescript;

use super::docs::Docs;
use super::surface::Surface;
use crate::facts::{Facts, Module, Type};

/// Path in the protocol crate, and content.
pub(super) fn files(surface: &Surface, docs: &Docs) -> Vec<(String, String)> {
    let file = |path: &str, text: String| (path.to_owned(), text);
    vec![
        file("reference/protocol.schema.json", json_schema::text(&surface.facts)),
        file("reference/protocol.d.ts", typescript::text(&surface.facts)),
        file("reference/README.md", page::text(surface, docs)),
        file("tests/surface/generated/mod.rs", tests_list::text(&surface.facts)),
    ]
}

/// A type's name where the modules stand side by side: `events.SessionIdle`, `mc.Command`, `SessionMode`.
fn qualified(t: &Type) -> String {
    let module = match t.module {
        Module::Types => "",
        Module::Events => "events.",
        Module::Mc => "mc.",
    };
    format!("{module}{}", t.name)
}

/// The same for a name that is used in a module.
fn qualified_name(facts: &Facts, name: &str, from: Module) -> String {
    // The data of events is not used by name.
    let from = if from == Module::Events { Module::Types } else { from };
    facts.find(name, from).map_or_else(|| name.to_owned(), qualified)
}

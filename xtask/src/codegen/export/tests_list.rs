//! Every public type, for the tests that go through all of them.

use std::fmt::Write as _;

use super::qualified;
use crate::codegen::emit::MARK;
use crate::facts::{Facts, Module};

/// A macro call with each type's name in the JSON Schema and its path.
pub(super) fn text(facts: &Facts) -> String {
    let mut text = format!(
        "{MARK}\n//! Every type of the protocol.\n\nuse groundlink_protocol::{{events, mc, types}};\n\ncrate::every! {{\n"
    );
    for t in &facts.types {
        let module = match t.module {
            Module::Types => "types",
            Module::Events => "events",
            Module::Mc => "mc",
        };
        let _ = writeln!(text, "    \"{}\" {module}::{},", qualified(t), t.name);
    }
    text + "}\n"
}

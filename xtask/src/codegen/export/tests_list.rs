//! Every public type and every call, for the tests that go through all of them.

use std::fmt::Write as _;

use super::qualified;
use crate::codegen::emit::{MARK, call_name};
use crate::facts::{Facts, Module};

/// Macro calls with each type's name in the JSON Schema and its path, and with each call's.
pub(super) fn text(facts: &Facts) -> String {
    let mut text = format!(
        "{MARK}\n//! Every type and every call of the protocol.\n\nuse groundlink_protocol::{{events, mc, methods, notifications, requests, types}};\n\ncrate::every! {{\n"
    );
    for t in &facts.types {
        let module = match t.module {
            Module::Types => "types",
            Module::Events => "events",
            Module::Mc => "mc",
        };
        let _ = writeln!(text, "    \"{}\" {module}::{},", qualified(t), t.name);
    }
    text.push_str("}\n\ncrate::calls! {\n");
    for (kind, call) in facts.calls().filter(|(kind, _)| *kind != "notification") {
        let _ = writeln!(text, "    {kind}s::{},", call_name(call));
    }
    text.push_str("}\n\ncrate::notices! {\n");
    for call in &facts.notifications {
        let _ = writeln!(text, "    notifications::{},", call_name(call));
    }
    text + "}\n"
}

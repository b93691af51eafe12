//! Which fields need a `Box`: those through which a type contains itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Facts, Form, Module, Ty};

/// Record and field, by their names on the wire.
pub(super) fn boxes(facts: &Facts) -> BTreeSet<(String, String)> {
    let contains: BTreeMap<&str, Vec<&str>> = facts
        .types
        .iter()
        .filter(|t| t.module == Module::Types)
        .map(|t| (t.name.as_str(), by_value(&t.form).into_iter().map(|(_, inner)| inner).collect()))
        .collect();
    let mut boxes = BTreeSet::new();
    for t in facts.types.iter().filter(|t| t.module == Module::Types) {
        for (field, inner) in by_value(&t.form) {
            if reaches(&contains, inner, &t.name) {
                boxes.insert((t.name.clone(), field.to_owned()));
            }
        }
    }
    boxes
}

/// What lies inside a value itself, rather than on the heap.
fn by_value(form: &Form) -> Vec<(&str, &str)> {
    match form {
        Form::Record(fields) => fields.iter().filter_map(|f| Some((f.wire.as_str(), direct(&f.ty)?))).collect(),
        Form::Enum(_) => Vec::new(),
        Form::Union(_, variants) => variants.iter().map(|(word, record)| (word.as_str(), record.as_str())).collect(),
        Form::Any(shapes) => shapes.iter().filter_map(direct).map(|name| (name, name)).collect(),
    }
}

fn direct(ty: &Ty) -> Option<&str> {
    match ty {
        Ty::Named(name) => Some(name),
        Ty::Nullable(inner) => direct(inner),
        _ => None,
    }
}

fn reaches(contains: &BTreeMap<&str, Vec<&str>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut queue = vec![from];
    while let Some(name) = queue.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            queue.extend(contains.get(name).into_iter().flatten());
        }
    }
    false
}

//! Which file a fact stands in: one a namespace.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Facts, Module, Ty};

/// Types that several namespaces use.
const SHARED: &str = "shared";
/// Methods and events of a session that belong to no namespace within it.
const SESSION: &str = "session";
/// Methods of a server that belong to no namespace.
const SERVER: &str = "server";

/// The namespace of a method: `session.mcp.list` and `mcp.list` are of `mcp`.
pub(super) fn of_call(wire: &str) -> String {
    match wire.split('.').collect::<Vec<_>>().as_slice() {
        ["session", namespace, _, ..] | [namespace, _, ..] => (*namespace).to_owned(),
        _ => SERVER.to_owned(),
    }
}

/// The namespace of an event.
pub(super) fn of_event(wire: &str) -> String {
    wire.split_once('.').map_or(SESSION, |(namespace, _)| namespace).to_owned()
}

/// Puts each type into the file of the one namespace that uses it, or where several do, of the shared ones.
pub(super) fn place_types(facts: &mut Facts) {
    let by_name: BTreeMap<&str, Vec<&str>> =
        facts.types.iter().filter(|t| t.module == Module::Types).map(|t| (t.name.as_str(), t.form.names())).collect();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let calls = facts.calls().flat_map(|(_, call)| {
        [&call.params, &call.output].into_iter().filter_map(Ty::name).map(|name| (name, call.file.as_str()))
    });
    let events = facts.types.iter().filter(|t| t.module == Module::Events);
    let events = events.flat_map(|t| t.form.names().into_iter().map(|name| (name, t.file.as_str())));
    let mut queue: Vec<(&str, &str)> = calls.chain(events).collect();
    while let Some((name, namespace)) = queue.pop() {
        if users.entry(name).or_default().insert(namespace) {
            queue.extend(by_name.get(name).into_iter().flatten().map(|inner| (*inner, namespace)));
        }
    }
    let place = |name: &str| match users.get(name).map(|users| users.iter().collect::<Vec<_>>()).as_deref() {
        Some([one]) => (**one).to_owned(),
        _ => SHARED.to_owned(),
    };
    let places: Vec<String> =
        facts.types.iter().map(|t| if t.module == Module::Events { t.file.clone() } else { place(&t.name) }).collect();
    for (t, place) in facts.types.iter_mut().zip(places) {
        t.file = place;
    }
}

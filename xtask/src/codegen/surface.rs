//! The surface to generate: merged facts, and which feature each of them belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::Value;

use super::merge::merge;
use crate::error::{Error, Result};
use crate::facts::{Facts, Form, Module, Ty, read_tables};
use crate::import;

/// The part that is always there: what the hand-kept facts speak of, and what that is made of.
pub(crate) const BASE: &str = "base";
/// The feature of types that several families use; they switch it on.
pub(crate) const SHARED: &str = "shared";
/// The facts file that sorts namespaces into families.
const FEATURES: &str = "features";

/// Merged facts; the `file` of a type or call is its family.
#[derive(Debug)]
pub(crate) struct Surface {
    pub(crate) facts: Facts,
    /// The features, in order.
    pub(crate) families: Vec<String>,
    /// Items and parts of them (`doc` is the item itself) that are kept by hand and must have words of ours.
    pub(crate) by_hand: BTreeSet<(String, String)>,
}

impl Surface {
    /// Reads both layers of a folder of facts.
    pub(crate) fn read(schema: &Path) -> Result<Self> {
        let hand = Facts::read(schema)?;
        let folder = schema.join(import::FOLDER);
        let mut imported = if folder.is_dir() { Facts::read(&folder)? } else { Facts::default() };
        super::corrections::apply(schema, &mut imported)?;
        Self::new(&hand, &imported, &families(schema)?)
    }

    /// Merges both layers. `families` sorts namespaces into families.
    pub(crate) fn new(hand: &Facts, imported: &Facts, families: &BTreeMap<String, String>) -> Result<Self> {
        let facts = merge(hand, imported)?;
        let mut surface = Self { facts, families: Vec::new(), by_hand: items(hand) };
        surface.place(hand, families)?;
        Ok(surface)
    }

    fn place(&mut self, hand: &Facts, families: &BTreeMap<String, String>) -> Result<()> {
        let kept: BTreeSet<&str> = hand.calls().map(|(_, call)| call.wire.as_str()).collect();
        let family = |namespace: &str| {
            families.get(namespace).map(String::as_str).ok_or_else(|| {
                let problem = format!("sort the namespace `{namespace}` into a family");
                Error::facts(&format!("{FEATURES}.toml"), problem)
            })
        };
        for calls in [&mut self.facts.methods, &mut self.facts.requests, &mut self.facts.notifications] {
            for call in calls {
                let base = kept.contains(call.wire.as_str());
                call.file = if base { BASE } else { family(&call.file)? }.to_owned();
            }
        }
        for t in &mut self.facts.types {
            if hand.types.iter().any(|kept| (kept.module, &kept.name) == (t.module, &t.name)) {
                BASE.clone_into(&mut t.file);
            } else if t.module == Module::Events {
                t.file = family(&t.file)?.to_owned();
            } else {
                t.file.clear();
            }
        }
        // What no message uses (a hand-kept fact reads it as JSON) can still be read by whoever asks for it.
        let used = self.users();
        for t in self.facts.types.iter_mut().filter(|t| t.file.is_empty() && !used.contains_key(&t.name)) {
            SHARED.clone_into(&mut t.file);
        }
        let places = self.users();
        for t in self.facts.types.iter_mut().filter(|t| t.file.is_empty()) {
            let users = places.get(&t.name).map(|users| users.iter().collect::<Vec<_>>()).unwrap_or_default();
            t.file = match users.as_slice() {
                [one] => (*one).clone(),
                users if users.iter().any(|user| *user == BASE) => BASE.to_owned(),
                _ => SHARED.to_owned(),
            };
        }
        let used: BTreeSet<&String> =
            self.facts.types.iter().map(|t| &t.file).chain(self.facts.calls().map(|(_, call)| &call.file)).collect();
        self.families = used.into_iter().filter(|family| *family != BASE).cloned().collect();
        Ok(())
    }

    /// The families that use each type.
    fn users(&self) -> BTreeMap<String, BTreeSet<String>> {
        let facts = &self.facts;
        let inner: BTreeMap<&str, Vec<&str>> = facts
            .types
            .iter()
            .filter(|t| t.module == Module::Types)
            .map(|t| (t.name.as_str(), t.form.names()))
            .collect();
        let calls = facts.calls().flat_map(|(_, call)| {
            [&call.params, &call.output].into_iter().filter_map(Ty::name).map(|name| (name, call.file.as_str()))
        });
        let placed = facts.types.iter().filter(|t| !t.file.is_empty() && t.module != Module::Mc);
        let placed = placed.flat_map(|t| t.form.names().into_iter().map(|name| (name, t.file.as_str())));
        let mut queue: Vec<(&str, &str)> = calls.chain(placed).collect();
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        while let Some((name, family)) = queue.pop() {
            if users.entry(name.to_owned()).or_default().insert(family.to_owned()) {
                queue.extend(inner.get(name).into_iter().flatten().map(|inner| (*inner, family)));
            }
        }
        users
    }
}

/// What there is to say something about.
fn items(facts: &Facts) -> BTreeSet<(String, String)> {
    let mut items: BTreeSet<(String, String)> =
        facts.calls().map(|(_, call)| (call.wire.clone(), "doc".to_owned())).collect();
    for t in &facts.types {
        let parts: Vec<&str> = match &t.form {
            Form::Record(fields) => fields.iter().map(|field| field.wire.as_str()).collect(),
            Form::Enum(words) => words.iter().map(String::as_str).collect(),
            Form::Union(_, variants) => variants.iter().map(|(word, _)| word.as_str()).collect(),
            Form::Any(_) => Vec::new(),
        };
        items.extend(parts.into_iter().chain(["doc"]).map(|part| (t.name.clone(), part.to_owned())));
    }
    items
}

/// The family of each namespace.
fn families(schema: &Path) -> Result<BTreeMap<String, String>> {
    let bad = |problem: String| Error::facts(&format!("{FEATURES}.toml"), problem);
    let tables = read_tables(&schema.join(FEATURES))?;
    let mut families = BTreeMap::new();
    for (family, namespaces) in tables.values().flatten() {
        let namespaces = namespaces.as_array().ok_or_else(|| bad(format!("`{family}` is not a list")))?;
        for namespace in namespaces.iter().filter_map(Value::as_str) {
            if families.insert(namespace.to_owned(), family.clone()).is_some() {
                return Err(bad(format!("`{namespace}` stands twice")));
            }
        }
    }
    Ok(families)
}

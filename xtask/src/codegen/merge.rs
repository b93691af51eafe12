//! One surface of two layers: facts kept by hand, and facts imported from the CLI's schemas.
//!
//! Where both speak of the same message the hand-kept facts lead: their names, what they require and how they
//! read a field stand, and fields, words and variants that only the schemas have are added as optional ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::facts::{Call, Facts, Field, Form, Module, Presence, Ty, Type};

/// What a type that collides with a hand-kept one of another meaning is called.
const PREFIX: &str = "Cli";

/// Both layers as one.
pub(crate) fn merge(hand: &Facts, imported: &Facts) -> Result<Facts> {
    let mut merger = Merger { hand, imported, ours: BTreeMap::new(), pairs: BTreeSet::new() };
    merger.pair_messages();
    let facts = merger.finish();
    facts.check().map_err(|error| Error::facts("merged facts", error.to_string()))?;
    Ok(facts)
}

/// A hand-kept and an imported type that are the same on the wire: module and name, and name.
type Pair<'a> = (Module, &'a str, Module, &'a str);

struct Merger<'a> {
    hand: &'a Facts,
    imported: &'a Facts,
    /// Imported names and what we call them.
    ours: BTreeMap<&'a str, &'a str>,
    pairs: BTreeSet<Pair<'a>>,
}

impl<'a> Merger<'a> {
    fn pair_messages(&mut self) {
        let (hand, imported) = (self.hand, self.imported);
        let theirs: BTreeMap<&str, &Call> = imported.calls().map(|(_, call)| (call.wire.as_str(), call)).collect();
        for (_, call) in hand.calls() {
            if let Some(their) = theirs.get(call.wire.as_str()) {
                self.pair_ty(&call.params, &their.params);
                self.pair_ty(&call.output, &their.output);
            }
        }
        for (wire, record) in &hand.events {
            if imported.events.iter().any(|(their, _)| their == wire) {
                self.pair(Module::Events, record, Module::Events, record);
            }
        }
    }

    fn pair_ty(&mut self, our: &'a Ty, their: &'a Ty) {
        match (our, their) {
            (Ty::Nullable(our), their) => self.pair_ty(our, their),
            (our, Ty::Nullable(their)) => self.pair_ty(our, their),
            (Ty::List(our), Ty::List(their)) | (Ty::Map(our), Ty::Map(their)) => self.pair_ty(our, their),
            (Ty::Named(our), Ty::Named(their)) => self.pair(Module::Types, our, Module::Types, their),
            _ => {}
        }
    }

    fn pair(&mut self, our_module: Module, our: &'a str, their_module: Module, their: &'a str) {
        let (hand, imported) = (self.hand, self.imported);
        let found = (hand.find(our, our_module), imported.find(their, their_module));
        let (Some(our_type), Some(their_type)) = found else { return };
        let same_kind = matches!(
            (&our_type.form, &their_type.form),
            (Form::Record(_), Form::Record(_)) | (Form::Enum(_), Form::Enum(_)) | (Form::Union(..), Form::Union(..))
        );
        if !same_kind || !self.pairs.insert((our_module, our, their_module, their)) {
            return;
        }
        if their_module == Module::Types {
            self.ours.entry(their).or_insert(our);
        }
        match (&our_type.form, &their_type.form) {
            (Form::Record(fields), Form::Record(theirs)) => {
                for field in fields {
                    if let Some(their) = theirs.iter().find(|their| their.wire == field.wire) {
                        self.pair_ty(&field.ty, &their.ty);
                    }
                }
            }
            (Form::Union(_, variants), Form::Union(_, theirs)) => {
                for (word, record) in variants {
                    if let Some((_, their)) = theirs.iter().find(|(their, _)| their == word) {
                        self.pair(Module::Types, record, Module::Types, their);
                    }
                }
            }
            _ => {}
        }
    }

    fn name(&self, their: &str) -> String {
        match self.ours.get(their) {
            Some(our) => (*our).to_owned(),
            None if self.hand.find(their, Module::Types).is_some() => format!("{PREFIX}{their}"),
            None => their.to_owned(),
        }
    }

    fn finish(&self) -> Facts {
        let mut facts = self.hand.clone();
        for t in &mut facts.types {
            let pairs = self.pairs.iter().filter(|(module, name, ..)| (*module, *name) == (t.module, t.name.as_str()));
            for (.., their_module, their) in pairs {
                if let Some(their) = self.imported.find(their, *their_module) {
                    self.extend(&mut t.form, &their.form);
                    t.marks.clone_from(&their.marks);
                }
            }
        }
        let known: BTreeSet<String> = self
            .hand
            .calls()
            .map(|(_, call)| &call.wire)
            .chain(self.hand.events.iter().map(|(wire, _)| wire))
            .cloned()
            .collect();
        let rename = |their: &str| self.name(their);
        let renamed = |call: &Call| {
            let mut call = call.clone();
            call.params.rename(&rename);
            call.output.rename(&rename);
            call
        };
        for (into, from) in [
            (&mut facts.methods, &self.imported.methods),
            (&mut facts.requests, &self.imported.requests),
            (&mut facts.notifications, &self.imported.notifications),
        ] {
            for call in &mut *into {
                if let Some(their) = from.iter().find(|their| their.wire == call.wire) {
                    call.marks.clone_from(&their.marks);
                }
            }
            into.extend(from.iter().filter(|call| !known.contains(&call.wire)).map(renamed));
        }
        facts.events.extend(self.imported.events.iter().filter(|(wire, _)| !known.contains(wire)).cloned());
        let paired: BTreeSet<(Module, &str)> = self.pairs.iter().map(|(.., module, name)| (*module, *name)).collect();
        let new = self.imported.types.iter().filter(|t| !paired.contains(&(t.module, t.name.as_str())));
        let new: Vec<Type> = new
            .map(|t| {
                let mut t = t.clone();
                t.form.rename(&rename);
                if t.module == Module::Types {
                    t.name = self.name(&t.name);
                }
                t
            })
            .collect();
        facts.types.extend(new);
        facts
    }

    fn extend(&self, ours: &mut Form, theirs: &Form) {
        match (ours, theirs) {
            (Form::Record(fields), Form::Record(theirs)) => {
                for their in theirs {
                    if let Some(field) = fields.iter_mut().find(|field| field.wire == their.wire) {
                        field.marks.clone_from(&their.marks);
                        field.ty.take_format(&their.ty);
                        continue;
                    }
                    let mut ty = their.ty.clone();
                    ty.rename(&|name| self.name(name));
                    let marks = their.marks.clone();
                    fields.push(Field { wire: their.wire.clone(), presence: Presence::Optional, ty, marks });
                }
            }
            (Form::Enum(words), Form::Enum(theirs)) => {
                let new: Vec<String> = theirs.iter().filter(|word| !words.contains(word)).cloned().collect();
                words.extend(new);
            }
            (Form::Union(_, variants), Form::Union(_, theirs)) => {
                for (word, record) in theirs {
                    if !variants.iter().any(|(known, _)| known == word) {
                        variants.push((word.clone(), self.name(record)));
                    }
                }
            }
            _ => {}
        }
    }
}

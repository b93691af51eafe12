//! Facts: what is said on a wire, as names, types and words. The model that codegen, import and diff share.

mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};

pub(crate) use read::{field, read_tables};
pub(crate) use write::{show_field, show_ty, write_files};

/// All facts, in the order of files and of entries in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// Where they are from: `schema VERSION` or `observed VERSION`.
    pub(crate) origin: String,
    /// Types by module.
    pub(crate) types: Vec<Type>,
    /// Client to server.
    pub(crate) methods: Vec<Call>,
    /// Server to client, answered.
    pub(crate) requests: Vec<Call>,
    /// Server to client, not answered.
    pub(crate) notifications: Vec<Call>,
    /// Event types, with the name of the record of their data.
    pub(crate) events: Vec<(String, String)>,
}

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) module: Module,
    /// The facts file it stands in, without `.toml`.
    pub(crate) file: String,
    pub(crate) form: Form,
    /// Upstream's words about how settled it is, such as `experimental internal`; empty when settled.
    pub(crate) marks: String,
}

/// The public module a type appears in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Module {
    Types,
    Events,
    Mc,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Record(Vec<Field>),
    Enum(Vec<String>),
    /// The telling field, then word and record of each variant.
    Union(String, Vec<(String, String)>),
    /// Shapes that no field tells apart.
    Any(Vec<Ty>),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Field {
    pub(crate) wire: String,
    pub(crate) presence: Presence,
    pub(crate) ty: Ty,
    /// As [`Type::marks`].
    pub(crate) marks: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presence {
    Required,
    /// `?`: may be absent.
    Optional,
    /// `*`: a list that is absent when empty.
    List,
}

/// A type expression.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ty {
    String,
    /// A text of a kind that the schemas name, such as `uuid` or `date-time`.
    Formatted(String),
    Bool,
    Int,
    Uint,
    Number,
    Json,
    Secret,
    Null,
    /// Always this one word.
    Word(String),
    Named(String),
    /// Always there, but may be `null`.
    Nullable(Box<Ty>),
    List(Box<Ty>),
    Map(Box<Ty>),
}

/// A method, request or notification.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) wire: String,
    pub(crate) params: Ty,
    /// `null` for a notification.
    pub(crate) output: Ty,
    /// The facts file it stands in, without `.toml`.
    pub(crate) file: String,
    /// As [`Type::marks`].
    pub(crate) marks: String,
}

impl Facts {
    /// The type of that name that a given module sees: its own first, then one of `types`.
    pub(crate) fn find(&self, name: &str, from: Module) -> Option<&Type> {
        let in_module = |module| self.types.iter().find(move |t| t.name == name && t.module == module);
        in_module(from).or_else(|| in_module(Module::Types))
    }

    /// Calls of every kind, with the kind's name.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&'static str, &Call)> {
        let methods = self.methods.iter().map(|call| ("method", call));
        let requests = self.requests.iter().map(|call| ("request", call));
        methods.chain(requests).chain(self.notifications.iter().map(|call| ("notification", call)))
    }

    /// Puts everything in the order of names, so that facts can be compared.
    pub(crate) fn sort(&mut self) {
        for calls in [&mut self.methods, &mut self.requests, &mut self.notifications] {
            calls.sort_by(|a, b| a.wire.cmp(&b.wire));
        }
        self.events.sort();
        self.types.sort_by(|a, b| (a.module, &a.name).cmp(&(b.module, &b.name)));
    }

    /// No name twice, no type that is missing, no union of anything but records.
    pub(crate) fn check(&self) -> Result<()> {
        let mut seen = BTreeMap::new();
        for t in &self.types {
            if seen.insert((t.module, t.name.as_str()), t).is_some() {
                return Err(t.bad("stands twice"));
            }
        }
        let find = |name, module| seen.get(&(module, name)).or_else(|| seen.get(&(Module::Types, name)));
        for t in &self.types {
            for name in t.form.names() {
                let found = find(name, t.module).ok_or_else(|| t.bad(format!("no type `{name}`")))?;
                let is_record = matches!(found.form, Form::Record(_));
                if matches!(t.form, Form::Union(..)) && !is_record {
                    return Err(t.bad(format!("`{name}` is not a record")));
                }
            }
        }
        let mut wires = BTreeSet::new();
        for (_, call) in self.calls() {
            if !wires.insert(&call.wire) {
                return Err(Error::facts("schema", format!("`{}` stands twice", call.wire)));
            }
            for name in [&call.params, &call.output].into_iter().filter_map(Ty::name) {
                if find(name, Module::Types).is_none() {
                    return Err(Error::facts("schema", format!("`{}`: no type `{name}`", call.wire)));
                }
            }
        }
        Ok(())
    }
}

impl Type {
    fn bad(&self, problem: impl std::fmt::Display) -> Error {
        Error::facts(&format!("{}.toml", self.file), format!("types.{}: {problem}", self.name))
    }
}

impl Form {
    /// The names of the types it is made of.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Record(fields) => fields.iter().filter_map(|field| field.ty.name()).collect(),
            Self::Enum(_) => Vec::new(),
            Self::Union(_, variants) => variants.iter().map(|(_, record)| record.as_str()).collect(),
            Self::Any(shapes) => shapes.iter().filter_map(Ty::name).collect(),
        }
    }

    /// The same with other names for the types it is made of.
    pub(crate) fn rename(&mut self, new: &impl Fn(&str) -> String) {
        match self {
            Self::Record(fields) => fields.iter_mut().for_each(|field| field.ty.rename(new)),
            Self::Enum(_) => {}
            Self::Union(_, variants) => variants.iter_mut().for_each(|(_, record)| *record = new(record)),
            Self::Any(shapes) => shapes.iter_mut().for_each(|shape| shape.rename(new)),
        }
    }
}

impl Ty {
    /// The name of the fact type inside, if any.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Nullable(inner) | Self::List(inner) | Self::Map(inner) => inner.name(),
            _ => None,
        }
    }

    /// Takes over the kind of text that the same value has elsewhere.
    pub(crate) fn take_format(&mut self, theirs: &Self) {
        match (&mut *self, theirs) {
            (Self::String, Self::Formatted(_)) => self.clone_from(theirs),
            (Self::Nullable(ours), Self::Nullable(theirs)) | (Self::List(ours), Self::List(theirs)) => {
                ours.take_format(theirs);
            }
            (Self::Nullable(ours), theirs) => ours.take_format(theirs),
            (ours, Self::Nullable(theirs)) => ours.take_format(theirs),
            _ => {}
        }
    }

    /// Another name for the fact type inside.
    pub(crate) fn rename(&mut self, new: &impl Fn(&str) -> String) {
        match self {
            Self::Named(name) => *name = new(name),
            Self::Nullable(inner) | Self::List(inner) | Self::Map(inner) => inner.rename(new),
            _ => {}
        }
    }
}

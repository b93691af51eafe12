//! Typed stubs: a function for each method a client calls, by namespace.
//!
//! They go into the session crate, as calls of the macros in its `src/rpc.rs`. What a method requires is an argument,
//! what it allows is set by a closure; the session's id is filled in by the stub.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::types::{Scope, doc, remark};
use super::{MARK, call_name, idents};
use crate::codegen::docs::Docs;
use crate::codegen::surface::{BASE, SHARED, Surface};
use crate::error::{Error, Result};
use crate::facts::{Call, Facts, Field, Form, Module, Presence, Ty};
use crate::names::{pascal, snake};

/// Methods that change what the client itself keeps: `Client` and `Session` have functions of their own for them.
const NOT_STUBS: &[&str] =
    &["connect", "session.create", "session.resume", "session.destroy", "session.delete", "session.list"];

/// Whose methods a tree of stubs has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Client,
    Session,
}

impl Owner {
    const ALL: [Self; 2] = [Self::Client, Self::Session];

    fn module(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Session => "session",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Client => "The methods of [`Client::rpc`](crate::Client::rpc), by namespace.",
            Self::Session => "The methods of [`Session::rpc`](crate::Session::rpc), by namespace.",
        }
    }
}

/// A method as a stub.
struct Stub<'a> {
    call: &'a Call,
    name: String,
    params: Params<'a>,
}

/// What a stub's params are made of.
enum Params<'a> {
    None,
    /// The record's name, the required fields with their names in Rust, whether there are others.
    Record(&'a str, Vec<(String, &'a Field)>, bool),
    /// Given as a whole.
    Whole,
}

/// A namespace: what is called in it, and the namespaces in it.
#[derive(Default)]
struct Namespace<'a> {
    stubs: Vec<Stub<'a>>,
    inner: BTreeSet<String>,
}

type Path = Vec<String>;

/// The files below `src/generated` of the session crate.
pub(in crate::codegen) fn stubs(surface: &Surface, docs: &Docs) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for owner in Owner::ALL {
        let tree = tree(&surface.facts, owner);
        check(&tree)?;
        let words = Words { docs, scope: Scope::new(surface, docs), owner };
        let mut modules = String::new();
        let mut exports = String::new();
        let families = std::iter::once(BASE).chain(surface.families.iter().map(String::as_str));
        let mut families: Vec<&str> = families.filter(|family| *family != SHARED).collect();
        families.sort_unstable();
        for family in families {
            let body = family_body(&tree, owner, family, &words);
            if body.is_empty() {
                continue;
            }
            let gate = if family == BASE { String::new() } else { format!("#[cfg(feature = \"{family}\")]\n") };
            let _ = writeln!(modules, "{gate}mod {family};");
            // A family may only add to namespaces that are always there.
            if body.contains("namespace! {") {
                let _ = writeln!(exports, "{gate}pub use {family}::*;");
            }
            let text = format!("{MARK}\n//! {}\n\n{}\n{body}", owner.about(), imports(owner, &body));
            files.insert(format!("rpc/{}/{family}.rs", owner.module()), text);
        }
        let text = format!("{MARK}\n//! {}\n\n{modules}\n{exports}", owner.about());
        files.insert(format!("rpc/{}/mod.rs", owner.module()), text);
    }
    let mut list = format!("{MARK}\n//! What `cargo xtask codegen` made of the facts.\n\n");
    for owner in Owner::ALL {
        let _ = writeln!(list, "pub mod {};", owner.module());
    }
    files.insert("rpc/mod.rs".to_owned(), list);
    files.insert(
        "mod.rs".to_owned(),
        format!("{MARK}\n//! What `cargo xtask codegen` made of the facts.\n\npub(crate) mod rpc;\n"),
    );
    Ok(files)
}

/// The `[features]` of the session crate: the protocol's.
pub(in crate::codegen) fn features(surface: &Surface) -> String {
    let families: Vec<&String> = surface.families.iter().filter(|family| *family != SHARED).collect();
    let list: Vec<String> = families.iter().map(|family| format!("\"{family}\"")).collect();
    let mut text = format!("full = [{}]\n", list.join(", "));
    for family in families {
        let _ = writeln!(text, "{family} = [\"groundlink-protocol/{family}\"]");
    }
    text
}

/// All namespaces of an owner; the root has an empty path.
fn tree(facts: &Facts, owner: Owner) -> BTreeMap<Path, Namespace<'_>> {
    let mut tree: BTreeMap<Path, Namespace<'_>> = BTreeMap::new();
    tree.entry(Vec::new()).or_default();
    for call in &facts.methods {
        if NOT_STUBS.contains(&call.wire.as_str()) || call.marks.split(' ').any(|mark| mark == "internal") {
            continue;
        }
        let of_session = call.wire.strip_prefix("session.").filter(|_| names_a_session(facts, call));
        let (path, is) = of_session.map_or((call.wire.as_str(), Owner::Client), |path| (path, Owner::Session));
        if is != owner {
            continue;
        }
        let mut path: Path = path.split('.').map(str::to_owned).collect();
        let name = idents::escape(snake(&path.pop().unwrap_or_default()));
        for depth in 0..path.len() {
            tree.entry(path[..depth].to_vec()).or_default().inner.insert(path[depth].clone());
        }
        let stub = Stub { call, name, params: params(facts, call) };
        tree.entry(path).or_default().stubs.push(stub);
    }
    tree
}

fn names_a_session(facts: &Facts, call: &Call) -> bool {
    record(facts, &call.params).is_some_and(|fields| fields.iter().any(is_session_id))
}

fn is_session_id(field: &Field) -> bool {
    field.wire == "sessionId"
        && field.presence == Presence::Required
        && matches!(field.ty, Ty::String | Ty::Formatted(_))
}

fn record<'a>(facts: &'a Facts, ty: &Ty) -> Option<&'a [Field]> {
    let Ty::Named(name) = ty else { return None };
    match &facts.find(name, Module::Types)?.form {
        Form::Record(fields) => Some(fields),
        _ => None,
    }
}

fn params<'a>(facts: &'a Facts, call: &'a Call) -> Params<'a> {
    let (Ty::Named(name), Some(fields)) = (&call.params, record(facts, &call.params)) else {
        return if call.params == Ty::Null { Params::None } else { Params::Whole };
    };
    let all: Vec<&Field> = fields.iter().collect();
    let named = idents::fields(&all).into_iter().zip(fields);
    let required = named.filter(|(_, field)| field.presence == Presence::Required).collect();
    Params::Record(name, required, fields.iter().any(|field| field.presence != Presence::Required))
}

/// Names in a namespace must differ.
fn check(tree: &BTreeMap<Path, Namespace<'_>>) -> Result<()> {
    for (path, namespace) in tree {
        let mut names = BTreeSet::new();
        let accessors = namespace.inner.iter().map(|inner| accessor(inner));
        let stubs = namespace.stubs.iter().flat_map(|stub| [stub.name.clone(), format!("{}_with", stub.name)]);
        if let Some(twice) = accessors.chain(stubs).find(|name| !names.insert(name.clone())) {
            let problem = format!("`{twice}` would stand twice in the namespace `{}`", path.join("."));
            return Err(Error::facts("stubs", problem));
        }
    }
    Ok(())
}

fn accessor(inner: &str) -> String {
    idents::escape(snake(inner))
}

/// The struct of a namespace.
fn type_name(path: &[String]) -> String {
    if path.is_empty() { "Rpc".to_owned() } else { pascal(&path.join(".")) }
}

/// The family that declares a namespace: the first that has something in it, the one that is always there before all.
fn home<'a>(tree: &'a BTreeMap<Path, Namespace<'_>>, path: &[String]) -> &'a str {
    let below = tree.iter().filter(|(other, _)| other.starts_with(path));
    let families: BTreeSet<&str> =
        below.flat_map(|(_, namespace)| namespace.stubs.iter().map(|stub| stub.call.file.as_str())).collect();
    if path.is_empty() || families.contains(BASE) { BASE } else { families.first().copied().unwrap_or(BASE) }
}

fn family_body(tree: &BTreeMap<Path, Namespace<'_>>, owner: Owner, family: &str, words: &Words<'_>) -> String {
    let mut text = String::new();
    for (path, namespace) in tree {
        let name = type_name(path);
        if home(tree, path) == family {
            let about = if path.is_empty() {
                "The namespaces, and the methods outside of any.".to_owned()
            } else {
                format!("The methods of the namespace `{}`.", path.join("."))
            };
            let _ = writeln!(text, "namespace! {{\n    /// {about}\n    {name} of {}\n}}\n", pascal(owner.module()));
        }
        let mut sections: BTreeMap<Section, String> = BTreeMap::new();
        for inner in &namespace.inner {
            let inner_path: Path = path.iter().chain([inner]).cloned().collect();
            if home(tree, &inner_path) == family {
                let (wire, ty) = (inner_path.join("."), type_name(&inner_path));
                let section = sections.entry(Section::In).or_default();
                let _ = writeln!(section, "        /// The namespace `{wire}`.\n        {}: {ty},", accessor(inner));
            }
        }
        for stub in namespace.stubs.iter().filter(|stub| stub.call.file == family) {
            let (section, shown) = stub.show(words);
            sections.entry(section).or_default().push_str(&shown);
        }
        if !sections.is_empty() {
            let by = if owner == Owner::Session { " by session_id" } else { "" };
            let _ = writeln!(text, "stubs! {{\n    {name}{by}");
            for (section, body) in sections {
                let _ = writeln!(text, "    {} {{\n{body}    }}", section.word());
            }
            text.push_str("}\n\n");
        }
    }
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// What kind of entries a macro call has, in the order that the macros want.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    /// Namespaces.
    In,
    /// Nothing to say.
    Bare,
    /// Required fields only.
    Plain,
    /// Required fields, or none, and others.
    With,
    /// Other fields only, in a record that is made of nothing.
    Optional,
    /// The params as a whole.
    Whole,
}

impl Section {
    fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Bare => "bare",
            Self::Plain => "plain",
            Self::With => "with",
            Self::Optional => "optional",
            Self::Whole => "whole",
        }
    }
}

/// What stubs are written with.
struct Words<'a> {
    docs: &'a Docs,
    scope: Scope<'a>,
    owner: Owner,
}

impl Stub<'_> {
    fn show(&self, words: &Words<'_>) -> (Section, String) {
        let (call, name) = (self.call, &self.name);
        let about = words.docs.own(&call.wire).map_or_else(|| format!("Calls `{}`.", call.wire), str::to_owned);
        let experimental = call.marks.split(' ').any(|mark| mark == "experimental");
        let about = about + remark(&call.marks) + if experimental { " Experimental in the CLI." } else { "" };
        let mut text = String::new();
        doc(&mut text, 2, &about);
        let rust = |ty: &Ty| words.scope.rust(ty, Module::Events).replace("crate::", "groundlink_protocol::");
        let (section, head) = match &self.params {
            Params::None => (Section::Bare, name.clone()),
            Params::Whole => (Section::Whole, format!("{name}(&{})", rust(&call.params))),
            Params::Record(record, required, more) => {
                let given = required.iter().filter(|(_, field)| words.owner == Owner::Client || !is_session_id(field));
                let given = given.map(|(name, field)| format!("{name}: {}", rust(&field.ty)));
                let made_of: Vec<&str> = required.iter().map(|(name, _)| name.as_str()).collect();
                let arguments = format!("({}) of ({})", given.collect::<Vec<_>>().join(", "), made_of.join(", "));
                // The record of a session's method always has the session's id to be made of.
                let empty = words.owner == Owner::Client && required.is_empty();
                match (empty, more) {
                    (true, true) => (Section::Optional, format!("{name} or {name}_with: types::{record}")),
                    (true, false) => (Section::Bare, name.clone()),
                    (false, true) => (Section::With, format!("{name} or {name}_with: types::{record}{arguments}")),
                    (false, false) => (Section::Plain, format!("{name}: types::{record}{arguments}")),
                }
            }
        };
        let _ = writeln!(text, "        {head} -> {} = {},", rust(&call.output), call_name(call));
        (section, text)
    }
}

fn imports(owner: Owner, body: &str) -> String {
    let mut text = String::new();
    if body.contains("types::") {
        text.push_str("use groundlink_protocol::types;\n\n");
    }
    text.push_str("#[allow(unused_imports, clippy::wildcard_imports)]\nuse super::*;\n");
    let stubs = format!("{}_stubs as stubs", owner.module());
    let _ = match (body.contains("namespace! {"), owner) {
        (false, _) => writeln!(text, "use crate::rpc::{stubs};"),
        (true, Owner::Client) => writeln!(text, "use crate::rpc::{{{stubs}, namespace}};"),
        (true, Owner::Session) => writeln!(text, "use crate::rpc::{{namespace, {stubs}}};"),
    };
    text
}

//! Reading the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::names;
use crate::error::{Error, Result};

/// All facts, in the order of files and of entries in them.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Types by module.
    pub(super) types: Vec<Type>,
    /// Client to server.
    pub(super) methods: Vec<Call>,
    /// Server to client, answered.
    pub(super) requests: Vec<Call>,
    /// Server to client, not answered.
    pub(super) notifications: Vec<Call>,
    /// Event types, with the name of the record of their data.
    pub(super) events: Vec<(String, String)>,
}

/// A type.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) name: String,
    pub(super) module: Module,
    /// The facts file it stands in, without `.toml`.
    pub(super) file: String,
    pub(super) form: Form,
}

/// The public module a type appears in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Module {
    Types,
    Events,
    Mc,
}

#[derive(Debug)]
pub(super) enum Form {
    Record(Vec<Field>),
    Enum(Vec<String>),
    /// The telling field, then word and record of each variant.
    Union(String, Vec<(String, String)>),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) wire: String,
    pub(super) presence: Presence,
    pub(super) ty: Ty,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presence {
    Required,
    /// `?`: may be absent.
    Optional,
    /// `*`: a list that is absent when empty.
    List,
}

/// A type expression.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Ty {
    String,
    Bool,
    Int,
    Uint,
    Number,
    Json,
    Secret,
    Null,
    Named(String),
    /// Always there, but may be `null`.
    Nullable(Box<Ty>),
    List(Box<Ty>),
    Map(Box<Ty>),
}

/// A method, request or notification.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) wire: String,
    pub(super) params: Ty,
    /// `null` for a notification.
    pub(super) output: Ty,
}

impl Facts {
    /// Reads every facts file of a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut facts = Self::default();
        for (name, table) in read_tables(folder)? {
            facts.add(&name, &table)?;
        }
        facts.check()?;
        Ok(facts)
    }

    /// Adds one file's facts.
    pub(super) fn add(&mut self, file: &str, table: &Table) -> Result<()> {
        let bad = |problem: String| Error::facts(&format!("{file}.toml"), problem);
        if !table.get("origin").is_some_and(Value::is_str) {
            return Err(
                bad("say where the facts are from: origin = \"schema VERSION\" or \"observed VERSION\"".into()),
            );
        }
        let module = match table.get("module").and_then(Value::as_str) {
            None => Module::Types,
            Some("mc") => Module::Mc,
            Some(other) => return Err(bad(format!("unknown module `{other}`"))),
        };
        for (section, content) in table.iter().filter(|(key, _)| !matches!(key.as_str(), "origin" | "module")) {
            let content = content.as_table().ok_or_else(|| bad(format!("`{section}` is not a table")))?;
            for (name, fact) in content {
                self.fact(file, module, section, name, fact)
                    .map_err(|problem| bad(format!("{section}.{name}: {problem}")))?;
            }
        }
        Ok(())
    }

    fn fact(&mut self, file: &str, module: Module, section: &str, name: &str, fact: &Value) -> Result<(), String> {
        let text = || fact.as_str().ok_or("expected a string");
        let table = || fact.as_table().ok_or("expected a table");
        match section {
            "methods" => self.methods.push(call(name, text()?)?),
            "requests" => self.requests.push(call(name, text()?)?),
            "notifications" => {
                self.notifications.push(Call { wire: name.to_owned(), params: ty(text()?)?, output: Ty::Null });
            }
            "events" => {
                let record = names::pascal(name);
                self.events.push((name.to_owned(), record.clone()));
                let form = Form::Record(fields(table()?)?);
                self.types.push(Type { name: record, module: Module::Events, file: file.to_owned(), form });
            }
            "types" => {
                let form = form(table()?)?;
                self.types.push(Type { name: name.to_owned(), module, file: file.to_owned(), form });
            }
            _ => return Err("unknown section; use methods, requests, notifications, events or types".into()),
        }
        Ok(())
    }

    /// The type of that name that a given module sees: its own first, then one of `types`.
    pub(super) fn find(&self, name: &str, from: Module) -> Option<&Type> {
        let in_module = |module| self.types.iter().find(move |t| t.name == name && t.module == module);
        in_module(from).or_else(|| in_module(Module::Types))
    }

    /// No name twice, no type that is missing, no union of anything but records.
    pub(super) fn check(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for t in &self.types {
            let bad =
                |problem: String| Error::facts(&format!("{}.toml", t.file), format!("types.{}: {problem}", t.name));
            if !seen.insert((t.module, &t.name)) {
                return Err(bad("stands twice".into()));
            }
            let used: Vec<&str> = match &t.form {
                Form::Record(fields) => fields.iter().filter_map(|field| field.ty.name()).collect(),
                Form::Enum(_) => Vec::new(),
                Form::Union(_, variants) => variants.iter().map(|(_, record)| record.as_str()).collect(),
            };
            for name in used {
                let found = self.find(name, t.module).ok_or_else(|| bad(format!("no type `{name}`")))?;
                let is_record = matches!(found.form, Form::Record(_));
                if matches!(t.form, Form::Union(..)) && !is_record {
                    return Err(bad(format!("`{name}` is not a record")));
                }
            }
        }
        let calls = self.methods.iter().chain(&self.requests).chain(&self.notifications);
        let mut wires = BTreeSet::new();
        for call in calls {
            if !wires.insert(&call.wire) {
                return Err(Error::facts("schema", format!("`{}` stands twice", call.wire)));
            }
            for name in [&call.params, &call.output].into_iter().filter_map(Ty::name) {
                if self.find(name, Module::Types).is_none() {
                    return Err(Error::facts("schema", format!("`{}`: no type `{name}`", call.wire)));
                }
            }
        }
        Ok(())
    }
}

impl Ty {
    /// The name of the fact type inside, if any.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Nullable(inner) | Self::List(inner) | Self::Map(inner) => inner.name(),
            _ => None,
        }
    }
}

/// The TOML files of a folder by name, without `.toml`.
pub(super) fn read_tables(folder: &Path) -> Result<BTreeMap<String, Table>> {
    let mut tables = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
        let table =
            text.parse().map_err(|error: toml::de::Error| Error::facts(&format!("{name}.toml"), error.to_string()))?;
        tables.insert(name, table);
    }
    Ok(tables)
}

fn call(wire: &str, fact: &str) -> Result<Call, String> {
    let (params, output) = fact.split_once("->").ok_or("expected `Params -> Result`")?;
    Ok(Call { wire: wire.to_owned(), params: ty(params)?, output: ty(output)? })
}

fn form(table: &Table) -> Result<Form, String> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned).ok_or("expected a string".to_owned());
    if let Some(Value::Array(words)) = table.get("enum") {
        return words.iter().map(text).collect::<Result<_, _>>().map(Form::Enum);
    }
    if let Some(Value::String(tag)) = table.get("union") {
        let variants = table.iter().filter(|(word, _)| *word != "union");
        let variants = variants.map(|(word, record)| Ok((word.clone(), text(record)?)));
        return variants.collect::<Result<_, String>>().map(|variants| Form::Union(tag.clone(), variants));
    }
    fields(table).map(Form::Record)
}

fn fields(table: &Table) -> Result<Vec<Field>, String> {
    table.iter().map(|(wire, fact)| field(wire, fact).map_err(|problem| format!("{wire}: {problem}"))).collect()
}

fn field(wire: &str, fact: &Value) -> Result<Field, String> {
    let fact = fact.as_str().ok_or("expected a string")?.trim();
    let (expression, presence) = match (fact.strip_suffix('?'), fact.strip_suffix('*')) {
        (Some(rest), _) => (rest, Presence::Optional),
        (_, Some(rest)) => (rest, Presence::List),
        _ => (fact, Presence::Required),
    };
    let ty = ty(expression)?;
    if presence == Presence::List && !matches!(ty, Ty::List(_)) {
        return Err("`*` is for lists".into());
    }
    Ok(Field { wire: wire.to_owned(), presence, ty })
}

/// Reads a type expression: a word, `[T]` for a list, `{T}` for a map of strings to `T`, `T|null`.
fn ty(expression: &str) -> Result<Ty, String> {
    let text = expression.trim();
    let inside = |open, close| text.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    if let Some(item) = text.strip_suffix("|null") {
        return ty(item).map(|item| Ty::Nullable(Box::new(item)));
    }
    if let Some(item) = inside('[', ']') {
        return ty(item).map(|item| Ty::List(Box::new(item)));
    }
    if let Some(item) = inside('{', '}') {
        return ty(item).map(|item| Ty::Map(Box::new(item)));
    }
    Ok(match text {
        "string" => Ty::String,
        "bool" => Ty::Bool,
        "int" => Ty::Int,
        "uint" => Ty::Uint,
        "number" => Ty::Number,
        "json" => Ty::Json,
        "secret" => Ty::Secret,
        "null" => Ty::Null,
        name if name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            Ty::Named(name.to_owned())
        }
        other => return Err(format!("`{other}` is no type")),
    })
}

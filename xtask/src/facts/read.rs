//! Reading the facts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::{Call, Facts, Field, Form, Module, Presence, Ty, Type};
use crate::error::{Error, Result};
use crate::names;

/// The key under which a type's marks stand.
pub(super) const MARKS: &str = "@";

impl Facts {
    /// Reads every facts file of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut facts = Self::default();
        for (name, table) in read_tables(folder)? {
            facts.add(&name, &table)?;
        }
        facts.check()?;
        Ok(facts)
    }

    /// Adds one file's facts.
    pub(crate) fn add(&mut self, file: &str, table: &Table) -> Result<()> {
        let bad = |problem: String| Error::facts(&format!("{file}.toml"), problem);
        let Some(origin) = table.get("origin").and_then(Value::as_str) else {
            return Err(
                bad("say where the facts are from: origin = \"schema VERSION\" or \"observed VERSION\"".into()),
            );
        };
        origin.clone_into(&mut self.origin);
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
            "methods" => self.methods.push(call(file, name, text()?)?),
            "requests" => self.requests.push(call(file, name, text()?)?),
            "notifications" => {
                let (params, marks) = marked(text()?);
                let (wire, params, file) = (name.to_owned(), ty(params)?, file.to_owned());
                self.notifications.push(Call { wire, params, output: Ty::Null, file, marks });
            }
            "events" => {
                let record = names::pascal(name);
                self.events.push((name.to_owned(), record.clone()));
                let form = Form::Record(fields(table()?)?);
                let marks = marks(table()?);
                self.types.push(Type { name: record, module: Module::Events, file: file.to_owned(), form, marks });
            }
            "types" => {
                let form = form(table()?)?;
                let marks = marks(table()?);
                self.types.push(Type { name: name.to_owned(), module, file: file.to_owned(), form, marks });
            }
            _ => return Err("unknown section; use methods, requests, notifications, events or types".into()),
        }
        Ok(())
    }
}

/// The TOML files of a folder by name, without `.toml`.
pub(crate) fn read_tables(folder: &Path) -> Result<BTreeMap<String, Table>> {
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

fn call(file: &str, wire: &str, fact: &str) -> Result<Call, String> {
    let (fact, marks) = marked(fact);
    let (params, output) = fact.split_once("->").ok_or("expected `Params -> Result`")?;
    Ok(Call { wire: wire.to_owned(), params: ty(params)?, output: ty(output)?, file: file.to_owned(), marks })
}

/// What stands before and behind the `!`.
fn marked(fact: &str) -> (&str, String) {
    let (fact, marks) = fact.split_once('!').unwrap_or((fact, ""));
    (fact, marks.trim().to_owned())
}

fn marks(table: &Table) -> String {
    table.get(MARKS).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn form(table: &Table) -> Result<Form, String> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned).ok_or("expected a string".to_owned());
    if let Some(Value::Array(words)) = table.get("enum") {
        return words.iter().map(text).collect::<Result<_, _>>().map(Form::Enum);
    }
    if let Some(Value::Array(shapes)) = table.get("any") {
        return shapes.iter().map(|shape| ty(&text(shape)?)).collect::<Result<_, _>>().map(Form::Any);
    }
    if let Some(Value::String(tag)) = table.get("union") {
        let variants = table.iter().filter(|(word, _)| !matches!(word.as_str(), "union" | MARKS));
        let variants = variants.map(|(word, record)| Ok((word.clone(), text(record)?)));
        return variants.collect::<Result<_, String>>().map(|variants| Form::Union(tag.clone(), variants));
    }
    fields(table).map(Form::Record)
}

fn fields(table: &Table) -> Result<Vec<Field>, String> {
    let facts = table.iter().filter(|(wire, _)| *wire != MARKS);
    facts.map(|(wire, fact)| field(wire, fact).map_err(|problem| format!("{wire}: {problem}"))).collect()
}

/// A field of a record.
pub(crate) fn field(wire: &str, fact: &Value) -> Result<Field, String> {
    let (fact, marks) = marked(fact.as_str().ok_or("expected a string")?);
    let fact = fact.trim();
    let (expression, presence) = match (fact.strip_suffix('?'), fact.strip_suffix('*')) {
        (Some(rest), _) => (rest, Presence::Optional),
        (_, Some(rest)) => (rest, Presence::List),
        _ => (fact, Presence::Required),
    };
    let ty = ty(expression)?;
    if presence == Presence::List && !matches!(ty, Ty::List(_)) {
        return Err("`*` is for lists".into());
    }
    Ok(Field { wire: wire.to_owned(), presence, ty, marks })
}

/// What stands before the kind of a text.
const FORMATTED: &str = "string:";

/// Reads a type expression: a word, `string:KIND` for a kind of text, `[T]` for a list, `{T}` for a map of strings to `T`, `T|null`.
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
        text if text.starts_with(FORMATTED) => {
            let format = &text[FORMATTED.len()..];
            if format.is_empty() || !format.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
                return Err(format!("`{format}` is no format"));
            }
            Ty::Formatted(format.to_owned())
        }
        "bool" => Ty::Bool,
        "int" => Ty::Int,
        "uint" => Ty::Uint,
        "number" => Ty::Number,
        "json" => Ty::Json,
        "secret" => Ty::Secret,
        "null" => Ty::Null,
        word if word.len() > 2 && word.starts_with('\'') && word.ends_with('\'') => {
            Ty::Word(word[1..word.len() - 1].to_owned())
        }
        name if name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            Ty::Named(name.to_owned())
        }
        other => return Err(format!("`{other}` is no type")),
    })
}

//! From the JSON Schemas that the CLI ships to facts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::source::Source;
use crate::error::Result;
use crate::facts::{Call, Facts, Field, Form, Module, Presence, Ty, Type};
use crate::names::pascal;

/// What every session method takes at least; methods that take no more share this record.
const SESSION_REF: &str = "SessionRef";
/// The envelope of all events: its data is typed by the event's type, so it stays JSON where methods carry it.
const EVENT: &str = "SessionEvent";
/// Sections of the API schema, and which way their methods go.
const SECTIONS: &[(&str, Way)] = &[
    ("server", Way::Method),
    ("session", Way::Method),
    ("clientSession", Way::Request),
    ("clientGlobal", Way::Request),
];

#[derive(Clone, Copy)]
enum Way {
    Method,
    Request,
}

/// All facts of a pair of schemas.
pub(super) fn facts(source: &Source) -> Result<Facts> {
    let mut reader = Reader::new(source);
    for (section, way) in SECTIONS {
        reader.section(&source.api[*section], *way)?;
    }
    reader.events()?;
    let mut facts = reader.facts;
    facts.origin = format!("schema {}", source.version);
    facts.sort();
    super::namespaces::place_types(&mut facts);
    facts.check()?;
    Ok(facts)
}

struct Reader<'a> {
    source: &'a Source,
    definitions: BTreeMap<&'a str, &'a Value>,
    /// Definitions that are told apart by a field in a union, and that union.
    in_union: BTreeMap<&'a str, &'a str>,
    defined: BTreeSet<String>,
    facts: Facts,
}

/// A type, and whether the schema lets it be absent by itself.
type Read = (Ty, bool);

impl<'a> Reader<'a> {
    fn new(source: &'a Source) -> Self {
        let all = [&source.events, &source.api].into_iter().filter_map(|schema| schema["definitions"].as_object());
        let definitions: BTreeMap<&str, &Value> = all.flatten().map(|(name, schema)| (name.as_str(), schema)).collect();
        let mut reader =
            Self { source, definitions, in_union: BTreeMap::new(), defined: BTreeSet::new(), facts: Facts::default() };
        for (name, schema) in reader.definitions.clone() {
            if name == EVENT || schema.get("properties").is_some() {
                continue;
            }
            let variants = reader.flat(schema);
            if reader.tag(&variants).is_some() {
                let names = variants.iter().filter_map(|variant| reference(variant));
                reader.in_union.extend(names.map(|variant| (variant, name)));
            }
        }
        reader
    }

    fn section(&mut self, schema: &'a Value, way: Way) -> Result<()> {
        for (name, inner) in schema.as_object().into_iter().flatten() {
            match inner.get("rpcMethod").and_then(Value::as_str) {
                Some(wire) => self.call(wire, inner, way)?,
                None if inner.is_object() => self.section(inner, way)?,
                None => return Err(self.source.bad(format!("`{name}` is neither a method nor a group of methods"))),
            }
        }
        Ok(())
    }

    fn call(&mut self, wire: &str, schema: &'a Value, way: Way) -> Result<()> {
        let params = self.params(wire, &schema["params"])?;
        let output = match &schema["result"] {
            Value::Null => Ty::Null,
            result => self.ty(result, &format!("{}Result", pascal(wire)))?.0,
        };
        let file = super::namespaces::of_call(wire);
        let call = Call { wire: wire.to_owned(), params, output, file, marks: marks(schema) };
        let notified = schema.get("notification").and_then(Value::as_bool).unwrap_or_default();
        match way {
            Way::Method => self.facts.methods.push(call),
            Way::Request if notified => self.facts.notifications.push(Call { output: Ty::Null, ..call }),
            Way::Request => self.facts.requests.push(call),
        }
        Ok(())
    }

    /// Parameters are one object, or nothing.
    fn params(&mut self, wire: &str, schema: &'a Value) -> Result<Ty> {
        if schema.is_null() {
            return Ok(Ty::Null);
        }
        let variants = self.flat(schema);
        let whole = [schema];
        let objects = if schema.get("properties").is_some() || variants.is_empty() { &whole[..] } else { &variants };
        let objects: Vec<&Value> = objects.iter().copied().filter(|one| !nothing(one) && !is_null(one)).collect();
        let [object] = objects.as_slice() else {
            return if objects.is_empty() {
                Ok(Ty::Null)
            } else {
                Ok(self.ty(schema, &format!("{}Params", pascal(wire)))?.0)
            };
        };
        let only_session = object["properties"].as_object().is_some_and(|fields| fields.keys().eq(["sessionId"]));
        let name = if only_session { SESSION_REF.to_owned() } else { format!("{}Params", pascal(wire)) };
        Ok(self.ty(object, &name)?.0)
    }

    fn events(&mut self) -> Result<()> {
        let Some(envelope) = self.definitions.get(EVENT).copied() else {
            return Err(self.source.bad(format!("has no `{EVENT}`")));
        };
        for variant in self.flat(envelope) {
            let fields = &self.resolve(variant)?["properties"];
            let Some(wire) = fields["type"]["const"].as_str() else {
                return Err(self.source.bad("an event without a `type`".to_owned()));
            };
            let data = self.resolve(&fields["data"])?;
            let name = pascal(wire);
            let form = Form::Record(self.fields(data, &name, None)?);
            let file = super::namespaces::of_event(wire);
            // Upstream marks an event as a whole, its data, or both.
            let whole = marks(self.resolve(variant)?);
            let marks = [whole, marks(data)].into_iter().find(|marks| !marks.is_empty()).unwrap_or_default();
            self.facts.types.push(Type { name: name.clone(), module: Module::Events, file, form, marks });
            self.facts.events.push((wire.to_owned(), name));
        }
        Ok(())
    }

    /// The type of a schema; `hint` is the name to take if it needs one of its own.
    fn ty(&mut self, schema: &'a Value, hint: &str) -> Result<Read> {
        if let Some(name) = reference(schema) {
            return self.named(name);
        }
        if let Some(constant) = schema.get("const") {
            return Ok((constant_type(constant), false));
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return Ok((self.words(words, schema, hint), false));
        }
        if schema.get("properties").is_none() && (schema.get("anyOf").is_some() || schema.get("oneOf").is_some()) {
            return self.alternatives(schema, hint);
        }
        let (word, nullable) = type_word(schema);
        let ty = match word {
            "string" => text_type(schema),
            "boolean" => Ty::Bool,
            "integer" if schema["minimum"].as_f64().is_some_and(|least| least >= 0.0) => Ty::Uint,
            "integer" => Ty::Int,
            "number" => Ty::Number,
            "null" => Ty::Null,
            "array" => match schema.get("items") {
                Some(items) => Ty::List(Box::new(self.inner(items, &format!("{hint}Item"))?)),
                None => Ty::List(Box::new(Ty::Json)),
            },
            "object" => self.object(schema, hint)?,
            _ => Ty::Json,
        };
        Ok((if nullable && ty != Ty::Json { Ty::Nullable(Box::new(ty)) } else { ty }, false))
    }

    /// Inside of lists, maps and fields `null` alone says nothing.
    fn inner(&mut self, schema: &'a Value, hint: &str) -> Result<Ty> {
        let (ty, _) = self.ty(schema, hint)?;
        Ok(if ty == Ty::Null { Ty::Json } else { ty })
    }

    fn object(&mut self, schema: &'a Value, hint: &str) -> Result<Ty> {
        if schema["properties"].as_object().is_some_and(|fields| !fields.is_empty()) {
            if hint == SESSION_REF && self.defined.contains(hint) {
                return Ok(Ty::Named(hint.to_owned()));
            }
            let name = self.claim(hint);
            let form = Form::Record(self.fields(schema, &name, None)?);
            self.define(&name, form, schema);
            return Ok(Ty::Named(name));
        }
        Ok(match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => Ty::Null,
            Some(values @ Value::Object(_)) => Ty::Map(Box::new(self.inner(values, &format!("{hint}Value"))?)),
            _ => Ty::Map(Box::new(Ty::Json)),
        })
    }

    fn fields(&mut self, schema: &'a Value, owner: &str, but: Option<&str>) -> Result<Vec<Field>> {
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields = Vec::new();
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (wire, property) in properties.filter(|(wire, _)| Some(wire.as_str()) != but) {
            let (ty, absent) = self.ty(property, &format!("{owner}{}", pascal(wire)))?;
            let ty = if ty == Ty::Null { Ty::Json } else { hidden(wire, ty) };
            let presence =
                if required.contains(wire.as_str()) && !absent { Presence::Required } else { Presence::Optional };
            fields.push(Field { wire: wire.clone(), presence, ty, marks: marks(property) });
        }
        Ok(fields)
    }

    fn words(&mut self, words: &[Value], schema: &Value, hint: &str) -> Ty {
        let words: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(ToOwned::to_owned)).collect();
        match words.as_deref() {
            None => Ty::Json,
            Some([word]) => Ty::Word(word.clone()),
            Some(words) => {
                let form = Form::Enum(words.to_vec());
                let known = self.facts.types.iter().any(|t| t.name == hint && t.form == form);
                let name = if known { hint.to_owned() } else { self.claim(hint) };
                if !known {
                    self.define(&name, form, schema);
                }
                Ty::Named(name)
            }
        }
    }

    /// A definition by its name.
    fn named(&mut self, name: &'a str) -> Result<Read> {
        if name == EVENT {
            return Ok((Ty::Json, false));
        }
        // A variant that stands alone carries its telling field: it is read as the union.
        let name = self.in_union.get(name).copied().unwrap_or(name);
        if self.defined.contains(name) {
            return Ok((Ty::Named(name.to_owned()), false));
        }
        let Some(schema) = self.definitions.get(name).copied() else {
            return Err(self.source.bad(format!("refers to `{name}`, which it does not define")));
        };
        self.ty(schema, name)
    }

    fn alternatives(&mut self, schema: &'a Value, hint: &str) -> Result<Read> {
        let all = self.flat(schema);
        let absent = all.iter().any(|one| nothing(one));
        let nullable = all.iter().any(|one| is_null(one));
        let real: Vec<&Value> = all.into_iter().filter(|one| !nothing(one) && !is_null(one)).collect();
        let ty = match real.as_slice() {
            [] => Ty::Json,
            [one] => self.ty(one, hint)?.0,
            many => match self.tag(many) {
                Some((tag, words)) => {
                    let name = self.claim(hint);
                    let mut variants = Vec::new();
                    for (variant, word) in many.iter().zip(words) {
                        variants.push((word.to_owned(), self.variant(variant, &name, tag, word)?));
                    }
                    self.define(&name, Form::Union(tag.to_owned(), variants), schema);
                    Ty::Named(name)
                }
                None => self.untold(many, schema, hint)?,
            },
        };
        let plain = matches!(ty, Ty::Json | Ty::Null | Ty::Nullable(_));
        Ok((if nullable && !plain { Ty::Nullable(Box::new(ty)) } else { ty }, absent))
    }

    /// Alternatives that no field tells apart.
    fn untold(&mut self, many: &[&'a Value], schema: &'a Value, hint: &str) -> Result<Ty> {
        let name = self.claim(hint);
        let mut shapes = Vec::new();
        for (index, one) in many.iter().enumerate() {
            let own = one["title"].as_str().map_or_else(|| format!("{name}{}", index + 1), pascal);
            let shape = self.inner(one, &own)?;
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        if shapes.contains(&Ty::Json) || shapes.len() < 2 {
            return Ok(if shapes.len() == 1 { shapes.remove(0) } else { Ty::Json });
        }
        self.define(&name, Form::Any(shapes), schema);
        Ok(Ty::Named(name))
    }

    /// The record of a union's variant, without the field that tells.
    fn variant(&mut self, variant: &'a Value, union: &str, tag: &str, word: &str) -> Result<String> {
        let schema = self.resolve(variant)?;
        let name = match reference(variant) {
            Some(name) if self.defined.contains(name) => return Ok(name.to_owned()),
            Some(name) => {
                self.defined.insert(name.to_owned());
                name.to_owned()
            }
            None => self.claim(&format!("{union}{}", pascal(word))),
        };
        let form = Form::Record(self.fields(schema, &name, Some(tag))?);
        self.define(&name, form, schema);
        Ok(name)
    }

    /// The field that tells alternatives apart, and its word in each.
    fn tag(&self, variants: &[&'a Value]) -> Option<(&'a str, Vec<&'a str>)> {
        let objects: Vec<&Map<String, Value>> =
            variants.iter().map(|one| self.resolve(one).ok()?.get("properties")?.as_object()).collect::<Option<_>>()?;
        let (first, _) = objects.split_first().filter(|(_, rest)| !rest.is_empty())?;
        first.keys().find_map(|field| {
            let words: Vec<&str> = objects.iter().map(|object| word(object.get(field)?)).collect::<Option<_>>()?;
            let distinct: BTreeSet<&&str> = words.iter().collect();
            (distinct.len() == words.len()).then_some((field.as_str(), words))
        })
    }

    /// The alternatives, with alternatives inside them laid flat.
    fn flat(&self, schema: &'a Value) -> Vec<&'a Value> {
        let alternatives = |schema: &'a Value| schema.get("anyOf").or_else(|| schema.get("oneOf"));
        let Some(list) = alternatives(schema).and_then(Value::as_array) else { return Vec::new() };
        let mut flat = Vec::new();
        for one in list {
            let target = self.resolve(one).unwrap_or(one);
            let inner = if target.get("properties").is_none() { self.flat(target) } else { Vec::new() };
            if inner.is_empty() { flat.push(one) } else { flat.extend(inner) }
        }
        flat
    }

    fn resolve(&self, schema: &'a Value) -> Result<&'a Value> {
        let Some(name) = reference(schema) else { return Ok(schema) };
        let found = self.definitions.get(name).copied();
        found.ok_or_else(|| self.source.bad(format!("refers to `{name}`, which it does not define")))
    }

    /// A name nobody has; a definition's own name goes to that definition.
    fn claim(&mut self, hint: &str) -> String {
        let mut name = hint.to_owned();
        while !self.defined.insert(name.clone()) {
            name.push_str("Value");
        }
        name
    }

    fn define(&mut self, name: &str, form: Form, schema: &Value) {
        let (name, marks) = (name.to_owned(), marks(schema));
        self.facts.types.push(Type { name, module: Module::Types, file: String::new(), form, marks });
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// The one word a schema allows, if it is such.
fn word(schema: &Value) -> Option<&str> {
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array).map(Vec::as_slice)) {
        (Some(constant), _) => constant.as_str(),
        (None, Some([one])) => one.as_str(),
        _ => None,
    }
}

fn constant_type(constant: &Value) -> Ty {
    match constant {
        Value::String(word) => Ty::Word(word.clone()),
        Value::Bool(_) => Ty::Bool,
        Value::Number(number) if number.is_u64() => Ty::Uint,
        _ => Ty::Json,
    }
}

/// A text, of the kind that the schema names if it does.
fn text_type(schema: &Value) -> Ty {
    let format = schema.get("format").or_else(|| schema.get("contentEncoding")).and_then(Value::as_str);
    format.map_or(Ty::String, |format| Ty::Formatted(format.to_ascii_lowercase()))
}

/// The schema that nothing matches: upstream's way to say "absent".
fn nothing(schema: &Value) -> bool {
    schema.get("not").is_some_and(|not| not.as_object().is_some_and(Map::is_empty))
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

/// The JSON type, and whether `null` may stand in its place.
fn type_word(schema: &Value) -> (&str, bool) {
    match &schema["type"] {
        Value::String(word) => (word, false),
        Value::Array(words) => {
            let real: Vec<&str> = words.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect();
            let nullable = real.len() < words.len();
            if let [one] = real.as_slice() { (one, nullable) } else { ("", nullable) }
        }
        _ if schema.get("properties").is_some() => ("object", false),
        _ => ("", false),
    }
}

/// Texts whose name says that they must not be printed.
fn hidden(wire: &str, ty: Ty) -> Ty {
    let name = wire.to_ascii_lowercase();
    let secret =
        ["token", "apikey", "api_key", "password", "secret", "credential"].iter().any(|end| name.ends_with(end));
    match ty {
        Ty::String | Ty::Formatted(_) if secret => Ty::Secret,
        Ty::Nullable(inner) if secret && matches!(*inner, Ty::String | Ty::Formatted(_)) => {
            Ty::Nullable(Box::new(Ty::Secret))
        }
        Ty::Map(inner) if name == "headers" && *inner == Ty::String => Ty::Map(Box::new(Ty::Secret)),
        ty => ty,
    }
}

fn marks(schema: &Value) -> String {
    let text = |key| schema.get(key).and_then(Value::as_str).filter(|word| !matches!(*word, "stable" | "public"));
    let deprecated = schema.get("deprecated").and_then(Value::as_bool).unwrap_or_default().then_some("deprecated");
    let words: Vec<&str> = [text("stability"), text("visibility"), deprecated].into_iter().flatten().collect();
    words.join(" ")
}

//! Types and calls as macro calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{call_name, idents};
use crate::codegen::docs::Docs;
use crate::codegen::surface::Surface;
use crate::facts::{Call, Facts, Field, Form, Module, Presence, Ty, Type};

/// What is being written.
pub(super) struct Scope<'a> {
    facts: &'a Facts,
    docs: &'a Docs,
    by_hand: &'a BTreeSet<(String, String)>,
    modules: BTreeMap<&'a str, BTreeSet<Module>>,
    boxes: BTreeSet<(String, String)>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(surface: &'a Surface, docs: &'a Docs) -> Self {
        let facts = &surface.facts;
        let mut modules: BTreeMap<&str, BTreeSet<Module>> = BTreeMap::new();
        for t in &facts.types {
            modules.entry(&t.name).or_default().insert(t.module);
        }
        Self { facts, docs, by_hand: &surface.by_hand, modules, boxes: super::boxes::boxes(facts) }
    }

    /// The types of a module that belong to a family.
    pub(super) fn types(&self, module: Module, family: &str) -> String {
        let types = self.facts.types.iter().filter(|t| t.module == module && t.file == family);
        let texts: Vec<String> = types
            .map(|t| match &t.form {
                Form::Record(fields) => self.record(t, fields),
                Form::Enum(words) => self.open_enum(t, words),
                Form::Union(tag, variants) => self.union(t, tag, variants),
                Form::Any(shapes) => self.any_of(t, shapes),
            })
            .collect();
        texts.join("\n")
    }

    fn record(&self, t: &Type, fields: &[Field]) -> String {
        let mut text = self.opening(if t.module == Module::Events { "event" } else { "record" }, t);
        let wire = self.facts.events.iter().find(|(_, record)| t.module == Module::Events && *record == t.name);
        let wire = wire.map_or(String::new(), |(wire, _)| format!(" \"{wire}\""));
        let _ = write!(text, "    {}{wire} {{", t.name);
        // Required fields are named first: a hand-kept field keeps its name whatever upstream adds.
        let all: Vec<&Field> = fields.iter().collect();
        let names = idents::fields(&all);
        for (presence, opening) in
            [(Presence::Required, ""), (Presence::Optional, " optional {"), (Presence::List, " lists {")]
        {
            let fields: Vec<(&Field, &String)> =
                fields.iter().zip(&names).filter(|(field, _)| field.presence == presence).collect();
            if fields.is_empty() {
                text.push_str(if presence == Presence::Required { "}" } else { "" });
                continue;
            }
            text.push_str(opening);
            text.push('\n');
            for (field, name) in fields {
                let words = self.part(t, &field.wire, &format!("`{}` on the wire.", field.wire));
                doc(&mut text, 2, &(words + &format_of(&field.ty) + remark(&field.marks)));
                let ty = match (&field.ty, presence) {
                    // An optional field's `null` counts as absent.
                    (Ty::List(item), Presence::List) | (Ty::Nullable(item), Presence::Optional) => {
                        self.rust(item, t.module)
                    }
                    (ty, _) => self.rust(ty, t.module),
                };
                let boxed = self.boxes.contains(&(t.name.clone(), field.wire.clone()));
                let ty = if boxed { format!("Box<{ty}>") } else { ty };
                let _ = writeln!(text, "        {name}: {ty} = \"{}\",", field.wire);
            }
            text.push_str("    }");
        }
        text.push_str("\n}\n");
        text
    }

    fn open_enum(&self, t: &Type, words: &[String]) -> String {
        let mut text = self.opening("open_enum", t);
        let _ = writeln!(text, "    {} {{", t.name);
        for (word, name) in words.iter().zip(idents::variants(words.iter().map(String::as_str))) {
            doc(&mut text, 2, &self.part(t, word, &format!("`{word}`.")));
            let _ = writeln!(text, "        {name} = \"{word}\",");
        }
        text.push_str("    }\n}\n");
        text
    }

    fn union(&self, t: &Type, tag: &str, variants: &[(String, String)]) -> String {
        let mut text = self.opening("union", t);
        let _ = writeln!(text, "    {} by \"{tag}\" {{", t.name);
        let names = idents::variants(variants.iter().map(|(word, _)| word.as_str()));
        for ((word, record), name) in variants.iter().zip(names) {
            doc(&mut text, 2, &self.part(t, word, &format!("`{tag}` is `{word}`.")));
            let _ = writeln!(text, "        {name}({record}) = \"{word}\",");
        }
        text.push_str("    }\n}\n");
        text
    }

    /// The shape that asks for most is tried first, since a lenient one takes any object.
    fn any_of(&self, t: &Type, shapes: &[Ty]) -> String {
        let required = |shape: &Ty| match shape {
            Ty::Named(name) => match self.facts.find(name, Module::Types).map(|t| &t.form) {
                Some(Form::Record(fields)) => fields.iter().filter(|f| f.presence == Presence::Required).count(),
                _ => usize::MAX,
            },
            _ => usize::MAX,
        };
        let mut shapes: Vec<&Ty> = shapes.iter().collect();
        shapes.sort_by_key(|shape| std::cmp::Reverse(required(shape)));
        let mut text = self.opening("any_of", t);
        let _ = writeln!(text, "    {} {{", t.name);
        let words: Vec<String> = shapes.iter().map(|shape| shape_name(shape)).collect();
        for (shape, name) in shapes.iter().zip(idents::variants(words.iter().map(String::as_str))) {
            doc(&mut text, 2, &format!("{}.", spoken(shape)));
            let _ = writeln!(text, "        {name}({}){},", self.rust(shape, t.module), self.words_of(shape));
        }
        text.push_str("    }\n}\n");
        text
    }

    /// The words that a shape always has in some of its fields, as the condition of a variant.
    fn words_of(&self, shape: &Ty) -> String {
        let found = shape.name().filter(|_| matches!(shape, Ty::Named(_)));
        let found = found.and_then(|name| self.facts.find(name, Module::Types));
        let Some(Form::Record(fields)) = found.map(|t| &t.form) else { return String::new() };
        let conditions = fields.iter().filter(|field| field.presence == Presence::Required).filter_map(|field| {
            let Ty::Word(word) = &field.ty else { return None };
            Some(format!("\"{}\" = \"{word}\"", field.wire))
        });
        let conditions: Vec<String> = conditions.collect();
        if conditions.is_empty() { String::new() } else { format!(" if {}", conditions.join(" & ")) }
    }

    fn opening(&self, kind: &str, t: &Type) -> String {
        let mut text = format!("{kind}! {{\n");
        let event = self.facts.events.iter().find(|(_, record)| t.module == Module::Events && *record == t.name);
        let neutral = match (event, &t.form) {
            (Some((wire, _)), _) => format!("The data of `{wire}`."),
            (None, Form::Record(_)) => match (t.name.strip_suffix("Params"), t.name.strip_suffix("Result")) {
                (Some(_), _) => format!("Parameters; `{}` on the wire.", t.name),
                (_, Some(_)) => format!("A result; `{}` in the CLI's schemas.", t.name),
                _ => format!("The record `{}`.", t.name),
            },
            (None, Form::Enum(_)) => format!("A word of `{}`.", t.name),
            (None, Form::Union(tag, _)) => format!("One of the kinds of `{}`, told apart by `{tag}`.", t.name),
            (None, Form::Any(_)) => format!("One of the shapes of `{}`.", t.name),
        };
        doc(&mut text, 1, &(self.part(t, "doc", &neutral) + remark(&t.marks)));
        text
    }

    fn part(&self, t: &Type, part: &str, neutral: &str) -> String {
        let by_hand = self.by_hand.contains(&(t.name.clone(), part.to_owned()));
        self.docs.part(&t.name, part, neutral, by_hand)
    }

    /// The calls of one kind that belong to a family.
    pub(super) fn calls(&self, kind: &str, calls: &[Call], family: &str) -> String {
        let mut text = String::new();
        for call in calls.iter().filter(|call| call.file == family) {
            let neutral = format!("`{}` on the wire.", call.wire);
            let by_hand = self.by_hand.contains(&(call.wire.clone(), "doc".to_owned()));
            let words = self.docs.part(&call.wire, "doc", &neutral, by_hand);
            doc(&mut text, 1, &(words + remark(&call.marks)));
            // Calls see the types by their module, as no module of types is theirs.
            let rust = |ty| self.rust(ty, Module::Events);
            let _ = write!(text, "    {} = \"{}\": {}", call_name(call), call.wire, rust(&call.params));
            if kind != "notifications" {
                let _ = write!(text, " => {}", rust(&call.output));
            }
            text.push_str(",\n");
        }
        if text.is_empty() {
            return text;
        }
        let kind = if kind == "notifications" { kind } else { "methods" };
        format!("{kind}! {{\n{text}}}\n")
    }

    pub(super) fn rust(&self, ty: &Ty, here: Module) -> String {
        match ty {
            Ty::String | Ty::Formatted(_) | Ty::Word(_) => "String".to_owned(),
            Ty::Bool => "bool".to_owned(),
            Ty::Int => "i64".to_owned(),
            Ty::Uint => "u64".to_owned(),
            Ty::Number => "serde_json::Number".to_owned(),
            Ty::Json => "crate::RawJson".to_owned(),
            Ty::Secret => "crate::Secret".to_owned(),
            Ty::Null => "crate::Empty".to_owned(),
            Ty::Named(name) => {
                let own = here != Module::Events && self.modules.get(name.as_str()).is_some_and(|m| m.contains(&here));
                if own { name.clone() } else { format!("types::{name}") }
            }
            Ty::Nullable(item) => format!("Option<{}>", self.rust(item, here)),
            Ty::List(item) => format!("Vec<{}>", self.rust(item, here)),
            Ty::Map(item) => format!("std::collections::BTreeMap<String, {}>", self.rust(item, here)),
        }
    }
}

/// What upstream's marks mean to a reader; that it may change goes for everything.
pub(super) fn remark(marks: &str) -> &'static str {
    let has = |mark| marks.split(' ').any(|word| word == mark);
    match (has("internal"), has("deprecated")) {
        (true, _) => " Internal to the CLI.",
        (_, true) => " Deprecated by the CLI.",
        _ => "",
    }
}

/// What kind of text a field is.
fn format_of(ty: &Ty) -> String {
    match ty {
        Ty::Formatted(format) => match format.as_str() {
            "date-time" => " A time (RFC 3339).".to_owned(),
            "uuid" => " A UUID.".to_owned(),
            "uri" => " A URI.".to_owned(),
            "base64" => " In Base64.".to_owned(),
            // Upstream means milliseconds by it where it is a number; this is a text.
            other => format!(" A text of the format `{other}`."),
        },
        Ty::Nullable(inner) => format_of(inner),
        _ => String::new(),
    }
}

fn shape_name(shape: &Ty) -> String {
    match shape {
        Ty::Named(name) => name.clone(),
        Ty::Nullable(inner) => shape_name(inner),
        Ty::Word(word) => word.clone(),
        Ty::String | Ty::Formatted(_) | Ty::Secret => "Text".to_owned(),
        Ty::List(_) => "List".to_owned(),
        Ty::Map(_) => "Map".to_owned(),
        other => format!("{other:?}"),
    }
}

fn spoken(shape: &Ty) -> String {
    match shape {
        Ty::Named(name) => format!("A `{name}`"),
        Ty::Nullable(inner) => spoken(inner),
        Ty::Word(word) => format!("The word `{word}`"),
        Ty::String | Ty::Formatted(_) | Ty::Secret => "A text".to_owned(),
        Ty::Bool => "Yes or no".to_owned(),
        Ty::Int | Ty::Uint | Ty::Number => "A number".to_owned(),
        Ty::List(_) => "A list".to_owned(),
        Ty::Map(_) => "Values by name".to_owned(),
        Ty::Json | Ty::Null => "Any JSON".to_owned(),
    }
}

pub(super) fn doc(text: &mut String, level: usize, words: &str) {
    for line in words.lines() {
        let _ = writeln!(text, "{}/// {}", "    ".repeat(level), line.trim_end());
    }
}

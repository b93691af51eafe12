//! What changed between two sets of facts, seen from a client that was made for the old one.
//!
//! Types are compared where messages use them, not by their names: a type that was renamed is no change on the wire.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Call, Facts, Field, Form, Module, Presence, Ty, show_ty};

/// A change, and where it is met.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Change {
    pub(super) effect: Effect,
    /// What changed, in words.
    pub(super) text: String,
}

/// What a change can do to a client of the old version.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Effect {
    /// It could break.
    Breaks,
    /// It goes on working.
    Works,
    /// Only what the CLI keeps for itself.
    Internal,
}

/// Which way a value goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Way {
    /// From the client to the server: the client must say what the server asks for.
    Sent,
    /// From the server to the client: the client relies on what it was told.
    Received,
}

/// Changes, each with the messages it is met in.
pub(super) type Changes = BTreeMap<Change, BTreeSet<String>>;

/// Compares all messages.
pub(super) fn compare(old: &Facts, new: &Facts) -> Changes {
    let mut compare =
        Compare { old, new, changes: Changes::new(), message: String::new(), internal: false, seen: BTreeSet::new() };
    for kind in ["method", "request", "notification"] {
        compare.calls(kind);
    }
    compare.events();
    compare.changes
}

struct Compare<'a> {
    old: &'a Facts,
    new: &'a Facts,
    changes: Changes,
    /// The message that is being compared.
    message: String,
    internal: bool,
    /// Pairs of types that were compared for this message.
    seen: BTreeSet<(String, String, Way)>,
}

impl<'a> Compare<'a> {
    fn calls(&mut self, kind: &str) {
        let of = |facts: &'a Facts| -> BTreeMap<&'a str, &'a Call> {
            facts.calls().filter(|(of, _)| *of == kind).map(|(_, call)| (call.wire.as_str(), call)).collect()
        };
        let (old, new) = (of(self.old), of(self.new));
        for (wire, call) in &old {
            self.start(wire, internal(&call.marks));
            let Some(now) = new.get(wire) else {
                self.note(true, format!("{kind} `{wire}` is gone"));
                continue;
            };
            self.internal = internal(&call.marks) && internal(&now.marks);
            if call.marks != now.marks {
                let text = format!("{kind} `{wire}` was {}, is {}", settled(&call.marks), settled(&now.marks));
                self.note(internal(&now.marks) && !internal(&call.marks), text);
            }
            // A server's requests go the other way.
            let (asks, answers) =
                if kind == "method" { (Way::Sent, Way::Received) } else { (Way::Received, Way::Sent) };
            self.ty(&call.params, &now.params, asks, &format!("the parameters of `{wire}`"));
            self.ty(&call.output, &now.output, answers, &format!("the result of `{wire}`"));
        }
        for (wire, call) in new.iter().filter(|(wire, _)| !old.contains_key(*wire)) {
            self.start(wire, internal(&call.marks));
            self.note(false, format!("{kind} `{wire}` is new"));
        }
    }

    fn events(&mut self) {
        let of = |facts: &'a Facts| -> BTreeMap<&'a str, &'a str> {
            facts.events.iter().map(|(wire, record)| (wire.as_str(), record.as_str())).collect()
        };
        let (old, new) = (of(self.old), of(self.new));
        for (wire, record) in &old {
            let before = self.old.find(record, Module::Events);
            self.start(wire, before.is_some_and(|t| internal(&t.marks)));
            let Some(now) = new.get(wire) else {
                self.note(true, format!("event `{wire}` is gone"));
                continue;
            };
            if let (Some(before), Some(now)) = (before, self.new.find(now, Module::Events)) {
                self.form(&before.form, &now.form, Way::Received, &format!("event `{wire}`"));
            }
        }
        for wire in new.keys().filter(|wire| !old.contains_key(*wire)) {
            self.start(wire, false);
            self.note(false, format!("event `{wire}` is new"));
        }
    }

    fn start(&mut self, message: &str, internal: bool) {
        message.clone_into(&mut self.message);
        self.internal = internal;
        self.seen.clear();
    }

    fn note(&mut self, breaks: bool, text: String) {
        let effect = match (self.internal, breaks) {
            (true, _) => Effect::Internal,
            (false, true) => Effect::Breaks,
            (false, false) => Effect::Works,
        };
        self.changes.entry(Change { effect, text }).or_default().insert(self.message.clone());
    }

    fn ty(&mut self, old: &Ty, new: &Ty, way: Way, place: &str) {
        match (old, new) {
            (Ty::Nullable(old), Ty::Nullable(new)) | (Ty::List(old), Ty::List(new)) | (Ty::Map(old), Ty::Map(new)) => {
                self.ty(old, new, way, place);
            }
            (Ty::Nullable(old), new) => {
                self.note(way == Way::Sent, format!("{place} must not be null any more"));
                self.ty(old, new, way, place);
            }
            (old, Ty::Nullable(new)) => {
                self.note(way == Way::Received, format!("{place} may be null now"));
                self.ty(old, new, way, place);
            }
            (Ty::Named(old), Ty::Named(new)) => {
                if !self.seen.insert((old.clone(), new.clone(), way)) {
                    return;
                }
                let found = (self.old.find(old, Module::Types), self.new.find(new, Module::Types));
                if let (Some(before), Some(now)) = found {
                    let name = if old == new { format!("`{old}`") } else { format!("`{old}` (now `{new}`)") };
                    self.form(&before.form, &now.form, way, &name);
                }
            }
            (old, new) if old == new => {}
            (before @ (Ty::String | Ty::Formatted(_)), now @ (Ty::String | Ty::Formatted(_))) => {
                // Who reads relies on the kind; a plain text may be anything.
                let read = if way == Way::Sent { now } else { before };
                self.note(*read != Ty::String, format!("{place} was {}, is {}", spoken(old), spoken(new)));
            }
            (old, new) => {
                let fine = match way {
                    Way::Sent => self.takes(new, self.new, old, self.old),
                    Way::Received => self.takes(old, self.old, new, self.new),
                };
                let silent = fine
                    && matches!(
                        (old, new),
                        (Ty::String | Ty::Formatted(_), Ty::Secret) | (Ty::Secret, Ty::String | Ty::Formatted(_))
                    );
                if !silent {
                    self.note(!fine, format!("{place} was {}, is {}", spoken(old), spoken(new)));
                }
            }
        }
    }

    /// Whether who reads `reader` can do with what who writes `writer` says.
    fn takes(&self, reader: &Ty, of_reader: &Facts, writer: &Ty, of_writer: &Facts) -> bool {
        // Clients keep words they do not know; a server refuses them.
        let client = std::ptr::eq(of_reader, self.old);
        match (texts(reader, of_reader), texts(writer, of_writer)) {
            (Texts::No, _) | (_, Texts::No) => {}
            (Texts::All, _) => return true,
            (Texts::Some(_), Texts::All) => return client,
            (Texts::Some(reads), Texts::Some(said)) => {
                return client || said.iter().all(|word| reads.contains(word));
            }
        }
        match (reader, writer) {
            (Ty::Json | Ty::Null, _) | (Ty::Int, Ty::Uint) | (Ty::Number, Ty::Uint | Ty::Int) => true,
            (Ty::Named(name), Ty::Null) => match of_reader.find(name, Module::Types).map(|t| &t.form) {
                Some(Form::Record(fields)) => fields.iter().all(|field| field.presence != Presence::Required),
                _ => false,
            },
            _ => false,
        }
    }

    fn form(&mut self, old: &Form, new: &Form, way: Way, name: &str) {
        match (old, new) {
            (Form::Record(old), Form::Record(new)) => self.fields(old, new, way, name),
            (Form::Enum(old), Form::Enum(new)) => {
                let lacks = |from: &[String], of: &[String]| {
                    from.iter()
                        .filter(|word| !of.contains(word))
                        .map(|word| format!("`{word}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let (gone, grown) = (lacks(old, new), lacks(new, old));
                if !grown.is_empty() {
                    self.note(false, format!("{name} has new words: {grown}"));
                }
                if !gone.is_empty() {
                    self.note(way == Way::Sent, format!("{name} lost words: {gone}"));
                }
            }
            (Form::Union(old_tag, old), Form::Union(new_tag, new)) => {
                if old_tag != new_tag {
                    self.note(true, format!("{name} was told apart by `{old_tag}`, is by `{new_tag}`"));
                    return;
                }
                for (word, record) in old {
                    match new.iter().find(|(now, _)| now == word) {
                        Some((_, now)) => {
                            let (record, now) = (Ty::Named(record.clone()), Ty::Named(now.clone()));
                            self.ty(&record, &now, way, name);
                        }
                        None => self.note(way == Way::Sent, format!("{name} lost the kind `{word}`")),
                    }
                }
                for (word, _) in new.iter().filter(|(word, _)| !old.iter().any(|(before, _)| before == word)) {
                    self.note(false, format!("{name} has a new kind: `{word}`"));
                }
            }
            (Form::Any(old), Form::Any(new)) => self.shapes(old, new, way, name),
            (old, new) => self.note(true, format!("{name} was {}, is {}", kind(old), kind(new))),
        }
    }

    fn shapes(&mut self, old: &[Ty], new: &[Ty], way: Way, name: &str) {
        for (before, now) in old.iter().zip(new) {
            if matches!((before, now), (Ty::Named(_), Ty::Named(_))) {
                self.ty(before, now, way, name);
            }
        }
        let show = |shapes: &[Ty]| shapes.iter().map(show_ty).collect::<Vec<_>>();
        let (old, new) = (show(old), show(new));
        for gone in old.iter().filter(|shape| !new.contains(shape)) {
            self.note(way == Way::Sent, format!("{name} lost the shape `{gone}`"));
        }
        for grown in new.iter().filter(|shape| !old.contains(shape)) {
            self.note(way == Way::Received, format!("{name} has a new shape: `{grown}`"));
        }
    }

    fn fields(&mut self, old: &[Field], new: &[Field], way: Way, name: &str) {
        let required = |field: &Field| field.presence == Presence::Required;
        for field in old {
            let wire = &field.wire;
            let Some(now) = new.iter().find(|now| now.wire == *wire) else {
                // A server ignores what it does not know; a client misses what it was promised.
                let text = match way {
                    Way::Sent => format!("{name} lost the field `{wire}`, which is ignored now"),
                    Way::Received => format!("{name} lost the field `{wire}`"),
                };
                self.note(way == Way::Received && required(field), text);
                continue;
            };
            match (required(field), required(now)) {
                (false, true) => self.note(way == Way::Sent, format!("{name} requires its field `{wire}` now")),
                (true, false) => self.note(way == Way::Received, format!("{name} may lack its field `{wire}` now")),
                _ => {}
            }
            if field.marks != now.marks {
                let text =
                    format!("the field `{wire}` of {name} was {}, is {}", settled(&field.marks), settled(&now.marks));
                self.note(internal(&now.marks) && !internal(&field.marks), text);
            }
            self.ty(&field.ty, &now.ty, way, &format!("the field `{wire}` of {name}"));
        }
        for field in new.iter().filter(|field| !old.iter().any(|before| before.wire == field.wire)) {
            let word = if required(field) { "required" } else { "optional" };
            let breaks = way == Way::Sent && required(field);
            self.note(breaks, format!("{name} has a new {word} field: `{}`", field.wire));
        }
    }
}

/// The texts a value can be.
enum Texts<'a> {
    /// It is no text.
    No,
    All,
    Some(Vec<&'a str>),
}

fn texts<'a>(ty: &'a Ty, facts: &'a Facts) -> Texts<'a> {
    match ty {
        Ty::String | Ty::Formatted(_) | Ty::Secret => Texts::All,
        Ty::Word(word) => Texts::Some(vec![word]),
        Ty::Named(name) => match facts.find(name, Module::Types).map(|t| &t.form) {
            Some(Form::Enum(words)) => Texts::Some(words.iter().map(String::as_str).collect()),
            _ => Texts::No,
        },
        _ => Texts::No,
    }
}

fn settled(marks: &str) -> &str {
    if marks.is_empty() { "settled" } else { marks }
}

fn internal(marks: &str) -> bool {
    marks.split(' ').any(|word| word == "internal")
}

fn spoken(ty: &Ty) -> String {
    match ty {
        Ty::Null => "nothing".to_owned(),
        ty => format!("`{}`", show_ty(ty)),
    }
}

fn kind(form: &Form) -> &'static str {
    match form {
        Form::Record(_) => "a record",
        Form::Enum(_) => "a set of words",
        Form::Union(..) => "a union",
        Form::Any(_) => "of several shapes",
    }
}

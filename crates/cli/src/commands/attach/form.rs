//! A form of several fields, filled in one after the other.

use serde_json::{Map, Value};

use super::answer;
use crate::display;
use crate::protocol::api::{CommandAction, PendingRequest, RequestKind};

/// More fields than this are better filled in on the page.
const MAX_FIELDS: usize = 32;

/// What has been filled in, and what comes next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Form {
    request_id: String,
    fields: Vec<Field>,
    at: usize,
    content: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
struct Field {
    name: String,
    label: String,
    help: Option<String>,
    required: bool,
    kind: Kind,
    default: Option<Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Text,
    Number {
        whole: bool,
    },
    /// Title and value of each.
    Choice(Vec<(String, Value)>),
    Several(Vec<(String, Value)>),
}

impl Form {
    /// The form that a request asks with; `None` for one that has a single field or none, and for one that is not flat.
    pub(super) fn of(request: &PendingRequest) -> Option<Self> {
        if request.kind != RequestKind::Elicitation {
            return None;
        }
        let schema = request.schema.as_ref()?;
        let properties = schema.get("properties")?.as_object()?;
        if !(2..=MAX_FIELDS).contains(&properties.len()) {
            return None;
        }
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = properties.iter().map(|(name, field)| {
            Some(Field {
                name: name.clone(),
                label: display::line(field["title"].as_str().unwrap_or(name), 60),
                help: field["description"].as_str().map(|text| display::line(text, 160)),
                required: required.contains(&name.as_str()),
                kind: kind(field)?,
                default: Some(&field["default"]).filter(|value| !value.is_null()).cloned(),
            })
        });
        let mut fields = fields.collect::<Option<Vec<Field>>>()?;
        let order = &request.field_order;
        fields.sort_by_key(|field| order.iter().position(|name| *name == field.name).unwrap_or(usize::MAX));
        Some(Self { request_id: request.request_id.clone(), fields, at: 0, content: Map::new() })
    }

    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// What is asked for now, before the line that is written.
    pub(super) fn label(&self) -> String {
        format!("{} ({}/{})> ", self.fields[self.at].label, self.at + 1, self.fields.len())
    }

    /// How to answer what is asked for now.
    pub(super) fn guide(&self) -> String {
        let field = &self.fields[self.at];
        let how = match &field.kind {
            Kind::Text => "write it".to_owned(),
            Kind::Number { whole: true } => "a whole number".to_owned(),
            Kind::Number { whole: false } => "a number".to_owned(),
            Kind::Choice(options) => numbered(options),
            Kind::Several(options) => format!("{}, several with commas", numbered(options)),
        };
        let mut parts = vec![how];
        match &field.default {
            Some(value) => parts.push(format!("Enter alone: {}", display::line(&field.word(value), 40))),
            None if !field.required => parts.push("Enter alone leaves it out".to_owned()),
            None => {}
        }
        parts.extend(field.help.clone());
        parts.push(if self.at > 0 { "Up goes back · Esc gives up" } else { "Esc gives up" }.to_owned());
        parts.join(" · ")
    }

    /// Takes what was written for the present field; the whole answer, after the last one.
    pub(super) fn enter(&mut self, text: &str) -> Result<Option<CommandAction>, String> {
        let field = &self.fields[self.at];
        let text = text.trim();
        let value = if text.is_empty() { field.default.clone() } else { Some(field.read(text)?) };
        match value {
            Some(value) => {
                self.content.insert(field.name.clone(), value);
            }
            None if field.required => return Err("This field is needed.".to_owned()),
            None => {
                self.content.remove(&field.name);
            }
        }
        self.at += 1;
        if self.at < self.fields.len() {
            return Ok(None);
        }
        self.at = 0;
        let content = Some(Value::Object(std::mem::take(&mut self.content)));
        Ok(Some(CommandAction::ElicitationResponse {
            request_id: self.request_id.clone(),
            action: "accept".into(),
            content,
        }))
    }

    /// To the field before; gives what was written there.
    pub(super) fn back(&mut self) -> Option<String> {
        self.at = self.at.checked_sub(1)?;
        let field = &self.fields[self.at];
        Some(self.content.get(&field.name).map_or_else(String::new, |value| field.word(value)))
    }

    /// The fields, a line each, to be read before the first one is filled in.
    pub(super) fn outline(&self) -> Vec<String> {
        let line = |field: &Field| {
            let options = match &field.kind {
                Kind::Choice(options) | Kind::Several(options) => {
                    let titles: Vec<&str> = options.iter().map(|(title, _)| title.as_str()).collect();
                    format!(": {}", display::line(&titles.join(" / "), 160))
                }
                Kind::Text | Kind::Number { .. } => String::new(),
            };
            let optional = if field.required { "" } else { " (optional)" };
            format!("  - {}{optional}{options}", field.label)
        };
        self.fields.iter().map(line).collect()
    }
}

impl Field {
    fn read(&self, text: &str) -> Result<Value, String> {
        match &self.kind {
            Kind::Text => Ok(text.into()),
            Kind::Number { whole } => {
                let number = serde_json::from_str::<Value>(text).ok().filter(Value::is_number);
                number.filter(|number| !whole || number.is_i64() || number.is_u64()).ok_or_else(|| {
                    let what = if *whole { "a whole number" } else { "a number" };
                    format!("This field wants {what}.")
                })
            }
            Kind::Choice(options) => choose(options, text),
            Kind::Several(options) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(|part| choose(options, part)).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
        }
    }

    /// A value as it would be written.
    fn word(&self, value: &Value) -> String {
        match (&self.kind, value) {
            (Kind::Several(_), Value::Array(values)) => {
                values.iter().map(|value| self.word(value)).collect::<Vec<_>>().join(", ")
            }
            (Kind::Choice(options) | Kind::Several(options), value) => options
                .iter()
                .find(|(_, known)| known == value)
                .map_or_else(|| answer::word(value), |(title, _)| title.clone()),
            _ => answer::word(value),
        }
    }
}

/// By its number, its title or its value.
fn choose(options: &[(String, Value)], text: &str) -> Result<Value, String> {
    let by_number = text.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
    let by_word =
        || options.iter().find(|(title, value)| title.eq_ignore_ascii_case(text) || value.as_str() == Some(text));
    by_number
        .or_else(by_word)
        .map(|(_, value)| value.clone())
        .ok_or_else(|| format!("{} is not on offer.", display::line(text, 40)))
}

fn numbered(options: &[(String, Value)]) -> String {
    let all: Vec<String> =
        options.iter().enumerate().map(|(n, (title, _))| format!("{} {}", n + 1, display::line(title, 40))).collect();
    all.join("  ")
}

fn kind(field: &Value) -> Option<Kind> {
    let options = answer::values_of(field);
    Some(match field["type"].as_str()? {
        "string" if options.is_empty() => Kind::Text,
        "string" | "boolean" => Kind::Choice(options),
        "number" => Kind::Number { whole: false },
        "integer" => Kind::Number { whole: true },
        "array" => Kind::Several(Some(answer::values_of(&field["items"])).filter(|options| !options.is_empty())?),
        _ => return None,
    })
}

//! Forms: the flat JSON schemas that an elicitation may ask with.

use serde_json::{Number, Value};

use super::fields::Fields;
use crate::order;

/// One field of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The property's name in the answer.
    pub name: String,
    /// What to call it.
    pub label: String,
    /// What it is for.
    pub help: Option<String>,
    /// Whether an answer needs it.
    pub required: bool,
    /// What goes in.
    pub kind: FieldKind,
}

/// What goes into a [`Field`].
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// A line of text.
    Text {
        /// What it starts with.
        default: Option<String>,
        /// The HTML input type for the schema's format.
        input: &'static str,
        /// The fewest characters.
        min: Option<u64>,
        /// The most characters.
        max: Option<u64>,
    },
    /// A number.
    Number {
        /// Whole numbers only.
        integer: bool,
        /// What it starts with.
        default: Option<String>,
        /// The least.
        min: Option<Number>,
        /// The most.
        max: Option<Number>,
    },
    /// Yes or no.
    Bool {
        /// What it starts with.
        default: bool,
    },
    /// One of several.
    Choice {
        /// Value and label of each.
        options: Vec<(String, String)>,
        /// The value it starts with.
        default: Option<String>,
    },
    /// Any of several.
    Several {
        /// Value and label of each.
        options: Vec<(String, String)>,
        /// The values it starts with.
        default: Vec<String>,
        /// The fewest.
        min: Option<u64>,
        /// The most.
        max: Option<u64>,
    },
}

/// The fields of an object schema, in the given order of their names; `None` if one of them cannot be shown.
pub(crate) fn read(schema: Fields<'_>, order: &[String]) -> Option<Vec<Field>> {
    let Value::Object(properties) = schema.get("properties").0 else {
        return None;
    };
    let required = schema.strings("required");
    let fields: Option<Vec<Field>> = properties
        .iter()
        .map(|(name, property)| {
            let property = Fields(property);
            Some(Field {
                name: name.clone(),
                label: property.opt("title").unwrap_or(name).to_owned(),
                help: property.owned("description"),
                required: required.contains(name),
                kind: kind(property)?,
            })
        })
        .collect();
    let mut fields = fields?;
    order::sort_by(&mut fields, order, |field| &field.name);
    Some(fields)
}

fn kind(property: Fields<'_>) -> Option<FieldKind> {
    let default = property.get("default");
    let count = |name: &str| property.int(name).and_then(|count| u64::try_from(count).ok());
    let number = |name: &str| match property.get(name).0 {
        Value::Number(number) => Some(number.clone()),
        _ => None,
    };
    Some(match property.str("type") {
        "string" => match options(property) {
            Some(options) => FieldKind::Choice { options, default: default.0.as_str().map(str::to_owned) },
            None => FieldKind::Text {
                default: default.0.as_str().map(str::to_owned),
                input: match property.str("format") {
                    "email" => "email",
                    "uri" => "url",
                    "date" => "date",
                    "date-time" => "datetime-local",
                    _ => "text",
                },
                min: count("minLength"),
                max: count("maxLength"),
            },
        },
        kind @ ("number" | "integer") => FieldKind::Number {
            integer: kind == "integer",
            default: default.0.is_number().then(|| default.0.to_string()),
            min: number("minimum"),
            max: number("maximum"),
        },
        "boolean" => FieldKind::Bool { default: default.0.as_bool().unwrap_or(false) },
        "array" => FieldKind::Several {
            options: options(property.get("items"))?,
            default: property.strings("default"),
            min: count("minItems"),
            max: count("maxItems"),
        },
        _ => return None,
    })
}

/// The values of an enumeration, in any of its three spellings.
fn options(property: Fields<'_>) -> Option<Vec<(String, String)>> {
    let values = property.strings("enum");
    if !values.is_empty() {
        let names = property.strings("enumNames");
        let label = |(index, value): (usize, String)| {
            let label = names.get(index).unwrap_or(&value).clone();
            (value, label)
        };
        return Some(values.into_iter().enumerate().map(label).collect());
    }
    let titled: Vec<_> = property
        .list("oneOf")
        .chain(property.list("anyOf"))
        .filter_map(|option| {
            let value = option.owned("const")?;
            let label = option.owned("title").unwrap_or_else(|| value.clone());
            Some((value, label))
        })
        .collect();
    (!titled.is_empty()).then_some(titled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn simple_schemas_become_fields() {
        let schema = json!({"type": "object", "required": ["color"], "properties": {
            "color": {"type": "string", "enum": ["r", "b"], "enumNames": ["Red"]},
            "size": {"type": "string", "oneOf": [{"const": "s", "title": "Small"}]},
            "name": {"type": "string", "title": "Your name", "description": "As shown", "default": "Ann", "minLength": 2,
                "maxLength": 40},
            "mail": {"type": "string", "format": "email"},
            "when": {"type": "string", "format": "date-time"},
            "count": {"type": "integer", "default": 3, "minimum": 1, "maximum": 9.5},
            "sure": {"type": "boolean", "default": true},
            "tags": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}, "default": ["y"], "minItems": 1,
                "maxItems": 2},
        }});
        let order = ["size", "name", "color"].map(str::to_owned);
        let fields = read(Fields(&schema), &order).expect("a simple form");
        insta::assert_debug_snapshot!(fields);
    }

    #[test]
    fn anything_else_is_no_form() {
        for schema in [
            json!(null),
            json!({"properties": []}),
            json!({"properties": {"a": {"type": "object", "properties": {}}}}),
            json!({"properties": {"a": {"type": "array", "items": {"type": "string"}}}}),
            json!({"properties": {"a": 3}}),
        ] {
            assert_eq!(read(Fields(&schema), &[]), None, "{schema}");
        }
    }
}

//! Whether a filled form is what was asked for. What is not, the one who asks would refuse, and the answer were lost.

use serde_json::Value;
use url::Url;

use super::SessionView;
use super::form::{Field, FieldKind};
use super::request::Ask;

impl SessionView {
    /// Says what is wrong with the content for a form; nothing is where the form is not known or cannot be shown.
    pub(crate) fn check_form(&self, request: &str, content: &Value) -> Result<(), String> {
        let asked = self.requests.iter().find(|known| known.is_named(request)).map(|request| &request.ask);
        match asked {
            Some(Ask::Elicitation(form)) => check(form.fields.as_deref().unwrap_or_default(), content),
            _ => Ok(()),
        }
    }
}

fn check(fields: &[Field], content: &Value) -> Result<(), String> {
    let wrong = fields.iter().find_map(|field| {
        let wrong = match content.get(&field.name) {
            None if field.required => Some("is missing".to_owned()),
            None => None,
            Some(value) => wrong(&field.kind, value),
        };
        Some(format!("`{}` {}", field.name, wrong?))
    });
    wrong.map_or(Ok(()), Err)
}

fn wrong(kind: &FieldKind, value: &Value) -> Option<String> {
    let says = |text: &str| Some(text.to_owned());
    match (kind, value) {
        (FieldKind::Text { input, min, max, .. }, Value::String(text)) => {
            let length = text.chars().count() as u64;
            let format = match *input {
                "email" if !is_address(text) => says("must be an e-mail address"),
                "url" if Url::parse(text).is_err() => says("must be an absolute address, such as https://example.com"),
                "date" if text.parse::<jiff::civil::Date>().is_err() => says("must be a date, such as 2026-03-02"),
                "datetime-local" if text.parse::<jiff::Timestamp>().is_err() => {
                    says("must be a time with its zone, such as 2026-03-02T09:00:00Z")
                }
                _ => None,
            };
            bounds(length, *min, *max, "character").or(format)
        }
        (FieldKind::Text { .. }, _) => says("must be a text"),
        (FieldKind::Number { integer, min, max, .. }, Value::Number(number)) => {
            let given = number.as_f64().unwrap_or(f64::NAN);
            let least = min.as_ref().filter(|min| min.as_f64().is_some_and(|min| given < min));
            let most = max.as_ref().filter(|max| max.as_f64().is_some_and(|max| given > max));
            match (least, most) {
                _ if *integer && given.fract() != 0.0 => says("must be a whole number"),
                (Some(min), _) => Some(format!("must be at least {min}")),
                (_, Some(max)) => Some(format!("must be at most {max}")),
                _ => None,
            }
        }
        (FieldKind::Number { .. }, _) => says("must be a number"),
        (FieldKind::Bool { .. }, value) => (!value.is_boolean()).then(|| "must be true or false".to_owned()),
        (FieldKind::Choice { options, .. }, value) => {
            (!is_offered(options, value)).then(|| "must be one of what is on offer".to_owned())
        }
        (FieldKind::Several { options, min, max, .. }, Value::Array(chosen)) => {
            let other = chosen.iter().any(|value| !is_offered(options, value));
            let other = other.then(|| "must be of what is on offer".to_owned());
            other.or_else(|| bounds(chosen.len() as u64, *min, *max, "choice"))
        }
        (FieldKind::Several { .. }, _) => says("must be a list"),
    }
}

fn is_offered(options: &[(String, String)], value: &Value) -> bool {
    options.iter().any(|(known, _)| value.as_str() == Some(known))
}

fn bounds(count: u64, min: Option<u64>, max: Option<u64>, what: &str) -> Option<String> {
    let some = |count: u64| if count == 1 { what.to_owned() } else { format!("{what}s") };
    match (min, max) {
        (Some(min), _) if count < min => Some(format!("needs at least {min} {}", some(min))),
        (_, Some(max)) if count > max => Some(format!("takes at most {max} {}", some(max))),
        _ => None,
    }
}

/// As a browser sees it, nearly: something, an at sign, and a name.
fn is_address(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    text.rsplit_once('@').is_some_and(|(who, host)| plain(who) && plain(host))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::view::fields::Fields;
    use crate::view::form;

    #[test]
    fn what_does_not_fit_is_told() {
        let schema = json!({"required": ["name"], "properties": {
            "name": {"type": "string", "minLength": 2, "maxLength": 4},
            "mail": {"type": "string", "format": "email"},
            "page": {"type": "string", "format": "uri"},
            "day": {"type": "string", "format": "date"},
            "when": {"type": "string", "format": "date-time"},
            "count": {"type": "integer", "minimum": 1, "maximum": 9},
            "share": {"type": "number", "minimum": 0.5},
            "sure": {"type": "boolean"},
            "color": {"type": "string", "enum": ["r", "b"]},
            "tags": {"type": "array", "items": {"type": "string", "enum": ["x", "y", "z"]}, "minItems": 1, "maxItems": 2},
        }});
        let fields = form::read(Fields(&schema), &[]).expect("a form");
        let all = json!({"name": "Ann\u{e9}", "mail": "ann@example.com", "page": "https://example.com/?q=1", "day": "2026-03-02",
            "when": "2026-03-02T09:00:00+01:00", "count": 9, "share": 0.5, "sure": false, "color": "b", "tags": ["z", "x"]});
        assert_eq!(check(&fields, &all), Ok(()));
        assert_eq!(check(&fields, &json!({"name": "Ann", "more": [1]})), Ok(()));
        let mut told = vec![check(&fields, &json!({})).expect_err("a name is wanted")];
        for (name, value) in [
            ("name", json!("A")),
            ("name", json!("Annie")),
            ("name", json!(null)),
            ("mail", json!("ann")),
            ("mail", json!("a b@c")),
            ("page", json!("example.com")),
            ("day", json!("02.03.2026")),
            ("when", json!("2026-03-02T09:00")),
            ("count", json!(1.5)),
            ("count", json!(0)),
            ("count", json!(10)),
            ("count", json!("3")),
            ("share", json!(0.4)),
            ("sure", json!("yes")),
            ("color", json!("g")),
            ("tags", json!([])),
            ("tags", json!(["x", "y", "z"])),
            ("tags", json!(["x", 1])),
            ("tags", json!("x")),
        ] {
            let mut content = all.clone();
            content[name] = value.clone();
            told.push(format!("{value}: {}", check(&fields, &content).expect_err("it does not fit")));
        }
        insta::assert_snapshot!(told.join("\n"));
    }
}

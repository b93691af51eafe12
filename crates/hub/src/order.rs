//! The order in which a form lists its fields: it is in the text of an event, and not in its value.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Where a form is: in the event that asks, or in the arguments of the tool that will.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Asking<'a> {
    #[serde(borrow)]
    requested_schema: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Schema {
    properties: Names,
}

/// An object's names, as they come.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The names of a form's fields, from the data of the event that asks it or that calls the tool which will. None where
/// there is no form.
pub(crate) fn of_form(data: &RawValue) -> Vec<String> {
    let outer: Asking<'_> = serde_json::from_str(data.get()).unwrap_or_default();
    let schema = outer.requested_schema.or_else(|| {
        let inner: Asking<'_> = serde_json::from_str(outer.arguments?.get()).ok()?;
        inner.requested_schema
    });
    schema.and_then(|schema| serde_json::from_str::<Schema>(schema.get()).ok()).unwrap_or_default().properties.0
}

/// Sorts what has a name into an order; what is not in it comes last, as it was.
pub(crate) fn sort_by<T>(list: &mut [T], order: &[String], name: impl Fn(&T) -> &str) {
    list.sort_by_key(|one| order.iter().position(|known| known == name(one)).unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_as_they_are_written() {
        let schema =
            r#"{"type": "object", "properties": {"zip": {"type": "string"}, "city": {"a": {"b": 1}}, "age": 3}}"#;
        for (data, expected) in [
            (format!(r#"{{"message": "m", "requestedSchema": {schema}}}"#), vec!["zip", "city", "age"]),
            (
                format!(r#"{{"toolName": "ask_user", "arguments": {{"requestedSchema": {schema}}}}}"#),
                vec!["zip", "city", "age"],
            ),
            (r#"{"arguments": "text"}"#.to_owned(), vec![]),
            (r#"{"arguments": {"question": "?"}}"#.to_owned(), vec![]),
            (r#"{"requestedSchema": {"properties": [1]}}"#.to_owned(), vec![]),
            (r#"{"requestedSchema": null}"#.to_owned(), vec![]),
            ("[]".to_owned(), vec![]),
        ] {
            let raw = RawValue::from_string(data.clone()).expect("JSON");
            assert_eq!(of_form(&raw), expected, "{data}");
        }
        let mut list = ["a", "b", "c", "d"];
        sort_by(&mut list, &["d".to_owned(), "b".to_owned()], |one| one);
        assert_eq!(list, ["d", "b", "a", "c"]);
    }
}

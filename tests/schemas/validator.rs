//! Holds JSON against those keywords of JSON Schema that our schemas have. Stricter in two things: a key that the schema
//! doesn't name is a violation, and a keyword that isn't known here ends the test.

use serde_json::Value;

/// What only describes.
const DESCRIBING: [&str; 6] = ["$schema", "$defs", "title", "description", "format", "default"];

/// What doesn't hold, with its place.
pub fn violations(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Validator { root: schema }.look("", &[schema], document, &mut found);
    found
}

struct Validator<'a> {
    root: &'a Value,
}

impl<'a> Validator<'a> {
    /// All of `schemas` hold together: the keys that any of them names are named.
    fn look(&self, place: &str, schemas: &[&'a Value], value: &Value, found: &mut Vec<String>) {
        let mut named = Vec::new();
        let mut objects = false;
        for schema in schemas {
            self.one(place, schema, value, found, &mut named, &mut objects);
        }
        if let (true, Some(object)) = (objects, value.as_object()) {
            let unknown = object.keys().filter(|key| !named.contains(&key.as_str()));
            found.extend(unknown.map(|key| format!("{place}/{key}: the schema doesn't name it")));
        }
    }

    fn one(
        &self,
        place: &str,
        schema: &'a Value,
        value: &Value,
        found: &mut Vec<String>,
        named: &mut Vec<&'a str>,
        objects: &mut bool,
    ) {
        // `true` takes anything.
        let Some(keywords) = schema.as_object() else { return };
        for (keyword, expected) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let name =
                        expected.as_str().unwrap().strip_prefix("#/$defs/").expect("a reference within");
                    self.one(place, &self.root["$defs"][name], value, found, named, objects);
                }
                "type" => {
                    let types: Vec<_> =
                        expected.as_array().map_or(vec![expected], |all| all.iter().collect());
                    if !types.iter().any(|kind| is(kind.as_str().unwrap(), value)) {
                        found.push(format!("{place}: {value} is no {expected}"));
                    }
                }
                "const" if value != expected => found.push(format!("{place}: {value} is not {expected}")),
                "enum" if !expected.as_array().unwrap().contains(value) => {
                    found.push(format!("{place}: {value} is none of {expected}"));
                }
                "const" | "enum" => {}
                "minimum" | "maximum" => {
                    let (Some(value), Some(limit)) = (value.as_f64(), expected.as_f64()) else { continue };
                    if if keyword == "minimum" { value < limit } else { value > limit } {
                        found.push(format!("{place}: {value} is beyond {keyword} {limit}"));
                    }
                }
                "properties" => {
                    *objects = true;
                    for (key, schema) in expected.as_object().unwrap() {
                        named.push(key);
                        if let Some(value) = value.get(key) {
                            self.look(&format!("{place}/{key}"), &[schema], value, found);
                        }
                    }
                }
                "required" => {
                    let missing = expected.as_array().unwrap().iter().map(|key| key.as_str().unwrap());
                    let missing = missing.filter(|key| value.is_object() && value.get(key).is_none());
                    found.extend(missing.map(|key| format!("{place}: {key} is missing")));
                }
                "additionalProperties" => {
                    if let (Some(object), true) = (value.as_object(), expected.is_object()) {
                        let others = object.iter();
                        others.for_each(|(key, value)| {
                            self.look(&format!("{place}/{key}"), &[expected], value, found)
                        });
                    }
                }
                "items" => {
                    let items = value.as_array().into_iter().flatten().enumerate();
                    items
                        .for_each(|(at, item)| self.look(&format!("{place}/{at}"), &[expected], item, found));
                }
                "anyOf" | "oneOf" => self.any(place, keywords, expected, value, found, (named, objects)),
                other if DESCRIBING.contains(&other) => {}
                other => panic!("{place}: the keyword {other} is not known to this test"),
            }
        }
    }

    /// The branch that fits best says what is named, and what is wrong.
    fn any(
        &self,
        place: &str,
        beside: &'a serde_json::Map<String, Value>,
        branches: &'a Value,
        value: &Value,
        found: &mut Vec<String>,
        (named, objects): (&mut Vec<&'a str>, &mut bool),
    ) {
        let tried = branches.as_array().unwrap().iter().map(|branch| {
            let (mut wrong, mut keys, mut is_object) = (Vec::new(), Vec::new(), false);
            self.one(place, branch, value, &mut wrong, &mut keys, &mut is_object);
            // A branch alone is whole; one beside properties is completed by these.
            if let (true, Some(object)) = (is_object, value.as_object()) {
                let others = beside.get("properties").and_then(Value::as_object);
                let known =
                    |key: &str| keys.contains(&key) || others.is_some_and(|others| others.contains_key(key));
                let unknown = object.keys().filter(|key| !known(key));
                wrong.extend(unknown.map(|key| format!("{place}/{key}: the schema doesn't name it")));
            }
            (wrong, keys, is_object)
        });
        let Some((wrong, keys, is_object)) = tried.min_by_key(|(wrong, ..)| wrong.len()) else { return };
        // What is unknown is told once, when all is known.
        found.extend(wrong.into_iter().filter(|text| !text.ends_with("doesn't name it")));
        named.extend(keys);
        *objects |= is_object;
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not known to this test"),
    }
}

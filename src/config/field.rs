//! Typed reading of a document: every value knows the keys that lead to it and its place, so that
//! every refusal can name both. A value that is secret is never shown.

use std::fmt::Display;
use std::str::FromStr;

use super::error::Problem;
use super::yaml::{Document, Entry, NodeId, Place, Scalar, Value};

/// A value of the document, and how it was reached.
#[derive(Clone)]
pub(super) struct Field<'d> {
    document: &'d Document,
    node: NodeId,
    key: String,
    /// Where the key stands; for the root, where the document begins.
    key_at: Place,
    secret: bool,
}

/// What a value is to Python.
pub(super) enum Form<'d> {
    /// Nothing.
    Null,
    /// A number, a boolean or a date; whether Python takes it for true.
    Number { truthy: bool },
    /// A text.
    Text(&'d str),
    /// A list.
    List(Vec<Field<'d>>),
    /// A mapping; those of its keys that are texts.
    Mapping(Vec<String>),
}

/// The values of a connection that can be no secret, whatever is written there by mistake.
const SHOWN_OF_A_CONNECTION: [&str; 5] = ["port", "charset", "connect_timeout", "sslmode", "verify_mode"];

impl<'d> Field<'d> {
    pub fn root(document: &'d Document) -> Self {
        let node = document.root();
        Self { document, node, key: String::new(), key_at: Place { line: 1, column: 1 }, secret: false }
    }

    /// The same value, never to be shown.
    pub fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The line of the key.
    pub fn line(&self) -> usize {
        self.key_at.line
    }

    /// The last line on which something of the value begins.
    pub fn last_line(&self) -> usize {
        let mut last = self.key_at.line;
        let mut open = vec![self.node];
        while let Some(id) = open.pop() {
            let node = self.document.node(id);
            // What stands above is an anchor's, which an alias stands for.
            last = last.max(node.at.line);
            match &node.value {
                Value::Mapping(entries) => open.extend(entries.iter().flat_map(|it| [it.key, it.value])),
                Value::Sequence(items) => open.extend(items),
                Value::Scalar(_) => {}
            }
        }
        last
    }

    /// What it is to Python.
    pub fn form(&self) -> Form<'d> {
        match self.value() {
            Value::Mapping(entries) => {
                let keys = entries.iter().map(|entry| &self.document.node(entry.key).value);
                Form::Mapping(
                    keys.filter_map(|key| match key {
                        Value::Scalar(Scalar::Text(text)) => Some(text.clone()),
                        _ => None,
                    })
                    .collect(),
                )
            }
            Value::Sequence(items) => {
                Form::List(items.iter().map(|item| Self { node: *item, ..self.clone() }).collect())
            }
            Value::Scalar(scalar) => match scalar {
                Scalar::Null => Form::Null,
                Scalar::Text(text) => Form::Text(text),
                Scalar::Boolean(boolean) => Form::Number { truthy: *boolean },
                number => Form::Number {
                    truthy: number.python_text().is_none_or(|text| text != "0" && text != "0.0"),
                },
            },
        }
    }

    /// The text, when it is one.
    pub fn as_text(&self) -> Option<String> {
        match self.form() {
            Form::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }

    /// The integer that Python counts with: a boolean is zero or one.
    pub fn python_integer(&self) -> Option<i128> {
        match self.scalar()? {
            Scalar::Integer(digits) => digits.parse().ok(),
            Scalar::Boolean(boolean) => Some(i128::from(*boolean)),
            _ => None,
        }
    }

    /// The number that Python counts with.
    pub fn python_number(&self) -> Option<f64> {
        match self.scalar()? {
            Scalar::Float(number) => Some(*number),
            _ => self.python_integer().map(|integer| {
                #[expect(clippy::cast_precision_loss, reason = "only its size counts")]
                let number = integer as f64;
                number
            }),
        }
    }

    /// Whether the value is one of a connection and may hold a password, in a place where it doesn't belong.
    fn may_hold_a_secret(&self) -> bool {
        let Some((section, name)) = self.key.rsplit_once('.') else { return false };
        let in_a_connection = section == "pg_conn"
            || section == "mysql_conn"
            || section.split('.').any(|part| part == "db_conn");
        in_a_connection && !SHOWN_OF_A_CONNECTION.contains(&name)
    }

    fn value(&self) -> &'d Value {
        &self.document.node(self.node).value
    }

    fn scalar(&self) -> Option<&'d Scalar> {
        match self.value() {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.scalar(), Some(Scalar::Null))
    }

    /// This value, which should be a mapping. What it is instead is never shown: the URL of a
    /// connection may hold a password.
    pub fn mapping(&self, expected: &str) -> Result<&'d [Entry], Problem> {
        match self.value() {
            Value::Mapping(entries) => Ok(entries),
            Value::Scalar(Scalar::Text(text))
                if !self.secret && text.contains(':') && !text.contains("://") =>
            {
                let found = "is a text: YAML wants a blank after each colon";
                Err(self.clone().secret().refuse_as(found, expected))
            }
            _ => Err(self.clone().secret().refuse(expected)),
        }
    }

    /// What this value is, against what it should be.
    pub fn refuse(&self, expected: impl Into<String>) -> Problem {
        self.refuse_as(self.describe(), expected)
    }

    /// The same with words of one's own for what was found.
    pub fn refuse_as(&self, found: impl Into<String>, expected: impl Into<String>) -> Problem {
        let key = if self.key.is_empty() { "the document".to_owned() } else { self.key.clone() };
        let at = match self.value() {
            Value::Mapping(_) | Value::Sequence(_) if !self.key.is_empty() => self.key_at,
            _ => self.document.node(self.node).at,
        };
        Problem { at, key, found: found.into(), expected: expected.into() }
    }

    /// What it is, as a predicate. Of a text that may hold a password, its kind alone: `host` may be a whole URL.
    pub fn describe(&self) -> String {
        match self.value() {
            Value::Sequence(_) => "is a list".to_owned(),
            Value::Mapping(_) => "is a mapping".to_owned(),
            Value::Scalar(Scalar::Null) => "is empty".to_owned(),
            Value::Scalar(Scalar::Text(text)) if text.is_empty() => "is an empty text".to_owned(),
            Value::Scalar(scalar) if self.secret => format!("is a {}", kind(scalar)),
            Value::Scalar(Scalar::Text(text)) if self.may_hold_a_secret() || text.contains("://") => {
                "is a text".to_owned()
            }
            Value::Scalar(Scalar::Text(text)) => format!("is the text {text:?}"),
            Value::Scalar(Scalar::DateTime(text)) => format!("is the date and time {text}"),
            Value::Scalar(Scalar::Date(text)) => format!("is the date {text}"),
            Value::Scalar(Scalar::Boolean(boolean)) => {
                format!("is the boolean {boolean} (so YAML reads yes, no, on and off)")
            }
            Value::Scalar(number) => {
                format!("is the number {}", number.python_text().unwrap_or_default())
            }
        }
    }

    /// The value under `name`, if there is one that is not null.
    pub fn get(&self, name: &str) -> Result<Option<Self>, Problem> {
        Ok(self.find(name)?.filter(|field| !field.is_null()))
    }

    /// The value under `name`.
    ///
    /// # Errors
    /// There is none; `expected` says what it would be.
    pub fn require(&self, name: &str, expected: &str) -> Result<Self, Problem> {
        self.find(name)?.ok_or_else(|| self.missing(name, expected))
    }

    /// The value under `name`, if there is one, be it null.
    pub fn find(&self, name: &str) -> Result<Option<Self>, Problem> {
        let entries = self.mapping("a mapping")?;
        let has_name = |key: NodeId| match &self.document.node(key).value {
            Value::Scalar(Scalar::Text(text)) => text == name,
            _ => false,
        };
        let entry = entries.iter().find(|entry| has_name(entry.key));
        Ok(entry.map(|entry| self.child(name, entry.key, entry.value)))
    }

    fn missing(&self, name: &str, expected: &str) -> Problem {
        let key = self.key_of(name);
        Problem { at: self.key_at, key, found: "is missing".to_owned(), expected: expected.to_owned() }
    }

    fn child(&self, name: &str, key: NodeId, value: NodeId) -> Self {
        Self {
            document: self.document,
            node: value,
            key: self.key_of(name),
            key_at: self.document.node(key).at,
            secret: self.secret,
        }
    }

    fn key_of(&self, name: &str) -> String {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let name =
            if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { format!("{name:?}") };
        if self.key.is_empty() { name } else { format!("{}.{name}", self.key) }
    }

    /// The entries of a mapping, in the file's order, each with its name.
    ///
    /// # Errors
    /// This is no mapping, or a key is no text: `expected` says what the keys and values are.
    pub fn entries(&self, expected: &str) -> Result<Vec<(String, Self)>, Problem> {
        let entries = self.mapping(expected)?;
        entries
            .iter()
            .map(|entry| {
                let key = Self { node: entry.key, ..self.clone() };
                match key.scalar() {
                    Some(Scalar::Text(name)) if !name.is_empty() => {
                        Ok((name.clone(), self.child(name, entry.key, entry.value)))
                    }
                    _ => Err(Problem {
                        at: self.document.node(entry.key).at,
                        key: format!(
                            "a key of {}",
                            if self.key.is_empty() { "the document" } else { &self.key }
                        ),
                        found: key.describe(),
                        expected: "a text: put it in quotes".to_owned(),
                    }),
                }
            })
            .collect()
    }

    /// The text that pg_chameleon would hand on: of anything but text, Python's `str()`.
    pub fn text(&self, expected: &str) -> Result<String, Problem> {
        let text = self.scalar().and_then(Scalar::python_text).ok_or_else(|| self.refuse(expected))?;
        if text.contains('\0') {
            return Err(self.refuse_as("holds a NUL character", expected));
        }
        Ok(text)
    }

    /// A text that is not empty.
    pub fn filled_text(&self, expected: &str) -> Result<String, Problem> {
        match self.text(expected)? {
            text if text.is_empty() => Err(self.refuse(expected)),
            text => Ok(text),
        }
    }

    /// A text in the file, where pg_chameleon takes no other value for it: a name that YAML reads as a
    /// number or a boolean would not be the one that was meant.
    pub fn name(&self, expected: &str) -> Result<String, Problem> {
        match self.scalar() {
            Some(Scalar::Text(_)) => self.filled_text(expected),
            Some(Scalar::Null) | None => Err(self.refuse(expected)),
            Some(_) => Err(self.refuse(format!("{expected}, as a text: put it in quotes"))),
        }
    }

    /// A number within bounds, written as a number or as a text.
    pub fn number<N>(&self, least: N, most: N, expected: &str) -> Result<N, Problem>
    where
        N: FromStr + PartialOrd + Display,
    {
        let digits = match self.scalar() {
            Some(Scalar::Integer(digits)) => digits,
            Some(Scalar::Text(digits)) => digits,
            _ => return Err(self.refuse(expected)),
        };
        let number: Option<N> = digits.trim().parse().ok();
        number.filter(|number| (&least..=&most).contains(&number)).ok_or_else(|| self.refuse(expected))
    }

    /// A TCP port, written as a number or as a text.
    pub fn port(&self) -> Result<u16, Problem> {
        self.number(1, u16::MAX, "a TCP port, from 1 to 65535")
    }

    /// A boolean. A text counts when YAML would read it as one without its quotes.
    pub fn boolean(&self) -> Result<bool, Problem> {
        match self.scalar() {
            Some(Scalar::Boolean(boolean)) => Ok(*boolean),
            Some(Scalar::Text(text)) => match text.to_lowercase().as_str() {
                "yes" | "true" | "on" => Ok(true),
                "no" | "false" | "off" => Ok(false),
                _ => Err(self.refuse("yes or no")),
            },
            _ => Err(self.refuse("yes or no")),
        }
    }
}

fn kind(scalar: &Scalar) -> &'static str {
    match scalar {
        Scalar::Null => "null",
        Scalar::Boolean(_) => "boolean",
        Scalar::Integer(_) | Scalar::Float(_) => "number",
        Scalar::Date(_) => "date",
        Scalar::DateTime(_) => "date and time",
        Scalar::Text(_) | Scalar::Merge => "text",
    }
}

//! The five characters by which PostgreSQL says what went wrong (its manual, "PostgreSQL Error Codes"), and
//! the names under which scenarios know the ones that an upgrade must survive.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Condition names of the manual, and shorter words for the ones that are asked for most.
const NAMES: &[(&str, &str)] = &[
    ("disk_full", "53100"),
    ("out_of_memory", "53200"),
    ("too_many_connections", "53300"),
    ("query_canceled", "57014"),
    ("cancelled", "57014"),
    ("deadlock_detected", "40P01"),
    ("deadlock", "40P01"),
    ("serialization_failure", "40001"),
    ("lock_not_available", "55P03"),
    ("lock_timeout", "55P03"),
    ("insufficient_privilege", "42501"),
    ("unique_violation", "23505"),
    ("io_error", "58030"),
    ("internal_error", "XX000"),
];

/// An SQLSTATE that stands for an error. Made by parsing `53100` or `disk_full`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SqlState(String);

impl SqlState {
    /// The five characters.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that names no error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the SQLSTATE of an error: use five digits and capitals that don't begin with 00, 01 or 02 \
     (such as 40P01), or one of {names}",
    names = NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
)]
pub struct NoSqlState(String);

impl FromStr for SqlState {
    type Err = NoSqlState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = NAMES.iter().find(|(name, _)| *name == text).map_or(text, |(_, code)| code);
        let well_formed =
            code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        // The classes of success, warning and no data: the server would not treat them as errors.
        let an_error = !["00", "01", "02"].iter().any(|class| code.starts_with(class));
        if well_formed && an_error { Ok(Self(code.to_owned())) } else { Err(NoSqlState(text.to_owned())) }
    }
}

impl Serialize for SqlState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SqlState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SqlStateVisitor)
    }
}

/// Takes numbers too, because `53100` without quotes is one in YAML.
struct SqlStateVisitor;

impl Visitor<'_> for SqlStateVisitor {
    type Value = SqlState;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an SQLSTATE, in quotes when it looks like a number, or the name of one")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SqlState, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<SqlState, E> {
        number.to_string().parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_mean_the_same() {
        for (name, code) in [
            ("disk_full", "53100"),
            ("cancelled", "57014"),
            ("deadlock", "40P01"),
            ("out_of_memory", "53200"),
            ("lock_timeout", "55P03"),
        ] {
            assert_eq!(name.parse::<SqlState>(), code.parse::<SqlState>(), "{name}");
        }
    }

    #[test]
    fn what_is_no_error_is_refused_with_the_choices() {
        for wrong in ["", "5310", "531000", "40p01", "00000", "01000", "02000", "diskfull", "5310'"] {
            let refusal = wrong.parse::<SqlState>().unwrap_err().to_string();
            assert!(refusal.contains("disk_full") && refusal.contains(wrong), "{refusal}");
        }
    }
}

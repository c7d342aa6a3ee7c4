//! The keys of pg_chameleon 1.x beside the connections and schemas: which of them live on in pg_chameleon 2, and as what.

use super::super::error::Problem;
use super::super::field::Field;
use super::super::yaml::quoted;

/// A key that pg_chameleon 2 has under the same name, or another.
pub(super) struct Setting {
    /// What 1.x calls it.
    pub old: &'static str,
    kind: Kind,
    /// Its value where the old file has none, as it is written.
    pub default: &'static str,
}

enum Kind {
    Text,
    OneOf(&'static [&'static str], &'static str),
    Number {
        least: u64,
        most: u64,
        expected: &'static str,
    },
    /// The folder, and what 1.x puts before the name of its file.
    LogFolder,
}

const fn text(old: &'static str, default: &'static str) -> Setting {
    Setting { old, kind: Kind::Text, default }
}

const fn number(
    old: &'static str,
    least: u64,
    most: u64,
    expected: &'static str,
    default: &'static str,
) -> Setting {
    Setting { old, kind: Kind::Number { least, most, expected }, default }
}

/// The defaults are those of pg_chameleon 2's example.
pub(super) const SETTINGS: &[Setting] = &[
    text("pid_dir", "'~/.pg_chameleon/pid/'"),
    Setting { old: "log_dir", kind: Kind::LogFolder, default: "'~/.pg_chameleon/logs/'" },
    Setting { old: "log_dest", kind: Kind::OneOf(&["file", "stdout"], "file or stdout"), default: "file" },
    text("log_level", "info"),
    number("log_days_keep", 0, 1_000_000, "a number of days", "10"),
    text("my_charset", "'utf8'"),
    text("pg_charset", "'utf8'"),
    number("my_server_id", 0, u32::MAX as u64, "a number from 0 to 4294967295", "100"),
    number("replica_batch_size", 1, i32::MAX as u64, "a number of rows, from 1 on", "10000"),
    text("batch_retention", "'1 day'"),
    text("copy_max_memory", "'300M'"),
    Setting { old: "copy_mode", kind: Kind::OneOf(&["file", "direct"], "file or direct"), default: "'file'" },
    text("out_dir", "'/tmp'"),
    number("sleep_loop", 0, 31_536_000, "a number of seconds", "1"),
];

/// What pg_chameleon 2 has no place for, and why.
pub(super) const WITHOUT_SUCCESSOR: [(&str, &str); 4] = [
    ("hexify", "pg_chameleon 2 knows by itself which types it copies in hexadecimal"),
    ("pause_on_reindex", "pg_chameleon 2 has nothing like it"),
    ("sleep_on_reindex", "pg_chameleon 2 has nothing like it"),
    ("reindex_app_names", "pg_chameleon 2 has nothing like it"),
];

/// Keys that are read where they are used.
pub(super) const KNOWN: [&str; 10] = [
    "dest_schema",
    "destination_schema",
    "my_database",
    "mysql_conn",
    "passwd",
    "pg_conn",
    "pg_database",
    "source_name",
    "tables_limit",
    "type_override",
];

/// Keys of `mysql_conn`.
pub(super) const KNOWN_OF_MYSQL: &[&str] = &["host", "port", "user", "passwd", "password"];

/// Keys of `pg_conn`; `database` is that of pg_chameleon 2.
pub(super) const KNOWN_OF_POSTGRES: &[&str] = &["host", "port", "user", "password", "database"];

impl Setting {
    /// The value, as it is written into the new file.
    pub fn read(&self, field: &Field<'_>) -> Result<String, Problem> {
        match &self.kind {
            Kind::Text => Ok(quoted(&field.filled_text("a text")?)),
            Kind::OneOf(words, expected) => {
                let word = field.text(expected)?;
                if words.contains(&word.as_str()) { Ok(quoted(&word)) } else { Err(field.refuse(*expected)) }
            }
            Kind::Number { least, most, expected } => {
                field.number(*least, *most, expected).map(|number: u64| number.to_string())
            }
            // It stands before the name of the file without a slash between them; in pg_chameleon 2 with one.
            Kind::LogFolder => {
                let written = field.filled_text("a folder")?;
                let folder = written.rfind('/').map_or("./", |slash| &written[..=slash]);
                Ok(quoted(folder))
            }
        }
    }
}

/// The setting that 1.x calls `old`.
pub(super) fn default_of(old: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.old == old).map_or("", |setting| setting.default)
}

//! The configuration of pg_chameleon 1.x: one file for each MySQL schema, read as 1.8.2 reads it (measured: it takes
//! `str()` of every value of its connections, and never looks at MySQL's port), and made into one of pg_chameleon 2:
//! §commands. What users have in their files beside that, or instead, is in §report-56.

mod catalogue;
mod convert;
mod settings;
mod taken;
#[cfg(test)]
mod tests;
mod write;

pub use catalogue::{CatalogueSource, compare};
pub use convert::{Conversion, Group, convert};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{ConfigurationError, Problem};
use super::field::{Field, Form};
use super::password::Password;
use super::yaml::Document;
use crate::finding::Finding;
use settings::{KNOWN, KNOWN_OF_MYSQL, KNOWN_OF_POSTGRES, SETTINGS, Setting, WITHOUT_SUCCESSOR};

/// Where pg_chameleon 1.x has its configurations, in the home.
pub const FOLDER: &str = ".pg_chameleon/config";

/// The example that 1.x puts there by itself.
pub const EXAMPLE: &str = "config-example";

/// The port that 1.8.2 connects to, whatever its configuration says.
const PORT_OF_MYSQL: u16 = 3306;

/// A configuration of pg_chameleon 1.x.
#[derive(Debug, Clone)]
pub struct OldConfiguration {
    file: PathBuf,
    source_name: Entry<String>,
    my_database: Entry<String>,
    dest_schema: Entry<String>,
    mysql: OldMysql,
    postgres: OldPostgres,
    /// By the key of the old file.
    settings: BTreeMap<&'static str, Entry<String>>,
    /// Names of tables without their schema.
    tables_limit: Option<Entry<Vec<String>>>,
    type_override: Option<Entry<Vec<TypeOverride>>>,
    /// Keys that have no place in the new configuration.
    without_successor: Vec<Entry<&'static str>>,
    /// What else is to be told of it.
    findings: Vec<Finding>,
}

/// What stands in a file, and on which line.
#[derive(Debug, Clone)]
struct Entry<T> {
    value: T,
    line: usize,
}

#[derive(Debug, Clone)]
struct OldMysql {
    line: usize,
    /// What its port is, in a clause, when it is another than the usual one.
    port: Option<Entry<String>>,
    host: Entry<String>,
    user: Entry<String>,
    password: Password,
}

/// Each value but the password in the notation of libpq, as both versions write it into their string for libpq.
#[derive(Debug, Clone)]
struct OldPostgres {
    line: usize,
    host: Entry<String>,
    port: Entry<String>,
    user: Entry<String>,
    password: Password,
    database: Entry<String>,
}

/// A type of MySQL's that becomes another in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TypeOverride {
    mysql: String,
    postgres: String,
    /// Names of tables without their schema; none: of all.
    tables: Option<Vec<String>>,
}

impl OldConfiguration {
    /// Reads the text of `file`.
    ///
    /// # Errors
    /// It is not YAML, or no configuration of pg_chameleon 1.x.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigurationError> {
        let document =
            Document::read(text).map_err(|error| ConfigurationError::from_yaml(file.to_owned(), error))?;
        read(file, &Field::root(&document))
            .map_err(|problem| ConfigurationError::from_problem(file.to_owned(), problem))
    }

    /// The file that it was read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The file and a line of it.
    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.file.display())
    }
}

fn read(file: &Path, root: &Field<'_>) -> Result<OldConfiguration, Problem> {
    let a_configuration =
        "a configuration of pg_chameleon 1.x, with my_database, dest_schema, mysql_conn and pg_conn";
    if root.is_null() {
        return Err(root.refuse(a_configuration));
    }
    root.mapping(a_configuration)?;
    if root.find("sources")?.is_some() && root.find("mysql_conn")?.is_none() {
        return Err(root.refuse_as("has sources, so it is one of pg_chameleon 2", a_configuration));
    }
    let at = |line: usize| format!("{}:{line}", file.display());
    let mut findings = Vec::new();
    let mysql = mysql(root, &at, &mut findings)?;
    let postgres = postgres(root, &at, &mut findings)?;
    let source_name = match root.get("source_name")? {
        Some(field) => Entry::of(&field, field.name("the name of the source")?),
        None => {
            let value = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Entry { value, line: 1 }
        }
    };
    let mut settings = BTreeMap::new();
    for setting in SETTINGS {
        if let Some(field) = root.get(setting.old)? {
            settings.insert(setting.old, Entry::of(&field, setting.read(&field)?));
        }
    }
    let without_successor = what_is_left(root, &at, &mut findings)?;
    Ok(OldConfiguration {
        my_database: name(root, "my_database", "the name of a schema on MySQL")?,
        dest_schema: dest_schema(root)?,
        tables_limit: tables_limit(root)?,
        type_override: type_override(root)?,
        file: file.to_owned(),
        source_name,
        mysql,
        postgres,
        settings,
        without_successor,
        findings,
    })
}

impl<T> Entry<T> {
    fn of(field: &Field<'_>, value: T) -> Self {
        Self { value, line: field.line() }
    }
}

fn name(mapping: &Field<'_>, key: &str, expected: &str) -> Result<Entry<String>, Problem> {
    let field = mapping.require(key, expected)?;
    Ok(Entry::of(&field, field.name(expected)?))
}

/// A value of a connection, of which 1.8.2 takes `str()`.
fn text(connection: &Field<'_>, key: &str, expected: &str) -> Result<Entry<String>, Problem> {
    let field = connection.require(key, expected)?;
    Ok(Entry::of(&field, field.filled_text(expected)?))
}

/// 1.8.2 reads dest_schema; the documentation of its upgrade calls it destination_schema.
fn dest_schema(root: &Field<'_>) -> Result<Entry<String>, Problem> {
    let expected = "the name of a schema of PostgreSQL";
    let documented = root.get("destination_schema")?;
    match (root.get("dest_schema")?, documented) {
        (None, Some(field)) => Ok(Entry::of(&field, field.name(expected)?)),
        (Some(field), Some(other)) if field.name(expected)? != other.name(expected)? => {
            Err(other.refuse_as("is not what dest_schema is", "the same, or one of the two alone"))
        }
        _ => name(root, "dest_schema", expected),
    }
}

fn mysql(
    root: &Field<'_>,
    at: &dyn Fn(usize) -> String,
    findings: &mut Vec<Finding>,
) -> Result<OldMysql, Problem> {
    let expected = "a mapping with host, user and passwd";
    let connection = root.require("mysql_conn", expected)?;
    connection.mapping(expected)?;
    let within = match connection.find("passwd")? {
        Some(field) => Some(field),
        None => connection.find("password")?,
    };
    let password = match (within, root.find("passwd")?) {
        (Some(field), _) => field,
        (None, Some(field)) => {
            findings.push(Finding::warning(
                "passwd",
                format!("{}: passwd stands outside of mysql_conn.", at(field.line())),
                "It was taken for the password of mysql_conn. Compare, if that is not so.",
            ));
            field
        }
        (None, None) => connection.require("passwd", "a password")?,
    }
    .secret();
    let is_usual =
        |port: &Field<'_>| port.text("a port").is_ok_and(|port| port.trim() == PORT_OF_MYSQL.to_string());
    let port = connection.get("port")?.filter(|port| !is_usual(port));
    let host = text(&connection, "host", "a host or an address")?;
    // It is shown, and may hold a password.
    if host.value.contains("://") {
        return Err(connection.require("host", "")?.refuse_as("is a URL", "a host or an address"));
    }
    Ok(OldMysql {
        line: connection.line(),
        port: port.map(|port| Entry::of(&port, port.describe())),
        host,
        user: text(&connection, "user", "a user name")?,
        password: password.text("a password: without one, write two quotes")?.into(),
    })
}

fn postgres(
    root: &Field<'_>,
    at: &dyn Fn(usize) -> String,
    findings: &mut Vec<Finding>,
) -> Result<OldPostgres, Problem> {
    let expected = "a mapping with host, port, user and password";
    let connection = root.require("pg_conn", expected)?;
    connection.mapping(expected)?;
    let database = match (root.find("pg_database")?, connection.find("database")?) {
        (None, Some(_)) => text(&connection, "database", "the name of the database")?,
        _ => text(root, "pg_database", "the name of the database")?,
    };
    Ok(OldPostgres {
        line: connection.line(),
        host: text(&connection, "host", "a host, an address or the folder of a socket")?,
        port: text(&connection, "port", "a TCP port, from 1 to 65535")?,
        user: text(&connection, "user", "the name of a role")?,
        password: password_of_postgres(&connection, at, findings)?,
        database,
    })
}

/// Without a password, both versions would take something else for it; libpq's two quotes are none.
fn password_of_postgres(
    connection: &Field<'_>,
    at: &dyn Fn(usize) -> String,
    findings: &mut Vec<Finding>,
) -> Result<Password, Problem> {
    let field = connection.require("password", "a password")?.secret();
    let password = if field.is_null() { String::new() } else { field.text("a password")? };
    if !password.trim().is_empty() {
        return Ok(password.into());
    }
    findings.push(Finding::warning(
        "password",
        format!("{}: the password of pg_conn is empty.", at(field.line())),
        "The new configuration says that there is none. If PostgreSQL asks for one, write it there.",
    ));
    Ok("''".to_owned().into())
}

/// Keys that have no place in the new configuration. What isn't known is not shown: it may be a password that stands where
/// a key should.
fn what_is_left(
    root: &Field<'_>,
    at: &dyn Fn(usize) -> String,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Entry<&'static str>>, Problem> {
    let mut left = Vec::new();
    let Form::Mapping(keys) = root.form() else { return Ok(left) };
    for key in keys {
        let Some(field) = root.find(&key)? else { continue };
        if let Some((known, _)) = WITHOUT_SUCCESSOR.iter().find(|(known, _)| *known == key) {
            left.push(Entry::of(&field, *known));
        } else if !KNOWN.contains(&key.as_str()) && !SETTINGS.iter().any(|it: &Setting| it.old == key) {
            findings.push(Finding::warning(
                "unknown-key",
                format!("{}: a key that pg_chameleon 1.8.2 doesn't know. It was left out.", at(field.line())),
                "If it means something to you, see whether config-example.yml has the like.",
            ));
        }
    }
    for (connection, known) in [("mysql_conn", KNOWN_OF_MYSQL), ("pg_conn", KNOWN_OF_POSTGRES)] {
        let Some(connection_field) = root.get(connection)? else { continue };
        let Form::Mapping(keys) = connection_field.form() else { continue };
        for key in keys.iter().filter(|key| !known.contains(&key.as_str())) {
            let Some(field) = connection_field.find(key)? else { continue };
            findings.push(Finding::warning(
                "unknown-key",
                format!("{}: a key of {connection} beside {}. It was left out.", at(field.line()), known.join(", ")),
                "If it is needed, such as for TLS, see whether chameleon-upgrade check says so, and add it by hand.",
            ));
        }
    }
    Ok(left)
}

fn tables_limit(root: &Field<'_>) -> Result<Option<Entry<Vec<String>>>, Problem> {
    let Some(field) = root.get("tables_limit")? else { return Ok(None) };
    let expected = "a list of tables, or nothing";
    let Form::List(items) = field.form() else { return Err(field.refuse(expected)) };
    let tables = names_of_tables(&items)?;
    let schema = root.get("my_database")?.and_then(|field| field.as_text()).unwrap_or_default();
    if !tables.is_empty() && schema.contains('.') {
        let found = format!(
            "names tables of {schema:?}, and pg_chameleon 2 takes the dot for the end of the schema's name"
        );
        return Err(field.refuse_as(found, "nothing: only the whole schema can be replicated"));
    }
    Ok((!tables.is_empty()).then(|| Entry::of(&field, tables)))
}

fn names_of_tables(items: &[Field<'_>]) -> Result<Vec<String>, Problem> {
    let expected = "the name of a table without its schema, and without a dot: pg_chameleon 2 can't name such a one in a list";
    let one = |item: &Field<'_>| {
        let name = item.name(expected)?;
        if name.contains('.') { Err(item.refuse(expected)) } else { Ok(name) }
    };
    items.iter().map(one).collect()
}

fn type_override(root: &Field<'_>) -> Result<Option<Entry<Vec<TypeOverride>>>, Problem> {
    let Some(field) = root.find("type_override")? else { return Ok(None) };
    if field.is_null() {
        return Ok(Some(Entry::of(&field, vec![])));
    }
    let one = |(mysql, value): (String, Field<'_>)| {
        let expected = "a mapping with override_to and override_tables";
        value.mapping(expected)?;
        let tables = value.require("override_tables", "a list of tables, or '*' for all")?;
        // Python takes the first of a list as it takes the first letter of a text.
        let (all, items) = match tables.form() {
            Form::Text(text) if text.starts_with('*') => (true, vec![]),
            Form::List(items) => (items.first().and_then(Field::as_text).is_some_and(|it| it == "*"), items),
            _ => return Err(tables.refuse("a list of tables, or '*' for all")),
        };
        Ok(TypeOverride {
            mysql,
            postgres: value.require("override_to", "a type of PostgreSQL")?.name("a type of PostgreSQL")?,
            tables: if all { None } else { Some(names_of_tables(&items)?) },
        })
    };
    let all: Vec<_> =
        field.entries("a mapping of MySQL's types")?.into_iter().map(one).collect::<Result<_, _>>()?;
    Ok(Some(Entry::of(&field, all)))
}

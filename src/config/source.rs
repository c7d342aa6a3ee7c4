//! One of the `sources`: where it comes from, which schemas it maps, and how it is replayed.

use std::fmt;
use std::time::Duration;

use super::daemon::{self, DaemonRequirement};
use super::error::Problem;
use super::field::{Field, Form};
use super::mysql::MysqlConnection;
use super::tables::TableLists;
use crate::mapping::MappingPair;

/// What the example that comes with pg_chameleon says, taken when the key is left out.
const DEFAULT_REPLAY_MAX_ROWS: u64 = 10_000;
/// As [`DEFAULT_REPLAY_MAX_ROWS`].
const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// PostgreSQL counts `lock_timeout` in milliseconds, in an integer of 32 bits.
const LONGEST_LOCK_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// A source of the configuration.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Its name, the key under `sources`.
    pub name: String,
    /// What kind of server it is.
    pub source_type: SourceType,
    /// The schemas it maps, in the file's order. Of a source that is not MySQL's, whatever it names.
    pub schema_mappings: Vec<MappingPair>,
    /// How to reach the server, for a source of MySQL.
    pub mysql: Option<MysqlConnection>,
    /// The most rows that one call of the replay function takes.
    pub replay_max_rows: u64,
    /// Whether `on_error_replay` is `exit`: the daemon ends at an event that can't be applied. Else it disables the table.
    pub replay_ends_at_errors: bool,
    /// How long to wait for a lock in PostgreSQL; zero waits for ever, as PostgreSQL has it.
    pub lock_timeout: Duration,
    /// How long its daemon rests between two rounds.
    pub sleep_loop: Duration,
    /// Which of its tables the daemon reads.
    pub tables: TableLists,
    /// What the daemon trips over in it.
    pub daemon_requirements: Vec<DaemonRequirement>,
    /// `gtid_enable`: whether its daemon starts from GTIDs where the server has them.
    pub gtid_enable: bool,
    /// `my_server_id`, by which its daemon is known to the server; none when it is no such number.
    pub server_id: Option<u32>,
    /// The line of the file where its name stands.
    pub at: usize,
    /// The last line of it.
    pub last_line: usize,
}

/// The `type` of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceType {
    /// MySQL or MariaDB, the only one that 1.7 had.
    Mysql,
    /// PostgreSQL.
    Pgsql,
    /// Anything else, as written.
    Other(String),
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mysql => "mysql",
            Self::Pgsql => "pgsql",
            Self::Other(name) => name,
        })
    }
}

impl NewSource {
    pub(super) fn read(name: String, source: &Field<'_>) -> Result<Self, Problem> {
        source.mapping("a mapping with type, db_conn and schema_mappings")?;
        let source_type = source_type(source)?;
        let is_mysql = source_type == SourceType::Mysql;
        let mappings = "a mapping of schemas of the source to schemas of PostgreSQL";
        let schema_mappings = match source.get("schema_mappings")? {
            Some(field) => schema_mappings(&field, mappings)?,
            None if is_mysql => return Err(misplaced(source, "schema_mappings", mappings)?),
            None => Vec::new(),
        };
        let mysql = is_mysql.then(|| mysql(source)).transpose()?;
        Ok(Self {
            source_type,
            mysql,
            replay_max_rows: replay_max_rows(source)?,
            replay_ends_at_errors: matches!(
                source.get("on_error_replay")?.map(|field| field.form()),
                Some(Form::Text(text)) if text == "exit"
            ),
            lock_timeout: lock_timeout(source)?,
            sleep_loop: sleep_loop(source)?,
            tables: TableLists::read(source, &schema_mappings)?,
            daemon_requirements: if is_mysql {
                daemon::of_a_source(&name, source, &schema_mappings)?
            } else {
                Vec::new()
            },
            schema_mappings,
            gtid_enable: source.get("gtid_enable")?.is_some_and(|field| is_true(&field)),
            server_id: source.get("my_server_id")?.and_then(|id| id.python_integer()?.try_into().ok()),
            at: source.line(),
            last_line: source.last_line(),
            name,
        })
    }
}

/// As Python takes a value for true: a text too, unless it is empty.
fn is_true(field: &Field<'_>) -> bool {
    match field.form() {
        Form::Null => false,
        Form::Number { truthy } => truthy,
        Form::Text(text) => !text.is_empty(),
        Form::List(items) => !items.is_empty(),
        Form::Mapping(keys) => !keys.is_empty(),
    }
}

/// The second source of pg_chameleon's example has all of its keys under db_conn, its type too.
fn source_type(source: &Field<'_>) -> Result<SourceType, Problem> {
    let expected = "mysql or pgsql, beside db_conn";
    let source_type = match source.find("type")? {
        Some(field) => field.name(expected)?,
        None => match within_db_conn(source, "type")?.and_then(|field| field.as_text()) {
            Some(name) if name != "mysql" => name,
            _ => return Err(misplaced(source, "type", expected)?),
        },
    };
    Ok(match source_type.as_str() {
        "mysql" => SourceType::Mysql,
        "pgsql" => SourceType::Pgsql,
        _ => SourceType::Other(source_type),
    })
}

/// A key that is missing or empty; when it stands under db_conn by mistake, its line.
fn misplaced(source: &Field<'_>, key: &str, expected: &str) -> Result<Problem, Problem> {
    let field = match source.require(key, expected) {
        Ok(field) => return Ok(field.refuse(expected)),
        Err(problem) => problem,
    };
    Ok(match within_db_conn(source, key)? {
        Some(misplaced) => Problem {
            found: format!(
                "is missing, because it stands under db_conn (line {}): indent it as far as db_conn itself",
                misplaced.line()
            ),
            ..field
        },
        None => field,
    })
}

fn within_db_conn<'d>(source: &Field<'d>, key: &str) -> Result<Option<Field<'d>>, Problem> {
    match source.get("db_conn")? {
        Some(db_conn) if matches!(db_conn.form(), Form::Mapping(_)) => db_conn.find(key),
        _ => Ok(None),
    }
}

fn schema_mappings(field: &Field<'_>, expected: &str) -> Result<Vec<MappingPair>, Problem> {
    let pair = |(source_schema, dest): (String, Field<'_>)| {
        let dest_schema = dest.name("the name of a schema of PostgreSQL")?;
        Ok(MappingPair { source_schema, dest_schema })
    };
    field.entries(expected)?.into_iter().map(pair).collect()
}

fn mysql(source: &Field<'_>) -> Result<MysqlConnection, Problem> {
    let expected = "a mapping with host, port, user, password, charset and connect_timeout";
    let db_conn = source.require("db_conn", expected)?;
    db_conn.mapping(expected)?;
    MysqlConnection::read(&db_conn)
}

fn replay_max_rows(source: &Field<'_>) -> Result<u64, Problem> {
    match source.get("replay_max_rows")? {
        Some(field) => field.number(1, i32::MAX as u64, "a number of rows, from 1 to 2147483647"),
        None => Ok(DEFAULT_REPLAY_MAX_ROWS),
    }
}

/// What the daemon would end at is told elsewhere.
fn sleep_loop(source: &Field<'_>) -> Result<Duration, Problem> {
    let seconds = source.get("sleep_loop")?.and_then(|field| field.python_number());
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default())
}

fn lock_timeout(source: &Field<'_>) -> Result<Duration, Problem> {
    let expected = "a time as PostgreSQL writes it, such as 120s, 2min or 500ms, of at most 24 days";
    match source.get("lock_timeout")? {
        Some(field) => postgres_duration(&field.text(expected)?)
            .filter(|duration| *duration <= LONGEST_LOCK_TIMEOUT)
            .ok_or_else(|| field.refuse(expected)),
        None => Ok(DEFAULT_LOCK_TIMEOUT),
    }
}

/// A time in PostgreSQL's notation: a number and a unit; without a unit, milliseconds. Its octal and
/// hexadecimal numbers and its exponents, which nobody writes here, are refused and not misread.
fn postgres_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit.trim_start() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let octal = number.len() > 1 && number.starts_with('0') && !number.contains('.');
    let number: f64 = (!octal).then(|| number.parse().ok())??;
    let rounded = (number * milliseconds).round_ties_even();
    Duration::try_from_secs_f64(rounded / 1_000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PostgreSQL 15 answers to `SET lock_timeout = …; SELECT setting FROM pg_settings`, but for
    /// `010`, which it reads as eight.
    #[test]
    fn a_lock_timeout_is_read_as_postgresql_reads_it() {
        let milliseconds = |text| postgres_duration(text).map(|duration| duration.as_millis());
        for (text, expected) in [
            ("120s", 120_000),
            ("0", 0),
            ("1500", 1_500),
            (" 2 min ", 120_000),
            ("1.5h", 5_400_000),
            ("1d", 86_400_000),
            ("500us", 0),
            ("1500us", 2),
            ("2.5", 2),
            (".5s", 500),
            ("0.5s", 500),
            ("24d", 2_073_600_000),
            ("10ms", 10),
        ] {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
        }
        for text in ["", "s", "-1", "10 S", "10sec", "1..2s", "ten", "10m", "0x10", "010"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}

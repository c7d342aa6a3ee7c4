//! Reads the facts on a MySQL server, with statements that MySQL 5.5 and later and MariaDB understand.

use super::connect::describe;
use crate::binlog::BinaryLogs;
use crate::binlog::{BinlogCoordinate, BinlogFile};
use crate::facts::mysql::Unreadable;
use crate::facts::mysql::{Checksums, Question, Settings};
use crate::facts::mysql::{NameCase, TableName};
use crate::names::quote_mysql_identifier;
use mysql::prelude::Queryable;
use mysql::{Conn, Error, Row};
use std::collections::HashMap;
use std::time::Duration;

const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'log_bin', 'binlog_format', \
                         'binlog_row_image', 'binlog_row_metadata', 'binlog_checksum', 'lower_case_table_names', \
                         'log_slave_updates', 'log_replica_updates', 'binlog_row_value_options', 'binlog_transaction_compression', 'log_bin_compress', 'gtid_mode', \
                         'binlog_legacy_event_pos', 'expire_logs_days', 'binlog_expire_logs_seconds')";

/// Settings that pack changes in a way that mysql-replication does not unpack, each with the word in its value that
/// does it: MySQL's partial updates of JSON and compressed transactions, and MariaDB's compressed events.
const PACKING: [(&str, &str); 3] = [
    ("binlog_row_value_options", "PARTIAL_JSON"),
    ("binlog_transaction_compression", "ON"),
    ("log_bin_compress", "ON"),
];

/// MySQL's number for a statement that it does not understand.
const SYNTAX: u16 = 1064;

/// MySQL's number for a schema that is not there.
const UNKNOWN_SCHEMA: u16 = 1049;

/// MySQL's numbers for a missing privilege.
const DENIED: [u16; 6] = [1044, 1045, 1142, 1143, 1227, 1370];

/// How many tables are asked for in one statement.
const TABLES_A_QUESTION: usize = 200;

/// A question that the server did not answer.
pub(super) fn unanswered(doing: &'static str) -> impl FnOnce(Error) -> Question {
    move |error| {
        let denied = matches!(&error, Error::MySqlError(server) if DENIED.contains(&server.code));
        Question { doing, cause: describe(&error), denied }
    }
}

fn unreadable(doing: &'static str, what: impl ToString) -> Question {
    Question { doing, cause: what.to_string(), denied: false }
}

/// The settings; variables that the server does not know are left out.
pub(super) fn settings(conn: &mut Conn, charset: &str) -> Result<Settings, Question> {
    let doing = "reading the server's settings";
    let found: Vec<(String, String)> = conn.query(VARIABLES).map_err(unanswered(doing))?;
    let mut found: HashMap<_, _> =
        found.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    let charset_refused = charset_refused(conn, charset)?;
    let packs = |(name, value): &(&str, &str)| {
        found.get(*name).filter(|it| it.to_uppercase().contains(value)).map(|it| format!("{name} = {it}"))
    };
    let packed = PACKING.iter().filter_map(packs).collect();
    let checksums = found
        .get("binlog_checksum")
        .map(|value| if value.eq_ignore_ascii_case("NONE") { Checksums::None } else { Checksums::Crc32 });
    let logs_what_it_applies = ["log_replica_updates", "log_slave_updates"]
        .iter()
        .any(|name| found.get(*name).is_some_and(|value| is_on(value)));
    let alike = found.get("lower_case_table_names").is_some_and(|value| value != "0");
    Ok(Settings {
        version: found.remove("version").unwrap_or_default(),
        log_bin: found.get("log_bin").is_some_and(|value| is_on(value)),
        log_bin_denied: false,
        knows_master_status: knows_master_status(conn)?,
        applies_unlogged: !logs_what_it_applies && applies_changes(conn)?,
        format: found.remove("binlog_format"),
        row_image: found.remove("binlog_row_image"),
        row_metadata: found.remove("binlog_row_metadata"),
        checksums,
        packed,
        hides_places: found.get("binlog_legacy_event_pos").is_some_and(|value| !is_on(value)),
        gtids: match found.get("gtid_mode") {
            Some(mode) if is_on(mode) => executed_gtids(conn)?,
            _ => None,
        },
        name_case: if alike { NameCase::Insensitive } else { NameCase::Sensitive },
        purges_after: purges_after(&found),
        refuses_zero_dates: refuses_zero_dates(conn)?,
        charset_refused,
    })
}

/// The version, as the server writes it.
pub(super) fn version(conn: &mut Conn) -> Result<String, Question> {
    let version = conn.query_first("SELECT VERSION()").map_err(unanswered("reading the server's version"))?;
    Ok(version.unwrap_or_default())
}

/// The newer variable counts when it is set; MariaDB sets both.
fn purges_after(settings: &HashMap<String, String>) -> Option<Duration> {
    let number = |name: &str| settings.get(name).and_then(|value| value.parse::<f64>().ok());
    let days = number("expire_logs_days").map(|days| days * 86_400.0);
    let seconds = number("binlog_expire_logs_seconds").filter(|seconds| *seconds > 0.0).or(days);
    seconds.filter(|seconds| *seconds > 0.0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn is_on(value: &str) -> bool {
    value.eq_ignore_ascii_case("ON") || value == "1"
}

/// Only newer servers refuse it, whatever `sql_mode` says.
fn refuses_zero_dates(conn: &mut Conn) -> Result<bool, Question> {
    match conn.query_drop("SELECT NOW() = '0000-00-00'") {
        Err(Error::MySqlError(_)) => Ok(true),
        answer => answer.map(|()| false).map_err(unanswered("comparing with a zero date")),
    }
}

/// MySQL 8.4 has taken the statement away. A missing privilege is told where the binary logs are listed.
fn knows_master_status(conn: &mut Conn) -> Result<bool, Question> {
    match conn.query_drop("SHOW MASTER STATUS") {
        Err(Error::MySqlError(error)) => Ok(error.code != SYNTAX),
        answer => answer.map(|()| true).map_err(unanswered("asking where the server writes its binary log")),
    }
}

/// Whether the server is a replica itself that applies changes now. MariaDB lists all its origins under one name, MySQL
/// under two, of which 8.4 has taken the older away. Who may not ask is told so where the binary logs are listed.
fn applies_changes(conn: &mut Conn) -> Result<bool, Question> {
    for statement in ["SHOW ALL SLAVES STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"] {
        let rows: Vec<Row> = match conn.query(statement) {
            Ok(rows) => rows,
            Err(Error::MySqlError(error)) if error.code == SYNTAX => continue,
            Err(Error::MySqlError(error)) if DENIED.contains(&error.code) => return Ok(false),
            Err(error) => return Err(unanswered("asking whether the server is a replica")(error)),
        };
        let applies = |row: &Row| {
            ["Slave_SQL_Running", "Replica_SQL_Running"].iter().any(|column| {
                row.get_opt::<String, _>(*column).is_some_and(|it| it.is_ok_and(|it| it == "Yes"))
            })
        };
        return Ok(rows.iter().any(applies));
    }
    Ok(false)
}

/// Asks for a character set as the daemon does, and goes back to the driver's. Lists don't answer that: since MariaDB
/// 10.6 and MySQL 8.0.30 they hold no utf8, which is taken all the same.
fn charset_refused(conn: &mut Conn, charset: &str) -> Result<Option<String>, Question> {
    let doing = "asking for the character set of the configuration";
    let literal = charset.replace('\\', "\\\\").replace('\'', "''");
    let refused = match conn.query_drop(format!("SET NAMES '{literal}'")) {
        Ok(()) => None,
        Err(Error::MySqlError(error)) => Some(error.message),
        Err(error) => return Err(unanswered(doing)(error)),
    };
    // MySQL before 5.5.3 has only the short one.
    let back = conn.query_drop("SET NAMES utf8mb4").or_else(|_| conn.query_drop("SET NAMES utf8"));
    back.map_err(unanswered(doing)).map(|()| refused)
}

/// The binary log files, and where the server writes now.
pub(super) fn binary_logs(conn: &mut Conn) -> Result<BinaryLogs, Question> {
    let doing = "listing the binary logs";
    let current = current(conn)?;
    let rows: Vec<Row> = conn.query("SHOW BINARY LOGS").map_err(unanswered(doing))?;
    let file = |row: Row| -> Result<(BinlogFile, u64), Question> {
        // MySQL 8 has a third column.
        let (name, size): (Option<String>, Option<u64>) = (row.get("Log_name"), row.get("File_size"));
        let (Some(name), Some(size)) = (name, size) else {
            return Err(unreadable(doing, "SHOW BINARY LOGS has no columns Log_name and File_size"));
        };
        Ok((BinlogFile::parse(&name).map_err(|error| unreadable(doing, error))?, size))
    };
    Ok(BinaryLogs { files: rows.into_iter().map(file).collect::<Result<_, _>>()?, current })
}

/// As the daemon asks for them. A missing privilege is told where the binary logs are listed.
fn executed_gtids(conn: &mut Conn) -> Result<Option<String>, Question> {
    match master_status(conn) {
        Err(question) if question.denied => Ok(None),
        status => Ok(status?.and_then(|row| row.get("Executed_Gtid_Set"))),
    }
}

/// What the server is asked most, and tells of its binary log.
const STATUS: &str = "asking where the server writes its binary log";

fn master_status(conn: &mut Conn) -> Result<Option<Row>, Question> {
    match conn.query_first("SHOW MASTER STATUS") {
        // MySQL 8.4 has this under another name only.
        Err(Error::MySqlError(error)) if error.code == SYNTAX => conn.query_first("SHOW BINARY LOG STATUS"),
        answer => answer,
    }
    .map_err(unanswered(STATUS))
}

fn current(conn: &mut Conn) -> Result<BinlogCoordinate, Question> {
    let doing = STATUS;
    let row = master_status(conn)?;
    let row = row.ok_or_else(|| unreadable(doing, "the server says that it writes none"))?;
    let (file, position): (Option<String>, Option<u64>) = (row.get("File"), row.get("Position"));
    let (Some(file), Some(position)) = (file, position) else {
        return Err(unreadable(doing, "the answer has no columns File and Position"));
    };
    let position = i64::try_from(position).map_err(|error| unreadable(doing, error))?;
    BinlogCoordinate::parse(&file, position).map_err(|error| unreadable(doing, error))
}

/// The schemas of the mapping as the server has them.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    /// Those that the account does not see.
    pub hidden: Vec<String>,
    /// Those that the server writes in other letters, with its own.
    pub other_letters: Vec<(String, String)>,
}

/// Looks for `schemas` on the server.
pub(super) fn schemas(conn: &mut Conn, name_case: NameCase, schemas: &[String]) -> Result<Schemas, Question> {
    let doing = "listing the schemas";
    let seen: Vec<String> =
        conn.query("SELECT schema_name FROM information_schema.schemata").map_err(unanswered(doing))?;
    let mut found = Schemas::default();
    for schema in schemas {
        let mut alike = seen.iter().filter(|seen| name_case.same_schema(seen, schema));
        match alike.next() {
            None => found.hidden.push(schema.clone()),
            Some(first) if first != schema && !alike.any(|seen| seen == schema) => {
                found.other_letters.push((schema.clone(), first.clone()));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

/// Those of `schemas`, which the account does not see, that are not there: who may not see one is refused another way.
pub(super) fn absent(conn: &mut Conn, schemas: &[String]) -> Result<Vec<String>, Question> {
    let mut absent = Vec::new();
    for schema in schemas {
        match conn.query_drop(format!("SHOW TABLES FROM {}", quote_mysql_identifier(schema))) {
            Err(Error::MySqlError(error)) if error.code == UNKNOWN_SCHEMA => absent.push(schema.clone()),
            Ok(()) | Err(Error::MySqlError(_)) => {}
            Err(error) => return Err(unanswered("looking for the schemas")(error)),
        }
    }
    Ok(absent)
}

/// Those of `tables` that the account may not read. Of one that it may read, the server says whether it is there.
pub(super) fn hidden(conn: &mut Conn, tables: &[TableName]) -> Result<Vec<TableName>, Question> {
    let mut hidden = Vec::new();
    for table in tables {
        let (schema, name) = (quote_mysql_identifier(&table.schema), quote_mysql_identifier(&table.table));
        let look = format!("SELECT 1 FROM {schema}.{name} LIMIT 0");
        match conn.query_drop(look) {
            Err(Error::MySqlError(error)) if DENIED.contains(&error.code) => hidden.push(table.clone()),
            // Whatever else the server says of the table: it says it to one who may read it.
            Ok(()) | Err(Error::MySqlError(_)) => {}
            Err(error) => return Err(unanswered("looking for the tables of the window")(error)),
        }
    }
    Ok(hidden)
}

/// What became of tables whose rows lie ahead.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Those that are not on the server. A view of the same name is not the table.
    pub(super) gone: Vec<TableName>,
    /// Those that are there as something else than an ordinary table, in the server's words.
    pub(super) others: Vec<(TableName, String)>,
}

/// Character sets of which the libraries of both pg_chameleons make another text, or none (seen on 2.0.21: docs/log.md).
const MISREAD: &str = "'ucs2', 'utf16', 'utf16le', 'utf32', 'eucjpms', 'armscii8', 'geostd8', 'dec8', 'swe7', 'hp8', 'keybcs2', \
                       'macce'";

/// How MariaDB writes down that a column is compressed.
const COMPRESSED: &str = "% COMPRESSED*/";

/// Looks for tables on the server.
pub(super) fn look_for<'a>(
    conn: &mut Conn,
    name_case: NameCase,
    tables: impl IntoIterator<Item = &'a TableName>,
) -> Result<Looked, Question> {
    let tables: Vec<_> = tables.into_iter().collect();
    let mut looked = Looked::default();
    for some in tables.chunks(TABLES_A_QUESTION) {
        let wanted = vec!["(table_schema = ? AND table_name = ?)"; some.len()].join(" OR ");
        let statement = format!(
            "SELECT table_schema, table_name, table_type FROM information_schema.tables
             WHERE table_type NOT IN ('VIEW', 'SYSTEM VIEW') AND ({wanted})"
        );
        let names: Vec<_> = some.iter().flat_map(|table| [&table.schema, &table.table]).collect();
        let found: Vec<(String, String, String)> =
            conn.exec(statement, names).map_err(unanswered("looking for the tables of the window"))?;
        for table in some {
            let same = |(schema, name, _): &&(String, String, String)| {
                name_case.same_schema(schema, &table.schema) && name_case.same_schema(name, &table.table)
            };
            match found.iter().find(same) {
                None => looked.gone.push((*table).clone()),
                Some((_, _, kind)) if kind != ORDINARY => {
                    looked.others.push(((*table).clone(), kind.clone()))
                }
                Some(_) => {}
            }
        }
    }
    Ok(looked)
}

/// Those of `tables` with a column whose values the daemon can't read.
pub(super) fn misread<'a>(
    conn: &mut Conn,
    name_case: NameCase,
    tables: impl IntoIterator<Item = &'a TableName>,
) -> Result<Vec<(TableName, Unreadable)>, Question> {
    let tables: Vec<_> = tables.into_iter().collect();
    let mut unreadable = Vec::new();
    for some in tables.chunks(TABLES_A_QUESTION) {
        let wanted = vec!["(table_schema = ? AND table_name = ?)"; some.len()].join(" OR ");
        let compressed = format!("(column_type LIKE '{COMPRESSED}' AND data_type NOT IN ('enum', 'set'))");
        // Of the labels of an enum or a set, only those in ucs2 were seen to be misread.
        let misread = format!(
            "(character_set_name IN ({MISREAD}) AND (data_type NOT IN ('enum', 'set') OR character_set_name = 'ucs2'))"
        );
        let statement = format!(
            "SELECT table_schema, table_name, column_name, character_set_name, {compressed} FROM information_schema.columns
             WHERE ({misread} OR {compressed}) AND ({wanted}) ORDER BY {compressed} DESC, ordinal_position"
        );
        let names: Vec<_> = some.iter().flat_map(|table| [&table.schema, &table.table]).collect();
        let found: Vec<(String, String, String, Option<String>, bool)> =
            conn.exec(statement, names).map_err(unanswered("looking for the columns of the window"))?;
        for table in some {
            let of_it = found.iter().find(|(schema, name, ..)| {
                name_case.same_schema(schema, &table.schema) && name_case.same_schema(name, &table.table)
            });
            if let Some((_, _, column, charset, compressed)) = of_it {
                let charset = if *compressed { None } else { charset.clone() };
                unreadable.push(((*table).clone(), Unreadable { column: column.clone(), charset }));
            }
        }
    }
    Ok(unreadable)
}

/// What the server calls an ordinary table, the only kind that the daemon asks for.
const ORDINARY: &str = "BASE TABLE";

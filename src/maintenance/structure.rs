//! The tables of the 2.0.10 catalogue, with what earlier 2.0 ones have in their place (§maintenance): this description, held
//! against what is found, decides whether a catalogue can be brought to 2.0.10, and how each table is copied.
//!
//! Facts of the real catalogues of 2.0.0 to 2.0.10, as read from a server: docs/catalogues.md.

use std::collections::{BTreeMap, BTreeSet};

/// Versions of the catalogue before 2.0.10, all that there were.
const EARLIER: [&str; 10] =
    ["2.0.0", "2.0.1", "2.0.2", "2.0.3", "2.0.4", "2.0.5", "2.0.6", "2.0.7", "2.0.8", "2.0.9"];

/// Whether a catalogue of this version can be brought to 2.0.10.
#[must_use]
pub fn is_earlier(version: &str) -> bool {
    EARLIER.contains(&version)
}

/// A table of 2.0.10.
struct Table {
    name: &'static str,
    columns: &'static [Column],
    /// Whether earlier versions may lack it.
    added: bool,
}

/// A column of 2.0.10.
struct Column {
    name: &'static str,
    /// As PostgreSQL writes it.
    kind: &'static str,
    /// What its type was before.
    before: &'static [&'static str],
    /// Whether earlier versions may lack it; it then gets what 2.0.10 gives a new row.
    added: bool,
}

const fn always(name: &'static str, kind: &'static str) -> Column {
    Column { name, kind, before: &[], added: false }
}

const fn was(name: &'static str, kind: &'static str, before: &'static [&'static str]) -> Column {
    Column { name, kind, before, added: false }
}

const fn added(name: &'static str, kind: &'static str) -> Column {
    Column { name, kind, before: &[], added: true }
}

const fn position() -> Column {
    was("i_binlog_position", "bigint", &["integer"])
}

const fn name(name: &'static str) -> Column {
    was(name, NAME, &["character varying(100)", "character varying"])
}

const NAME: &str = "character varying(64)";
const TIME: &str = "timestamp without time zone";

/// In the order in which rows find what they refer to.
const TABLES: [Table; 13] = [
    Table {
        name: "t_sources",
        added: false,
        columns: &[
            always("i_id_source", "bigint"),
            always("t_source", "text"),
            always("jsb_schema_mappings", "jsonb"),
            always("enm_status", "en_src_status"),
            always("t_binlog_name", "text"),
            position(),
            always("b_consistent", "boolean"),
            added("b_paused", "boolean"),
            added("b_maintenance", "boolean"),
            added("ts_last_maintenance", TIME),
            always("enm_source_type", "en_src_type"),
            always("v_log_table", "character varying[]"),
        ],
    },
    Table {
        name: "t_last_received",
        added: false,
        columns: &[
            always("i_id_source", "bigint"),
            added("b_paused", "boolean"),
            always("ts_last_received", TIME),
        ],
    },
    Table {
        name: "t_last_replayed",
        added: false,
        columns: &[
            always("i_id_source", "bigint"),
            added("b_paused", "boolean"),
            always("ts_last_replayed", TIME),
        ],
    },
    Table {
        name: "t_replica_tables",
        added: false,
        columns: &[
            always("i_id_table", "bigint"),
            always("i_id_source", "bigint"),
            name("v_table_name"),
            name("v_schema_name"),
            always("v_table_pkey", "character varying(100)[]"),
            always("t_binlog_name", "text"),
            position(),
            always("b_replica_enabled", "boolean"),
        ],
    },
    Table {
        name: "t_replica_batch",
        added: false,
        columns: &[
            always("i_id_batch", "bigint"),
            always("i_id_source", "bigint"),
            always("t_binlog_name", "text"),
            added("v_log_table", "character varying"),
            position(),
            added("t_gtid_set", "text"),
            always("b_started", "boolean"),
            always("b_processed", "boolean"),
            always("b_replayed", "boolean"),
            always("ts_created", TIME),
            always("ts_processed", TIME),
            always("ts_replayed", TIME),
            always("i_replayed", "bigint"),
            always("i_skipped", "bigint"),
            always("i_ddl", "bigint"),
        ],
    },
    Table {
        name: "t_batch_events",
        added: false,
        columns: &[always("i_id_batch", "bigint"), always("i_id_event", "bigint[]")],
    },
    Table { name: LOG, added: false, columns: LOG_COLUMNS },
    Table {
        name: "t_discarded_rows",
        added: false,
        columns: &[
            always("i_id_row", "bigint"),
            always("i_id_batch", "bigint"),
            always("ts_discard", "timestamp with time zone"),
            name("v_table_name"),
            name("v_schema_name"),
            always("t_row_data", "text"),
        ],
    },
    Table {
        name: "t_error_log",
        added: false,
        columns: &[
            always("i_id_log", "bigint"),
            always("i_id_batch", "bigint"),
            always("i_id_source", "bigint"),
            always("v_table_name", "character varying(100)"),
            always("v_schema_name", "character varying(100)"),
            always("t_table_pkey", "text"),
            always("t_binlog_name", "text"),
            position(),
            always("ts_error", TIME),
            always("t_sql", "text"),
            always("t_error_message", "text"),
        ],
    },
    Table {
        name: "t_indexes",
        added: true,
        columns: &[
            always("i_id_index", "bigint"),
            name("v_schema_name"),
            name("v_table_name"),
            name("v_index_name"),
            always("t_index_drop", "text"),
            always("t_index_create", "text"),
        ],
    },
    Table {
        name: "t_pkeys",
        added: true,
        columns: &[
            always("i_id_pkey", "bigint"),
            name("v_schema_name"),
            name("v_table_name"),
            name("v_index_name"),
            always("t_pkey_drop", "text"),
            always("t_pkey_create", "text"),
        ],
    },
    Table {
        name: "t_ukeys",
        added: true,
        columns: &[
            always("i_id_ukey", "bigint"),
            name("v_schema_name"),
            name("v_table_name"),
            name("v_index_name"),
            always("t_ukey_drop", "text"),
            always("t_ukey_create", "text"),
        ],
    },
    Table {
        name: "t_fkeys",
        added: true,
        columns: &[
            always("i_id_fkey", "bigint"),
            name("v_schema_name"),
            name("v_table_name"),
            name("v_constraint_name"),
            always("t_fkey_drop", "text"),
            always("t_fkey_create", "text"),
            always("t_fkey_validate", "text"),
        ],
    },
];

/// The table that log tables inherit from.
const LOG: &str = "t_log_replica";

const LOG_COLUMNS: &[Column] = &[
    always("i_id_event", "bigint"),
    always("i_id_batch", "bigint"),
    always("v_table_name", "character varying(100)"),
    always("v_schema_name", "character varying(100)"),
    always("enm_binlog_event", "en_binlog_event"),
    always("t_binlog_name", "text"),
    position(),
    always("ts_event_datetime", TIME),
    always("jsb_event_after", "jsonb"),
    always("jsb_event_before", "jsonb"),
    always("t_query", "text"),
    always("i_my_event_time", "bigint"),
];

/// The catalogue's own types, and what they may be.
const ENUMS: [(&str, &str); 3] = [
    ("en_src_status", "ready,initialising,initialised,syncing,synced,stopped,running,error"),
    ("en_binlog_event", "delete,update,insert,ddl"),
    ("en_src_type", "mysql,pgsql"),
];

/// What a schema holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The columns of each table, with their types.
    pub tables: BTreeMap<String, BTreeMap<String, String>>,
    /// Which of the tables inherit from the log table.
    pub logs: BTreeSet<String>,
    /// The labels of each enum.
    pub enums: BTreeMap<String, String>,
}

/// How the rows of a table come into 2.0.10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The table, of the same name in both.
    pub table: String,
    /// The columns that both have, with their types in 2.0.10; the others get what 2.0.10 gives a new row.
    pub columns: Vec<(&'static str, &'static str)>,
    /// Whether it is a log table, which the sources name.
    pub is_log: bool,
    /// Those of them that were longer before.
    pub shortened: Vec<&'static str>,
}

/// How each table is copied, log tables last; or all that is otherwise than in any 2.0 catalogue.
///
/// # Errors
/// What is otherwise, in words.
pub fn copies(found: &Found) -> Result<Vec<Copy>, Vec<String>> {
    let mut copies = Vec::new();
    let mut otherwise = Vec::new();
    for (name, labels) in ENUMS {
        if found.enums.get(name).map(String::as_str) != Some(labels) {
            otherwise.push(format!("the type {name} is none of a 2.0 catalogue's"));
        }
    }
    for table in &TABLES {
        match found.tables.get(table.name) {
            Some(columns) => copies.push(copy(table.name, table.columns, columns, &mut otherwise)),
            None if table.added => {}
            None => otherwise.push(format!("the table {} is missing", table.name)),
        }
    }
    for log in &found.logs {
        if let Some(columns) = found.tables.get(log) {
            copies.push(Copy { is_log: true, ..copy(log, LOG_COLUMNS, columns, &mut otherwise) });
        }
    }
    if otherwise.is_empty() { Ok(copies) } else { Err(otherwise) }
}

/// Tables that are none of pg_chameleon's.
#[must_use]
pub fn strangers(found: &Found) -> Vec<&str> {
    let known = |name: &String| TABLES.iter().any(|table| table.name == name) || found.logs.contains(name);
    found.tables.keys().filter(|name| !known(name)).map(String::as_str).collect()
}

fn copy(
    table: &str,
    wanted: &'static [Column],
    found: &BTreeMap<String, String>,
    otherwise: &mut Vec<String>,
) -> Copy {
    let mut copy = Copy { table: table.to_owned(), columns: vec![], is_log: false, shortened: vec![] };
    for column in wanted {
        match found.get(column.name).map(String::as_str) {
            Some(kind) if kind == column.kind || column.before.contains(&kind) => {
                copy.columns.push((column.name, column.kind));
                if kind != column.kind && column.kind == NAME {
                    copy.shortened.push(column.name);
                }
            }
            Some(kind) => {
                otherwise.push(format!("the column {} of {table} is of the type {kind}", column.name));
            }
            None if column.added => {}
            None => otherwise.push(format!("the column {} of {table} is missing", column.name)),
        }
    }
    let unknown = found.keys().filter(|name| !wanted.iter().any(|column| column.name == *name));
    otherwise.extend(unknown.map(|name| format!("the column {name} of {table} is no 2.0 catalogue's")));
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2.0.10 as the description has it.
    fn newest() -> Found {
        let columns = |columns: &[Column]| -> BTreeMap<String, String> {
            columns.iter().map(|column| (column.name.to_owned(), column.kind.to_owned())).collect()
        };
        let mut found = Found::default();
        for table in &TABLES {
            found.tables.insert(table.name.to_owned(), columns(table.columns));
        }
        found.tables.insert("t_log_replica_shop_1".to_owned(), columns(LOG_COLUMNS));
        found.logs.insert("t_log_replica_shop_1".to_owned());
        found.enums = ENUMS.iter().map(|(name, labels)| ((*name).to_owned(), (*labels).to_owned())).collect();
        found
    }

    #[test]
    fn what_earlier_versions_lack_is_no_obstacle() {
        let mut oldest = newest();
        oldest.tables.retain(|table, _| !["t_indexes", "t_pkeys", "t_ukeys", "t_fkeys"].contains(&&**table));
        let batches = oldest.tables.get_mut("t_replica_batch").unwrap();
        batches.retain(|column, _| !["v_log_table", "t_gtid_set"].contains(&&**column));
        batches.insert("i_binlog_position".into(), "integer".into());
        let tables = oldest.tables.get_mut("t_replica_tables").unwrap();
        tables.insert("v_table_name".into(), "character varying(100)".into());
        let copies = copies(&oldest).unwrap();
        assert_eq!(copies.len(), 10);
        assert_eq!(copies[9].table, "t_log_replica_shop_1");
        assert_eq!(copies[4].columns.len(), 13);
        assert_eq!(copies[3].shortened, ["v_table_name"]);
    }

    #[test]
    fn what_no_version_has_is_named() {
        let otherwise = |change: fn(&mut Found)| {
            let mut found = newest();
            change(&mut found);
            copies(&found).unwrap_err().join("; ")
        };
        assert_eq!(
            otherwise(|found| drop(found.tables.remove("t_sources"))),
            "the table t_sources is missing"
        );
        assert_eq!(
            otherwise(|found| {
                let table = found.tables.get_mut("t_sources").unwrap();
                table.insert("t_mine".into(), "text".into());
                table.remove("t_source");
                table.insert("b_consistent".into(), "text".into());
            }),
            "the column t_source of t_sources is missing; the column b_consistent of t_sources is of the type text; the column \
             t_mine of t_sources is no 2.0 catalogue's"
        );
        assert_eq!(
            otherwise(|found| drop(found.enums.insert("en_src_type".into(), "mysql".into()))),
            "the type en_src_type is none of a 2.0 catalogue's"
        );
        let mut with_mine = newest();
        with_mine.tables.insert("mine".into(), BTreeMap::new());
        assert_eq!(strangers(&with_mine), ["mine"]);
        assert!(copies(&with_mine).is_ok());
    }
}

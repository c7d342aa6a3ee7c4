//! From where the new replica starts to where the binary log ends now, pg_chameleon 2.0.21 takes every event as it is meant.
//!
//! §log-contents: sessions keep the settings that they connected with, so what
//! the settings are now says little. Each kind was seen on the real daemon (tests/mysql/contents.rs names the outcome).

use super::{Check, Examined, Finding, Severity, counted};
use crate::examination::mysql::{AskedSource, WindowRead};
use crate::facts::mysql::TableName;
use crate::facts::mysql::{Checksums, Unreadable};
use crate::plan::PlannedSource;
use crate::window::{Hazard, HazardKind, Hazards};
use std::collections::BTreeMap;

/// How many tables of a kind are named one by one.
const NAMED: usize = 10;

/// A kind, with what it does to the new replica, whether 1.8.2 applies it all the same, and how to have no more of it.
struct Kind {
    kind: HazardKind,
    harm: &'static str,
    with_1_8_2: With,
    no_more: &'static str,
}

/// What becomes of the tables when 1.8.2 reads past the events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    /// It applies them.
    Apply,
    /// It passes over them too: the tables are to be synced.
    Sync,
    /// It gets no further either: it begins anew behind them.
    Neither,
}

const KINDS: [Kind; 9] = [
    Kind {
        kind: HazardKind::UnnamedColumns,
        harm: "rows without the names of their columns (binlog_row_metadata of their sessions was not FULL): with \
               mysql-replication 1.0 or later, pg_chameleon 2 can't apply them, and disables the tables",
        with_1_8_2: With::Apply,
        no_more: "A session keeps what it connected with: have the applications connect again after SET GLOBAL \
                  binlog_row_metadata = FULL;",
    },
    Kind {
        kind: HazardKind::AbsentColumns,
        harm: "rows that lack columns (binlog_row_image of their sessions was not FULL): pg_chameleon 2 writes NULL in their \
               place, in silence, or disables the tables",
        with_1_8_2: With::Sync,
        no_more: "A session keeps what it connected with: have the applications connect again after SET GLOBAL \
                  binlog_row_image = FULL;",
    },
    Kind {
        kind: HazardKind::PartialJson,
        harm: "updates of parts of JSON values (binlog_row_value_options of their sessions held PARTIAL_JSON): pg_chameleon 2 \
               passes over them in silence",
        with_1_8_2: With::Sync,
        no_more: "Have the applications connect again after SET GLOBAL binlog_row_value_options = '';",
    },
    Kind {
        kind: HazardKind::CompressedRows,
        harm: "compressed rows (log_bin_compress was ON): pg_chameleon 2 passes over them in silence",
        with_1_8_2: With::Sync,
        no_more: "On MariaDB: SET GLOBAL log_bin_compress = OFF;",
    },
    Kind {
        kind: HazardKind::CompressedTransaction,
        harm: "compressed transactions (binlog_transaction_compression of their sessions was ON): pg_chameleon 2 passes over \
               them in silence",
        with_1_8_2: With::Sync,
        no_more: "Have the applications connect again after SET GLOBAL binlog_transaction_compression = OFF;",
    },
    Kind {
        kind: HazardKind::CompressedStatement,
        harm: "compressed definitions (log_bin_compress was ON): pg_chameleon 2 does not see them",
        with_1_8_2: With::Sync,
        no_more: "On MariaDB: SET GLOBAL log_bin_compress = OFF;",
    },
    // What the settings say now is binlog-settings' to tell.
    Kind {
        kind: HazardKind::Unplaced,
        harm: "rows whose events don't say where they end (binlog_legacy_event_pos was OFF): pg_chameleon 2.0.21 would stand still \
               at them",
        with_1_8_2: With::Neither,
        no_more: "On MariaDB: SET GLOBAL binlog_legacy_event_pos = ON; and have the applications connect again.",
    },
    Kind {
        kind: HazardKind::RowsAsStatement,
        harm: "rows changed by statements that were logged as such (binlog_format of their sessions was not ROW): \
               pg_chameleon 2 passes over them in silence",
        with_1_8_2: With::Sync,
        no_more: "Have no session set binlog_format to STATEMENT or MIXED.",
    },
    Kind {
        kind: HazardKind::UnseenDefinition,
        harm: "definitions changed by sessions with another default database: pg_chameleon 2 does not see them, and \
               disables the tables at the first row that the old definition does not fit",
        with_1_8_2: With::Sync,
        no_more: "Change definitions of replicated tables with their schema as the default database (USE schema;).",
    },
];

pub(super) const CHECK: Check = Check {
    id: "binlog-contents",
    about: "The daemon takes every event that lies ahead as it is meant",
    rule: "§log-contents",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let mut findings: Vec<_> =
        facts.answers().filter_map(|(asked, answer)| packed(asked, &answer.settings.packed)).collect();
    for (source, asked, read) in facts.windows() {
        let hazards = &read.narrowed.ahead.hazards;
        // Rows without the names of their columns are for binlog-row-metadata to tell.
        let kinds = KINDS.iter().filter(|kind| kind.kind != HazardKind::UnnamedColumns);
        findings.extend(kinds.filter_map(|kind| finding(&CHECK, source, kind, hazards)));
        findings.extend(hazards.of(HazardKind::UnknownEvent).map(|hazard| unknown_event(source, hazard)));
        findings.extend(hazards.of(HazardKind::EventsLost).map(|hazard| lost(source, hazard)));
        findings
            .extend(hazards.of(HazardKind::UnknownVariable).map(|hazard| unknown_variable(source, hazard)));
        findings.extend(
            read.others.iter().take(NAMED).map(|(table, kind)| no_ordinary_table(source, table, kind)),
        );
        findings.extend(unreadable_columns(source, read));
        findings.extend(unseen_tables(source, hazards));
        findings.extend(checksums(facts, source, asked, read));
    }
    findings
}

/// The findings of one kind of event.
pub(super) fn of_kind(facts: &Examined, kind: HazardKind, check: &Check) -> Vec<Finding> {
    let Some(kind) = KINDS.iter().find(|it| it.kind == kind) else { return vec![] };
    let of =
        |(source, _, read): (_, _, &WindowRead)| finding(check, source, kind, &read.narrowed.ahead.hazards);
    facts.windows().filter_map(of).collect()
}

fn finding(check: &Check, source: &PlannedSource, kind: &Kind, hazards: &Hazards) -> Option<Finding> {
    let found: Vec<_> = hazards.of(kind.kind).collect();
    let last = found.iter().map(|hazard| &hazard.last).max()?;
    let mut schemas: Vec<_> =
        found.iter().filter_map(|hazard| hazard.table.as_ref()).map(|table| table.schema.as_str()).collect();
    schemas.dedup();
    let olds = replicas_of(source, &schemas);
    let tables: Vec<_> = found.iter().filter_map(|hazard| hazard.table.as_ref()).collect();
    let last = last.to_string();
    let let_past = |way: &str, why: &str| {
        format!("Let 1.8.2 read past them: {way} {why} Then run the upgrade again. {}", kind.no_more)
    };
    let remedy = match kind.with_1_8_2 {
        With::Sync => {
            let names: Vec<_> = tables.iter().take(NAMED).map(|table| table.table.as_str()).collect();
            let more = if tables.len() > NAMED { " and the others" } else { "" };
            let way = read_past_synced(&olds, &last, &format!("{}{more}", names.join(", ")));
            let_past(&way, "1.8.2 passes over them too.")
        }
        With::Apply => {
            let_past(&read_past(&olds, &last), "1.8.2 applies them: it takes the names from MySQL.")
        }
        With::Neither => {
            format!("1.8.2 gets no further either. {} Then {}", kind.no_more, begin_anew(&olds))
        }
    };
    Some(check.error(
        format!("Source {}: the new replica would meet {}: {}.", source.name, kind.harm, listed(&found)),
        remedy,
    ))
}

/// How 1.8.2 gets past a place in the binary log: it moves its coordinate only at what it stores, or at a new file.
pub(super) fn read_past(olds: &str, last: &str) -> String {
    format!(
        "FLUSH BINARY LOGS; on MySQL, start the 1.8.2 replica of {olds} until it has passed {last} (its open batch is then \
         in a later file), stop it."
    )
}

/// The same where it passes over changes of tables. They are synced first: rows behind a definition that 1.8.2 has not
/// applied end it (seen), and what lies before a sync it leaves out.
pub(super) fn read_past_synced(olds: &str, last: &str, tables: &str) -> String {
    format!(
        "FLUSH BINARY LOGS; on MySQL, sync what they changed with 1.8.2's sync_tables ({tables}), and only then start the \
         1.8.2 replica of {olds} until it has passed {last} (its open batch is then in a later file), stop it."
    )
}

/// How 1.8.2 gets behind what it can't read past.
fn begin_anew(olds: &str) -> String {
    format!(
        "initialise {olds} again with 1.8.2's init_replica, start and stop its replica, and run the upgrade again."
    )
}

/// The old sources that replicate these schemas.
fn replicas_of(source: &PlannedSource, schemas: &[&str]) -> String {
    let own = source.parts.iter().filter(|part| {
        part.start.is_some()
            && schemas.iter().any(|schema| part.pair.source_schema.eq_ignore_ascii_case(schema))
    });
    own.map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn all_replicas(source: &PlannedSource) -> String {
    let all: Vec<_> = source.parts.iter().map(|part| part.pair.source_schema.as_str()).collect();
    replicas_of(source, &all)
}

fn listed(found: &[&Hazard]) -> String {
    let one = |hazard: &&Hazard| {
        let table = hazard.table.as_ref().map(ToString::to_string).unwrap_or_default();
        let statement = hazard.statement.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
        if hazard.count == 1 {
            format!("{table} at {}{statement}", hazard.first)
        } else {
            format!("{table} {} times from {} to {}{statement}", hazard.count, hazard.first, hazard.last)
        }
    };
    let mut all: Vec<_> = found.iter().take(NAMED).map(one).collect();
    if found.len() > NAMED {
        all.push(counted((found.len() - NAMED) as u64, "more table"));
    }
    all.join("; ")
}

/// What is packed so now reaches no replica, whatever the log holds yet.
fn packed(asked: &AskedSource, settings: &[String]) -> Option<Finding> {
    if settings.is_empty() {
        return None;
    }
    let off = |setting: &String| {
        let (name, value) = setting.split_once(" = ").unwrap_or((setting, ""));
        let value = if value.eq_ignore_ascii_case("ON") { "OFF" } else { "''" };
        format!("SET GLOBAL {name} = {value};")
    };
    Some(CHECK.error(format!(
            "Source {}: the MySQL server at {} logs with {}: pg_chameleon 2 passes over what is logged so, in silence.",
            asked.name,
            asked.place,
            settings.join(", ")
        ),
        format!(
            "On MySQL: {} and the same in its configuration file; then have the applications connect again.",
            settings.iter().map(off).collect::<Vec<_>>().join(" ")
        ),
    ))
}

/// What it holds can't be told, so nobody is refused for it.
fn unknown_event(source: &PlannedSource, hazard: &Hazard) -> Finding {
    let kind = hazard.statement.as_deref().unwrap_or_default();
    CHECK.warning(format!(
            "Source {}: the binary log holds {}, such as one of {kind} at {}, that are newer than this program. pg_chameleon 2 passes \
             over them in silence: if they hold rows, these are lost.",
            source.name,
            counted(hazard.count, "event"),
            hazard.first
        ),
        "Look with mysqlbinlog what they are, and set the server to write none; then sync the tables that they are about when \
         the replica is consistent.",
    )
}

fn lost(source: &PlannedSource, hazard: &Hazard) -> Finding {
    CHECK.error(format!("Source {}: at {} the MySQL server says that it lost events.", source.name, hazard.last),
        format!(
            "What was lost is in no binary log. Let 1.8.2 read past it: {} Sync the tables that were written to then; MySQL's \
             error log says what happened.",
            read_past(&all_replicas(source), &hazard.last.to_string())
        ),
    )
}

/// 1.8.2 reads by an older version of the same library. MySQL 9 logs one with rows that are changed by logged statements, MariaDB 11
/// its collations (`character_set_collations`, also where it has none; seen on 11.8).
fn unknown_variable(source: &PlannedSource, hazard: &Hazard) -> Finding {
    let all: Vec<_> = source.parts.iter().map(|part| part.pair.source_schema.as_str()).collect();
    let times = if hazard.count == 1 {
        format!("at {}", hazard.last)
    } else {
        format!("{} times from {} to {}", hazard.count, hazard.first, hazard.last)
    };
    let statement = hazard.statement.as_deref().unwrap_or_default();
    CHECK.error(format!(
            "Source {}: MySQL has logged a statement ({statement}), {times}, with a variable that mysql-replication does \
             not know: pg_chameleon 2 would stop at it at every start, whatever schema it is about.",
            source.name
        ),
        format!(
            "1.8.2 stops there too. On MySQL: have no session set binlog_format to STATEMENT or MIXED. On MariaDB: have every \
             statement that names a character set name its collation too (CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci). Then {}",
            begin_anew(&replicas_of(source, &all))
        ),
    )
}

/// The daemon asks MySQL what its ordinary tables look like, and ends at rows of anything else, at every start.
fn no_ordinary_table(source: &PlannedSource, table: &TableName, kind: &str) -> Finding {
    CHECK.error(format!(
            "Source {}: the new replica would meet rows of {table}, which is no ordinary table but a {kind}: pg_chameleon 2 would \
             stop at them at every start.",
            source.name
        ),
        format!("Name it in skip_tables of the source ({table}); nothing of it is replicated then."),
    )
}

/// 1.8.2 ends at most of them itself. skip_tables is of no help: the daemon ends at the description of a COMPRESSED column
/// before it looks at the name of the table (seen).
fn unreadable_columns(source: &PlannedSource, read: &WindowRead) -> Vec<Finding> {
    let mut by_charset: BTreeMap<Option<&str>, Vec<(&TableName, &str)>> = BTreeMap::new();
    for (table, Unreadable { column, charset }) in &read.unreadable {
        by_charset.entry(charset.as_deref()).or_default().push((table, column));
    }
    by_charset.into_iter().map(|(charset, tables)| unreadable_column(source, charset, &tables)).collect()
}

fn unreadable_column(
    source: &PlannedSource,
    charset: Option<&str>,
    tables: &[(&TableName, &str)],
) -> Finding {
    let (what, harm) = match charset {
        None => ("COMPRESSED".to_owned(), "would stop at them at every start"),
        Some("utf32") => ("of the character set utf32".to_owned(), "would stop at them at every start"),
        Some(other) => (
            format!("of the character set {other}"),
            "stores another text in silence, or disables the tables",
        ),
    };
    let named = tables.iter().take(NAMED).map(|(table, column)| format!("{table} ({column})"));
    let mut all: Vec<_> = named.collect();
    if tables.len() > NAMED {
        all.push(counted((tables.len() - NAMED) as u64, "more table"));
    }
    CHECK.error(format!(
            "Source {}: the new replica would meet rows of tables with columns {what}: pg_chameleon 2 {harm}: {}.",
            source.name,
            all.join("; ")
        ),
        format!(
            "1.8.2 fares no better. Change the columns on MySQL to ordinary ones of the character set utf8mb4; then initialise {} \
             again with 1.8.2's init_replica, start and stop its replica, and run the upgrade again.",
            all_replicas(source)
        ),
    )
}

/// They do no harm: their rows are passed over.
fn unseen_tables(source: &PlannedSource, hazards: &Hazards) -> Option<Finding> {
    let found: Vec<_> = hazards.of(HazardKind::UnseenTable).collect();
    (!found.is_empty()).then(|| {
        CHECK.warning(format!(
                "Source {}: tables were made by sessions with another default database; pg_chameleon 2 does not see that, \
                 and does not replicate them: {}.",
                source.name,
                listed(&found)
            ),
            "To have one replicated, sync it with pg_chameleon 2's sync_tables when the replica is consistent.",
        )
    })
}

/// The daemon goes by the setting of now, for every file.
fn checksums(
    facts: &Examined,
    source: &PlannedSource,
    asked: &AskedSource,
    read: &WindowRead,
) -> Option<Finding> {
    let answer = facts.answers().find(|(it, _)| it.name == asked.name).map(|(_, answer)| answer)?;
    let now = answer.settings.checksums?;
    let other = if now == Checksums::None { Checksums::Crc32 } else { Checksums::None };
    let file = read.checksums.get(&other)?;
    let named = |checksums| if checksums == Checksums::None { "NONE" } else { "CRC32" };
    Some(CHECK.error(format!(
            "Source {}: the binary log {} was written with binlog_checksum {}, and the setting of the MySQL server at {} is {} \
             now: pg_chameleon 2 goes by the setting, and would stop at the end of that file at every start.",
            source.name,
            file.name(),
            named(other),
            asked.place,
            named(now)
        ),
        format!(
            "1.8.2 goes by the setting too, and stops there. Leave binlog_checksum as it is now, initialise {} again with \
             1.8.2's init_replica, start and stop its replica, and run the upgrade again.",
            all_replicas(source)
        ),
    ))
}

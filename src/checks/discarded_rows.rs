//! Rows that 1.8.2 could not store, and has put into `t_discarded_rows`: they are missing in their tables.
//!
//! What it keeps of each is how Python writes the row, its bytes in hexadecimal, twice (seen on the real one): the
//! source's own words for schema and table stand at its beginning.

use super::{Check, Examined, Finding, Severity, counted};
use crate::facts::postgres::Discarded;
use std::collections::BTreeSet;

/// How many tables are named.
const NAMED: usize = 20;

pub(super) const CHECK: Check = Check {
    id: "discarded-rows",
    about: "1.8.2 has discarded no rows",
    rule: "§checks",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    finding(facts).into_iter().collect()
}

fn finding(facts: &Examined) -> Option<Finding> {
    let discarded = facts.catalogue.as_ref()?.strays.discarded.as_ref()?;
    let when = if discarded.since == discarded.until {
        format!("at {}", discarded.since)
    } else {
        format!("from {} to {}", discarded.since, discarded.until)
    };
    let (known, all) = tables(discarded);
    let of = match known.len() {
        0 => "of which tables can't be told".to_owned(),
        1..=NAMED if all => format!("of {}", list(&known)),
        1..=NAMED => format!("of {}, and maybe of more", list(&known)),
        more => format!("of {} and {} more", list(&known), more - NAMED),
    };
    Some(CHECK.warning(format!(
            "1.8.2 could not store {}, {when}, {of}: they are missing in PostgreSQL unless the tables were synced since.",
            counted(discarded.rows, "row")
        ),
        "Sync these tables again, with 1.8.2's sync_tables before the upgrade, or with sync_tables of 2.0 after it. Then \
         empty the list: DELETE FROM sch_chameleon.t_discarded_rows;",
    ))
}

fn list(tables: &BTreeSet<String>) -> String {
    let named: Vec<_> = tables.iter().take(NAMED).map(String::as_str).collect();
    named.join(", ")
}

/// The tables that can be told, and whether they are all.
pub(crate) fn tables(discarded: &Discarded) -> (BTreeSet<String>, bool) {
    let found: Vec<_> = discarded.beginnings.iter().map(|row| table(row)).collect();
    let all = found.len() as u64 == discarded.rows && found.iter().all(Option::is_some);
    (found.into_iter().flatten().collect(), all)
}

/// The table that a discarded row is of, from the beginning of what was kept of it.
fn table(kept: &str) -> Option<String> {
    let inner = match kept.strip_prefix("\\x") {
        Some(outer) => unfolded(outer.as_bytes())?,
        // As it comes with bytea_output = escape.
        None => kept.as_bytes().to_vec(),
    };
    let text = String::from_utf8_lossy(&unfolded(&inner)?).into_owned();
    Some(format!("{}.{}", value(&text, "schema")?, value(&text, "table")?))
}

/// The bytes of pairs of hexadecimal digits; a pair that is cut in two ends it.
fn unfolded(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?)).collect()
}

/// The text that stands for a key of the row's dictionary.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("'{key}': "))?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    rest[1..].split_once(quote).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        use std::fmt::Write as _;
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut all, byte| {
                let _never_fails = write!(all, "{byte:02x}");
                all
            })
        };
        format!("\\x{}", hex(hex(text.as_bytes()).as_bytes()))
    }

    /// What the real 1.8.2 has kept of rows of a trigger's making, cut as the catalogue is read.
    #[test]
    fn a_discarded_row_names_its_table() {
        let real = "{'global_data': {'binlog': 'mysql-bin.000002', 'logpos': 3051, 'schema': 'd_a', 'table': 't', 'batch_id': 2, \
                    'log_table': 't_log_replica_1_src_1', 'event_time': 1795683265, 'action': 'insert'}, \
                    'event_data': {'id': 3, 'data': 'hello ü'}, 'event_update': {}}";
        assert_eq!(table(&folded(real)).as_deref(), Some("d_a.t"));
        assert_eq!(table(&folded(real)[..801]).as_deref(), Some("d_a.t"));
        let odd = "{'global_data': {'schema': \"it's\", 'table': 'a b', ";
        assert_eq!(table(&folded(odd)).as_deref(), Some("it's.a b"));
        // bytea_output = escape.
        let inner: String = real.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(table(&inner).as_deref(), Some("d_a.t"));
    }

    #[test]
    fn what_cannot_be_read_names_none() {
        for kept in ["", "\\x", "nonsense", "\\xzz", "{'schema': 'a', 'table': 'b'}"] {
            assert_eq!(table(kept), None, "{kept}");
        }
        for text in ["{}", "{'schema': 'a'}", "{'schema': 3, 'table': 'b'}", "{'schema': 'a', 'table': 'b"] {
            assert_eq!(table(&folded(text)), None, "{text}");
        }
    }
}

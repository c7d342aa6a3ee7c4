//! What the catalogue and its objects are called, and how a name or a value becomes part of a statement.
//!
//! The names are those of pg_chameleon's documented upgrade procedure and of its 2.0 catalogue. PostgreSQL cuts
//! identifiers at 63 bytes.

/// The schema of the catalogue in use, in 1.7 as in 2.0.
pub const SCHEMA: &str = "sch_chameleon";

/// Where the 1.7 catalogue stays after the upgrade.
pub const VERSION1: &str = "_sch_chameleon_version1";

/// Where a 2.0 catalogue is kept for inspection: an unfinished one after a failed upgrade, a finished one after a rollback.
pub const VERSION2: &str = "_sch_chameleon_version2";

/// Bytes of an identifier that PostgreSQL keeps.
pub const MAX_IDENTIFIER_BYTES: usize = 63;

const LOG_TABLE_PREFIX: &str = "t_log_replica_";
const LOG_TABLE_SUFFIXES: [&str; 2] = ["_1", "_2"];

/// Bytes of the longest name of a 2.0 source whose [log tables' names](log_table_names) PostgreSQL does not cut. Cut,
/// both would be the same.
pub const MAX_SOURCE_NAME_BYTES: usize =
    MAX_IDENTIFIER_BYTES - LOG_TABLE_PREFIX.len() - LOG_TABLE_SUFFIXES[0].len();

/// The two log tables of the 2.0 source called `source`, as `t_sources.v_log_table` names them. They need quoting.
#[must_use]
pub fn log_table_names(source: &str) -> [String; 2] {
    LOG_TABLE_SUFFIXES.map(|suffix| format!("{LOG_TABLE_PREFIX}{source}{suffix}"))
}

/// `name` as an identifier in a statement: always in double quotes, so that it means itself whatever it holds.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `name` as an identifier in a statement to MySQL: the same in back quotes.
#[must_use]
pub fn quote_mysql_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `text` as a string constant in a statement, whatever `standard_conforming_strings` says. With
/// backslashes it is an `E''` constant, after a space that keeps it apart from a word before it.
#[must_use]
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_means_itself_whatever_it_holds() {
        assert_eq!(quote_identifier("orders"), "\"orders\"");
        assert_eq!(quote_identifier("Odd \"name\", really"), "\"Odd \"\"name\"\", really\"");
        assert_eq!(quote_mysql_identifier("odd `name`"), "`odd ``name```");
    }

    #[test]
    fn a_literal_keeps_quotes_and_backslashes() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("C:\\it's"), " E'C:\\\\it''s'");
    }

    #[test]
    fn the_log_tables_of_the_longest_source_name_fit() {
        let names = log_table_names(&"s".repeat(MAX_SOURCE_NAME_BYTES));
        assert_eq!(names.map(|name| name.len()), [MAX_IDENTIFIER_BYTES; 2]);
        assert_eq!(log_table_names("shop"), ["t_log_replica_shop_1", "t_log_replica_shop_2"]);
    }
}

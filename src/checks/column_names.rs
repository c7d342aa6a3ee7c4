//! The binary log names the columns of the rows in it. mysql-replication 1.0, which pg_chameleon 2.0.21 brings, takes
//! them from there and from nowhere else.

use super::{Facts, Finding};
use crate::source::facts::{AskedSource, Settings};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let unnamed =
        facts.answers().filter(|(_, answer)| answer.settings.log_bin && !answer.settings.logs_column_names());
    unnamed.map(|(asked, answer)| finding(asked, &answer.settings)).collect()
}

fn finding(AskedSource { name, place, .. }: &AskedSource, settings: &Settings) -> Finding {
    let harm = "with mysql-replication 1.0 or later, rows would reach the new replica without the names of their columns \
                and could not be applied";
    match &settings.row_metadata {
        Some(value) => Finding::warning(
            "binlog-row-metadata",
            format!(
                "Source {name}: the MySQL server at {place} logs with binlog_row_metadata {value}: {harm}."
            ),
            "On MySQL: SET GLOBAL binlog_row_metadata = FULL; and the same in its configuration file. Rows logged before \
             that stay without names: let 1.8.2 catch up after it, then upgrade. Or give pg_chameleon 2 a \
             mysql-replication before 1.0.",
        ),
        None => Finding::warning(
            "binlog-row-metadata",
            format!(
                "Source {name}: the MySQL server at {place} ({}) can't name columns in its binary log: {harm}.",
                settings.version
            ),
            "Give pg_chameleon 2 a mysql-replication before 1.0 (pip install 'mysql-replication<1.0' in its environment).",
        ),
    }
}

//! The binary log names the columns of the rows in it. mysql-replication takes them from there and from nowhere else since
//! 1.0, which pip installs with pg_chameleon 2.0.21; before that it asked MySQL for them.

use super::{Check, Examined, Finding, Severity, binlog_contents};
use crate::daemon::installed::reads_names_from_the_log;
use crate::examination::mysql::AskedSource;
use crate::facts::mysql::Settings;
use crate::window::HazardKind;

const OLDER_LIBRARY: &str = "give pg_chameleon 2 an older library (in its environment: pip install \
                             'mysql-replication<1.0'), and run this again with its chameleon on the PATH";

pub(super) const CHECK: Check = Check {
    id: "binlog-row-metadata",
    about: "The binary log names the columns of its rows, where the daemon needs that",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    if !reads_names_from_the_log(facts.installed.as_ref()) {
        return vec![];
    }
    let unnamed =
        facts.answers().filter(|(_, answer)| answer.settings.log_bin && !answer.settings.logs_column_names());
    let settings = unnamed.map(|(asked, answer)| finding(asked, &answer.settings));
    // Whoever accepts that the server doesn't name columns means those that it has already logged, too.
    settings.chain(binlog_contents::of_kind(facts, HazardKind::UnnamedColumns, &CHECK)).collect()
}

fn finding(AskedSource { name, place, .. }: &AskedSource, settings: &Settings) -> Finding {
    let harm = "the daemon of pg_chameleon 2.0.21 gets rows without the names of their columns, and disables each table at its \
                first row";
    match &settings.row_metadata {
        Some(value) => CHECK.error(format!(
                "Source {name}: the MySQL server at {place} logs with binlog_row_metadata {value}: {harm}."
            ),
            format!(
                "Either SET GLOBAL binlog_row_metadata = FULL; on MySQL, and the same in its configuration file. Sessions that \
                 were open before keep the old value: let applications connect anew, let 1.8.2 catch up with what was logged \
                 until then, and upgrade. Or {OLDER_LIBRARY}."
            ),
        ),
        None => CHECK.error(format!(
                "Source {name}: the MySQL server at {place} ({}) can't name columns in its binary log: {harm}.",
                settings.version
            ),
            format!("The only way with this server: {OLDER_LIBRARY}."),
        ),
    }
}

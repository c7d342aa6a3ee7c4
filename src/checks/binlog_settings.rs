//! The MySQL server writes a binary log with every column of every row that changes: a replica needs no less.

use super::{Facts, Finding};
use crate::source::facts::{AskedSource, Settings};

const CHECK: &str = "binlog-settings";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts.answers().flat_map(|(asked, answer)| findings(asked, &answer.settings)).collect()
}

fn findings(asked: &AskedSource, settings: &Settings) -> Vec<Finding> {
    let AskedSource { name, place, .. } = asked;
    if !settings.log_bin {
        return vec![Finding::error(
            CHECK,
            format!("Source {name}: the MySQL server at {place} writes no binary log (log_bin is OFF)."),
            "If db_conn names the server that 1.8.2 reads from, set log_bin there and restart it. What was changed \
             without a binary log reaches no replica: initialise the sources again with 1.8.2's init_replica before the \
             upgrade.",
        )];
    }
    let set = |variable: &str, value: &str| {
        format!(
            "On MySQL: SET GLOBAL {variable} = {value}; and {variable} = {value} in its configuration file; then have the \
             applications connect again. What was logged otherwise since 1.8.2 stopped reaches no replica: sync the \
             tables that were changed meanwhile."
        )
    };
    let mut findings = Vec::new();
    if !settings.logs_rows() {
        let format = settings.format.as_deref().unwrap_or_default();
        findings.push(Finding::error(
            CHECK,
            format!(
                "Source {name}: the MySQL server at {place} logs with binlog_format {format}; a replica needs ROW."
            ),
            set("binlog_format", "ROW"),
        ));
    }
    if !settings.logs_full_images() {
        let image = settings.row_image.as_deref().unwrap_or_default();
        findings.push(Finding::error(
            CHECK,
            format!("Source {name}: the MySQL server at {place} logs with binlog_row_image {image}; a replica needs FULL."),
            set("binlog_row_image", "FULL"),
        ));
    }
    findings
}

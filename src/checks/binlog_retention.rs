//! The server keeps its binary logs for long enough: a new replica that is stopped for a while finds where it was.

use super::{Check, Examined, Finding, Severity, counted};
use crate::examination::mysql::{Answer, AskedSource};
use std::time::Duration;

/// A day: an upgrade that is put off, and a replica that has to catch up, take no longer.
const SHORT: Duration = Duration::from_secs(86_400);

pub(super) const CHECK: Check = Check {
    id: "binlog-retention",
    about: "MySQL keeps its binary logs for a day at least",
    rule: "§checks",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    facts.answers().filter_map(|(asked, answer)| retention(asked, answer)).collect()
}

/// Servers that purge so soon that the new replica may find nothing left.
fn retention(asked: &AskedSource, answer: &Answer) -> Option<Finding> {
    let after = answer.settings.purges_after.filter(|after| *after < SHORT)?;
    Some(CHECK.warning(format!(
            "Source {}: the MySQL server at {} purges its binary logs after {}: a replica that is stopped for longer can't go on.",
            asked.name,
            asked.place,
            span(after)
        ),
        "Until the new replica has caught up, have it keep them for longer: SET GLOBAL binlog_expire_logs_seconds = 172800;",
    ))
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 120 => counted(seconds, "second"),
        seconds if seconds < 7200 => counted(seconds / 60, "minute"),
        seconds => counted(seconds / 3600, "hour"),
    }
}

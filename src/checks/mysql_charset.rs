//! The character set of a source's connection is one that the daemon can connect with: the server takes it, and the
//! daemon's library for MySQL knows it. Neither is looked up in a list: servers take names that their lists lack. One that
//! fails doesn't end the daemon where on_error_read is `continue`, as in pg_chameleon's example: it stands still.

use super::{Check, Examined, Finding, Severity};
use crate::daemon::installed::knows_charset;
use crate::examination::mysql::AskedSource;

const REMEDY: &str = "Set db_conn.charset of the source to utf8, as in pg_chameleon's example.";

pub(super) const CHECK: Check = Check {
    id: "mysql-charset",
    about: "The daemon can connect to MySQL with the character set of the configuration",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let refused = facts.answers().filter_map(|(asked, answer)| {
        let AskedSource { name, place, charset, .. } = asked;
        let why = match &answer.settings.charset_refused {
            Some(message) => format!("the MySQL server at {place} doesn't take it ({message})"),
            None if knows_charset(facts.installed.as_ref(), charset) => return None,
            None => "PyMySQL, which the daemon connects with, doesn't know it".to_owned(),
        };
        let found = format!(
            "Source {name}: the daemon of pg_chameleon 2.0.21 can't connect with the character set {charset:?}: {why}."
        );
        Some(CHECK.error(found, REMEDY))
    });
    refused.collect()
}

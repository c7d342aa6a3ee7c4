//! The daemon of pg_chameleon 2.0.21 asks SHOW MASTER STATUS at every start, which MySQL 8.4 and later no longer know: it ends
//! at once (seen on 9.7). There it misses MD5 as well, by which it names the indexes of a table that it copies.

use super::{Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "mysql-version",
    about: "The MySQL server knows the statements that pg_chameleon 2.0.21 asks",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let lacking = facts.answers().filter(|(_, answer)| !answer.settings.knows_master_status);
    lacking
        .map(|(asked, answer)| {
            CHECK.error(format!(
                    "Source {}: the MySQL server at {} is {}, which no longer knows SHOW MASTER STATUS. pg_chameleon 2.0.21 asks \
                     it at every start, and would end at once. On 9.7 (seen) its refresh_schema and sync_tables fail as well, where \
                     component_classic_hashing is not installed.",
                    asked.name, asked.place, answer.settings.version
                ),
                "Stay with 1.7 until pg_chameleon 2 can read from this server (1.8.2 needs the statement only to initialise), \
                 or point db_conn to a replica of it that runs MySQL 8.0 or earlier and that 1.8.2 was initialised from.",
            )
        })
        .collect()
}

//! The account of the configuration may replicate. That it may is shown by doing it: listing the binary logs, and
//! reading from where the new replica will begin.

use super::{Facts, Finding};
use crate::examination::mysql::AskedSource;
use crate::facts::mysql::Question;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .answers()
        .flat_map(|(asked, answer)| {
            let logs = answer.logs.as_ref().and_then(|logs| logs.as_ref().err());
            let window = answer.window.as_ref().and_then(|window| window.as_ref().err());
            let identity = answer.identity.as_ref().and_then(|identity| identity.as_ref().err());
            // What keeps the window from being read keeps the events from being looked up.
            let gtids = answer.gtids.as_ref().and_then(|gtids| gtids.as_ref().err());
            let reading = window.or(identity).or(gtids);
            logs.into_iter().chain(reading).map(|question| finding(asked, question))
        })
        .collect()
}

fn finding(asked: &AskedSource, question: &Question) -> Finding {
    let AskedSource { name, place, user, .. } = asked;
    let found = format!("Source {name}: the MySQL server at {place}: {question}.");
    if question.denied {
        let account = user.replace('\'', "''");
        let grant = format!(
            "On MySQL: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '{account}'@'<the host of the account>'; \
             (MariaDB takes the same names.)"
        );
        Finding::error("replication-privileges", found, grant)
    } else {
        Finding::error(
            "binlog-read",
            found,
            "See the error log of the MySQL server, and run again. When the position is not where an event begins, the \
             server was restored or its binary logs were reset: initialise the source again with 1.8.2's init_replica.",
        )
    }
}

//! What the new replica will read of the binary log can be read.

use super::replication_privileges::{found, unanswered};
use super::{Check, Examined, Finding, Severity};
use crate::examination::mysql::AskedSource;
use crate::facts::mysql::Question;

pub(super) const CHECK: Check = Check {
    id: "binlog-read",
    about: "The binary log can be read from where the new replica begins",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let of = |(asked, answer)| unanswered(answer).filter(|it| !it.denied).map(move |it| finding(asked, it));
    facts.answers().flat_map(of).collect()
}

fn finding(asked: &AskedSource, question: &Question) -> Finding {
    CHECK.error(
        found(asked, question),
        "See the error log of the MySQL server, and run again. When the position is not where an event begins, the \
         server was restored or its binary logs were reset: initialise the source again with 1.8.2's init_replica.",
    )
}

//! The account of the configuration may replicate. That it may is shown by doing it: listing the binary logs, and
//! reading from where the new replica will begin.

use super::{Check, Examined, Finding, Severity};
use crate::examination::mysql::{Answer, AskedSource};
use crate::facts::mysql::Question;

pub(super) const CHECK: Check = Check {
    id: "replication-privileges",
    about: "The account may replicate",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let of = |(asked, answer)| unanswered(answer).filter(|it| it.denied).map(move |it| finding(asked, it));
    facts.answers().flat_map(of).collect()
}

/// What of the binary log the server has not answered.
pub(super) fn unanswered(answer: &Answer) -> impl Iterator<Item = &Question> {
    let logs = answer.logs.as_ref().and_then(|logs| logs.as_ref().err());
    let window = answer.window.as_ref().and_then(|window| window.as_ref().err());
    let identity = answer.identity.as_ref().and_then(|identity| identity.as_ref().err());
    // What keeps the window from being read keeps the events from being looked up.
    let gtids = answer.gtids.as_ref().and_then(|gtids| gtids.as_ref().err());
    logs.into_iter().chain(window.or(identity).or(gtids))
}

/// The beginning of what is said of it.
pub(super) fn found(asked: &AskedSource, question: &Question) -> String {
    format!("Source {}: the MySQL server at {}: {question}.", asked.name, asked.place)
}

fn finding(asked: &AskedSource, question: &Question) -> Finding {
    let account = asked.user.replace('\'', "''");
    CHECK.error(
        found(asked, question),
        format!(
            "On MySQL: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '{account}'@'<the host of the account>'; \
             (MariaDB takes the same names.)"
        ),
    )
}

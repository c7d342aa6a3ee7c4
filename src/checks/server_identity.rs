//! The MySQL server that answers is the one that 1.8.2 read from: §which-server. The coordinates of the
//! catalogue mean something there alone; on another one they may well exist, and lead to other rows.

use super::{Check, Examined, Finding, Severity, counted};
use crate::examination::mysql::{Answer, AskedSource};
use crate::facts::snapshot::OldSource;
use crate::identity::Verdict;

/// The port that 1.8.2 reads from, whatever its configuration says.
const PORT_OF_1_8_2: u16 = 3306;

/// How many old sources are told one by one.
const NAMED: usize = 3;

pub(super) const CHECK: Check = Check {
    id: "server-identity",
    about: "It is the MySQL server that 1.8.2 read from",
    rule: "§which-server",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let findings = |(asked, answer)| {
        let absent = absent_schemas(facts, asked, answer);
        absent.into_iter().chain(by_the_log(asked, answer))
    };
    facts.answers().flat_map(findings).collect()
}

fn by_the_log(asked: &AskedSource, answer: &Answer) -> Vec<Finding> {
    let Some(Ok(identity)) = &answer.identity else { return vec![] };
    let (mut same, mut others, mut untold, mut received_nothing) = (vec![], vec![], vec![], vec![]);
    for (source, verdict) in &identity.verdicts {
        match verdict {
            Verdict::Same { at, received } => same.push(format!("{source} at {at}, {received}")),
            Verdict::Another { .. } => others.push((source, verdict)),
            Verdict::NotEnded(at) => untold.push(format!("{source} at {at}")),
            Verdict::NothingReceived => received_nothing.push(source.clone()),
        }
    }
    let AskedSource { name, place, .. } = asked;
    let mut findings = Vec::new();
    if !others.is_empty() {
        findings.push(another(asked, &others));
    }
    if !same.is_empty() {
        findings.push(CHECK.info(format!(
                "Source {name}: the MySQL server at {place} is the one that 1.8.2 read from: where it had come to, the event is of \
                 the time that the catalogue has ({}).",
                listed(same, "; ")
            ),
        ));
    }
    let not_known = |olds: Vec<String>, why: &str| {
        CHECK.info(format!(
                "Source {name}: whether the MySQL server at {place} is the one that 1.8.2 read from, nothing tells for {}: {why}.",
                listed(olds, ", ")
            ),
        )
    };
    if !untold.is_empty() {
        findings.push(not_known(
            untold,
            "that is the beginning of a file, and the one before is gone, or was not ended in good order (MySQL was stopped then)",
        ));
    }
    if !received_nothing.is_empty() {
        findings.push(not_known(received_nothing, "nothing was received since it was initialised"));
    }
    findings
}

fn another(asked: &AskedSource, others: &[(&String, &Verdict)]) -> Finding {
    let AskedSource { name, place, .. } = asked;
    let one = |(source, verdict): &(&String, &Verdict)| {
        let Verdict::Another { at, received, event } = verdict else { return None };
        let has = match event {
            Some(time) => format!("an event of {time} UTC ends there"),
            None => "no event ends there".to_owned(),
        };
        Some(format!("{source} had come to {at}, to an event of {received} (local time), and {has}"))
    };
    let olds: Vec<_> = others.iter().map(|(source, _)| source.as_str()).collect();
    CHECK.error(format!(
            "Source {name}: the MySQL server at {place} is not the one that 1.8.2 read from, or its binary log is another one: {}.",
            listed(others.iter().filter_map(one).collect(), "; ")
        ),
        format!(
            "Set db_conn.host and db_conn.port of the source to the server that 1.8.2 reads from.{} If it is that server, its \
             binary log was reset, or it was restored or another took its place: initialise {} again with 1.8.2's \
             init_replica, start and stop its replica, and run the upgrade again. Whoever knows better accepts it: \
             --accept {}=REASON",
            port(asked),
            olds.join(", "),
            CHECK.id
        ),
    )
}

fn port(asked: &AskedSource) -> String {
    if asked.port == PORT_OF_1_8_2 {
        return String::new();
    }
    format!(
        " 1.8.2 takes no notice of the port in its configuration: it reads from port {PORT_OF_1_8_2}, and db_conn.port is {}.",
        asked.port
    )
}

/// The schema of an old source that has tables. One that the account may not see is told elsewhere.
fn absent_schemas(facts: &Examined, asked: &AskedSource, answer: &Answer) -> Option<Finding> {
    let absent: Vec<_> = super::old_sources_without(facts, asked, answer).collect();
    let schema = |source: &&OldSource| {
        let schema = source.source_schema.as_deref().unwrap_or_default();
        format!("{schema}, from which {} has {}", source.name, counted(source.tables.count, "table"))
    };
    let olds: Vec<_> = absent.iter().map(|source| source.name.as_str()).collect();
    (!absent.is_empty()).then(|| {
        CHECK.error(format!(
                "Source {}: the MySQL server at {} has no schema {}.",
                asked.name,
                asked.place,
                listed(absent.iter().map(schema).collect(), "; ")
            ),
            format!(
                "Set db_conn.host and db_conn.port of the source to the server that 1.8.2 reads from.{} If the schema was \
                 dropped there, drop {} with 1.8.2's drop_source and take the schema out of schema_mappings.",
                port(asked),
                olds.join(", ")
            ),
        )
    })
}

fn listed(mut all: Vec<String>, between: &str) -> String {
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all.join(between)
}

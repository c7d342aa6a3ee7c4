//! The account of the configuration sees the schemas that it shall replicate, under the names that the configuration has.

use super::{Check, Examined, Finding, Severity};
use crate::examination::mysql::{Answer, AskedSource};
use crate::names::quote_mysql_identifier;

pub(super) const CHECK: Check = Check {
    id: "mysql-schemas",
    about: "The account sees the schemas that are mapped, under the same names",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let findings =
        |(asked, answer)| hidden(facts, asked, answer).into_iter().chain(other_letters(asked, answer));
    facts.answers().flat_map(findings).collect()
}

/// That a schema with tables is not there at all, is told elsewhere.
fn hidden(facts: &Examined, asked: &AskedSource, answer: &Answer) -> Option<Finding> {
    let absent: Vec<_> = super::old_sources_without(facts, asked, answer).collect();
    let is_absent = |schema: &str| absent.iter().any(|it| it.source_schema.as_deref() == Some(schema));
    let hidden: Vec<_> =
        answer.hidden_schemas.iter().map(String::as_str).filter(|schema| !is_absent(schema)).collect();
    (!hidden.is_empty()).then(|| {
        CHECK.warning(format!(
                "Source {}: the account {} sees no schema {} on the MySQL server at {}.",
                asked.name,
                asked.user,
                hidden.join(", "),
                asked.place
            ),
            format!(
                "If it exists, let the account read it, without which the new replica knows none of its tables: {} If it was \
                 dropped, drop its source with 1.8.2's drop_source and take it out of schema_mappings.",
                grants(&asked.user, hidden.iter().copied())
            ),
        )
    })
}

/// On a server that takes letters alike (lower_case_table_names), the names in the binary log are the server's. Both
/// pg_chameleons compare them letter by letter (seen: §hunt-28): nothing ever arrives.
fn other_letters(asked: &AskedSource, answer: &Answer) -> Option<Finding> {
    if answer.other_letters.is_empty() {
        return None;
    }
    let pairs: Vec<_> =
        answer.other_letters.iter().map(|(configured, has)| format!("{configured} is {has} there")).collect();
    let right: Vec<_> = answer.other_letters.iter().map(|(_, has)| has.as_str()).collect();
    Some(CHECK.error(format!(
            "Source {}: the MySQL server at {} writes names in other letters than the configuration: {}. Both pg_chameleons \
             tell them apart, so that nothing which is changed on MySQL arrives, in 1.8.2 neither.",
            asked.name,
            asked.place,
            pairs.join(", ")
        ),
        format!(
            "Write {} for my_database in 1.8.2's configuration, and in schema_mappings. Then run 1.8.2's init_replica (what was \
             changed since the last one never arrived), start its replica and stop it, and run this again.",
            right.join(", ")
        ),
    ))
}

/// The statements that let an account read schemas. Its host is known to MySQL alone.
pub(super) fn grants<'a>(user: &str, schemas: impl Iterator<Item = &'a str>) -> String {
    let user = user.replace('\'', "''");
    let grant = |schema: &str| {
        format!(
            "GRANT SELECT ON {}.* TO '{user}'@'<the host of the account>';",
            quote_mysql_identifier(schema)
        )
    };
    schemas.map(grant).collect::<Vec<_>>().join(" ")
}

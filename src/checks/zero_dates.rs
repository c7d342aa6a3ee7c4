//! 1.8.2 compares dates and time stamps with a zero date when it copies a table, which MySQL refuses with NO_ZERO_DATE in
//! sql_mode, its default (seen on 9.7): the table is left empty, and nothing is said. So whoever is told to copy one is told
//! this too.

use super::{Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "zero-dates",
    about: "1.8.2 can copy tables with dates, where a remedy has it copy",
    rule: "§remedies",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let refusing: Vec<_> = facts.answers().filter(|(_, answer)| answer.settings.refuses_zero_dates).collect();
    // What the other checks tell to do decides whether it matters.
    let mut others = super::CHECKS.iter().filter(|check| check.id != CHECK.id);
    if refusing.is_empty() || !others.any(|check| check.findings(facts).iter().any(has_1_8_2_copy)) {
        return vec![];
    }
    refusing
        .iter()
        .map(|(asked, _)| {
            CHECK.warning(format!(
                    "Source {}: the MySQL server at {} has NO_ZERO_DATE in sql_mode. There 1.8.2's init_replica and \
                     sync_tables leave a table with dates or time stamps empty, and say nothing.",
                    asked.name, asked.place
                ),
                "Before 1.8.2 copies tables, on MySQL: SET GLOBAL sql_mode = REPLACE(@@GLOBAL.sql_mode, 'NO_ZERO_DATE', ''); \
                 and put it back when 1.8.2 has ended.",
            )
        })
        .collect()
}

fn has_1_8_2_copy(finding: &Finding) -> bool {
    finding.remedy.as_ref().is_some_and(|remedy| {
        remedy.contains("1.8.2") && (remedy.contains("sync_tables") || remedy.contains("init_replica"))
    })
}

//! The daemon of pg_chameleon 2.0.21 with gtid_enable, on a server with gtid_mode ON, starts from a set of GTIDs:
//! §gtid. Without one it ends at every start (seen); from one that it misreads, it loses rows or applies them twice.

use super::{Check, Examined, Finding, Severity};
use crate::examination::mysql::{Answer, AskedSource, MySql};

const WITHOUT: &str = "Set gtid_enable of the source to no for the first start: the daemon then starts from the file and the position, \
                       as in 1.8.2. When show_status says that the source is consistent, stop it, set gtid_enable back, and start \
                       it again.";

pub(super) const CHECK: Check = Check {
    id: "gtid-set",
    about: "With gtid_enable: the set of GTIDs to start behind can be written",
    rule: "§gtid",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    match facts.mysql {
        MySql::Offline => offline(facts),
        MySql::NotAsked | MySql::Asked(_) => asked(facts),
    }
}

fn offline(facts: &Examined) -> Vec<Finding> {
    let starting = facts.starting().filter(|source| facts.gtid_enabled.contains(&source.name));
    let finding = |source: &crate::plan::PlannedSource| {
        CHECK.error(format!(
                "Source {}: gtid_enable is set, and MySQL is not asked (--offline). Where its gtid_mode is ON, pg_chameleon 2 starts \
                 from a set of GTIDs that MySQL alone can tell, and ends at every start without one.",
                source.name
            ),
            format!("Run without --offline. Or: {WITHOUT}"),
        )
    };
    starting.map(finding).collect()
}

fn asked(facts: &Examined) -> Vec<Finding> {
    let finding = |(asked, answer): (&AskedSource, &Answer)| {
        let gtids = answer.gtids.as_ref()?.as_ref().ok()?;
        let name = &asked.name;
        Some(match &gtids.set {
            Ok(set) => CHECK.info(format!(
                    "Source {name}: with gtid_enable, pg_chameleon 2 starts behind the GTIDs {}, which are those before {}.",
                    set.replace('\n', " "),
                    gtids.start
                ),
            ),
            Err(misread) => CHECK.error(format!(
                    "Source {name}: gtid_enable is set and gtid_mode is ON, but pg_chameleon 2 can't start from the server's GTIDs: \
                     {misread}."
                ),
                WITHOUT,
            ),
        })
    };
    facts.answers().filter_map(finding).collect()
}

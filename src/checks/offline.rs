//! What was not looked at because MySQL was not to be asked.

use super::{Check, Examined, Finding, Severity};
use crate::examination::mysql::MySql;
use crate::plan::PlannedSource;
use crate::window::Width;

pub(super) const CHECK: Check = Check {
    id: "offline",
    about: "MySQL was asked",
    rule: "§window-left",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    match facts.mysql {
        MySql::Offline => facts.starting().filter_map(finding).collect(),
        MySql::NotAsked | MySql::Asked(_) => vec![],
    }
}

fn finding(source: &PlannedSource) -> Option<Finding> {
    let (from, to) = (source.batch_start.as_ref()?, source.consistent_point.as_ref()?);
    let name = &source.name;
    Some(if from == to {
        CHECK.warning(format!(
                "Source {name} starts at {from}, with nothing to read again. Whether its binary logs from there on are still \
                 on MySQL was not looked at (--offline)."
            ),
            "Run without --offline when MySQL can be reached.",
        )
    } else {
        CHECK.warning(format!(
                "Source {name} starts at {from} and reads again what other sources have applied, up to {to}: {}. \
                 Neither was that looked at, nor whether these binary logs are still on MySQL (--offline).",
                Width::between(from, to)
            ),
            "Run without --offline when MySQL can be reached: the source then starts behind what is of no use to it, and \
             rows of tables that are gone from MySQL, at which pg_chameleon 2 stops, are found beforehand.",
        )
    })
}

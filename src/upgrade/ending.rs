//! What an outcome of the upgrade is to whoever runs it: the exit code and the last line. §exit-codes.

use crate::catalogue::v2;
use crate::ending::Ending;
use crate::outcome::{Outcome, Undone};
use crate::wording::counted;

/// The end of an upgrade of `what`, such as `3 tables in 1 source`.
#[must_use]
pub fn ending(outcome: &Outcome, what: &str) -> Ending {
    match outcome {
        Outcome::Done { .. } => Ending::Done(format!(
            "Upgraded: sch_chameleon is the {} catalogue, with {what}. The 1.7 catalogue is kept as \
                 _sch_chameleon_version1.",
            v2::VERSION
        )),
        Outcome::Refused(findings) => Ending::Refused(format!(
            "Refused: {} when the locked catalogue was read again. Nothing was upgraded: 1.7 is in place; what was \
                 replayed stays replayed, as 1.8.2 would have done it.",
            counted(findings.len() as u64, "error")
        )),
        Outcome::Undone(undone) => Ending::RolledBack(format!(
            "Failed and rolled back: 1.7 is in place, and 1.8.2 goes on working. {}",
            left(undone)
        )),
        Outcome::Unconfirmed { reason, may_be_kept: false } => Ending::RolledBack(format!(
            "Failed; the commit was never sent, so the server undoes the upgrade and 1.7 is in place. The server could \
                 not be asked to confirm it ({reason}): when it can be reached, SELECT t_version FROM \
                 sch_chameleon.v_version; says 1.7."
        )),
        Outcome::Unconfirmed { reason, may_be_kept: true } => Ending::RolledBack(format!(
            "Failed; 1.7 is in place, and 1.8.2 goes on working. What had been built of 2.0 may be left as \
                 _sch_chameleon_version2: the connection was lost while it was being kept for inspection, and the server \
                 could not be asked ({reason}). Before the next attempt, chameleon-upgrade cleanup shows whether it is there, \
                 and drops or renames it."
        )),
        Outcome::Unknown { transaction, reason } => Ending::Unknown(format!(
            "The outcome is not known: the connection was lost, and the server could not be asked ({reason}). To find \
                 out when it can be reached: SELECT txid_status({transaction}); as long as it says in progress, wait. Then \
                 SELECT t_version FROM sch_chameleon.v_version; 2.0.10: the upgrade is complete. 1.7: it was undone; run it \
                 again."
        )),
    }
}

/// The end of a dry run. It doesn't try what waits, `waiting` events: that would commit as it goes.
#[must_use]
pub fn of_a_dry_run(what: &str, waiting: u64) -> Ending {
    let untried = match waiting {
        0 => String::new(),
        1 => {
            " The event that waits was not replayed: whether it can be, the upgrade itself shows.".to_owned()
        }
        many => format!(
            " The {many} events that wait were not replayed: whether they can be, the upgrade itself shows."
        ),
    };
    Ending::Done(format!(
        "Dry run: the transaction that upgrades {what} went well and was rolled back.{untried} 1.7 is in place; nothing was \
         changed."
    ))
}

fn left(undone: &Undone) -> &'static str {
    match undone {
        Undone::KeptForInspection => {
            "What had been built of 2.0 is kept as _sch_chameleon_version2 for inspection. Before the next attempt, \
             chameleon-upgrade cleanup shows it, and drops or renames it."
        }
        Undone::Entirely => "Nothing is left to clean up.",
        Undone::EntirelyAfter(_) => "Nothing of the upgrade is left.",
    }
}

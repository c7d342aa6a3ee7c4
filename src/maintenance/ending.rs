//! What an outcome of the maintenance upgrade is to whoever runs it: the exit code and the last line. §exit-codes.

use crate::catalogue::v2;
use crate::ending::Ending;
use crate::outcome::Outcome;
use crate::wording::counted;

/// The end of the upgrade of a catalogue of `version` with so many rows.
#[must_use]
pub fn ending(outcome: &Outcome, version: &str, rows: u64) -> Ending {
    match outcome {
        Outcome::Done { .. } => Ending::Done(format!(
            "Upgraded: sch_chameleon is the {} catalogue, with all of its {}. The {version} one is kept as \
             _sch_chameleon_version2.",
            v2::VERSION,
            counted(rows, "row")
        )),
        Outcome::Refused(findings) => Ending::Refused(format!(
            "Refused: {} when the locked catalogue was read again. Nothing was changed: {version} is in place.",
            counted(findings.len() as u64, "error")
        )),
        Outcome::Undone(_) => Ending::RolledBack(format!(
            "Failed and rolled back: {version} is in place as it was. Nothing is left to clean up."
        )),
        Outcome::Unconfirmed { reason, .. } => Ending::RolledBack(format!(
            "Failed; the commit was never sent, so the server undoes the upgrade and {version} is in place. The server could \
             not be asked to confirm it ({reason}): when it can be reached, SELECT t_version FROM sch_chameleon.v_version; says \
             {version}."
        )),
        Outcome::Unknown { transaction, reason } => Ending::Unknown(format!(
            "The outcome is not known: the connection was lost, and the server could not be asked ({reason}). To find out \
             when it can be reached: SELECT txid_status({transaction}); as long as it says in progress, wait. Then SELECT \
             t_version FROM sch_chameleon.v_version; {}: the upgrade is complete. {version}: it was undone; run it again.",
            v2::VERSION
        )),
    }
}

/// The end of a dry run.
#[must_use]
pub fn of_a_dry_run(version: &str, rows: u64) -> Ending {
    Ending::Done(format!(
        "Dry run: the transaction that upgrades {} from {version} went well and was rolled back. {version} is in place; nothing \
         was changed.",
        counted(rows, "row")
    ))
}

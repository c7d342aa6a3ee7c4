//! What an outcome of the clean-up is to whoever runs it: the exit code and the last line. §exit-codes.

use super::Action;
use crate::ending::Ending;
use crate::outcome::Outcome;
use crate::wording::counted;

/// The end of a clean-up of these schemas.
#[must_use]
pub fn ending(outcome: &Outcome, schemas: &[&str], action: Action<'_>) -> Ending {
    let names = schemas.join(" and ");
    match outcome {
        Outcome::Done { .. } => Ending::Done(match action {
            Action::Drop => format!("Dropped: {names}. sch_chameleon is as it was."),
            Action::RenameTo(name) => format!("Renamed: {names} is {name} now. sch_chameleon is as it was."),
        }),
        Outcome::Refused(findings) => Ending::Refused(format!(
            "Refused: {} when it was looked at again. Nothing was changed: {names} is as it was.",
            counted(findings.len() as u64, "error")
        )),
        Outcome::Undone(_) => Ending::Refused(format!(
            "The clean-up failed and was undone: {names} is as it was. Nothing was changed."
        )),
        Outcome::Unconfirmed { reason, .. } => Ending::Refused(format!(
            "The clean-up failed; its commit was never sent, so the server undoes it: {names} is as it was. The server could \
             not be asked to confirm it ({reason})."
        )),
        Outcome::Unknown { transaction, reason } => Ending::Unknown(format!(
            "The outcome is not known: the connection was lost, and the server could not be asked ({reason}). To find out \
             when it can be reached: SELECT txid_status({transaction}); as long as it says in progress, wait. Then run \
             chameleon-upgrade cleanup, which shows what is there. sch_chameleon is as it was in any case."
        )),
    }
}

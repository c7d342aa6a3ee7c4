//! What an outcome of the rollback is to whoever runs it: the exit code and the last line. §exit-codes.

use crate::catalogue::v2;
use crate::ending::Ending;
use crate::outcome::Outcome;
use crate::wording::counted;

/// The end of a rollback. `forced`: 2.0 had gone on, and the tables are ahead of the catalogue that is back.
#[must_use]
pub fn ending(outcome: &Outcome, forced: bool) -> Ending {
    let in_place = format!("sch_chameleon is the {} catalogue, as it was.", v2::VERSION);
    let kept = format!("The {} one is kept as _sch_chameleon_version2.", v2::VERSION);
    match outcome {
        Outcome::Done { .. } if forced => Ending::Done(format!(
            "Rolled back by force: sch_chameleon is the 1.7 catalogue again, and the tables are ahead of it until 1.8.2's \
             init_replica has copied them. {kept}"
        )),
        Outcome::Done { .. } => {
            Ending::Done(format!("Rolled back: sch_chameleon is the 1.7 catalogue again. {kept}"))
        }
        Outcome::Refused(findings) => Ending::Refused(format!(
            "Refused: {} when the locked catalogues were read again. Nothing was changed: {in_place}",
            counted(findings.len() as u64, "error")
        )),
        Outcome::Undone(_) => Ending::Refused(format!(
            "The rollback failed and was undone: {in_place} Nothing was changed; run it again."
        )),
        Outcome::Unconfirmed { reason, .. } => Ending::Refused(format!(
            "The rollback failed; its commit was never sent, so the server undoes it: {in_place} The server could not be \
             asked to confirm it ({reason}): when it can be reached, SELECT t_version FROM sch_chameleon.v_version; says \
             {}. Then run it again.",
            v2::VERSION
        )),
        Outcome::Unknown { transaction, reason } => Ending::Unknown(format!(
            "The outcome is not known: the connection was lost, and the server could not be asked ({reason}). To find out \
             when it can be reached: SELECT txid_status({transaction}); as long as it says in progress, wait. Then SELECT \
             t_version FROM sch_chameleon.v_version; 1.7: it was rolled back. 2.0.10: it was not; run it again."
        )),
    }
}

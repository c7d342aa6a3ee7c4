//! What an outcome of the rollback is to whoever runs it: the exit code and the last line. §exit-codes.

use crate::catalogue::v2;
use crate::ending::Ending;
use crate::outcome::Outcome;
use crate::wording::counted;

/// How 1.7 gets its place back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// 2.0 has applied nothing: the catalogues change places.
    Exchange,
    /// 1.8.2 goes on where 2.0 stopped.
    GoOn,
    /// By force: the catalogues change places, and the tables are ahead of the one that is back.
    Force,
}

/// The end of a rollback. `replayed`: something that 2.0 had listed was replayed before.
#[must_use]
pub fn ending(outcome: &Outcome, way: Way, replayed: bool) -> Ending {
    let in_place = if replayed {
        format!(
            "sch_chameleon is the {} catalogue, and 2.0 can go on with it; what it had listed has been replayed.",
            v2::VERSION
        )
    } else {
        format!("sch_chameleon is the {} catalogue, as it was.", v2::VERSION)
    };
    let unchanged = if replayed { "" } else { "Nothing was changed: " };
    let kept = format!("The {} one is kept as _sch_chameleon_version2.", v2::VERSION);
    match outcome {
        Outcome::Done { .. } => Ending::Done(match way {
            Way::Exchange => format!("Rolled back: sch_chameleon is the 1.7 catalogue again. {kept}"),
            Way::GoOn => format!(
                "Rolled back: sch_chameleon is the 1.7 catalogue again, and 1.8.2 goes on where 2.0 stopped. {kept}"
            ),
            Way::Force => format!(
                "Rolled back by force: sch_chameleon is the 1.7 catalogue again, and the tables are ahead of it until 1.8.2's \
                 init_replica has copied them. {kept}"
            ),
        }),
        Outcome::Refused(findings) => Ending::Refused(format!(
            "Refused: {} when the locked catalogues were read again. {unchanged}{in_place}",
            counted(findings.len() as u64, "error")
        )),
        Outcome::Undone(_) => {
            Ending::Refused(format!("The rollback failed and was undone: {in_place} Run it again."))
        }
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

/// The end of a dry run. It doesn't try what waits, `waiting` events: that would commit as it goes.
#[must_use]
pub fn of_a_dry_run(waiting: u64) -> Ending {
    let untried = match waiting {
        0 => String::new(),
        1 => " The event that 2.0 has listed was not replayed: whether it can be, the rollback itself shows."
            .to_owned(),
        many => format!(
            " The {many} events that 2.0 has listed were not replayed: whether they can be, the rollback itself shows."
        ),
    };
    Ending::Done(format!(
        "Dry run: the transaction of the rollback went well and was rolled back.{untried} sch_chameleon is the {} catalogue; \
         nothing was changed.",
        v2::VERSION
    ))
}

//! What a replay that stopped before its end is to whoever runs the upgrade: what to do about it, and the last line.

use super::ReplayError;
use crate::ending::Ending;
use crate::finding::Finding;
use crate::wording::sentence;

const STATE: &str = "1.7 is in place; what was replayed until then stays replayed, as 1.8.2 would have done it, and 1.8.2 can \
                     go on from there";

impl ReplayError {
    /// What is wrong with what waits; none when it is the server or another session that stopped it.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let remedy = match self {
            Self::Postgres(_) | Self::Locked { .. } => return None,
            Self::Event { event, .. } => format!(
                "1.8.2 stops at it in the same way. Mend what the server complains of in {} (or sync that table again with \
                 1.8.2's sync_tables), and run again.",
                event.table
            ),
            Self::Endless { source_name, .. } => format!(
                "Look at its batches: SELECT * FROM sch_chameleon.t_replica_batch NATURAL JOIN sch_chameleon.t_batch_events \
                 WHERE NOT b_replayed; and start the 1.8.2 replica of {source_name} once, to see what it makes of them."
            ),
        };
        Some(Finding::error("replay", format!("{}.", sentence(&self.to_string())), remedy))
    }

    /// How the upgrade ends of it.
    #[must_use]
    pub fn ending(&self, interrupted: bool) -> Ending {
        match self {
            _ if interrupted => Ending::RolledBack(format!("Interrupted during the replay: {STATE}.")),
            Self::Postgres(_) | Self::Locked { .. } => {
                Ending::RolledBack(format!("Failed during the replay: {STATE}."))
            }
            Self::Event { .. } => {
                Ending::Refused(format!("Refused: an event can't be replayed. {}.", sentence(STATE)))
            }
            Self::Endless { .. } => {
                Ending::Refused(format!("Refused: the replay does not end. {}.", sentence(STATE)))
            }
        }
    }
}

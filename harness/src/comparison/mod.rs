//! The original upgrade compared with ours: both on copies of one catalogue that the real 1.8.2 and MariaDB have made, and the
//! real 2.0.21 daemon on each of the results: what users have today, measured.

mod after;
mod before;
mod case;
mod document;
mod rows;
mod upgrade;

use self::before::Before;
use self::rows::Catalogue;
use crate::live::daemon::{self, DaemonOutcome};
use crate::live::run::LiveRun;
use crate::live::{LiveError, Program, Programs};
use crate::process::group::ProcessGroup;
use crate::replica::upgrader::Upgrader;
use crate::server::Database;
use std::collections::{BTreeMap, BTreeSet};

pub use after::{After, WrongPoint};
pub use case::{Case, FirstUpgrade};
pub use document::{document, summary};
pub use rows::OnPurpose;
pub use upgrade::UpgradeResult;

/// What became of a copy of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeOnCopy {
    /// The upgrade.
    pub upgrade: UpgradeResult,
    /// The catalogue after it.
    pub after: After,
    /// Coordinates that are wrong by those of ours.
    pub wrong_points: BTreeMap<WrongPoint, BTreeSet<String>>,
    /// How the daemon went on; none when no 2.0 catalogue stands.
    pub daemon: Option<DaemonOutcome>,
}

/// Both on one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The original.
    pub original: OutcomeOnCopy,
    /// Ours. When it refused or was killed, its daemon ran after the remedy and another upgrade.
    pub ours: OutcomeOnCopy,
    /// Whether ours was run again.
    pub again: bool,
    /// Where the original is right: how many rows of the new catalogue were compared, and what differs on purpose.
    pub same: Option<(usize, BTreeSet<OnPurpose>)>,
}

/// Brings a replica in `database` to the state of `case`, and runs both upgrades and the daemons on copies of it.
///
/// # Errors
/// [`LiveError`] when a step fails, when ours leaves a damaged replica, or when ours is not the same as the original
/// where that is right.
pub fn run(
    case: &Case,
    programs: &Programs,
    upgrader: &Upgrader,
    database: Database,
) -> Result<Comparison, LiveError> {
    let scenario = case.scenario();
    let processes = ProcessGroup::new()?;
    let mut live = LiveRun::begin(&scenario, programs, upgrader, database, &processes)?;
    live.steps()?;
    let before = Before::read(&mut live.client)?;
    let (of_original, of_ours, of_offline) = (live.copy()?, live.copy()?, live.copy()?);

    live.go_to(&of_original)?;
    let upgrade = upgrade::first(&mut live, case, Program::Original)?;
    let mut original = OutcomeOnCopy {
        upgrade,
        after: After::read(&mut live.client, &before)?,
        wrong_points: BTreeMap::new(),
        daemon: None,
    };
    let theirs = Catalogue::read(&mut live.client)?;

    live.go_to(&of_ours)?;
    let upgrade = upgrade::first(&mut live, case, Program::Ours)?;
    let after = After::read(&mut live.client, &before)?;
    let again = !after.is_new();
    if again {
        upgrade::again(&mut live, case)?;
    }
    original.wrong_points = original.after.wrong_points(&After::read(&mut live.client, &before)?);
    let mut ours = OutcomeOnCopy { upgrade, after, wrong_points: BTreeMap::new(), daemon: None };

    let same = if case.right { Some(same(&mut live, &of_offline, case, &theirs, &before)?) } else { None };

    live.mysql(&case.afterwards)?;
    live.go_to(&of_original)?;
    if original.after.is_new() {
        original.daemon = Some(daemon::run(&mut live, &case.afterwards)?);
    }
    live.go_to(&of_ours)?;
    let outcome = daemon::run(&mut live, &case.afterwards)?;
    if !outcome.is_well() {
        return Err(LiveError::Findings(vec![format!("ours leaves a damaged replica: {outcome:?}")]));
    }
    ours.daemon = Some(outcome);
    Ok(Comparison { original, ours, again, same })
}

/// Compares what ours writes with what the original has written. Without MySQL, by which ours would start further on.
fn same(
    live: &mut LiveRun<'_>,
    copy: &std::rc::Rc<Database>,
    case: &Case,
    theirs: &Catalogue,
    before: &Before,
) -> Result<(usize, BTreeSet<OnPurpose>), LiveError> {
    live.go_to(copy)?;
    let mut offline = case.clone();
    offline.attempt.options.push("--offline".to_owned());
    upgrade::again(live, &offline)?;
    let ours = Catalogue::read(&mut live.client)?;
    match Catalogue::compare(theirs, &ours, before) {
        Ok(on_purpose) => Ok((theirs.rows(), on_purpose)),
        Err(unexplained) => Err(LiveError::Findings(unexplained)),
    }
}

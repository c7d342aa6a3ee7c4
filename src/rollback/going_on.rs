//! What keeps 1.8.2 from going on where 2.0 stopped, and what is to be known of it beforehand. §way-back-start to
//! §way-back-refused.

use super::examined::Examined;
use crate::checks::Check;
use crate::facts::snapshot::{Named, StoredCoordinate};
use crate::facts::way_back::Tables;
use crate::finding::{Finding, Severity};
use crate::plan;
use crate::way_back::{Lost, Refusal};
use crate::wording::counted;

pub(super) const MAPPINGS: Check<Examined> = Check {
    id: "way-back-mappings",
    about: "Every schema that 2.0 replicates has its 1.7 source",
    rule: "§way-back-refused",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| refusals(examined).iter().filter_map(unknown_mapping).collect(),
};

pub(super) const START: Check<Examined> = Check {
    id: "way-back-start",
    about: "1.8.2 can read on from where 2.0 stopped",
    rule: "§way-back-start",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let of_sources = refusals(examined).iter().filter_map(no_start);
        of_sources.chain(tables(examined).filter_map(|(_, tables)| too_far(&tables.too_far))).collect()
    },
};

pub(super) const LOST: Check<Examined> = Check {
    id: "way-back-lost",
    about: "2.0 has applied all that it has read",
    rule: "§way-back-start",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let back = examined.going_on.as_ref().and_then(|going_on| going_on.decided.as_ref().ok());
        back.map(|back| back.lost.iter().map(lost).collect()).unwrap_or_default()
    },
};

pub(super) const TABLES: Check<Examined> = Check {
    id: "way-back-tables",
    about: "Every table that 2.0 replicates goes on in 1.8.2",
    rule: "§way-back-tables",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let without = without_a_place(examined);
        tables(examined).filter_map(|(source, tables)| left_out(source, tables)).chain(without).collect()
    },
};

fn refusals(examined: &Examined) -> &[Refusal] {
    let decided = examined.going_on.as_ref().map(|going_on| &going_on.decided);
    decided.and_then(|decided| decided.as_ref().err()).map_or(&[], Vec::as_slice)
}

/// By the names of their 1.7 sources.
fn tables(examined: &Examined) -> impl Iterator<Item = (&str, &Tables)> {
    examined.going_on.iter().flat_map(|going_on| {
        let sources = going_on.decided.iter().flat_map(|back| &back.sources);
        sources.filter_map(|source| Some((source.name.as_str(), going_on.tables.get(&source.id)?)))
    })
}

/// What remains where 1.8.2 can't go on.
const BY_FORCE: &str =
    "To go back all the same, and have 1.8.2's init_replica copy all tables anew: run again with --force.";

fn unknown_mapping(refusal: &Refusal) -> Option<Finding> {
    let Refusal::UnknownMapping { source, pair } = refusal else { return None };
    Some(MAPPINGS.error(
        format!("The source {source} of the 2.0 catalogue maps {pair}, and no 1.7 source has this mapping."),
        format!(
            "Take the mapping out of the source's schema_mappings, have 2.0 forget it (chameleon update_schema_mappings, \
             source {source}), and run again: its tables then stay as they are. Or stay with 2.0. {BY_FORCE}"
        ),
    ))
}

fn no_start(refusal: &Refusal) -> Option<Finding> {
    let (found, remedy) = match refusal {
        Refusal::UnknownMapping { .. } => return None,
        Refusal::PutAside(refusal) => (
            format!("Where the 1.7 catalogue stood at the upgrade can't be worked out again: {}.", put_aside(refusal)),
            "Restore it from the backup that was made before the upgrade, under the name _sch_chameleon_version1, and run \
             again."
                .to_owned(),
        ),
        Refusal::NoLiveBatch { source, tables } => (
            format!(
                "The source {source} of the 2.0 catalogue has {} and no batch to read on from.",
                counted(*tables, "table")
            ),
            "Bring its tables anew with chameleon init_replica, and run again.".to_owned(),
        ),
        Refusal::BatchCoordinate { source, batch, error } => (
            format!("The batch {batch} of the source {source} of the 2.0 catalogue can't be read on from: {error}."),
            "Look at its row of sch_chameleon.t_replica_batch: somebody has changed it. Start the 2.0 replica until it has \
             made a new one, stop it, and run again."
                .to_owned(),
        ),
        Refusal::TooFar { source, coordinate } => (
            format!(
                "{source} would go on at {coordinate}, and 1.7 can't hold a position past 2147483647 (2 GiB)."
            ),
            "Let MySQL begin a new file (FLUSH BINARY LOGS), start the 2.0 replica until it stands in that file (chameleon-upgrade \
             status shows its batch start), stop it, and run again."
                .to_owned(),
        ),
        Refusal::AnotherServer { source, then, now } => (
            format!(
                "{source} stood at {then} at the upgrade, and 2.0 stands at {now}: another base name is another MySQL server, \
                 which 1.8.2 has never read from."
            ),
            "Stay with 2.0.".to_owned(),
        ),
        Refusal::StartNotProven { source, start, now } => (
            format!(
                "2.0 stands at {now}, before {start}, where {source} stood at the upgrade; and which of its batches were live \
                 then can't be proven any more."
            ),
            format!("Start the 2.0 replica until it is past {start}, stop it, and run again."),
        ),
    };
    Some(START.error(found, format!("{remedy} {BY_FORCE}")))
}

fn put_aside(refusal: &plan::Refusal) -> String {
    match refusal {
        plan::Refusal::BatchCoordinate { source, batch, error } => {
            format!("of the batch {batch} of {source}, {error}")
        }
        plan::Refusal::TableCoordinate { source, error } => format!("of a table of {source}, {error}"),
        plan::Refusal::NoLiveBatch { source, .. } => format!("{source} has tables and no open batch"),
        other => format!("{other:?}"),
    }
}

fn too_far(tables: &Named) -> Option<Finding> {
    (tables.count > 0).then(|| {
        START.error(
            format!(
                "1.7 can't hold a position past 2147483647 (2 GiB), and these tables are complete beyond it: {tables}."
            ),
            format!(
                "Start the 2.0 replica until it has read on past the place at which they were copied (chameleon-upgrade status \
                 shows it as consistent), stop it, and run again. {BY_FORCE}"
            ),
        )
    })
}

fn lost(lost: &Lost) -> Finding {
    let place = |stored: &StoredCoordinate| {
        stored.read().map_or_else(|_| "an unknown place".to_owned(), |place| place.to_string())
    };
    let found = format!(
        "2.0 has read its batch {} of the source {} and will never apply it: it was killed then, and has gone on since. What \
         lies between {} and {} of MySQL's log is missing in PostgreSQL.",
        lost.batch,
        lost.source,
        place(&lost.from),
        place(&lost.until)
    );
    let remedy = if lost.tables.count == 0 {
        "Its rows are gone, and so it is not known of which tables they were. Find them in that part of the log (mysqlbinlog), \
         and bring these with 1.8.2's sync_tables."
            .to_owned()
    } else {
        format!("Bring these tables with 1.8.2's sync_tables: {}.", lost.tables)
    };
    LOST.warning(found, remedy)
}

/// The sources that 2.0 no longer has.
fn without_a_place(examined: &Examined) -> Vec<Finding> {
    let sources = examined.going_on.iter().flat_map(|it| it.decided.iter().flat_map(|back| &back.sources));
    let left = sources.filter(|source| source.was_initialised && source.coordinate.is_none());
    left.map(|source| {
        TABLES.warning(
            format!(
                "2.0 no longer has the source {}, or nothing of it: it is left without tables and without a place to read from.",
                source.name
            ),
            format!("To replicate it again: 1.8.2's init_replica for {}, which copies all its tables.", source.name),
        )
    })
    .collect()
}

fn left_out(source: &str, tables: &Tables) -> Option<Finding> {
    let kinds = [
        (&tables.missing, "that 2.0 does not have"),
        (&tables.disabled, "disabled in 2.0"),
        (&tables.unsure, "copied in 2.0 at a place that is no longer known"),
        (&tables.unfit, "with a key that 1.7 can't hold"),
    ];
    let told: Vec<_> = kinds
        .iter()
        .filter(|(tables, _)| tables.count > 0)
        .map(|(tables, why)| format!("{} {why} ({tables})", counted(tables.count, "table")))
        .collect();
    (!told.is_empty()).then(|| {
        TABLES.warning(
            format!(
                "{source} goes on without {}: one row of such a table that fails ends 1.8.2 for the whole source.",
                told.join(", ")
            ),
            "Afterwards bring each with 1.8.2's sync_tables, which replicates it again (its --table takes the names without \
             the schema, with commas between).",
        )
    })
}

//! Replays in sets: the events of a slice of a batch, table by table, the net effect of each key in bulk.
//!
//! A slice gives exactly what one call of `fn_process_batch` with as many events gives (and one more, when it closes the
//! batch): the same rows, log, list, counters and times, in one statement that commits or does nothing. What of it isn't
//! proven equal is done by the function itself: within the slice where the order between tables doesn't matter (a table
//! with few events, with columns that differ between events, with keys that change…), else by a call of its own (DDL, a
//! table with triggers, foreign keys, rules, row security…). A slice that fails is left to the function too, which finds
//! the event at fault.
//!
//! The session is as the role has it. The functions look for names in pg_catalog alone, and give the role's search_path
//! back to `fn_process_batch`; whatever else decides how values are read, such as DateStyle, is the role's.

use super::FailureClass;
use super::by_function::{Caller, More};
use super::{Backlog, Progress, ReplayError, by_function};
use crate::postgres::{Text, describe, under_our_own, wait_for_locks};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// The functions that a session needs; they go with it.
const FUNCTIONS: [&str; 3] =
    [include_str!("fitness.sql"), include_str!("group.sql"), include_str!("slice.sql")];

/// Compiling the statements would take longer than running them; and temporary tables are to stay in memory.
const SETTINGS: &str = "
    SELECT set_config(name, CASE name WHEN 'jit' THEN 'off' ELSE '128MB' END, false)
    FROM pg_settings WHERE name IN ('jit', 'temp_buffers')";

/// A batch is replayed in at most so many slices of full size: each writes the rest of its list anew.
const SLICES_OF_A_BATCH: u64 = 8;

/// How large sets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// How many events are committed at a time; more when a batch would take more than a few slices.
    pub slice: i32,
    /// How many events of a table make a set worth its while.
    pub worth_it: i32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { slice: 1_000_000, worth_it: 200 }
    }
}

/// Replays all that waits of a source, or all until it is told to halt.
///
/// # Errors
/// [`ReplayError`]; what was replayed until then is committed.
pub async fn replay(
    client: &Client,
    backlog: &Backlog,
    sizes: Sizes,
    progress: &dyn Progress,
) -> Result<(), ReplayError> {
    if backlog.events < u64::from(sizes.worth_it.unsigned_abs()) {
        return by_function::replay(client, backlog, progress).await;
    }
    if let Err(error) = install(client).await {
        // The role may not be allowed to create temporary objects.
        tracing::info!("no replay in sets: {}", describe(&error));
        return by_function::replay(client, backlog, progress).await;
    }
    wait_for_locks(client, backlog.lock_timeout).await?;
    let mut caller = Caller::new(backlog, progress);
    let mut reach = Reach::new(backlog, sizes);
    while !progress.halted() {
        match slice(client, backlog, Sizes { slice: reach.size, ..sizes }).await {
            Ok(Slice::Replayed { events, halted, handed_over, .. }) => {
                for table in handed_over {
                    tracing::info!("{}: by the function, {table}", backlog.name);
                }
                caller.passed(events);
                reach.after(events, halted);
            }
            Ok(Slice::ForFunction { events, halted }) => {
                reach.after(events, halted);
                if caller.replay(client, events).await? == More::No {
                    return Ok(());
                }
            }
            Ok(Slice::Nothing) => return Ok(()),
            Err(error) => match FailureClass::of(&error) {
                FailureClass::Passing if caller.tries_again() => {}
                FailureClass::Passing | FailureClass::Elsewhere => return Err(error.into()),
                FailureClass::Lock | FailureClass::Event => {
                    tracing::info!("{}: by the function, {}", backlog.name, describe(&error));
                    if caller.replay(client, reach.size).await? == More::No {
                        return Ok(());
                    }
                }
            },
        }
    }
    Ok(())
}

/// How many events the next slice takes. Each slice looks at all of its events before it halts at one that must stand
/// alone; where there are many of these, small slices look at fewer events in vain.
struct Reach {
    full: i32,
    smallest: i32,
    size: i32,
}

impl Reach {
    fn new(backlog: &Backlog, sizes: Sizes) -> Self {
        let share = i32::try_from(backlog.events / SLICES_OF_A_BATCH).unwrap_or(i32::MAX);
        let full = sizes.slice.max(share);
        Self { full, smallest: full.min(sizes.worth_it.saturating_mul(20)), size: full }
    }

    fn after(&mut self, events: i32, halted: bool) {
        let basis = if halted { events } else { self.size };
        self.size = basis.saturating_mul(4).clamp(self.smallest, self.full);
    }
}

/// Makes the functions in the session. Once is enough.
///
/// # Errors
/// What PostgreSQL answers, such as when the role may not create temporary objects.
pub async fn install(client: &Client) -> Result<(), Error> {
    let statements = format!("{SETTINGS};\n{}", FUNCTIONS.concat());
    under_our_own(client, client.batch_execute(&statements)).await
}

/// What became of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// So many events have been replayed.
    Replayed {
        /// How many.
        events: i32,
        /// They were the last of the batch, which has been closed.
        closed: bool,
        /// An event that must stand alone comes next.
        halted: bool,
        /// The tables whose events the function did, each with the reason.
        handed_over: Vec<String>,
    },
    /// Nothing was done.
    ForFunction {
        /// The next so many events are for the function.
        events: i32,
        /// Because one that must stand alone is among the first of them.
        halted: bool,
    },
    /// No batch waits.
    Nothing,
}

/// Replays the next slice as one call of `fn_process_batch` would, or does nothing. The functions must have been
/// [installed](install).
///
/// # Errors
/// What PostgreSQL answers; the slice is undone.
pub async fn slice(client: &Client, backlog: &Backlog, sizes: Sizes) -> Result<Slice, Error> {
    let row = client
        .query_typed_one(
            "SELECT outcome, events, closed, halted, handed_over
             FROM pg_temp.chameleon_replay_slice($1, $2, $3, pg_catalog.current_setting('search_path'))",
            &[(&backlog.source.0, Type::INT8), (&sizes.slice, Type::INT4), (&sizes.worth_it, Type::INT4)],
        )
        .await?;
    let events = row.try_get::<_, Option<i32>>("events")?.unwrap_or_default();
    let halted = row.try_get("halted")?;
    Ok(match row.try_get::<_, &str>("outcome")? {
        "replayed" => Slice::Replayed {
            events,
            closed: row.try_get("closed")?,
            halted,
            handed_over: row
                .try_get::<_, Option<Vec<Text>>>("handed_over")?
                .unwrap_or_default()
                .into_iter()
                .map(String::from)
                .collect(),
        },
        "function" => Slice::ForFunction { events, halted },
        _ => Slice::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::snapshot::OldSourceId;
    use std::time::Duration;

    fn reach(events: u64) -> Reach {
        let backlog = Backlog {
            source: OldSourceId(1),
            name: "shop".to_owned(),
            events,
            batches: 1,
            events_a_call: 1000,
            lock_timeout: Duration::ZERO,
        };
        Reach::new(&backlog, Sizes::default())
    }

    #[test]
    fn many_events_that_stand_alone_do_not_make_slices_look_at_most_events_again_and_again() {
        let (mut reach, mut left, mut looked_at) = (reach(1_000_000), 1_000_000, 0);
        while left > 0 {
            looked_at += reach.size.min(left);
            // One that stands alone comes every thousand events.
            reach.after(1000, true);
            left -= 1000;
        }
        assert!(looked_at < 6_000_000, "{looked_at}");
    }

    #[test]
    fn a_large_batch_is_done_in_few_slices() {
        assert_eq!(reach(1000).size, 1_000_000);
        assert_eq!(reach(40_000_000).size, 5_000_000);
    }

    #[test]
    fn slices_grow_again() {
        let mut reach = reach(1_000_000);
        reach.after(3, true);
        let small = reach.size;
        for _ in 0..5 {
            reach.after(small, false);
        }
        assert_eq!((small, reach.size), (4000, 1_000_000));
    }
}

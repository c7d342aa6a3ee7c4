//! Replays in sets: the events of a slice of a batch, table by table, the net effect of each key in bulk.
//!
//! A slice gives exactly what one call of `fn_process_batch` with as many events gives: the same rows, log, list,
//! counters and times, in one statement that commits or does nothing. What of it isn't proven equal is done by the
//! function itself: within the slice where the order between tables doesn't matter (a table with few events, with
//! columns that differ between events, with keys that change…), else the slice as a whole (a table with triggers, foreign
//! keys, rules, row security…). A slice that fails is left to the function too, which finds the event at fault.

use super::by_function::{Caller, More};
use super::trouble::Trouble;
use super::{Backlog, Progress, ReplayError, by_function};
use crate::postgres::wait_for_locks;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// The functions that a session needs; they go with it.
const FUNCTIONS: [&str; 3] =
    [include_str!("fitness.sql"), include_str!("group.sql"), include_str!("slice.sql")];

/// Compiling the statements would take longer than running them; and temporary tables are to stay in memory.
const SETTINGS: &str = "
    SELECT set_config(name, CASE name WHEN 'jit' THEN 'off' ELSE '128MB' END, false)
    FROM pg_settings WHERE name IN ('jit', 'temp_buffers')";

/// How large sets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// How many events are committed at a time.
    pub slice: i32,
    /// How many events of a table make a set worth its while.
    pub worth_it: i32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { slice: 250_000, worth_it: 500 }
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
        tracing::info!("no replay in sets: {}", crate::postgres::describe(&error));
        return by_function::replay(client, backlog, progress).await;
    }
    wait_for_locks(client, backlog.lock_timeout).await?;
    let mut caller = Caller::new(backlog, progress);
    while !progress.halted() {
        let outcome = match slice(client, backlog, sizes).await {
            Ok(outcome) => outcome,
            Err(error) => match Trouble::of(&error) {
                Trouble::Passing if caller.tries_again() => continue,
                Trouble::Passing | Trouble::Elsewhere => return Err(error.into()),
                Trouble::Lock | Trouble::Event => {
                    tracing::info!(
                        "{}: by the function, {}",
                        backlog.name,
                        crate::postgres::describe(&error)
                    );
                    Slice::ForFunction(sizes.slice)
                }
            },
        };
        match outcome {
            Slice::Replayed { events, handed_over } => {
                for table in handed_over {
                    tracing::info!("{}: by the function, {table}", backlog.name);
                }
                caller.passed(events);
            }
            Slice::ForFunction(events) => {
                if caller.replay(client, events).await? == More::No {
                    return Ok(());
                }
            }
            Slice::Nothing => return Ok(()),
        }
    }
    Ok(())
}

/// Makes the functions in the session. Once is enough.
///
/// # Errors
/// What PostgreSQL answers, such as when the role may not create temporary objects.
pub async fn install(client: &Client) -> Result<(), Error> {
    client.batch_execute(SETTINGS).await?;
    client.batch_execute(&FUNCTIONS.concat()).await
}

/// What became of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// So many events have been replayed.
    Replayed {
        /// How many.
        events: i32,
        /// The tables whose events the function did, each with the reason.
        handed_over: Vec<String>,
    },
    /// Nothing was done; the next so many events are for the function.
    ForFunction(i32),
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
            "SELECT outcome, events, handed_over FROM pg_temp.chameleon_replay_slice($1, $2, $3)",
            &[(&backlog.source.0, Type::INT8), (&sizes.slice, Type::INT4), (&sizes.worth_it, Type::INT4)],
        )
        .await?;
    let events: Option<i32> = row.try_get("events")?;
    let handed_over: Option<Vec<String>> = row.try_get("handed_over")?;
    Ok(match row.try_get::<_, &str>("outcome")? {
        "replayed" => Slice::Replayed {
            events: events.unwrap_or_default(),
            handed_over: handed_over.unwrap_or_default(),
        },
        "function" => Slice::ForFunction(events.unwrap_or_default()),
        _ => Slice::Nothing,
    })
}

//! Replays by the catalogue's own `fn_process_batch`, as 1.8.2 does, one call after another.
//!
//! The function closes a batch when a call applies nothing, and drops the rest of its list. A call whose events
//! are all of tables that are not replicated would so lose the events behind them (measured with 1.8.2's own).
//! Every call here therefore reaches as far as the first event that will be applied.
//!
//! The session is as the role has it, for that is what the function and the statements in it run under. What is read
//! here is read under settings of this program's own.

use super::FailureClass;
use super::{Backlog, Progress, ReplayError, WaitingEvent};
use crate::cause::Cause;
use crate::postgres::{Text, under_our_own, wait_for_locks};
use std::time::Duration;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// How often a call is tried again after a failure that passes by itself.
const ATTEMPTS: u32 = 5;

/// How long a call waits for a lock at most while the event that needs it is closed in on.
const CLOSING_IN: Duration = Duration::from_secs(1);

/// Replays all that waits of a source, or all until it is told to halt.
///
/// # Errors
/// [`ReplayError`]; what was replayed until then is committed.
pub async fn replay(client: &Client, backlog: &Backlog, progress: &dyn Progress) -> Result<(), ReplayError> {
    let mut caller = Caller::new(backlog, progress);
    wait_for_locks(client, backlog.lock_timeout).await?;
    while caller.replay(client, i32::MAX).await? == More::Yes && !progress.halted() {}
    Ok(())
}

/// Whether anything may still wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Yes,
    No,
}

/// Calls the function for one source, and keeps count.
pub(super) struct Caller<'a> {
    backlog: &'a Backlog,
    progress: &'a dyn Progress,
    window: Window,
    done: u64,
    failed_in_passing: u32,
    calls_left: u64,
    most_calls: u64,
}

impl<'a> Caller<'a> {
    pub(super) fn new(backlog: &'a Backlog, progress: &'a dyn Progress) -> Self {
        // Each call takes an event at least or closes a batch.
        let most_calls = 2 * (backlog.events + 2 * backlog.batches) + 64;
        let window = Window::new(backlog.events_a_call);
        Self { backlog, progress, window, done: 0, failed_in_passing: 0, calls_left: most_calls, most_calls }
    }

    /// Replays the next `events` events, and as many more as it takes to reach one that will be applied; or the rest
    /// of the batch, and closes it. Halts before that when it is told to.
    pub(super) async fn replay(&mut self, client: &Client, events: i32) -> Result<More, ReplayError> {
        let mut left = events;
        loop {
            let Some(passed) = self.call(client, left).await? else { return Ok(More::No) };
            left = left.saturating_sub(passed);
            if left <= 0 || passed == 0 || self.progress.halted() {
                return Ok(More::Yes);
            }
        }
    }

    /// Notes events that were replayed in another way.
    pub(super) fn passed(&mut self, events: i32) {
        self.failed_in_passing = 0;
        self.done = self.backlog.events.min(self.done + u64::from(events.unsigned_abs()));
        self.progress.replayed(self.backlog, self.done);
    }

    /// Whether what failed may be tried again: a failure that passes by itself, not too often.
    pub(super) fn tries_again(&mut self) -> bool {
        self.failed_in_passing += 1;
        self.failed_in_passing <= ATTEMPTS
    }

    /// One call that succeeds, with at most so many events when that is possible: how many it took, or none when no
    /// batch waits.
    async fn call(&mut self, client: &Client, most: i32) -> Result<Option<i32>, ReplayError> {
        while self.calls_left > 0 {
            self.calls_left -= 1;
            let wanted = self.window.size.min(most).max(1);
            let head = under_our_own(client, Head::reaching(client, self.backlog, wanted)).await?;
            let Some(head) = head else { return Ok(None) };
            let Err(error) = process_batch(client, self.backlog, head.events).await else {
                let events = head.events.min(head.listed);
                self.passed(events);
                if self.window.passed(events) {
                    wait_for_locks(client, self.backlog.lock_timeout).await?;
                }
                return Ok(Some(events));
            };
            tracing::info!(
                events = head.events,
                error = crate::postgres::describe(&error),
                "the call failed"
            );
            match FailureClass::of(&error) {
                FailureClass::Passing if self.tries_again() => {}
                FailureClass::Passing | FailureClass::Elsewhere => return Err(error.into()),
                FailureClass::Lock if wanted > 1 => {
                    wait_for_locks(client, shorter(self.backlog.lock_timeout, CLOSING_IN)).await?;
                    self.window.failed(wanted);
                }
                FailureClass::Event if wanted > 1 => self.window.failed(wanted),
                FailureClass::Lock => return Err(head.waits(client, self.backlog, error).await),
                FailureClass::Event => return Err(head.blame(error)),
            }
        }
        Err(ReplayError::Endless { source_name: self.backlog.name.clone(), calls: self.most_calls })
    }
}

/// Of two times to wait, of which zero means for ever.
fn shorter(one: Duration, other: Duration) -> Duration {
    [one, other].into_iter().filter(|time| !time.is_zero()).min().unwrap_or_default()
}

async fn process_batch(client: &Client, backlog: &Backlog, events: i32) -> Result<(), Error> {
    let source = i32::try_from(backlog.source.0).unwrap_or(i32::MAX);
    tracing::debug!(events, source, "fn_process_batch");
    client
        .query_typed_one(
            "SELECT sch_chameleon.fn_process_batch($1, $2)",
            &[(&events, Type::INT4), (&source, Type::INT4)],
        )
        .await
        .map(drop)
}

/// The beginning of the batch that the next call works on.
struct Head {
    /// How many events the batch lists.
    listed: i32,
    /// How many the call takes.
    events: i32,
    /// The first of them that will be applied; none when the batch holds no such event.
    first: Option<WaitingEvent>,
}

impl Head {
    /// `events` of the batch, or as many more as it takes for one of them to be applied; none when no batch waits.
    async fn reaching(client: &Client, backlog: &Backlog, events: i32) -> Result<Option<Self>, Error> {
        let Some((head, _)) = Self::read(client, backlog, events).await? else { return Ok(None) };
        if head.first.is_some() || head.listed <= events {
            return Ok(Some(head));
        }
        let further = Self::read(client, backlog, head.listed).await?;
        Ok(further.map(|(head, place)| Self { events: place.unwrap_or(head.listed), ..head }))
    }

    /// With the place of its first event in the list.
    async fn read(
        client: &Client,
        backlog: &Backlog,
        events: i32,
    ) -> Result<Option<(Self, Option<i32>)>, Error> {
        let row = client
            .query_typed_opt(
                include_str!("first_applied.sql"),
                &[(&backlog.source.0, Type::INT8), (&events, Type::INT4)],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let number = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
        let place: Option<i64> = row.try_get("place")?;
        let first = if place.is_some() {
            Some(WaitingEvent {
                source: backlog.name.clone(),
                batch: row.try_get("i_id_batch")?,
                event: row.try_get("i_id_event")?,
                kind: row.try_get("kind")?,
                table: row.try_get::<_, Text>("table_name")?.0,
                place: row.try_get::<_, Text>("coordinate")?.0,
            })
        } else {
            None
        };
        let listed = number(row.try_get("listed")?);
        Ok(Some((Self { listed, events, first }, place.map(number))))
    }

    /// Of a call that applies one event only, that event needs the lock.
    async fn waits(self, client: &Client, backlog: &Backlog, error: Error) -> ReplayError {
        let Some(event) = self.first else { return error.into() };
        let holders = crate::postgres::holders_of_table(client, &event.table);
        match under_our_own(client, holders).await {
            Ok(holders) => ReplayError::Locked {
                event,
                timeout: backlog.lock_timeout,
                cause: Cause::of(crate::postgres::describe(&error), error),
                holders,
            },
            Err(lost) => lost.into(),
        }
    }

    /// Of a call that applies one event only, that event is at fault.
    fn blame(self, error: Error) -> ReplayError {
        match self.first {
            Some(event) => {
                ReplayError::Event { event, cause: Cause::of(crate::postgres::describe(&error), error) }
            }
            None => error.into(),
        }
    }
}

/// How many events a call takes. A call that fails is undone as a whole, so the event at fault is closed in
/// on: by halves until it stands alone at the head. Past it, the full size again.
struct Window {
    full: i32,
    size: i32,
    /// Events still to pass before the one at fault must have been among them.
    suspect: i32,
}

impl Window {
    fn new(events_a_call: u64) -> Self {
        let full = i32::try_from(events_a_call).unwrap_or(i32::MAX).max(1);
        Self { full, size: full, suspect: 0 }
    }

    /// A call of so many events failed.
    fn failed(&mut self, events: i32) {
        self.suspect = events;
        self.size = (events / 2).max(1);
    }

    /// So many events have been replayed: whether that was the last of a search.
    fn passed(&mut self, events: i32) -> bool {
        let searching = self.suspect > 0;
        self.suspect = self.suspect.saturating_sub(events).max(0);
        self.size = if self.suspect == 0 { self.full } else { self.size.min(self.suspect).max(1) };
        searching && self.suspect == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls it takes to find an event at fault, and whether it is the right one.
    fn close_in_on(fault: i32, events_a_call: u64, events: i32) -> (i32, u32) {
        let mut window = Window::new(events_a_call);
        let (mut head, mut calls) = (0, 0);
        while head < events {
            calls += 1;
            if (head..head + window.size).contains(&fault) {
                if window.size == 1 {
                    return (head, calls);
                }
                window.failed(window.size);
            } else {
                head += window.size;
                window.passed(window.size);
            }
        }
        (-1, calls)
    }

    #[test]
    fn the_event_at_fault_is_closed_in_on_by_halves() {
        for fault in 0..3000 {
            let (found, calls) = close_in_on(fault, 1000, 3000);
            assert_eq!(found, fault);
            assert!(calls < 40, "{calls} calls for the event {fault}");
        }
        assert_eq!(close_in_on(-5, 1000, 3000), (-1, 3));
    }
}

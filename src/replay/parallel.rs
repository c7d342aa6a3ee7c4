//! Replays several sources at a time, each in a session of its own. They have nothing in common but the server, unless
//! somebody's DDL or triggers make them write to the same tables: then one of them waits for the others.

use super::FailureClass;
use super::{Backlog, Method, Progress, ReplayError, by_function, set_based};
use crate::config::PostgresConnection;
use crate::postgres::exclusive;
use crate::postgres::{self, Breaker, Session};
use futures_util::future::join_all;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// What was replayed, and what broke it off.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The sources that were replayed to their end, with the time that each took.
    pub replayed: Vec<(Backlog, Duration)>,
    /// What failed first. The other sources stopped where they stood then.
    pub error: Option<ReplayError>,
}

/// Replays the backlogs, at most `jobs` of them at a time: one in the session of `client`, the others in sessions
/// opened for them, as far as the server allows more. `opened` is told of each, so that it can be ended.
pub async fn replay(
    client: &Client,
    connection: &PostgresConnection,
    backlogs: Vec<Backlog>,
    method: Method,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
    opened: &dyn Fn(Breaker),
) -> Outcome {
    let sessions = open(connection, further_sessions(&backlogs, method, jobs), opened).await;
    let work = Work {
        waiting: RefCell::new(backlogs.into()),
        put_off: RefCell::default(),
        busy: Cell::new(0),
        outcome: RefCell::default(),
        halted: Cell::new(false),
        method,
        progress,
    };
    join_all(sessions.iter().map(Session::client).chain([client]).map(|client| work.done_by(client))).await;
    for session in sessions {
        postgres::leave(session).await;
    }
    work.waiting.borrow_mut().append(&mut work.put_off.borrow_mut());
    work.done_by(client).await;
    work.outcome.into_inner()
}

/// One more session costs more than a small backlog.
fn further_sessions(backlogs: &[Backlog], method: Method, jobs: NonZeroUsize) -> usize {
    let small = match method {
        Method::Sets(sizes) => u64::from(sizes.worth_it.unsigned_abs()),
        Method::Function => u64::from(set_based::Sizes::default().worth_it.unsigned_abs()),
    };
    let large = backlogs.iter().filter(|backlog| backlog.events >= small).count();
    large.min(jobs.get()).saturating_sub(1)
}

async fn open(connection: &PostgresConnection, wanted: usize, opened: &dyn Fn(Breaker)) -> Vec<Session> {
    let mut sessions = Vec::new();
    while sessions.len() < wanted {
        match one_more(connection).await {
            Ok(session) => {
                opened(session.breaker());
                sessions.push(session);
            }
            Err(error) => {
                tracing::info!("{} sessions replay, and no more: {error}", sessions.len() + 1);
                break;
            }
        }
    }
    sessions
}

/// A pooler may let a client in and have no session for it.
const ANSWERS: Duration = Duration::from_secs(5);

async fn one_more(connection: &PostgresConnection) -> Result<Session, String> {
    let session = postgres::connect(connection).await.map_err(|error| error.to_string())?;
    match tokio::time::timeout(ANSWERS, session.client().batch_execute("")).await {
        Ok(Ok(())) => Ok(session),
        Ok(Err(error)) => Err(postgres::describe(&error)),
        Err(_) => Err(format!("no answer within {} seconds", ANSWERS.as_secs())),
    }
}

/// What is to be replayed, and what has been.
struct Work<'a> {
    waiting: RefCell<VecDeque<Backlog>>,
    /// Sources whose replay and another's were in each other's way: each goes on alone, when the others are done.
    put_off: RefCell<VecDeque<Backlog>>,
    /// How many are being replayed now.
    busy: Cell<usize>,
    outcome: RefCell<Outcome>,
    halted: Cell<bool>,
    method: Method,
    progress: &'a dyn Progress,
}

impl Work<'_> {
    /// Takes one backlog after another until none is left, or one has failed.
    async fn done_by(&self, client: &Client) {
        while !self.halted() {
            let Some(backlog) = self.waiting.borrow_mut().pop_front() else { return };
            let began = Instant::now();
            self.progress.begins(&backlog);
            self.busy.set(self.busy.get() + 1);
            let replayed = self.replay(client, &backlog).await;
            self.busy.set(self.busy.get() - 1);
            match replayed {
                Ok(()) if self.halted() => {}
                Ok(()) => {
                    let took = began.elapsed();
                    self.progress.ended(&backlog, took);
                    self.outcome.borrow_mut().replayed.push((backlog, took));
                }
                Err(error) if self.busy.get() > 0 && may_be_anothers_doing(&error) => {
                    tracing::info!("{} goes on when the other sources are done: {error}", backlog.name);
                    self.progress.put_off(&backlog);
                    self.put_off.borrow_mut().push_back(backlog);
                }
                Err(error) => {
                    self.halted.set(true);
                    self.outcome.borrow_mut().error.get_or_insert(error);
                }
            }
        }
    }

    /// 1.8.2 has a session for each source, under the role's settings and whatever its own statements set in it.
    async fn replay(&self, client: &Client, backlog: &Backlog) -> Result<(), ReplayError> {
        postgres::as_the_role(client, Some(exclusive::KEY)).await?;
        match self.method {
            Method::Sets(sizes) => set_based::replay(client, backlog, sizes, self).await,
            Method::Function => by_function::replay(client, backlog, self).await,
        }
    }
}

/// Locks that another source's session holds; and deadlocks, which only two sessions can have.
fn may_be_anothers_doing(error: &ReplayError) -> bool {
    match error {
        ReplayError::Locked { .. } => true,
        ReplayError::Postgres(error) => {
            matches!(FailureClass::of(error), FailureClass::Lock | FailureClass::Passing)
        }
        ReplayError::Event { .. } | ReplayError::Endless { .. } => false,
    }
}

impl Progress for Work<'_> {
    fn replayed(&self, backlog: &Backlog, done: u64) {
        self.progress.replayed(backlog, done);
    }

    fn halted(&self) -> bool {
        self.halted.get()
    }
}

//! Two databases with the same catalogue: one is replayed in sets, the other by the function in heads of the same size.

use super::stream::RandomSource;
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Planted, Seed, original};
use chameleon_harness::server::{self, Address, Database, Server};
use chameleon_harness::tools::{everything_is_required, or_skip};
use chameleon_upgrade::catalogue::v1::snapshot::OldSourceId;
use chameleon_upgrade::replay::set_based::{self, Sizes, Slice};
use chameleon_upgrade::replay::trouble::Trouble;
use chameleon_upgrade::replay::{Backlog, Progress, ReplayError, by_function};
use secrecy::ExposeSecret;
use std::cell::RefCell;
use std::time::Duration;

/// An empty catalogue to copy: 1.8.2's own, or ours where that isn't installed.
pub struct Template {
    database: Database,
}

impl Template {
    pub fn new() -> Self {
        let database = server::shared().unwrap().create_database().unwrap();
        let mut client = database.connect().unwrap();
        match original::create_schema(&mut client) {
            Ok(()) => {}
            Err(original::OriginalError::Missing(missing)) => {
                or_skip::<()>("the real fn_process_batch as the judge", Err(missing));
                assert!(!everything_is_required());
                drop(Seed::default().plant(&mut client).unwrap());
            }
            Err(error) => panic!("{error}"),
        }
        client
            .batch_execute(
                "CREATE TABLE public.parent (id integer PRIMARY KEY); CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy')",
            )
            .unwrap();
        Self { database }
    }
}

/// How often each way was gone.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub in_sets: u32,
    pub partly: u32,
    pub by_function: u32,
}

/// See the module.
pub struct Contest<'a> {
    ours: Database,
    judge: Database,
    planted: Planted,
    sources: &'a [RandomSource],
}

impl<'a> Contest<'a> {
    pub fn new(template: &Template, sources: &'a [RandomSource]) -> Self {
        let (ours, seed) = (template.database.copy().unwrap(), seed(sources));
        let mut client = ours.connect().unwrap();
        let planted = seed.plant_into_existing(&mut client).unwrap();
        drop(client);
        Self { judge: ours.copy().unwrap(), ours, planted, sources }
    }

    /// Replays both, source by source, and compares.
    pub fn decide(&mut self) -> Result<Tally, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let address = server::shared().unwrap().address().clone();
        let tally = runtime.block_on(async {
            let mut tally = Tally::default();
            let (ours, judge) = (session(&address, &self.ours).await, session(&address, &self.judge).await);
            set_based::install(&ours).await.unwrap();
            for (random, planted) in self.sources.iter().zip(&self.planted.sources) {
                let backlog = Backlog {
                    source: OldSourceId(planted.id),
                    name: format!("s{}", planted.id),
                    events: 1000,
                    batches: 2,
                    events_a_call: random.events_a_call,
                    lock_timeout: Duration::ZERO,
                };
                compare(&ours, &judge, random, &backlog, &mut tally).await?;
            }
            Ok::<_, String>(tally)
        })?;
        let [ours, judge] = [&self.ours, &self.judge].map(content);
        if ours == judge {
            Ok(tally)
        } else {
            Err(format!("the function (-) and ours (+):\n{}", judge.diff(&ours)))
        }
    }
}

fn seed(sources: &[RandomSource]) -> Seed {
    let mut seed = Seed::default();
    for (number, random) in sources.iter().enumerate() {
        let (source, statements) = random.seed(number);
        seed.sources.push(source);
        seed.statements.extend(statements);
    }
    seed
}

/// Replays a source in slices; the judge calls the function for as many events each time.
async fn compare(
    ours: &tokio_postgres::Client,
    judge: &tokio_postgres::Client,
    random: &RandomSource,
    backlog: &Backlog,
    tally: &mut Tally,
) -> Result<(), String> {
    let sizes = Sizes { slice: random.slice, worth_it: random.worth_it };
    for _ in 0..500 {
        let outcome = match set_based::slice(ours, backlog, sizes).await {
            Err(error) if Trouble::of(&error) == Trouble::Event => {
                Slice::ForFunction { events: sizes.slice, halted: false }
            }
            outcome => outcome.map_err(|error| format!("{error:?}"))?,
        };
        match outcome {
            Slice::Replayed { events, closed, handed_over, .. } => {
                *(if handed_over.is_empty() { &mut tally.in_sets } else { &mut tally.partly }) += 1;
                // Closing the batch takes one more call, which finds nothing to apply.
                for call in 0..=u32::from(closed) {
                    let answer = judge
                        .query_one(
                            "SELECT sch_chameleon.fn_process_batch($1, $2)",
                            &[&events, &i32::try_from(backlog.source.0).unwrap()],
                        )
                        .await;
                    if let Err(error) = answer {
                        return Err(format!(
                            "ours replayed {events} events of {}, call {call} of the function: {error:?}",
                            backlog.name
                        ));
                    }
                }
            }
            Slice::Nothing => return Ok(()),
            Slice::ForFunction { events, .. } => {
                tally.by_function += 1;
                for _ in 0..events.clamp(1, 6) {
                    // Both do the next event by the function; so far they must have gone alike.
                    let answers = [one_event(ours, backlog).await, one_event(judge, backlog).await];
                    if answers[0] != answers[1] {
                        let [ours, judge] = answers;
                        return Err(format!(
                            "the next event of {}: ours {ours:?}, the function {judge:?}",
                            backlog.name
                        ));
                    }
                    if answers[0].is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
    Err(format!("there is no end to the replay of {}", backlog.name))
}

/// Replays up to the next event that is applied; the message of its failure.
async fn one_event(client: &tokio_postgres::Client, backlog: &Backlog) -> Result<(), String> {
    struct Once(RefCell<bool>);
    impl Progress for Once {
        fn replayed(&self, _: &Backlog, _: u64) {
            *self.0.borrow_mut() = true;
        }
        fn halted(&self) -> bool {
            *self.0.borrow()
        }
    }
    let backlog = Backlog { events_a_call: 1, ..backlog.clone() };
    by_function::replay(client, &backlog, &Once(RefCell::new(false))).await.map_err(|error| match error {
        ReplayError::Event { event, cause } => format!("{event}: {cause}"),
        other => other.to_string(),
    })
}

async fn session(address: &Address, database: &Database) -> tokio_postgres::Client {
    let mut config = tokio_postgres::Config::new();
    config
        .host(&address.host)
        .port(address.port)
        .user(&address.user)
        .password(address.password.expose_secret())
        .dbname(database.name());
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

/// Everything in the database, with the time of replay, which is now, made one.
fn content(database: &Database) -> Record {
    let mut client = database.connect().unwrap();
    client
        .batch_execute("UPDATE sch_chameleon.t_replica_batch SET ts_replayed = 'infinity' WHERE ts_replayed > '2025-01-01'")
        .unwrap();
    Record::of_database(&mut client).unwrap().content()
}

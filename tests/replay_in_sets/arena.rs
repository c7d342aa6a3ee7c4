//! Two databases with the same catalogue: one is replayed in sets, the other by the function in heads of the same size.

use chameleon_harness::process::tools::{everything_is_required, or_skip};
use chameleon_harness::seed::{Created, Seed, original};
use chameleon_harness::server::{self, Address, Database, Server};
use chameleon_upgrade::facts::snapshot::OldSourceId;
use chameleon_upgrade::replay::FailureClass;
use chameleon_upgrade::replay::set_based::{self, Sizes, Slice};
use chameleon_upgrade::replay::{Backlog, Progress, ReplayError, by_function};
use secrecy::ExposeSecret;
use std::cell::Cell;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How the replay of a source is cut up.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub sizes: Sizes,
    pub events_a_call: u64,
}

/// How often each way was gone, and how many replays ended at an event that fails.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub in_sets: u32,
    pub partly: u32,
    pub by_function: u32,
    pub failed: u32,
}

/// The two databases, empty again for each contest.
pub struct Arena {
    ours: Side,
    judge: Side,
    runtime: Runtime,
}

/// A database with a session of either kind.
struct Side {
    database: Database,
    client: postgres::Client,
    session: tokio_postgres::Client,
}

/// Nothing of an earlier contest is left, and ids begin at 1 again.
const EMPTY: &str = "
    DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^s[0-9]' LOOP
            EXECUTE format('DROP SCHEMA %I CASCADE', name);
        END LOOP;
        FOR name IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'sch_chameleon.t_log_replica'::regclass LOOP
            EXECUTE format('DROP TABLE %s', name);
        END LOOP;
    END $$;
    TRUNCATE sch_chameleon.t_sources RESTART IDENTITY CASCADE;
    DELETE FROM public.parent; DELETE FROM public.shared";

/// The rows of a table, a line each, with the time of replay, which is now, left out.
const ROWS: &str = "
    CREATE FUNCTION public.rows_of(tab regclass) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        rows text;
        line text := CASE WHEN tab = 'sch_chameleon.t_replica_batch'::regclass
                          THEN '(to_jsonb(t) - ''ts_replayed'')::text' ELSE 't::text' END;
    BEGIN
        EXECUTE format('SELECT string_agg(%L || r, E''\\n'' ORDER BY r) FROM (SELECT %s AS r FROM %s t) AS lines',
                       tab, line, tab)
        INTO rows;
        RETURN rows;
    END $$";

/// Every row of every table.
const CONTENT: &str = "
    SELECT string_agg(concat_ws(E'\\n', c.oid::regclass, public.rows_of(c.oid)), E'\\n' ORDER BY c.oid::regclass::text)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname ~ '^(s[0-9].*|sch_chameleon|public)$'";

impl Arena {
    /// 1.8.2's own catalogue in both, or ours where that isn't installed.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let address = server::shared().unwrap().address().clone();
        let [ours, judge] = [(); 2].map(|()| Side::new(&address, &runtime));
        runtime.block_on(async { set_based::install(&ours.session).await.unwrap() });
        Self { ours, judge, runtime }
    }

    /// Replays the seed both ways, source by source, and compares.
    pub fn contest(&mut self, seed: &Seed, cuts: &[Cut]) -> Result<Tally, String> {
        let planted = self.ours.create(seed);
        assert_eq!(planted, self.judge.create(seed));
        let (ours, judge) = (&self.ours.session, &self.judge.session);
        let tally = self.runtime.block_on(async {
            let mut tally = Tally::default();
            for (cut, planted) in cuts.iter().zip(&planted.sources) {
                let backlog = Backlog {
                    source: OldSourceId(planted.id),
                    name: format!("s{}", planted.id),
                    events: 1000,
                    batches: 2,
                    events_a_call: cut.events_a_call,
                    lock_timeout: Duration::ZERO,
                };
                compare(ours, judge, cut.sizes, &backlog, &mut tally).await?;
            }
            Ok::<_, String>(tally)
        })?;
        let [ours, judge] = [&mut self.ours, &mut self.judge].map(Side::content);
        if ours == judge { Ok(tally) } else { Err(difference(&judge, &ours)) }
    }
}

impl Side {
    fn new(address: &Address, runtime: &Runtime) -> Self {
        let database = server::shared().unwrap().create_database().unwrap();
        let mut client = database.connect().unwrap();
        match original::create_schema(&mut client) {
            Ok(()) => {}
            Err(original::OriginalError::Missing(missing)) => {
                or_skip::<()>("the real fn_process_batch as the judge", Err(missing));
                assert!(!everything_is_required());
                drop(Seed::default().create(&mut client).unwrap());
            }
            Err(error) => panic!("{error}"),
        }
        client
            .batch_execute(
                "CREATE TABLE public.parent (id integer PRIMARY KEY); CREATE TABLE public.shared (n bigint);
                 CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN public.short AS varchar(3);
                 CREATE FUNCTION public.is_odd(n integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT n % 2 <> 0'",
            )
            .unwrap();
        client.batch_execute(ROWS).unwrap();
        let session = runtime.block_on(session(address, &database));
        Self { database, client, session }
    }

    fn create(&mut self, seed: &Seed) -> Created {
        self.client.batch_execute(EMPTY).unwrap();
        seed.fill(&mut self.client).unwrap_or_else(|error| panic!("{error} in {}", self.database.name()))
    }

    fn content(&mut self) -> String {
        self.client.query_one(CONTENT, &[]).unwrap().get(0)
    }
}

/// The lines that only one of them has.
fn difference(judge: &str, ours: &str) -> String {
    let only = |one: &str, other: &str, sign: &str| {
        let others: std::collections::HashSet<_> = other.lines().collect();
        let lines = one.lines().filter(|line| !others.contains(line)).map(|line| format!("{sign} {line}\n"));
        lines.collect::<String>()
    };
    format!("the function (-) and ours (+):\n{}{}", only(judge, ours, "-"), only(ours, judge, "+"))
}

/// Replays a source in slices; the judge calls the function for as many events each time.
async fn compare(
    ours: &tokio_postgres::Client,
    judge: &tokio_postgres::Client,
    sizes: Sizes,
    backlog: &Backlog,
    tally: &mut Tally,
) -> Result<(), String> {
    for _ in 0..500 {
        let outcome = match set_based::slice(ours, backlog, sizes).await {
            Err(error) if FailureClass::of(&error) == FailureClass::Event => {
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
                        tally.failed += 1;
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
    struct Once(Cell<bool>);
    impl Progress for Once {
        fn replayed(&self, _: &Backlog, _: u64) {
            self.0.set(true);
        }
        fn halted(&self) -> bool {
            self.0.get()
        }
    }
    let backlog = Backlog { events_a_call: 1, ..backlog.clone() };
    by_function::replay(client, &backlog, &Once(Cell::new(false))).await.map_err(|error| match error {
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

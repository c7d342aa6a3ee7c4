//! Our 1.7 catalogue against the one that pg_chameleon 1.8.2 makes: the same structure, and the same replay, call by
//! call. Then what only ours can: names that break the original.
//!
//! Each case of replay_cases.yaml is a test of its own.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use chameleon_harness::process::tools;
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Batch, BatchState, Event, Kind, Seed, Source, Table, original};
use chameleon_harness::server::{self, Database, Server};
use libtest_mimic::{Arguments, Failed, Trial};
use postgres::Client;
use serde::Deserialize;
use serde_json::json;

type Outcome = Result<(), Box<dyn Error>>;

/// A test that libtest-mimic runs.
type Test = Box<dyn FnOnce() -> Outcome + Send>;

/// What waits in a catalogue, and how it is replayed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The first argument of `fn_process_batch`.
    max_events: i32,
    /// The SQLSTATE that one of the calls must end with.
    fails: Option<String>,
    seed: Seed,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let original = tools::chameleon1();
    let mut trials = Vec::new();
    let mut compared = |name: String, test: Test| {
        let ignored = original.is_err() && !tools::everything_is_required();
        if let (true, Err(missing)) = (ignored, &original) {
            eprintln!("{name}: skipped, {missing}");
        }
        trials.push(trial(name, test).with_ignored_flag(ignored));
    };
    compared("structure".to_owned(), Box::new(the_structure_is_the_original_one));
    for case in cases() {
        compared(format!("replay/{}", case.name), Box::new(move || ours_replays_as_the_original(&case)));
    }
    let mut own = |name: &str, test: fn() -> Outcome| trials.push(trial(name.to_owned(), Box::new(test)));
    own("names_of_key_columns_with_commas_and_quotes", names_of_key_columns_with_commas_and_quotes);
    own("batches_are_planted_in_every_state", batches_are_planted_in_every_state);
    own("positions_past_2_gib_widen_their_columns", positions_past_2_gib_widen_their_columns);
    own("a_seed_that_fails_leaves_nothing", a_seed_that_fails_leaves_nothing);
    own("generated_events_change_what_they_should", generated_events_change_what_they_should);
    own("the_demo_seed_is_replayed", the_demo_seed_is_replayed);
    own("an_ordinary_role_plants_the_same", an_ordinary_role_plants_the_same);
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: String, test: Test) -> Trial {
    Trial::test(name, move || test().map_err(|error| Failed::from(described(error.as_ref()))))
}

/// An error with what caused it.
fn described(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", described(source)),
        None => error.to_string(),
    }
}

fn cases() -> Vec<Case> {
    yaml_serde::from_str(include_str!("replay_cases.yaml")).unwrap()
}

fn database() -> Result<(Database, Client), Box<dyn Error>> {
    let database = server::shared()?.create_database()?;
    let client = database.connect()?;
    Ok((database, client))
}

fn the_structure_is_the_original_one() -> Outcome {
    let (_database, mut theirs) = database()?;
    let (_database, mut ours) = database()?;
    original::create_schema(&mut theirs)?;
    let seed = Seed::of([Source::new("a"), Source::new("b")]);
    seed.fill(&mut theirs)?;
    seed.create(&mut ours)?;
    let structure = |client: &mut Client| Record::of(client, &["sch_chameleon"]).map(Record::structure);
    let (theirs, ours) = (structure(&mut theirs)?, structure(&mut ours)?);
    assert!(!theirs.is_empty());
    equal(&theirs, &ours, "the original catalogue (-) and ours (+)")
}

fn ours_replays_as_the_original(case: &Case) -> Outcome {
    let (_database, mut theirs) = database()?;
    let (_database, mut ours) = database()?;
    original::create_schema(&mut theirs)?;
    let created = case.seed.fill(&mut theirs)?;
    assert_eq!(created, case.seed.create(&mut ours)?);
    equal(&content(&mut theirs)?, &content(&mut ours)?, "what was created")?;

    let mut failed = None;
    for source in &created.sources {
        for call in 1..=100 {
            let answers = [&mut theirs, &mut ours].map(|client| process(client, case.max_events, source.id));
            let place = format!("source {}, call {call}", source.id);
            assert_eq!(answers[0], answers[1], "{place}: the original's answer, and ours");
            equal(&content(&mut theirs)?, &content(&mut ours)?, &place)?;
            let [answer, _] = answers;
            if answer != Ok(true) {
                failed = failed.or(answer.err());
                break;
            }
            assert!(call < 100, "{place}: there is no end to it");
        }
    }
    assert_eq!(failed, case.fails, "the SQLSTATE of the failure");
    Ok(())
}

/// One call of the catalogue's function: its answer, or the SQLSTATE of its failure.
fn process(client: &mut Client, max_events: i32, source: i64) -> Result<bool, String> {
    client
        .query_one(
            "SELECT sch_chameleon.fn_process_batch($1, $2)",
            &[&max_events, &i32::try_from(source).unwrap()],
        )
        .map(|row| row.get(0))
        .map_err(|error| error.code().map_or(error.to_string(), |state| state.code().to_owned()))
}

/// Everything in the database but routines, with the time of replay, which is now, made one.
fn content(client: &mut Client) -> Result<Record, postgres::Error> {
    client.batch_execute(
        "UPDATE sch_chameleon.t_replica_batch SET ts_replayed = 'infinity' WHERE ts_replayed > '2025-01-01'",
    )?;
    Ok(Record::of_database(client)?.without_bodies())
}

fn equal(theirs: &Record, ours: &Record, what: &str) -> Outcome {
    if theirs == ours { Ok(()) } else { Err(format!("{what}:\n{}", theirs.diff(ours)).into()) }
}

/// The original takes the key text apart at every comma and drops quotes inside names: it fails on the first table
/// and leaves the second one unchanged.
fn names_of_key_columns_with_commas_and_quotes() -> Outcome {
    let (_database, mut client) = database()?;
    let comma = Table::new("comma").key(&["a,b", "c"]).column("a,b", "integer").column("c", "text").rows(1);
    let quote = Table::new("quote").key(&["a\"b"]).rows(1);
    Seed::of([Source::new("s").table(comma).table(quote).batch(
        Batch::listed("mysql-bin.000001:4")
            .event(Event::update("comma", json!({"a,b": 1, "c": "1"}), json!({"a,b": 2})))
            .event(Event::update("quote", json!({"a\"b": 1}), json!({"a\"b": 2, "data": "x"}))),
    )])
    .create(&mut client)?;
    assert_eq!(process(&mut client, 10, 1), Ok(true));
    let record = Record::of(&mut client, &["s"])?;
    assert_eq!(record.rows("s.comma").unwrap(), ["(2,1)"]);
    assert_eq!(record.rows("s.quote").unwrap(), ["(2,x)"]);
    Ok(())
}

fn batches_are_planted_in_every_state() -> Outcome {
    let (_database, mut client) = database()?;
    let states = [
        BatchState::Open,
        BatchState::Started,
        BatchState::Processed,
        BatchState::Listed,
        BatchState::Replayed,
    ];
    let source = states.iter().enumerate().fold(Source::new("a"), |source, (n, &state)| {
        source.batch(Batch::new(state, &format!("mysql-bin.000001:{n}")))
    });
    let created = Seed::of([source]).create(&mut client)?;
    assert_eq!(created.sources[0].batches, [1, 2, 3, 4, 5]);
    let rows = client.query(
        "SELECT format('%s %s %s %s %s %s', b.b_started, b.b_processed, e IS NOT NULL, b.b_replayed,
                       b.ts_processed IS NOT NULL, b.ts_replayed IS NOT NULL)
         FROM sch_chameleon.t_replica_batch b LEFT JOIN sch_chameleon.t_batch_events e USING (i_id_batch)
         ORDER BY b.ts_created",
        &[],
    )?;
    let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(rows, ["f f f f f f", "t f f f f f", "t t f f t f", "t t t f t f", "t t f t t t"]);
    Ok(())
}

fn positions_past_2_gib_widen_their_columns() -> Outcome {
    let far = "mysql-bin.000001:5000000000";
    let widened = |source: Source| -> Result<Vec<String>, Box<dyn Error>> {
        let (_database, mut client) = database()?;
        Seed::of([source]).create(&mut client)?;
        let rows = client.query(
            "SELECT c.relname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             WHERE a.attname = 'i_binlog_position' AND a.atttypid = 'bigint'::regtype
               AND c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
             ORDER BY 1",
            &[],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    let near = "mysql-bin.000001:2147483647";
    assert!(widened(Source::new("a").batch(Batch::open(near)).table(Table::new("t").at(near)))?.is_empty());
    assert_eq!(widened(Source::new("a").table(Table::new("t").at(far)))?, ["t_replica_tables"]);
    let with_events = Source::new("a")
        .table(Table::new("t"))
        .batch(Batch::listed(near).event(Event::insert("t", json!({"id": 1}))));
    assert_eq!(widened(with_events)?, ["t_log_replica"]);
    assert_eq!(widened(Source::new("a").batch(Batch::open(far)))?, ["t_log_replica", "t_replica_batch"]);
    Ok(())
}

fn a_seed_that_fails_leaves_nothing() -> Outcome {
    let (_database, mut client) = database()?;
    let refused = Seed::of([Source::new("a").table(Table::new("t").column("id", "no_such_type"))])
        .create(&mut client)
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the seed can't be created: creating table \"t\" of source \"a\" failed: 42704 type \"no_such_type\" does not exist"
    );
    let bulk = Batch::listed("mysql-bin.000001:4").event(Event::bulk_of("u", 1, &[Kind::Insert]));
    let refused = Seed::of([Source::new("a").batch(bulk)]).create(&mut client).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "source \"a\" has generated events for table \"u\", which is not among its tables: add it there"
    );
    let record = Record::of(&mut client, &["sch_chameleon", "a"])?;
    assert!(record.is_empty());
    Ok(())
}

/// Of ten inserts, ten updates and ten deletes on three rows, each changes exactly one row.
fn generated_events_change_what_they_should() -> Outcome {
    let (_database, mut client) = database()?;
    let batch = Batch::listed("mysql-bin.000001:4").event(Event::bulk_of(
        "t",
        30,
        &[Kind::Insert, Kind::Update, Kind::Delete],
    ));
    let source = Source::new("a").table(Table::new("t").rows(3)).batch(batch);
    let created = Seed::of([source]).create(&mut client)?;
    assert_eq!((created.sources[0].tables, created.sources[0].events), (1, 30));
    while process(&mut client, 7, 1)? {}
    let record = Record::of(&mut client, &["a"])?;
    let expected = ["(11,\"row 11, change 8\")", "(12,\"row 12, change 9\")", "(13,\"row 13, change 10\")"];
    assert_eq!(record.rows("a.t").unwrap(), expected);
    Ok(())
}

/// What `make demo` shows can be replayed to the end.
fn the_demo_seed_is_replayed() -> Outcome {
    let (_database, mut client) = database()?;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/seed/demo.yaml");
    let written: Seed = yaml_serde::from_str(&fs::read_to_string(path)?)?;
    assert_eq!(written, Seed::demo());
    let created = written.create(&mut client)?;
    assert!(created.sources.iter().any(|source| source.events > 0));
    for source in &created.sources {
        while process(&mut client, 1000, source.id)? {}
    }
    let waiting: i64 = client.query_one("SELECT count(*) FROM sch_chameleon.t_log_replica", &[])?.get(0);
    assert_eq!(waiting, 0);
    Ok(())
}

/// A superuser leaves out the checks of foreign keys; that makes no difference to what is created.
fn an_ordinary_role_plants_the_same() -> Outcome {
    let (_database, mut superuser) = database()?;
    let (database, mut owner) = database()?;
    owner.batch_execute(&format!(
        "CREATE ROLE ordinary LOGIN PASSWORD 'ordinary';
         GRANT CREATE ON DATABASE {} TO ordinary",
        database.name()
    ))?;
    let mut ordinary = database.config().user("ordinary").password("ordinary").connect(postgres::NoTls)?;
    assert_eq!(Seed::demo().create(&mut ordinary)?, Seed::demo().create(&mut superuser)?);
    let content = |client: &mut Client| Record::of_database(client).map(Record::content);
    equal(
        &content(&mut superuser)?,
        &content(&mut ordinary)?,
        "created by a superuser (-) and by another (+)",
    )
}

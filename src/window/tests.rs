//! The rule by examples, and against a definition that was written independently, over random binary logs.

use super::*;
use crate::binlog::BinlogFile;
use crate::mapping::MappingPair;
use crate::plan::Part;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn at(position: u64) -> BinlogCoordinate {
    in_file(1, position)
}

fn in_file(file: u64, position: u64) -> BinlogCoordinate {
    BinlogFile::parse(&format!("bin.{file:06}")).expect("a file").at(position).expect("a position")
}

fn table(schema: usize, table: &str) -> TableName {
    TableName { schema: format!("s{schema}"), table: table.to_owned() }
}

/// A source whose parts have the schemas s0, s1, … and these starts.
fn source(starts: &[BinlogCoordinate], consistent_point: BinlogCoordinate) -> PlannedSource {
    let part = |(number, start): (usize, &BinlogCoordinate)| Part {
        id: OldSourceId(number as i64),
        name: format!("old{number}"),
        pair: MappingPair { source_schema: format!("s{number}"), dest_schema: format!("d{number}") },
        start: Some(start.clone()),
        advanced: None,
        furthest_own: None,
        furthest_first_row: None,
        telling_batches: vec![],
        tables: 1,
    };
    PlannedSource {
        name: "new".into(),
        mappings: vec![],
        parts: starts.iter().enumerate().map(part).collect(),
        gtid_set: None,
        batch_start: starts.iter().min().cloned(),
        consistent_point: Some(consistent_point),
        last_received: None,
        last_replay: None,
    }
}

/// An event of a transaction: its end, and the schema that it concerns.
#[derive(Debug, Clone)]
struct Event {
    end: BinlogCoordinate,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Rows(TableName),
    Ddl(usize),
    Nothing,
}

/// A transaction as the events that it consists of.
#[derive(Debug, Clone)]
struct Whole {
    start: BinlogCoordinate,
    events: Vec<Event>,
}

impl Whole {
    fn end(&self) -> &BinlogCoordinate {
        &self.events.last().expect("an event").end
    }

    fn summed_up(&self) -> Transaction {
        let mut rows = BTreeMap::new();
        let mut ddl = Vec::new();
        for Event { end, what } in &self.events {
            match what {
                What::Rows(table) => drop(rows.insert(table.clone(), end.clone())),
                What::Ddl(schema) => ddl.push(statement(*schema, end)),
                What::Nothing => {}
            }
        }
        Transaction {
            start: self.start.clone(),
            end: self.end().clone(),
            rows,
            unnamed_rows: None,
            ddl,
            statements: vec![],
            hazards: vec![],
            redefined: BTreeMap::new(),
        }
    }
}

fn statement(schema: usize, end: &BinlogCoordinate) -> Ddl {
    Ddl {
        default_schema: format!("s{schema}"),
        kind: "ALTER TABLE".into(),
        text: "ALTER TABLE t".into(),
        end: end.clone(),
    }
}

fn rows(start: u64, end: u64, name: TableName) -> Transaction {
    let rows = BTreeMap::from([(name, at(end - 1))]);
    Transaction {
        start: at(start),
        end: at(end),
        rows,
        unnamed_rows: None,
        ddl: vec![],
        statements: vec![],
        hazards: vec![],
        redefined: BTreeMap::new(),
    }
}

fn read(source: &PlannedSource, transactions: &[Transaction]) -> Narrowed {
    let mut window = Window::of(source, NameCase::Sensitive).expect("a window");
    transactions.iter().for_each(|transaction| window.take(transaction));
    window.close()
}

fn positions(narrowed: &Narrowed) -> Vec<i64> {
    narrowed.starts.iter().map(|(_, start)| start.position()).collect()
}

#[test]
fn a_source_with_nothing_new_starts_at_the_consistent_point() {
    let narrowed = read(&source(&[at(10), at(100)], at(120)), &[rows(20, 30, table(1, "t"))]);
    assert_eq!(positions(&narrowed), [120, 120]);
    assert_eq!(narrowed.batch_start, at(120));
    assert!(narrowed.rows.is_empty());
}

#[test]
fn rows_of_a_table_named_before_the_reading_began_concern_everybody() {
    let unnamed =
        Transaction { unnamed_rows: Some(at(28)), rows: BTreeMap::new(), ..rows(20, 30, table(0, "t")) };
    let narrowed = read(&source(&[at(20), at(28)], at(100)), &[unnamed]);
    assert_eq!(positions(&narrowed), [20, 100]);
}

#[test]
fn a_start_is_never_moved_to_before_itself() {
    // s0 has read up to within the transaction, and there is more of it.
    let narrowed = read(&source(&[at(25), at(100)], at(100)), &[rows(20, 30, table(0, "t"))]);
    assert_eq!(positions(&narrowed), [25, 100]);
}

#[test]
fn the_commit_behind_its_start_holds_nobody_back() {
    let narrowed = read(&source(&[at(29), at(100)], at(100)), &[rows(20, 30, table(0, "t"))]);
    assert_eq!(positions(&narrowed), [100, 100]);
}

#[test]
fn what_is_left_names_the_last_rows_of_each_table_and_who_lags() {
    let log = [
        rows(10, 20, table(1, "before")),
        rows(20, 30, table(0, "t")),
        rows(30, 40, table(1, "gone")),
        rows(40, 50, table(1, "gone")),
        rows(60, 70, table(1, "after")),
        rows(70, 80, TableName { schema: "other".into(), table: "gone".into() }),
    ];
    let narrowed = read(&source(&[at(10), at(60)], at(90)), &log);
    assert_eq!(narrowed.batch_start, at(20));
    let left = [RowsLeft { table: table(1, "gone"), last: at(49), lagging: vec!["old0".into()] }];
    assert_eq!(narrowed.rows, left);
}

#[test]
fn names_without_letter_case_are_one() {
    let planned = source(&[at(10), at(100)], at(100));
    let log = rows(20, 30, TableName { schema: "S0".into(), table: "T".into() });
    let starts = |letters| {
        let mut window = Window::of(&planned, letters).expect("a window");
        window.take(&log);
        positions(&window.close())
    };
    assert_eq!(starts(NameCase::Insensitive), [20, 100]);
    assert_eq!(starts(NameCase::Sensitive), [100, 100]);
}

#[test]
fn ddl_is_kept_up_to_a_number_and_counted_beyond() {
    let mut log = vec![rows(20, 30, table(0, "t"))];
    for number in 0..50 {
        let end = at(40 + 10 * number);
        let ddl = vec![statement(1, &end)];
        log.push(Transaction {
            start: at(31 + 10 * number),
            end,
            rows: BTreeMap::new(),
            unnamed_rows: None,
            ddl,
            statements: vec![],
            hazards: vec![],
            redefined: BTreeMap::new(),
        });
    }
    let narrowed = read(&source(&[at(10), at(1000)], at(1000)), &log);
    assert_eq!((narrowed.ddl.len(), narrowed.more_ddl), (20, 30));
    assert!(narrowed.ddl.iter().all(|left| left.applied));
}

fn met(schema: &str, end: u64, consequence: Consequence) -> Met {
    Met {
        default_schema: schema.into(),
        text: "ANALYZE TABLE t".into(),
        shown: "ANALYZE TABLE t".into(),
        end: at(end),
        table: Some("t".into()),
        judged: Some(Judged { consequence, why: "it can't".into() }),
        redefines: vec![],
    }
}

#[test]
fn what_lies_ahead_begins_where_the_new_replica_does() {
    let with = |start: u64, schema: &str, consequence| Transaction {
        statements: vec![met(schema, start + 10, consequence)],
        ..rows(start, start + 11, table(9, "of nobody"))
    };
    let log = [
        with(10, "s1", Consequence::Unparsable),
        rows(30, 40, table(1, "before")),
        rows(40, 50, table(0, "left")),
        with(50, "s1", Consequence::Unparsable),
        with(70, "s9", Consequence::Unparsable),
        rows(100, 110, table(1, "behind")),
        with(120, "s0", Consequence::Open),
    ];
    let ends = |statements: &Statements| statements.named.iter().map(|it| it.end.clone()).collect::<Vec<_>>();
    let narrowed = read(&source(&[at(10), at(90)], at(90)), &log);
    assert_eq!(narrowed.batch_start, at(40));
    assert_eq!(narrowed.ahead.rows.into_keys().collect::<Vec<_>>(), [table(0, "left"), table(1, "behind")]);
    assert_eq!(ends(&narrowed.ahead.fails), [at(60)]);
    assert_eq!(ends(&narrowed.ahead.may_fail), [at(130)]);

    // Nothing is left of the window: the new replica begins at the consistent point.
    let narrowed = read(&source(&[at(60), at(90)], at(90)), &log[3..]);
    assert_eq!(narrowed.batch_start, at(90));
    assert_eq!(narrowed.ahead.rows.into_keys().collect::<Vec<_>>(), [table(1, "behind")]);
    assert_eq!(ends(&narrowed.ahead.fails), []);
}

#[test]
fn statements_are_named_up_to_a_number_and_counted_beyond() {
    let mut statements = Statements::default();
    (1..=50).for_each(|number| statements.push(&met("s", number, Consequence::Unparsable)));
    assert_eq!((statements.named.len(), statements.more, statements.last), (20, 30, Some(at(50))));
}

/// An ORM names each savepoint anew.
#[test]
fn what_comes_again_and_again_is_known_by_what_it_has_in_common() {
    let said =
        |shown: &str, number| Met { shown: shown.to_owned(), ..met("s", number, Consequence::Unparsable) };
    let mut statements = Statements::default();
    let texts = ["SAVEPOINT a", "savepoint `b_17`", "SAVEPOINT x", "CREATE VIEW v AS SELECT 1", "FLUSH a"];
    texts.iter().zip(1..).for_each(|(text, number)| statements.push(&said(text, number)));
    assert_eq!(statements.again().collect::<Vec<_>>(), [("SAVEPOINT", 3)]);
    (10..40).for_each(|number| statements.push(&said(&format!("ANALYZE TABLE t_{number}"), number)));
    let mut all = Statements::default();
    all.push(&said("ANALYZE TABLE t_9", 0));
    all.append(&statements);
    assert_eq!(all.again().collect::<Vec<_>>(), [("ANALYZE TABLE t_#", 31), ("SAVEPOINT", 3)]);
}

/// The daemon parses everything, and translates what it takes for not applied: what lies behind the point of its table.
#[test]
fn what_has_been_applied_only_needs_to_be_parsed() {
    let one = |end: u64, consequence| Transaction {
        statements: vec![met("s1", end, consequence)],
        ..rows(end - 10, end, table(0, "a"))
    };
    let mut planned = source(&[at(10), at(100)], at(200));
    planned.parts[1].furthest_own = Some(at(150));
    let log: Vec<_> =
        [Consequence::Unparsable, Consequence::Untranslatable, Consequence::Disables, Consequence::Open]
            .into_iter()
            .enumerate()
            .flat_map(|(number, consequence)| {
                let number = number as u64;
                [
                    one(40 + number, consequence),
                    one(140 + number, consequence),
                    one(180 + number, consequence),
                ]
            })
            .collect();
    let mut log = log;
    log.sort_by_key(|it| it.end.clone());
    let mut ahead = read(&planned, &log).ahead;
    let ends =
        |statements: &Statements| statements.named.iter().map(|it| it.end.position()).collect::<Vec<_>>();
    assert_eq!(ends(&ahead.fails), [40, 140, 180, 181, 182]);
    assert_eq!(ends(&ahead.may_fail), [141, 142, 143, 183]);

    // What the lists of the configuration leave out is parsed all the same.
    let mut left_out = ahead.clone();
    left_out.pass_over(|met| met.table.as_deref() == Some("t"));
    assert_eq!((ends(&left_out.fails), ends(&left_out.may_fail)), (vec![40, 140, 180], vec![]));

    // Whoever judges better has the last word.
    ahead.settle(|_| None);
    assert_eq!((ends(&ahead.fails), ends(&ahead.may_fail)), (vec![], vec![]));
}

/// Where one text comes again and again, it is kept once.
#[test]
fn statements_are_kept_up_to_a_number_and_judged_by_us_beyond() {
    let one = |end: u64| Transaction {
        statements: vec![met("s0", end, Consequence::Unparsable)],
        ..rows(end - 1, end, table(0, "a"))
    };
    let log: Vec<_> = (1000..6000).map(one).collect();
    let mut ahead = read(&source(&[at(10)], at(10)), &log).ahead;
    assert_eq!((ahead.kept.statements.len(), ahead.kept.more), (2000, 3000));
    let count = |statements: &Statements| statements.named.len() as u64 + statements.more;
    assert_eq!(count(&ahead.fails), 5000);
    ahead.settle(|_| None);
    assert_eq!((count(&ahead.fails), ahead.fails.last.clone()), (3000, Some(at(5999))));
}

#[test]
fn widths_are_told_as_far_as_they_are_known() {
    assert_eq!(Width::between(&at(5), &at(5)).to_string(), "nothing");
    assert_eq!(Width::between(&at(5), &at(5 + 3 * 1024)).to_string(), "3.0 KiB within one file");
    assert_eq!(Width::between(&in_file(1, 900), &in_file(3, 4)).to_string(), "3 files");
    assert_eq!(Bytes(1).to_string(), "1 byte");
    assert_eq!(Bytes(5 << 30).to_string(), "5.0 GiB");
}

const SCHEMAS: usize = 3;

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => (0..SCHEMAS + 1, 0..3_u8).prop_map(|(schema, name)| What::Rows(table(schema, &format!("t{name}")))),
        1 => (0..SCHEMAS + 1).prop_map(What::Ddl),
        2 => Just(What::Nothing),
    ]
}

/// A binary log: transactions of a few events each, over several files.
fn binary_log() -> impl Strategy<Value = Vec<Whole>> {
    let transaction = (proptest::collection::vec(what(), 1..5), any::<bool>(), 1..4_u64);
    proptest::collection::vec(transaction, 0..12).prop_map(|transactions| {
        let (mut file, mut position) = (1, 4);
        let mut log = Vec::new();
        for (events, rotates, gap) in transactions {
            if rotates {
                (file, position) = (file + 1, 4);
            }
            position += gap;
            let start = in_file(file, position);
            let mut all = Vec::new();
            for what in events {
                position += 10;
                all.push(Event { end: in_file(file, position), what });
            }
            // The commit.
            position += 5;
            all.push(Event { end: in_file(file, position), what: What::Nothing });
            log.push(Whole { start, events: all });
        }
        log
    })
}

/// Every coordinate at which a reader can stand.
fn boundaries(log: &[Whole]) -> Vec<BinlogCoordinate> {
    let inside = log.iter().flat_map(|whole| {
        std::iter::once(whole.start.clone()).chain(whole.events.iter().map(|event| event.end.clone()))
    });
    std::iter::once(in_file(1, 4)).chain(inside).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A log, the starts of its readers, and a consistent point that is not before any of them.
fn situation() -> impl Strategy<Value = (Vec<Whole>, Vec<BinlogCoordinate>, BinlogCoordinate)> {
    let starts = proptest::collection::vec(any::<prop::sample::Index>(), 1..=SCHEMAS);
    (binary_log(), starts, any::<prop::sample::Index>()).prop_map(|(log, starts, point)| {
        let boundaries = boundaries(&log);
        let starts: Vec<_> = starts.iter().map(|start| start.get(&boundaries).clone()).collect();
        let point = starts.iter().max().expect("a start").max(point.get(&boundaries)).clone();
        (log, starts, point)
    })
}

/// As the reader of the binary log hands it on: from the smallest start, where a transaction may have begun before,
/// to the end of the transaction that the consistent point lies in.
fn handed_on(log: &[Whole], from: &BinlogCoordinate, to: &BinlogCoordinate) -> Vec<Transaction> {
    let mut seen = Vec::new();
    for whole in log.iter().filter(|whole| whole.end() > from) {
        let mut part = whole.clone();
        part.events.retain(|event| event.end > *from);
        part.start = part.start.max(from.clone());
        seen.push(part.summed_up());
        if whole.end() >= to {
            break;
        }
    }
    seen
}

fn concerns(event: &Event, schema: usize) -> bool {
    match &event.what {
        What::Rows(table) => table.schema == format!("s{schema}"),
        What::Ddl(default) => *default == schema,
        What::Nothing => false,
    }
}

/// The furthest place from which a reader still sees, each from the beginning of its transaction or from where it
/// stood, every event that concerns its schema and that it has not read.
fn furthest(
    log: &[Whole],
    schema: usize,
    start: &BinlogCoordinate,
    to: &BinlogCoordinate,
) -> BinlogCoordinate {
    let misses_nothing = |place: &BinlogCoordinate| {
        log.iter().all(|whole| {
            let unread = whole.events.iter().any(|event| event.end > *start && concerns(event, schema));
            !unread || *place <= whole.start || place == start
        })
    };
    let places = log.iter().map(|whole| &whole.start).chain([start, to]);
    places
        .filter(|place| *place >= start && *place <= to && misses_nothing(place))
        .max()
        .expect("the start misses nothing")
        .clone()
}

#[test]
fn names_are_told_apart_as_the_server_does() {
    let table = |schema: &str, table: &str| TableName { schema: schema.into(), table: table.into() };
    let orders = table("shop", "orders");
    for (other, distinct, alike) in [
        (table("shop", "orders"), true, true),
        (table("Shop", "ORDERS"), false, true),
        (table("shop", "items"), false, false),
        (table("stock", "orders"), false, false),
    ] {
        assert_eq!(NameCase::Sensitive.same_table(&orders, &other), distinct, "{other:?}");
        assert_eq!(NameCase::Insensitive.same_table(&orders, &other), alike, "{other:?}");
    }
    assert!(
        NameCase::Insensitive.same_schema("shop", "SHOP") && !NameCase::Sensitive.same_schema("shop", "SHOP")
    );
    assert!(
        !NameCase::Insensitive.same_schema("shop", "stock")
            && NameCase::Sensitive.same_schema("shop", "shop")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn starts_are_as_far_on_as_nothing_is_missed((log, starts, point) in situation()) {
        let planned = source(&starts, point.clone());
        let from = starts.iter().min().expect("a start").clone();
        let narrowed = read(&planned, &handed_on(&log, &from, &point));
        for (schema, start) in starts.iter().enumerate() {
            let (_, advanced) = &narrowed.starts[schema];
            prop_assert!(start <= advanced && *advanced <= point);
            prop_assert_eq!(advanced, &furthest(&log, schema, start, &point), "the start of s{}", schema);
        }
        prop_assert_eq!(Some(&narrowed.batch_start), narrowed.starts.iter().map(|(_, start)| start).min());

        // Once more from the advanced starts: nothing moves any more.
        let starts: Vec<_> = narrowed.starts.iter().map(|(_, start)| start.clone()).collect();
        let again = read(&source(&starts, point.clone()), &handed_on(&log, &narrowed.batch_start, &point));
        prop_assert_eq!(&again.starts, &narrowed.starts);
    }

    #[test]
    fn what_is_left_is_what_a_replica_meets_again((log, starts, point) in situation()) {
        let planned = source(&starts, point.clone());
        let from = starts.iter().min().expect("a start").clone();
        let narrowed = read(&planned, &handed_on(&log, &from, &point));
        // Of the transactions that begin before the consistent point, the events that are read again.
        let within = log.iter().filter(|whole| from < point && whole.start < point);
        let mut expected: BTreeMap<TableName, BinlogCoordinate> = BTreeMap::new();
        let mut ddl = 0;
        for whole in within {
            for event in whole.events.iter().filter(|event| event.end > narrowed.batch_start) {
                let of = |schema: usize| concerns(event, schema);
                let Some(schema) = (0..starts.len()).find(|schema| of(*schema)) else { continue };
                match &event.what {
                    What::Rows(table) if whole.start.clone().max(from.clone()) < starts[schema] => {
                        expected.insert(table.clone(), event.end.clone());
                    }
                    What::Ddl(_) => ddl += 1,
                    _ => {}
                }
            }
        }
        let found: BTreeMap<_, _> = narrowed.rows.into_iter().map(|left| (left.table, left.last)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(narrowed.ddl.len() as u64 + narrowed.more_ddl, ddl);
    }
}

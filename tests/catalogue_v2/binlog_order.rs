//! binlog_min and binlog_max order coordinates as [`BinlogCoordinate`] does, and as the real ones wherever those can.

use chameleon_upgrade::binlog::BinlogCoordinate;
use libtest_mimic::{Failed, Trial};
use postgres::Client;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::both::{check, in_full, install, trial, trial_of_ours};

/// Lists of coordinates in the order they are met, as rows of a VALUES list, on which both agree.
const SAME: &[&str] = &[
    "(ARRAY['mysql-bin.000010', '123'])",
    "(ARRAY['mysql-bin.000010', '123']), (ARRAY['mysql-bin.000010', '13'])",
    "(ARRAY['mysql-bin.999999', '900']), (ARRAY['mysql-bin.1000000', '4']), (ARRAY['mysql-bin.000007', '9'])",
    "(ARRAY['a.000010', '5']), (ARRAY['b.000010', '5'])",
    "(ARRAY['b.000010', '5']), (ARRAY['a.10', '5'])",
    "(ARRAY['a.000010', '5']), (NULL), (ARRAY['a.000003', '5'])",
    "(ARRAY['a.000010', '5']), (ARRAY[NULL, NULL]), (ARRAY['a.000003', '5'])",
    "(ARRAY['a.000010', '5']), (ARRAY['0', '0'])",
    "(NULL::text[])",
    "(ARRAY[NULL, NULL]::text[])",
    "(ARRAY['a.000010', '2147483647']), (ARRAY['a.000010', '2147483646'])",
];

pub fn trials() -> Vec<Trial> {
    vec![
        trial("binlog_order::both_agree", |both| {
            for values in SAME {
                let real = min_and_max(&mut both.real, values);
                let ours = min_and_max(&mut both.ours, values);
                check(real == ours, || format!("{values}: real {real:?}, ours {ours:?}"))?;
            }
            let real = min_and_max_where(&mut both.real, "false", SAME[0]);
            let ours = min_and_max_where(&mut both.ours, "false", SAME[0]);
            check(real == ours, || format!("no coordinate: real {real:?}, ours {ours:?}"))
        }),
        differs(
            "positions past 2 GiB, at which the real ones fail",
            "(ARRAY['a.000001', '2147483648']), (ARRAY['a.000001', '900'])",
            Err("out of range"),
            "{a.000001,900} {a.000001,2147483648}",
        ),
        differs(
            "positions past 4 GiB, at which the real ones fail",
            "(ARRAY['a.000001', '4294967295']), (ARRAY['a.000001', '4294967296']), (ARRAY['a.000001', '5000000000'])",
            Err("out of range"),
            "{a.000001,4294967295} {a.000001,5000000000}",
        ),
        differs(
            "a base name with a dot, at which the real ones fail",
            "(ARRAY['db.example.000007', '5']), (ARRAY['db.example.000009', '5'])",
            Err("invalid input syntax"),
            "{db.example.000007,5} {db.example.000009,5}",
        ),
        differs(
            "a file number written with fewer digits, as MySQL never does, whose positions the real ones don't compare",
            "(ARRAY['a.3', '900']), (ARRAY['a.000003', '4'])",
            Ok("{a.3,900} {a.3,900}"),
            "{a.000003,4} {a.3,900}",
        ),
        differs(
            "a null before the first coordinate, which hides it from the real ones",
            "(NULL), (ARRAY['a.000003', '5'])",
            Ok("null null"),
            "{a.000003,5} {a.000003,5}",
        ),
        trial_of_ours("binlog_order::ours_agree_with_the_order_of_coordinates", |client| {
            install(client)?;
            agrees_with_coordinates(client, places(any::<u64>(), 0..8_usize, i64::MAX))
        }),
        trial("binlog_order::the_real_ones_agree_where_they_do_not_overflow", |both| {
            let within = places(0..0x8000_0000_u64, Just(SIX_DIGITS), i32::MAX.into());
            agrees_with_coordinates(&mut both.real, within)
        }),
    ]
}

fn differs(
    name: &str,
    values: &'static str,
    real: Result<&'static str, &'static str>,
    ours: &'static str,
) -> Trial {
    trial(&format!("binlog_order::differs: {name}"), move |both| {
        let measured = min_and_max(&mut both.real, values);
        let as_expected = match (real, &measured) {
            (Ok(expected), Ok(measured)) => expected == measured,
            (Err(part), Err(message)) => message.contains(part),
            _ => false,
        };
        check(as_expected, || format!("real: {measured:?}"))?;
        let measured = min_and_max(&mut both.ours, values);
        check(measured == Ok(ours.to_owned()), || format!("ours: {measured:?}"))
    })
}

fn min_and_max(client: &mut Client, values: &str) -> Result<String, String> {
    min_and_max_where(client, "true", values)
}

/// Both aggregates over those rows of the VALUES list for which `condition` holds, or what the server said.
fn min_and_max_where(client: &mut Client, condition: &str, values: &str) -> Result<String, String> {
    let query = format!(
        "SELECT concat_ws(' ',
            coalesce(sch_chameleon.binlog_min(x)::text, 'null'), coalesce(sch_chameleon.binlog_max(x)::text, 'null'))
        FROM (VALUES {values}) AS coordinate (x)
        WHERE {condition}"
    );
    client.query_one(&query, &[]).map(|row| row.get(0)).map_err(|error| in_full(&error))
}

/// A file number, the digits it is written with, and a position.
type Place = (u64, usize, i64);

/// As many as MySQL writes at least.
const SIX_DIGITS: usize = 6;

/// Near each other, near the limits, and anywhere; positions up to `last`.
fn places(
    numbers: impl Strategy<Value = u64> + 'static,
    digits: impl Strategy<Value = usize>,
    last: i64,
) -> impl Strategy<Value = Vec<Vec<Place>>> {
    let number = prop_oneof![0..4_u64, 999_998..1_000_002_u64, numbers];
    let position = prop_oneof![
        0..3_i64,
        998..1_002_i64,
        2_147_483_646..2_147_483_650_i64,
        4_294_967_294..4_294_967_298_i64,
        0..i64::MAX
    ]
    .prop_map(move |position| position.min(last));
    vec(vec((number, digits, position), 1..6), 1..300)
}

fn agrees_with_coordinates(
    client: &mut Client,
    places: impl Strategy<Value = Vec<Vec<Place>>>,
) -> Result<(), Failed> {
    let client = std::cell::RefCell::new(client);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&places, |groups| agree(&mut client.borrow_mut(), &groups).map_err(TestCaseError::fail))
        .map_err(|error| error.to_string().into())
}

/// Asks for minimum and maximum of all groups in one statement.
fn agree(client: &mut Client, groups: &[Vec<Place>]) -> Result<(), String> {
    let (mut group_ids, mut files, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    let mut expected = Vec::new();
    for (id, group) in (0_i64..).zip(groups) {
        let mut coordinates = Vec::new();
        for &(number, width, position) in group {
            let file = format!("mysql-bin.{number:0width$}");
            coordinates.push(BinlogCoordinate::parse(&file, position).map_err(|error| error.to_string())?);
            group_ids.push(id);
            files.push(file);
            positions.push(position);
        }
        expected.push((coordinates.iter().min().cloned(), coordinates.iter().max().cloned()));
    }
    let rows = client
        .query(
            "SELECT sch_chameleon.binlog_min(ARRAY[file, position::text]), sch_chameleon.binlog_max(ARRAY[file, position::text])
            FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS place (id, file, position)
            GROUP BY id ORDER BY id",
            &[&group_ids, &files, &positions],
        )
        .map_err(|error| in_full(&error))?;
    for (row, (min, max)) in rows.iter().zip(expected) {
        for (aggregate, expected) in [(row.get(0), min), (row.get(1), max)] {
            let found = coordinate(aggregate)?;
            let place = |coordinate: &BinlogCoordinate| (coordinate.file().number(), coordinate.position());
            if Some(place(&found)) != expected.as_ref().map(place) {
                return Err(format!("{found} instead of {expected:?}"));
            }
        }
    }
    Ok(())
}

fn coordinate(pair: Vec<String>) -> Result<BinlogCoordinate, String> {
    let [file, position] = pair.as_slice() else { return Err(format!("{pair:?} is no pair")) };
    let position = position.parse().map_err(|_| format!("{position:?} is no number"))?;
    BinlogCoordinate::parse(file, position).map_err(|error| error.to_string())
}

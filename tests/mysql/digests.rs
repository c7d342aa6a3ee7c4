//! Both servers make the digests of `verify` of one text: rows that are equal are not read, and a row that differs is found as it
//! is by reading all of them. §after-verify

use super::origin::{NEW, Origin};
use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use serde_json::Value;

/// Each column: its name, its type on MySQL and in PostgreSQL, what three rows hold there (as a literal of both; behind `|` that
/// of PostgreSQL, where it is another one), and another value.
const COLUMNS: [(&str, &str, &str, [&str; 3], &str); 25] = [
    ("tiny", "tinyint", "smallint", ["-128", "NULL", "0"], "1"),
    ("filled", "int(8) unsigned zerofill", "bigint", ["5", "NULL", "4294967295"], "50"),
    ("big", "bigint unsigned", "bigint", ["9223372036854775807", "NULL", "0"], "9223372036854775806"),
    ("flag", "tinyint(1)", "boolean", ["1|true", "NULL", "0|false"], "NOT flag"),
    ("amount", "decimal(20,6)", "numeric(20,6)", ["-12345678901234.567891", "NULL", "0.5"], "0.500001"),
    ("fl", "float", "double precision", ["1.1", "NULL", "-0.25"], "1.2"),
    ("db", "double", "double precision", ["0.1", "NULL", "-22500"], "0.1000001"),
    ("fixed", "char(10) character set latin1", "character(10)", ["'pad'", "NULL", "''"], "'path'"),
    (
        "name",
        "varchar(100) character set latin1",
        "varchar(100)",
        ["'Zürich, \"ZH\"'", "NULL", "''"],
        "'zürich'",
    ),
    ("emoji", "varchar(100)", "varchar(100)", ["'😀 日本, N'", "NULL", "'N'"], "'😁'"),
    ("data", "text", "text", ["'a\\nb'|E'a\\nb'", "NULL", "'1,2'"], "'2,1'"),
    ("label", "enum('a', 'B b', 'é')", "text", ["'B b'", "NULL", "'é'"], "'a'"),
    ("several", "set('x', 'y', 'z')", "text", ["'x,z'", "NULL", "''"], "'x'"),
    ("bits", "bit(8)", "integer", ["b'10000001'|129", "NULL", "0"], "128"),
    ("bin", "varbinary(20)", "bytea", ["x'00ffAA'|'00FFAA'", "NULL", "''"], "'00ffab'"),
    ("padded", "binary(4)", "bytea", ["x'AB000000'|'ab'", "NULL", "x'00000000'|'00000000'"], "'00ab'"),
    ("large", "longblob", "bytea", ["x'deadbeef'|'DEADBEEF'", "NULL", "''"], "'DEADBEE0'"),
    (
        "dt",
        "datetime",
        "timestamp",
        ["'2024-02-29 12:34:56'", "'0000-00-00 00:00:00'|NULL", "'1000-01-01 00:00:00'"],
        "'2024-02-29 12:34:57'",
    ),
    (
        "dt6",
        "datetime(6)",
        "timestamp",
        ["'2024-02-29 12:34:56.123450'", "NULL", "'1999-12-31 00:00:00'"],
        "'2024-02-29 12:34:56.123451'",
    ),
    (
        "ts",
        "timestamp NULL",
        "timestamp",
        ["'2024-03-01 00:00:00'", "NULL", "'2001-01-01 00:00:01'"],
        "'2024-03-01 00:00:01'",
    ),
    (
        "ts3",
        "timestamp(3) NULL",
        "timestamp",
        ["'2024-03-01 00:00:00.120'", "NULL", "'2001-01-01 00:00:00'"],
        "'2001-01-01 00:00:00.001'",
    ),
    ("day", "date", "date", ["'2024-02-29'", "'0000-00-00'|NULL", "'9999-12-31'"], "'9999-12-30'"),
    ("clock", "time", "time", ["'23:59:59'", "NULL", "'00:00:00'"], "'00:00:01'"),
    ("clock3", "time(3)", "time", ["'23:59:59.500'", "NULL", "'00:00:00'"], "'23:59:59.501'"),
    ("year", "year", "integer", ["2024", "NULL", "1999"], "1998"),
];

/// Three rows, doubled so often.
const DOUBLED: u32 = 6;
const ROWS: u64 = 3 << DOUBLED;

/// A table of all these columns with the same rows on both sides, but for a gap behind the row 90.
fn replica(origin: &Origin) -> Replica {
    let names: Vec<_> = COLUMNS.iter().map(|it| it.0).collect();
    let names = names.join(", ");
    let value = |values: &[&'static str; 3], row: usize, postgres: bool| {
        let (mysql, other) = values[row].split_once('|').unwrap_or((values[row], values[row]));
        if postgres { other } else { mysql }
    };
    let rows = |postgres: bool| {
        let row = |row: usize| {
            let values: Vec<_> = COLUMNS.iter().map(|(.., values, _)| value(values, row, postgres)).collect();
            format!("({}, {})", row + 1, values.join(", "))
        };
        (0..3).map(row).collect::<Vec<_>>().join(", ")
    };
    let filled = |table: &str, postgres: bool| {
        let double = |turn: u32| {
            format!("INSERT INTO {table} (id, {names}) SELECT id + {}, {names} FROM {table};", 3u64 << turn)
        };
        let doubled: String = (0..DOUBLED).map(double).collect();
        format!(
            "INSERT INTO {table} (id, {names}) VALUES {}; {doubled} DELETE FROM {table} WHERE id > 90 AND id <= 96",
            rows(postgres)
        )
    };
    let columns: Vec<_> = COLUMNS.iter().map(|(name, mysql, ..)| format!("{name} {mysql}")).collect();
    origin.run(&format!(
        "SET SESSION sql_mode = ''; CREATE TABLE my_one.digested (id bigint PRIMARY KEY, {}); {}",
        columns.join(", "),
        filled("my_one.digested", false)
    ));
    let table =
        COLUMNS.iter().fold(Table::new("digested").column("id", "bigint"), |table, (name, _, kind, ..)| {
            table.column(name, kind)
        });
    let source = Source::new("old_one").source_schema(Some("my_one")).dest_schema("one").table(table);
    let configured = ConfiguredSource::mysql(NEW, &[("my_one", "one")]).with("db_conn", origin.db_conn());
    let replica = Replica::of(&Seed::of([source.batch(Batch::open(&origin.here()))]), &[configured]);
    replica.sql(&filled("one.digested", true));
    replica
}

/// What `verify` says of the table.
fn verify(replica: &Replica, more: &[&str]) -> Value {
    let arguments = [&["verify", "--format", "json", "--chunk", "10"], more].concat();
    let output = replica.command_with_mysql(&arguments).output().unwrap();
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
    said["tables"][0].clone()
}

/// The digests are one, of all types: a text that one server wrote in another way would have its rows read.
#[test]
fn rows_that_are_equal_are_not_read() {
    let Some(origin) = Origin::start("rows_that_are_equal_are_not_read") else { return };
    let replica = replica(&origin);
    let rows = ROWS - 6;
    let table = verify(&replica, &[]);
    assert_eq!((table["verdict"].as_str(), table["rows"].as_u64()), (Some("equal"), Some(rows)), "{table}");
    assert_eq!(table["rows_by_digest"], rows, "{table}");
    // Read, they are equal too.
    let table = verify(&replica, &["--exact"]);
    assert_eq!((&table["verdict"], &table["rows_by_digest"]), (&"equal".into(), &Value::Null), "{table}");
    // Equal, and written in another way: that is found by reading.
    replica.sql("ALTER TABLE one.digested ALTER COLUMN amount TYPE numeric(24,9)");
    let table = verify(&replica, &[]);
    assert_eq!((&table["verdict"], &table["rows_by_digest"]), (&"equal".into(), &Value::Null), "{table}");
}

#[test]
fn a_row_that_differs_is_found_by_its_digest() {
    let Some(origin) = Origin::start("a_row_that_differs_is_found_by_its_digest") else { return };
    let replica = replica(&origin);
    replica.sql("CREATE TABLE public.saved AS TABLE one.digested");
    let mut cases: Vec<(String, String)> = vec![
        ("DELETE FROM one.digested WHERE id = 1".into(), "1 row missing in PostgreSQL: (1)".into()),
        (
            format!("DELETE FROM one.digested WHERE id = {ROWS}"),
            format!("1 row missing in PostgreSQL: ({ROWS})"),
        ),
    ];
    // The last row of the first chunk and the first of the second, before all, behind all, and in the gap.
    for id in [10, 11] {
        let planted = format!("UPDATE one.digested SET data = 'other' WHERE id = {id}");
        cases.push((planted, format!("1 row unequal: ({id}) in data")));
    }
    for id in [0, -9_000_000_000, ROWS.cast_signed() + 1, i64::MAX, 91, 96] {
        let planted = format!("INSERT INTO one.digested (id) VALUES ({id})");
        cases.push((planted, format!("1 row in PostgreSQL alone: ({id})")));
    }
    for (at, (name, .., values, other)) in COLUMNS.iter().enumerate() {
        // Rows that hold the first value, NULL, and the third.
        let id = 3 * at + 1;
        cases.push((
            format!("UPDATE one.digested SET {name} = {other} WHERE id = {id}"),
            format!("1 row unequal: ({id}) in {name}"),
        ));
        let there = values[2].split_once('|').map_or(values[2], |(_, postgres)| postgres);
        for (id, value) in [(id + 1, there), (id + 2, "NULL")] {
            let planted = format!("UPDATE one.digested SET {name} = {value} WHERE id = {id}");
            cases.push((planted, format!("1 row unequal: ({id}) in {name}")));
        }
    }
    cases.push((
        "UPDATE one.digested SET emoji = data, data = emoji WHERE id = 4".into(),
        "1 row unequal: (4) in emoji, data".into(),
    ));
    cases.push((
        "UPDATE one.digested t SET emoji = o.emoji FROM public.saved o
         WHERE (t.id, o.id) IN ((4, 6), (6, 4))"
            .into(),
        "2 rows unequal: (4) in emoji, (6) in emoji".into(),
    ));
    for (planted, what) in cases {
        replica.sql(&planted);
        let table = verify(&replica, &[]);
        assert_eq!(table["what"][0], what.as_str(), "{planted}: {table}");
        assert!(table["rows_by_digest"].as_u64() > Some(0), "{planted}: {table}");
        replica.sql("TRUNCATE one.digested; INSERT INTO one.digested TABLE public.saved");
    }
    assert_eq!(verify(&replica, &[])["verdict"], "equal");
}

//! `verify` of random tables that the real pg_chameleon 1.8.2 or 2.0.21 has copied: no false alarm, and no difference that is missed.
//! §after-verify

use super::origin::{NEW, Origin};
use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::chameleon::version1::{Chameleon1, SourceSettings};
use chameleon_harness::chameleon::version2::Chameleon2;
use chameleon_harness::process::group::ProcessGroup;
use chameleon_harness::process::tools::{self, Missing};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Tables that the everyday test makes.
const EVERYDAY: u64 = 60;

/// Another number. `make verify-random` sets it.
const TABLES: &str = "CHAMELEON_RANDOM_TABLES";

/// So many are copied by one `init_replica`.
const ROUND: u64 = 60;

/// In one of so many tables a difference is planted.
const SPOILT: u64 = 3;

/// The pg_chameleon that copies the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Version1,
    Version2,
}

#[test]
fn random_tables_of_2_0_are_equal_until_they_are_not() {
    compared("random_tables_of_2_0_are_equal_until_they_are_not", By::Version2, tools::chameleon2());
}

#[test]
fn random_tables_of_1_8_2_are_equal_until_they_are_not() {
    compared("random_tables_of_1_8_2_are_equal_until_they_are_not", By::Version1, tools::chameleon1());
}

fn compared(name: &str, by: By, environment: Result<PathBuf, Missing>) {
    let Some(environment) = tools::or_skip(name, environment) else { return };
    let Some(origin) = Origin::start(name) else { return };
    let processes = ProcessGroup::new().unwrap();
    let tables = std::env::var(TABLES).map_or(EVERYDAY, |tables| tables.parse().expect("a number of tables"));
    let (mut rows, mut by_digest) = (0, 0);
    for round in 0..tables.div_ceil(ROUND) {
        let schema = format!("random_{round}");
        let random = &mut StdRng::seed_from_u64(round);
        origin.run(&format!("CREATE DATABASE {schema} CHARACTER SET utf8mb4"));
        let made: Vec<_> = (0..ROUND.min(tables - round * ROUND)).map(|table| made(random, table)).collect();
        for table in &made {
            origin.run_in(&schema, &table.statements);
        }
        let replica = copied(by, &environment, &origin, &schema, &processes);

        let said = verify(&replica, &[]);
        assert_eq!(said.len(), made.len());
        let alarms = said.iter().filter(|table| table["verdict"] != "equal");
        let alarms: Vec<_> =
            alarms.map(|table| format!("round {round}: {table}\n{}", statements(&made, table))).collect();
        assert!(alarms.is_empty(), "{}", alarms.join("\n\n"));
        for table in &said {
            rows += table["rows"].as_u64().unwrap();
            by_digest += table["rows_by_digest"].as_u64().unwrap_or_default();
        }
        let spoilt: Vec<_> = (0..)
            .zip(&made)
            .filter(|(at, table)| at % SPOILT == 0 && table.rows > 0)
            .map(|(_, table)| {
                replica.sql(&spoil(random, table));
                format!("random.{}", table.name)
            })
            .collect();
        for more in [&[][..], &["--exact"], &["--chunk", "3"]] {
            let found = verify(&replica, more).into_iter().filter(|it| it["verdict"] != "equal");
            let mut found: Vec<_> = found.map(|it| it["table"].as_str().unwrap().to_owned()).collect();
            found.sort_by_key(|name| made.iter().position(|it| *name == format!("random.{}", it.name)));
            assert_eq!(found, spoilt, "round {round}, {more:?}");
        }
    }
    eprintln!("{by:?}: {tables} tables, {rows} rows, {by_digest} of them by digests");
    assert!(by_digest > rows / 4, "{by_digest} of {rows}");
}

/// A replica of the schema, by the real program's own copy.
fn copied(by: By, environment: &Path, origin: &Origin, schema: &str, processes: &ProcessGroup) -> Replica {
    let configured = ConfiguredSource::mysql(NEW, &[(schema, "random")]).with("db_conn", origin.db_conn());
    let configured = configured.with("out_dir", processes.folder().to_str());
    let replica = Replica::empty(&[configured]);
    match by {
        By::Version1 => {
            let chameleon = Chameleon1::new(environment, processes).unwrap();
            let settings = SourceSettings {
                name: "old",
                schema,
                dest_schema: "random",
                mysql: &origin.mysql,
                server_id: 7_001,
                batch_size: 1_000,
                retention: "1 day",
            };
            chameleon.configure(&settings, &replica.database).unwrap();
            for command in ["create_schema", "add_source", "init_replica"] {
                chameleon.run(command, "old", &[]).unwrap();
            }
        }
        By::Version2 => {
            let chameleon = Chameleon2::new(environment, processes, &replica.home);
            chameleon.run("create_replica_schema", &[]).unwrap();
            chameleon.run("add_source", &["--source", NEW]).unwrap();
            chameleon.run("init_replica", &["--source", NEW, "--debug"]).unwrap();
        }
    }
    replica
}

/// What made a table.
fn statements<'a>(made: &'a [Made], table: &Value) -> &'a str {
    let is_it = |it: &&Made| table["table"] == format!("random.{}", it.name);
    made.iter().find(is_it).map_or("", |it| &it.statements)
}

fn verify(replica: &Replica, more: &[&str]) -> Vec<Value> {
    let arguments = [&["verify", "--format", "json"], more].concat();
    let output = replica.command_with_mysql(&arguments).output().unwrap();
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
    said["tables"].as_array().unwrap().clone()
}

/// A table that was made.
struct Made {
    name: String,
    /// Its columns behind the key.
    columns: usize,
    rows: u32,
    statements: String,
}

/// What makes a row of it another, or takes it away.
fn spoil(random: &mut StdRng, table: &Made) -> String {
    let name = format!("random.{}", table.name);
    let column = format!("c{}", random.random_range(0..table.columns));
    let one = format!("(SELECT ctid FROM {name} OFFSET {} LIMIT 1)", random.random_range(0..table.rows));
    let delete = format!("DELETE FROM {name} WHERE ctid = {one}");
    if random.random_bool(0.3) {
        return delete;
    }
    // A value becomes NULL; where all are, the row goes.
    format!(
        "DO $$ BEGIN
             UPDATE {name} SET {column} = NULL WHERE ctid = (SELECT ctid FROM {name} WHERE {column} IS NOT NULL LIMIT 1);
             IF NOT FOUND THEN {delete}; END IF;
         END $$"
    )
}

/// A random table with random rows.
fn made(random: &mut StdRng, number: u64) -> Made {
    let name = format!("t{number}");
    // Most keys are one whole number.
    let (key, definition) = match random.random_range(0..10) {
        0 => ("k, k2", "k int, k2 varchar(20)"),
        1 => ("k", "k varchar(30)"),
        2 => ("k", "k decimal(12,3)"),
        3 => ("k", "k bigint unsigned"),
        4 => ("k", "k smallint"),
        5 | 6 => ("k", "k bigint"),
        _ => ("k", "k int"),
    };
    let kinds: Vec<_> = (0..random.random_range(1..8)).map(|_| Kind::any(random)).collect();
    let columns: Vec<_> =
        kinds.iter().enumerate().map(|(at, kind)| format!("c{at} {}", kind.definition)).collect();
    let rows = if random.random_bool(0.05) { 0 } else { random.random_range(1..80) };
    let mut last: i32 = if definition.contains("unsigned") { 0 } else { random.random_range(-50..50) };
    let values: Vec<_> = (0..rows)
        .map(|_| {
            last += if random.random_bool(0.8) { 1 } else { random.random_range(1..100) };
            let key = match definition {
                "k int, k2 varchar(20)" => format!("{}, 'é {last}'", last / 3),
                "k varchar(30)" => format!("'Key {last}'"),
                "k decimal(12,3)" => format!("{last}.{}", last.unsigned_abs() % 10),
                _ => last.to_string(),
            };
            let cells: Vec<_> = kinds.iter().map(|kind| kind.value(random)).collect();
            format!("({key}, {})", cells.join(", "))
        })
        .collect();
    let mut statements =
        format!("CREATE TABLE {name} ({definition}, {}, PRIMARY KEY ({key}));", columns.join(", "));
    if rows > 0 {
        statements += &format!("INSERT INTO {name} VALUES {};", values.join(", "));
    }
    Made { name, columns: kinds.len(), rows, statements }
}

/// A type, and its values.
struct Kind {
    definition: String,
    value: fn(&mut StdRng, u32) -> String,
    /// How long, how large, how exact.
    size: u32,
}

impl Kind {
    fn any(random: &mut StdRng) -> Self {
        let size = random.random_range(1..=6);
        let number: fn(&mut StdRng, u32) -> String = |random, most| {
            let most = i64::from(most);
            match random.random_range(0..4) {
                0 => most.to_string(),
                1 => (-most).to_string(),
                _ => random.random_range(-most..=most).to_string(),
            }
        };
        let whole: fn(&mut StdRng, u32) -> String =
            |random, most| random.random_range(0..=u64::from(most)).to_string();
        let (definition, value, size): (String, fn(&mut StdRng, u32) -> String, u32) =
            match random.random_range(0..29) {
                0 => ("tinyint(1)".into(), whole, 1),
                1 => ("tinyint".into(), number, 127),
                2 => ("smallint unsigned".into(), whole, 65535),
                3 => ("mediumint".into(), number, 8_388_607),
                4 => ("int(9) unsigned zerofill".into(), whole, 999_999),
                5 => ("bigint".into(), |random, _| random.random_range(i64::MIN..=i64::MAX).to_string(), 0),
                6 => (format!("decimal(12,{size})"), decimal, size),
                7 => (
                    format!("decimal(10,{size}) unsigned zerofill"),
                    |random, size| decimal(random, size).replace('-', ""),
                    size,
                ),
                8 => (
                    "float".into(),
                    |random, _| {
                        format!("{}e{}", random.random_range(-99_999..=99_999), random.random_range(-6..6))
                    },
                    0,
                ),
                9 => (
                    "double".into(),
                    |random, _| {
                        format!(
                            "{}e{}",
                            random.random_range(-999_999_999..=999_999_999),
                            random.random_range(-20..20)
                        )
                    },
                    0,
                ),
                10 => (
                    format!("bit({})", size * 4),
                    |random, size| random.random_range(0..1u64 << (size * 4)).to_string(),
                    size,
                ),
                11 => ("char(12)".into(), text, 12),
                12 => ("char(8) CHARACTER SET latin1".into(), plain_text, 8),
                13 => ("varchar(40)".into(), text, 40),
                14 => ("varchar(30) CHARACTER SET latin1".into(), plain_text, 30),
                15 => ("text".into(), text, 300),
                16 => ("longtext".into(), text, 3000),
                17 => (
                    "enum('a', 'B b', 'é', 'd,e')".into(),
                    |random, _| random.random_range(1..=4u8).to_string(),
                    0,
                ),
                18 => ("set('x', 'y', 'z')".into(), |random, _| random.random_range(0..8u8).to_string(), 0),
                19 => (format!("binary({size})"), bytes, size),
                20 => ("varbinary(50)".into(), bytes, 50),
                21 => ("blob".into(), bytes, 300),
                22 => ("date".into(), |random, _| format!("'{}'", date(random)), 0),
                23 => (format!("datetime({size})"), moment, size),
                24 => ("datetime".into(), moment, 0),
                25 => ("time".into(), |random, _| format!("'{}'", clock(random)), 0),
                26 => (
                    "json".into(),
                    |random, _| {
                        format!("'{{\"b\": {}, \"a\": [1.50, null, \"é\"]}}'", random.random_range(0..1_000))
                    },
                    0,
                ),
                27 => (
                    "geometry".into(),
                    |random, _| format!("ST_GeomFromText('POINT({} 2.5)')", random.random_range(-90..90)),
                    0,
                ),
                _ => ("year".into(), |random, _| random.random_range(1901..=2155).to_string(), 0),
            };
        let definition = if definition == "datetime(6)" && random.random_bool(0.5) {
            "timestamp(6) NULL".to_owned()
        } else {
            definition
        };
        Self { definition, value, size }
    }

    fn value(&self, random: &mut StdRng) -> String {
        if random.random_bool(0.15) { "NULL".to_owned() } else { (self.value)(random, self.size) }
    }
}

fn decimal(random: &mut StdRng, size: u32) -> String {
    let sign = if random.random_bool(0.3) { "-" } else { "" };
    format!("{sign}{}.{}", random.random_range(0..9_999), random.random_range(0..10u64.pow(size)))
}

fn text(random: &mut StdRng, most: u32) -> String {
    of_letters(random, most, &["a", "Z", " ", "\\\\", "''", "\"", ",", "\\t", "\\n", "é", "日", "N", "1"])
}

fn plain_text(random: &mut StdRng, most: u32) -> String {
    of_letters(random, most, &["a", "Z", " ", "''", "\"", ",", "é", "ß", "N", "1"])
}

fn of_letters(random: &mut StdRng, most: u32, letters: &[&str]) -> String {
    let letters = (0..random.random_range(0..=most)).map(|_| letters[random.random_range(0..letters.len())]);
    format!("'{}'", letters.collect::<String>())
}

fn bytes(random: &mut StdRng, most: u32) -> String {
    let mut byte = || if random.random_bool(0.3) { 0 } else { random.random_range(0..=255u8) };
    let mut digits: String = (0..most).map(|_| format!("{:02x}", byte())).collect();
    digits.truncate(2 * random.random_range(0..=most as usize));
    format!("x'{digits}'")
}

fn date(random: &mut StdRng) -> String {
    format!(
        "{}-{:02}-{:02}",
        random.random_range(1971..2037),
        random.random_range(1..=12),
        random.random_range(1..=28)
    )
}

fn clock(random: &mut StdRng) -> String {
    let mut part = |most| random.random_range(0..most);
    format!("{:02}:{:02}:{:02}", part(24), part(60), part(60))
}

fn moment(random: &mut StdRng, _: u32) -> String {
    let fraction = if random.random_bool(0.3) { 0 } else { random.random_range(0..1_000_000) };
    format!("'{} {}.{fraction:06}'", date(random), clock(random))
}

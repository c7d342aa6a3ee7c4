//! Random sources: tables of random shape, and streams of events that are mostly what MySQL would write.

use super::arena::Cut;
use chameleon_harness::seed::{Batch, Event, Seed, Source, Table};
use chameleon_upgrade::replay::set_based::Sizes;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A source as it is drawn.
#[derive(Debug, Clone)]
pub struct RandomSource {
    pub tables: Vec<RandomTable>,
    pub steps: Vec<Step>,
    /// Events of so many steps go into the first of two batches.
    pub first_batch: usize,
    pub slice: i32,
    pub worth_it: i32,
    pub events_a_call: u64,
    /// MySQL wrote all of it, as most streams are.
    pub calm: bool,
}

/// A catalogue of these sources.
pub fn seed(sources: &[RandomSource]) -> Seed {
    let mut seed = Seed::default();
    for (number, random) in sources.iter().enumerate() {
        let (source, statements) = random.seed(number);
        seed.sources.push(source);
        seed.statements.extend(statements);
    }
    seed
}

/// A table as it is drawn.
#[derive(Debug, Clone)]
pub struct RandomTable {
    pub key: &'static [(&'static str, &'static str)],
    pub columns: Vec<&'static str>,
    pub rows: u8,
    pub feature: Feature,
}

/// What may stand in the way of sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    Plain,
    Index,
    Unique,
    Check,
    Trigger,
    Default,
    NotNull,
    Serial,
    ForeignKey,
    OtherKey,
    Generated,
    Partial,
    WithoutKey,
}

/// One event, before it is known which rows are there.
#[derive(Debug, Clone)]
pub struct Step {
    table: usize,
    key: u8,
    kind: u8,
    values: Vec<usize>,
    oddity: u16,
}

const KEYS: &[&[(&str, &str)]] = &[
    &[("id", "integer")],
    &[("id", "bigint")],
    &[("id", "varchar(3)")],
    &[("id", "char(4)")],
    &[("id", "numeric(6,1)")],
    &[("Id", "integer"), ("line no", "smallint")],
    &[("id", "date")],
    &[("id", "mood")],
];

const TYPES: &[&str] = &[
    "integer",
    "bigint",
    "smallint",
    "numeric(6,2)",
    "numeric",
    "double precision",
    "real",
    "boolean",
    "text",
    "varchar(5)",
    "char(3)",
    "bytea",
    "date",
    "timestamp",
    "timestamp(0)",
    "time",
    "json",
    "jsonb",
    "uuid",
    "mood",
    "integer[]",
];

pub fn source() -> impl Strategy<Value = RandomSource> {
    let steps = prop::collection::vec(step(), 0..50);
    let slice = prop_oneof![1..50_i32, Just(1000)];
    let sizes = (slice, 1..5_i32, 1..12_u64);
    (prop::collection::vec(table(), 1..=3), steps, 0..80_usize, sizes, prop::bool::weighted(0.6)).prop_map(
        |(tables, steps, first_batch, (slice, worth_it, events_a_call), calm)| RandomSource {
            tables,
            steps,
            first_batch,
            slice,
            worth_it,
            events_a_call,
            calm,
        },
    )
}

fn table() -> impl Strategy<Value = RandomTable> {
    use Feature::*;
    let feature = prop_oneof![
        40 => Just(Plain), 4 => Just(Index), 1 => Just(Unique), 1 => Just(Check), 1 => Just(Trigger), 1 => Just(Default),
        2 => Just(NotNull), 1 => Just(Serial), 1 => Just(ForeignKey), 1 => Just(OtherKey), 1 => Just(Generated),
        4 => Just(Partial), 1 => Just(WithoutKey),
    ];
    (select(KEYS), prop::collection::vec(select(TYPES), 0..5), 0..6_u8, feature)
        .prop_map(|(key, columns, rows, feature)| RandomTable { key, columns, rows, feature })
}

fn step() -> impl Strategy<Value = Step> {
    (0..8_usize, 0..7_u8, 0..10_u8, prop::collection::vec(0..400_usize, 8), 0..1000_u16)
        .prop_map(|(table, key, kind, values, oddity)| Step { table, key, kind, values, oddity })
}

impl RandomTable {
    fn column(number: usize) -> String {
        format!("c{number}")
    }

    /// The values of a key, by its number; two of them written in another way.
    fn key_values(&self, number: u8, otherwise: bool) -> Map<String, Value> {
        let value = |kind: &str| match kind {
            "date" => json!(format!("2024-01-0{}", number + 1)),
            "mood" => json!(["sad", "ok", "happy"][usize::from(number % 3)]),
            "varchar(3)" | "char(4)" if otherwise => json!(format!("k{number} ")),
            "varchar(3)" | "char(4)" => json!(format!("k{number}")),
            "numeric(6,1)" if otherwise => json!(f64::from(number) + 0.04),
            "numeric(6,1)" => json!(f64::from(number) + 0.5),
            _ if otherwise => json!(number.to_string()),
            _ => json!(number),
        };
        self.key.iter().map(|(name, kind)| ((*name).to_owned(), value(kind))).collect()
    }

    fn row(&self, key: Map<String, Value>, values: &[usize]) -> Map<String, Value> {
        let mut row = key;
        for (number, kind) in self.columns.iter().enumerate() {
            row.insert(Self::column(number), value(kind, values[number % values.len()]));
        }
        row
    }

    fn name(number: usize) -> String {
        format!("T {number}")
    }
}

/// A value of the type, as JSON holds it; now and then one that doesn't fit.
fn value(kind: &str, choice: usize) -> Value {
    let wrong = choice >= 398;
    if choice % 9 == 8 && !wrong {
        return Value::Null;
    }
    let pick = |fitting: &[Value], wrong_one: Value| {
        if wrong { wrong_one } else { fitting[choice % fitting.len()].clone() }
    };
    match kind {
        "integer" | "bigint" | "smallint" => {
            pick(&[json!(1), json!(-7), json!("12"), json!(" 5 ")], json!("1.5"))
        }
        "numeric(6,2)" => pick(&[json!(1.5), json!("3.14159"), json!("NaN"), json!(1e3)], json!(123456)),
        "numeric" | "double precision" | "real" => {
            pick(&[json!(0.1), json!("1e3"), json!(-0.0), json!(7)], json!("x"))
        }
        "boolean" => pick(&[json!(true), json!(1), json!("f"), json!("yes")], json!(2)),
        "varchar(5)" => pick(
            &[json!("abc"), json!("abcde"), json!(""), json!("ab   "), json!("abc      ")],
            json!("abcdef"),
        ),
        "char(3)" => pick(&[json!("a"), json!("abc"), json!("a  "), json!("ab     ")], json!("abcd")),
        "bytea" => pick(&[json!("\\x00ff"), json!("plain"), json!("\\001")], json!("\\x0")),
        "date" => {
            pick(&[json!("2024-02-29"), json!("infinity"), json!("2024-02-28 10:00:00")], json!("0000-00-00"))
        }
        "timestamp" | "timestamp(0)" => {
            pick(&[json!("2024-02-29 10:00:00.6"), json!("2024-02-29T10:00:00")], json!("never"))
        }
        "time" => pick(&[json!("10:00:00"), json!("23:59:59.999")], json!("25:00")),
        "json" | "jsonb" => {
            pick(&[json!({"a": [1, "it's"]}), json!([1]), json!("\"text\""), json!("[2]")], json!("{"))
        }
        "uuid" => pick(&[json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")], json!("a0")),
        "mood" => pick(&[json!("sad"), json!("ok"), json!("happy")], json!("Sad")),
        "integer[]" => pick(&[json!("{1,2}"), json!("{}")], json!([1])),
        _ => pick(&[json!("it's \\ \"q\" %s $1 é 雪"), json!(""), json!("NULL"), json!(3)], json!("a\nb")),
    }
}

impl RandomSource {
    /// How its replay is cut up.
    pub fn cut(&self) -> Cut {
        Cut { sizes: Sizes { slice: self.slice, worth_it: self.worth_it }, events_a_call: self.events_a_call }
    }

    /// The source with its tables and batches, and the statements that finish its tables.
    pub fn seed(&self, number: usize) -> (Source, Vec<String>) {
        let schema = format!("s{number}");
        let mut source = Source::new(&schema);
        let mut statements = Vec::new();
        for (place, table) in self.tables.iter().enumerate() {
            source = source.table(table_of(place, table));
            statements.extend(finish(&schema, place, table));
        }
        let events = self.events(&schema);
        let cut = self.first_batch.min(events.len());
        let mut batches = [Batch::listed("mysql-bin.000001:100"), Batch::listed("mysql-bin.000001:9000")];
        for (place, event) in events.into_iter().enumerate() {
            let batch = &mut batches[usize::from(place >= cut)];
            *batch = batch.clone().event(event);
        }
        let [first, second] = batches;
        (source.batch(first).batch(second).batch(Batch::open("mysql-bin.000002:4")), statements)
    }

    fn events(&self, schema: &str) -> Vec<Event> {
        let mut there: Vec<BTreeSet<u8>> =
            self.tables.iter().map(|table| (0..table.rows).collect()).collect();
        let mut columns = 0;
        self.steps
            .iter()
            .map(|step| {
                let place = step.table % self.tables.len();
                let (table, there) = (&self.tables[place], &mut there[place]);
                let name = RandomTable::name(place);
                let key = |number| table.key_values(number, false);
                let image = |number| Value::Object(table.row(key(number), &step.values));
                match if self.calm { u16::MAX } else { step.oddity } {
                    0..=5 => return Event::insert(&name, image(step.key)),
                    6..=11 => {
                        return Event::update(&name, Value::Object(key(step.key)), image((step.key + 1) % 7));
                    }
                    12..=14 => {
                        return Event::update(&name, Value::Object(key(step.key)), json!({"c0": null}));
                    }
                    15..=17 => return Event::delete(&name, json!({})),
                    18..=19 => return Event::update(&name, json!({}), image(step.key)),
                    20..=40 => return Event::insert("not replicated", json!({"id": 1})),
                    41..=43 => return Event::ddl("not replicated", "SELECT 1/0"),
                    44..=52 => {
                        columns += 1;
                        let ddl = format!("ALTER TABLE {schema}.\"{name}\" ADD COLUMN added_{columns} text");
                        return Event::ddl(&name, &ddl);
                    }
                    53..=55 => {
                        let other = table.key_values(step.key, true);
                        return Event::update(
                            &name,
                            Value::Object(other.clone()),
                            Value::Object(table.row(other, &step.values)),
                        );
                    }
                    56..=58 => return Event::delete(&name, Value::Object(table.key_values(step.key, true))),
                    59..=61 => return Event::insert(&name, json!({"id": null, "Id": null})),
                    62..=63 => return Event::insert(&name, json!({"no such column": 1})),
                    64..=66 => return Event::delete(&name, Value::Object(key(step.key))),
                    _ => {}
                }
                // What MySQL would write.
                let number = step.key;
                if !there.contains(&number) {
                    there.insert(number);
                    Event::insert(&name, image(number))
                } else if step.kind < 4 {
                    there.remove(&number);
                    Event::delete(&name, image(number))
                } else {
                    Event::update(&name, image(number), image(number))
                }
            })
            .collect()
    }
}

fn table_of(place: usize, random: &RandomTable) -> Table {
    let mut table = Table::new(&RandomTable::name(place));
    let mut key: Vec<_> = random.key.iter().map(|(name, _)| *name).collect();
    for (name, kind) in random.key {
        table = table.column(name, kind);
    }
    for (number, kind) in random.columns.iter().enumerate() {
        table = table.column(&RandomTable::column(number), kind);
    }
    if random.feature == Feature::OtherKey && !random.columns.is_empty() {
        // The catalogue's key is another one than the table's.
        key = vec!["c0"];
    }
    let rows: BTreeSet<String> = (0..random.rows)
        .map(|number| {
            Value::Object(random.row(random.key_values(number, false), &[usize::from(number)])).to_string()
        })
        .collect();
    let mut seen = BTreeSet::new();
    let rows = rows.iter().map(|row| serde_json::from_str::<Value>(row).unwrap()).filter(|row| {
        seen.insert(random.key.iter().map(|(name, _)| row[*name].to_string()).collect::<String>())
    });
    table.key(&key).given(rows.collect::<Vec<_>>()).destination(match random.feature {
        Feature::WithoutKey | Feature::OtherKey => chameleon_harness::seed::Destination::WithoutKey,
        _ => chameleon_harness::seed::Destination::Table,
    })
}

/// What a table has besides its columns.
fn finish(schema: &str, place: usize, random: &RandomTable) -> Vec<String> {
    let table = format!("{schema}.\"{}\"", RandomTable::name(place));
    let key = format!("\"{}\"", random.key[0].0);
    let first = random.columns.first().map_or(key.clone(), |_| "c0".to_owned());
    let statement = match random.feature {
        Feature::Plain | Feature::WithoutKey => return vec![],
        Feature::OtherKey => {
            let columns: Vec<_> = random.key.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            format!("ALTER TABLE {table} ADD PRIMARY KEY ({})", columns.join(", "))
        }
        Feature::Index => match random.columns.first() {
            Some(&"json") => return vec![],
            _ => format!("CREATE INDEX ON {table} ({first})"),
        },
        Feature::Unique => format!("ALTER TABLE {table} ADD COLUMN u integer UNIQUE"),
        Feature::Check => format!("ALTER TABLE {table} ADD CHECK ({first} IS NOT NULL) NOT VALID"),
        Feature::Trigger => format!(
            "CREATE FUNCTION {schema}.count_{place}() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO {schema}.seen SELECT count(*) FROM {schema}.\"T 0\"; RETURN NULL; END';
             CREATE TABLE IF NOT EXISTS {schema}.seen (rows bigint);
             CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW
             EXECUTE PROCEDURE {schema}.count_{place}()"
        ),
        Feature::Default => format!("ALTER TABLE {table} ADD COLUMN d text DEFAULT 'filled'"),
        Feature::NotNull => format!(
            "DELETE FROM {table} WHERE {first} IS NULL; ALTER TABLE {table} ALTER {first} SET NOT NULL"
        ),
        Feature::Serial => format!("ALTER TABLE {table} ADD COLUMN n bigserial"),
        Feature::ForeignKey => format!("ALTER TABLE {table} ADD COLUMN f integer REFERENCES public.parent"),
        Feature::Generated => {
            format!("ALTER TABLE {table} ADD COLUMN g integer GENERATED ALWAYS AS IDENTITY")
        }
        Feature::Partial => {
            format!("ALTER TABLE {table} ADD COLUMN p text; UPDATE {table} SET p = 'was here'")
        }
    };
    vec![statement]
}

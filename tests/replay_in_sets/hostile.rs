//! Streams written by hand where replaying in sets could go wrong, each with the way that it must go.

use super::arena::Cut;
use chameleon_harness::seed::{Batch, Destination, Event, Seed, Source, Table};
use chameleon_upgrade::replay::set_based::Sizes;
use serde_json::{Value, json};

/// How a stream must be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In sets, all of it.
    Sets,
    /// In slices of which the function does a part.
    Partly,
    /// In sets before and after what must stand alone.
    Around,
    /// By the function, all of it.
    Function,
    /// By the function, up to an event that fails.
    Fails,
}

/// A stream.
pub struct Case {
    pub name: &'static str,
    pub way: Way,
    pub seed: Seed,
}

/// All in one slice, if they may be.
pub const CUT: Cut = Cut { sizes: Sizes { slice: 1000, worth_it: 1 }, events_a_call: 7 };

fn row(id: impl Into<Value>, data: impl Into<Value>) -> Value {
    json!({"id": id.into(), "data": data.into()})
}

fn key(id: impl Into<Value>) -> Value {
    json!({"id": id.into()})
}

fn insert(id: i32, data: &str) -> Event {
    Event::insert("t", row(id, data))
}

fn update(id: i32, data: &str) -> Event {
    Event::update("t", row(id, "was"), row(id, data))
}

fn delete(id: i32) -> Event {
    Event::delete("t", row(id, "was"))
}

fn t() -> Table {
    Table::new("t").rows(3)
}

/// One batch of these events for these tables, and statements after it is planted.
fn seed(tables: Vec<Table>, events: Vec<Event>, statements: &[&str]) -> Seed {
    let batch = events.into_iter().fold(Batch::listed("mysql-bin.000001:100"), Batch::event);
    let source = tables.into_iter().fold(Source::new("s0"), Source::table);
    let seed = Seed::of([source.batch(batch).batch(Batch::open("mysql-bin.000002:4"))]);
    statements.iter().fold(seed, |seed, statement| seed.statement(statement))
}

/// Of a key of this type, two values that are the same to it though they are written in two ways.
fn written_in_two_ways(kind: &str, one: Value, other: Value) -> Seed {
    let table = Table::new("t").column("id", kind).column("data", "text").key(&["id"]);
    let events = vec![
        Event::insert("t", row(one.clone(), "a")),
        Event::update("t", row(other.clone(), "a"), row(other.clone(), "b")),
        Event::delete("t", row(one.clone(), "b")),
        Event::insert("t", row(other, "c")),
        Event::update("t", row(one.clone(), "c"), row(one, "d")),
    ];
    seed(vec![table], events, &[])
}

/// A value that an event in the middle must not have, and no trace of it in the end.
fn in_the_middle(kind: &str, good: Value, bad: Value, statements: &[&str]) -> Seed {
    let table = Table::new("t").column("id", "integer").column("data", kind).key(&["id"]);
    let events = vec![
        Event::insert("t", row(1, good.clone())),
        Event::update("t", row(1, good.clone()), row(1, bad.clone())),
        Event::update("t", row(1, bad), row(1, good)),
    ];
    seed(vec![table], events, statements)
}

fn ordinary() -> Vec<Event> {
    vec![insert(10, "a"), update(10, "b"), update(1, "c"), delete(2), insert(11, "x"), delete(11)]
}

/// The same events where the table has something more.
fn with(statement: &str) -> Seed {
    seed(vec![t()], ordinary(), &[statement])
}

/// Two ordinary tables, the events of the first around those of `t`.
fn beside(events: Vec<Event>, statements: &[&str]) -> Seed {
    let other = |id: i32| Event::insert("u", row(id, "u"));
    let all = (0..8).map(other).chain(events).chain((8..16).map(other));
    seed(vec![t(), Table::new("u")], all.collect(), statements)
}

fn log(change: &str) -> String {
    format!("UPDATE sch_chameleon.t_log_replica SET {change}")
}

#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    use Way::*;
    let case = |name, way, seed| Case { name, way, seed };
    vec![
        case("what MySQL writes", Sets, seed(vec![t()], ordinary(), &[])),
        // Chains of a key.
        case("a row comes, goes and comes again", Sets, seed(vec![t()], vec![insert(9, "a"), delete(9), insert(9, "b"), update(9, "c"), delete(9), insert(9, "d")], &[])),
        case("a row goes and comes again", Sets, seed(vec![t()], vec![delete(1), insert(1, "b"), update(1, "c"), delete(2), insert(2, "x"), delete(2)], &[])),
        case("a row that is not there goes and comes", Sets, seed(vec![t()], vec![delete(77), insert(77, "b"), delete(78), update(79, "no"), update(79, "never")], &[])),
        case("a row is changed, goes and comes", Sets, seed(vec![t()], vec![update(1, "a"), delete(1), insert(1, "b"), update(88, "a"), delete(88), insert(88, "b")], &[])),
        case("inserted twice", Fails, seed(vec![t()], vec![insert(9, "a"), insert(9, "b"), delete(9)], &[])),
        case("inserted though it is there", Fails, seed(vec![t()], vec![insert(1, "a")], &[])),
        case("inserted though it is there, and gone", Fails, seed(vec![t()], vec![insert(1, "a"), delete(1)], &[])),
        case("inserted though it is there, gone and back", Fails, seed(vec![t()], vec![insert(1, "a"), delete(1), insert(1, "c")], &[])),
        case("inserted after an update of nothing", Function, seed(vec![t()], vec![update(9, "a"), insert(9, "b")], &[])),
        case("inserted after an update of something", Fails, seed(vec![t()], vec![update(1, "a"), insert(1, "b")], &[])),
        case("deleted twice", Function, seed(vec![t()], vec![delete(1), delete(1), insert(1, "b")], &[])),
        case("changed after it went", Function, seed(vec![t()], vec![delete(1), update(1, "a"), insert(1, "b")], &[])),
        // Keys.
        case("a key that changes", Function, seed(vec![t()], vec![Event::update("t", row(1, "a"), row(7, "a")), update(7, "b")], &[])),
        case("keys that change places", Function, seed(vec![t()], vec![Event::update("t", row(1, "a"), row(9, "a")), Event::update("t", row(2, "a"), row(1, "a")), Event::update("t", row(9, "a"), row(2, "a"))], &[])),
        case("a key that becomes another's", Fails, seed(vec![t()], vec![Event::update("t", row(1, "a"), row(2, "a"))], &[])),
        case("a key that is NULL", Fails, seed(vec![t()], vec![Event::insert("t", row(Value::Null, "a"))], &[])),
        case("a key that is NULL in a delete", Function, seed(vec![t()], vec![Event::delete("t", row(Value::Null, "a")), update(1, "b")], &[])),
        case("no key in an update", Function, seed(vec![t()], vec![Event::update("t", json!({"data": "a"}), row(1, "a")), update(2, "b")], &[])),
        case("no row in a delete", Function, seed(vec![t()], vec![Event::delete("t", json!({})), update(2, "b")], &[])),
        case("only the key in a delete", Sets, seed(vec![t()], vec![Event::delete("t", key(1)), update(2, "b")], &[])),
        case("only the key in an update's row before", Sets, seed(vec![t()], vec![Event::update("t", key(1), row(1, "a"))], &[])),
        case("integers as text", Sets, written_in_two_ways("integer", json!(7), json!(" 07"))),
        case("numbers with more digits", Sets, written_in_two_ways("numeric", json!(7), json!("7.00"))),
        case("numbers that are rounded", Function, written_in_two_ways("numeric(6,1)", json!(7.0), json!("7.04"))),
        case("text with spaces", Sets, written_in_two_ways("char(4)", json!("k"), json!("k  "))),
        case("text that spaces tell apart", Function, written_in_two_ways("varchar(4)", json!("k"), json!("k "))),
        case("not a number", Sets, written_in_two_ways("double precision", json!("NaN"), json!("nan"))),
        case("zero", Sets, written_in_two_ways("double precision", json!(0.0), json!("-0"))),
        case("dates", Sets, written_in_two_ways("date", json!("2024-02-29"), json!("20240229"))),
        case("moments", Sets, written_in_two_ways("timestamp(0)", json!("2024-02-29 10:00:00"), json!("2024-02-29T10:00"))),
        case("a key of json", Function, seed(vec![Table::new("t").column("id", "json").column("data", "text").key(&["id"]).destination(Destination::WithoutKey)], vec![Event::insert("t", row(json!({"a": 1}), "x"))], &[])),
        case("names of key columns with commas", Function, seed(vec![Table::new("t").column("id", "integer").column("a,b", "text").key(&["id"])], vec![Event::insert("t", json!({"id": 1, "a,b": "x"}))], &["UPDATE sch_chameleon.t_replica_tables SET v_table_pkey = ARRAY['id,id']"])),
        case("a key column named twice", Function, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_replica_tables SET v_table_pkey = ARRAY['\"id\",\"id\"']"])),
        case("another key than the table's", Function, seed(vec![t().given([row(1, "a"), row(2, "b")])], vec![Event::update("t", row(1, "a"), row(1, "c"))], &["UPDATE sch_chameleon.t_replica_tables SET v_table_pkey = ARRAY['\"data\"']"])),
        case("a key that may be broken until the end", Function, with("ALTER TABLE s0.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED")),
        case("no primary key", Function, seed(vec![t().destination(Destination::WithoutKey)], vec![insert(1, "twice"), delete(1)], &[])),
        // Values.
        case("too long in the middle", Fails, in_the_middle("varchar(5)", json!("abc"), json!("abcdef"), &[])),
        case("spaces too many in the middle", Function, in_the_middle("varchar(5)", json!("abc"), json!("abc    "), &[])),
        case("a fixed length with spaces", Sets, in_the_middle("char(5)", json!("abc"), json!("abc      "), &[])),
        case("too large in the middle", Fails, in_the_middle("smallint", json!(1), json!(40000), &[])),
        case("too many digits in the middle", Fails, in_the_middle("numeric(5,2)", json!(1.5), json!(12345), &[])),
        case("no number in the middle", Fails, in_the_middle("integer", json!(1), json!("x"), &[])),
        case("no date in the middle", Fails, in_the_middle("date", json!("2024-01-01"), json!("0000-00-00"), &[])),
        case("NULL in the middle", Fails, in_the_middle("text", json!("a"), Value::Null, &["ALTER TABLE s0.t ALTER data SET NOT NULL"])),
        case("NULL where it may be", Sets, in_the_middle("text", json!("a"), Value::Null, &[])),
        case("a check broken in the middle", Fails, in_the_middle("integer", json!(1), json!(-1), &["ALTER TABLE s0.t ADD CHECK (data > 0)"])),
        case("a check that holds", Function, in_the_middle("integer", json!(1), json!(2), &["ALTER TABLE s0.t ADD CHECK (data > 0)"])),
        case("unique broken in the middle", Fails, seed(vec![t()], vec![update(1, "same"), update(2, "same"), update(1, "other")], &["ALTER TABLE s0.t ADD UNIQUE (data)"])),
        case("unique, and values change places", Fails, seed(vec![t()], vec![update(1, "row 2, change 0"), update(2, "row 1, change 0")], &["ALTER TABLE s0.t ADD UNIQUE (data)"])),
        case("too long for an index in the middle", Fails, seed(vec![t()], vec![Event::update("t", row(1, "a"), row(1, noise(9000))), update(1, "b")], &["CREATE INDEX ON s0.t (data)"])),
        case("long, and no index", Sets, seed(vec![t()], vec![Event::update("t", row(1, "a"), row(1, noise(9000))), update(2, "b")], &[])),
        case("an enum", Sets, in_the_middle("public.mood", json!("sad"), json!("happy"), &[])),
        case("no such word of an enum in the middle", Fails, in_the_middle("public.mood", json!("sad"), json!("glad"), &[])),
        case("a domain", Function, in_the_middle("public.short", json!("a"), json!("abc"), &[])),
        case("numbers as MySQL writes them", Sets, in_the_middle("numeric", json!(1e30), json!(0.1), &[])),
        case("whole numbers of eight bytes", Sets, in_the_middle("bigint", json!(i64::MAX), json!(i64::MIN), &[])),
        case("true, false and one", Sets, in_the_middle("boolean", json!(true), json!(1), &[])),
        case("documents", Sets, in_the_middle("jsonb", json!({"a": [1, {"b": null}], "c": "it's"}), json!([]), &[])),
        case("documents as text", Sets, in_the_middle("json", json!("{\"a\" :  1}"), json!({"a": 1.0}), &[])),
        case("a document that is null", Sets, in_the_middle("text", json!({"a": null}), json!(false), &[])),
        case("bytes", Sets, in_the_middle("bytea", json!("\\x00ff"), json!("\\\\x"), &[])),
        case("bytes that are none", Fails, in_the_middle("bytea", json!("\\x00ff"), json!("\\x0"), &[])),
        case("text that could be SQL", Sets, seed(vec![t()], vec![insert(9, "'); DROP TABLE s0.t; --"), insert(10, "\\' %s %L $1 ${x} \u{1f980} é\n"), insert(11, "NULL"), insert(12, "")], &[])),
        case("an array", Function, in_the_middle("integer[]", json!("{1,2}"), json!("{}"), &[])),
        // Columns.
        case("another column in one event", Function, seed(vec![t()], vec![insert(9, "a"), Event::update("t", key(9), json!({"id": 9}))], &[])),
        case("a column that is not there", Fails, seed(vec![t()], vec![Event::insert("t", json!({"id": 9, "data": "a", "more": 1}))], &[])),
        case("one column less than the table", Sets, seed(vec![t()], ordinary(), &["ALTER TABLE s0.t ADD more text; UPDATE s0.t SET more = 'kept'"])),
        case("one column less, and it goes and comes", Sets, seed(vec![t()], vec![delete(1), insert(1, "x"), update(2, "y")], &["ALTER TABLE s0.t ADD more text; UPDATE s0.t SET more = 'kept'"])),
        case("a default that is not in the events", Function, seed(vec![t()], ordinary(), &["ALTER TABLE s0.t ADD more text DEFAULT 'filled'"])),
        case("a default that is in the events", Sets, seed(vec![t()], ordinary(), &["ALTER TABLE s0.t ALTER data SET DEFAULT 'filled'"])),
        case("a dropped column", Sets, seed(vec![t()], ordinary(), &["ALTER TABLE s0.t ADD more text; ALTER TABLE s0.t DROP more"])),
        case("no row at all", Fails, seed(vec![t()], vec![insert(9, "a")], &[&log("jsb_event_data = NULL")])),
        case("an empty row", Function, seed(vec![t()], vec![Event::insert("t", json!({})), update(1, "b")], &[])),
        case("nothing but empty rows", Function, seed(vec![t()], vec![Event::insert("t", json!({})), Event::insert("t", json!({}))], &[])),
        case("an array for a row", Fails, seed(vec![t()], vec![update(1, "b")], &[&log("jsb_event_data = '[1]'")])),
        case("an update without its row before", Function, seed(vec![t()], vec![update(1, "b"), update(2, "c")], &[&log("jsb_event_update = NULL WHERE i_id_event = 1")])),
        case("a wide table", Function, seed(vec![t()], ordinary(), &["DO $$ BEGIN FOR n IN 1..401 LOOP EXECUTE format('ALTER TABLE s0.t ADD c%s text', n); END LOOP; END $$"])),
        // What a table may have.
        case("an index", Sets, with("CREATE INDEX ON s0.t (data)")),
        case("an index of an expression", Function, with("CREATE INDEX ON s0.t (lower(data))")),
        case("an index of somebody's function", Function, with("CREATE INDEX ON s0.t (public.is_odd(id))")),
        case("an index of a part", Function, with("CREATE INDEX ON s0.t (data) WHERE id > 5")),
        case("a unique index of a part", Function, with("CREATE UNIQUE INDEX ON s0.t (data) WHERE id > 5")),
        case("an exclusion", Function, with("ALTER TABLE s0.t ADD EXCLUDE (data WITH =)")),
        case("an identity", Function, with("ALTER TABLE s0.t ADD n integer GENERATED ALWAYS AS IDENTITY")),
        case("a serial", Function, with("ALTER TABLE s0.t ADD n serial")),
        case("a trigger", Function, with("CREATE FUNCTION s0.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.shared SELECT count(*) FROM s0.t; RETURN NULL; END'; CREATE TRIGGER f AFTER INSERT OR DELETE ON s0.t FOR EACH ROW EXECUTE PROCEDURE s0.f()")),
        case("a rule", Function, with("CREATE RULE r AS ON DELETE TO s0.t DO ALSO INSERT INTO public.shared VALUES (1)")),
        case("row security", Function, with("ALTER TABLE s0.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON s0.t USING (id <> 1)")),
        case("a foreign key", Fails, with("ALTER TABLE s0.t ADD FOREIGN KEY (id) REFERENCES public.parent NOT VALID")),
        case("a foreign key to it", Function, with("CREATE TABLE s0.child (id integer REFERENCES s0.t ON DELETE CASCADE); INSERT INTO s0.child VALUES (2), (3)")),
        case("a child", Function, with("CREATE TABLE s0.child () INHERITS (s0.t); INSERT INTO s0.child VALUES (1, 'in the child'), (2, 'in the child')")),
        case("partitions", Function, seed(vec![t().rows(0)], ordinary(), &["DROP TABLE s0.t; CREATE TABLE s0.t (id integer PRIMARY KEY, data text) PARTITION BY RANGE (id); CREATE TABLE s0.t1 PARTITION OF s0.t FOR VALUES FROM (0) TO (100)"])),
        case("a view in its place", Function, seed(vec![t()], ordinary(), &["ALTER TABLE s0.t RENAME TO base; CREATE VIEW s0.t AS SELECT * FROM s0.base"])),
        case("no table in its place", Fails, seed(vec![t().destination(Destination::Missing)], ordinary(), &[])),
        case("replicated by two sources", Function, seed(vec![t()], ordinary(), &["INSERT INTO sch_chameleon.t_sources (t_source, t_dest_schema) VALUES ('two', 'two'); INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey) SELECT i_id_source, 't', 's0', ARRAY['\"id\"'] FROM sch_chameleon.t_sources WHERE t_source = 'two'"])),
        case("names that hurt", Sets, seed(vec![Table::new("T \"1\" %s $1 ' \\").column("I d%I", "integer").column("$1", "text").key(&["I d%I"])], vec![Event::insert("T \"1\" %s $1 ' \\", json!({"I d%I": 1, "$1": "a"})), Event::update("T \"1\" %s $1 ' \\", json!({"I d%I": 1}), json!({"I d%I": 1, "$1": "b"}))], &[])),
        case("columns named as ours", Sets, seed(vec![Table::new("t").column("event", "integer").column("kind", "text").column("k1", "text").column("wrong", "text").key(&["event"])], vec![Event::insert("t", json!({"event": 1, "kind": "d", "k1": "x", "wrong": "t"})), Event::update("t", json!({"event": 1}), json!({"event": 1, "kind": "i", "k1": "y", "wrong": "f"}))], &[])),
        // Several tables, and what stands between them.
        case("two tables", Sets, beside(ordinary(), &[])),
        case("two tables, one that can't be proven", Partly, beside(vec![update(1, "a"), Event::update("t", row(2, "a"), row(9, "a"))], &[])),
        case("a table that fails among others", Fails, beside(vec![insert(1, "there")], &[])),
        case("DDL between", Around, beside(vec![Event::ddl("t", "ALTER TABLE s0.t ADD more text"), Event::insert("t", json!({"id": 9, "data": "a", "more": "b"}))], &[])),
        case("DDL of a table that is not replicated", Sets, beside(vec![Event::ddl("elsewhere", "SELECT 1/0"), update(1, "b")], &[])),
        case("DDL that fails between", Fails, beside(vec![Event::ddl("t", "ALTER TABLE s0.nowhere ADD more text")], &[])),
        case("DDL that drops a table between", Fails, beside(vec![Event::ddl("t", "DROP TABLE s0.t"), insert(9, "a")], &[])),
        case("DDL that other events need", Around, beside(vec![Event::ddl("t", "ALTER TABLE s0.t ALTER data TYPE varchar(2)  USING left(data, 2)"), insert(9, "ab")], &[])),
        case("a table with a trigger between", Around, beside(ordinary(), &["CREATE FUNCTION s0.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.shared SELECT count(*) FROM s0.u; RETURN NULL; END'; CREATE TRIGGER f AFTER INSERT OR DELETE ON s0.t FOR EACH ROW EXECUTE PROCEDURE s0.f()"])),
        case("parent and child", Fails, beside(vec![insert(20, "a"), insert(1, "x")], &["ALTER TABLE s0.u ADD FOREIGN KEY (id) REFERENCES s0.t NOT VALID; INSERT INTO s0.t SELECT n, 'parent' FROM generate_series(0, 15) n ON CONFLICT DO NOTHING; DELETE FROM s0.t WHERE id = 1"])),
        case("events of no replicated table around", Sets, seed(vec![t()], [vec![Event::insert("elsewhere", row(1, "a"))], ordinary(), vec![Event::insert("elsewhere", row(2, "a"))]].concat(), &[])),
        case("events of no replicated table alone", Function, seed(vec![t()], vec![Event::insert("elsewhere", row(1, "a")), Event::ddl("elsewhere", "SELECT 1/0")], &[])),
        // The books.
        case("no time of the last event", Sets, seed(vec![t()], ordinary(), &[&log("i_my_event_time = NULL WHERE i_id_event = 6"), "UPDATE sch_chameleon.t_sources SET ts_last_replay = '2020-01-01'"])),
        case("a log row that is not listed, at the end", Sets, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_batch_events SET i_id_event = i_id_event[1:5]"])),
        case("a log row that is not listed, between", Function, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_batch_events SET i_id_event = i_id_event[1:2] || i_id_event[4:6]"])),
        case("a listed event that is not there", Function, seed(vec![t()], ordinary(), &["DELETE FROM sch_chameleon.t_log_replica WHERE i_id_event = 3"])),
        case("a list in another order", Function, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_batch_events SET i_id_event = ARRAY[3, 1, 2] || i_id_event[4:6]"])),
        case("a list that names an event twice", Function, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_batch_events SET i_id_event = ARRAY[1, 1] || i_id_event[2:6]"])),
        case("an empty list", Function, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_batch_events SET i_id_event = '{}'"])),
        case("counters that go on", Sets, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_replica_batch SET i_replayed = 40, i_ddl = 2, i_skipped = 9 WHERE b_processed"])),
        case("events in both log tables", Sets, seed(vec![t()], ordinary(), &["WITH moved AS (DELETE FROM sch_chameleon.t_log_replica_1_src_1 WHERE i_id_event % 2 = 0 RETURNING *) INSERT INTO sch_chameleon.t_log_replica_2_src_1 SELECT * FROM moved"])),
        case("an event in both log tables", Fails, seed(vec![t()], ordinary(), &["INSERT INTO sch_chameleon.t_log_replica_2_src_1 SELECT * FROM sch_chameleon.t_log_replica_1_src_1 WHERE i_id_event = 1"])),
        case("events of another batch between", Sets, seed(vec![t()], ordinary(), &["UPDATE sch_chameleon.t_log_replica SET i_id_batch = 2 WHERE i_id_event = 3; UPDATE sch_chameleon.t_batch_events SET i_id_event = i_id_event[1:2] || i_id_event[4:6]"])),
    ]
}

/// Text that does not compress.
fn noise(bytes: usize) -> String {
    let mut state = 1_u64;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap_or_default())
    };
    (0..bytes).map(letter).collect()
}

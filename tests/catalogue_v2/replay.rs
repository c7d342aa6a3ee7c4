//! The same events fed to the real fn_replay_mysql and to ours: after every call both have returned the same and left
//! the same behind.

use libtest_mimic::{Failed, Trial};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::both::{Both, check, trial};
use crate::replica::{Event, Replica, SCHEMA, ddl, delete, insert, same_calls, update};

/// What happens to a replica, on both.
type Story = fn(&mut Replica) -> Result<(), Failed>;

const STORIES: &[(&str, Story)] = &[
    ("values of every type arrive", values),
    ("nulls and empty texts are told apart", nulls),
    ("names that need quotes", odd_names),
    ("updates that change the key", changed_keys),
    ("a row that is not there is not missed", missing_rows),
    ("ddl between rows", ddl_between_rows),
    ("ddl under the caller's search_path", ddl_under_search_path),
    ("several batches, fewer events a call than they have", several_batches),
    ("batches go by the time of their creation", batch_order),
    ("batches that are not ready are left", not_ready),
    ("events of tables not replicated are passed over", passed_over),
    ("the batch of another source is left", other_source),
    ("a batch in the parent of all log tables", parent_log_table),
    ("events that are in the log but not listed", unlisted),
    ("the time of the last event, in the session's time zone", time_zone),
    ("a failing insert, update and delete at the end of their call", failures_at_the_end),
    ("a failing ddl statement", failing_ddl),
    ("two tables fail in one call", two_failures),
    ("all events of a batch fail while another waits", all_fail),
    ("an error on the first event of a call ends it", exit_on_first),
    ("nothing waits", nothing),
];

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = STORIES
        .iter()
        .map(|&(name, story)| trial(&format!("replay::same: {name}"), move |both| same(both, story)))
        .collect();
    trials.push(trial("replay::same: histories at random", random_histories));
    trials
}

fn same(both: &mut Both, story: Story) -> Result<(), Failed> {
    let mut real = Replica::begin(&mut both.real)?;
    story(&mut real)?;
    let mut ours = Replica::begin(&mut both.ours)?;
    story(&mut ours)?;
    check(!ours.calls.is_empty(), || "nothing was called".to_owned())?;
    same_calls(&real.calls, &ours.calls)
}

fn values(replica: &mut Replica) -> Result<(), Failed> {
    let rows = [
        json!({"id": 1, "txt": "it's \\ a \"test\"\n\ttwo lines", "chr": "ab", "num": 12345678901234567890.5,
            "dbl": 1e300, "flag": true, "bits": "0101", "raw": "\\x00ff27", "day": "2024-02-29",
            "at": "2024-02-29 23:59:59.123456", "zoned": "2024-02-29 23:59:59+02", "clock": "12:34:56",
            "doc": {"a": [1, null, "x'y"]}, "plain_doc": {"b": {}}, "tags": "{a,\"b c\",NULL}", "grid": "{1,2}"}),
        json!({"id": 9007199254740993_i64, "txt": "😀 žluťoučký 日本", "num": "-0.0000000001", "dbl": "-Infinity",
            "flag": 0, "bits": "1111", "raw": "plain", "day": "0044-03-15 BC", "doc": "{\"text\": \"json\"}",
            "tags": "{}"}),
        json!({"id": "3", "txt": {"a": 1}, "flag": "yes", "num": 1.50, "dbl": "NaN", "doc": [1, 2], "chr": "  a"}),
        json!({"id": 4, "txt": true, "flag": false, "num": 0, "doc": "null", "raw": "\\x"}),
        json!({"id": 5, "txt": "%s %I $1 {} $$ E'' -- /*", "doc": "[]"}),
    ];
    replica.batch(&rows.iter().map(|row| insert("anything", row.clone())).collect::<Vec<_>>())?;
    replica.replay_all(100)?;
    let changed =
        |id: i64| json!({"id": id, "txt": "C:\\new'", "flag": null, "at": "infinity", "doc": {"k": "\\\""}});
    replica.batch(&[
        update("anything", json!({"id": 1, "txt": "before"}), changed(1)),
        update(
            "anything",
            json!({"id": "4", "txt": null}),
            json!({"id": 4, "raw": "\\xdeadbeef", "bits": "0000"}),
        ),
        delete("anything", rows[1].clone()),
        delete("anything", json!({"id": "3"})),
    ])?;
    replica.replay_all(100)?;
    let rows = replica.rows("anything")?;
    check(rows.len() == 3, || format!("{rows:#?}"))
}

fn nulls(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[
        insert("item", json!({"id": 1, "name": null, "price": 1})),
        insert("item", json!({"id": 2, "name": "", "price": null})),
        insert("item", json!({"id": 3})),
        insert("item", json!({"id": 4, "name": "null", "price": 4})),
        update("item", json!({"id": 4, "name": "null"}), json!({"id": 4, "name": null, "price": 4})),
        update("item", json!({"id": 1, "name": null}), json!({"id": 1, "name": "null", "price": null})),
        delete("item", json!({"id": 2, "name": ""})),
    ])?;
    replica.replay_all(100)?;
    let rows = replica.rows("item")?;
    check(rows == ["(1,null,)", "(3,,)", "(4,,4.00)"], || format!("{rows:#?}"))
}

fn odd_names(replica: &mut Replica) -> Result<(), Failed> {
    const TABLE: &str = "Odd \"table\", it's";
    let row =
        |key: i32, accent: &str, plain: Value| json!({"The \"Key\", a": key, "É": accent, "plain": plain});
    replica.batch(&[
        insert(TABLE, row(1, "x", json!("one"))),
        insert(TABLE, row(1, "y'", json!("two"))),
        insert(TABLE, row(2, "z\\", json!("three"))),
        update(TABLE, row(1, "y'", json!("two")), row(1, "y'", json!(null))),
        update(TABLE, row(2, "z\\", json!("three")), row(3, "\"", json!("3"))),
        delete(TABLE, row(1, "x", json!("one"))),
    ])?;
    replica.replay_all(100)?;
    let rows = replica.rows(TABLE)?;
    check(rows == ["(1,y',)", "(3,\"\"\"\",3)"], || format!("{rows:#?}"))
}

fn changed_keys(replica: &mut Replica) -> Result<(), Failed> {
    let pair = |a: i32, b: i32, v: &str| json!({"a": a, "b": b, "v": v});
    replica.batch(&[
        insert("pair", pair(1, 1, "first")),
        insert("pair", pair(1, 2, "second")),
        // The two change places through a third.
        update("pair", pair(1, 1, "first"), pair(9, 9, "first")),
        update("pair", pair(1, 2, "second"), pair(1, 1, "second")),
        update("pair", pair(9, 9, "first"), pair(1, 2, "first")),
        insert("item", json!({"id": 1, "name": "x"})),
        update("item", json!({"id": 1, "name": "x"}), json!({"id": 2, "name": "y"})),
        insert("item", json!({"id": 1, "name": "new"})),
        update("item", json!({"id": 2, "name": "y"}), json!({"id": 3, "name": "z"})),
        delete("item", json!({"id": 1, "name": "new"})),
    ])?;
    replica.replay_all(3)?;
    check(replica.rows("pair")? == ["(1,1,second)", "(1,2,first)"], || "pair".to_owned())?;
    check(replica.rows("item")? == ["(3,z,)"], || "item".to_owned())
}

fn missing_rows(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[
        update("item", json!({"id": 77}), json!({"id": 78, "name": "nobody"})),
        delete("item", json!({"id": 79})),
    ])?;
    replica.replay_all(100)
}

fn ddl_between_rows(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[
        insert("other", json!({"id": 1, "v": "a"})),
        ddl("other", &format!("ALTER TABLE \"{SCHEMA}\".other ADD COLUMN \"new column\" int DEFAULT 7")),
        insert("other", json!({"id": 2, "v": "b", "new column": 8})),
        ddl(
            "other",
            &format!(
                "ALTER TABLE \"{SCHEMA}\".other ALTER COLUMN v TYPE text; \
                 ALTER TABLE \"{SCHEMA}\".other DROP COLUMN \"new column\""
            ),
        ),
        insert("other", json!({"id": 3, "v": "longer than twenty characters"})),
        ddl("item", &format!("TRUNCATE TABLE \"{SCHEMA}\".other")),
    ])?;
    replica.replay(2, false)?;
    replica.replay(3, false)?;
    replica.replay_all(100)
}

fn ddl_under_search_path(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[
        ddl("other", "ALTER TABLE other ADD COLUMN w int"),
        insert("other", json!({"id": 1, "w": 2})),
    ])?;
    replica.sql(&format!("SET search_path = \"{SCHEMA}\""))?;
    replica.replay_all(100)?;
    replica.sql("SET search_path = ''")?;
    replica.batch(&[delete("other", json!({"id": 1})), insert("item", json!({"id": 1}))])?;
    replica.replay_all(100)
}

fn several_batches(replica: &mut Replica) -> Result<(), Failed> {
    for batch in 0..5 {
        let events: Vec<Event> = (0..7)
            .map(|id| insert("item", json!({"id": 10 * batch + id, "name": format!("{batch}")})))
            .collect();
        replica.batch(&events)?;
    }
    replica.replay(7, false)?;
    replica.replay(1, false)?;
    replica.replay_all(3)?;
    let rows = replica.rows("item")?;
    check(rows.len() == 35, || format!("{} rows", rows.len()))
}

fn batch_order(replica: &mut Replica) -> Result<(), Failed> {
    let first = replica.batch(&[insert("item", json!({"id": 1, "name": "first"}))])?;
    let second = replica.batch(&[delete("item", json!({"id": 1}))])?;
    replica.sql(&format!(
        "UPDATE sch_chameleon.t_replica_batch SET ts_created = '2023-01-01' WHERE i_id_batch = {second};
        UPDATE sch_chameleon.t_replica_batch SET ts_created = '2023-01-02' WHERE i_id_batch = {first}"
    ))?;
    replica.replay_all(100)?;
    check(replica.rows("item")? == ["(1,first,)"], || "the delete came last".to_owned())
}

fn not_ready(replica: &mut Replica) -> Result<(), Failed> {
    for change in ["b_started = false", "b_processed = false", "b_replayed = true"] {
        let id = replica.batch(&[insert("item", json!({"id": 1}))])?;
        replica.sql(&format!("UPDATE sch_chameleon.t_replica_batch SET {change} WHERE i_id_batch = {id}"))?;
    }
    let id = replica.batch(&[insert("item", json!({"id": 1}))])?;
    replica.sql(&format!("DELETE FROM sch_chameleon.t_batch_events WHERE i_id_batch = {id}"))?;
    replica.replay(100, false)?;
    check(replica.rows("item")?.is_empty(), || "something was applied".to_owned())
}

fn passed_over(replica: &mut Replica) -> Result<(), Failed> {
    replica.sql(
        "UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = false WHERE v_table_name = 'other'",
    )?;
    replica.batch(&[
        insert("other", json!({"id": 1})),
        insert("unknown", json!({"id": 1})),
        insert("item", json!({"id": 1})),
        ddl("other", "CREATE TABLE public.must_not_be ()"),
        ddl("unknown", "CREATE TABLE public.must_not_be ()"),
        insert("no such table", json!({"id": 1})),
    ])?;
    replica.replay_all(100)?;
    // A batch of nothing else.
    replica.batch(&[insert("unknown", json!({"id": 2})), insert("other", json!({"id": 2}))])?;
    replica.replay_all(100)
}

fn other_source(replica: &mut Replica) -> Result<(), Failed> {
    replica.sql(
        "INSERT INTO sch_chameleon.t_sources (t_source, jsb_schema_mappings, enm_source_type, v_log_table)
        VALUES ('two', '{}', 'mysql', '{t_log_replica_two_1,t_log_replica_two_2}');
        SELECT sch_chameleon.fn_refresh_parts()",
    )?;
    replica.batch_in("t_log_replica_two_1", 2, &[insert("item", json!({"id": 2}))])?;
    replica.batch(&[insert("item", json!({"id": 1}))])?;
    replica.replay_all(100)?;
    replica.sql("DELETE FROM sch_chameleon.t_replica_batch; DROP TABLE sch_chameleon.t_log_replica_two_1, sch_chameleon.t_log_replica_two_2")
}

fn parent_log_table(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch_in(
        "t_log_replica",
        1,
        &[insert("item", json!({"id": 1})), insert("item", json!({"id": 2}))],
    )?;
    replica.replay_all(1)
}

fn unlisted(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[insert("item", json!({"id": 1})), insert("item", json!({"id": 2}))])?;
    replica.sql("UPDATE sch_chameleon.t_batch_events SET i_id_event = i_id_event[1:1]")?;
    replica.replay(100, false)?;
    let last = replica.replay(100, false)?;
    check(last.skipped == [Some(1)], || format!("{:?}", last.skipped))
}

fn time_zone(replica: &mut Replica) -> Result<(), Failed> {
    replica.sql("SET TimeZone = 'Asia/Tokyo'")?;
    replica.batch(&[insert("item", json!({"id": 1})), insert("item", json!({"id": 2}))])?;
    replica.replay(1, false)?;
    let call = replica.replay(100, false)?;
    check(call.has("last replayed 1 2023-11-15 07:13:22"), || format!("{:?}", call.lines("last replayed")))
}

fn failures_at_the_end(replica: &mut Replica) -> Result<(), Failed> {
    let failing = [
        insert("item", json!({"id": 3, "name": "it's", "price": -1})),
        update("item", json!({"id": 1}), json!({"id": 1, "name": "x", "price": -1})),
        update("item", json!({"id": 1}), json!({"id": 1, "nocolumn": "\\"})),
        delete("item", json!({"id": "not a number"})),
    ];
    replica.batch(&[insert("item", json!({"id": 1, "price": 1}))])?;
    replica.replay_all(100)?;
    for event in failing {
        replica.sql("UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = true")?;
        replica.batch(&[
            insert("other", json!({"id": replica.calls.len()})),
            event,
            update("other", json!({"id": 1}), json!({"id": 1, "v": "goes on"})),
            insert("item", json!({"id": 99, "name": "of the disabled table"})),
            insert("other", json!({"id": 100 + replica.calls.len()})),
        ])?;
        replica.batch(&[
            insert("item", json!({"id": 98})),
            insert("other", json!({"id": 200 + replica.calls.len()})),
        ])?;
        replica.replay(3, false)?;
        replica.replay_all(100)?;
    }
    Ok(())
}

fn failing_ddl(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[
        insert("other", json!({"id": 1})),
        ddl("item", "ALTER TABLE \"no such\".table ADD COLUMN \"it's\" int"),
        insert("other", json!({"id": 2})),
    ])?;
    replica.replay_all(100)
}

fn two_failures(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[
        insert("pair", json!({"a": 1, "b": 1})),
        insert("item", json!({"id": 1, "price": -1})),
        insert("other", json!({"id": 1, "v": "longer than twenty characters"})),
        insert("pair", json!({"a": 2, "b": 2})),
    ])?;
    replica.replay_all(100)
}

fn all_fail(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[insert("item", json!({"id": 1, "price": -1}))])?;
    replica.batch(&[insert("other", json!({"id": 2}))])?;
    replica.replay_all(100)
}

fn exit_on_first(replica: &mut Replica) -> Result<(), Failed> {
    replica.batch(&[insert("other", json!({"id": 1}))])?;
    replica.batch(&[insert("item", json!({"id": 1, "price": -1})), insert("other", json!({"id": 2}))])?;
    replica.replay(100, true)?;
    replica.replay(100, true)?;
    replica.replay(100, true)?;
    let call = replica.replay(100, true)?;
    let failed = call.returned.as_ref().is_ok_and(|returned| returned.failed && !returned.goes_on);
    check(failed, || format!("{:?}", call.returned))
}

fn nothing(replica: &mut Replica) -> Result<(), Failed> {
    let call = replica.replay(100, false)?;
    check(call.is_fine(false), || format!("{:?}", call.returned))
}

/// What MySQL could have done to the rows 0 to 4 of two tables; what can't be done at that moment is left out.
#[derive(Debug, Clone)]
enum Deed {
    Insert(usize, i64, String),
    Update(usize, i64, i64, String),
    Delete(usize, i64),
    PassedOver,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let text = "[ a-c'\"\\\\%é😀]{0,6}";
    let deed = prop_oneof![
        4 => (0..2_usize, 0..5_i64, text).prop_map(|(table, id, text)| Deed::Insert(table, id, text)),
        3 => (0..2_usize, 0..5_i64, 0..5_i64, text)
            .prop_map(|(table, from, to, text)| Deed::Update(table, from, to, text)),
        2 => (0..2_usize, 0..5_i64).prop_map(|(table, id)| Deed::Delete(table, id)),
        1 => Just(Deed::PassedOver),
    ];
    vec(deed, 1..60)
}

/// The events of a history in which every deed was possible.
fn history(deeds: &[Deed]) -> Vec<Event> {
    const TABLES: [(&str, &str); 2] = [("item", "name"), ("other", "v")];
    let mut rows: [[Option<String>; 5]; 2] = Default::default();
    let row = |table: usize, id: i64, text: &str| json!({"id": id, TABLES[table].1: text});
    let mut events = Vec::new();
    for deed in deeds {
        match deed {
            Deed::Insert(table, id, text) if rows[*table][*id as usize].is_none() => {
                rows[*table][*id as usize] = Some(text.clone());
                events.push(insert(TABLES[*table].0, row(*table, *id, text)));
            }
            Deed::Update(table, from, to, text) if from == to || rows[*table][*to as usize].is_none() => {
                if let Some(before) = rows[*table][*from as usize].take() {
                    rows[*table][*to as usize] = Some(text.clone());
                    events.push(update(
                        TABLES[*table].0,
                        row(*table, *from, &before),
                        row(*table, *to, text),
                    ));
                }
            }
            Deed::Delete(table, id) => {
                if let Some(before) = rows[*table][*id as usize].take() {
                    events.push(delete(TABLES[*table].0, row(*table, *id, &before)));
                }
            }
            Deed::PassedOver => events.push(insert("unknown", json!({"id": 1}))),
            Deed::Insert(..) | Deed::Update(..) => {}
        }
    }
    events
}

fn random_histories(both: &mut Both) -> Result<(), Failed> {
    let both = std::cell::RefCell::new(both);
    let mut runner = TestRunner::new(Config { cases: 25, failure_persistence: None, ..Config::default() });
    // Slices of at least 8 events: one that passes over all it has ends a batch of the real function early.
    let strategy = (deeds(), 1..30_usize, 30..60_i32);
    runner
        .run(&strategy, |(deeds, batch_size, max_events)| {
            let play = |replica: &mut Replica| {
                for events in history(&deeds).chunks(batch_size) {
                    replica.batch(events)?;
                }
                replica.replay_all(max_events)
            };
            let mut both = both.borrow_mut();
            let compared = (|| {
                let mut real = Replica::begin(&mut both.real)?;
                play(&mut real)?;
                let real_calls = real.calls;
                let mut ours = Replica::begin(&mut both.ours)?;
                play(&mut ours)?;
                if !history(&deeds).is_empty() {
                    ours.every_event_is_counted()?;
                }
                same_calls(&real_calls, &ours.calls)
            })();
            compared.map_err(|failed: Failed| {
                TestCaseError::fail(failed.message().unwrap_or_default().to_owned())
            })
        })
        .map_err(|error| error.to_string().into())
}

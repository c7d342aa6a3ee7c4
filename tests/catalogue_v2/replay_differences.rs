//! Where the real fn_replay_mysql is broken, ours is right. Each test names a difference and holds both to what they
//! were seen to do, so that it fails when either changes.

use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::both::{Both, check, trial};
use crate::replica::{Call, Replica, Returned, SCHEMA, ddl, delete, insert, update};

/// What happens to a replica, on both.
type Story = fn(&mut Replica) -> Result<(), Failed>;
/// What must hold of the calls of one of them and the destination afterwards.
type Outcome = fn(&[Call]) -> bool;

struct Difference {
    name: &'static str,
    story: Story,
    real: Outcome,
    ours: Outcome,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "the real one drops a batch's waiting events when all events of a call are passed over",
        story: |replica| {
            replica.batch(&[
                insert("unknown", json!({"id": 1})),
                insert("item", json!({"id": 1})),
                insert("item", json!({"id": 2})),
            ])?;
            replica.replay_all(1)
        },
        real: |calls| {
            items(calls).is_empty() && last(calls).has("batch 1 replayed touched rows null ddl null")
        },
        ours: |calls| items(calls) == ["item (1,,)", "item (2,,)"],
    },
    Difference {
        name: "the real one drops a batch's waiting events when all events of a call fail",
        story: |replica| {
            replica
                .batch(&[insert("item", json!({"id": 1, "price": -1})), insert("other", json!({"id": 2}))])?;
            replica.replay_all(1)
        },
        real: |calls| last(calls).lines("other").is_empty() && calls.len() == 1,
        ours: |calls| last(calls).lines("other") == ["other (2,)"],
    },
    Difference {
        name: "after a failure the real one applies further events of the disabled table",
        story: |replica| {
            replica.batch(&[
                insert("item", json!({"id": 1, "price": -1})),
                insert("other", json!({"id": 1})),
                insert("item", json!({"id": 2, "price": 2})),
            ])?;
            replica.replay_all(100)
        },
        real: |calls| {
            items(calls) == ["item (2,,2.00)"] && last(calls).has("batch 1 replayed touched rows 2 ddl 0")
        },
        ours: |calls| items(calls).is_empty() && last(calls).has("batch 1 replayed touched rows 1 ddl 0"),
    },
    Difference {
        name: "with exit_on_error the real one applies again at the next call what came before the failure",
        story: |replica| {
            replica.batch(&[
                insert("other", json!({"id": 1})),
                ddl("other", &format!("ALTER TABLE \"{SCHEMA}\".other ADD COLUMN w int")),
                insert("item", json!({"id": 1, "price": -1})),
                insert("other", json!({"id": 2})),
            ])?;
            replica.replay(100, true)?;
            replica.sql(&format!("ALTER TABLE \"{SCHEMA}\".item DROP CONSTRAINT price_is_positive"))?;
            replica.replay_all(100)
        },
        real: |calls| {
            failed_with(&calls[0], "price_is_positive")
                && calls[0].has("list 1 {1,2,3,4}")
                && calls[1].returned.as_ref().is_ok_and(|returned| returned.errors[0].contains("other_pkey"))
                && last(calls).has("disabled 1 Dest, schema other")
        },
        ours: |calls| {
            failed_with(&calls[0], "price_is_positive")
                && calls[0].has("list 1 {3,4}")
                && last(calls).lines("other") == ["other (1,,)", "other (2,,)"]
                && items(calls) == ["item (1,,-1.00)"]
                && last(calls).lines("disabled").is_empty()
        },
    },
    Difference {
        name: "the real one crashes on a failing insert without a value for the key",
        story: |replica| {
            replica.batch(&[insert("item", json!({"name": "x"})), insert("other", json!({"id": 1}))])?;
            replica.replay_all(100)
        },
        real: |calls| crashed(last(calls), "t_table_pkey") && last(calls).lines("other").is_empty(),
        ours: |calls| {
            last(calls).lines("other") == ["other (1,)"]
                && last(calls).lines("error 1 1 Dest, schema item key  at mysql-bin.000007 1001").len() == 1
        },
    },
    Difference {
        name: "the real one crashes on a failing event without a binlog coordinate",
        story: |replica| {
            replica
                .batch(&[insert("item", json!({"id": 1, "price": -1})), insert("other", json!({"id": 1}))])?;
            replica.sql(
                "UPDATE sch_chameleon.t_log_replica SET t_binlog_name = NULL, i_binlog_position = NULL",
            )?;
            replica.replay_all(100)
        },
        real: |calls| crashed(last(calls), "t_binlog_name"),
        ours: |calls| {
            last(calls).lines("other") == ["other (1,)"]
                && last(calls).lines("error 1 1 Dest, schema item key id='1' at  0 ").len() == 1
        },
    },
    Difference {
        name: "the real one crashes on an update or delete of a table without a key",
        story: |replica| {
            replica.batch(&[
                insert("keyless", json!({"a": 1, "b": 1})),
                delete("keyless", json!({"a": 1, "b": 1})),
                insert("other", json!({"id": 1})),
            ])?;
            replica.replay_all(100)
        },
        real: |calls| crashed(last(calls), "t_table_pkey") && last(calls).lines("keyless").is_empty(),
        ours: |calls| {
            last(calls).lines("keyless") == ["keyless (1,1)"]
                && last(calls).lines("other") == ["other (1,)"]
                && last(calls).has("disabled 1 Dest, schema keyless")
        },
    },
    Difference {
        name: "given a part of the key only, the real one deletes all rows that have that part",
        story: |replica| {
            replica
                .batch(&[insert("pair", json!({"a": 1, "b": 1})), insert("pair", json!({"a": 1, "b": 2}))])?;
            replica.replay_all(100)?;
            replica.batch(&[delete("pair", json!({"a": 1, "v": "x"}))])?;
            replica.replay_all(100)
        },
        real: |calls| last(calls).lines("pair").is_empty() && last(calls).lines("error").is_empty(),
        ours: |calls| {
            last(calls).lines("pair") == ["pair (1,1,)", "pair (1,2,)"]
                && last(calls).lines("error").len() == 1
                && last(calls).has("disabled 1 Dest, schema pair")
        },
    },
    Difference {
        name: "the real one counts an update as done whose row before has no key",
        story: |replica| {
            replica.batch(&[insert("item", json!({"id": 1, "name": "old"}))])?;
            replica.replay_all(100)?;
            replica.batch(&[update("item", json!({"name": "old"}), json!({"id": 1, "name": "new"}))])?;
            replica.replay_all(100)
        },
        real: |calls| {
            items(calls) == ["item (1,old,)"]
                && last(calls).has("batch 2 replayed touched rows 1 ddl 0")
                && last(calls).lines("error").is_empty()
        },
        ours: |calls| items(calls) == ["item (1,old,)"] && last(calls).lines("error").len() == 1,
    },
    Difference {
        name: "the real one crashes on an update that does not set the key",
        story: |replica| {
            replica.batch(&[insert("item", json!({"id": 1, "name": "old"}))])?;
            replica.replay_all(100)?;
            replica.batch(&[update("item", json!({"id": 1, "name": "old"}), json!({"name": "new"}))])?;
            replica.replay_all(100)
        },
        real: |calls| crashed(last(calls), "t_table_pkey"),
        ours: |calls| items(calls) == ["item (1,new,)"],
    },
    Difference {
        name: "the real one doesn't find the row of an update or delete whose key has a null",
        story: |replica| {
            replica.batch(&[
                insert("pair", json!({"a": 1, "b": null, "v": "old"})),
                insert("pair", json!({"a": 2, "b": null, "v": "old"})),
                update("pair", json!({"a": 1, "b": null}), json!({"a": 1, "b": null, "v": "new"})),
                delete("pair", json!({"a": 2, "b": null, "v": "old"})),
            ])?;
            replica.replay_all(100)
        },
        real: |calls| last(calls).lines("pair") == ["pair (1,,old)", "pair (2,,old)"],
        ours: |calls| last(calls).lines("pair") == ["pair (1,,new)"],
    },
    Difference {
        name: "the real one drops the waiting batch when asked for no events",
        story: |replica| {
            replica.batch(&[insert("item", json!({"id": 1}))])?;
            replica.call("0", false)?;
            replica.batch(&[insert("item", json!({"id": 2}))])?;
            replica.call("NULL", false)?;
            replica.replay_all(100)
        },
        real: |calls| items(calls).is_empty() && calls[0].is_fine(false) && calls[1].is_fine(false),
        ours: |calls| {
            crashed(&calls[0], "at least 1")
                && crashed(&calls[1], "at least 1")
                && items(calls) == ["item (1,,)", "item (2,,)"]
        },
    },
    Difference {
        name: "the real one mixes up a table that two sources replicate",
        story: |replica| {
            replica.sql(
                "INSERT INTO sch_chameleon.t_sources (t_source, jsb_schema_mappings, enm_source_type)
                VALUES ('two', '{}', 'mysql');
                INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_schema_name, v_table_name, v_table_pkey)
                VALUES (2, 'Dest, schema', 'item', '{id}'), (2, 'Dest, schema', 'unknown', '{id}')",
            )?;
            replica.batch(&[insert("other", json!({"id": 1})), insert("unknown", json!({"id": 1}))])?;
            replica.batch(&[insert("item", json!({"id": 1}))])?;
            replica.replay_all(100)
        },
        real: |calls| {
            last(calls).lines("unknown") == ["unknown (1)"]
                && items(calls).is_empty()
                && last(calls).lines("disabled")
                    == ["disabled 1 Dest, schema item", "disabled 2 Dest, schema item"]
        },
        ours: |calls| {
            last(calls).lines("unknown").is_empty()
                && items(calls) == ["item (1,,)"]
                && last(calls).lines("disabled").is_empty()
        },
    },
    Difference {
        name: "the real one doesn't count events that are passed over beside others, nor failed ones",
        story: |replica| {
            replica.batch(&[
                insert("unknown", json!({"id": 1})),
                insert("other", json!({"id": 1})),
                insert("item", json!({"id": 1, "price": -1})),
            ])?;
            replica.replay_all(100)
        },
        real: |calls| last(calls).skipped == [Some(0)],
        ours: |calls| last(calls).skipped == [Some(2)],
    },
];

pub fn trials() -> Vec<Trial> {
    DIFFERENCES
        .iter()
        .map(|difference| {
            trial(&format!("replay::differs: {}", difference.name), |both| both_behave(both, difference))
        })
        .collect()
}

fn both_behave(both: &mut Both, difference: &Difference) -> Result<(), Failed> {
    let mut real = Replica::begin(&mut both.real)?;
    (difference.story)(&mut real)?;
    check((difference.real)(&real.calls), || format!("the real one doesn't do so: {:#?}", real.calls))?;
    let mut ours = Replica::begin(&mut both.ours)?;
    (difference.story)(&mut ours)?;
    check((difference.ours)(&ours.calls), || format!("ours: {:#?}", ours.calls))
}

fn last(calls: &[Call]) -> &Call {
    calls.last().unwrap_or_else(|| panic!("no call was made"))
}

fn items(calls: &[Call]) -> Vec<&str> {
    last(calls).lines("item")
}

fn crashed(call: &Call, message: &str) -> bool {
    call.returned.as_ref().is_err_and(|error| error.contains(message))
}

fn failed_with(call: &Call, message: &str) -> bool {
    matches!(&call.returned, Ok(Returned { goes_on: false, failed: true, errors }) if errors[0].contains(message))
}

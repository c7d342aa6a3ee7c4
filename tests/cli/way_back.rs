//! The way back of a replica that 2.0 has gone on with: what is written into the 1.7 catalogue, what is refused and told;
//! and whatever goes wrong with it, the catalogue is the one or the other. What the real programs make of it is in
//! scenarios/live.

use crate::faults::Upgraded;
use crate::on_terminal::{self, Terminal};
use crate::replica::Replica;
use chameleon_harness::chameleon::home::CONFIGURATION;
use chameleon_harness::record::properties::{self, Version};
use chameleon_upgrade::binlog::BinlogCoordinate;
use chameleon_upgrade::facts::snapshot::OldSourceId;
use chameleon_upgrade::way_back::{Fate, NewTable, SourceBack, fate};
use predicates::prelude::*;
use predicates::str::contains;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const REFUSED: i32 = 3;

/// The new replica has applied three events, is consistent, and has listed two more: it stands at mysql-bin.000043:500.
const GONE_ON: &str = "
    UPDATE sch_chameleon.t_replica_batch SET b_started = true, b_processed = true, i_replayed = 3;
    INSERT INTO sch_chameleon.t_log_replica_replica_2 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event,
                                                       t_binlog_name, i_binlog_position, jsb_event_after)
    VALUES (1, 'customers', 'shop', 'insert', 'mysql-bin.000043', 400, '{\"customer_id\": 900, \"name\": \"Ada\"}'),
           (1, 'warehouses', 'stock', 'insert', 'mysql-bin.000043', 450, '{\"id\": 90, \"name\": \"East\"}');
    INSERT INTO sch_chameleon.t_batch_events
        SELECT 1, array_agg(i_id_event ORDER BY i_id_event) FROM sch_chameleon.t_log_replica_replica_2;
    INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, v_log_table)
    VALUES (1, 'mysql-bin.000043', 500, 't_log_replica_replica_1');
    UPDATE sch_chameleon.t_sources SET b_consistent = true, t_binlog_name = NULL, i_binlog_position = NULL;
    UPDATE sch_chameleon.t_replica_tables SET t_binlog_name = NULL, i_binlog_position = NULL;
    UPDATE sch_chameleon.t_last_received SET ts_last_received = '2024-05-02 11:00:00';
    UPDATE sch_chameleon.t_last_replayed SET ts_last_replayed = '2024-05-02 10:59:00'";

fn upgraded() -> Replica {
    let replica = Replica::demo();
    replica.command(&["upgrade", "--yes"]).assert().success();
    replica
}

fn gone_on(more: &str) -> Replica {
    let replica = upgraded();
    replica.sql(GONE_ON);
    replica.sql(more);
    replica
}

fn rolled_back(replica: &Replica) -> String {
    let done = replica.command(&["rollback", "--yes"]).assert().success();
    assert_eq!(replica.value("SELECT t_version FROM sch_chameleon.v_version"), "1.7");
    crate::replica::shown(done.get_output())
}

/// Each source with the batches that 1.8.2 could read or replay.
fn open_batches(replica: &Replica) -> String {
    replica.value(
        "SELECT string_agg(format('%s %s:%s%s', t_source, t_binlog_name, i_binlog_position,
                                  CASE WHEN b_started THEN ' started' END), ', ' ORDER BY i_id_batch)
         FROM sch_chameleon.t_replica_batch JOIN sch_chameleon.t_sources USING (i_id_source)
         WHERE NOT (b_started AND b_processed AND b_replayed)",
    )
}

fn refuses(replica: &Replica, says: &[&str]) {
    let before = replica.record();
    let refused = replica
        .command(&["rollback", "--yes"])
        .assert()
        .code(REFUSED)
        .stderr(contains("Nothing was changed"));
    let shown = crate::replica::shown(refused.get_output());
    says.iter().for_each(|says| assert!(shown.contains(says), "{says:?} is not in:\n{shown}"));
    assert_eq!(before.diff(&replica.record()), "");
}

#[test]
fn every_source_goes_on_where_the_new_replica_stopped() {
    let replica = gone_on("");
    let shown = rolled_back(&replica);
    for text in [
        "3 events applied",
        "Where 1.8.2 goes on",
        "replica: 2 events in",
        "it goes on where 2.0 stopped",
        "and 1.8.2 goes on where 2.0 stopped",
    ] {
        assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
    }
    assert_eq!(open_batches(&replica), "shop mysql-bin.000043:500, stock mysql-bin.000043:500");
    // What was listed was applied, once.
    assert_eq!(replica.value("SELECT count(*) FROM shop.customers WHERE customer_id = 900"), "1");
    assert_eq!(replica.value("SELECT count(*) FROM stock.warehouses WHERE id = 90"), "1");
    for (what, expected) in [
        ("SELECT count(*) FROM sch_chameleon.t_log_replica", "0"),
        ("SELECT count(*) FROM sch_chameleon.t_replica_tables WHERE t_binlog_name IS NOT NULL", "0"),
        ("SELECT count(*) FROM sch_chameleon.t_replica_tables", "6"),
        (
            "SELECT v_table_pkey[1] FROM sch_chameleon.t_replica_tables WHERE v_table_name = 'order_lines'",
            "\"order_id\",\"line_no\"",
        ),
        ("SELECT string_agg(DISTINCT enm_status::text, ',') FROM sch_chameleon.t_sources", "stopped"),
        (
            "SELECT string_agg(DISTINCT ts_last_received::text, ',') FROM sch_chameleon.t_sources",
            "2024-05-02 11:00:00",
        ),
        (
            "SELECT string_agg(DISTINCT ts_last_replay::text, ',') FROM sch_chameleon.t_sources",
            "2024-05-02 10:59:00",
        ),
        // 1.8.2 takes the latest of those that are open.
        (
            "SELECT bool_and(b.ts_created = (SELECT max(ts_created) FROM sch_chameleon.t_replica_batch o
                                            WHERE o.i_id_source = b.i_id_source))
             FROM sch_chameleon.t_replica_batch b WHERE NOT b_processed",
            "true",
        ),
    ] {
        assert_eq!(replica.value(what), expected, "{what}");
    }
    replica.sql("DROP SCHEMA _sch_chameleon_version2 CASCADE");
    replica.command(&["upgrade", "--yes"]).assert().success().stdout(contains("mysql-bin.000043:500"));
    // Nothing was done since: the two change places.
    replica
        .command(&["rollback", "--yes"])
        .assert()
        .success()
        .stdout(contains("it goes on from where it was"));
}

#[test]
fn a_dry_run_shows_it_and_changes_nothing() {
    let replica = gone_on("");
    let before = replica.record();
    replica.command(&["rollback", "--dry-run"]).assert().success().stdout(
        contains("mysql-bin.000043:500")
            .and(contains(
                "went well and was rolled back. The 2 events that 2.0 has listed were not replayed",
            ))
            .and(contains("nothing was changed")),
    );
    assert_eq!(before.diff(&replica.record()), "");
    let untouched = upgraded();
    let before = untouched.record();
    untouched.command(&["rollback", "--dry-run"]).assert().success().stdout(contains("Dry run"));
    assert_eq!(before.diff(&untouched.record()), "");
}

#[test]
fn by_force_the_old_catalogue_comes_back_as_it_was() {
    let replica = gone_on("");
    replica.command(&["rollback", "--yes", "--force"]).assert().success().stdout(
        contains("rows are doubled")
            .and(contains("Don't start the 1.8.2 replica yet"))
            .and(contains("Run its init_replica for each source first"))
            .and(contains("it goes on").not())
            .and(contains("the tables are ahead of it until 1.8.2's init_replica has copied them")),
    );
    assert_eq!(open_batches(&replica), "shop mysql-bin.000042:7310, stock mysql-bin.000042:8850 started");
    assert_eq!(replica.value("SELECT count(*) FROM shop.customers WHERE customer_id = 900"), "0");
}

/// §way-back-batches, with an orphan whose clock was ahead, and a batch that stands where 2.0 does.
#[test]
fn the_batches_of_then_are_closed_and_one_of_the_same_coordinate_goes() {
    let replica = upgraded();
    replica.sql(
        "INSERT INTO _sch_chameleon_version1.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, b_started, ts_created)
         VALUES (1, 'mysql-bin.000042', 5, true, '2099-01-01'), (1, 'mysql-bin.000043', 500, false, '2024-06-01');
         UPDATE _sch_chameleon_version1.t_replica_batch SET i_id_batch = -i_id_batch
         WHERE ts_created IN ('2099-01-01', '2024-06-01');
         INSERT INTO _sch_chameleon_version1.t_log_replica_1_src_1 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event,
                                                             t_binlog_name, i_binlog_position)
         SELECT i_id_batch, 'customers', 'shop', 'insert', 'mysql-bin.000042', 70
         FROM _sch_chameleon_version1.t_replica_batch WHERE ts_created = '2099-01-01'",
    );
    replica.sql(GONE_ON);
    rolled_back(&replica);
    assert_eq!(open_batches(&replica), "shop mysql-bin.000043:500, stock mysql-bin.000043:500");
    assert_eq!(
        replica.value(
            "SELECT max(ts_created) > '2099-01-01' AND min(i_id_batch) < 0
                              FROM sch_chameleon.t_replica_batch WHERE i_id_source = 1"
        ),
        "true"
    );
    assert_eq!(replica.value("SELECT count(*) FROM sch_chameleon.t_log_replica"), "0");
}

#[test]
fn no_source_goes_back_before_where_it_stood_at_the_upgrade() {
    // Still within the window: the start of shop is passed, that of stock is not.
    let replica = gone_on("UPDATE sch_chameleon.t_replica_batch SET t_binlog_name = 'mysql-bin.000042', i_binlog_position = 8000
                           WHERE NOT b_processed");
    rolled_back(&replica);
    assert_eq!(open_batches(&replica), "shop mysql-bin.000042:8000, stock mysql-bin.000042:8850");
    assert_eq!(
        replica.value(
            "SELECT string_agg(concat(v_table_name, ' ', i_binlog_position), ', ')
                       FROM sch_chameleon.t_replica_tables WHERE t_binlog_name IS NOT NULL"
        ),
        "articles 9121",
        "2.0 has cleared it, and it is known all the same"
    );
    let times = "SELECT string_agg(concat(t_source, ' ', ts_last_received), ', ' ORDER BY i_id_source) FROM sch_chameleon.t_sources";
    assert_eq!(replica.value(times), "shop 2024-05-02 11:00:00, stock ");
}

#[test]
fn tables_that_were_gained_go_on_and_disabled_ones_are_left_out() {
    let replica = gone_on(
        "CREATE TABLE shop.\"Odd, name\" (a int, \"B b\" int, PRIMARY KEY (a, \"B b\"));
         INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
         VALUES (1, 'Odd, name', 'shop', '{a,B b}'), (1, 'dropped_since', 'shop', '{id}');
         UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = false WHERE v_table_name = 'orders';
         UPDATE sch_chameleon.t_replica_tables SET v_table_pkey = '{name}' WHERE v_table_name = 'warehouses';
         DELETE FROM sch_chameleon.t_replica_tables WHERE v_table_name = 'articles';
         DROP TABLE stock.movements",
    );
    let shown = rolled_back(&replica);
    for text in [
        "shop goes on without 1 table that 2.0 does not have (shop.articles), 1 table disabled in 2.0 (shop.orders)",
        "Gained in shop: shop.Odd, name.",
        "Gone in shop: shop.dropped_since.",
        "Gone in stock: stock.movements.",
        "bring the tables that were left out with 1.8.2's sync_tables",
    ] {
        assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
    }
    assert_eq!(
        replica.value("SELECT string_agg(concat(v_table_name, ' ', v_table_pkey[1]), '; ' ORDER BY v_table_name COLLATE \"C\")
                       FROM sch_chameleon.t_replica_tables"),
        "Odd, name \"a\",\"B b\"; customers \"customer_id\"; order_lines \"order_id\",\"line_no\"; \
         warehouses \"name\""
    );
}

/// §way-back-first: what 2.0 has listed and can't apply, under either setting of on_error_replay.
#[test]
fn an_event_that_can_not_be_replayed_disables_its_table_or_refuses() {
    let taken = "INSERT INTO shop.customers VALUES (900, 'here already')";
    let replica = gone_on(taken);
    replica.command(&["rollback", "--yes"]).assert().success().stdout(
        contains("2.0 has disabled a table at an event that it can't apply")
            .and(contains("shop.customers SQLSTATE: 23505"))
            .and(contains("bring it with 1.8.2's sync_tables")),
    );
    assert_eq!(
        replica.value("SELECT count(*) FROM sch_chameleon.t_replica_tables WHERE v_table_name = 'customers'"),
        "0"
    );

    let mut ends = gone_on(taken);
    ends.configure(&[crate::replica::demo_source().with("on_error_replay", "exit")]);
    ends.command(&["rollback", "--yes"])
        .assert()
        .code(REFUSED)
        .stdout(
            contains("event of shop.customers in the source replica can't be applied")
                .and(contains("set on_error_replay to continue")),
        )
        .stderr(contains("what was replayed until then stays replayed"));
    assert_eq!(ends.value("SELECT t_version FROM sch_chameleon.v_version"), "2.0.10");
    ends.sql("DELETE FROM shop.customers WHERE customer_id = 900");
    rolled_back(&ends);
    assert_eq!(
        ends.value("SELECT count(*) FROM shop.customers WHERE name = 'Ada' AND customer_id = 900"),
        "1"
    );
}

#[test]
fn what_2_0_has_lost_is_told_with_its_stretch_of_the_log() {
    // Killed after the next batch, and started again: the rows of the batch were deleted; and one that was never listed.
    let replica = gone_on(
        "INSERT INTO sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, i_binlog_position, b_started, b_processed,
                                                    v_log_table, ts_created)
         VALUES (-2, 1, 'mysql-bin.000042', 100, true, false, 't_log_replica_replica_1', '2024-01-01'),
                (-1, 1, 'mysql-bin.000042', 200, true, true, 't_log_replica_replica_1', '2024-01-02');
         INSERT INTO sch_chameleon.t_log_replica_replica_1 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event,
                                                            t_binlog_name, i_binlog_position)
         VALUES (-1, 'orders', 'shop', 'insert', 'mysql-bin.000042', 290)",
    );
    let shown = rolled_back(&replica);
    for text in [
        "between mysql-bin.000042:100 and mysql-bin.000042:200",
        "between mysql-bin.000042:200 and mysql-bin.000042:290",
        "Bring these tables with 1.8.2's sync_tables: shop.orders.",
        "Its rows are gone",
    ] {
        assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
    }
    assert_eq!(open_batches(&replica), "shop mysql-bin.000043:500, stock mysql-bin.000043:500");
}

#[test]
fn what_1_7_can_not_take_over_is_refused() {
    let to = |place: &str| format!("UPDATE sch_chameleon.t_replica_batch SET {place} WHERE NOT b_processed");
    for (more, says) in [
        (to("i_binlog_position = 2147483648"), ["way-back-start", "mysql-bin.000043:2147483648", "FLUSH BINARY LOGS"]),
        (to("t_binlog_name = 'other.000001'"), ["way-back-start", "another base name", "Stay with 2.0."]),
        (to("t_binlog_name = NULL"), ["way-back-start", "The batch 2 of the source replica", "sch_chameleon.t_replica_batch"]),
        (
            "DELETE FROM sch_chameleon.t_replica_batch WHERE NOT b_processed".to_owned(),
            ["way-back-start", "has 6 tables and no batch", "chameleon init_replica"],
        ),
        (
            "UPDATE sch_chameleon.t_sources SET jsb_schema_mappings = jsb_schema_mappings || '{\"more\": \"more\"}'".to_owned(),
            ["way-back-mappings", "more → more", "chameleon update_schema_mappings"],
        ),
        (
            "UPDATE sch_chameleon.t_replica_tables SET t_binlog_name = 'mysql-bin.000043', i_binlog_position = 2147483647
             WHERE v_table_name = 'orders'".to_owned(),
            ["way-back-start", "complete beyond it: shop.orders", "shows it as consistent"],
        ),
    ] {
        let replica = gone_on(&more);
        refuses(&replica, &says);
        refuses(&replica, &["run again with --force"]);
        replica.command(&["rollback", "--yes", "--force"]).assert().success();
    }
    // The columns of 1.7 were widened by somebody whose files are that large.
    let wide = gone_on(
        &(to("i_binlog_position = 5000000000")
            + "; ALTER TABLE _sch_chameleon_version1.t_replica_batch ALTER i_binlog_position TYPE bigint;
                 ALTER TABLE _sch_chameleon_version1.t_replica_tables ALTER i_binlog_position TYPE bigint"),
    );
    rolled_back(&wide);
    assert_eq!(open_batches(&wide), "shop mysql-bin.000043:5000000000, stock mysql-bin.000043:5000000000");
}

#[test]
fn a_schema_that_2_0_no_longer_maps_is_left_without_a_place() {
    let replica = gone_on(
        "UPDATE sch_chameleon.t_sources SET jsb_schema_mappings = jsb_schema_mappings - 'my_stock';
         DELETE FROM sch_chameleon.t_replica_tables WHERE v_schema_name = 'stock'",
    );
    let shown = rolled_back(&replica);
    assert!(shown.contains("nothing to go on with"), "{shown}");
    assert!(shown.contains("To replicate it again: 1.8.2's init_replica for stock"), "{shown}");
    assert_eq!(open_batches(&replica), "shop mysql-bin.000043:500");
    assert_eq!(
        replica.value("SELECT count(*) FROM sch_chameleon.t_replica_tables WHERE v_schema_name = 'stock'"),
        "0"
    );
}

#[test]
fn the_question_shows_what_will_be_done_and_fits_80_columns() {
    let replica = gone_on(
        "UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = false WHERE v_table_name = 'orders'",
    );
    let before = replica.record();
    for (answer, code) in [("no\n", REFUSED), ("\u{3}", REFUSED), ("YES\n", 0)] {
        let mut terminal = Terminal::of_width(80, &replica, &["rollback", "--config", CONFIGURATION], &[]);
        terminal.until("Answer YES to go on:");
        for text in
            ["mysql-bin.000043:500", "Replay 2 events that 2.0 has listed", "shop goes on without 1 table"]
        {
            let shown = terminal.shown.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
        }
        terminal.type_in(answer);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(code), "{answer:?}: {shown}");
        on_terminal::assert_fits(80, answer, &shown);
        if code != 0 {
            assert_eq!(before.diff(&replica.record()), "", "{answer:?}");
        }
    }
}

/// Ctrl-C while what 2.0 has listed is being replayed, and waits for a lock: nothing of the call is done, and 2.0 is in place.
#[test]
fn a_signal_ends_the_replay_and_the_same_command_goes_on() {
    let replica = gone_on("");
    let mut other = replica.client();
    let mut lock = other.transaction().unwrap();
    lock.batch_execute("LOCK TABLE stock.warehouses").unwrap();
    let mut terminal =
        Terminal::of_width(80, &replica, &["rollback", "--yes", "--config", CONFIGURATION], &[]);
    terminal.until("Replay of what 2.0 has listed");
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'stock.warehouses'::regclass";
    while replica.value(waits) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    terminal.type_in("\u{3}");
    let (ended, shown) = terminal.end();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ended, Some(REFUSED), "{shown}");
    assert!(
        shown.contains(
            "Interrupted during the replay of what 2.0 has listed. sch_chameleon is the 2.0.10 catalogue"
        ),
        "{shown}"
    );
    lock.commit().unwrap();
    rolled_back(&replica);
    assert_eq!(replica.value("SELECT count(*) FROM stock.warehouses WHERE id = 90"), "1");
}

/// A generator of numbers: the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn at(position: i64) -> BinlogCoordinate {
    BinlogCoordinate::parse("mysql-bin.000042", position).unwrap()
}

/// What the statement in the server makes of tables of every kind is what the model says of each.
#[test]
fn tables_of_every_kind_go_the_way_of_the_model() {
    const TABLES: u64 = 400;
    // shop started at 7310 and stock at 8850; 2.0 stands between them.
    let places = [("shop", 1, 7310_i64, 8000_i64), ("stock", 2, 8850, 8850)];
    for unsure in [false, true] {
        let mut numbers = Numbers(u64::from(unsure) + 1);
        let replica = Replica::demo();
        let (mut before, mut after, mut alone) = (String::new(), String::new(), Vec::new());
        let mut expected = BTreeMap::new();
        for number in 0..TABLES {
            let (schema, id, start, coordinate) = places[usize::try_from(numbers.below(2)).unwrap()];
            let name = format!("t_{number}");
            let position = |numbers: &mut Numbers| 7000 + i64::try_from(numbers.below(30)).unwrap() * 100;
            let was_there = numbers.below(4) > 0;
            let own_of_then = (numbers.below(3) == 0).then(|| position(&mut numbers));
            let given = was_there.then(|| at(own_of_then.unwrap_or(0).max(start)).just_after());
            let is_there = numbers.below(6) > 0;
            if was_there {
                let own =
                    own_of_then.map_or("NULL, NULL".to_owned(), |own| format!("'mysql-bin.000042', {own}"));
                _ = writeln!(
                    before,
                    "INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey, t_binlog_name,
                                                                 i_binlog_position)
                     VALUES ({id}, '{name}', '{schema}', ARRAY['\"id\"'], {own});"
                );
            }
            if is_there {
                _ = writeln!(after, "CREATE TABLE {schema}.{name} (id int PRIMARY KEY);");
            }
            let keys: [&[&str]; 5] = [&["id"], &["a, b", "C"], &[], &["has \"quotes\""], &["id"]];
            let key: Vec<_> =
                keys[usize::try_from(numbers.below(5)).unwrap()].iter().map(|&it| it.to_owned()).collect();
            let own = match numbers.below(3) {
                0 => None,
                1 => given.clone(),
                _ => Some(at(position(&mut numbers))),
            };
            let with_others = numbers.below(2) == 0;
            let table = NewTable {
                enabled: numbers.below(6) > 0,
                is_there,
                own,
                written_with_others: with_others,
                key,
            };
            let is_gone = was_there && numbers.below(10) == 0;
            let file = table
                .own
                .as_ref()
                .map_or("NULL, NULL".to_owned(), |own| format!("'mysql-bin.000042', {}", own.position()));
            let key = table.key.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
            let row = format!("{id}|{name}");
            _ = writeln!(after, "DELETE FROM sch_chameleon.t_replica_tables WHERE v_table_name = '{name}';");
            if !is_gone {
                _ = writeln!(
                    after,
                    "INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey, t_binlog_name,
                                                                 i_binlog_position, b_replica_enabled)
                     VALUES (1, '{name}', '{schema}', ARRAY[{key}]::varchar[], {file}, {});",
                    table.enabled
                );
                if !with_others {
                    alone.push(format!("UPDATE sch_chameleon.t_replica_tables SET v_table_name = v_table_name WHERE v_table_name = '{name}'"));
                }
                let source = SourceBack {
                    id: OldSourceId(id),
                    name: schema.to_owned(),
                    dest_schema: schema.to_owned(),
                    new: None,
                    coordinate: Some(at(coordinate)),
                    start_at_upgrade: Some(at(start)),
                    was_initialised: true,
                    telling_batches: vec![],
                    last_received: None,
                    last_replayed: None,
                    unsure,
                };
                if let Fate::Replicated { key, own } =
                    fate(&table, given.as_ref(), &source, i64::from(i32::MAX))
                {
                    expected
                        .insert(row, format!("{key} {}", own.map(|own| own.to_string()).unwrap_or_default()));
                }
            }
        }
        replica.sql(&before);
        replica.command(&["upgrade", "--yes"]).assert().success();
        replica.sql(GONE_ON);
        replica.sql(&after);
        replica.sql("UPDATE sch_chameleon.t_replica_batch SET t_binlog_name = 'mysql-bin.000042', i_binlog_position = 8000, b_started = true
                     WHERE NOT b_processed");
        if unsure {
            replica.sql("UPDATE sch_chameleon.t_sources SET b_consistent = false, t_binlog_name = 'mysql-bin.000044', i_binlog_position = 9");
        }
        alone.iter().for_each(|statement| replica.sql(statement));
        rolled_back(&replica);
        let rows = replica.client().query(
            "SELECT format('%s|%s', i_id_source, v_table_name), format('%s %s', v_table_pkey[1], t_binlog_name || ':' || i_binlog_position)
             FROM sch_chameleon.t_replica_tables WHERE v_table_name ~ '^t_[0-9]+$'", &[]).unwrap();
        let written: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert!(expected.len() > 60, "{}", expected.len());
        assert!(expected.values().filter(|it| it.contains("mysql-bin")).count() > 12);
        assert_eq!(written, expected, "unsure: {unsure}");
    }
}

/// Each kind of fault at each message, those of the replay too: afterwards the catalogue is the one or the other, the exit
/// code says which, and what was listed has been applied once at the most; once the command has done its work, once.
#[test]
fn faults_at_every_message_leave_the_one_or_the_other() {
    Upgraded::and_then(GONE_ON).in_turn_at_every_message(&["rollback", "--yes"], |case, outcome, client| {
        let version = properties::version(client).unwrap();
        match (outcome.code(), &version) {
            (Some(0), Version::Old) | (Some(REFUSED), Version::New) => {}
            (None, Version::Old | Version::New) if outcome.killed() => {}
            other => panic!("{case}: {other:?}: {}", outcome.output),
        }
        let applied: i64 =
            client.query_one("SELECT count(*) FROM shop.customers WHERE customer_id = 900", &[]).unwrap().get(0);
        let disabled: i64 = client
            .query_one("SELECT count(*) FROM pg_class WHERE relname = 'customers' AND relkind = 'r'", &[])
            .unwrap()
            .get(0);
        assert!(applied <= 1 && disabled == 1, "{case}: applied {applied} times");
        let done = version == Version::Old;
        if done {
            assert_eq!(applied, 1, "{case}");
            let left = "SELECT count(*), count(*) FILTER (WHERE i_binlog_position = 500) FROM sch_chameleon.t_replica_batch
                        WHERE NOT (b_started AND b_processed AND b_replayed)";
            let row = client.query_one(left, &[]).unwrap();
            assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 2), "{case}");
        }
        done
    });
}

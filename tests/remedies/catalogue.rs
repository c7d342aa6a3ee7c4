//! What is wrong in the catalogue, and is mended in it.

use crate::replica::Replica;
use crate::{both, carry_out, findings, is_gone, of, remedy, run_all, shop, stock, with};
use chameleon_harness::seed::{Batch, BatchState, Destination, Event, Seed, Table};
use chameleon_upgrade::report::layout::{commands, statements};
use serde_json::json;

#[test]
fn leftovers_are_dropped_or_renamed() {
    for schema in ["_sch_chameleon_version1", "_sch_chameleon_version2"] {
        for choice in 1..=2 {
            let replica = with(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (a int)"));
            let remedy = remedy(&replica, "leftovers", "error");
            let [look, drop, keep] = commands(&remedy)[..] else { panic!("not three commands: {remedy}") };
            replica.shell(look).assert().success().stdout(predicates::str::contains(schema));
            assert_eq!(of(&replica, "leftovers").len(), 1, "looking has changed something");
            replica.shell(&format!("{} --yes", [look, drop, keep][choice])).assert().success();
            is_gone(&replica, "leftovers");
            replica.upgrade(&[]).code(0);
        }
    }
}

/// §hunt-13: registered for two sources that go into one.
#[test]
fn a_table_that_is_registered_twice_is_deleted_once() {
    let replica = with(
        "INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
         VALUES (2, 'items', 'shop', ARRAY['\"id\"'])",
    );
    let found = of(&replica, "misplaced-tables");
    assert!(
        found[0]["found"].as_str().unwrap().contains(
            "1 table is registered for the source stock: shop.items. shop is the destination of the source shop, for which \
             1 of them are registered too"
        ),
        "{found:?}"
    );
    carry_out(&replica, "misplaced-tables", "error");
    let tables = "SELECT string_agg(v_schema_name || '.' || v_table_name, ' ' ORDER BY v_table_name) FROM sch_chameleon.t_replica_tables";
    assert_eq!(replica.value(tables), "shop.items stock.pieces");
}

/// §hunt-13's sibling: registered for the wrong source alone, some of them twice.
#[test]
fn tables_that_are_registered_for_another_source_are_given_back() {
    let seed = Seed::of([shop().table(Table::new("more")), stock()]);
    let replica = Replica::of(&seed, &both());
    replica.sql(
        "UPDATE sch_chameleon.t_replica_tables SET i_id_source = 2 WHERE v_table_name = 'items';
         INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
         VALUES (2, 'more', 'shop', ARRAY['\"id\"'])",
    );
    run_all(&replica, &remedy(&replica, "misplaced-tables", "error"));
    carry_out(&replica, "misplaced-tables", "error");
    // shop stands further on than stock.
    let points = "SELECT string_agg(v_table_name || ' ' || i_binlog_position, ', ' ORDER BY v_table_name) FROM sch_chameleon.t_replica_tables";
    assert_eq!(replica.value(points), "items 201, more 201, pieces 51");
}

/// §hunt-14: no source has that destination. They are kept, and told.
#[test]
fn rows_of_a_schema_that_is_no_destination_are_deleted() {
    let replica = with(
        "INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
         SELECT 1, 't' || n, 'old_name_1', ARRAY['\"id\"'] FROM generate_series(1, 12) n",
    );
    let found = of(&replica, "misplaced-tables");
    let text = found[0]["found"].as_str().unwrap();
    assert!(
        text.contains("12 tables are registered for the source shop: old_name_1.t1, ")
            && text.contains("and 2 more"),
        "{text}"
    );
    assert!(text.contains("old_name_1 is the destination of no source"), "{text}");
    carry_out(&replica, "misplaced-tables", "warning");
    assert_eq!(replica.value("SELECT count(*) FROM sch_chameleon.t_replica_tables"), "2");
    // Left alone, all of them are brought over.
    let kept =
        with("UPDATE sch_chameleon.t_replica_tables SET v_schema_name = 'it''s old' WHERE i_id_source = 1");
    assert!(remedy(&kept, "misplaced-tables", "warning").contains("v_schema_name = 'it''s old';"));
    kept.upgrade(&[]).code(0);
    assert_eq!(kept.value("SELECT count(*) FROM sch_chameleon.t_replica_tables"), "2");
}

/// §hunt-19.
#[test]
fn objects_of_ones_own_are_given_another_schema() {
    let own = "CREATE TABLE sch_chameleon.notes (id serial PRIMARY KEY, note text);
               INSERT INTO sch_chameleon.notes (note) VALUES ('kept');
               CREATE VIEW sch_chameleon.\"my lag\" AS SELECT t_source FROM sch_chameleon.t_sources;
               CREATE MATERIALIZED VIEW sch_chameleon.counts AS SELECT count(*) FROM sch_chameleon.t_sources;
               CREATE FUNCTION sch_chameleon.lag_of(text, integer) RETURNS int LANGUAGE sql AS 'SELECT 1';
               CREATE AGGREGATE sch_chameleon.total(integer) (SFUNC = int4pl, STYPE = integer);
               CREATE TYPE sch_chameleon.colour AS ENUM ('red');
               CREATE TYPE sch_chameleon.pair AS (a int, b int);
               CREATE DOMAIN sch_chameleon.short AS varchar(3);
               CREATE SEQUENCE sch_chameleon.numbers;
               CREATE FUNCTION public.hooked() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TRIGGER hook AFTER INSERT ON sch_chameleon.t_discarded_rows FOR EACH ROW EXECUTE FUNCTION hooked()";
    let replica = with(own);
    let found = of(&replica, "own-objects");
    let text = found[0]["found"].as_str().unwrap();
    assert!(text.starts_with("10 objects are in sch_chameleon"), "{text}");
    for object in [
        "table sch_chameleon.notes",
        "view sch_chameleon.\"my lag\"",
        "materialized view sch_chameleon.counts",
        "function sch_chameleon.lag_of(text,integer)",
        "function sch_chameleon.total(integer)",
        "type sch_chameleon.colour",
        "composite type sch_chameleon.pair",
        "type sch_chameleon.short",
        "sequence sch_chameleon.numbers",
        "trigger hook on table sch_chameleon.t_discarded_rows",
    ] {
        assert!(text.contains(object), "{object}: {text}");
    }
    let told = remedy(&replica, "own-objects", "warning");
    assert_eq!(statements(&told).len(), 7, "{told}");
    run_all(&replica, &told);
    let left = of(&replica, "own-objects");
    assert!(left[0]["found"].as_str().unwrap().starts_with("3 objects are"), "{left:?}");
    replica.upgrade(&[]).code(0);
    assert_eq!(replica.value("SELECT note FROM public.notes"), "kept");
    assert_eq!(replica.value("SELECT public.total(n) FROM generate_series(1, 3) n"), "6");
    // The views stay with the old tables, as it says; made anew they show the new ones.
    replica.sql("CREATE VIEW sch_chameleon.\"my lag\" AS SELECT t_source FROM sch_chameleon.t_sources");
    assert_eq!(replica.value("SELECT t_source FROM sch_chameleon.\"my lag\""), "replica");
    assert_eq!(replica.value("SELECT count(*) FROM _sch_chameleon_version1.\"my lag\""), "2");
    // Of a catalogue as it should be nothing is said, with statistics and what older versions have left.
    let plain = with(
        "CREATE TABLE sch_chameleon.t_log_replica_1 () INHERITS (sch_chameleon.t_log_replica);
         CREATE INDEX mine ON sch_chameleon.t_replica_batch (ts_created)",
    );
    is_gone(&plain, "own-objects");
}

/// §report-27. What is kept of a row is as the real 1.8.2 keeps it.
#[test]
fn discarded_rows_are_told_and_the_list_is_emptied() {
    let row = |table: &str| {
        format!(
            "INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch, ts_discard, t_row_data)
             SELECT 1, '2024-05-01 10:00+00', '\\x' || encode(convert_to(encode(convert_to(
                 '{{''global_data'': {{''schema'': ''shop'', ''table'': ''{table}'', ''batch_id'': 2}}, ''event_data'': {{}}}}',
                 'utf8'), 'hex'), 'utf8'), 'hex');"
        )
    };
    let replica = with(&[row("items"), row("items"), row("more")].concat());
    replica.sql(&format!("ALTER DATABASE {} SET timezone = 'UTC'", replica.database.name()));
    let found = of(&replica, "discarded-rows");
    assert_eq!(
        found[0]["found"],
        "1.8.2 could not store 3 rows, at 2024-05-01 10:00, of shop.items, shop.more: they are missing in PostgreSQL unless the \
         tables were synced since."
    );
    carry_out(&replica, "discarded-rows", "warning");

    let unknown = with(&format!(
        "{} INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) VALUES (1, 'nonsense'), (2, NULL)",
        row("items")
    ));
    let found = of(&unknown, "discarded-rows");
    let text = found[0]["found"].as_str().unwrap();
    assert!(
        text.contains("3 rows, from 2024-05-01") && text.contains("of shop.items, and maybe of more:"),
        "{text}"
    );
    let nothing =
        with("INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) VALUES (1, '{}')");
    assert!(
        of(&nothing, "discarded-rows")[0]["found"]
            .as_str()
            .unwrap()
            .contains("of which tables can't be told")
    );
}

#[test]
fn rows_with_names_that_do_not_fit_are_deleted() {
    let replica = with(&format!(
        "INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
         VALUES (1, '{}', 'shop', ARRAY['\"id\"'])",
        "t".repeat(65)
    ));
    carry_out(&replica, "names", "error");
}

#[test]
fn primary_keys_are_added() {
    let odd = Table::new("odd \"name\"").key(&["order_id", "Line No"]).destination(Destination::WithoutKey);
    let seed = Seed::of([
        shop().table(Table::new("keyless").destination(Destination::WithoutKey)).table(odd),
        stock(),
    ]);
    let replica = Replica::of(&seed, &both());
    carry_out(&replica, "primary-keys", "warning");
    let keys =
        "SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND connamespace = 'shop'::regnamespace";
    assert_eq!(replica.value(keys), "3");
}

#[test]
fn a_batch_that_the_replay_passes_over_is_marked() {
    let batch = Batch { started: Some(false), ..Batch::new(BatchState::Listed, "mysql-bin.000007:20") }
        .event(Event::insert("pieces", json!({"id": 30, "data": "x"})));
    let stock = chameleon_harness::seed::Source::new("stock")
        .table(Table::new("pieces").rows(2))
        .batch(batch)
        .batch(Batch::open("mysql-bin.000007:50"));
    let replica = Replica::of(&Seed::of([shop(), stock]), &both());
    carry_out(&replica, "unreplayable-batch", "error");
    assert_eq!(replica.value("SELECT count(*) FROM stock.pieces"), "3");
}

/// §hunt-8.
#[test]
fn the_destination_of_a_source_that_was_never_initialised_is_created() {
    let idle = chameleon_harness::seed::Source::new("idle").status(chameleon_harness::seed::Status::Ready);
    let sources = vec![chameleon_harness::chameleon::home::ConfiguredSource::mysql(
        "replica",
        &[("my_shop", "shop"), ("my_idle", "idle")],
    )];
    let replica = Replica::of(&Seed::of([shop(), idle]).statement("DROP SCHEMA idle"), &sources);
    let told = remedy(&replica, "never-initialised", "warning");
    assert!(
        told.contains(
            "chameleon refresh_schema after it (source replica, schema my_idle), which creates the schema"
        ),
        "{told}"
    );
    let found = of(&replica, "never-initialised");
    assert!(
        found[0]["found"].as_str().unwrap().contains("Its destination schema idle is not there"),
        "{found:?}"
    );
    run_all(&replica, &told);
    let found = of(&replica, "never-initialised");
    assert!(found[0]["found"].as_str().unwrap().contains("nothing is replicated into idle yet"), "{found:?}");
    replica.upgrade(&[]).code(0).stdout(predicates::str::contains(
        "chameleon refresh_schema --config upgraded --source replica --schema my_idle",
    ));
}

/// A remedy has no statement for the views of others: it says what to do.
#[test]
fn a_view_on_the_catalogue_is_created_anew() {
    let view = "CREATE VIEW public.sources AS SELECT t_source FROM sch_chameleon.t_sources";
    let replica = with(view);
    let told = remedy(&replica, "dependents", "warning");
    assert!(
        told.starts_with(
            "Create it anew on sch_chameleon after the upgrade; dropping _sch_chameleon_version1"
        ),
        "{told}"
    );
    replica.upgrade(&[]).code(0);
    assert_eq!(replica.value("SELECT count(*) FROM public.sources"), "2");
    replica.sql(&format!("DROP VIEW public.sources; {view}"));
    assert_eq!(replica.value("SELECT t_source FROM public.sources"), "replica");
    replica.sql("DROP SCHEMA _sch_chameleon_version1 CASCADE");
    assert_eq!(replica.value("SELECT t_source FROM public.sources"), "replica");
}

/// §hunt-15: a success is no leftover, and what is put aside is the way back.
#[test]
fn after_an_upgrade_there_is_nothing_to_complain_of() {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0);
    let found = findings(&replica);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((&found[0]["check"], &found[0]["severity"]), (&json!("leftovers"), &json!("info")));
    assert_eq!(found[0].get("remedy"), None, "{found:?}");
    assert!(
        found[0]["found"].as_str().unwrap().contains("the way back (chameleon-upgrade rollback)"),
        "{found:?}"
    );
    replica.upgrade(&[]).code(0).stdout("The catalogue is 2.0.10 already: there is nothing to do.\n");
    // What the original's upgrade leaves out is told, by upgrade too.
    replica.sql("DELETE FROM sch_chameleon.t_replica_tables WHERE v_schema_name = 'stock'");
    let told = of(&replica, "tables-left-behind");
    assert!(told[0]["found"].as_str().unwrap().contains("2 tables of the 1.7 catalogue"), "{told:?}");
    replica
        .command(&["check"])
        .assert()
        .code(0)
        .stdout(predicates::str::contains("stock.warehouses, stock.movements"));
    replica.upgrade(&[]).code(0).stdout(predicates::str::contains("tables-left-behind"));
    // Rolled back, as it says, and upgraded again, they are there.
    replica.command(&["rollback", "--yes"]).assert().success();
    replica.sql("DROP SCHEMA _sch_chameleon_version2 CASCADE;");
    replica.upgrade(&[]).code(0);
    is_gone(&replica, "tables-left-behind");
}

#[test]
fn what_is_left_over_beside_a_success_is_dropped() {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0);
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    let found = of(&replica, "leftovers");
    let left = found.iter().find(|finding| finding["severity"] == "warning").unwrap();
    let drop = commands(left["remedy"].as_str().unwrap())[1];
    replica.shell(&format!("{drop} --yes")).assert().success();
    assert_eq!(of(&replica, "leftovers").len(), 1);
    replica.command(&["rollback", "--yes"]).assert().success();
}

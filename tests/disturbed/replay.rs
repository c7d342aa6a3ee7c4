//! What goes wrong while the old catalogue is replayed: 1.8.2 can go on from there, and nothing is applied twice.

use crate::replica::{Replica, assert_unchanged, demo_source};
use crate::scene::{Outcome, Scene, rows, waiting};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::fault::{Fault, MessageKind, Place, Transcript};
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use serde_json::json;
use std::sync::OnceLock;

/// The demo, replayed in calls of 50 events.
fn scene() -> Scene {
    Scene::with(&waiting(), vec![demo_source().with("replay_max_rows", 50)])
}

/// What an undisturbed upgrade makes of it, and its messages.
fn undisturbed() -> &'static (Outcome, Transcript) {
    static RUN: OnceLock<(Outcome, Transcript)> = OnceLock::new();
    RUN.get_or_init(|| {
        let scene = scene();
        let ended = scene.upgrade(vec![]);
        ended.assert_code(0);
        (Outcome::of(&scene.replica), ended.transcript)
    })
}

/// The numbers of the messages that execute `fn_process_batch`.
fn calls() -> Vec<u64> {
    let messages = &undisturbed().1.messages;
    let is_call = |sql: &String| sql.starts_with("SELECT sch_chameleon.fn_process_batch");
    let parses = messages.iter().filter(|message| message.sql.as_ref().is_some_and(is_call));
    let execute = |from: u64| {
        let later = messages.iter().filter(move |message| message.number > from);
        later.filter(|message| message.kind == MessageKind::Execute).map(|message| message.number).next()
    };
    parses.map(|parse| execute(parse.number).unwrap()).collect()
}

/// As the 1.8.2 daemon does.
fn replay_by_1_8_2(replica: &Replica) {
    let mut client = replica.client();
    for source in 1..=2 {
        while client.query_one("SELECT sch_chameleon.fn_process_batch(1000, $1)", &[&source]).unwrap().get(0)
        {
        }
    }
}

/// 1.8.2 goes on, and all is as if it had replayed from the beginning; then the upgrade goes on too.
fn assert_1_8_2_goes_on(scene: &Scene) {
    assert_1_8_2_goes_on_as(scene, &self::scene(), &undisturbed().0);
}

/// `fresh`: the same replica, before anything was replayed.
fn assert_1_8_2_goes_on_as(scene: &Scene, fresh: &Scene, undisturbed: &Outcome) {
    scene.until_no_upgrader();
    replay_by_1_8_2(&scene.replica);
    replay_by_1_8_2(&fresh.replica);
    assert_eq!(rows(&mut scene.replica.client()), rows(&mut fresh.replica.client()));
    let destination = |replica: &Replica| Record::of(&mut replica.client(), &["shop", "stock"]).unwrap();
    assert_unchanged(&destination(&fresh.replica), &destination(&scene.replica));
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(undisturbed);
}

/// Three batches with so many events that they are replayed in sets: the first in two slices, with DDL between them;
/// the second with a table of few events, which the function does; the third all in one.
fn in_sets() -> Scene {
    let mix = [Kind::Insert, Kind::Update, Kind::Delete];
    let first = Batch::listed("mysql-bin.000001:100")
        .event(Event::bulk_of("items", 300, &mix))
        .event(Event::ddl("items", "ALTER TABLE shop.items ADD note text"))
        .event(Event::bulk_of("items", 300, &mix));
    let second = Batch::listed("mysql-bin.000001:1000")
        .event(Event::bulk_of("few", 3, &mix))
        .event(Event::bulk_of("items", 240, &mix))
        .event(Event::bulk_of("lines", 240, &mix));
    let third = Batch::listed("mysql-bin.000001:2000").event(Event::bulk_of("lines", 270, &mix));
    let tables = ["items", "lines", "few"].map(|name| Table::new(name).rows(500));
    let source = tables.into_iter().fold(Source::new("shop"), Source::table);
    let source = [first, second, third].into_iter().fold(source, Source::batch);
    let seed = Seed::of([source.batch(Batch::open("mysql-bin.000001:9000"))]);
    Scene::with(&seed, vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop")])])
}

/// What an undisturbed upgrade makes of [`in_sets`], and the numbers of the messages that execute a slice.
fn undisturbed_in_sets() -> &'static (Outcome, Vec<u64>) {
    static RUN: OnceLock<(Outcome, Vec<u64>)> = OnceLock::new();
    RUN.get_or_init(|| {
        let scene = in_sets();
        let ended = scene.upgrade(vec![]);
        ended.assert_code(0);
        let messages = &ended.transcript.messages;
        let is_slice = |sql: &String| sql.starts_with("SELECT outcome, events");
        let slices = messages.iter().filter(|message| message.sql.as_ref().is_some_and(is_slice));
        let executes = slices.map(|slice| {
            let mut later = messages.iter().filter(|message| message.number > slice.number);
            later.find(|message| message.kind == MessageKind::Execute).unwrap().number
        });
        let counters =
            "SELECT string_agg(concat_ws(' ', i_replayed, i_ddl, i_skipped), ', ' ORDER BY i_id_batch)
                        FROM _sch_chameleon_version1.t_replica_batch WHERE b_replayed";
        assert_eq!(scene.replica.value(counters), "600 1 0, 483 0 0, 270 0 0");
        let executes: Vec<_> = executes.collect();
        assert!(executes.len() >= 5, "{executes:?}");
        (Outcome::of(&scene.replica), executes)
    })
}

#[test]
fn a_replay_in_sets_is_broken_off_anywhere() {
    let (undisturbed, slices) = undisturbed_in_sets();
    let cuts = [Fault::cut_after as fn(Place) -> Fault, Fault::cut_before, Fault::cut_during];
    for (slice, cut) in slices.iter().zip(cuts.iter().cycle()) {
        let scene = in_sets();
        let failed = scene.upgrade(vec![cut(Place::message(*slice))]);
        failed.assert_code(4).assert_last_says(&["Failed during the replay", "1.7 is in place"]);
        assert_1_8_2_goes_on_as(&scene, &in_sets(), undisturbed);
    }
}

#[test]
fn a_replay_in_sets_is_killed_anywhere() {
    let (undisturbed, slices) = undisturbed_in_sets();
    for slice in slices {
        let scene = in_sets();
        let (at, held) = crate::scene::hold(Place::message(*slice));
        let mut running = scene.start(vec![at], &["--yes"]);
        held.wait(&mut running);
        running.kill();
        held.go_on();
        assert_1_8_2_goes_on_as(&scene, &in_sets(), undisturbed);
    }
}

#[test]
fn a_slice_that_fails_is_tried_again_or_left_to_the_function() {
    let (undisturbed, slices) = undisturbed_in_sets();
    for slice in slices {
        for sqlstate in ["deadlock_detected", "lock_not_available", "23514"] {
            let scene = in_sets();
            let at = Place::message(*slice);
            let ended = scene.upgrade(vec![Fault::statement_fails(at, sqlstate.parse().unwrap())]);
            ended.assert_code(0);
            scene.assert_upgraded_as(undisturbed);
        }
    }
}

#[test]
fn a_slice_that_fails_of_the_server_breaks_the_replay_off() {
    let (undisturbed, slices) = undisturbed_in_sets();
    for slice in slices {
        for sqlstate in ["disk_full", "query_canceled"] {
            let scene = in_sets();
            let at = Place::message(*slice);
            let failed = scene.upgrade(vec![Fault::statement_fails(at, sqlstate.parse().unwrap())]);
            failed.assert_code(4).assert_last_says(&["Failed during the replay", "1.7 is in place"]);
            assert_1_8_2_goes_on_as(&scene, &in_sets(), undisturbed);
        }
    }
}

/// Two sources whose tables have triggers that write to the same rows, in opposite orders.
#[test]
fn sources_that_are_in_each_others_way_are_all_replayed() {
    let source = |name: &str, ids: [i32; 2]| {
        let change = |id| Event::update("t", json!({"id": id}), json!({"id": id, "data": name}));
        let batch = (0..40).fold(Batch::listed("mysql-bin.000001:100"), |batch, n| {
            let order = if n % 2 == 0 { ids } else { [ids[1], ids[0]] };
            order.into_iter().map(change).fold(batch, Batch::event)
        });
        Source::new(name)
            .table(Table::new("t").rows(2))
            .batch(batch)
            .batch(Batch::open("mysql-bin.000001:9000"))
    };
    let trigger = |schema: &str| {
        format!(
            "CREATE TRIGGER count AFTER UPDATE ON {schema}.t FOR EACH ROW EXECUTE PROCEDURE public.count_changes()"
        )
    };
    let seed = Seed::of([source("shop", [1, 2]), source("stock", [2, 1])])
        .statement("CREATE TABLE public.changes (id integer PRIMARY KEY, n integer)")
        .statement("INSERT INTO public.changes VALUES (1, 0), (2, 0)")
        .statement(
            "CREATE FUNCTION public.count_changes() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN UPDATE public.changes SET n = n + 1 WHERE id = NEW.id; PERFORM pg_sleep(0.02); RETURN NULL; END'",
        )
        .statement(&trigger("shop"))
        .statement(&trigger("stock"));
    for method in ["sets", "function"] {
        // Short calls that wait for each other; and long ones that one of them does not wait for.
        for (lock_timeout, events) in [("60s", 6), ("1500ms", 80)] {
            let configured = demo_source().with("replay_max_rows", events).with("lock_timeout", lock_timeout);
            let scene = Scene::with(&seed, vec![configured]);
            let ended = scene.start(vec![], &["--yes", "--jobs", "2", "--replay", method]).end();
            ended.assert_code(0);
            let counts = "SELECT string_agg(n::text, ' ' ORDER BY id) FROM public.changes";
            assert_eq!(scene.replica.value(counts), "80 80", "{}", ended.shown);
        }
    }
}

#[test]
fn the_connection_is_lost_during_the_replay() {
    let calls = calls();
    assert!(calls.len() > 8, "{calls:?}");
    for (call, cut) in [
        (calls[0], Fault::cut_before as fn(Place) -> Fault),
        (calls[2], Fault::cut_during),
        (calls[3], Fault::cut_after),
        (*calls.last().unwrap(), Fault::cut_after),
    ] {
        let scene = scene();
        let failed = scene.upgrade(vec![cut(Place::message(call))]);
        failed.assert_code(4).assert_says(&["the replay was broken off"]);
        failed.assert_last_says(&[
            "Failed during the replay",
            "1.7 is in place",
            "1.8.2 can go on from there",
        ]);
        assert_1_8_2_goes_on(&scene);
    }
}

#[test]
fn what_passes_by_itself_is_tried_again() {
    for sqlstate in ["deadlock_detected", "serialization_failure"] {
        let scene = scene();
        let at = Place::message(calls()[2]);
        let ended = scene.upgrade(vec![Fault::statement_fails(at, sqlstate.parse().unwrap())]);
        ended.assert_code(0);
        scene.assert_upgraded_as(&undisturbed().0);
    }
}

#[test]
fn what_does_not_pass_by_itself_ends_the_replay() {
    let calls = calls();
    let distance = calls[1] - calls[0];
    let scene = scene();
    let faults = (0..6).map(|attempt| {
        let at = Place::message(calls[2] + attempt * distance);
        Fault::statement_fails(at, "deadlock_detected".parse().unwrap())
    });
    let failed = scene.upgrade(faults.collect());
    failed.assert_code(4).assert_says(&["the replay was broken off", "[SQLSTATE 40P01]"]);
    failed.assert_last_says(&["1.7 is in place"]);
    assert_1_8_2_goes_on(&scene);
}

#[test]
fn what_is_no_fault_of_an_event_is_blamed_on_none() {
    for sqlstate in ["disk_full", "query_canceled", "io_error"] {
        let scene = scene();
        let at = Place::message(calls()[2]);
        let failed = scene.upgrade(vec![Fault::statement_fails(at, sqlstate.parse().unwrap())]);
        failed.assert_code(4).assert_says(&["the replay was broken off"]);
        failed.assert_last_says(&["1.7 is in place"]);
        assert_1_8_2_goes_on(&scene);
    }
}

/// A thousand events, of which the 613th fails.
fn with_a_fault_in_the_middle(replay_max_rows: u64) -> Scene {
    let batch = Batch::listed("mysql-bin.000001:100")
        .event(Event::bulk_of("items", 612, &[Kind::Insert]))
        .event(Event::insert("items", json!({"id": 5, "data": "once more"})))
        .event(Event::bulk_of("items", 387, &[Kind::Insert]));
    let source = Source::new("orders")
        .table(Table::new("items"))
        .batch(batch)
        .batch(Batch::open("mysql-bin.000001:9000"));
    let configured = ConfiguredSource::mysql("new", &[("my_orders", "orders")]);
    Scene::with(&Seed::of([source]), vec![configured.with("replay_max_rows", replay_max_rows)])
}

#[test]
fn an_event_that_fails_in_the_middle_is_found() {
    for replay_max_rows in [1, 7, 1000, 1_000_000] {
        let scene = with_a_fault_in_the_middle(replay_max_rows);
        let event = scene.replica.value(
            "SELECT i_id_event FROM sch_chameleon.t_log_replica WHERE jsb_event_data->>'data' = 'once more'",
        );
        let batch = scene.replica.value("SELECT i_id_batch FROM sch_chameleon.t_batch_events");
        let refused = scene.upgrade(vec![]);
        refused.assert_code(3).assert_says(&[
            &format!("The event {event} (insert on orders.items, mysql-bin.000001:"),
            &format!("in batch {batch} of the source orders can't be replayed: duplicate key"),
            "[SQLSTATE 23505]",
        ]);
        refused.assert_last_says(&["1.7 is in place", "1.8.2 can go on"]);
        // All before it, nothing after it.
        assert_eq!(scene.replica.value("SELECT count(*) FROM orders.items"), "612");
        scene.replica.sql("DELETE FROM orders.items WHERE id = 5");
        scene.upgrade(vec![]).assert_code(0);
        assert_eq!(scene.replica.value("SELECT count(*) FROM orders.items"), "999");
        assert_eq!(scene.replica.value("SELECT data FROM orders.items WHERE id = 5"), "once more");
    }
}

#[test]
fn a_locked_table_is_named_and_not_waited_for_forever() {
    let configured = demo_source().with("replay_max_rows", 50).with("lock_timeout", "100ms");
    let scene = Scene::with(&waiting(), vec![configured]);
    let mut other = scene.replica.client();
    let holder: i32 = other.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE shop.orders IN SHARE MODE").unwrap();
    let failed = scene.upgrade(vec![]);
    failed.assert_code(4).assert_says(&[
        "shop.orders",
        "lock_timeout",
        &format!("server process {holder}"),
        "[SQLSTATE 55P03]",
    ]);
    failed.assert_last_says(&["Failed during the replay", "1.7 is in place"]);
    // Up to the statement that needs the lock.
    assert_eq!(scene.replica.value("SELECT name FROM shop.customers WHERE customer_id = 3"), "Grace");
    transaction.batch_execute("SELECT FROM shop.orders").unwrap();
    transaction.commit().unwrap();
    assert_1_8_2_goes_on(&scene);
}

#[test]
fn a_lock_that_is_let_go_in_time_is_waited_for() {
    let scene = scene();
    let mut other = scene.replica.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE shop.orders IN SHARE MODE").unwrap();
    let mut running = scene.start(vec![], &["--yes"]);
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'shop.orders'::regclass";
    crate::scene::until(|| running.has_ended() || scene.replica.value(waits) == "1");
    transaction.commit().unwrap();
    running.end().assert_code(0);
    scene.assert_upgraded_as(&undisturbed().0);
}

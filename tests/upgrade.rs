//! A 1.7 catalogue becomes a 2.0 one, as planned and as shown.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod replica;

use chameleon_harness::benchmark::{configured, seed_of};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::process::tools;
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Batch, Event, Seed, Source, Status, Table};
use chameleon_upgrade::binlog::BinlogCoordinate;
use chameleon_upgrade::plan::point_of_table;
use predicates::prelude::*;
use predicates::str::contains;
use replica::{Replica, assert_unchanged, demo_source};
use serde_json::json;

/// (table, its coordinate) of the new catalogue.
fn points(replica: &Replica) -> Vec<(String, String)> {
    replica
        .client()
        .query(
            "SELECT v_schema_name || '.' || v_table_name, t_binlog_name || ':' || i_binlog_position
             FROM sch_chameleon.t_replica_tables ORDER BY i_id_table",
            &[],
        )
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect()
}

fn assert_demo_is_upgraded(replica: &Replica) {
    let expected = [
        ("shop.customers", "mysql-bin.000042:7311"),
        ("shop.orders", "mysql-bin.000042:7311"),
        ("shop.order_lines", "mysql-bin.000042:7311"),
        ("shop.articles", "mysql-bin.000042:9121"),
        ("stock.warehouses", "mysql-bin.000042:8851"),
        ("stock.movements", "mysql-bin.000042:8851"),
    ];
    let expected: Vec<_> = expected.iter().map(|(t, c)| ((*t).to_owned(), (*c).to_owned())).collect();
    assert_eq!(points(replica), expected);
    let source = replica.value(
        "SELECT (t_source, jsb_schema_mappings, enm_status, b_consistent, t_binlog_name, i_binlog_position)
         FROM sch_chameleon.t_sources",
    );
    assert_eq!(
        source,
        r#"(replica,"{""my_shop"": ""shop"", ""my_stock"": ""stock""}",stopped,f,mysql-bin.000042,9120)"#
    );
    let batch = replica.value(
        "SELECT (t_binlog_name, i_binlog_position, b_started, b_processed, b_replayed, v_log_table)
         FROM sch_chameleon.t_replica_batch",
    );
    assert_eq!(batch, "(mysql-bin.000042,7310,f,f,f,t_log_replica_replica_2)");
    assert_eq!(replica.value("SELECT t_version FROM sch_chameleon.v_version"), "2.0.10");
    assert_eq!(replica.value("SELECT t_version FROM _sch_chameleon_version1.v_version"), "1.7");
}

#[test]
fn the_demo_is_upgraded_as_planned() {
    let replica = Replica::demo();
    replica
        .upgrade(&[])
        .code(0)
        .stdout(contains("mysql-bin.000042:9120"))
        .stdout(contains("chameleon start_replica --config upgraded --source replica"))
        .stdout(predicate::str::ends_with("The 1.7 catalogue is kept as _sch_chameleon_version1.\n"));
    assert_demo_is_upgraded(&replica);
}

#[test]
fn what_waited_is_replayed_first() {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0).stdout(contains("replay 245 events of shop"));
    assert_eq!(replica.value("SELECT name FROM shop.customers WHERE customer_id = 41"), "Ada");
    assert_eq!(replica.value("SELECT name FROM shop.customers WHERE customer_id = 3"), "Grace");
    assert_eq!(replica.value("SELECT note FROM shop.orders WHERE order_id = 121"), "gift");
    assert_eq!(
        replica.value("SELECT count(*) FROM shop.order_lines WHERE (order_id, line_no) = (7, 7)"),
        "0"
    );
    assert_eq!(
        replica.value("SELECT count(*) FROM _sch_chameleon_version1.t_replica_batch WHERE b_processed AND NOT b_replayed"),
        "0"
    );
}

/// Three sources, in sessions of their own and in sets, or one after another by the function: the same rows, counters
/// and times.
#[test]
fn sources_are_replayed_in_parallel_and_in_sets_as_by_the_function() {
    let seed = seed_of(3, 3, 6000)
        .statement("UPDATE sch_chameleon.t_replica_batch SET b_started = false WHERE NOT b_processed");
    let replayed = |options: &[&str]| {
        let replica = Replica::of(&seed, &[configured(3)]);
        replica.upgrade(options).code(0).stdout(contains("replay 2000 events of shop_3"));
        let batches = replica.value(
            "SELECT string_agg(concat_ws(' ', i_id_batch, b_replayed, i_replayed, i_skipped, i_ddl), ',' ORDER BY i_id_batch)
             FROM _sch_chameleon_version1.t_replica_batch",
        );
        let last = "SELECT string_agg(ts_last_replay::text, ',' ORDER BY i_id_source) FROM _sch_chameleon_version1.t_sources";
        let rows = "SELECT string_agg(i::text, ',' ORDER BY i.id) FROM shop_2.items i";
        (batches, replica.value(last), replica.value(rows))
    };
    let in_sets = replayed(&["--jobs", "3"]);
    assert!(in_sets.0.contains("1 t 2000 0 0"), "{}", in_sets.0);
    assert_eq!(in_sets, replayed(&["--replay", "function", "--jobs", "1"]));
}

/// The indexes of the new table are built after its rows when these are many; nothing shows of it afterwards.
#[test]
fn many_tables_leave_the_same_structure_as_few() {
    let structure = |tables| {
        let replica = Replica::of(&seed_of(1, tables, 0), &[configured(1)]);
        replica.upgrade(&[]).code(0);
        let rows = replica.value("SELECT count(*) FROM sch_chameleon.t_replica_tables");
        assert_eq!(rows, tables.to_string());
        replica.record().structure()
    };
    let (few, many) = (structure(10), structure(6_000));
    assert!(few == many, "{}", few.diff(&many));
}

/// A table that 1.7 does not replicate comes before one that it does, and a call takes one event.
#[test]
fn events_behind_those_of_unreplicated_tables_are_not_lost() {
    if tools::or_skip("events_behind_those_of_unreplicated_tables_are_not_lost", tools::chameleon1())
        .is_none()
    {
        return;
    }
    let mut batch = Batch::listed("mysql-bin.000001:4");
    for id in 1..=5 {
        batch = batch.event(Event::insert("kept", json!({"id": id, "data": "before"})));
        batch = batch.event(Event::insert("gone", json!({"id": id, "data": "x"})));
        batch = batch.event(Event::insert("gone", json!({"id": id, "data": "y"})));
    }
    let source = Source::new("s").table(Table::new("kept")).table(Table::new("gone")).batch(batch);
    let seed = Seed::of([source.batch(Batch::open("mysql-bin.000001:900"))])
        .statement("DELETE FROM sch_chameleon.t_replica_tables WHERE v_table_name = 'gone'");
    let one_a_call = ConfiguredSource::mysql("new", &[("my_s", "s")]).with("replay_max_rows", 1);
    let replica = Replica::of_the_original(&seed, &[one_a_call]);
    replica.upgrade(&[]).code(0);
    assert_eq!(replica.value("SELECT count(*) FROM s.kept"), "5");
}

#[test]
fn a_catalogue_of_the_original_is_upgraded_just_so() {
    if tools::or_skip("a_catalogue_of_the_original_is_upgraded_just_so", tools::chameleon1()).is_none() {
        return;
    }
    let replica = Replica::of_the_original(&Seed::demo(), &[demo_source()]);
    replica.upgrade(&[]).code(0);
    assert_demo_is_upgraded(&replica);
}

#[test]
fn the_original_name_of_the_command_works_too() {
    let replica = Replica::demo();
    replica.command(&["upgrade_replica_schema", "--yes"]).assert().code(0);
    replica.command(&["show_status"]).assert().code(0).stdout(contains("2.0.10"));
}

#[test]
fn each_table_gets_the_point_of_the_rule() {
    let starts =
        ["mysql-bin.000009:120", "mysql-bin.000010:99", "mysql-bin.999999:4", "mysql-bin.1000000:3000000000"];
    let owns = [
        "mysql-bin.000009:119",
        "mysql-bin.000009:121",
        "mysql-bin.000010:5",
        "mysql-bin.000010:100",
        "mysql-bin.999999:3",
        "mysql-bin.999999:5000000000",
        "mysql-bin.1000000:2",
        "mysql-bin.1000000:2999999999",
        "mysql-bin.1000000:3000000001",
        "mysql-bin.9999999:4",
    ];
    let source = |(number, start): (usize, &&str)| {
        let mut source =
            Source::new(&format!("s{number}")).batch(Batch::open(start)).table(Table::new("none"));
        for (own, coordinate) in owns.iter().enumerate() {
            source = source.table(Table::new(&format!("own{own}")).at(coordinate));
        }
        source
    };
    let seed = Seed::of(starts.iter().enumerate().map(source));
    let schemas: Vec<_> =
        seed.sources.iter().map(|s| (s.mysql_schema().unwrap(), s.destination().to_owned())).collect();
    let pairs: Vec<_> = schemas.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let replica = Replica::of(&seed, &[ConfiguredSource::mysql("all", &pairs)]);
    replica.upgrade(&[]).code(0);

    let read = |text: &str| {
        let (file, position) = text.split_once(':').unwrap();
        BinlogCoordinate::parse(file, position.parse().unwrap()).unwrap()
    };
    let mut expected = Vec::new();
    for start in starts {
        let owns = std::iter::once(None).chain(owns.iter().map(|own| Some(read(own))));
        expected.extend(
            owns.map(|own| point_of_table(&read(start), own.as_ref(), None).just_after().to_string()),
        );
    }
    let written: Vec<_> = points(&replica).into_iter().map(|(_, point)| point).collect();
    assert_eq!(written, expected);
    assert_eq!(
        replica.value("SELECT t_binlog_name || ':' || i_binlog_position FROM sch_chameleon.t_replica_batch"),
        "mysql-bin.000009:120"
    );
    assert_eq!(
        replica.value("SELECT t_binlog_name || ':' || i_binlog_position FROM sch_chameleon.t_sources"),
        "mysql-bin.9999999:4"
    );
}

#[test]
fn a_row_that_a_live_batch_holds_moves_the_point_of_its_table() {
    // §cleared-coordinate: 1.8.2 has cleared the coordinates of these tables when it read their first rows.
    let start = "mysql-bin.000009:120";
    let owns = [None, Some("mysql-bin.000009:400"), Some("mysql-bin.000010:500")];
    let rows =
        ["mysql-bin.000009:121", "mysql-bin.000009:400", "mysql-bin.000009:401", "mysql-bin.000010:90"];
    let mut source = Source::new("shop").table(Table::new("without_rows"));
    let mut batch = Batch::processed(start);
    let mut statements = String::new();
    for (number, (own, row)) in owns.iter().flat_map(|own| rows.map(|row| (own, row))).enumerate() {
        let name = format!("t{number:02}");
        let table = Table::new(&name);
        source = source.table(own.map_or(table.clone(), |own| table.at(own)));
        // The second row is further; the first one tells.
        let insert = |id: i32| Event::insert(&name, serde_json::json!({"id": id, "data": "x"}));
        batch = batch.event(insert(1)).event(insert(2));
        let (file, position) = row.split_once(':').unwrap();
        statements += &format!(
            "UPDATE sch_chameleon.t_log_replica SET t_binlog_name = '{file}', i_binlog_position = {position}
                 + 1000 * ((jsb_event_data ->> 'id')::int - 1) WHERE v_table_name = '{name}';"
        );
    }
    let next = Batch::open("mysql-bin.000011:4").discarded(1);
    let discarded = Source::new("stock")
        .table(Table::new("items"))
        .batch(
            Batch::processed("mysql-bin.000009:200")
                .discarded(1)
                .event(Event::insert("items", serde_json::json!({"id": 1, "data": "x"}))),
        )
        .batch(Batch::open("mysql-bin.000011:4"));
    let seed = Seed::of([source.batch(batch).batch(next), discarded]).statement(&statements);
    let replica =
        Replica::of(&seed, &[ConfiguredSource::mysql("all", &[("my_shop", "shop"), ("my_stock", "stock")])]);
    replica.upgrade(&[]).code(0);

    let read = |text: &str| {
        let (file, position) = text.split_once(':').unwrap();
        BinlogCoordinate::parse(file, position.parse().unwrap()).unwrap()
    };
    let stored = |own: Option<&str>, row: Option<&str>| {
        let (own, row) = (own.map(read), row.map(read));
        point_of_table(&read(start), own.as_ref(), row.as_ref()).just_after().to_string()
    };
    let moved = owns.iter().flat_map(|own| rows.map(|row| stored(*own, Some(row))));
    let mut expected: Vec<_> = std::iter::once(stored(None, None)).chain(moved).collect();
    // A row of that batch was discarded: it may have been the first of any table.
    expected.push("mysql-bin.000009:201".to_owned());
    let written: Vec<_> = points(&replica).into_iter().map(|(_, point)| point).collect();
    assert_eq!(written, expected);
    assert_eq!(
        replica.value("SELECT t_binlog_name || ':' || i_binlog_position FROM sch_chameleon.t_sources"),
        "mysql-bin.000010:500"
    );
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0);
    let before = replica.record();
    replica.upgrade(&[]).code(0).stdout("The catalogue is 2.0.10 already: there is nothing to do.\n");
    assert_unchanged(&before, &replica.record());
}

#[test]
fn a_dry_run_shows_the_real_coordinates_and_changes_nothing() {
    let replica = Replica::demo();
    let before = replica.record();
    replica
        .command(&["upgrade", "--dry-run"])
        .assert()
        .code(0)
        .stdout(contains("verify"))
        .stdout(contains("mysql-bin.000042:9120"))
        // §hunt-16: what waits is not tried.
        .stdout(contains(
            "The 395 events that wait were not replayed: whether they can be, the upgrade itself shows.",
        ))
        .stdout(predicate::str::ends_with("1.7 is in place; nothing was changed.\n"));
    // Sequences are not rolled back: the one of the transaction's own new tables is gone with them.
    assert_unchanged(&before, &replica.record());
    replica.upgrade(&[]).code(0);
    assert_demo_is_upgraded(&replica);
}

#[test]
fn two_new_sources_each_get_their_own() {
    let shop = ConfiguredSource::mysql("new shop", &[("my_shop", "shop")]);
    let stock = ConfiguredSource::mysql("new stock", &[("my_stock", "stock")]);
    let replica = Replica::of(&Seed::demo(), &[shop, stock]);
    replica.upgrade(&[]).code(0);
    let batches = "SELECT string_agg(t_source || ' ' || b.t_binlog_name || ':' || b.i_binlog_position, ', ' ORDER BY t_source)
                   FROM sch_chameleon.t_replica_batch b JOIN sch_chameleon.t_sources USING (i_id_source)";
    assert_eq!(replica.value(batches), "new shop mysql-bin.000042:7310, new stock mysql-bin.000042:8850");
    let lags = "SELECT string_agg(t_source || ' ' || ts_last_received, ', ' ORDER BY t_source)
                FROM sch_chameleon.t_last_received JOIN sch_chameleon.t_sources USING (i_id_source)";
    assert_eq!(replica.value(lags), "new shop 2024-05-01 10:00:07, new stock 2024-05-01 10:00:09");
}

#[test]
fn merged_sources_keep_the_oldest_lag() {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0);
    let received = "SELECT ts_last_received FROM sch_chameleon.t_last_received";
    assert_eq!(replica.value(received), "2024-05-01 10:00:07");
    let oldest = "SELECT min(ts_last_replay) FROM _sch_chameleon_version1.t_sources";
    assert_eq!(
        replica.value("SELECT ts_last_replayed FROM sch_chameleon.t_last_replayed"),
        replica.value(oldest)
    );
}

#[test]
fn a_never_initialised_source_brings_nothing_and_says_so() {
    let seed = Seed::of([Source::new("empty").status(Status::Ready)]);
    let replica = Replica::of(
        &seed,
        &[ConfiguredSource::mysql(
            "new",
            &[(&seed.sources[0].mysql_schema().unwrap(), seed.sources[0].destination())],
        )],
    );
    replica
        .upgrade(&[])
        .code(0)
        .stdout(contains("never-initialised"))
        .stdout(contains("chameleon init_replica --config upgraded --source new"));
    assert_eq!(
        replica.value(
            "SELECT (enm_status, b_consistent, t_binlog_name, i_binlog_position) FROM sch_chameleon.t_sources"
        ),
        "(ready,t,,)"
    );
    assert_eq!(replica.value("SELECT count(*) FROM sch_chameleon.t_replica_batch"), "0");
}

#[test]
fn privileges_and_owners_are_those_of_the_old_catalogue() {
    let replica = Replica::demo();
    let role = format!("reader {}", replica.database.name());
    let owner = format!("owner {}", replica.database.name());
    replica.sql(&format!(
        r#"CREATE ROLE "{role}"; CREATE ROLE "{owner}";
           ALTER SCHEMA sch_chameleon OWNER TO "{owner}";
           DO $$ DECLARE r record; BEGIN
               FOR r IN SELECT oid::regclass AS name, relkind FROM pg_class
                        WHERE relnamespace = 'sch_chameleon'::regnamespace AND relkind IN ('r', 'v') LOOP
                   EXECUTE format('ALTER %s %s OWNER TO %I', CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, r.name, '{owner}');
               END LOOP; END $$;
           GRANT USAGE ON SCHEMA sch_chameleon TO "{role}";
           GRANT SELECT ON sch_chameleon.t_sources, sch_chameleon.v_version TO "{role}";
           GRANT SELECT, UPDATE ON sch_chameleon.t_replica_tables TO "{role}" WITH GRANT OPTION;
           GRANT UPDATE (b_processed) ON sch_chameleon.t_replica_batch TO PUBLIC;
           GRANT USAGE ON SEQUENCE sch_chameleon.t_sources_i_id_source_seq TO "{role}";"#
    ));
    let granted = |schema: &str| {
        replica.value(&format!(
            "SELECT string_agg(line, E'\n' ORDER BY line) FROM (
                 SELECT format('schema %s', a) AS line FROM pg_namespace, unnest(nspacl) a WHERE nspname = '{schema}'
                 UNION ALL
                 SELECT format('%s %s', relname, a) FROM pg_class, unnest(relacl) a WHERE relnamespace = '{schema}'::regnamespace
                 UNION ALL
                 SELECT format('%s.%s %s', attrelid::regclass::name, attname, a)
                 FROM pg_attribute JOIN pg_class c ON c.oid = attrelid, unnest(attacl) a
                 WHERE relnamespace = '{schema}'::regnamespace) lines"
        ))
    };
    let before = granted("sch_chameleon");
    assert!(before.contains(&role) && before.lines().count() >= 6, "{before}");
    replica.upgrade(&[]).code(0);
    let cleaned = |text: String| text.replace("_sch_chameleon_version1", "").replace("sch_chameleon", "");
    assert_eq!(cleaned(granted("sch_chameleon")), cleaned(before));
    let owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class
                  WHERE relnamespace = 'sch_chameleon'::regnamespace";
    assert_eq!(replica.value(owners), owner);
    replica.sql(&format!(
        r#"DROP OWNED BY "{role}", "{owner}" CASCADE; DROP ROLE "{role}"; DROP ROLE "{owner}""#
    ));
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_done() {
    let replica = Replica::demo();
    let before = replica.record();
    let shown = replica.command(&["upgrade"]).write_stdin("YES\n").assert().code(3);
    shown.stderr(contains("--yes was not given"));
    assert_unchanged(&before, &replica.record());
}

#[test]
fn the_report_tells_all_of_it() {
    let replica = Replica::demo();
    let file = replica.home.path().join("report.json");
    replica.upgrade(&["--report", file.to_str().unwrap()]).code(0);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(report["ending"]["exit_code"], 0);
    assert_eq!(report["plan"]["sources"][0]["batch_start"], "mysql-bin.000042:7310");
    assert_eq!(report["findings"][0]["check"], "waiting-rows");
    assert_eq!(report["steps"][9]["step"], "commit");
    assert_eq!(report["status"][0]["replicated"], 6);
    assert_eq!(report["replays"][0]["events"], 245);
}

#[test]
fn check_alone_changes_nothing_and_speaks_json() {
    let replica = Replica::demo();
    let before = replica.record();
    let shown = replica.command(&["check", "--format", "json"]).assert().code(0);
    let object: serde_json::Value = serde_json::from_slice(&shown.get_output().stdout).unwrap();
    assert_eq!(object["plan"]["sources"][0]["consistent_point"], "mysql-bin.000042:9120");
    assert_eq!(object["findings"][0]["severity"], "info");
    replica.command(&["check"]).assert().code(0).stdout(contains("The upgrade can be done."));
    assert_unchanged(&before, &replica.record());
}

#[test]
fn the_old_catalogue_is_put_aside_whole() {
    let replica = Replica::demo();
    // Nothing waits, so that nothing but the name changes.
    replica.sql("DELETE FROM sch_chameleon.t_batch_events; DELETE FROM sch_chameleon.t_log_replica;");
    let before = Record::of(&mut replica.client(), &["sch_chameleon"]).unwrap();
    replica.upgrade(&[]).code(0);
    let after = Record::of(&mut replica.client(), &["_sch_chameleon_version1"]).unwrap();
    let after = after.renamed("_sch_chameleon_version1", "sch_chameleon");
    let (before, after) = (before.without_bodies(), after.without_bodies());
    assert_unchanged(&before, &after);
}

/// §hunt-21.
#[test]
fn a_report_takes_the_place_of_a_report_alone() {
    let replica = Replica::demo();
    let configuration = replica.home.configuration();
    let refused = |path: &std::path::Path| {
        let before = std::fs::read(path).unwrap();
        replica
            .command(&["upgrade", "--yes", "--report", path.to_str().unwrap()])
            .assert()
            .code(2)
            .stderr(contains("is there and holds no report").and(contains("Nothing was done.")));
        assert_eq!(before, std::fs::read(path).unwrap(), "{}", path.display());
    };
    refused(&configuration);
    let link = replica.home.path().join("link.json");
    std::os::unix::fs::symlink(&configuration, &link).unwrap();
    refused(&link);
    let hard = replica.home.path().join("hard.json");
    std::fs::hard_link(&configuration, &hard).unwrap();
    refused(&hard);
    let other = replica.home.path().join("notes.txt");
    std::fs::write(&other, "mine").unwrap();
    refused(&other);

    // An empty file, an earlier report, and the file that a link leads to.
    let report = replica.home.path().join("report.json");
    std::fs::write(&report, "").unwrap();
    replica.command(&["upgrade", "--dry-run", "--report", report.to_str().unwrap()]).assert().code(0);
    let first = std::fs::read_to_string(&report).unwrap();
    let linked = replica.home.path().join("latest.json");
    std::os::unix::fs::symlink(&report, &linked).unwrap();
    replica.upgrade(&["--report", linked.to_str().unwrap()]).code(0);
    let second = std::fs::read_to_string(&report).unwrap();
    assert!(first.contains("\"dry_run\": true") && second.contains("\"dry_run\": false"), "{second}");
    assert!(linked.is_symlink());
    let left: Vec<_> = std::fs::read_dir(replica.home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.') && name != ".pg_chameleon")
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

/// §report-23 and §report-50: pg_chameleon takes a configuration by name, from one folder.
#[test]
fn the_next_steps_can_be_followed_whatever_the_configuration_is_called() {
    let at = |path: fn(&std::path::Path) -> std::path::PathBuf| {
        let replica = Replica::demo();
        let file = path(replica.home.path());
        if file != replica.home.configuration() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::copy(replica.home.configuration(), &file).unwrap();
        }
        let shown = assert_cmd::Command::new(replica::PROGRAM)
            .args(["upgrade", "--yes", "--offline", "--config", file.to_str().unwrap()])
            .env("HOME", replica.home.path())
            .assert()
            .code(0);
        let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
        assert!(shown.contains("pip install pg_chameleon==2.0.21 'setuptools<81'"), "{shown}");
        // §report-58: on an idle server that is as it should be.
        assert!(shown.contains("shown as not consistent until its replica has read past"), "{shown}");
        (replica, shown)
    };
    let commands = |shown: &str| {
        let lines = shown.lines().map(str::trim).filter(|line| line.starts_with("chameleon "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let named = |name: &str| {
        vec![
            format!("chameleon show_status --config {name}"),
            format!("chameleon start_replica --config {name} --source replica"),
        ]
    };
    let (_replica, shown) = at(|home| home.join(".pg_chameleon/configuration/upgraded.yml"));
    assert_eq!(commands(&shown), named("upgraded"));
    assert!(!shown.contains("cp "), "{shown}");
    type Place = fn(&std::path::Path) -> std::path::PathBuf;
    let elsewhere: [(Place, &str); 4] = [
        (|home| home.join("my files/prod.yml"), "prod"),
        // Another file has the name already.
        (|home| home.join("upgraded.yml"), "upgraded_2"),
        (|home| home.join(".pg_chameleon/configuration/live.yaml"), "live"),
        (|home| home.join("it's.yml"), "'it'\\''s'"),
    ];
    for (place, name) in elsewhere {
        let (replica, shown) = at(place);
        assert_eq!(commands(&shown), named(name), "{shown}");
        // As it is printed, in a shell.
        let copy = shown.lines().map(str::trim).find(|line| line.starts_with("cp ")).unwrap();
        let shell = |command: &str| {
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", command]).env("HOME", replica.home.path()).status().unwrap().success()
        };
        assert!(shell(copy), "{copy}");
        assert!(shell(&format!("{} status --config {name}", replica::PROGRAM)), "{name}");
        let cleanup =
            shown.lines().map(str::trim).find_map(|line| line.strip_prefix("chameleon-upgrade cleanup "));
        assert!(shell(&format!("{} cleanup {} --yes", replica::PROGRAM, cleanup.unwrap())), "{cleanup:?}");
        assert_eq!(replica.value("SELECT to_regnamespace('_sch_chameleon_version1') IS NULL"), "true");
    }
}

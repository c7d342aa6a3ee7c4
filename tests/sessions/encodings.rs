//! Databases in other encodings than UTF8: §hunt-23, §report-29.

use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::{ConfiguredSource, Home, configuration};
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use chameleon_harness::server::{self, Database, Server};
use postgres::Client;
use serde_json::json;

fn replica(encoding: &str, seed: &Seed, name: &str) -> Replica {
    let database = Database::create_in(server::shared().unwrap().address(), encoding).unwrap();
    let source = ConfiguredSource::mysql(name, &[("my_shop", "shop")]);
    let home = Home::new(&configuration(database.address(), database.name(), &[source])).unwrap();
    let replica = Replica { database, home };
    seed.create(&mut replica.client()).unwrap();
    replica
}

fn seed(data: &str) -> Seed {
    let batch = Batch::listed("mysql-bin.000001:100")
        .event(Event::insert("t", json!({"id": 1, "data": data})))
        .event(Event::update("t", json!({"id": 1}), json!({"id": 1, "data": format!("{data}!")})))
        .event(Event::bulk_of("plain", 300, &[Kind::Insert]));
    let source = Source::new("shop")
        .table(Table::new("t"))
        .table(Table::new("plain"))
        .batch(batch)
        .batch(Batch::open("mysql-bin.000001:9000"));
    Seed::of([source])
}

/// A name that the database can't store is found before anything is changed.
#[test]
fn a_name_that_the_database_can_not_store_is_refused() {
    for (encoding, name) in
        [("LATIN1", "new→source"), ("LATIN1", "Łódź"), ("EUC_JP", "price€"), ("WIN1252", "数据")]
    {
        let replica = replica(encoding, &seed("plain"), name);
        let before = replica.record();
        for arguments in [["check", "-q"], ["upgrade", "--yes"], ["upgrade", "--dry-run"]] {
            let output = replica.command(&arguments).output().unwrap();
            let shown = shown(&output);
            assert_eq!(output.status.code(), Some(3), "{encoding} {name}:\n{shown}");
            if arguments[1] != "-q" {
                assert!(shown.contains("encoding") && shown.contains(name), "{shown}");
            }
        }
        assert!(before == replica.record());
    }
}

/// Nor is there such a table to be left out.
#[test]
fn lists_may_name_what_the_database_can_not_store() {
    let database = Database::create_in(server::shared().unwrap().address(), "LATIN1").unwrap();
    let source = ConfiguredSource::mysql("new", &[("my_shop", "shop")])
        .with("skip_tables", json!(["my_shop.数据", "my_shop.plain"]))
        .with("skip_events", json!({"insert": ["my_shop.数据"]}));
    let home = Home::new(&configuration(database.address(), database.name(), &[source])).unwrap();
    let replica = Replica { database, home };
    seed("plain").create(&mut replica.client()).unwrap();
    let output = replica.command(&["check"]).output().unwrap();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("tables-left-out") && shown.contains("my_shop.plain"), "{shown}");
    assert!(!shown.contains("can't be read"), "{shown}");
}

#[test]
fn names_and_rows_that_it_can_store_are_brought_over() {
    for (encoding, name) in [
        ("LATIN1", "Größe"),
        ("EUC_JP", "日本"),
        ("WIN1252", "price€"),
        ("SQL_ASCII", "new→source"),
        ("UTF8", "new→source"),
    ] {
        for method in ["sets", "function"] {
            let data = if encoding == "EUC_JP" { "語" } else { "é\\'" };
            let replica = replica(encoding, &seed(data), name);
            let output = replica.upgrade(&["--replay", method]).get_output().clone();
            assert_eq!(output.status.code(), Some(0), "{encoding}:\n{}", shown(&output));
            assert_eq!(replica.value("SELECT t_source FROM sch_chameleon.t_sources"), name);
            assert_eq!(replica.value("SELECT data FROM shop.t"), format!("{data}!"));
            replica.command(&["status", "--source", name]).assert().code(0);
            replica.command(&["rollback", "--yes"]).assert().code(0);
        }
    }
}

/// 1.8.2 could not have stored such a row: none can be waiting.
#[test]
fn no_row_waits_that_the_database_can_not_store() {
    let replica = replica("LATIN1", &seed("plain"), "new");
    let mut client = replica.client();
    for value in ["'{\"a\": \"€\"}'", "'{\"a\": \"\\u20ac\"}'"] {
        let error = client.batch_execute(&format!("SELECT {value}::jsonb")).unwrap_err();
        assert_eq!(error.code().unwrap().code(), "22P05", "{error:?}");
    }
}

/// Bytes come and go as they are.
fn bytes(replica: &Replica) -> Client {
    let mut client = replica.client();
    client.batch_execute("SET client_encoding = 'SQL_ASCII'").unwrap();
    client
}

fn hex(client: &mut Client, value: &str) -> String {
    client
        .query_one(&format!("SELECT encode(convert_to(({value})::text, 'SQL_ASCII'), 'hex')"), &[])
        .unwrap()
        .get(0)
}

/// SQL_ASCII: the server knows no characters, and 1.8.2 may have stored latin1.
#[test]
fn bytes_that_are_no_utf8_are_carried_over_as_they_are() {
    for method in ["sets", "function"] {
        let replica = replica("SQL_ASCII", &seed("cafe"), "new");
        let mut client = bytes(&replica);
        client
            .batch_execute(
                r#"DO $$BEGIN
                   UPDATE sch_chameleon.t_sources SET t_source = E'caf\351';
                   EXECUTE E'ALTER TABLE shop.t RENAME TO "t\351"';
                   UPDATE sch_chameleon.t_replica_tables SET v_table_name = E't\351' WHERE v_table_name = 't';
                   UPDATE sch_chameleon.t_log_replica SET v_table_name = E't\351' WHERE v_table_name = 't';
                   UPDATE sch_chameleon.t_log_replica
                   SET jsb_event_data = replace(jsb_event_data::text, 'cafe', E'caf\351')::jsonb;
                   INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
                   VALUES (1, E'gone\351', 'shop', ARRAY['"id"']), (1, 'oddly', 'shop', ARRAY[E'"i\351d"']);
                   EXECUTE E'CREATE VIEW public."v\351" AS SELECT t_source FROM sch_chameleon.t_sources';
                   END$$"#,
            )
            .unwrap();
        let output = replica.command(&["check", "--format", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        replica.command(&["status"]).assert().code(0);
        replica.upgrade(&["--dry-run"]).code(0);
        let output = replica.upgrade(&["--replay", method]).get_output().clone();
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        let name =
            "SELECT string_agg(v_table_name, ' ' ORDER BY v_table_name) FROM sch_chameleon.t_replica_tables
                    WHERE v_table_name LIKE 't%' OR v_table_name LIKE 'g%'";
        assert_eq!(hex(&mut client, name), "676f6e65e92074e9");
        let key = "SELECT v_table_pkey[1] FROM sch_chameleon.t_replica_tables WHERE v_table_name = 'oddly'";
        assert_eq!(hex(&mut client, key), "69e964");
        let row: String = {
            let sql = "DO $$BEGIN EXECUTE E'CREATE TEMP VIEW row AS SELECT data FROM shop.\"t\\351\"'; END$$";
            client.batch_execute(sql).unwrap();
            hex(&mut client, "SELECT data FROM row")
        };
        assert_eq!(row, "636166e921");
        replica.command(&["status"]).assert().code(0);
        let mut client = replica.client();
        client
            .batch_execute(
                r#"DO $$BEGIN UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = false WHERE v_table_name = E't\351';
                   INSERT INTO sch_chameleon.t_error_log (i_id_batch, i_id_source, v_table_name, v_schema_name, t_table_pkey,
                                                          t_binlog_name, i_binlog_position, t_error_message)
                   VALUES (1, 1, E't\351', 'shop', '', '', 1, E'not caf\351'); END$$"#,
            )
            .unwrap();
        let output = replica.command(&["watch"]).output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
        assert!(shown(&output).contains("disabled-tables"), "{}", shown(&output));
        replica.command(&["rollback", "--yes"]).assert().code(0);
    }
}

/// An event that can't be applied is named in a table whose name has such bytes.
#[test]
fn an_event_that_fails_is_told_whatever_its_bytes() {
    let replica = replica("SQL_ASCII", &seed("cafe"), "new");
    let mut client = bytes(&replica);
    client
        .batch_execute(
            r#"DO $$BEGIN
               EXECUTE E'ALTER TABLE shop.t RENAME TO "t\351"';
               EXECUTE E'INSERT INTO shop."t\351" VALUES (1, E''caf\351'')';
               UPDATE sch_chameleon.t_replica_tables SET v_table_name = E't\351' WHERE v_table_name = 't';
               UPDATE sch_chameleon.t_log_replica SET v_table_name = E't\351' WHERE v_table_name = 't';
               END$$"#,
        )
        .unwrap();
    let output = replica.upgrade(&[]).get_output().clone();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("duplicate key") && shown.contains("insert on shop.t\u{fffd}"), "{shown}");
}

/// No configuration, which is UTF-8, can name such a schema.
#[test]
fn a_schema_whose_name_is_no_utf8_is_no_schema_of_the_configuration() {
    let replica = replica("SQL_ASCII", &seed("cafe"), "new");
    let mut client = bytes(&replica);
    client
        .batch_execute(
            r"DO $$BEGIN UPDATE sch_chameleon.t_sources SET t_dest_schema = E'sh\366p'; EXECUTE E'ALTER SCHEMA shop RENAME TO sh\366p'; END$$",
        )
        .unwrap();
    let output = replica.upgrade(&[]).get_output().clone();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("sh\u{fffd}p") && shown.contains("mappings"), "{shown}");
}

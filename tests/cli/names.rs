//! Names that hurt: whatever MySQL lets sources, schemas, tables and columns be called is upgraded as it is, and
//! the new catalogue replicates into it.

use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Event, Seed, Source, Table};
use chameleon_upgrade::names::{MAX_SOURCE_NAME_BYTES, quote_identifier};
use postgres::Client;
use serde_json::{Value, json};

/// Each is used as the name of everything.
fn names() -> Vec<String> {
    let longest = "n".repeat(63);
    let longest_accented = "é".repeat(31);
    [
        "Capitals And Spaces",
        " at both ends ",
        "it's",
        "say \"hi\"",
        "a,b",
        "a, b",
        "naïve Zürich 日本語 🦎",
        "back\\slash\\",
        "100%s %I %% %1$s",
        "$1 $$ $body$",
        ":colon ::text",
        "{\"brace\"}",
        "semi;colon -- /*",
        "dotted.name",
        "select",
        "[bracket]",
        "null",
        longest.as_str(),
        longest_accented.as_str(),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The name under which the new source goes: its log tables must fit.
fn new_name(name: &str) -> String {
    let mut end = name.len().min(MAX_SOURCE_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

fn key(name: &str) -> [String; 2] {
    [name.to_owned(), "line, no".to_owned()]
}

fn row(name: &str, id: i64, data: &str) -> Value {
    let [first, second] = key(name);
    json!({first: id, second: 7, "data": data})
}

fn source(name: &str) -> Source {
    let key = key(name);
    Source::new(name)
        .source_schema(Some(&format!("my {name}")))
        .dest_schema(name)
        .table(Table::new(name).key(&[&key[0], &key[1]]))
        .batch(Batch::listed("mysql-bin.000001:4").event(Event::insert(name, row(name, 1, "by 1.7"))))
        .batch(Batch::open("mysql-bin.000001:100"))
}

fn configured(name: &str) -> ConfiguredSource {
    ConfiguredSource::mysql(&new_name(name), &[(&format!("my {name}"), name)])
}

/// What a 2.0 replica would store of three changes, and the replay of it.
fn replicate(client: &mut Client, id: i64, name: &str) {
    let log_table: String = client
        .query_one("SELECT v_log_table[1] FROM sch_chameleon.t_sources WHERE i_id_source = $1", &[&id])
        .unwrap()
        .get(0);
    let batch: i64 = client
        .query_one(
            "UPDATE sch_chameleon.t_replica_batch SET b_started = true, b_processed = true
             WHERE i_id_source = $1 RETURNING i_id_batch",
            &[&id],
        )
        .unwrap()
        .get(0);
    let insert = format!(
        "INSERT INTO sch_chameleon.{}
             (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_after, jsb_event_before)
         VALUES ($1, $2, $2, $3::text::sch_chameleon.en_binlog_event, $4, $5)",
        quote_identifier(&log_table)
    );
    let changes = [
        ("insert", row(name, 2, "it's \"new\" \\ 100%"), None),
        ("insert", row(name, 3, "short-lived"), None),
        ("update", row(name, 1, "by 2.0"), Some(row(name, 1, "by 1.7"))),
        ("delete", row(name, 3, "short-lived"), None),
    ];
    for (kind, after, before) in changes {
        client.execute(&insert, &[&batch, &name, &kind, &after, &before]).unwrap();
    }
    client
        .execute(
            "INSERT INTO sch_chameleon.t_batch_events
             SELECT $1, array_agg(i_id_event ORDER BY i_id_event) FROM sch_chameleon.t_log_replica WHERE i_id_batch = $1",
            &[&batch],
        )
        .unwrap();
    let source = i32::try_from(id).unwrap();
    while client
        .query_one("SELECT b_continue FROM sch_chameleon.fn_replay_mysql(100, $1, true)", &[&source])
        .unwrap()
        .get(0)
    {}
}

#[test]
fn names_that_hurt_come_through() {
    let names = names();
    let sources: Vec<_> = names.iter().map(|name| configured(name)).collect();
    let replica = Replica::of(&Seed::of(names.iter().map(|name| source(name))), &sources);
    // The daemon ends at a name with % in it; the catalogue takes it.
    let upgraded = replica.upgrade(&["--accept", "daemon-configuration=no daemon is started"]);
    assert_eq!(upgraded.get_output().status.code(), Some(0), "{}", shown(upgraded.get_output()));
    let told = shown(upgraded.get_output());
    let others =
        told.lines().filter(|line| line.contains("warning") && !line.contains("  offline  ")).count();
    assert_eq!(others, 0, "{told}");

    let mut client = replica.client();
    let query = "SELECT s.i_id_source, s.t_source, s.jsb_schema_mappings, t.v_schema_name, t.v_table_name,
                        t.v_table_pkey::text[],
                        (SELECT count(*) FROM unnest(s.v_log_table) AS log
                         WHERE to_regclass('sch_chameleon.' || quote_ident(log)) IS NOT NULL) AS log_tables
                 FROM sch_chameleon.t_sources s JOIN sch_chameleon.t_replica_tables t USING (i_id_source)
                 ORDER BY s.i_id_source";
    let rows = client.query(query, &[]).unwrap();
    assert_eq!(rows.len(), names.len());
    for (written, name) in rows.iter().zip(&names) {
        assert_eq!(written.get::<_, String>("t_source"), new_name(name));
        assert_eq!(written.get::<_, Value>("jsb_schema_mappings"), json!({format!("my {name}"): name}));
        assert_eq!(written.get::<_, String>("v_schema_name"), *name);
        assert_eq!(written.get::<_, String>("v_table_name"), *name);
        assert_eq!(written.get::<_, Vec<String>>("v_table_pkey"), key(name));
        assert_eq!(written.get::<_, i64>("log_tables"), 2, "{name:?}");

        replicate(&mut client, written.get(0), name);
        let table = format!("{0}.{0}", quote_identifier(name));
        let data = format!("SELECT {}, data FROM {table} ORDER BY 1", quote_identifier(name));
        let data: Vec<(i32, String)> =
            client.query(&data, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(data, [(1, "by 2.0".into()), (2, "it's \"new\" \\ 100%".into())], "{name:?}");
    }
    assert_eq!(replica.value("SELECT count(*) FROM sch_chameleon.t_error_log"), "0");
    assert_eq!(
        replica.value("SELECT count(*) FROM sch_chameleon.t_replica_tables WHERE NOT b_replica_enabled"),
        "0"
    );

    let status = replica.command(&["status", "--format", "json"]).assert().code(0);
    let object: Value = serde_json::from_slice(&status.get_output().stdout).unwrap();
    for (source, name) in object["sources"].as_array().unwrap().iter().zip(&names) {
        assert_eq!((&source["name"], source["replicated"].as_u64()), (&json!(new_name(name)), Some(1)));
    }
}

#[test]
fn a_single_source_can_be_shown_by_any_name() {
    let names = names();
    let sources: Vec<_> = names.iter().map(|name| configured(name)).collect();
    let replica = Replica::of(&Seed::of(names.iter().map(|name| source(name))), &sources);
    for name in &names {
        replica.command(&["status", "--source", name]).assert().code(0);
    }
}

/// MySQL's identifiers hold 64 characters, PostgreSQL's 63 bytes.
#[test]
fn a_table_whose_name_postgresql_has_cut_is_not_missing() {
    let long = "t".repeat(64);
    let seed = Seed::of([Source::new("shop")
        .table(Table::new(&"t".repeat(63)))
        .batch(Batch::open("mysql-bin.000001:100"))])
    .statement(&format!("UPDATE sch_chameleon.t_replica_tables SET v_table_name = '{long}'"));
    let replica = Replica::of(&seed, &[ConfiguredSource::mysql("replica", &[("my_shop", "shop")])]);
    let told = shown(replica.upgrade(&[]).code(0).get_output());
    assert!(!told.contains("destination-tables"), "{told}");
    assert_eq!(replica.value("SELECT v_table_name FROM sch_chameleon.t_replica_tables"), long);
}

//! What a replayed statement sets does not stay for the next source, nor for the upgrade: 1.8.2 has a session a source.

use crate::replica::{Replica, assert_unchanged, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use serde_json::json;

const SCHEMAS: [&str; 3] = ["public", "db_schema_1", "db_schema_2"];

/// A trigger of the second source writes to a table that is in public, and in the first source's schema.
const TRIGGER: &str = "
    CREATE TABLE public.audit (id integer, what text);
    CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO audit VALUES (NEW.id, current_user::text || to_char(date '2024-01-31', 'DD')); RETURN NEW; END$$;
    CREATE TRIGGER note BEFORE INSERT ON db_schema_2.t FOR EACH ROW EXECUTE PROCEDURE public.note();
    CREATE ROLE {role}; GRANT ALL ON SCHEMA public, db_schema_1, db_schema_2, sch_chameleon TO {role};
    GRANT ALL ON ALL TABLES IN SCHEMA public, db_schema_1, db_schema_2, sch_chameleon TO {role};
    GRANT ALL ON ALL SEQUENCES IN SCHEMA sch_chameleon TO {role}";

/// The first source has DDL waiting, and after it rows; `events` rows wait in the second.
fn replica(ddl: &str, events: u32) -> Replica {
    let first = Batch::listed("mysql-bin.000001:100").event(Event::ddl("audit", ddl)).event(Event::bulk_of(
        "t",
        events,
        &[Kind::Insert],
    ));
    let second = Batch::listed("mysql-bin.000001:100")
        .event(Event::insert("t", json!({"id": 1, "data": "once"})))
        .event(Event::bulk_of("plain", events, &[Kind::Insert]));
    let source = |name: &str, tables: [&str; 2], batch| {
        let tables = tables.map(Table::new).into_iter();
        let source = tables.fold(Source::new(name), Source::table);
        source.batch(batch).batch(Batch::open("mysql-bin.000001:9000"))
    };
    let seed = Seed::of([
        source("db_schema_1", ["audit", "t"], first),
        source("db_schema_2", ["t", "plain"], second),
    ]);
    let mapping = [("my_db_schema_1", "db_schema_1"), ("my_db_schema_2", "db_schema_2")];
    let replica = Replica::of(&seed, &[ConfiguredSource::mysql("new", &mapping)]);
    replica.sql(&TRIGGER.replace("{role}", &role(&replica)));
    replica
}

fn role(replica: &Replica) -> String {
    format!("other_{}", replica.database.name())
}

/// Rows written by 1.8.2's own way: a session a source.
fn replayed_by_1_8_2(replica: &Replica) -> Record {
    for source in 1..=2 {
        let mut session = replica.client();
        while session.query_one("SELECT sch_chameleon.fn_process_batch(1000, $1)", &[&source]).unwrap().get(0)
        {
        }
    }
    Record::of(&mut replica.client(), &SCHEMAS).unwrap()
}

fn assert_nothing_stays(ddl: &str) {
    for (events, method, jobs) in [(5, "sets", "1"), (300, "sets", "1"), (5, "function", "2")] {
        let [ours, theirs] = [replica(ddl, events), replica(ddl, events)];
        let with_role = |replica: &Replica| {
            let ddl = ddl.replace("{role}", &role(replica));
            let mut client = replica.client();
            let sql = "UPDATE sch_chameleon.t_log_replica SET t_query = $1 WHERE enm_binlog_event = 'ddl'";
            client.execute(sql, &[&ddl]).unwrap();
        };
        with_role(&ours);
        with_role(&theirs);
        let output = ours.upgrade(&["--replay", method, "--jobs", jobs]).get_output().clone();
        let case = format!("{ddl} {events} {method} {jobs}");
        assert_eq!(output.status.code(), Some(0), "{case}:\n{}", shown(&output));
        let expected = replayed_by_1_8_2(&theirs);
        let renamed = Record::of(&mut ours.client(), &SCHEMAS).unwrap();
        let roles = (role(&theirs), role(&ours));
        assert_unchanged(&expected.renamed(&roles.0, "other"), &renamed.renamed(&roles.1, "other"));
        for replica in [&ours, &theirs] {
            let role = role(replica);
            replica.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
        }
    }
}

/// §hunt-4, the very case: the trigger's row is in public.audit, as it is with 1.8.2.
#[test]
fn the_search_path_of_one_sources_ddl_is_not_the_next_ones() {
    let ddl = r#"SET search_path="db_schema_1"; ALTER TABLE "audit" ADD COLUMN note text"#;
    for arguments in [["--jobs", "1", "--replay", "sets"], ["--jobs", "1", "--replay", "function"]] {
        let replica = replica(ddl, 5);
        replica.upgrade(&arguments).code(0);
        assert_eq!(replica.value("SELECT count(*) FROM public.audit"), "1");
        assert_eq!(replica.value("SELECT count(*) FROM db_schema_1.audit"), "0");
        let role = role(&replica);
        replica.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
    assert_nothing_stays(ddl);
}

#[test]
fn nothing_else_that_a_statement_sets_stays_either() {
    for ddl in [
        "SET ROLE {role}",
        "SET SESSION AUTHORIZATION {role}",
        "SET datestyle = 'SQL, DMY'; SET standard_conforming_strings = off; SET lc_messages = 'C'",
        "SET session_replication_role = replica",
        "SET exit_on_error = on",
        "CREATE TEMP TABLE audit (id integer, what text)",
        "CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE t_sources (); CREATE TEMP TABLE chameleon_tables ()",
        "PREPARE s0 AS SELECT 1; PREPARE note AS SELECT 2",
        "LISTEN changes",
    ] {
        assert_nothing_stays(ddl);
    }
}

/// A session of 1.8.2's would end with its source, and its locks with it.
#[test]
fn advisory_locks_go_with_their_source() {
    let ddl = "DO $$BEGIN PERFORM pg_advisory_lock(5), pg_advisory_lock(5), pg_advisory_lock(-7, 8),
               pg_advisory_lock_shared(9), pg_advisory_lock_shared(-1, -2); END$$";
    let check = "CREATE FUNCTION public.held() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN INSERT INTO public.locks SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()); RETURN NEW; END$$;
        CREATE TABLE public.locks (n integer);
        CREATE TRIGGER held BEFORE INSERT ON db_schema_2.t FOR EACH ROW EXECUTE PROCEDURE public.held()";
    let replica = replica(ddl, 5);
    replica.sql(check);
    replica.upgrade(&["--jobs", "1"]).code(0);
    // That of the upgrade itself.
    assert_eq!(replica.value("SELECT string_agg(n::text, ' ') FROM public.locks"), "1");
    let role = role(&replica);
    replica.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// What 1.8.2's own session would keep between two statements of a source, is kept.
#[test]
fn what_a_source_sets_stays_for_itself() {
    let batch = Batch::listed("mysql-bin.000001:100")
        .event(Event::ddl("t", "SET search_path = shop; ALTER TABLE t ADD COLUMN note text DEFAULT 'none'"))
        .event(Event::bulk_of("plain", 300, &[Kind::Insert]))
        .event(Event::ddl("t", "ALTER TABLE t DROP COLUMN note"))
        .event(Event::ddl("t", "ALTER TABLE t ADD COLUMN last text"));
    let source = Source::new("shop")
        .table(Table::new("t"))
        .table(Table::new("plain"))
        .batch(batch)
        .batch(Batch::open("mysql-bin.000001:9000"));
    for (method, rows) in [("sets", 1000), ("function", 1000), ("function", 1)] {
        let configured = ConfiguredSource::mysql("new", &[("my_shop", "shop")]).with("replay_max_rows", rows);
        let replica = Replica::of(&Seed::of([source.clone()]), &[configured]);
        replica.upgrade(&["--replay", method]).code(0);
        let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                       WHERE attrelid = 'shop.t'::regclass AND attnum > 0 AND NOT attisdropped";
        assert_eq!(replica.value(columns), "id data last", "{method} {rows}");
        assert_eq!(replica.value("SELECT count(*) FROM shop.plain"), "300", "{method} {rows}");
    }
}

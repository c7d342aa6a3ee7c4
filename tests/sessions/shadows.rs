//! Nothing of a user's schema is called or read in place of pg_catalog's: §report-30. A shadow of every function,
//! aggregate, operator, type and relation of pg_catalog stands in a schema ahead of it in the search_path of the role, a
//! superuser, and of the database.

use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use postgres::{Client, NoTls};
use serde_json::json;
use std::path::Path;
use std::process::Output;

const PASSWORD: &str = "pa55";

/// What the shadows fail with that can't count.
const NOT_COUNTED: &str = "cannot accept a value of type anyelement";

struct Shadowed {
    replica: Replica,
    role: String,
}

impl Shadowed {
    fn of(seed: &Seed) -> Self {
        let sources = [ConfiguredSource::mysql("new", &[("my_shop", "shop")])];
        let mut replica = Replica::of(seed, &sources);
        let role = format!("shadowed_{}", replica.database.name());
        replica.sql(&format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{PASSWORD}'"));
        replica.sql(include_str!("shadows.sql"));
        replica.sql(
            "ALTER FUNCTION sch_chameleon.fn_process_batch(integer, integer) SET search_path = pg_catalog",
        );
        let path = "SET search_path = shadow, pg_catalog, public";
        let database = replica.database.name();
        replica.sql(&format!("ALTER ROLE {role} {path}; ALTER DATABASE {database} {path}"));
        replica.configure_as(&role, PASSWORD, &sources);
        Self { replica, role }
    }

    /// A session of the role's, as it comes.
    fn unprepared(&self) -> Client {
        let mut config = self.replica.database.config();
        config.user(&self.role).password(PASSWORD).connect(NoTls).unwrap()
    }

    /// A session that sees nothing of the shadows.
    fn safe(&self) -> Client {
        let mut client = self.replica.client();
        client.batch_execute("SET search_path = pg_catalog").unwrap();
        client
    }

    /// How often a shadow was called or read.
    fn calls(&self) -> i64 {
        let calls = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM shadow.calls";
        self.safe().query_one(calls, &[]).unwrap().get(0)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_to(0, arguments)
    }

    fn run_to(&self, code: i32, arguments: &[&str]) -> Output {
        let output = self.replica.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}:\n{}", shown(&output));
        assert_eq!(self.calls(), 0, "{arguments:?}:\n{}", shown(&output));
        output
    }
}

impl Drop for Shadowed {
    fn drop(&mut self) {
        let role = &self.role;
        drop(self.safe().batch_execute(&format!("REASSIGN OWNED BY {role} TO postgres; DROP ROLE {role}")));
    }
}

/// Rows for sets, a table of few rows, and one with a trigger, for the function; keys to be taken apart.
fn seed() -> Seed {
    let mix = [Kind::Insert, Kind::Update, Kind::Delete];
    let batch = Batch::listed("mysql-bin.000001:100")
        .event(Event::bulk_of("items", 300, &mix))
        .event(Event::bulk_of("lines", 300, &mix))
        .event(Event::bulk_of("few", 3, &mix))
        .event(Event::bulk_of("watched", 3, &[Kind::Insert]))
        .event(Event::bulk_of("items", 300, &mix));
    let tables = ["items", "lines", "few", "watched"].map(|name| Table::new(name).rows(500));
    let source = tables.into_iter().fold(Source::new("shop"), Source::table);
    let source = source.batch(batch).batch(Batch::open("mysql-bin.000001:9000"));
    Seed::of([source])
        .statement("CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
        .statement("CREATE TRIGGER watch BEFORE INSERT ON shop.watched FOR EACH ROW EXECUTE PROCEDURE public.watch()")
        .statement("GRANT SELECT ON sch_chameleon.t_sources TO PUBLIC")
        .statement("CREATE VIEW public.sources AS SELECT t_source FROM sch_chameleon.t_sources")
}

#[test]
fn a_session_that_is_not_prepared_meets_the_shadows() {
    let shadowed = Shadowed::of(&seed());
    let mut met = 0;
    for sql in [
        "SELECT pg_backend_pid()",
        "SELECT count(*) FROM (VALUES (1)) AS v (n)",
        "SELECT count(n) FROM (VALUES (1)) AS v (n)",
        "SELECT string_agg(n, ',') FROM (VALUES ('a'::pg_catalog.text)) AS v (n)",
        "SELECT 1 = 2",
        "SELECT 'pg_class'::regclass",
        "SELECT '{a}'::text[]",
        "SELECT FROM pg_class",
        "SELECT FROM pg_prepared_xacts",
        include_str!("../../src/catalogue/v1/server.sql"),
        include_str!("../../src/catalogue/v1/tables.sql"),
        include_str!("../../src/catalogue/v1/dependents.sql"),
        include_str!("../../src/postgres/lock_holders.sql"),
    ] {
        let sql = sql.replace("$1", "''").replace("$2", "''");
        let error = shadowed.unprepared().batch_execute(&sql).expect_err(&sql);
        let message = error.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default();
        assert!(message.contains("a shadow is called"), "{sql}: {error:?}");
        met += 1;
        assert_eq!(shadowed.calls(), met, "{sql}");
    }
    for sql in ["SELECT format('%s', 1)", "SELECT concat_ws(',', 1, 2)"] {
        let error = shadowed.unprepared().batch_execute(sql).expect_err(sql);
        assert!(format!("{error:?}").contains(NOT_COUNTED), "{sql}: {error:?}");
    }
}

/// What has no shadow is nothing that we name.
#[test]
fn all_that_our_statements_name_has_a_shadow() {
    let shadowed = Shadowed::of(&Seed::of([Source::new("shop")]));
    let counts = "SELECT count(*) FILTER (WHERE n.nspname = 'shadow'), count(*) FILTER (WHERE n.nspname = 'pg_catalog')
                  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = 'format'";
    let row = shadowed.safe().query_one(counts, &[]).unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 2));
    let names = "SELECT name FROM shadow.left_out ORDER BY 1";
    let left_out: Vec<String> =
        shadowed.safe().query(names, &[]).unwrap().iter().map(|row| row.get(0)).collect();
    let ours = statements(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let named: Vec<_> = left_out
        .iter()
        .filter(|name| name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
        .filter(|name| name.starts_with("pg_") && ours.contains(*name) || ours.contains(&format!("{name}(")))
        .collect();
    assert!(named.is_empty(), "{named:?} of {left_out:?}");
    assert!(left_out.len() < 20, "{left_out:?}");
}

/// All files of SQL.
fn statements(folder: &Path) -> String {
    let mut text = String::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &statements(&path);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            text += &std::fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn no_shadow_is_called_by_any_command() {
    for method in ["sets", "function"] {
        let shadowed = Shadowed::of(&seed());
        shadowed.run(&["check"]);
        shadowed.run(&["status"]);
        // MySQL can't be reached.
        shadowed.run_to(6, &["verify"]);
        shadowed.run(&["upgrade", "--dry-run"]);
        let upgraded = shown(&shadowed.run(&["upgrade", "--yes", "--replay", method, "-v"]));
        // Nothing was left to the function for want of a shadow's answer.
        assert!(!upgraded.contains("no replay in sets") && !upgraded.contains(NOT_COUNTED), "{upgraded}");
        shadowed.run(&["status"]);
        shadowed.run_to(6, &["verify"]);
        shadowed.run_to(6, &["watch"]);
        shadowed.run(&["check"]);
        shadowed.run(&["rollback", "--yes"]);
        shadowed.safe().batch_execute("DROP SCHEMA _sch_chameleon_version2 CASCADE").unwrap();
        // The database's alone, then.
        let role = &shadowed.role;
        shadowed.safe().batch_execute(&format!("ALTER ROLE {role} RESET search_path")).unwrap();
        shadowed.run(&["upgrade", "--yes"]);
    }
}

/// The 2.0 daemon's session is its own affair: what the installed functions themselves call is pg_catalog's all the same.
#[test]
fn no_shadow_is_called_by_the_installed_functions() {
    let shadowed = Shadowed::of(&seed());
    shadowed.run(&["upgrade", "--yes"]);
    let events =
        json!([{"id": 9001, "data": "one"}, {"id": 9002, "data": "two"}, {"id": 9002, "data": "again"}]);
    shadowed
        .safe()
        .batch_execute(&format!(
            "INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, v_log_table, b_started,
                                                        b_processed)
             SELECT i_id_source, 'mysql-bin.000002', 4, v_log_table[1], true, true FROM sch_chameleon.t_sources;
             INSERT INTO sch_chameleon.t_log_replica_new_1 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event,
                                                            jsb_event_after)
             SELECT b.i_id_batch, 'items', 'shop', 'insert', e
             FROM sch_chameleon.t_replica_batch b, jsonb_array_elements('{events}') AS e WHERE b.b_processed;
             UPDATE sch_chameleon.t_replica_batch b SET v_log_table = 't_log_replica_new_1' WHERE b.b_processed;
             INSERT INTO sch_chameleon.t_batch_events
             SELECT i_id_batch, array_agg(i_id_event ORDER BY i_id_event) FROM sch_chameleon.t_log_replica_new_1 GROUP BY 1"
        ))
        .unwrap();
    let mut daemon = shadowed.unprepared();
    for sql in [
        "SELECT sch_chameleon.fn_refresh_parts()",
        "SELECT sch_chameleon.binlog_max(v), sch_chameleon.binlog_min(v)
         FROM (VALUES ('{a.1,4}'::pg_catalog.text[]), ('{a.2,3}'), ('{a.2,1}')) AS given (v)",
        // The third fails: each is then applied alone.
        "SELECT sch_chameleon.fn_replay_mysql(100, 1, false)",
        "SELECT sch_chameleon.fn_replay_mysql(100, 1, false)",
        "SELECT sch_chameleon.fn_replay_mysql(100, 1, true)",
    ] {
        daemon.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(shadowed.calls(), 0, "{sql}");
    }
    let mut safe = shadowed.safe();
    let rows: i64 = safe.query_one("SELECT count(*) FROM shop.items WHERE id > 9000", &[]).unwrap().get(0);
    assert_eq!(rows, 2);
    let error: String =
        safe.query_one("SELECT t_error_message FROM sch_chameleon.t_error_log", &[]).unwrap().get(0);
    assert!(error.contains("duplicate key"), "{error}");
    let path: String = {
        let rows = daemon.simple_query("SHOW search_path").unwrap();
        let row = rows.iter().find_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        row.unwrap().to_owned()
    };
    assert_eq!(path, "shadow, pg_catalog, public");
}

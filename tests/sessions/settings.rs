//! No setting that a role can have changes what the statements of the upgrade mean: every setting of pg_settings that a role
//! can set is tried with every other legal value, or with the ends of its range. §report-15, §report-63.
//!
//! Several settings are tried at a time, on a catalogue that is upgraded and on one with everything that checks find. Where
//! something comes out otherwise than with the settings as they are, the group is halved until the setting is found.

use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::{ConfiguredSource, Home, configuration};
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use chameleon_harness::server::{self, Address, Database, Server};
use postgres::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::thread;

const PASSWORD: &str = "pa55";

/// Settings that are meant to make a difference, each with the reason.
const MEANT: &[(&str, &str)] = &[
    ("default_transaction_read_only", "somebody wants nothing to be written: a check refuses"),
    ("TimeZone", "times without zone are of the role's zone, as 1.8.2 writes them and 2.0.21 reads them"),
];

/// Settings with which nobody gets a session, or not in a sensible time.
const NO_SESSION: &[&str] = &["local_preload_libraries", "session_preload_libraries", "post_auth_delay"];

/// Values of settings that are text. (Of the others the server knows which are legal.)
const TEXTS: &[(&str, &[&str])] = &[
    ("DateStyle", &["SQL, DMY", "German", "Postgres, MDY"]),
    ("TimeZone", &["Asia/Kathmandu", "America/St_Johns"]),
    ("restrict_nonsystem_relation_kind", &["view", "view, foreign-table"]),
    ("search_path", &["shop", "pg_temp", "\"\"", "nonsense"]),
    ("plpgsql.extra_errors", &["all"]),
    ("plpgsql.extra_warnings", &["all"]),
    ("temp_tablespaces", &["pg_default", "nonsense"]),
    ("client_encoding", &["LATIN1", "SQL_ASCII", "EUC_JP"]),
    ("lc_messages", &["C"]),
    ("createrole_self_grant", &["set, inherit"]),
    ("log_connections", &["all"]),
];

/// Tried on every setting that is text.
const ANY_TEXT: &[&str] = &["", "nonsense", "on", "1"];

type Setting = (String, String);

#[test]
fn no_setting_of_a_role_changes_what_is_done() {
    let stage = Stage::new();
    let undisturbed = stage.outcome(&[]);
    assert_eq!(undisturbed.difference(&stage.outcome(&[])), None, "the test itself is not steady");
    let (alone, together) = stage.settings();
    let count: usize = together.iter().map(Vec::len).sum();
    assert!(count > 300, "{count}");

    let groups = Mutex::new(VecDeque::from(together));
    let found = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let Some(group) = groups.lock().unwrap().pop_front() else { return };
            let outcome = stage.outcome(&group);
            let Some(difference) = undisturbed.difference(&outcome) else { continue };
            eprintln!("with {group:?}:\n{difference}");
            let mut queue = groups.lock().unwrap();
            match group.as_slice() {
                [(name, value)] => {
                    found.lock().unwrap().insert(format!("{name} = {value}"), difference);
                }
                group => {
                    let (one, other) = group.split_at(group.len() / 2);
                    queue.push_back(one.to_vec());
                    queue.push_back(other.to_vec());
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let found = found.into_inner().unwrap();
    let told: Vec<_> =
        found.iter().map(|(setting, difference)| format!("{setting}:\n{difference}")).collect();
    assert!(found.is_empty(), "{} of {count}:\n{}", found.len(), told.join("\n"));

    // Those that are meant to make a difference make one, and both ways of replaying agree on it.
    for (name, values) in alone {
        let outcomes: Vec<_> =
            values.iter().map(|value| stage.outcome(&[(name.clone(), value.clone())])).collect();
        assert!(outcomes.iter().any(|outcome| *outcome != undisturbed), "{name}");
        for outcome in outcomes {
            assert_eq!(outcome.in_sets.replayed, outcome.by_function.replayed, "{name}");
        }
    }
}

/// What comes of it all.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    findings: String,
    in_sets: Upgraded,
    by_function: Upgraded,
}

#[derive(Debug, PartialEq, Eq)]
struct Upgraded {
    report: String,
    replayed: Record,
    catalogues: Record,
    status: String,
}

impl Outcome {
    fn difference(&self, other: &Self) -> Option<String> {
        let mut told = String::new();
        let texts = [
            (&self.findings, &other.findings),
            (&self.in_sets.report, &other.in_sets.report),
            (&self.in_sets.status, &other.in_sets.status),
            (&self.by_function.report, &other.by_function.report),
            (&self.by_function.status, &other.by_function.status),
        ];
        for (one, other) in texts {
            let lines: BTreeSet<_> = one.lines().collect();
            told.extend(
                other.lines().filter(|line| !lines.contains(line)).take(8).map(|line| format!("  {line}\n")),
            );
            if one != other && told.is_empty() {
                told += "  lines are missing\n";
            }
        }
        for (one, other) in [(&self.in_sets, &other.in_sets), (&self.by_function, &other.by_function)] {
            told += &one.replayed.diff(&other.replayed);
            told += &one.catalogues.diff(&other.catalogues);
        }
        (!told.is_empty()).then(|| told.chars().take(1500).collect())
    }
}

/// A catalogue to be upgraded and one to be found fault with, and the role that reads them.
struct Stage {
    good: Database,
    bad: Replica,
    /// A session of the superuser's for roles; and nobody copies a database at the same time.
    superuser: Mutex<Client>,
    /// Its name is taken into the roles'.
    next: Mutex<u32>,
}

/// A setting, with all the values that it is tried with.
type WithValues = (String, Vec<String>);

impl Stage {
    fn new() -> Self {
        let server = server::shared().unwrap();
        let good = server.create_database().unwrap();
        good_seed().create(&mut good.connect().unwrap()).unwrap();
        let bad = Replica::of(&bad_seed(), &[source()]);
        let superuser = Mutex::new(server.address().connect("postgres").unwrap());
        Self { good, bad, superuser, next: Mutex::new(0) }
    }

    /// The settings to be tried one by one, with their values; and the others in groups in which none is twice.
    fn settings(&self) -> (Vec<WithValues>, Vec<Vec<Setting>>) {
        let mut client = self.good.connect().unwrap();
        client.batch_execute("LOAD 'plpgsql'").unwrap();
        let rows = client
            .query(
                "SELECT name, vartype, min_val, max_val, enumvals, reset_val, context FROM pg_settings
                 WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend') ORDER BY name",
                &[],
            )
            .unwrap();
        let (mut alone, mut groups) = (vec![], Vec::<Vec<Setting>>::new());
        for row in rows {
            let name: String = row.get("name");
            if NO_SESSION.contains(&name.as_str()) {
                continue;
            }
            let text = |column: &str| row.get::<_, Option<String>>(column).unwrap_or_default();
            let mut values = match text("vartype").as_str() {
                "bool" => vec!["on".to_owned(), "off".to_owned()],
                "enum" => row.get::<_, Vec<String>>("enumvals"),
                "integer" | "real" => {
                    let (least, mut most) = (text("min_val"), text("max_val"));
                    // At the very end of what costs may be, PostgreSQL's own planner fails ("variable not found in subplan
                    // target list").
                    if most.contains("e+308") {
                        most = "1e+10".to_owned();
                    }
                    let [low, high] = [&least, &most].map(|end| end.parse::<f64>().unwrap());
                    // Time-outs that strike, and limits that are reached.
                    let between = (low < 1000.0 && 1000.0 < high).then(|| "1000".to_owned());
                    [least, most].into_iter().chain(between).collect()
                }
                _ => {
                    let known =
                        TEXTS.iter().filter(|(known, _)| *known == name).flat_map(|(_, values)| *values);
                    known.chain(ANY_TEXT).map(|value| (*value).to_owned()).collect()
                }
            };
            let now = text("reset_val");
            values.retain(|value| *value != now && self.takes(&name, value));
            if MEANT.iter().any(|(meant, _)| *meant == name) {
                alone.push((name, values));
                continue;
            }
            for value in values {
                let room = groups
                    .iter_mut()
                    .find(|group| group.len() < 14 && group.iter().all(|(it, _)| *it != name));
                match room {
                    Some(group) => group.push((name.clone(), value)),
                    None => groups.push(vec![(name.clone(), value)]),
                }
            }
        }
        (alone, groups)
    }

    /// Whether a role can have it.
    fn takes(&self, name: &str, value: &str) -> bool {
        let mut client = self.superuser.lock().unwrap();
        let mut transaction = client.transaction().unwrap();
        transaction.batch_execute(&set("postgres", name, value)).is_ok()
    }

    fn outcome(&self, settings: &[Setting]) -> Outcome {
        let role = self.role(settings);
        let address = self.address(&role);
        let home = Home::new(&configuration(&address, self.bad.database.name(), &[source()])).unwrap();
        let findings = run(&home, &["check", "--format", "json", "--offline"]);
        let outcome = Outcome {
            findings: without_names(&findings, &role, &self.bad.database),
            in_sets: self.upgraded(&address, "sets"),
            by_function: self.upgraded(&address, "function"),
        };
        let mut superuser = self.superuser.lock().unwrap();
        superuser.batch_execute(&format!("DROP ROLE {role}")).unwrap();
        outcome
    }

    fn role(&self, settings: &[Setting]) -> String {
        let role = {
            let mut next = self.next.lock().unwrap();
            *next += 1;
            format!("tried_{}_{}", self.good.name(), *next)
        };
        let mut superuser = self.superuser.lock().unwrap();
        superuser
            .batch_execute(&format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{PASSWORD}'"))
            .unwrap();
        for (name, value) in settings {
            // Some exclude each other.
            drop(superuser.batch_execute(&set(&role, name, value)));
        }
        role
    }

    fn address(&self, role: &str) -> Address {
        let address = self.good.address().clone();
        Address { user: role.to_owned(), password: PASSWORD.to_owned().into(), ..address }
    }

    fn upgraded(&self, address: &Address, method: &str) -> Upgraded {
        let database = {
            let _alone = self.superuser.lock().unwrap();
            self.good.copy().unwrap()
        };
        let home = Home::new(&configuration(address, database.name(), &[source()])).unwrap();
        let report = home.path().join("report.json");
        let arguments =
            ["upgrade", "--yes", "--offline", "--replay", method, "--report", report.to_str().unwrap()];
        run(&home, &arguments);
        let mut report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
        timeless(&mut report);
        let status = run(&home, &["status", "--format", "json"]);
        let object = status.split_once("\nThe catalogue is").map_or("", |(object, _)| object);
        let mut status: Value = serde_json::from_str(object).unwrap_or_else(|_| json!(status));
        timeless(&mut status);
        let mut client = database.connect().unwrap();
        let text = |value: &Value| without_names(&format!("{value:#}"), &address.user, &database);
        let mut transaction = client.transaction().unwrap();
        transaction
            .batch_execute(
                "DO $$DECLARE c record; BEGIN
                     FOR c IN SELECT attrelid::regclass AS t, attname FROM pg_attribute a JOIN pg_class k ON k.oid = attrelid
                              WHERE attname IN ('ts_created', 'ts_processed', 'ts_replayed') AND relkind = 'r'
                     LOOP EXECUTE format('UPDATE ONLY %s SET %I = timestamp ''2000-01-01'' + i_id_batch * interval ''1 s''
                                          WHERE %I IS NOT NULL', c.t, c.attname, c.attname); END LOOP; END$$",
            )
            .unwrap();
        let catalogues = Record::within(&mut transaction).unwrap();
        transaction.rollback().unwrap();
        Upgraded {
            report: text(&report),
            replayed: Record::of(&mut client, &["shop"]).unwrap(),
            catalogues,
            status: text(&status),
        }
    }
}

fn set(role: &str, name: &str, value: &str) -> String {
    let name: Vec<_> = name.split('.').map(|part| format!("\"{part}\"")).collect();
    // Lists are lists of names.
    let value = if name.concat().contains("search_path") { value.to_owned() } else { format!("'{value}'") };
    let value = if value.is_empty() { "''".to_owned() } else { value };
    format!("ALTER ROLE {role} SET {} = {value}", name.join("."))
}

fn run(home: &Home, arguments: &[&str]) -> String {
    let output = std::process::Command::new(crate::replica::PROGRAM)
        .args(arguments)
        .args(["--config", chameleon_harness::chameleon::home::CONFIGURATION])
        .env("HOME", home.path())
        .output()
        .unwrap();
    format!("{}\nexit {:?}", shown(&output), output.status.code())
}

fn without_names(text: &str, role: &str, database: &Database) -> String {
    text.replace(role, "ROLE").replace(database.name(), "DATABASE")
}

/// Takes out how long things took, and how long ago they were.
fn timeless(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("seconds");
            object.remove("configuration");
            if let Some(Value::Object(read)) = object.get_mut("read") {
                read.remove("lag");
            }
            object.values_mut().for_each(timeless);
        }
        Value::Array(list) => list.iter_mut().for_each(timeless),
        _ => {}
    }
}

fn source() -> ConfiguredSource {
    ConfiguredSource::mysql("new", &[("my_shop", "shop")]).with("lock_timeout", "5s")
}

fn good_seed() -> Seed {
    let mix = [Kind::Insert, Kind::Update, Kind::Delete];
    let columns = [
        ("id", "integer"),
        ("back\\slash", "text"),
        ("placed", "timestamp"),
        ("day", "date"),
        ("amount", "numeric(10,2)"),
        ("raw", "bytea"),
        ("ratio", "double precision"),
        ("doc", "jsonb"),
        ("zoned", "timestamptz"),
        ("flag", "boolean"),
    ];
    let odd = columns.iter().fold(Table::new("odd"), |table, (name, kind)| table.column(name, kind));
    let row = |id: i32| {
        json!({"id": id, "back\\slash": "C:\\new\\'\"", "placed": "2024-01-02 03:04:05", "day": "2024-01-02",
               "amount": "1.50", "raw": "\\x005c", "ratio": 0.1, "doc": {"a": "\\"}, "zoned": "2024-03-31 02:30:00",
               "flag": true})
    };
    let mut batch = Batch::listed("mysql-bin.000001:100")
        .event(Event::bulk_of("plain", 300, &mix))
        .event(Event::bulk_of("few", 3, &mix))
        .event(Event::ddl("plain", "ALTER TABLE shop.plain ADD COLUMN note text"));
    for id in 1..=250 {
        batch = batch.event(Event::insert("odd", row(id)));
    }
    batch = batch
        .event(Event::update("odd", json!({"id": 7}), row(7)))
        .event(Event::delete("odd", json!({"id": 9})));
    let source = Source::new("shop")
        .table(Table::new("plain").rows(500))
        .table(Table::new("few").rows(5))
        .table(odd)
        .table(Table::new("synced").at("mysql-bin.000001:500"))
        .batch(batch)
        .batch(Batch::open("mysql-bin.000001:9000"));
    Seed::of([source.last("2024-05-01 10:00:07", "2024-04-01 12:00:00")])
        .statement("GRANT SELECT ON sch_chameleon.t_sources TO PUBLIC")
        .statement(r#"UPDATE sch_chameleon.t_replica_tables SET v_table_pkey = ARRAY['"a\b","c d"'] WHERE v_table_name = 'synced'"#)
}

/// Something for every check.
fn bad_seed() -> Seed {
    let keys = [r#"\"id\""#, r#""a" , "b""#, r#""a", "b""#, r#""a\s,"b""#, r#""a\",\"b""#, "", r#""""#];
    let shop = keys
        .iter()
        .enumerate()
        .fold(Source::new("shop"), |source, (number, _)| source.table(Table::new(&format!("key {number}"))));
    let shop = shop
        .batch(Batch::processed("mysql-bin.000001:4").event(Event::insert("key 1", json!({"id": 1}))))
        .batch(Batch::replayed("mysql-bin.000001:60"))
        .batch(Batch::open("mysql-bin.000001:9000"));
    let mut seed = Seed::of([
        shop.last("2024-05-01 10:00:07", "2024-04-01 12:00:00"),
        Source::new("other").table(Table::new("t")).batch(Batch::open("my\\sql.bin.000001:9000")),
    ])
    .statement("CREATE VIEW public.\"My View\" AS SELECT t_source FROM sch_chameleon.t_sources")
    .statement("CREATE SCHEMA _sch_chameleon_version1")
    .statement("DROP TABLE shop.\"key 2\"; ALTER TABLE shop.\"key 3\" DROP CONSTRAINT \"key 3_pkey\"");
    for (number, key) in keys.iter().enumerate() {
        seed = seed.statement(&format!(
            "UPDATE sch_chameleon.t_replica_tables SET v_table_pkey = ARRAY[$k${key}$k$] WHERE v_table_name = 'key {number}'"
        ));
    }
    seed
}

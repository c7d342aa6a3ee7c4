//! `convert-config` makes one configuration of pg_chameleon 2 out of those of 1.x, which `check` and the real 2.0.21 take
//! as they take one that was written by hand; what contradicts itself it refuses.

use crate::on_terminal::{Terminal, assert_fits};
use crate::replica::{PROGRAM, Replica, assert_unchanged, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::process::tools;
use chameleon_harness::seed::Seed;
use chameleon_upgrade::config::{Configuration, quoted};
use chameleon_upgrade::mapping::MappingPair;
use rand::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A home with these files in the folder of 1.x.
fn home(files: &[(&str, String)]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write_old(home.path(), files);
    home
}

fn write_old(home: &Path, files: &[(&str, String)]) {
    let folder = home.join(".pg_chameleon/config");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn written(home: &Path) -> PathBuf {
    home.join(".pg_chameleon/configuration/upgraded.yml")
}

fn run(home: &Path, options: &[&str]) -> Output {
    Command::new(PROGRAM).arg("convert-config").args(options).env("HOME", home).output().unwrap()
}

/// It ends with this code, says all of this, and shows no password.
fn ends(output: &Output, code: i32, says: &[&str]) -> String {
    let shown = shown(output);
    assert_eq!(output.status.code(), Some(code), "{shown}");
    for text in says {
        assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
    }
    assert!(!shown.contains("s3cret"), "{shown}");
    shown
}

/// A whole old configuration; JSON is YAML too.
fn old(source: &str, pair: (&str, &str)) -> Value {
    json!({
        "my_server_id": 100, "replica_batch_size": 1000, "batch_retention": "1 day", "copy_max_memory": "300M",
        "my_database": pair.0, "pg_database": "db", "copy_mode": "file", "out_dir": "/tmp",
        "source_name": source, "dest_schema": pair.1, "sleep_loop": 10, "pause_on_reindex": true,
        "sleep_on_reindex": 30, "reindex_app_names": ["reindexdb"], "hexify": ["blob"],
        "pid_dir": "~/.pg_chameleon/pid/", "log_dir": "~/.pg_chameleon/logs/", "log_level": "debug",
        "log_dest": "stdout", "log_days_keep": 10, "my_charset": "utf8", "pg_charset": "utf8",
        "tables_limit": null,
        "mysql_conn": {"host": "my_host", "port": 3306, "user": "my_replica", "passwd": "my_s3cret"},
        "pg_conn": {"host": "127.0.0.1", "port": 1, "user": "pg_replica", "password": "pg_s3cret"},
        "type_override": {"tinyint(1)": {"override_to": "boolean", "override_tables": ["*"]}},
    })
}

fn two() -> [Value; 2] {
    [old("one", ("my_one", "pg_one")), old("two", ("my_two", "pg_two"))]
}

fn home_of(files: &[Value]) -> TempDir {
    let names = ["a.yaml", "b.yaml", "c.yaml"];
    let files: Vec<_> = names.into_iter().zip(files.iter().map(ToString::to_string)).collect();
    home(&files)
}

fn pair(from: &str, to: &str) -> MappingPair {
    MappingPair { source_schema: from.to_owned(), dest_schema: to.to_owned() }
}

/// The example of the upgrade's documentation, letter by letter: `passwd` stands outside of mysql_conn there, and the schema
/// is called destination_schema. What it doesn't show, PostgreSQL, is added.
#[test]
fn the_example_of_the_documentation() {
    let file = |schemas: &str| {
        format!(
            "mysql_conn:\n    host: my_host.foo.bar\n    port: 3306\n    user: my_replica\npasswd: foo_bar\n\n{schemas}\n\
             pg_database: db_replica\npg_conn:\n    host: 127.0.0.1\n    port: 1\n    user: usr\n    password: s3cret\n"
        )
    };
    let home = home(&[
        ("source_01.yaml", file("my_database: my_schema_01\ndestination_schema: db_schema_01\n")),
        ("source_02.yaml", file("my_database: my_schema_02\ndestination_schema: db_schema_02\n")),
    ]);
    let output = run(home.path(), &[]);
    let shown = ends(
        &output,
        0,
        &[
            "source \"my_host_foo_bar\", from the MySQL server my_host.foo.bar:",
            "my_schema_01 → db_schema_01",
            "source_01.yaml:5: passwd stands outside of mysql_conn.",
            "Not compared with the catalogue: ",
            "chameleon-upgrade check --config upgraded\n",
            "1 source of 2 configurations of pg_chameleon 1.x.",
        ],
    );
    assert!(!shown.contains("foo_bar\n"), "{shown}");
    let configuration = Configuration::load("upgraded", home.path()).unwrap();
    let [source] = configuration.sources.as_slice() else { panic!("{configuration:?}") };
    assert_eq!(
        source.schema_mappings,
        [pair("my_schema_01", "db_schema_01"), pair("my_schema_02", "db_schema_02")]
    );
    let mysql = source.mysql.as_ref().unwrap();
    assert_eq!(
        (mysql.host.as_str(), mysql.port, mysql.user.as_str()),
        ("my_host.foo.bar", 3306, "my_replica")
    );
    assert_eq!(mysql.password.as_ref().unwrap().expose(), "foo_bar");
    assert_eq!(mysql.charset, "utf8");
    assert_eq!(mysql.connect_timeout.as_secs(), 10);
    assert_eq!((source.daemon_requirements.len(), configuration.daemon_requirements.len()), (0, 0));
    assert_eq!(fs::metadata(written(home.path())).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn every_setting_with_a_successor_is_taken_over() {
    let mut files = two();
    files[0]["tables_limit"] = json!(["items", "Odd, name"]);
    files[0]["my_server_id"] = json!(4711);
    files[0]["batch_retention"] = json!("3 days");
    files[0]["copy_max_memory"] = json!("5M");
    files[0]["out_dir"] = json!("/var/tmp");
    files[0]["log_dir"] = json!("/var/log/chameleon/of_");
    files[0]["type_override"] = json!({
        "tinyint(1)": {"override_to": "boolean", "override_tables": ["*"]},
        "int(11)": {"override_to": "bigint", "override_tables": ["items"]},
    });
    files[1]["my_server_id"] = json!(5);
    files[1]["mysql_conn"]["port"] = json!("3307");
    files[1]["what_is_it"] = json!("my_s3cret");
    files[1]["pg_conn"]["sslmode"] = json!("my_s3cret");
    let home = home_of(&files);
    let folder = "~/.pg_chameleon/config";
    let shown = ends(
        &run(home.path(), &["--offline"]),
        0,
        &[
            "my_server_id is 4711, the first of the old ones",
            &format!(
                "batch_retention is not the same in all files: \"3 days\" in {folder}/a.yaml:1, \"1 day\" in {folder}/b.yaml:1. The first was taken."
            ),
            &format!(
                "The port of mysql_conn is the text \"3307\" ({folder}/b.yaml:1). pg_chameleon 1.x took no notice of it and read from 3306"
            ),
            "hexify was left out: pg_chameleon 2 knows by itself",
            &format!(
                "pause_on_reindex was left out: pg_chameleon 2 has nothing like it ({folder}/a.yaml:1, {folder}/b.yaml:1)."
            ),
            "sleep_on_reindex was left out",
            "reindex_app_names was left out",
            "a key that pg_chameleon 1.8.2 doesn't know",
            &format!(
                "{folder}/b.yaml:1: a key of pg_conn beside host, port, user, password, database. It was left out."
            ),
            "--offline was given",
        ],
    );
    assert!(!shown.contains("what_is_it"), "it may be a password: {shown}");
    let text = fs::read_to_string(written(home.path())).unwrap();
    let new: Value = yaml_serde::from_str(&text).unwrap();
    let source = &new["sources"]["my_host"];
    for (key, value) in [
        ("my_server_id", json!(4711)),
        ("replica_batch_size", json!(1000)),
        ("batch_retention", json!("3 days")),
        ("copy_max_memory", json!("5M")),
        ("copy_mode", json!("file")),
        ("out_dir", json!("/var/tmp")),
        ("sleep_loop", json!(10)),
        ("limit_tables", json!(["my_one.items", "my_one.Odd, name"])),
        ("schema_mappings", json!({"my_one": "pg_one", "my_two": "pg_two"})),
    ] {
        assert_eq!(source[key], value, "{key}");
    }
    assert_eq!(source["db_conn"]["port"], "3306");
    assert_eq!(new["log_dir"], "/var/log/chameleon/");
    assert_eq!((&new["log_level"], &new["log_dest"]), (&json!("debug"), &json!("stdout")));
    assert_eq!(
        new["type_override"],
        json!({
            "tinyint(1)": {"override_to": "boolean", "override_tables": ["*"]},
            "int(11)": {"override_to": "bigint", "override_tables": ["my_one.items", "pg_one.items"]},
        })
    );
}

/// The example that 1.8.2 comes with, as people use it.
#[test]
fn the_example_of_the_old_package() {
    let Some(chameleon) = tools::or_skip("the example of 1.8.2", tools::chameleon1()) else { return };
    let python = "import os, pg_chameleon; print(open(os.path.join(os.path.dirname(pg_chameleon.__file__), 'config', \
                  'config-example.yaml')).read())";
    let output = Command::new(chameleon.join("bin/python")).args(["-c", python]).output().unwrap();
    let home = home(&[("default.yaml", String::from_utf8(output.stdout).unwrap())]);
    ends(
        &run(home.path(), &["--offline"]),
        0,
        &["source \"default\"", "db_replica → my_schema", "hexify was left out"],
    );
    let configuration = Configuration::load("upgraded", home.path()).unwrap();
    assert_eq!(configuration.pg.database, "db_replication");
    assert!(configuration.daemon_requirements.is_empty() && configuration.pg.misread_password.is_none());
    assert!(configuration.sources[0].daemon_requirements.is_empty());
}

#[test]
fn each_server_becomes_a_source() {
    let mut files = [two().to_vec(), vec![old("three", ("my_one", "pg_three"))]].concat();
    files[2]["mysql_conn"]["host"] = json!("OTHER");
    files[2]["my_charset"] = json!("utf8mb4");
    let home = home_of(&files);
    let says =
        ["The files name 2 MySQL servers", "copy_mode is made direct", "2 sources of 3 configurations"];
    ends(&run(home.path(), &["--offline"]), 0, &says);
    let configuration = Configuration::load("upgraded", home.path()).unwrap();
    let names: Vec<_> = configuration.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["my_host", "three"]);
    assert_eq!(configuration.sources[1].schema_mappings, [pair("my_one", "pg_three")]);
    assert!(configuration.sources.iter().all(|source| source.daemon_requirements.is_empty()));
}

/// Each contradiction with the files, their lines, and what to do; nothing is written.
#[test]
fn what_contradicts_itself() {
    let cases: &[(&str, Value, &str, &str)] = &[
        (
            "/source_name",
            json!("one"),
            "2 files have the source_name \"one\"",
            "take away the file that is not used",
        ),
        ("/dest_schema", json!("pg_one"), "2 files have the dest_schema \"pg_one\"", "can have one origin"),
        ("/my_database", json!("my_one"), "2 files have the my_database \"my_one\"", "can be mapped once"),
        (
            "/pg_conn/host",
            json!("other"),
            "The host of pg_conn is not the same",
            "Convert the files of each separately",
        ),
        ("/pg_conn/port", json!(2), "The port of pg_conn is not the same", "give --output"),
        ("/pg_conn/user", json!("other"), "The user of pg_conn is not the same", "one role"),
        (
            "/pg_conn/password",
            json!("other s3cret"),
            "The passwords of pg_conn are not the same",
            "write the right one",
        ),
        ("/pg_database", json!("other"), "pg_database is not the same", "one PostgreSQL database"),
        ("/pg_charset", json!("latin1"), "pg_charset is not the same", "one character set"),
        ("/my_charset", json!("latin1"), "my_charset is not the same", "one character set"),
        ("/mysql_conn/user", json!("other"), "The user of mysql_conn is not the same", "with one account"),
        (
            "/mysql_conn/passwd",
            json!("other s3cret"),
            "The passwords of mysql_conn are not the same",
            "one password",
        ),
        ("/type_override", json!({}), "type_override is not the same", "for all sources"),
    ];
    for (pointer, value, says, remedy) in cases {
        let mut files = two();
        *files[1].pointer_mut(pointer).unwrap() = value.clone();
        let texts: Vec<_> = files.iter().map(|file| serde_json::to_string_pretty(file).unwrap()).collect();
        let line = |text: &String, key: &str| {
            1 + text.lines().position(|line| line.trim_start().starts_with(&format!("\"{key}\":"))).unwrap()
        };
        let key = if pointer.ends_with("password") || pointer.ends_with("passwd") {
            pointer.split('/').nth(1).unwrap()
        } else {
            pointer.rsplit('/').next().unwrap()
        };
        let home = home(&[("a.yaml", texts[0].clone()), ("b.yaml", texts[1].clone())]);
        let output = run(home.path(), &[]);
        let shown = ends(&output, 2, &[says, remedy, "1 contradiction. Nothing was written."]);
        // Of the two keys of a name, that of the connection in question.
        if !["host", "port", "user"].contains(&key) {
            for (file, text) in [("a.yaml", &texts[0]), ("b.yaml", &texts[1])] {
                assert!(shown.contains(&format!("{file}:{}", line(text, key))), "{pointer}: {shown}");
            }
        }
        assert!(shown.contains("a.yaml:") && shown.contains("b.yaml:"), "{shown}");
        assert!(!written(home.path()).exists());
    }
    let all = [old("one", ("my_one", "pg_one")), old("one", ("my_one", "pg_one"))];
    ends(&run(home_of(&all).path(), &[]), 2, &["3 contradictions"]);
}

#[test]
fn what_is_no_old_configuration() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut file = old("one", ("a", "b"));
        change(&mut file);
        file.to_string()
    };
    let without = |key: &'static str| with(&|file| _ = file.as_object_mut().unwrap().remove(key));
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "a.yaml:1:1: the document is empty; expected a configuration of pg_chameleon 1.x"),
        ("a: [".into(), "this is not YAML"),
        ("sources: {}".into(), "has sources, so it is one of pg_chameleon 2"),
        (without("mysql_conn"), "mysql_conn is missing"),
        (without("pg_conn"), "pg_conn is missing"),
        (without("pg_database"), "pg_database is missing"),
        (without("my_database"), "my_database is missing"),
        (without("dest_schema"), "dest_schema is missing"),
        (with(&|it| it["dest_schema"] = json!(7)), "dest_schema is the number 7"),
        (with(&|it| it["mysql_conn"] = json!("mysql://u:s3cret@h")), "mysql_conn is a text"),
        (with(&|it| it["mysql_conn"]["host"] = json!(["s3cret"])), "mysql_conn.host is a list"),
        (with(&|it| it["mysql_conn"]["host"] = json!("mysql://u:s3cret@h")), "mysql_conn.host is a URL"),
        (
            with(&|it| it["pg_conn"]["host"] = json!("postgres://u:s3cret@h")),
            "pg_conn.host of the new configuration is a URL",
        ),
        (with(&|it| it["mysql_conn"]["passwd"] = Value::Null), "mysql_conn.passwd is empty"),
        (
            with(&|it| it["pg_conn"]["port"] = json!("x")),
            "pg_conn.port of the new configuration is the text \"x\"",
        ),
        (
            with(&|it| it["tables_limit"] = json!("items")),
            "tables_limit is the text \"items\"; expected a list",
        ),
        (with(&|it| it["tables_limit"] = json!(["a.b"])), "without a dot"),
        (
            with(&|it| {
                it["my_database"] = json!("x.y");
                it["tables_limit"] = json!(["a"]);
            }),
            "tables_limit names tables of \"x.y\"",
        ),
        (
            with(&|it| it["copy_mode"] = json!("fast")),
            "copy_mode is the text \"fast\"; expected file or direct",
        ),
        (with(&|it| it["sleep_loop"] = json!("ten")), "sleep_loop is the text \"ten\""),
    ];
    for (text, says) in cases {
        let home = home(&[("a.yaml", text)]);
        ends(&run(home.path(), &[]), 2, &["a.yaml", says, "Nothing was written."]);
        assert!(!written(home.path()).exists());
    }
}

#[test]
fn which_files_are_read() {
    let home = tempfile::tempdir().unwrap();
    ends(&run(home.path(), &[]), 2, &["can't be read", "Name the files of pg_chameleon 1.x"]);
    write_old(home.path(), &[("notes.txt", "x".into()), ("config-example.yaml", "never read: [".into())]);
    ends(&run(home.path(), &[]), 2, &["holds no configuration of pg_chameleon 1.x"]);
    let [one, two] = two();
    write_old(home.path(), &[("one.yaml", one.to_string()), ("two.yml", two.to_string())]);
    ends(&run(home.path(), &["--offline"]), 0, &["left out ", "config-example.yaml", "of 2 configurations"]);
    // Named, each once, whatever is in the folder.
    let path = home.path().join(".pg_chameleon/config/one.yaml").display().to_string();
    let output = run(home.path(), &["--offline", "--output", "single", &path, &path]);
    ends(&output, 0, &["1 source of 1 configuration of", "check --config single\n", "source \"one\""]);
    ends(
        &run(home.path(), &["/nowhere.yaml", "--output", "x"]),
        2,
        &["there is no configuration file /nowhere.yaml"],
    );
}

#[test]
fn what_is_there_is_replaced_by_force_alone() {
    let home = home_of(&two());
    ends(&run(home.path(), &["--offline"]), 0, &[]);
    fs::write(written(home.path()), "mine").unwrap();
    ends(&run(home.path(), &["--offline"]), 2, &["upgraded.yml is there already", "--force"]);
    assert_eq!(fs::read_to_string(written(home.path())).unwrap(), "mine");
    // A disk that fills up in the middle.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" convert-config --offline --force";
    let output = Command::new("sh").args(["-c", script, PROGRAM]).env("HOME", home.path()).output().unwrap();
    ends(&output, 1, &["upgraded.yml can't be made: File too large", "Nothing was written."]);
    assert_eq!(fs::read_to_string(written(home.path())).unwrap(), "mine");
    assert_eq!(fs::read_dir(written(home.path()).parent().unwrap()).unwrap().count(), 1);
    ends(&run(home.path(), &["--offline", "--force"]), 0, &["Written: "]);
    assert_eq!(fs::metadata(written(home.path())).unwrap().permissions().mode() & 0o7777, 0o600);
    let path = home.path().join(".pg_chameleon/config/a.yaml").display().to_string();
    ends(&run(home.path(), &["--force", "--output", &path]), 2, &["a.yaml is one of the old files"]);
    ends(&run(home.path(), &["--output", "/nowhere/x.yml"]), 2, &["there is no folder /nowhere"]);
}

/// Passwords and names that mean something else to YAML without quotes, as both readers read them.
#[test]
fn odd_passwords_and_names() {
    let odd = "'s3cret\": #&*!|>%@`{}[],\\ \u{fc}\u{1f600}\u{e9} ";
    // libpq's notation, as both versions of pg_chameleon need it.
    let for_libpq: String =
        odd.chars().flat_map(|c| " '\\".contains(c).then_some('\\').into_iter().chain([c])).collect();
    let mut file = old("yes", ("no: #1", "~"));
    file["mysql_conn"]["passwd"] = json!(odd);
    file["pg_conn"]["password"] = json!(for_libpq);
    file["mysql_conn"]["user"] = json!("007");
    let home = home_of(&[file]);
    ends(&run(home.path(), &["--offline"]), 0, &["source \"yes\"", "no: #1 → ~"]);
    let configuration = Configuration::load("upgraded", home.path()).unwrap();
    assert_eq!(configuration.pg.password.as_ref().unwrap().expose(), odd);
    let source = &configuration.sources[0];
    assert_eq!((source.name.as_str(), &source.schema_mappings[0]), ("yes", &pair("no: #1", "~")));
    let mysql = source.mysql.as_ref().unwrap();
    assert_eq!((mysql.user.as_str(), mysql.password.as_ref().unwrap().expose()), ("007", odd));
    assert!(fs::read_to_string(written(home.path())).unwrap().is_ascii());
    let Some(theirs) = by_pyyaml(&written(home.path())) else { return };
    assert_eq!(theirs["pg_conn"]["password"], json!(for_libpq));
    let source = &theirs["sources"]["yes"];
    assert_eq!((&source["db_conn"]["password"], &source["db_conn"]["user"]), (&json!(odd), &json!("007")));
    assert_eq!(source["schema_mappings"], json!({"no: #1": "~"}));
}

/// What the PyYAML of 2.0.21 reads in a file, in the encoding of a system that has set none.
fn by_pyyaml(file: &Path) -> Option<Value> {
    let chameleon = tools::or_skip("what PyYAML reads", tools::chameleon2())?;
    let python = "import json, sys, yaml; print(json.dumps(yaml.load(open(sys.argv[1], encoding='latin-1'), \
                  Loader=yaml.FullLoader), default=str))";
    let output = Command::new(chameleon.join("bin/python")).args(["-c", python]).arg(file).output().unwrap();
    Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output))))
}

/// Any text that is written in quotes is to the real PyYAML what it was.
#[test]
fn quoted_texts_as_pyyaml_reads_them() {
    let mut random = StdRng::seed_from_u64(56);
    let odd: Vec<char> =
        "\"'\\:#{}[],&*!|>%@`-?<=~ \t\n\r\u{0}\u{7f}\u{85}\u{a0}\u{feff}\u{2028}\u{2029}\u{fffe}yesno017."
            .chars()
            .collect();
    let mut texts: Vec<String> =
        ["", "yes", "~", "007", "<<", "=", "2024-01-01", "- a", "---", "..."].map(String::from).into();
    for _ in 0..2000 {
        let letters = (0..random.random_range(1..12)).map(|_| {
            if random.random_bool(0.8) { *odd.choose(&mut random).unwrap() } else { random.random() }
        });
        texts.push(letters.collect());
    }
    let written: String = texts.iter().map(|text| format!("- {}\n", quoted(text))).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), written).unwrap();
    let Some(theirs) = by_pyyaml(file.path()) else { return };
    for (text, theirs) in texts.iter().zip(theirs.as_array().unwrap()) {
        assert_eq!(theirs.as_str(), Some(text.as_str()), "{text:?}");
    }
}

/// The demo's replica, and old files that lead to it.
fn demo() -> (Replica, [Value; 2]) {
    let replica = Replica::of(&Seed::demo(), &[crate::replica::demo_source()]);
    let address = replica.database.address();
    let files = [("shop", ("my_shop", "shop")), ("stock", ("my_stock", "stock"))].map(|(name, pair)| {
        let mut file = old(name, pair);
        file["pg_database"] = json!(replica.database.name());
        file["pg_conn"] = json!({
            "host": address.host, "port": address.port, "user": address.user,
            "password": address.password.expose_secret(),
        });
        file
    });
    (replica, files)
}

fn check(replica: &Replica, config: &str) -> Value {
    let output = Command::new(PROGRAM)
        .args(["check", "--offline", "--format", "json", "--config", config])
        .env("HOME", replica.home.path())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)))
}

/// What was converted is checked as what was written by hand.
#[test]
fn the_checks_find_nothing_in_it() {
    let (replica, files) = demo();
    let before = replica.record();
    write_old(replica.home.path(), &[("a.yaml", files[0].to_string()), ("b.yaml", files[1].to_string())]);
    let output = run(replica.home.path(), &["--output", "converted"]);
    ends(&output, 0, &["2 schema mappings are in the files and in the catalogue alike."]);
    let ids = |object: &Value| -> Vec<String> {
        let findings = object["findings"].as_array().unwrap().iter();
        findings.map(|it| format!("{} {}", it["severity"], it["check"])).collect()
    };
    let (converted, by_hand) = (check(&replica, "converted"), check(&replica, "upgraded"));
    assert_eq!(ids(&converted), ids(&by_hand));
    assert_eq!(converted["exit_code"], 0, "{converted}");
    assert_unchanged(&before, &replica.record());
    let mut upgrade = Command::new(PROGRAM);
    upgrade.args(["upgrade", "--yes", "--offline", "--config", "converted"]).env("HOME", replica.home.path());
    let output = upgrade.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    shown_by_the_real_program(&replica);
    let output = run(replica.home.path(), &["--output", "again"]);
    ends(&output, 0, &["Not compared with the catalogue: it is not 1.7."]);
}

/// 2.0.21 refuses to run as root, and root has no other account that could read everyone's checkout.
const AS_NOBODY: &str = "import os, runpy, sys; os.geteuid = lambda: 65534; sys.argv = sys.argv[1:]; \
                         runpy.run_path(sys.argv[0], run_name='__main__')";

fn shown_by_the_real_program(replica: &Replica) {
    let Some(chameleon) = tools::or_skip("a converted configuration and 2.0.21", tools::chameleon2()) else {
        return;
    };
    let output = Command::new(chameleon.join("bin/python"))
        .args(["-W", "ignore", "-c", AS_NOBODY])
        .arg(chameleon.join("bin/chameleon"))
        .args(["show_status", "--config", "converted", "--source", "my_host"])
        .env("HOME", replica.home.path())
        .output();
    let shown = shown(&output.unwrap());
    for text in ["my_host", "my_shop", "shop", "my_stock", "stock", "stopped"] {
        assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
    }
    assert!(!shown.contains("Traceback"), "{shown}");
}

#[test]
fn mappings_that_differ_from_those_of_the_catalogue() {
    let (replica, mut files) = demo();
    let before = replica.record();
    files[1]["dest_schema"] = json!("elsewhere");
    write_old(replica.home.path(), &[("a.yaml", files[0].to_string()), ("b.yaml", files[1].to_string())]);
    let output = run(replica.home.path(), &["--output", "converted"]);
    ends(
        &output,
        0,
        &[
            "1 schema mapping is in the files and in the catalogue alike.",
            "my_stock → elsewhere is in ",
            "and not in the catalogue.",
            "maps my_stock → stock, and no file says so.",
        ],
    );
    assert_unchanged(&before, &replica.record());
    replica.sql("UPDATE sch_chameleon.t_sources SET t_source_schema = NULL WHERE t_dest_schema = 'stock'");
    let output = run(replica.home.path(), &["--output", "converted", "--force"]);
    ends(&output, 0, &["doesn't say which schema on MySQL its source"]);
    let none = Replica::empty(&[ConfiguredSource::mysql("x", &[("a", "b")])]);
    files[0]["pg_database"] = json!(none.database.name());
    write_old(none.home.path(), &[("a.yaml", files[0].to_string())]);
    let output = run(none.home.path(), &["--output", "converted"]);
    ends(&output, 0, &["Not compared with the catalogue: the database has no schema sch_chameleon."]);
}

#[test]
fn what_is_shown_fits_a_terminal() {
    let (replica, mut files) = demo();
    files[1]["mysql_conn"]["port"] = json!(3307);
    write_old(replica.home.path(), &[("a.yaml", files[0].to_string()), ("b.yaml", files[1].to_string())]);
    for columns in [80, 200] {
        for verb in [&["init-config"][..], &["convert-config", "--force", "--output", "converted"]] {
            let (code, shown) = Terminal::of_width(columns, &replica, verb, &[]).end();
            assert_eq!(code, Some(0), "{shown}");
            assert_fits(usize::from(columns), verb[0], &shown);
        }
    }
}

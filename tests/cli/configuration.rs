//! What is wrong with the configuration or the command line ends with exit code 2, who is not let in by
//! PostgreSQL with 3; each says what, where and what to do. The password is never shown.

use crate::replica::{PROGRAM, Replica, demo_source, shown};
use assert_cmd::Command;
use chameleon_harness::chameleon::home::{ConfiguredSource, Home, configuration};
use chameleon_harness::live::{Scenario, Step};
use chameleon_harness::process::tools;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use chameleon_harness::server::{self, Address, Server};
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// Odd enough to be mangled by any quoting, and to be found wherever it is shown.
const PASSWORD: &str = r#"S3cret'"\ %20$(id)`&;ü{}"#;

/// The password as libpq wants it in a configuration of pg_chameleon.
fn for_libpq(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, ' ' | '\'' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

fn program(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("HOME", home);
    command
}

/// Runs the program and asserts its exit code and what it shows.
fn ends(case: &str, home: &Path, arguments: &[&str], code: i32, texts: &[&str]) -> String {
    let output = program(home, arguments).output().unwrap();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(code), "{case}:\n{shown}");
    for text in texts {
        assert!(shown.contains(text), "{case}: {text:?} is not in:\n{shown}");
    }
    shown
}

/// A configuration that would do, were there a server.
fn sound() -> Value {
    json!({
        "pg_conn": {"host": "127.0.0.1", "port": 1, "user": "u", "password": "p", "database": "d"},
        "sources": {"replica": {
            "type": "mysql",
            "db_conn": {"host": "h", "port": "3306", "user": "u", "password": "p", "charset": "utf8", "connect_timeout": 1},
            "schema_mappings": {"a": "b"},
        }},
    })
}

const COMMANDS: [&[&str]; 3] = [&["upgrade", "--yes"], &["check"], &["status"]];

#[test]
fn a_configuration_that_is_not_there() {
    let home = Home::new(&sound()).unwrap();
    let folder = home.configuration().parent().unwrap().to_owned();
    fs::copy(home.configuration(), folder.join("other.yml")).unwrap();
    for command in COMMANDS {
        let with = |config: &'static str| [command, &["--config", config]].concat();
        ends(
            "an unknown name",
            home.path(),
            &with("upgrade"),
            2,
            &[
                "there is no configuration named \"upgrade\"",
                "upgrade.yml does not exist",
                "those that exist: \"other\", \"upgraded\"",
                "Nothing was done.",
            ],
        );
        ends(
            "an unknown path",
            home.path(),
            &with("/nowhere/x.yml"),
            2,
            &["no configuration file /nowhere/x.yml"],
        );
        ends("a folder", home.path(), &with("/tmp/"), 2, &["/tmp/ is a folder, not a configuration file"]);
        ends("the default", home.path(), command, 2, &["no configuration named \"default\""]);
    }
    let empty = tempfile::tempdir().unwrap();
    ends(
        "no configuration at all",
        empty.path(),
        &["check"],
        2,
        &["the folder holds no configuration: chameleon-upgrade init-config makes an example"],
    );
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let with_text = |text: &str| Home::with_text(text).unwrap();
    let json = |change: &dyn Fn(&mut Value)| {
        let mut value = sound();
        change(&mut value);
        Home::new(&value).unwrap()
    };
    let cases: Vec<(&str, Home, &[&str])> = vec![
        (
            "not YAML",
            with_text("pg_conn:\n  host: [1\n  port: 2\n"),
            &["upgraded.yml:3:", "this is not YAML"],
        ),
        ("a tab", with_text("pg_conn:\n\thost: x\n"), &["upgraded.yml:2:"]),
        ("nothing", with_text(""), &["is empty: it should hold pg_conn and sources"]),
        (
            // §report-56.
            "one of 1.8.2",
            with_text(
                "my_database: my_shop\ndest_schema: shop\nsource_name: default\nmysql_conn:\n  host: h\n  passwd: p\n\
                 pg_conn:\n  host: h\n  port: 5432\n",
            ),
            &[
                "is a configuration of pg_chameleon 1.x",
                "the line \"my_shop\": \"shop\" in its schema_mappings",
            ],
        ),
        (
            "a key twice",
            with_text("pg_conn:\n  host: a\n  port: 1\n  host: b\n"),
            &["upgraded.yml:4:3", "the key \"host\" is given twice, on line 2 and on line 4"],
        ),
        (
            "a key that is missing",
            json(&|value| {
                value["pg_conn"].as_object_mut().unwrap().remove("user");
            }),
            &["pg_conn.user is missing; expected the name of a role"],
        ),
        (
            "a section that is missing",
            json(&|value| {
                value.as_object_mut().unwrap().remove("sources");
            }),
            &["sources is missing"],
        ),
        (
            "a wrong port",
            json(&|value| value["pg_conn"]["port"] = json!("54e2")),
            &["pg_conn.port is the text \"54e2\""],
        ),
        (
            "a port that is none",
            json(&|value| value["pg_conn"]["port"] = json!(65536)),
            &["expected a TCP port"],
        ),
        (
            "a mode",
            json(&|value| value["pg_conn"]["sslmode"] = json!("on")),
            &["pg_conn.sslmode", "verify-full"],
        ),
        (
            "a source that is none",
            json(&|value| value["sources"]["replica"] = json!(7)),
            &["sources.replica is a number; expected a mapping with type"],
        ),
    ];
    for (case, home, texts) in cases {
        for command in COMMANDS {
            let shown = ends(case, home.path(), &[command, &["--config", "upgraded"]].concat(), 2, texts);
            assert!(shown.trim_end().ends_with("Nothing was done."), "{case}: {shown}");
        }
    }
    let home = with_text("x");
    fs::write(home.configuration(), b"pg_conn:\n  host: caf\xe9\n").unwrap();
    ends(
        "not UTF-8",
        home.path(),
        &["check", "--config", "upgraded"],
        2,
        &["upgraded.yml:2:12: this is not UTF-8"],
    );
    fs::remove_file(home.configuration()).unwrap();
    std::os::unix::fs::symlink(home.configuration(), home.configuration()).unwrap();
    ends("a link to itself", home.path(), &["check", "--config", "upgraded"], 2, &["can't be read: "]);
}

#[test]
fn arguments_that_are_wrong() {
    let home = Home::new(&sound()).unwrap();
    let cases: [(&str, &[&str], &str); 8] = [
        ("a command", &["upgrad"], "unrecognized subcommand 'upgrad'"),
        ("no command", &[], "Usage: chameleon-upgrade"),
        ("an option", &["upgrade", "--forced"], "unexpected argument '--forced'"),
        ("a value", &["check", "--format", "xml"], "invalid value 'xml'"),
        ("a value that is missing", &["check", "--config"], "a value is required"),
        ("a number", &["upgrade", "--patience", "long"], "invalid value 'long'"),
        ("an option of another command", &["status", "--yes"], "unexpected argument '--yes'"),
        ("two that exclude each other", &["status", "-q", "-v"], "cannot be used with"),
    ];
    for (case, arguments, text) in cases {
        ends(case, home.path(), arguments, 2, &[text]);
    }
    ends("help", home.path(), &["--help"], 0, &["Exit codes:", "upgrade"]);
    ends("version", home.path(), &["--version"], 0, &["chameleon-upgrade 0.1.0"]);
}

#[test]
fn a_report_that_cannot_be_written() {
    let replica = Replica::of(&Seed::of([]), &[demo_source()]);
    let before = replica.record();
    for file in ["/nowhere/report.json", "/tmp"] {
        replica
            .upgrade(&["--report", file])
            .code(2)
            .stderr(predicates::str::contains(format!("The report {file} can't be written: ")))
            .stderr(predicates::str::ends_with("Nothing was done.\n"));
    }
    crate::replica::assert_unchanged(&before, &replica.record());
}

/// `pg_conn` of the shared server with these values instead, or without the ones that are null.
fn not_let_in(changes: &Value) -> Home {
    let address = server::shared().unwrap().address();
    let mut value = configuration(address, "postgres", &[demo_source()]);
    let pg_conn = value["pg_conn"].as_object_mut().unwrap();
    for (key, change) in changes.as_object().unwrap() {
        if change.is_null() {
            pg_conn.remove(key)
        } else {
            pg_conn.insert(key.clone(), change.clone())
        };
    }
    Home::new(&value).unwrap()
}

#[test]
fn who_is_not_let_in_is_told_what_to_do() {
    let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let cases: [(&str, Value, &[&str]); 8] = [
        (
            "a wrong password",
            json!({"password": "wr0ng"}),
            &[
                "refused the role postgres for the database postgres: password authentication failed",
                "SQLSTATE 28P01",
                "Correct pg_conn.user and pg_conn.password in the configuration.",
            ],
        ),
        (
            "no password",
            json!({"password": null}),
            &["password", "Set pg_conn.password in the configuration"],
        ),
        (
            "an unknown role",
            json!({"user": "nobody_at_all"}),
            &["refused the role nobody_at_all", "Correct pg_conn.user"],
        ),
        (
            "an unknown database",
            json!({"database": "no_such_database"}),
            &["database \"no_such_database\" does not exist", "Correct pg_conn.database"],
        ),
        (
            "no server",
            json!({"port": port}),
            &["o PostgreSQL server can be reached at 127.0.0.1:", "refused", "Check that the server runs"],
        ),
        (
            "an unknown host",
            json!({"host": "no-such-host.invalid"}),
            &["can be reached at no-such-host.invalid:", "pg_conn.host"],
        ),
        (
            "a socket that is not there",
            json!({"host": "/nowhere"}),
            &["can be reached at /nowhere:", "No such file or directory"],
        ),
        (
            "a server without TLS",
            json!({"sslmode": "require"}),
            &["(sslmode require) fails: the server does not support it", "sslmode"],
        ),
    ];
    for (case, changes, texts) in cases {
        let home = not_let_in(&changes);
        for command in COMMANDS {
            let shown = ends(case, home.path(), &[command, &["--config", "upgraded"]].concat(), 3, texts);
            assert!(!shown.contains("wr0ng"), "{case}: {shown}");
            let last = shown.trim_end().lines().last().unwrap();
            assert!(last.contains("Nothing was changed"), "{case}: {shown}");
        }
    }
}

#[test]
fn a_server_that_is_no_postgresql() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming().take(1) {
            drop(stream.unwrap().write_all(b"220 mail.example ESMTP\r\n"));
        }
    });
    let home = not_let_in(&json!({"port": port, "sslmode": "disable"}));
    ends("SMTP", home.path(), &["check", "--config", "upgraded"], 3, &["127.0.0.1:", "pg_conn.port"]);
    thread.join().unwrap();
}

/// A replica whose role has the odd password.
fn with_the_odd_password() -> Replica {
    let source = Source::new("shop").table(Table::new("items").rows(2)).batch(Batch::open("b.000001:4"));
    let mut replica = Replica::of(&Seed::of([source]), &[]);
    let role = format!("odd_{}", replica.database.name());
    let literal = PASSWORD.replace('\'', "''");
    replica.sql(&format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{literal}'"));
    let sources = [ConfiguredSource::mysql("replica", &[("my_shop", "shop")])];
    replica.configure_as(&role, &for_libpq(PASSWORD), &sources);
    replica
}

#[test]
fn the_password_is_never_shown() {
    let replica = with_the_odd_password();
    let report = replica.home.path().join("report.json");
    let mut told = String::new();
    for arguments in [
        &["check", "-vvv"][..],
        &["check", "-vvv", "--format", "json"],
        &["status", "-vvv"],
        &["upgrade", "--dry-run", "-vvv"],
        &["upgrade", "--yes", "-vvv", "--report", report.to_str().unwrap()],
        &["status", "-vvv", "--format", "json"],
    ] {
        let output = replica.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", shown(&output));
        assert!(!output.stderr.is_empty(), "{arguments:?}: -vvv logs nothing");
        told.push_str(&shown(&output));
    }
    told.push_str(&fs::read_to_string(report).unwrap());

    // Refused with it, and failing while it is read.
    replica.sql(&format!("ALTER ROLE odd_{} PASSWORD 'another'", replica.database.name()));
    for arguments in
        [&["check", "-vvv", "--format", "json"][..], &["upgrade", "--yes", "-vvv"], &["status", "-vvv"]]
    {
        told.push_str(&shown(replica.command(arguments).assert().code(3).get_output()));
    }
    for broken in [format!("{PASSWORD}\\"), format!("'{PASSWORD}"), format!("{PASSWORD} more")] {
        let home = not_let_in(&json!({"password": broken}));
        told.push_str(&ends(
            &broken,
            home.path(),
            &["check", "-vvv", "--config", "upgraded"],
            2,
            &["pg_conn.password"],
        ));
    }
    assert!(told.contains("28P01"), "the refusals are in it");
    for part in ["S3cret", "%20", "$(id)"] {
        assert!(!told.contains(part), "{part} is in:\n{told}");
    }
}

#[test]
fn the_password_is_in_no_command_line() {
    let replica = with_the_odd_password();
    let mut blocker = replica.client();
    let mut transaction = blocker.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE sch_chameleon.t_sources").unwrap();
    let mut child = std::process::Command::new(PROGRAM)
        .args(["upgrade", "--yes", "--offline", "--config", "upgraded"])
        .env("HOME", replica.home.path())
        .spawn()
        .unwrap();
    let mut watcher = replica.client();
    let blocked = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'chameleon-upgrade' AND wait_event_type = 'Lock'";
    while watcher.query_one(blocked, &[]).unwrap().get::<_, i64>(0) == 0 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it came to the lock");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let of_process = |file: &str| fs::read(format!("/proc/{}/{file}", child.id())).unwrap_or_default();
    let command_line = String::from_utf8(of_process("cmdline")).unwrap();
    let titles = "SELECT string_agg(query || application_name, ' ') FROM pg_stat_activity";
    let on_the_server: String = watcher.query_one(titles, &[]).unwrap().get(0);
    assert!(command_line.contains("upgrade"), "{command_line:?}");
    for (place, text) in [("the command line", command_line), ("pg_stat_activity", on_the_server)] {
        assert!(!text.contains("S3cret"), "{place}: {text}");
    }
    transaction.rollback().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_address_of_the_harness_is_what_the_program_reads() {
    // Of the tests themselves: the odd password is quoted for libpq, so it must be the one that is set.
    let replica = with_the_odd_password();
    let address = Address {
        user: format!("odd_{}", replica.database.name()),
        password: PASSWORD.to_owned().into(),
        ..replica.database.address().clone()
    };
    address.connect(replica.database.name()).unwrap();
    replica.command(&["status"]).assert().code(0);
}

/// Each configuration that the real daemon ends at in scenarios/live is warned of, by the name of its key.
#[test]
fn what_the_daemon_ends_at_is_warned_of() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/live/configuration_of_the_daemon.yaml");
    let scenario: Scenario = yaml_serde::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let replica = Replica::demo();
    let sound: Value =
        serde_json::from_str(&fs::read_to_string(replica.home.configuration()).unwrap()).unwrap();
    let warned = |configuration: &Value| {
        fs::write(replica.home.configuration(), configuration.to_string()).unwrap();
        let output = replica.command(&["check", "--format", "json"]).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = said["findings"].as_array().unwrap().iter();
        let of_the_check = findings.filter(|finding| finding["check"] == "daemon-configuration");
        of_the_check
            .map(|finding| format!("{} {}", finding["severity"], finding["found"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(warned(&sound), [""; 0]);
    let ends = scenario.steps.iter().filter_map(|step| match step {
        Step::DaemonEnds(ends) => Some(ends),
        _ => None,
    });
    let mut tried = 0;
    for end in ends {
        let key = end.without.as_ref().or(end.empty.as_ref()).or(end.with.keys().next()).unwrap();
        let [said] = &warned(&end.misconfigured(sound.clone()))[..] else {
            panic!("not one warning of {key}")
        };
        assert!(said.contains("warning") && said.contains(key.as_str()), "{key}: {said}");
        tried += 1;
    }
    assert!(tried > 0, "the scenario names no configuration");
}

/// §accept: what is about the daemon or the configuration can be accepted, and every report shows it.
#[test]
fn an_accepted_error_is_in_every_report() {
    let source = demo_source().with("limit_tables", json!(["my_shop.orders"]));
    let replica = Replica::of(&Seed::demo(), &[source]);
    let before = replica.record();
    replica.refused(&[], &["error    tables-left-out", "leave out "]);
    let accept = ["--accept", "tables-left-out=they are empty"];
    let json = replica.command(&[&["check", "--format", "json"], &accept[..]].concat()).assert().code(0);
    let said: Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    let accepted =
        said["findings"].as_array().unwrap().iter().find(|it| it["severity"] == "accepted").unwrap();
    assert_eq!(accepted["check"], "tables-left-out");
    assert_eq!(accepted["accepted"], "they are empty");
    assert!(accepted["found"].as_str().unwrap().contains("my_shop.order_lines"), "{accepted}");
    for quiet in [&[][..], &["--quiet"]] {
        let text = replica.command(&[&["check"], &accept[..], quiet].concat()).assert().code(0);
        assert!(
            shown(text.get_output()).contains("accepted: they are empty"),
            "{}",
            shown(text.get_output())
        );
    }
    crate::replica::assert_unchanged(&before, &replica.record());
    // What is not accepted still refuses, before the lock and under it.
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    let refused = replica.refused_in("a leftover", &accept, &["error    leftovers", "Refused: 1 error."]);
    assert!(refused.contains("accepted: they are empty"), "{refused}");
    replica.sql("DROP SCHEMA _sch_chameleon_version2");
    let report = replica.home.path().join("report.json");
    let done = replica.upgrade(&[&accept[..], &["--report", report.to_str().unwrap()]].concat()).code(0);
    assert!(shown(done.get_output()).contains("accepted: they are empty"));
    let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    assert!(report["findings"].as_array().unwrap().contains(accepted), "{report:#}");
}

#[test]
fn what_cannot_be_accepted() {
    let replica = Replica::demo();
    let before = replica.record();
    for (accept, text) in [
        ("coordinates=I know", "\"coordinates\" is no check that can be accepted"),
        ("no-such-check=x", "\"no-such-check\" is no check that can be accepted"),
        ("mysql-charset=", "mysql-charset needs a reason"),
        ("mysql-charset", "ID=REASON"),
    ] {
        for command in ["check", "upgrade"] {
            let output = replica.command(&[command, "--accept", accept]).assert().code(2);
            let shown = shown(output.get_output());
            assert!(shown.contains(text), "{shown}");
            assert!(
                accept == "mysql-charset=" || shown.contains("binlog-row-metadata, daemon-configuration"),
                "{shown}"
            );
        }
    }
    crate::replica::assert_unchanged(&before, &replica.record());
}

/// §report-16: the example's my_server_id in two sources of one server.
#[test]
fn two_sources_that_are_one_replica_to_their_server() {
    let sources = [
        ConfiguredSource::mysql("first", &[("my_shop", "shop")]),
        ConfiguredSource::mysql("second", &[("my_stock", "stock")]).with("my_server_id", 100),
    ];
    let replica = Replica::of(&Seed::demo(), &sources);
    let says = "The sources first and second of the configuration read from the same server";
    replica.refused(&[], &["server-id", says, "Give second another my_server_id"]);
    let [first, second] = sources;
    let port = |source: ConfiguredSource, port: &str| {
        source.with(
            "db_conn",
            json!({"host": "127.0.0.1", "port": port, "user": "u", "password": "", "charset": "utf8",
                                      "connect_timeout": 10}),
        )
    };
    let mut replica = replica;
    replica.configure(&[port(first, "3306"), port(second, "3307")]);
    replica.command(&["check"]).assert().code(0);
}

/// The example of the package that is installed, as a text.
fn example(test: &str) -> Option<String> {
    let environment = tools::or_skip(test, tools::chameleon2())?;
    let python = "import pg_chameleon, os; print(open(os.path.join(os.path.dirname(pg_chameleon.__file__), \
                  'configuration/config-example.yml')).read())";
    let output =
        std::process::Command::new(environment.join("bin/python")).args(["-c", python]).output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What the harness configures is the example that comes with pg_chameleon, but for what every user must change.
#[test]
fn the_configuration_of_the_harness_is_the_example_of_the_package() {
    let Some(text) = example("the_configuration_of_the_harness_is_the_example_of_the_package") else {
        return;
    };
    let mut theirs: Value = yaml_serde::from_str(&text).unwrap();
    let replica = Replica::demo();
    let mut ours: Value =
        serde_json::from_str(&fs::read_to_string(replica.home.configuration()).unwrap()).unwrap();
    let source = |whole: &mut Value, name: &str| whole["sources"][name].take();
    let (mut their_source, mut our_source) = (source(&mut theirs, "mysql"), source(&mut ours, "replica"));
    // Where the programs write is where their output is read here.
    for (value, keys) in [(&mut theirs, ["sources", "log_dest"]), (&mut ours, ["sources", "log_dest"])] {
        keys.iter().for_each(|key| drop(value.as_object_mut().unwrap().remove(*key).unwrap()));
    }
    for key in ["host", "port", "user", "password", "database"] {
        let types: Vec<_> = [&mut theirs, &mut ours].map(|it| it["pg_conn"][key].take().is_string()).into();
        assert_eq!(types, [true, true], "{key}");
    }
    for key in ["host", "user", "password"] {
        drop([&mut their_source, &mut our_source].map(|it| it["db_conn"][key].take()));
    }
    for key in ["schema_mappings", "limit_tables", "skip_tables", "skip_events"] {
        drop([&mut their_source, &mut our_source].map(|it| it[key].take()));
    }
    // Their `No` is a boolean in the YAML of pg_chameleon, and a text in that of this test.
    assert_eq!(their_source["keep_existing_schema"], "No");
    their_source["keep_existing_schema"] = json!(false);
    assert_eq!(ours, theirs);
    assert_eq!(our_source, their_source);
}

/// §report-57: the example with nothing changed but the accounts and the mappings of the first source. What 1.7 knows
/// nothing of is named with its lines; once they are removed, what is left of the example is harmless.
#[test]
fn the_example_of_the_package_is_told_what_to_change() {
    let Some(text) = example("the_example_of_the_package_is_told_what_to_change") else { return };
    let replica = Replica::demo();
    let configuration = replica.home.configuration();
    let ours: Value = serde_json::from_str(&fs::read_to_string(&configuration).unwrap()).unwrap();
    let begin = text.find("pg_conn:").unwrap();
    let end = text.find("sources:").unwrap();
    let text = format!("{}pg_conn: {}\n\n{}", &text[..begin], ours["pg_conn"], &text[end..]);
    let text =
        text.replacen("delphis_mediterranea: loxodonta_africana", "my_shop: shop\n      my_stock: stock", 1);
    fs::write(&configuration, &text).unwrap();
    let output = replica.command(&["check"]).assert().code(3);
    let said = shown(output.get_output());
    let lines = said
        .split("The source pgsql of the configuration (lines ")
        .nth(1)
        .unwrap_or_else(|| panic!("{said}"));
    let mut numbers = lines.split(|c: char| !c.is_ascii_digit()).filter_map(|it| it.parse::<usize>().ok());
    let (first, last) = (numbers.next().unwrap(), numbers.next().unwrap());
    let without = |(number, _): &(usize, &str)| !(first..=last).contains(number);
    let rest: Vec<_> = (1..).zip(text.lines()).filter(without).map(|(_, line)| line).collect();
    fs::write(&configuration, rest.join("\n")).unwrap();
    let output = replica.command(&["check"]).assert().code(0);
    let said = shown(output.get_output());
    assert!(said.contains("info     daemon-configuration"), "{said}");
    assert!(said.contains("limit_tables names delphis_mediterranea.foo"), "{said}");
    assert!(!said.contains("warning  daemon-configuration"), "{said}");
}

//! What pg_chameleon 2.0.21 makes of a value was measured: its connection string to PostgreSQL and its
//! arguments to PyMySQL were recorded while it ran with such a configuration.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::mapping::MappingPair;

const PG_CONN: &str = "\
pg_conn:
  host: localhost
  port: \"5432\"
  user: usr_replica
  password: never_commit_passwords
  database: db_replica
  charset: utf8
";

const SOURCES: &str = "\
sources:
  mysql:
    db_conn:
      host: localhost
      port: 3306
      user: usr_replica
      password: 'xyzzy'
      charset: utf8
      connect_timeout: 10
    schema_mappings:
      delphis_mediterranea: loxodonta_africana
    lock_timeout: 10s
    replay_max_rows: 500
    type: mysql
";

fn parse(text: &str) -> Result<Configuration, ConfigurationError> {
    Configuration::parse("default.yml".into(), text)
}

fn refusal(text: &str) -> String {
    parse(text).map(|_| ()).unwrap_err().to_string()
}

/// The ordinary configuration with one line replaced; all of them have one such line only.
fn with(line: &str, replacement: &str) -> String {
    let whole = format!("{PG_CONN}{SOURCES}");
    assert_eq!(whole.matches(line).count(), 1, "{line}");
    whole.replace(line, replacement)
}

fn with_password(password: &str) -> String {
    with("  password: never_commit_passwords\n", &format!("  password: {password}\n"))
}

fn pair(source_schema: &str, dest_schema: &str) -> MappingPair {
    MappingPair { source_schema: source_schema.to_owned(), dest_schema: dest_schema.to_owned() }
}

#[test]
fn an_ordinary_configuration_is_read_whole() {
    let Configuration { path, pg, sources, .. } = parse(&format!("{PG_CONN}{SOURCES}")).unwrap();
    assert_eq!(path, Path::new("default.yml"));
    assert_eq!(
        (&*pg.host, &*pg.port, &*pg.user, &*pg.database),
        ("localhost", "5432", "usr_replica", "db_replica")
    );
    assert_eq!(pg.password.unwrap().expose(), "never_commit_passwords");
    assert_eq!((pg.settings.len(), pg.misread_password), (0, None));
    let [source] = <[NewSource; 1]>::try_from(sources).unwrap();
    assert_eq!((&*source.name, source.at, source.source_type), ("mysql", 9, SourceType::Mysql));
    assert_eq!(source.schema_mappings, [pair("delphis_mediterranea", "loxodonta_africana")]);
    assert_eq!((source.replay_max_rows, source.lock_timeout), (500, Duration::from_secs(10)));
    let mysql = source.mysql.unwrap();
    assert_eq!(
        (&*mysql.host, mysql.port, &*mysql.user, &*mysql.charset),
        ("localhost", 3306, "usr_replica", "utf8")
    );
    assert_eq!((mysql.connect_timeout, mysql.tls), (Duration::from_secs(10), None));
    assert_eq!(mysql.password.unwrap().expose(), "xyzzy");
}

#[test]
fn sources_keep_the_order_of_the_file_and_may_share_settings() {
    let text = format!(
        "{PG_CONN}shared: &shared
  type: mysql
  db_conn: &conn {{host: h, port: 1, user: u, password: p, charset: utf8, connect_timeout: 5}}
sources:
  zebra: {{<<: *shared, schema_mappings: {{z: a, \"a b\": \"c,d\"}}}}
  aardvark:
    <<: *shared
    db_conn: {{<<: *conn, port: '2'}}
    schema_mappings: {{}}
  other: {{type: pgsql}}
  strange: {{type: oracle}}
"
    );
    let sources = parse(&text).unwrap().sources;
    let names: Vec<_> = sources.iter().map(|source| (&*source.name, source.at)).collect();
    assert_eq!(names, [("zebra", 12), ("aardvark", 13), ("other", 17), ("strange", 18)]);
    assert_eq!(sources[0].schema_mappings, [pair("z", "a"), pair("a b", "c,d")]);
    let port = |source: &NewSource| source.mysql.as_ref().map(|mysql| mysql.port);
    assert_eq!(sources.iter().map(port).collect::<Vec<_>>(), [Some(1), Some(2), None, None]);
    assert_eq!(sources[2].source_type, SourceType::Pgsql);
    assert_eq!(sources[3].source_type, SourceType::Other("oracle".to_owned()));
    assert_eq!((sources[2].replay_max_rows, sources[2].lock_timeout), (10_000, Duration::from_secs(120)));
}

#[test]
fn what_is_missing_is_named() {
    for (line, expected) in [
        ("  host: localhost\n  port: \"5432\"\n", "1:1: pg_conn.host is missing; expected a host"),
        ("  port: \"5432\"\n", "1:1: pg_conn.port is missing; expected a TCP port"),
        (
            "  user: usr_replica\n  password: never",
            "1:1: pg_conn.user is missing; expected the name of a role",
        ),
        ("  database: db_replica\n", "1:1: pg_conn.database is missing; expected the name of the database"),
        ("      port: 3306\n", "10:5: sources.mysql.db_conn.port is missing; expected a TCP port"),
        ("      password: 'xyzzy'\n", "10:5: sources.mysql.db_conn.password is missing; expected a password"),
        ("      charset: utf8\n", "10:5: sources.mysql.db_conn.charset is missing; expected a character set"),
        ("      connect_timeout: 10\n", "10:5: sources.mysql.db_conn.connect_timeout is missing; expected"),
        ("    type: mysql\n", "9:3: sources.mysql.type is missing; expected mysql or pgsql"),
    ] {
        let rest = if line.ends_with("never") { "  password: never" } else { "" };
        let found = refusal(&with(line, rest));
        assert!(found.starts_with(&format!("default.yml:{expected}")), "{line:?}: {found}");
    }
    assert_eq!(
        refusal(PG_CONN),
        "default.yml:1:1: sources is missing; expected a mapping of the sources by their names"
    );
    assert_eq!(
        refusal(SOURCES),
        "default.yml:1:1: pg_conn is missing; expected a mapping with host, port, user, password and database"
    );
    let mappings = "    schema_mappings:\n      delphis_mediterranea: loxodonta_africana\n";
    assert_eq!(
        refusal(&with(mappings, "")),
        "default.yml:9:3: sources.mysql.schema_mappings is missing; expected a mapping of schemas of the \
         source to schemas of PostgreSQL"
    );
    assert_eq!(
        refusal(&with(mappings, "    schema_mappings:\n")),
        "default.yml:17:5: sources.mysql.schema_mappings is empty; expected a mapping of schemas of the \
         source to schemas of PostgreSQL"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_key() {
    let port = "; expected a TCP port, from 1 to 65535";
    for (line, replacement, expected) in [
        ("      port: 3306\n", "      port: 0\n", format!("12:13: sources.mysql.db_conn.port is the number 0{port}")),
        ("      port: 3306\n", "      port: 65536\n", format!("12:13: sources.mysql.db_conn.port is the number 65536{port}")),
        ("      port: 3306\n", "      port: abc\n", format!("12:13: sources.mysql.db_conn.port is the text \"abc\"{port}")),
        ("      port: 3306\n", "      port:\n", format!("12:7: sources.mysql.db_conn.port is empty{port}")),
        ("      port: 3306\n", "      port: on\n", format!("12:13: sources.mysql.db_conn.port is the boolean true (so YAML reads yes, no, on and off){port}")),
        ("      port: 3306\n", "      port:\n        - 1\n", format!("12:7: sources.mysql.db_conn.port is a list{port}")),
        ("  port: \"5432\"\n", "  port: 1:30:00:00\n", format!("3:9: pg_conn.port is the number 324000{port}")),
        ("  port: \"5432\"\n", "  port: 5432.0\n", format!("3:9: pg_conn.port is the number 5432.0{port}")),
        ("  user: usr_replica\n  p", "  user: ''\n  p", "4:9: pg_conn.user is an empty text; expected the name of a role".to_owned()),
        ("  user: usr_replica\n  p", "  user: 2001-01-01 10:00:00\n  p", "4:9: pg_conn.user is the date and time 2001-01-01 10:00:00; expected the name of a role".to_owned()),
        ("  charset: utf8\nsources:\n", "  charset: utf8\n  sslmode: no\nsources:\n", "8:12: pg_conn.sslmode is the boolean false (so YAML reads yes, no, on and off); expected disable, allow, prefer, require, verify-ca or verify-full".to_owned()),
        ("  charset: utf8\nsources:\n", "  charset: utf8\n  sslmode: Require\nsources:\n", "8:12: pg_conn.sslmode is the text \"Require\"; expected disable, allow, prefer, require, verify-ca or verify-full".to_owned()),
        ("    lock_timeout: 10s\n", "    lock_timeout: 10 parsecs\n", "19:19: sources.mysql.lock_timeout is the text \"10 parsecs\"; expected a time as PostgreSQL writes it, such as 120s, 2min or 500ms, of at most 24 days".to_owned()),
        ("    lock_timeout: 10s\n", "    lock_timeout: 25d\n", "19:19: sources.mysql.lock_timeout is the text \"25d\"; expected a time as PostgreSQL writes it, such as 120s, 2min or 500ms, of at most 24 days".to_owned()),
        ("    replay_max_rows: 500\n", "    replay_max_rows: none\n", "20:22: sources.mysql.replay_max_rows is the text \"none\"; expected a number of rows, from 1 to 2147483647".to_owned()),
        ("      delphis_mediterranea: lox", "      no: lox", "18:7: a key of sources.mysql.schema_mappings is the boolean false (so YAML reads yes, no, on and off); expected a text: put it in quotes".to_owned()),
        (": loxodonta_africana\n", ": 2024\n", "18:29: sources.mysql.schema_mappings.delphis_mediterranea is the number 2024; expected the name of a schema of PostgreSQL, as a text: put it in quotes".to_owned()),
        ("  mysql:\n", "  \"my.source\": []\n  mysql:\n", "9:3: sources.\"my.source\" is a list; expected a mapping with type, db_conn and schema_mappings".to_owned()),
        ("  mysql:\n", "  12: []\n  mysql:\n", "9:3: a key of sources is the number 12; expected a text: put it in quotes".to_owned()),
        ("    type: mysql\n", "    type: [mysql]\n", "21:5: sources.mysql.type is a list; expected mysql or pgsql, beside db_conn".to_owned()),
    ] {
        assert_eq!(refusal(&with(line, replacement)), format!("default.yml:{expected}"));
    }
    for (text, expected) in [
        ("- a\n", "default.yml:1:1: the document is a list; expected a mapping with pg_conn and sources"),
        (
            "pg_conn: x\n",
            "default.yml:1:10: pg_conn is a text; expected a mapping with host, port, user, password and database",
        ),
        ("", "default.yml is empty: it should hold pg_conn and sources"),
        ("# only a comment\n", "default.yml is empty: it should hold pg_conn and sources"),
        (
            "a: 1\nb: 2\na: 3\n",
            "default.yml:3:1: the same key is given twice, on line 1 and on line 3: keep one of them",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
    assert_eq!(
        refusal(&format!("{PG_CONN}sources: {{}}\n")),
        "default.yml:8:1: sources names no source; expected a mapping of the sources by their names"
    );
}

/// What libpq finds in the connection string that pg_chameleon 2.0.21 writes.
#[test]
fn a_password_is_what_libpq_would_get() {
    for (written, password) in [
        ("s3cret", "s3cret"),
        ("007", "7"),
        ("0x10", "16"),
        ("'007'", "007"),
        ("yes", "True"),
        ("1.10", "1.1"),
        ("1:30", "90"),
        ("2001-12-14", "2001-12-14"),
        ("\"it's\"", "it's"),
        ("\"'a b'\"", "a b"),
        ("'a\\\\b'", "a\\b"),
        ("'a\\b'", "ab"),
        ("'a\\ b'", "a b"),
        ("' lead'", "lead"),
    ] {
        let password_found = parse(&with_password(written)).unwrap().pg.password.unwrap();
        assert_eq!(password_found.expose(), password, "{written}");
    }
    // An empty one in libpq's notation: the password file is asked, and PGPASSWORD is not.
    let pg = parse(&with_password("\"''\"")).unwrap().pg;
    assert_eq!((pg.password.unwrap().expose(), pg.misread_password), ("", None));
    for (none, misread) in [
        ("", MisreadPassword::Null),
        ("~", MisreadPassword::Null),
        ("''", MisreadPassword::Empty),
        ("' '", MisreadPassword::Empty),
    ] {
        let pg = parse(&with_password(none)).unwrap().pg;
        assert!(pg.password.is_none(), "{none}");
        assert_eq!(pg.misread_password, Some(misread), "{none}");
    }
    let pg = parse(&with("  password: never_commit_passwords\n", "")).unwrap().pg;
    assert!(pg.password.is_none());
    assert_eq!(pg.misread_password, Some(MisreadPassword::Missing));
}

#[test]
fn no_message_shows_a_password() {
    for (written, found) in [
        ("'xyz zy'", "holds a space without quotes, which pg_chameleon can't connect with"),
        ("\"'xyzzy\"", "begins with a quote that nothing closes"),
        ("'xyzzy\\'", "ends in a backslash"),
        ("'xyzzy xyzzy=xyzzy'", "holds another setting of libpq"),
        ("2001-12-14 21:59:43", "is a date and time"),
        ("\"xyzzy\\0\"", "holds a NUL character"),
        ("[xyzzy]", "is a list"),
    ] {
        let message = refusal(&with_password(written));
        assert!(message.contains(&format!(": pg_conn.password {found}; expected ")), "{message}");
        assert!(message.starts_with("default.yml:5:") && !message.contains("xyzzy"), "{message}");
    }
    for (written, expected) in [
        ("!xyzzy", "a tag that has no place in a configuration"),
        ("!xyzzy {}", "a tag that has no place in a configuration"),
        ("0xyzzy: 1", "this is not YAML: "),
        ("*xyzzy", "this is not YAML: "),
        ("&xyzzy\nx: &xyzzy", "the name of this anchor is already taken"),
        ("0x_", "this reads as a whole number and is none"),
        ("2024-13-45", "this reads as a date and is none"),
    ] {
        let message = refusal(&with_password(written));
        assert!(message.contains(expected) && !message.contains(written), "{message}");
        assert!(!message.contains("xyzzy"), "{message}");
    }
    for url in ["pg_conn: postgres://u:xyzzy@h/d\n", "postgres://u:xyzzy@h/d"] {
        assert!(!refusal(url).contains("xyzzy"));
    }
    let mysql = refusal(&with("      password: 'xyzzy'\n", "      password: 2001-12-14 21:59:43\n"));
    assert!(mysql.contains("db_conn.password is a date and time; expected"), "{mysql}");
    let configuration = parse(&format!("{PG_CONN}{SOURCES}")).unwrap();
    let shown = format!("{configuration:?}");
    assert!(
        shown.contains("[hidden]") && !shown.contains("xyzzy") && !shown.contains("never_commit"),
        "{shown}"
    );
}

fn settings(pg: &PostgresConnection) -> Vec<(&str, &str)> {
    pg.settings.iter().map(|(keyword, value)| (*keyword, &**value)).collect()
}

#[test]
fn tls_to_postgresql_is_asked_for_as_libpq_names_it() {
    for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
        let text = with(
            "  charset: utf8\nsources:\n",
            &format!("  sslmode: {mode}\n  sslrootcert: /ca.pem\nsources:\n"),
        );
        let pg = parse(&text).unwrap().pg;
        assert_eq!(settings(&pg), [("sslmode", mode), ("sslrootcert", "/ca.pem")]);
    }
    let smuggled = "  database: \"db sslmode = 'verify-full' sslrootcert=/my\\\\ ca\"\n";
    let pg = parse(&with("  database: db_replica\n", smuggled)).unwrap().pg;
    assert_eq!(&*pg.database, "db");
    assert_eq!(settings(&pg), [("sslmode", "verify-full"), ("sslrootcert", "/my ca")]);
    let both = format!("{smuggled}  sslmode: require\n");
    let pg = parse(&with("  database: db_replica\n", &both)).unwrap().pg;
    assert_eq!(settings(&pg)[0], ("sslmode", "require"));
}

/// §report-38: hosted servers want settings of libpq that pg_chameleon has no key for.
#[test]
fn other_settings_of_libpq_may_stand_in_the_values() {
    let database = "  database: \"db options=endpoint\\\\=x target_session_attrs=primary application_name=a requiressl=1\"\n";
    let pg = parse(&with("  database: db_replica\n", database)).unwrap().pg;
    assert_eq!(
        settings(&pg),
        [("options", "endpoint=x"), ("sslmode", "require"), ("target_session_attrs", "primary")]
    );
    // The last one wins, as in the string that pg_chameleon writes: dbname, user, host, password, port.
    let pg = parse(&with("  database: db_replica\n", "  database: \"db user=other port=1\"\n")).unwrap().pg;
    assert_eq!((&*pg.user, &*pg.port), ("usr_replica", "5432"));
    let pg = parse(&with("  port: \"5432\"\n", "  port: '5432 user=other'\n")).unwrap().pg;
    assert_eq!((&*pg.user, &*pg.port), ("other", "5432"));
    let pg = parse(
        &with("pg_conn:\n  host: localhost\n", "pg_conn:\n  host: 'a,,@b'\n").replace("\"5432\"", "'1,,2'"),
    )
    .unwrap()
    .pg;
    assert_eq!((&*pg.host, &*pg.port), ("a,,@b", "1,,2"));
    for (found, replaced, message) in [
        (
            "pg_conn:\n  host: localhost\n",
            "pg_conn:\n  host: 'h sslpassword=xyzzy'\n",
            "pg_conn.host holds another setting of libpq, sslpassword; expected no other",
        ),
        (
            "pg_conn:\n  host: localhost\n",
            "pg_conn:\n  host: 'h sslmode=on'\n",
            "pg_conn.host holds another setting of libpq, sslmode; expected disable, allow,",
        ),
        (
            "  port: \"5432\"\n",
            "  port: '5432,x'\n",
            "pg_conn.port is the text \"5432,x\"; expected a TCP port, from 1 to 65535",
        ),
        // §hunt-24: a URL may hold a password.
        (
            "pg_conn:\n  host: localhost\n",
            "pg_conn:\n  host: 'postgres://u:xyzzy@h/d'\n",
            "pg_conn.host is a URL; expected a host, an address or the folder of a socket",
        ),
    ] {
        let refusal = refusal(&with(found, replaced));
        assert!(refusal.contains(message) && !refusal.contains("xyzzy"), "{refusal}");
    }
}

/// With a CA the server is checked; PyMySQL's own `ssl_ca` alone would not (measured with 2.2.8).
#[test]
fn tls_to_mysql_is_asked_for_as_pymysql_names_it() {
    let tls = |keys: &str| {
        let text = with("      charset: utf8\n", &format!("      charset: utf8\n{keys}"));
        parse(&text).unwrap().sources.remove(0).mysql.unwrap().tls
    };
    let ca = |verify_certificate, verify_identity| {
        Some(MysqlTls { ca: Some("/ca".into()), verify_certificate, verify_identity, ..MysqlTls::default() })
    };
    assert_eq!(tls("      ssl_ca: /ca\n"), ca(true, false));
    assert_eq!(tls("      ssl_ca: /ca\n      ssl_verify_cert: no\n"), ca(false, false));
    assert_eq!(tls("      ssl_ca: /ca\n      ssl_verify_identity: 'true'\n"), ca(true, true));
    assert_eq!(tls("      ssl_ca: /ca\n      ssl_disabled: yes\n"), None);
    assert_eq!(tls("      ssl_disabled: no\n"), None);
    assert_eq!(tls("      ssl: {ca: /ca}\n"), ca(true, true));
    assert_eq!(tls("      ssl: {ca: /ca, check_hostname: off}\n"), ca(true, false));
    assert_eq!(tls("      ssl: {ca: /ca, verify_mode: none}\n"), ca(false, false));
    assert_eq!(tls("      ssl: {}\n"), Some(MysqlTls::default()));
    assert_eq!(
        tls("      ssl_cert: /c\n      ssl_key: /k\n"),
        Some(MysqlTls { cert: Some("/c".into()), key: Some("/k".into()), ..MysqlTls::default() })
    );
    assert_eq!(
        refusal(&with("      charset: utf8\n", "      charset: utf8\n      ssl: yes please\n")),
        "default.yml:16:12: sources.mysql.db_conn.ssl is a text; expected a mapping with ca, \
         cert, key, verify_mode or check_hostname"
    );
}

fn home_with(configurations: &[&str]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".pg_chameleon/configuration");
    fs::create_dir_all(&folder).unwrap();
    for name in configurations {
        fs::write(folder.join(name), format!("{PG_CONN}{SOURCES}")).unwrap();
    }
    home
}

#[test]
fn a_name_or_a_path_is_found() {
    let home = home_with(&["default.yml", "my replica.v2.yml"]);
    let folder = home.path().join(".pg_chameleon/configuration");
    for name in ["default", "my replica.v2"] {
        let path = Configuration::load(name, home.path()).unwrap().path;
        assert_eq!(path, folder.join(format!("{name}.yml")));
    }
    let path = folder.join("default.yml");
    let elsewhere = Path::new("/nonexistent");
    assert_eq!(Configuration::load(path.to_str().unwrap(), elsewhere).unwrap().path, path);
}

#[test]
fn a_configuration_that_cannot_be_had_is_told_apart() {
    let home = home_with(&["b.yml", "a\"b.yml", "notes.txt"]);
    let folder = home.path().join(".pg_chameleon/configuration");
    let load = |name: &str| Configuration::load(name, home.path()).map(|_| ()).unwrap_err().to_string();
    let folder_shown = folder.display();
    assert_eq!(
        load("c"),
        format!(
            "there is no configuration named \"c\": {folder_shown}/c.yml does not exist (those that exist: \"a\\\"b\", \"b\")"
        )
    );
    assert_eq!(
        load(".."),
        format!(
            "there is no configuration named \"..\": {folder_shown}/...yml does not exist (those that exist: \"a\\\"b\", \"b\")"
        )
    );
    for name in ["", "a\nb", "a\0b", "\u{1b}[31m"] {
        assert!(load(name).starts_with(&format!("{name:?} is not the name of a configuration")));
    }
    assert_eq!(load("/nowhere/x.yml"), "there is no configuration file /nowhere/x.yml");
    let dir = format!("{folder_shown}/");
    assert_eq!(load(&dir), format!("{dir} is a folder, not a configuration file"));
    fs::write(folder.join("latin1.yml"), b"a: 1\n# caf\xe9\n").unwrap();
    assert_eq!(
        load("latin1"),
        format!("{folder_shown}/latin1.yml:2:6: this is not UTF-8: save the file as UTF-8")
    );
    fs::write(folder.join("large.yml"), vec![b'#'; (4 << 20) + 1]).unwrap();
    assert_eq!(
        load("large"),
        format!("{folder_shown}/large.yml is larger than 4194304 bytes: it is no configuration file")
    );
    let no_folder = folder.join("b.yml");
    let message = Configuration::load("default", &no_folder).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("can't be read: Not a directory"), "{message}");
    let empty = tempfile::tempdir().unwrap();
    let message = Configuration::load("default", empty.path()).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("the folder holds no configuration"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_panics_or_shows_the_password(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "pg_conn:\n", "  host: h\n", "  port: 1\n", "  user: u\n", "  password: xyzzy\n",
                "  database: d\n", "sources:\n", "  m:\n", "    type: mysql\n", "    db_conn: {}\n",
                "    schema_mappings: {a: b}\n", "- ", "[", "\t", "*x", "&x ", "<<: ", "? ",
            ]),
            0..30,
        )
    ) {
        if let Err(error) = parse(&pieces.concat()) {
            prop_assert!(!error.to_string().contains("xyzzy"));
        }
    }

    #[test]
    fn any_name_survives_in_a_mapping(source in "[^\0]+", dest in "[^\0]+") {
        let quote = |text: &str| serde_json::to_string(text).unwrap().replace('\u{7f}', "\\x7f");
        let escaped = |text: &str| -> String {
            quote(text).chars().map(|c| match c {
                ' '..='~' => c.to_string(),
                _ => format!("\\U{:08X}", u32::from(c)),
            }).collect()
        };
        let line = format!("      {}: {}\n", escaped(&source), escaped(&dest));
        let configuration =
            parse(&with("      delphis_mediterranea: loxodonta_africana\n", &line)).unwrap();
        prop_assert_eq!(&configuration.sources[0].schema_mappings, &[pair(&source, &dest)]);
    }
}

#[test]
fn what_the_daemon_lacks_is_told() {
    let told = |text: &str| {
        let read = parse(text).unwrap();
        let all = read.daemon_requirements.iter().chain(&read.sources[0].daemon_requirements);
        all.map(|it| it.what.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&format!("{PG_CONN}{SOURCES}")),
        [
            "log_days_keep, log_dest, log_dir, log_level, pid_dir, rollbar_env and rollbar_key are missing",
            "batch_retention, limit_tables, my_server_id, on_error_replay, replica_batch_size, skip_tables and sleep_loop are missing",
        ]
    );
    let keys = "    limit_tables:\n    skip_tables:\n    my_server_id: 1\n    replica_batch_size: 1\n    batch_retention: 1 day\n    \
                sleep_loop: 1\n    on_error_replay: exit\n";
    let top = "pid_dir: x\nlog_dir: x\nlog_level: info\nlog_dest: file\nlog_days_keep: 1\nrollbar_key: ''\nrollbar_env: ''\n";
    let whole = format!("{top}{PG_CONN}{SOURCES}{keys}");
    assert_eq!(told(&whole), [""; 0]);
    assert_eq!(told(&whole.replace("    limit_tables:\n", "")), ["limit_tables is missing"]);
    assert_eq!(told(&whole.replace("sleep_loop: 1", "sleep_loop:")), ["sleep_loop is empty"]);
    assert_eq!(told(&format!("{whole}    skip_events:\n")), ["skip_events is empty"]);
    assert_eq!(told(&format!("{whole}    skip_events: {{}}\n")), [""; 0]);
    assert_eq!(told(&whole.replace("rollbar_key: ''\n", "")), ["rollbar_key is missing"]);
    assert_eq!(
        told(&whole.replace("log_dest: file", "log_dest: syslog")),
        ["log_dest is the text \"syslog\""]
    );
    assert_eq!(told(&whole.replace("log_dest: file", "log_dest: stdout")), [""; 0]);
}

#[test]
fn the_daemon_reads_the_tables_that_its_lists_leave() {
    let lists = "    limit_tables: [a.one, a.two]\n    skip_tables:\n      - b.three\n      - a.two\n";
    let read = parse(&format!("{PG_CONN}{SOURCES}{lists}")).unwrap();
    let tables = &read.sources[0].tables;
    let are_read = [("a", "one"), ("a", "two"), ("a", "other"), ("b", "three"), ("b", "other"), ("c", "one")];
    assert_eq!(
        are_read.map(|(schema, table)| tables.are_read(schema, table)),
        [true, false, false, false, true, true]
    );
    assert!(
        parse(&format!("{PG_CONN}{SOURCES}    skip_tables: none\n")).unwrap().sources[0]
            .tables
            .are_read("a", "b")
    );
}

/// §hunt-24: whatever stands in the place of another value may be a password, or have one in it.
#[test]
fn no_message_shows_what_may_be_a_secret() {
    let url = "postgres://u:s3cret@h/d";
    let host = "  host: localhost\n  port: \"5432\"\n";
    let mut wrong = vec![
        with(host, &format!("  host: \"{url}' x\"\n  port: 1\n")),
        with(host, &format!("  host: localhost\n  port: {url}\n")),
        with(host, "  host: localhost\n  port: {s3cret: 1}\n"),
        with("  user: usr_replica\n  password: never", "  user: \"s3cret '\"\n  password: never"),
        with("  database: db_replica\n", "  database: \"host='s3cret\"\n"),
        with("  charset: utf8\nsources:\n", &format!("  charset: utf8\n  sslmode: {url}\nsources:\n")),
        with("      port: 3306\n", &format!("      port: {url}\n")),
        with("      charset: utf8\n", "      charset: utf8\n      ssl_verify_cert: s3cret\n"),
        with("      charset: utf8\n", "      charset: utf8\n      ssl: s3cret:x\n"),
        with("      password: 'xyzzy'\n", "      password:\n        s3cret:\n        s3cret:\n"),
        with("      password: 'xyzzy'\n", "      password: [s3cret]\n"),
        with("      password: 'xyzzy'\n", "      password: !s3cret x\n"),
        with("      password: 'xyzzy'\n", "      password: &s3cret\n"),
        with("      password: 'xyzzy'\n", "      password: *s3cret\n"),
        with("      password: 'xyzzy'\n", "      password: \"s3cret\\q\"\n"),
        with("      password: 'xyzzy'\n", "      password: s3cret: x\n"),
        with("    lock_timeout: 10s\n", &format!("    lock_timeout: {url}\n")),
        format!("pg_conn: {url}\n"),
        format!("{PG_CONN}sources: {url}\n"),
    ];
    wrong.push(with("    db_conn:\n", "    db_conn: s3cret\n    other:\n"));
    let refused: Vec<_> =
        wrong.iter().filter_map(|text| parse(text).err()).map(|error| error.to_string()).collect();
    assert!(refused.len() > wrong.len() / 2, "{refused:?}");
    for said in refused {
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// §report-54: what people get wrong in writing YAML, told so that it can be found.
#[test]
fn slips_in_writing_are_told_as_such() {
    let pair = "      delphis_mediterranea: loxodonta_africana\n";
    let mappings = format!("    schema_mappings:\n{pair}");
    for (text, expected) in [
        (
            with(pair, "      delphis:loxodonta\n"),
            "schema_mappings is a text: YAML wants a blank after each colon",
        ),
        (
            with(pair, "      a:b\n      c:d\n"),
            "schema_mappings is a text: YAML wants a blank after each colon",
        ),
        (with(pair, "      a:b\n      c: d\n"), "one above it lacks the blank after its colon"),
        (with(pair, "\ta: b\n"), "a tab stands where YAML takes only spaces"),
        (with(&mappings, "    schema_mappings: {}\n"), ""),
        (
            with(&mappings, "      schema_mappings:\n        a: b\n"),
            "schema_mappings is missing, because it stands under db_conn (line 17): indent it as far as db_conn itself",
        ),
        (
            with("    type: mysql\n", "")
                .replace("      charset: utf8\n", "      charset: utf8\n      type: mysql\n"),
            "type is missing, because it stands under db_conn (line 16)",
        ),
    ] {
        match parse(&text) {
            Ok(_) => assert_eq!(expected, "", "{text}"),
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
        }
    }
}

/// §report-57: the second source of pg_chameleon's example has everything under db_conn, its type too.
#[test]
fn the_second_source_of_the_example_is_known_by_its_lines() {
    let second = "  pgsql:\n    db_conn:\n      host: h\n      schema_mappings:\n        a: b\n      type: pgsql\n\nfillfactor:\n";
    let sources = parse(&format!("{PG_CONN}{SOURCES}{second}")).unwrap().sources;
    assert_eq!(sources[1].source_type, SourceType::Pgsql);
    assert_eq!((sources[1].at, sources[1].last_line), (22, 27));
}

/// §hunt-11, §hunt-12 and §report-6: each was tried on the real daemon, which takes True for one and goes through a
/// text letter by letter.
#[test]
fn what_the_daemon_trips_over_is_told() {
    let of = |line: &str| {
        let text = format!("{PG_CONN}{SOURCES}    {line}\n");
        let configuration = parse(&text).unwrap_or_else(|error| panic!("{error}"));
        let key = line.split(':').next().unwrap().to_owned();
        let found = configuration.sources[0].daemon_requirements.iter();
        found
            .filter(|it| it.what.starts_with(&key) && !it.what.ends_with(" missing"))
            .map(|it| it.harm)
            .collect::<Vec<_>>()
    };
    for well in [
        "my_server_id: 100",
        "my_server_id: yes",
        "my_server_id: 4294967295",
        "sleep_loop: 0",
        "sleep_loop: 0.5",
        "replica_batch_size: 10000",
        "replica_batch_size: -1",
        "batch_retention:",
        "batch_retention: 1 day",
        "batch_retention: '5'",
        "limit_tables:",
        "limit_tables: []",
        "limit_tables: no",
        "limit_tables: [delphis_mediterranea.foo, delphis_mediterranea.bar]",
        "skip_tables: shop",
        "auto_maintenance: disabled",
        "auto_maintenance: 1 month",
        "auto_maintenance:",
        "skip_tables: {delphis_mediterranea: x}",
        "skip_events: {insert: , delete: , update: }",
        "skip_events: {insert: [delphis_mediterranea]}",
        "skip_events: []",
    ] {
        assert_eq!(of(well), [], "{well}");
    }
    for ends in [
        "my_server_id: '100'",
        "my_server_id:",
        "my_server_id: -1",
        "my_server_id: 1.5",
        "my_server_id: [1]",
        "sleep_loop: '1'",
        "sleep_loop: -1",
        "sleep_loop:",
        "replica_batch_size: '10000'",
        "replica_batch_size:",
        "batch_retention: 1",
        "batch_retention: ''",
        "batch_retention: day",
        "batch_retention: yes",
        "limit_tables: delphis_mediterranea.foo",
        "limit_tables: 5",
        "limit_tables: [5]",
        "limit_tables: [delphis_mediterranea, delphis_mediterranea]",
        "skip_tables: [delphis_mediterranea.a, delphis_mediterranea]",
        "skip_tables: [[a, b]]",
        "skip_events:",
        "skip_events: 1",
        "skip_events: no",
        "skip_events: {insert: 5}",
        "skip_events: [insert]",
        "auto_maintenance: never",
        "auto_maintenance: 5",
    ] {
        assert_eq!(of(ends), [Harm::Ends], "{ends}");
    }
    assert_eq!(of("skip_tables: [other.foo]"), [Harm::None]);
    let percent = parse(&format!("{PG_CONN}{SOURCES}").replace("  mysql:\n", "  '50%':\n")).unwrap();
    assert!(percent.sources[0].daemon_requirements.iter().any(|it| it.harm == Harm::EndsForGood));
}

/// What sync_tables, refresh_schema and init_replica of 2.0.21 were seen to do with each.
#[test]
fn a_character_set_that_the_copies_end_at_is_told() {
    for (charset, copy_mode, ends) in [
        ("utf8", "file", false),
        ("utf8mb4", "file", true),
        ("UTF8MB3", "file", true),
        ("utf8mb4", "direct", false),
    ] {
        let text = format!("{PG_CONN}{SOURCES}    copy_mode: {copy_mode}\n")
            .replace("      charset: utf8\n", &format!("      charset: {charset}\n"));
        let found =
            parse(&text).unwrap().sources[0].daemon_requirements.iter().any(|it| it.harm == Harm::CopiesEnd);
        assert_eq!(found, ends, "{charset}, {copy_mode}");
    }
}

#[test]
fn what_the_lists_leave_out_is_read_as_the_daemon_reads_it() {
    let of = |lines: &str| parse(&format!("{PG_CONN}{SOURCES}{lines}")).unwrap().sources[0].tables.clone();
    let set =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert!(of("    limit_tables:\n    skip_tables: []\n").left_out().is_empty());
    let lists = of("    limit_tables: [s.a, s.b.c, t]\n    skip_tables: [s.a, u]\n");
    let Selection { schemas, but, tables } = lists.left_out();
    assert_eq!(schemas, ["s".to_owned(), "t".to_owned()].into());
    assert_eq!(but, set(&[("s", "a"), ("s", "b")]));
    assert_eq!(tables, set(&[("s", "a")]));
    assert!(!lists.are_read("s", "a") && lists.are_read("s", "b") && !lists.are_read("s", "c"));
    assert!(!lists.are_read("t", "a") && lists.are_read("u", "a"));
    // In a text it looks for a part of it.
    let lists = of("    skip_events: {insert: [s, t.a], update: delphis_mediterranea.foo}\n");
    let events: Vec<_> = lists.skipped_events().collect();
    assert_eq!(events[0].0, "insert");
    assert_eq!((&events[0].1.schemas, &events[0].1.tables), (&["s".to_owned()].into(), &set(&[("t", "a")])));
    assert_eq!((events[1].0, &events[1].1.schemas), ("update", &["delphis_mediterranea".to_owned()].into()));
}

#[test]
fn the_types_that_are_made_to_others() {
    let overridden =
        "type_override:\n  \"TINYINT(1)\":\n    override_to: boolean\n    override_tables:\n      - \"*\"\n";
    let configuration = parse(&format!("{overridden}{PG_CONN}{SOURCES}")).unwrap();
    assert_eq!(configuration.overridden_types.iter().collect::<Vec<_>>(), ["tinyint(1)"]);
    for none in ["", "type_override:\n", "type_override: yes\n"] {
        assert!(parse(&format!("{none}{PG_CONN}{SOURCES}")).unwrap().overridden_types.is_empty());
    }
}

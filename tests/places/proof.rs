//! How somebody proves who he is, and where the proof is found; lists of hosts, sockets, services.

use crate::arena::{Arena, Case, ODD_PASSWORD, PASSWORD};

const NOT_SO: &str = "pg_chameleon writes an empty password without quotes, and libpq takes the port for it; the upgrader does \
                      what was meant, and warns";

#[test]
fn a_password_from_every_place() {
    let Some(arena) = Arena::start("a_password_from_every_place") else { return };
    let port = arena.port();
    let by_password = ["by_scram", "by_md5", "by_password"];
    for role in by_password {
        let case = |place: &str| arena.case(&format!("{role}, {place}"), role);
        let right = format!("127.0.0.1:{port}:replica:{role}:{PASSWORD}");
        case("the configuration").with("password", PASSWORD).tls();
        case("the configuration, wrong").with("password", "wrong").out();
        case("the configuration before the file").with("password", "wrong").pgpass(&right).out();
        case("the configuration before the environment")
            .with("password", PASSWORD)
            .env("PGPASSWORD", "wrong")
            .tls();
        case("nowhere").out();
        case("the file").pgpass(&right).tls();
        case("the file, and sslmode disable").setting("sslmode=disable").pgpass(&right).plain();
        case("a file that its group can read").file(".pgpass", &right, 0o640).out();
        case("a file that others can read").file(".pgpass", &right, 0o604).out();
        case("another role's line").pgpass(&format!("127.0.0.1:{port}:replica:postgres:{PASSWORD}")).out();
        case("a wrong line before the right one").pgpass(&format!("*:*:*:{role}:wrong\n{right}")).out();
        case("the environment, and nothing in the configuration")
            .without("password")
            .env("PGPASSWORD", PASSWORD)
            .tls();
        case("the environment, where the configuration says none").env("PGPASSWORD", PASSWORD).out();
    }
    let case = |name: &str| arena.case(name, "by_scram");
    let any = format!("*:*:*:*:{PASSWORD}");
    case("asterisks").pgpass(&any).tls();
    case("a comment and an empty line").pgpass(&format!("# {any}\n\n*:{port}:*:by_scram:{PASSWORD}")).tls();
    case("only a comment").pgpass(&format!("# {any}")).out();
    case("carriage returns").pgpass(&format!("{any}\r")).tls();
    case("no end of the line").file(".pgpass", &any, 0o600).tls();
    case("read-only file").file(".pgpass", &any, 0o400).tls();
    case("another port").pgpass(&format!("*:1:*:*:{PASSWORD}")).out();
    case("another database").pgpass(&format!("*:*:postgres:*:{PASSWORD}")).out();
    case("the name is not the address")
        .with("host", "localhost")
        .pgpass(&format!("127.0.0.1:*:*:*:{PASSWORD}"))
        .out();
    case("the name").with("host", "localhost").pgpass(&format!("localhost:*:*:*:{PASSWORD}")).tls();
    case("an address for the name")
        .with("host", "nowhere.example hostaddr=127.0.0.1")
        .pgpass(&format!("nowhere.example:*:*:*:{PASSWORD}"))
        .tls();
    case("an address by the environment")
        .with("host", "nowhere.example")
        .env("PGHOSTADDR", "127.0.0.1")
        .with("password", PASSWORD)
        .tls();
    case("an address that is none").env("PGHOSTADDR", "nowhere").with("password", PASSWORD).out();
    case("a colon in the database").database("a:b").pgpass(&format!("*:*:a\\:b:*:{PASSWORD}")).tls();
    case("a colon without its backslash").database("a:b").pgpass(&format!("*:*:a:b:*:{PASSWORD}")).tls();
    case("another file").env("PGPASSFILE", "${home}/passwords").file("passwords", &any, 0o600).tls();
    case("another file, too open")
        .env("PGPASSFILE", "${home}/passwords")
        .file("passwords", &any, 0o644)
        .out();
    case("another file that is not there").env("PGPASSFILE", "${home}/passwords").pgpass(&any).out();
    case("another file by the configuration")
        .with("database", "replica passfile=${home}/passwords")
        .file("passwords", &any, 0o600)
        .tls();
    case("a folder").env("PGPASSFILE", "${home}").out();
    case("an empty password in the file").pgpass("*:*:*:*:").out();
    let odd = |name: &str| arena.case(name, "odd");
    odd("escapes in the file").pgpass("*:*:*:*:a\\:b\\\\c'd e").tls();
    odd("a colon as it is ends it").pgpass("*:*:*:*:a:b\\\\c'd e").out();
    odd("a backslash as it is").pgpass("*:*:*:*:a:b\\c'd e").out();
    odd("quotes in the configuration").with("password", "'a:b\\\\c\\'d e'").tls();
    odd("backslashes in the configuration").with("password", "a:b\\\\c\\'d\\ e").tls();
    odd("the environment").without("password").env("PGPASSWORD", ODD_PASSWORD).tls();
    // Nobody is asked.
    arena.case("trust", "trusted").tls();
    arena.case("trust, whatever the password", "trusted").with("password", "wrong").tls();
    arena.case("reject", "banned").with("password", PASSWORD).out();
    arena.case("GSSAPI", "by_gss").with("password", PASSWORD).out();
    arena.case("no such role", "nobody_at_all").with("password", PASSWORD).out();
    arena.case("no such database", "trusted").database("nowhere").out();
    // §report-18.
    case("an empty password").with("password", "").pgpass(&any).only_we_get_in(true, NOT_SO);
    case("an empty password, the environment")
        .with("password", "")
        .env("PGPASSWORD", PASSWORD)
        .only_we_get_in(true, NOT_SO);
}

#[test]
fn the_rules_of_the_server_decide() {
    let Some(arena) = Arena::start("the_rules_of_the_server_decide") else { return };
    let with = |role: &str, mode: &str, password: &str| {
        arena
            .case(&format!("{role}, {mode}, {password}"), role)
            .with("password", password)
            .with("sslmode", mode)
    };
    with("only_tls", "disable", PASSWORD).out();
    with("only_tls", "allow", PASSWORD).tls();
    with("only_tls", "prefer", PASSWORD).tls();
    with("only_tls", "require", PASSWORD).tls();
    with("only_plain", "disable", PASSWORD).plain();
    with("only_plain", "allow", PASSWORD).plain();
    with("only_plain", "prefer", PASSWORD).plain();
    with("only_plain", "require", PASSWORD).out();
    // libpq asks once more after a wrong password, in the other way.
    with("better_plain", "prefer", "wrong").plain();
    with("better_plain", "require", "wrong").out();
    with("better_tls", "allow", "wrong").tls();
    with("better_tls", "disable", "wrong").out();
}

#[test]
fn sockets() {
    let Some(arena) = Arena::start("sockets") else { return };
    let (folder, port) = (arena.socket(), arena.port());
    let case = |name: &str, role: &str| arena.case(name, role).with("host", &folder);
    case("trust", "trusted").plain();
    case("sslmode counts for nothing", "trusted").setting("sslmode=verify-full").plain();
    case("scram", "by_scram").with("password", PASSWORD).plain();
    case("md5", "by_md5").with("password", PASSWORD).plain();
    case("the file knows the folder", "by_scram").pgpass(&format!("{folder}:{port}:*:*:{PASSWORD}")).plain();
    case("localhost is the usual folder only", "by_scram")
        .pgpass(&format!("localhost:{port}:*:*:{PASSWORD}"))
        .out();
    case("peer", "by_peer").plain();
    case("peer of another name", "stranger").with("password", PASSWORD).out();
    case("another port", "trusted").with("port", "1").out();
    case("no such folder", "trusted").with("host", "/nowhere/at/all").out();
    let hidden = format!("@{folder}");
    case("without a file", "trusted").with("host", &hidden).plain();
    case("without a file, scram", "by_scram")
        .with("host", &hidden)
        .pgpass(&format!("{hidden}:*:*:*:{PASSWORD}"))
        .plain();
    case("a socket or an address", "trusted").with("host", &format!("/nowhere,127.0.0.1,{folder}")).tls();
    case("an address or a socket", "trusted").with("host", &format!("{folder},127.0.0.1")).plain();
    // With an address the host is a name for the certificate only.
    case("an address for a socket", "trusted").env("PGHOSTADDR", "127.0.0.1").tls();
}

/// §hunt-22, §report-38.
#[test]
fn lists_of_hosts() {
    let Some(arena) = Arena::start("lists_of_hosts") else { return };
    let Some(mut standby) = Arena::start("lists_of_hosts") else { return };
    standby.client().batch_execute("ALTER ROLE by_scram PASSWORD 'other'").unwrap();
    standby.stand_by();
    let (port, other) = (arena.port(), standby.port());
    let case = |name: &str, role: &str| arena.case(name, role);
    let both = |case: Case| case.with("host", "127.0.0.1,127.0.0.1").with("port", &format!("{port},{other}"));
    let turned =
        |case: Case| case.with("host", "127.0.0.1,127.0.0.1").with("port", &format!("{other},{port}"));
    case("two names of one", "trusted").with("host", "127.0.0.1,127.0.0.1").tls();
    case("nobody listens at the first", "trusted")
        .with("host", "127.0.0.1,127.0.0.1")
        .with("port", &format!("1,{port}"))
        .tls();
    case("the first has no address", "trusted").with("host", "nowhere.invalid,127.0.0.1").tls();
    case("nobody listens at all", "trusted").with("host", "127.0.0.1,127.0.0.1").with("port", "1").out();
    case("too many ports", "trusted")
        .with("host", "127.0.0.1,127.0.0.1")
        .with("port", &format!("{port},{port},{port}"))
        .out();
    case("too many ports for one", "trusted").with("port", &format!("{port},{port}")).out();
    case("addresses for names", "trusted")
        .with("host", "a.invalid,b.invalid")
        .env("PGHOSTADDR", "127.0.0.1,127.0.0.1")
        .tls();
    case("too few addresses", "trusted")
        .with("host", "a.invalid,b.invalid")
        .env("PGHOSTADDR", "127.0.0.1")
        .out();
    both(case("the first", "trusted")).tls();
    turned(case("the first of them, turned", "trusted")).on(&standby).tls();
    // Who answers has answered.
    both(case("the first lets nobody in", "by_scram")).with("password", "other").out();
    turned(case("the password is the second's", "by_scram")).with("password", PASSWORD).out();
    let file = format!("127.0.0.1:{port}:*:*:{PASSWORD}\n127.0.0.1:{other}:*:*:other");
    both(case("each has its password", "by_scram")).pgpass(&file).tls();
    turned(case("each has its password, turned", "by_scram")).pgpass(&file).on(&standby).tls();
    let wanting = |name: &str, role: &str, attributes: &str| {
        turned(case(&format!("{name}, {attributes}"), role)).env("PGTARGETSESSIONATTRS", attributes)
    };
    wanting("standby first", "trusted", "any").on(&standby).tls();
    wanting("standby first", "trusted", "primary").tls();
    wanting("standby first", "trusted", "read-write").tls();
    both(case("primary first, standby", "trusted")).env("PGTARGETSESSIONATTRS", "standby").on(&standby).tls();
    both(case("primary first, prefer-standby", "trusted"))
        .env("PGTARGETSESSIONATTRS", "prefer-standby")
        .on(&standby)
        .tls();
    both(case("primary first, read-only", "trusted"))
        .env("PGTARGETSESSIONATTRS", "read-only")
        .on(&standby)
        .tls();
    both(case("a reader's own setting", "reader")).env("PGTARGETSESSIONATTRS", "read-only").tls();
    both(case("a reader who would write", "reader")).setting("target_session_attrs=read-write").out();
    wanting("standby first", "reader", "primary").tls();
    wanting("standby first", "trusted", "master").out();
    case("no standby", "trusted").setting("target_session_attrs=prefer-standby").tls();
    case("no standby", "trusted").setting("target_session_attrs=standby").out();
    both(case("each has its password, and only the second will do", "by_scram"))
        .pgpass(&file)
        .env("PGTARGETSESSIONATTRS", "standby")
        .on(&standby)
        .tls();
    // It isn't ready yet.
    case("a time", "trusted").env("PGCONNECT_TIMEOUT", "20").tls();
    case("a time that is none", "trusted").env("PGCONNECT_TIMEOUT", "soon").out();
    case("an empty time", "trusted").env("PGCONNECT_TIMEOUT", "").out();
}

#[test]
fn services_and_options() {
    let Some(arena) = Arena::start("services_and_options") else { return };
    let service = "# ours\n[other]\nsslmode=disable\n\n[ours]\n  sslmode=verify-full  \noptions=-c geqo_seed=0.5\n[more]\nsslmode=disable\n";
    let plain =
        "[ours]\nsslmode=disable\nhost=nowhere\nport=1\nuser=nobody\ndbname=nowhere\npassword=wrong\n";
    let case = |name: &str| arena.case(name, "trusted").env("PGSERVICE", "ours");
    case("the service says no more than is left").file(".pg_service.conf", plain, 0o644).plain();
    case("the service says what is left").file(".pg_service.conf", service, 0o644).out();
    case("the configuration comes first")
        .with("sslmode", "require")
        .file(".pg_service.conf", service, 0o644)
        .options("0.5")
        .tls();
    case("before the environment").env("PGSSLMODE", "require").file(".pg_service.conf", plain, 0o644).plain();
    case("another file").env("PGSERVICEFILE", "${home}/services").file("services", plain, 0o644).plain();
    case("another file that is not there")
        .env("PGSERVICEFILE", "${home}/services")
        .file(".pg_service.conf", plain, 0o644)
        .out();
    case("the system's").env("PGSYSCONFDIR", "${home}/etc").file("etc/pg_service.conf", plain, 0o644).plain();
    case("the user's before the system's")
        .env("PGSYSCONFDIR", "${home}/etc")
        .file("etc/pg_service.conf", plain, 0o644)
        .file(".pg_service.conf", "[ours]\nsslmode=require\n", 0o644)
        .tls();
    case("the system's knows it")
        .env("PGSYSCONFDIR", "${home}/etc")
        .file("etc/pg_service.conf", plain, 0o644)
        .file(".pg_service.conf", "[others]\nsslmode=require\n", 0o644)
        .plain();
    case("nobody knows it").env("PGSYSCONFDIR", "${home}").out();
    case("spaces").file(".pg_service.conf", "[ours]\nsslmode = disable\n", 0o644).out();
    case("no setting of libpq").file(".pg_service.conf", "[ours]\nmode=disable\n", 0o644).out();
    case("one that names another").file(".pg_service.conf", "[ours]\nservice=other\n", 0o644).out();
    arena
        .case("named by the configuration", "trusted")
        .setting("service=ours")
        .file(".pg_service.conf", plain, 0o644)
        .plain();
    arena.case("an empty name", "trusted").env("PGSERVICE", "").out();
    let role = |name: &str| arena.case(name, "by_scram").without("password");
    let with_password = format!("[ours]\npassword={PASSWORD}\n");
    role("a password by the service")
        .env("PGSERVICE", "ours")
        .env("PGPASSWORD", "wrong")
        .file(".pg_service.conf", &with_password, 0o600)
        .tls();
    // A role that nobody may become ends the session.
    arena.case("options by the environment", "trusted").env("PGOPTIONS", "-c no_such_setting=1").out();
    arena.case("options by the configuration", "trusted").setting("options=-cno_such_setting\\=1").out();
    arena
        .case("good options", "trusted")
        .setting("options='-c geqo_seed=0.25'")
        .env("PGOPTIONS", "-c no_such_setting=1")
        .options("0.25")
        .tls();
    arena.case("GSSAPI's encryption is not insisted on", "trusted").env("PGGSSENCMODE", "disable").tls();
    arena.case("GSSAPI's encryption is insisted on", "trusted").env("PGGSSENCMODE", "require").out();
    arena.case("no mode of GSSAPI's encryption", "trusted").env("PGGSSENCMODE", "maybe").out();
    for (name, value) in [
        ("PGCLIENTENCODING", "LATIN1"),
        ("PGTZ", "Asia/Tokyo"),
        ("PGDATESTYLE", "German"),
        ("LANG", "ja_JP.UTF-8"),
        ("PGAPPNAME", "somebody"),
        ("PGHOST", "nowhere"),
        ("PGPORT", "1"),
        ("PGUSER", "nobody"),
        ("PGDATABASE", "nowhere"),
    ] {
        arena.case(name, "trusted").env(name, value).tls();
    }
}

//! pg_dump goes where the session is, in the same way: each place that says something of the connection says it to pg_dump
//! too, by way of its environment. §backup, §libpq-places.

use crate::arena::{Arena, Case, ODD_PASSWORD, PASSWORD};
use crate::certificates::{Pair, signed};

#[test]
fn what_lets_the_session_in_lets_pg_dump_in() {
    let Some(arena) = Arena::start("what_lets_the_session_in_lets_pg_dump_in") else { return };
    let case = |name: &str, role: &str| arena.case(name, role);
    let (port, folder) = (arena.port(), arena.socket());
    let root = arena.authority.pem();
    let Pair { certificate, key } = signed("by_cert", &arena.authority);
    let any = format!("*:*:*:*:{PASSWORD}");
    let service = |text: &str| format!("[mine]\n{text}\n");
    let at_home = |case: Case, name: &str, text: &str| case.file(&format!(".postgresql/{name}"), text, 0o600);

    case("the configuration", "by_scram").with("password", PASSWORD).backs_up();
    case("a password with signs in it", "odd").without("password").env("PGPASSWORD", ODD_PASSWORD).backs_up();
    case("the configuration before the environment", "by_scram")
        .with("password", PASSWORD)
        .env("PGPASSWORD", "wrong")
        .env("PGUSER", "nobody")
        .env("PGDATABASE", "nowhere")
        .env("PGHOST", "nowhere.invalid")
        .env("PGPORT", "1")
        .backs_up();
    case("the password file", "by_scram").pgpass(&any).backs_up();
    case("another password file", "by_scram")
        .env("PGPASSFILE", "${home}/passwords")
        .file("passwords", &any, 0o600)
        .backs_up();
    case("a service's password, and the configuration's before it", "by_scram")
        .with("password", PASSWORD)
        .env("PGSERVICE", "mine")
        .file(".pg_service.conf", &service("password=wrong"), 0o600)
        .backs_up();
    case("a service's password", "by_scram")
        .without("password")
        .env("PGSERVICE", "mine")
        .file(".pg_service.conf", &service(&format!("password={PASSWORD}")), 0o600)
        .backs_up();
    case("a service that asks for TLS", "only_tls")
        .with("password", PASSWORD)
        .setting("service=mine")
        .file(".pg_service.conf", &service("sslmode=require"), 0o600)
        .backs_up();
    case("no TLS", "only_plain").with("password", PASSWORD).setting("sslmode=disable").backs_up();
    case("TLS by the environment", "only_tls")
        .with("password", PASSWORD)
        .env("PGSSLMODE", "require")
        .backs_up();
    let full = case("verify-full", "only_tls").with("password", PASSWORD).with("host", "localhost");
    at_home(full.with("sslmode", "verify-full"), "root.crt", &root).backs_up();
    case("verify-full by an address for the name", "only_tls")
        .with("password", PASSWORD)
        .with("host", "localhost")
        .env("PGHOSTADDR", "127.0.0.1")
        .file("root.pem", &root, 0o600)
        .with("sslmode", "verify-full")
        .with("sslrootcert", "${home}/root.pem")
        .backs_up();
    let by_cert = case("a certificate at home", "by_cert").setting("sslmode=require");
    at_home(at_home(by_cert, "postgresql.crt", &certificate), "postgresql.key", &key).backs_up();
    case("a certificate by the configuration", "by_cert")
        .setting("sslmode=require")
        .file("c.pem", &certificate, 0o600)
        .file("k.pem", &key, 0o600)
        .with("sslcert", "${home}/c.pem")
        .with("sslkey", "${home}/k.pem")
        .backs_up();
    case("channel binding", "by_scram")
        .with("password", PASSWORD)
        .env("PGCHANNELBINDING", "require")
        .backs_up();
    case("a socket", "by_scram").with("host", &folder).with("password", PASSWORD).backs_up();
    case("a socket without a file", "trusted").with("host", &format!("@{folder}")).backs_up();
    case("a list of hosts", "by_scram")
        .with("host", &format!("/nowhere,nowhere.invalid,127.0.0.1,{folder}"))
        .pgpass(&format!("{folder}:*:*:*:wrong\n127.0.0.1:{port}:*:*:{PASSWORD}"))
        .env("PGTARGETSESSIONATTRS", "read-write")
        .backs_up();
    case("a colon in the database", "trusted").database("a:b").backs_up();
    case("sessions that are read-only by default", "reader").backs_up();
    case("options", "trusted").env("PGOPTIONS", "-c geqo_seed=0.5").options("0.5").backs_up();
}

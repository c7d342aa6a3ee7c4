//! What an administrator reads when nobody is let in.

use crate::arena::{Arena, PASSWORD};

#[test]
fn a_refusal_says_where_the_password_comes_from() {
    let Some(arena) = Arena::start("a_refusal_says_where_the_password_comes_from") else { return };
    let case = || arena.case("a wrong password", "by_scram");
    case()
        .with("password", "wrong")
        .says(&["Correct pg_conn.user and pg_conn.password in the configuration."]);
    case()
        .pgpass("*:*:*:*:wrong")
        .says(&["The password comes from the password file ${home}/.pgpass: correct it there"]);
    case()
        .without("password")
        .env("PGPASSWORD", "wrong")
        .says(&["The password comes from PGPASSWORD in the environment"]);
    case().says(&[
        "Set pg_conn.password in the configuration: the server asks for one, and libpq's password file",
    ]);
    case()
        .env("PGPASSWORD", PASSWORD)
        .says(&["PGPASSWORD is not asked, because pg_conn.password is there, if empty."]);
    let open = case().file(".pgpass", &format!("*:*:*:*:{PASSWORD}"), 0o644);
    open.says(&[
        "the password file ${home}/.pgpass is not used: its group or others have access to it (chmod 600 it)",
    ]);
    let service = case().without("password").env("PGSERVICE", "ours").file(
        ".pg_service.conf",
        "[ours]\npassword=wrong",
        0o600,
    );
    service.says(&["The password comes from the service file ${home}/.pg_service.conf"]);
}

/// What 2.0.21 makes of it was measured: the strings that it gave libpq were recorded.
#[test]
fn a_password_that_pg_chameleon_misreads_is_told() {
    let Some(arena) = Arena::start("a_password_that_pg_chameleon_misreads_is_told") else { return };
    let case = || arena.case("a misread password", "trusted");
    let remedy = "Write password: \"''\" (two single quotes within double ones) when none is meant";
    for (case, text) in [
        (
            case().without("password"),
            "pg_conn of the configuration: password is missing. Every command of pg_chameleon",
        ),
        (
            case().with("password", ""),
            "password is an empty text. pg_chameleon 2.0.21 writes it without quotes, and libpq",
        ),
        (case().empty("password"), "password is empty. pg_chameleon 2.0.21 takes the word None for it"),
    ] {
        case.command_says("check", &["daemon-configuration", text, remedy]);
    }
}

/// §report-39: a server that asks for what can't be given has answered.
#[test]
fn a_server_that_answered_was_reached() {
    let Some(arena) = Arena::start("a_server_that_answered_was_reached") else { return };
    let port = arena.port();
    let place = format!("the PostgreSQL server at 127.0.0.1:{port}");
    for mode in ["disable", "require"] {
        let place = place.replacen("the", "The", 1);
        arena.case("gss", "by_gss").with("sslmode", mode).says(&[
            &format!("{place} asks the role by_gss for GSSAPI (Kerberos), which chameleon-upgrade can't do."),
            "Put a line before the one that asks for it in the server's pg_hba.conf, which lets by_gss in",
        ]);
    }
    arena
        .case("require_auth", "by_password")
        .with("password", PASSWORD)
        .env("PGREQUIREAUTH", "scram-sha-256,md5")
        .says(&[
            "asks the role by_password for a password in clear, which require_auth does not allow.",
            "PGREQUIREAUTH in the environment",
        ]);
    arena.case("the list", "trusted").with("host", "127.0.0.1,nowhere.invalid").with("port", "1,2").says(&[
        "No PostgreSQL server can be reached at 127.0.0.1:1, nowhere.invalid:2: 127.0.0.1:1: Connection refused",
    ]);
    arena.case("unfit", "trusted").setting("target_session_attrs=standby").says(&[
        &format!("None of the PostgreSQL servers at 127.0.0.1:{port} is fit: it is no standby."),
        "PGTARGETSESSIONATTRS in the environment",
    ]);
    arena.case("a value", "trusted").env("PGSSLMODE", "always").says(&[
        "sslmode is \"always\" in PGSSLMODE in the environment; it should be disable, allow, prefer,",
    ]);
    arena
        .case("a service", "trusted")
        .env("PGSERVICE", "ours")
        .env("PGSYSCONFDIR", "/nowhere")
        .says(&["there is no service \"ours\" in ${home}/.pg_service.conf, /nowhere/pg_service.conf."]);
    let key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let certificate = crate::certificates::signed("by_cert", &arena.authority).certificate;
    let encrypted = arena.case("an encrypted key", "by_cert").with("sslmode", "require");
    let encrypted = encrypted.file(".postgresql/postgresql.crt", &certificate, 0o644);
    encrypted.clone().file(".postgresql/postgresql.key", key, 0o600).says(&[
        "the private key ${home}/.postgresql/postgresql.key is encrypted, which chameleon-upgrade can't read.",
        "openssl pkey -in KEY -out NEW",
    ]);
    encrypted
        .file(".postgresql/postgresql.key", key, 0o644)
        .says(&["is open to its group or to others.", "chmod 600 it"]);
    for (name, value, text) in [
        (
            "PGGSSENCMODE",
            "require",
            "encryption by GSSAPI (gssencmode require), asked for in PGGSSENCMODE in the environment",
        ),
        (
            "PGSSLROOTCERT",
            "/nowhere",
            "sslmode verify-ca needs the certificates of the authorities that vouch for the server, and /nowhere is not there.",
        ),
    ] {
        arena.case(name, "trusted").setting("sslmode=verify-ca").env(name, value).says(&[text]);
    }
    let system = arena.case("system", "trusted").with("host", "localhost").setting("sslrootcert=system");
    system.says(&["(sslmode verify-full) fails: invalid peer certificate: UnknownIssuer."]);
}

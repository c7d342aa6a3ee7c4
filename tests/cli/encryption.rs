//! TLS to PostgreSQL as libpq's `sslmode` has it, on a real server with certificates of a real authority.
//! The server itself says (`pg_stat_ssl`) whether the session was encrypted.

use crate::replica::{PROGRAM, shown};
use chameleon_harness::chameleon::home::{ConfiguredSource, Home, configuration};
use chameleon_harness::process::tools;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use chameleon_harness::server::{self, Address, LocalOptions, LocalServer, Server, build, local};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const PASSWORD: &str = "pa55";

/// The role `postgres` comes in either way; the others are named after their rule.
const RULES: &str = "\
host      all postgres   127.0.0.1/32 scram-sha-256
hostssl   all only_tls   127.0.0.1/32 scram-sha-256
hostnossl all only_plain 127.0.0.1/32 scram-sha-256
hostssl   all by_cert    127.0.0.1/32 cert
hostssl   all by_both    127.0.0.1/32 scram-sha-256 clientcert=verify-full
";

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name` and its key, as PEM.
fn certificate(name: &str, issuer: &Issuer) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

/// What `openssl req -x509` makes: a server that is its own authority.
fn self_signed(expired: bool) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    if expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// A server with TLS, its authority and files for clients.
struct Encrypted {
    server: LocalServer,
    authority: Issuer,
    files: TempDir,
}

impl Encrypted {
    /// A server whose certificate is `localhost`'s, with a catalogue whose version says who reads it, and how.
    /// None for a test that is skipped: a server that can't encrypt.
    fn start(test: &str) -> Option<Self> {
        let authority = authority("the authority");
        let server = local(&LocalOptions::default()).unwrap();
        let mut client = server.address().connect("postgres").unwrap();
        tools::of_postgres_or_skip(test, build::has_tls(&mut client))?;
        let source =
            Source::new("shop").table(Table::new("items").rows(2)).batch(Batch::open("mysql-bin.000007:200"));
        Seed::of([source]).create(&mut client).unwrap();
        for role in ["only_tls", "only_plain", "by_cert", "by_both"] {
            let create = format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{PASSWORD}'");
            client.batch_execute(&create).unwrap();
        }
        client
            .batch_execute(
                "CREATE OR REPLACE VIEW sch_chameleon.v_version AS
                     SELECT format('seen:%s:%s.', current_user, ssl) COLLATE \"default\" AS t_version
                     FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            )
            .unwrap();
        drop(client);
        let data = server.folder().join("data");
        let settings = "ssl = on\nssl_ca_file = 'root.crt'\n";
        OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .unwrap()
            .write_all(settings.as_bytes())
            .unwrap();
        fs::write(data.join("pg_hba.conf"), RULES).unwrap();
        give(&data, "root.crt", &authority.pem());
        let mut encrypted = Self { server, authority, files: tempfile::tempdir().unwrap() };
        let pair = certificate("localhost", &encrypted.authority);
        encrypted.show(&pair);
        Some(encrypted)
    }

    /// From now on the server shows this certificate.
    fn show(&mut self, (certificate, key): &(String, String)) {
        let data = self.server.folder().join("data");
        give(&data, "server.crt", certificate);
        give(&data, "server.key", key);
        self.server.restart().unwrap();
    }

    /// A file for clients.
    fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.files.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Whether the session is encrypted. The refusal of an unknown version shows it.
    fn connect(&self, case: &Case) -> Result<bool, String> {
        let Err(shown) = status(self.server.address(), case) else {
            panic!("{}: no such version", case.name)
        };
        let Some((_, seen)) = shown.split_once("seen:") else { return Err(shown) };
        let (role, ssl) = seen.split_once('.').and_then(|(seen, _)| seen.split_once(':')).unwrap();
        assert_eq!(role, case.role, "{}", case.name);
        Ok(ssl == "t")
    }

    fn assert(&self, cases: &[(Case, Expected)]) {
        for (case, expected) in cases {
            expected.hold_against(case, self.connect(case));
        }
    }
}

/// A file of the server, in its folder, closed to others.
fn give(data: &Path, name: &str, text: &str) {
    let path = data.join(name);
    fs::write(&path, text).unwrap();
    let owner = fs::metadata(data).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// How somebody connects.
struct Case {
    name: String,
    role: &'static str,
    host: &'static str,
    keys: Value,
}

fn case(name: &str, role: &'static str, host: &'static str, keys: Value) -> Case {
    Case { name: name.to_owned(), role, host, keys }
}

/// What comes of it.
enum Expected {
    Encrypted,
    Plain,
    Refused(&'static [&'static str]),
}

impl Expected {
    fn hold_against(&self, Case { name, .. }: &Case, outcome: Result<bool, String>) {
        match (self, outcome) {
            (Self::Encrypted, Ok(true)) | (Self::Plain, Ok(false)) => {}
            (Self::Refused(texts), Err(shown)) => {
                for text in *texts {
                    assert!(shown.contains(text), "{name}: {text:?} is not in:\n{shown}");
                }
            }
            (_, outcome) => panic!("{name}: {outcome:?}"),
        }
    }
}

/// Runs `status`, which opens one session; Err is what a refusal shows.
fn status(address: &Address, case: &Case) -> Result<(), String> {
    let password =
        if case.role == "postgres" { address.password.clone() } else { PASSWORD.to_owned().into() };
    let address =
        Address { host: case.host.to_owned(), user: case.role.to_owned(), password, ..address.clone() };
    let sources = [ConfiguredSource::mysql("replica", &[("my_shop", "shop")])];
    let mut text = configuration(&address, "postgres", &sources);
    for (key, value) in case.keys.as_object().unwrap() {
        text["pg_conn"][key] = value.clone();
    }
    let home = Home::new(&text).unwrap();
    let output = assert_cmd::Command::new(PROGRAM)
        .args(["status", "--config", "upgraded"])
        .env("HOME", home.path())
        .output()
        .unwrap();
    match output.status.code() {
        Some(0) => Ok(()),
        Some(3) => Err(shown(&output)),
        code => panic!("{}: {code:?}\n{}", case.name, shown(&output)),
    }
}

#[test]
fn every_mode_on_a_server_with_tls() {
    use Expected::{Encrypted as Tls, Plain, Refused};
    let Some(server) = Encrypted::start("every_mode_on_a_server_with_tls") else { return };
    let right = server.file("right.pem", &server.authority.pem());
    let wrong = server.file("wrong.pem", &authority("somebody else").pem());
    let two = server.file("two.pem", &format!("{}{}", authority("one more").pem(), server.authority.pem()));
    let empty = server.file("empty.pem", "nothing\n");
    let (pem, key) = certificate("by_cert", &server.authority);
    let (by_cert, by_cert_key) = (server.file("by_cert.crt", &pem), server.file("by_cert.key", &key));
    let (pem, key) = certificate("by_both", &server.authority);
    let (both, both_key) = (server.file("both.crt", &pem), server.file("both.key", &key));
    let (pem, key) = certificate("by_cert", &authority("somebody else"));
    let (forged, forged_key) = (server.file("forged.crt", &pem), server.file("forged.key", &key));

    let mode = |mode: &str| json!({"sslmode": mode});
    let with = |mode: &str, root: &str| json!({"sslmode": mode, "sslrootcert": root});
    let client = |cert: &str, key: &str| json!({"sslmode": "require", "sslcert": cert, "sslkey": key});
    let (ip, name) = ("127.0.0.1", "localhost");
    let unknown: &[&str] = &[
        "TLS to the PostgreSQL server at ",
        "UnknownIssuer",
        "Set pg_conn.sslrootcert",
        "somebody else may be",
    ];
    let other_name: &[&str] = &["not valid for name", "Set pg_conn.host in the configuration to a name"];
    server.assert(&[
        (case("disable", "postgres", ip, mode("disable")), Plain),
        (case("disable, with a CA", "postgres", ip, with("disable", &right)), Plain),
        (
            case("disable, where TLS is asked for", "only_tls", ip, mode("disable")),
            Refused(&["refused the role only_tls", "no encryption", "pg_conn.sslmode"]),
        ),
        (case("allow", "postgres", ip, mode("allow")), Plain),
        (case("allow, where TLS is asked for", "only_tls", ip, mode("allow")), Tls),
        (case("nothing said", "postgres", ip, json!({})), Tls),
        (case("prefer", "postgres", ip, mode("prefer")), Tls),
        (case("prefer, where TLS is not wanted", "only_plain", ip, mode("prefer")), Plain),
        (case("require", "postgres", ip, mode("require")), Tls),
        (
            case("require, where TLS is not wanted", "only_plain", ip, mode("require")),
            Refused(&["refused the role only_plain", "pg_hba.conf"]),
        ),
        (case("require with the right CA", "postgres", ip, with("require", &right)), Tls),
        (case("require with a wrong CA", "postgres", ip, with("require", &wrong)), Refused(unknown)),
        (case("verify-ca", "postgres", name, with("verify-ca", &right)), Tls),
        (case("verify-ca, one of two", "postgres", name, with("verify-ca", &two)), Tls),
        (case("verify-ca, another name", "postgres", ip, with("verify-ca", &right)), Tls),
        (case("verify-ca, wrong CA", "postgres", name, with("verify-ca", &wrong)), Refused(unknown)),
        (case("verify-full", "postgres", name, with("verify-full", &right)), Tls),
        (case("verify-full, another name", "postgres", ip, with("verify-full", &right)), Refused(other_name)),
        (case("verify-full, wrong CA", "postgres", name, with("verify-full", &wrong)), Refused(unknown)),
        (
            case("verify-full, no CA", "postgres", name, mode("verify-full")),
            Refused(&["sslmode verify-full needs the certificates", "Set pg_conn.sslrootcert"]),
        ),
        (
            case("a CA that is not there", "postgres", name, with("verify-ca", "/nowhere/root.pem")),
            Refused(&["vouch for the server, and /nowhere/root.pem is not there", "Set pg_conn.sslrootcert"]),
        ),
        (
            case("a CA file without one", "postgres", name, with("verify-ca", &empty)),
            Refused(&["there is no certificate in it"]),
        ),
        (case("a certificate instead of a password", "by_cert", ip, client(&by_cert, &by_cert_key)), Tls),
        (case("a certificate and a password", "by_both", ip, client(&both, &both_key)), Tls),
        (
            case("a certificate of another role", "by_both", ip, client(&by_cert, &by_cert_key)),
            Refused(&["refused the role by_both", "pg_conn.sslcert"]),
        ),
        (
            case("no certificate", "by_both", ip, mode("require")),
            Refused(&["refused the role by_both", "valid client certificate", "pg_conn.sslcert"]),
        ),
        (
            case("a certificate of another authority", "by_cert", ip, client(&forged, &forged_key)),
            Refused(&["TLS to the PostgreSQL server", "check pg_conn.sslcert and pg_conn.sslkey"]),
        ),
        (
            case("half a certificate", "by_cert", ip, json!({"sslmode": "require", "sslcert": by_cert})),
            Refused(&["by_cert.crt has no key: ", "/.postgresql/postgresql.key is not there", "Set both"]),
        ),
        (
            case("a key that does not belong to it", "by_cert", ip, client(&by_cert, &both_key)),
            Refused(&["TLS to PostgreSQL: ", "Check sslrootcert, sslcert and sslkey"]),
        ),
        (
            case("a wrong password", "only_tls", ip, json!({"sslmode": "require", "password": "wrong"})),
            Refused(&["password authentication failed", "Correct pg_conn.user and pg_conn.password"]),
        ),
    ]);
}

#[test]
fn a_server_that_is_its_own_authority() {
    use Expected::{Encrypted as Tls, Refused};
    let Some(mut server) = Encrypted::start("a_server_that_is_its_own_authority") else { return };
    let pair = self_signed(false);
    server.show(&pair);
    let own = server.file("own.pem", &pair.0);
    let other = server.file("other.pem", &self_signed(false).0);
    let with = |mode: &str, root: &str| json!({"sslmode": mode, "sslrootcert": root});
    server.assert(&[
        (case("require", "postgres", "localhost", json!({"sslmode": "require"})), Tls),
        (case("verify-ca", "postgres", "127.0.0.1", with("verify-ca", &own)), Tls),
        (case("verify-full", "postgres", "localhost", with("verify-full", &own)), Tls),
        (
            case("verify-full, another name", "postgres", "127.0.0.1", with("verify-full", &own)),
            Refused(&["not valid for name"]),
        ),
        (
            case("another one of the kind", "postgres", "localhost", with("verify-ca", &other)),
            Refused(&["TLS to the PostgreSQL server"]),
        ),
    ]);
    let expired = self_signed(true);
    server.show(&expired);
    let own = server.file("expired.pem", &expired.0);
    server.assert(&[(
        case("expired", "postgres", "localhost", with("verify-ca", &own)),
        Refused(&["expired", "Give the server a valid certificate"]),
    )]);
}

#[test]
fn a_server_without_tls() {
    let server = server::shared().unwrap();
    let plain = server.create_database().unwrap();
    drop(plain);
    let outcome =
        |mode: &str| status(server.address(), &case(mode, "postgres", "127.0.0.1", json!({"sslmode": mode})));
    for mode in ["require", "verify-ca", "verify-full"] {
        let root = tempfile::NamedTempFile::new().unwrap();
        fs::write(root.path(), authority("any").pem()).unwrap();
        let keys = json!({"sslmode": mode, "sslrootcert": root.path()});
        let refused = status(server.address(), &case(mode, "postgres", "127.0.0.1", keys)).unwrap_err();
        for text in [
            &format!("(sslmode {mode}) fails: the server does not support it"),
            "ssl = on",
            "pg_conn.sslmode in the configuration to prefer or disable",
        ] {
            assert!(refused.contains(text), "{mode}: {text:?} is not in:\n{refused}");
        }
    }
    // The database has no catalogue: to be told so, one must have been let in.
    for mode in ["disable", "allow", "prefer"] {
        let refused = outcome(mode).unwrap_err();
        assert!(refused.contains("The database has no schema sch_chameleon"), "{mode}: {refused}");
    }
}

#[test]
fn an_upgrade_over_tls() {
    let Some(server) = Encrypted::start("an_upgrade_over_tls") else { return };
    let mut client = server.server.address().connect("postgres").unwrap();
    client
        .batch_execute("CREATE OR REPLACE VIEW sch_chameleon.v_version AS SELECT '1.7' AS t_version")
        .unwrap();
    let address = Address { host: "localhost".to_owned(), ..server.server.address().clone() };
    let mut text =
        configuration(&address, "postgres", &[ConfiguredSource::mysql("replica", &[("my_shop", "shop")])]);
    text["pg_conn"]["sslmode"] = json!("verify-full");
    text["pg_conn"]["sslrootcert"] = json!(server.file("root.pem", &server.authority.pem()));
    let home = Home::new(&text).unwrap();
    // The statements are taken from what stands within TLS.
    let sql = home.path().join("upgrade.sql");
    assert_cmd::Command::new(PROGRAM)
        .args(["upgrade", "--yes", "--offline", "--config", "upgraded", "--sql", sql.to_str().unwrap()])
        .env("HOME", home.path())
        .assert()
        .code(0);
    let sql = std::fs::read_to_string(sql).unwrap();
    assert!(sql.contains("\nSAVEPOINT verify;\n") && sql.contains("\nCOMMIT;\n"), "{sql}");
    let version: String =
        client.query_one("SELECT t_version FROM sch_chameleon.v_version", &[]).unwrap().get(0);
    assert_eq!(version, "2.0.10");
}

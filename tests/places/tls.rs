//! Every certificate in every mode: 8 certificates, 12 ways to look at them, and the files that libpq finds by itself.

use crate::arena::{Arena, Case, PASSWORD};
use crate::certificates::{
    Pair, authority, intermediate, of_ed25519, of_version_1, own_authority, revoked, signed,
    signed_and_expired, signed_without_alternatives,
};

/// In which ways a server's certificate is looked at: mode, file of authorities, host.
const WAYS: [(&str, &str, &str); 12] = [
    ("disable", "right", "localhost"),
    ("allow", "right", "localhost"),
    ("prefer", "none", "localhost"),
    ("prefer", "right", "localhost"),
    ("prefer", "other", "localhost"),
    ("require", "none", "localhost"),
    ("require", "right", "127.0.0.1"),
    ("verify-ca", "right", "127.0.0.1"),
    ("verify-ca", "other", "localhost"),
    ("verify-ca", "own", "localhost"),
    ("verify-full", "right", "localhost"),
    ("verify-full", "own", "127.0.0.1"),
];

/// Asks in all ways; a letter for each says what comes of it: T(LS), P(lain), O(ut).
fn in_all_ways(arena: &Arena, name: &str, own: &str, outcomes: &str) {
    let right = arena.file("right.pem", &arena.authority.pem());
    let other = arena.file("other.pem", &authority("somebody else").pem());
    let own = arena.file("own.pem", own);
    assert_eq!(outcomes.len(), WAYS.len());
    for ((mode, roots, host), outcome) in WAYS.into_iter().zip(outcomes.chars()) {
        let case = arena.case(&format!("{name}, {mode}, {roots}, {host}"), "trusted");
        let case = case.with("host", host).setting(&format!("sslmode={mode}"));
        let case = match roots {
            "right" => case.setting(&format!("sslrootcert={right}")),
            "other" => case.setting(&format!("sslrootcert={other}")),
            "own" => case.setting(&format!("sslrootcert={own}")),
            _ => case,
        };
        match outcome {
            'T' => case.tls(),
            'P' => case.plain(),
            _ => case.out(),
        }
    }
}

/// §report-37, §report-66.
#[test]
fn every_certificate_in_every_mode() {
    let Some(mut arena) = Arena::start("every_certificate_in_every_mode") else { return };
    let show = |arena: &mut Arena, pair: Pair| {
        arena.show(&pair);
        pair.certificate
    };
    let root = arena.authority.pem();
    let pair = signed("localhost", &arena.authority);
    let own = show(&mut arena, pair);
    in_all_ways(&arena, "a good one", &own, "PPTTPTTTOOTO");
    let pair = signed("elsewhere.example", &arena.authority);
    let own = show(&mut arena, pair);
    in_all_ways(&arena, "another name", &own, "PPTTPTTTOOOO");
    let pair = signed_without_alternatives("localhost", &arena.authority);
    let own = show(&mut arena, pair);
    in_all_ways(&arena, "a common name", &own, "PPTTPTTTOOTO");
    let pair = signed_and_expired("localhost", &arena.authority);
    let own = show(&mut arena, pair);
    in_all_ways(&arena, "expired", &own, "PPTPPTOOOOOO");
    let pair = of_version_1("localhost", &arena.authority, &mut arena.client());
    let own = show(&mut arena, pair);
    in_all_ways(&arena, "version 1", &own, "PPTTPTTTOOTO");
    let own = show(&mut arena, own_authority(false));
    in_all_ways(&arena, "its own authority", &own, "PPTPPTOOOTOO");
    arena
        .case("its own authority", "trusted")
        .with("host", "localhost")
        .with("sslmode", "verify-full")
        .with("sslrootcert", &arena.file("own.pem", &own))
        .tls();
    let own = show(&mut arena, own_authority(true));
    in_all_ways(&arena, "its own authority, expired", &own, "PPTPPTOOOOOO");
    let middle = intermediate("one in between", &arena.authority);
    let Pair { certificate, key } = signed("localhost", &middle);
    show(&mut arena, Pair { certificate: format!("{certificate}{}", middle.pem()), key });
    // An authority that hasn't signed itself ends no chain for OpenSSL.
    in_all_ways(&arena, "a chain", &middle.pem(), "PPTTPTTTOOTO");
    let whole = arena.file("whole.pem", &format!("{}{root}", middle.pem()));
    let Pair { certificate, key } = of_version_1("localhost", &middle, &mut arena.client());
    show(&mut arena, Pair { certificate, key });
    let case = arena
        .case("a chain to version 1", "trusted")
        .with("host", "localhost")
        .with("sslmode", "verify-full");
    case.clone().with("sslrootcert", &whole).tls();
    case.with("sslrootcert", &arena.file("right.pem", &root)).out();
}

/// A certificate that is signed with Ed25519 has no hash to bind a channel by.
#[test]
fn a_channel_is_bound() {
    let Some(mut arena) = Arena::start("a_channel_is_bound") else { return };
    let case = |arena: &Arena, name: &str, role: &str, binding: &str| {
        let case = arena.case(name, role).with("password", PASSWORD).setting("sslmode=require");
        case.env("PGCHANNELBINDING", binding)
    };
    for binding in ["disable", "prefer", "require"] {
        case(&arena, "an ordinary certificate", "by_scram", binding).tls();
    }
    case(&arena, "md5", "by_md5", "require").out();
    case(&arena, "nobody asks", "trusted", "require").out();
    case(&arena, "no binding", "by_scram", "yes").out();
    arena
        .case("no TLS", "by_scram")
        .with("password", PASSWORD)
        .setting("sslmode=disable channel_binding=require")
        .out();
    let pair = of_ed25519(&mut arena.client());
    arena.show(&pair);
    case(&arena, "Ed25519", "by_scram", "disable").tls();
    case(&arena, "Ed25519", "by_scram", "require").out();
    let reason =
        "libpq 15 finds no hash and gives up; the driver goes on without binding, as the server allows";
    case(&arena, "Ed25519", "by_scram", "prefer").only_we_get_in(true, reason);
}

/// What libpq finds at home and in the environment.
#[test]
fn files_of_tls_at_home_and_in_the_environment() {
    let Some(arena) = Arena::start("files_of_tls_at_home_and_in_the_environment") else { return };
    let root = arena.authority.pem();
    let other = authority("somebody else").pem();
    let Pair { certificate, key } = signed("by_cert", &arena.authority);
    let at_home = |case: Case, name: &str, text: &str| case.file(&format!(".postgresql/{name}"), text, 0o600);
    let trusted = |name: &str| arena.case(name, "trusted").with("host", "localhost");
    let require = |name: &str| trusted(name).setting("sslmode=require");

    at_home(require("the right root at home"), "root.crt", &root).tls();
    at_home(require("a wrong root at home"), "root.crt", &other).out();
    at_home(trusted("a wrong root at home, prefer"), "root.crt", &other).plain();
    at_home(trusted("a root at home that is none"), "root.crt", "nothing").plain();
    at_home(require("a root at home that is none, require"), "root.crt", "nothing").out();
    at_home(trusted("verify-full by the environment"), "root.crt", &root)
        .env("PGSSLMODE", "verify-full")
        .tls();
    trusted("verify-full without any root").env("PGSSLMODE", "verify-full").out();
    trusted("roots by the environment")
        .env("PGSSLMODE", "verify-ca")
        .env("PGSSLROOTCERT", "${home}/r.pem")
        .file("r.pem", &root, 0o644)
        .tls();
    trusted("the configuration before the environment")
        .with("sslmode", "disable")
        .env("PGSSLMODE", "require")
        .plain();
    trusted("a mode that is none").env("PGSSLMODE", "always").out();
    trusted("an empty mode").env("PGSSLMODE", "").out();
    trusted("the old variable").env("PGREQUIRESSL", "1").tls();
    trusted("the old keyword").setting("requiressl=1").tls();
    require("a root that is not there").setting("sslrootcert=/nowhere/root.crt").tls();
    require("newest too old").env("PGSSLMAXPROTOCOLVERSION", "TLSv1.2").tls();
    require("no version is left")
        .env("PGSSLMAXPROTOCOLVERSION", "TLSv1.2")
        .env("PGSSLMINPROTOCOLVERSION", "TLSv1.3")
        .out();
    require("a revoked certificate")
        .env("PGSSLROOTCERT", "${home}/r.pem")
        .file("r.pem", &root, 0o644)
        .env("PGSSLCRL", "${home}/l.pem")
        .file("l.pem", &revoked(&arena.authority, 7), 0o644)
        .out();
    require("another one is revoked")
        .env("PGSSLROOTCERT", "${home}/r.pem")
        .file("r.pem", &root, 0o644)
        .env("PGSSLCRL", "${home}/l.pem")
        .file("l.pem", &revoked(&arena.authority, 8), 0o644)
        .tls();
    at_home(at_home(require("a list at home"), "root.crt", &root), "root.crl", &revoked(&arena.authority, 7))
        .out();

    let by_cert = |name: &str| arena.case(name, "by_cert").setting("sslmode=require");
    by_cert("no certificate").out();
    let home = |case: Case| at_home(at_home(case, "postgresql.crt", &certificate), "postgresql.key", &key);
    home(by_cert("a certificate at home")).tls();
    home(arena.case("a certificate at home, prefer", "by_cert")).tls();
    at_home(by_cert("a certificate at home without its key"), "postgresql.crt", &certificate).out();
    at_home(arena.case("the same, and TLS only preferred", "trusted"), "postgresql.crt", &certificate)
        .plain();
    let files = |case: Case, mode: u32| case.file("c.pem", &certificate, 0o644).file("k.pem", &key, mode);
    let env = |case: Case| case.env("PGSSLCERT", "${home}/c.pem").env("PGSSLKEY", "${home}/k.pem");
    env(files(by_cert("a certificate by the environment"), 0o600)).tls();
    env(files(by_cert("a key that the world can read"), 0o644)).out();
    let keys = |case: Case| case.with("sslcert", "${home}/c.pem").with("sslkey", "${home}/k.pem");
    keys(files(by_cert("a certificate by the configuration"), 0o600)).tls();
    keys(files(by_cert("a key that others can write"), 0o602)).out();
    keys(by_cert("a certificate that is not there")).out();
    keys(arena.case("one that is not there and not asked for", "trusted").setting("sslmode=require")).tls();
    at_home(
        files(by_cert("the certificate named, the key at home"), 0o600).with("sslcert", "${home}/c.pem"),
        "postgresql.key",
        &key,
    )
    .tls();
    let both = signed("by_both", &arena.authority);
    let by_both = arena.case("a certificate and a password", "by_both").with("password", PASSWORD);
    let by_both = by_both
        .file("c.pem", &both.certificate, 0o644)
        .file("k.pem", &both.key, 0o600)
        .with("sslmode", "require");
    keys(by_both.clone()).tls();
    keys(by_both.with("user", "by_cert").with("password", "''")).out();
    let old = of_version_1("by_cert", &arena.authority, &mut arena.client());
    let old = by_cert("a certificate of version 1")
        .file("c.pem", &old.certificate, 0o644)
        .file("k.pem", &old.key, 0o600);
    keys(old).tls();
}

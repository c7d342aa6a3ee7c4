//! TLS to MySQL as the configuration has it, on a real server with certificates of a real authority.

use super::SERVER;
use super::origin::{Checked, Origin, check};
use chameleon_harness::server::mysql::MySqlKind;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SigningKey as _};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;
use x509_cert::der::asn1::BitString;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::{Certificate, Version};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate for `name` and its key.
fn certificate(folder: &Path, name: &str, issuer: &Issuer) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (
        file(folder, &format!("{name}.crt"), &certificate.pem()),
        file(folder, &format!("{name}.key"), &key.serialize_pem()),
    )
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A server with TLS whose certificate bears another name than its address, and files for clients.
struct Encrypted {
    origin: Origin,
    files: TempDir,
    ca: String,
    authority: Issuer,
}

impl Encrypted {
    fn start(test: &str) -> Option<Self> {
        let files = tempfile::Builder::new().prefix("chameleon-tls-").tempdir().unwrap();
        // The server runs as another user.
        fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
        let authority = authority("the authority");
        let ca = file(files.path(), "ca.pem", &authority.pem());
        let (certificate, key) = certificate(files.path(), "db.example", &authority);
        let options =
            [format!("--ssl-ca={ca}"), format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")];
        let origin = Origin::start_with(test, &options)?;
        Some(Self { origin, files, ca, authority })
    }

    /// What `check` says with these keys in `db_conn`.
    fn check(&self, keys: &Value) -> Checked {
        let mut connection = self.origin.db_conn();
        for (key, value) in keys.as_object().unwrap() {
            connection[key] = value.clone();
        }
        let here = self.origin.here();
        check(&self.origin.replica_of(&[("my_one", &here)], connection))
    }
}

#[test]
fn tls_as_the_configuration_asks() {
    let Some(server) = Encrypted::start("tls_as_the_configuration_asks") else { return };
    let other = file(server.files.path(), "other.pem", &authority("another authority").pem());
    let ca = &server.ca;
    server.check(&json!({})).ends(0);
    server.check(&json!({"ssl_ca": ca})).ends(0);
    server.check(&json!({"ssl": {"ca": ca, "check_hostname": false}})).ends(0);
    server
        .check(&json!({"ssl_ca": other}))
        .ends(3)
        .says("mysql", &["error", "TLS", "UnknownIssuer", "ssl_ca"]);
    server.check(&json!({"ssl_ca": other, "ssl_verify_cert": false})).ends(0);
    server
        .check(&json!({"ssl_ca": ca, "ssl_verify_identity": true}))
        .ends(3)
        .says("mysql", &["TLS", "not valid for name"]);
    server
        .check(&json!({"ssl_ca": "/nowhere/ca.pem"}))
        .ends(3)
        .says("mysql", &["ssl_ca /nowhere/ca.pem", "No such file"]);
}

/// §report-37: PyMySQL takes such a server; the driver here does not, and the way round it is told.
#[test]
fn a_server_that_is_its_own_authority() {
    let files = tempfile::Builder::new().prefix("chameleon-tls-").tempdir().unwrap();
    fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
    let own = authority("db.example");
    let certificate = file(files.path(), "own.crt", &own.pem());
    let key = file(files.path(), "own.key", &own.key().serialize_pem());
    let options = [format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")];
    let Some(origin) = Origin::start_with("a_server_that_is_its_own_authority", &options) else { return };
    let server = Encrypted { origin, files, ca: certificate.clone(), authority: own };
    server.check(&json!({"ssl_ca": certificate})).ends(3).says(
        "mysql",
        &["error", "TLS", "is an authority's (one that has signed itself, say)", "ssl_verify_cert to no"],
    );
    server.check(&json!({"ssl_ca": certificate, "ssl_verify_cert": false})).ends(0);
}

/// §report-37 too: without extensions, as old tools make them.
#[test]
fn a_certificate_of_version_1() {
    let files = tempfile::Builder::new().prefix("chameleon-tls-").tempdir().unwrap();
    fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
    let authority = authority("the authority");
    let ca = file(files.path(), "ca.pem", &authority.pem());
    let params = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let certificate = file(files.path(), "old.crt", &version_1(certificate.der(), authority.key()));
    let key = file(files.path(), "old.key", &key.serialize_pem());
    let options = [format!("--ssl-ca={ca}"), format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")];
    let Some(origin) = Origin::start_with("a_certificate_of_version_1", &options) else { return };
    let server = Encrypted { origin, files, ca, authority };
    server
        .check(&json!({"ssl_ca": server.ca}))
        .ends(3)
        .says("mysql", &["error", "TLS", "or of version 1", "ssl_verify_cert to no"]);
    server.check(&json!({"ssl_ca": server.ca, "ssl_verify_cert": false})).ends(0);
}

/// The same certificate as version 1, which has no extensions, signed anew.
fn version_1(certificate: &[u8], authority: &KeyPair) -> String {
    let mut certificate = Certificate::from_der(certificate).unwrap();
    certificate.tbs_certificate.version = Version::V1;
    certificate.tbs_certificate.extensions = None;
    let signature = authority.sign(&certificate.tbs_certificate.to_der().unwrap()).unwrap();
    certificate.signature = BitString::from_bytes(&signature).unwrap();
    pem::encode(&pem::Pem::new("CERTIFICATE", certificate.to_der().unwrap()))
}

#[test]
fn a_server_that_insists() {
    let Some(server) = Encrypted::start("a_server_that_insists") else { return };
    let (certificate, key) = certificate(server.files.path(), "replica", &server.authority);
    let here = server.origin.here();
    let replica = |keys: Value| {
        let mut connection = server.origin.db_conn();
        connection["user"] = json!("tls");
        connection["password"] = json!("pa55word");
        for (key, value) in keys.as_object().unwrap() {
            connection[key] = value.clone();
        }
        check(&server.origin.replica_of(&[("my_one", &here)], connection))
    };
    server
        .origin
        .run("CREATE USER tls@'%' IDENTIFIED BY 'pa55word' REQUIRE SSL; GRANT ALL ON *.* TO tls@'%'");
    // As the PyMySQL does that pip installs with the daemon, which hands no key about TLS on to it.
    replica(json!({})).ends(0);
    replica(json!({"password": "wrong"})).ends(3).says("mysql", &["error", "Access denied", "db_conn"]);
    replica(json!({"ssl_ca": server.ca})).ends(0);
    server.origin.run("ALTER USER tls@'%' REQUIRE X509");
    replica(json!({"ssl_ca": server.ca})).ends(3).says("mysql", &["Access denied"]);
    replica(json!({"ssl_ca": server.ca, "ssl_cert": certificate, "ssl_key": key})).ends(0);
}

#[test]
fn a_server_without_tls_when_the_configuration_asks_for_it() {
    let options: &[String] = match SERVER {
        // From 11.4 on it makes a certificate of its own.
        MySqlKind::MariaDb => &["--skip-ssl".to_owned()],
        MySqlKind::MySql => &["--tls-version=".to_owned()],
    };
    let test = "a_server_without_tls_when_the_configuration_asks_for_it";
    let Some(origin) = Origin::start_with(test, options) else { return };
    let files = tempfile::Builder::new().prefix("chameleon-tls-").tempdir().unwrap();
    let ca = file(files.path(), "ca.pem", &authority("the authority").pem());
    let mut connection = origin.db_conn();
    connection["ssl_ca"] = json!(ca);
    let here = origin.here();
    check(&origin.replica_of(&[("my_one", &here)], connection))
        .ends(3)
        .says("mysql", &["error", "TLS", "the server offers none"]);
}

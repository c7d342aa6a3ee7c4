//! Certificates as people have them: good ones, and those that only OpenSSL takes.

use postgres::Client;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa,
    KeyIdMethod, KeyPair, PKCS_ED25519, RevokedCertParams, SerialNumber, SigningKey, date_time_ymd,
};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::BitString;
use x509_cert::der::{Decode, Encode};

pub type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

pub fn authority(name: &str) -> Issuer {
    CertifiedIssuer::self_signed(ca(name), KeyPair::generate().unwrap()).unwrap()
}

pub fn intermediate(name: &str, root: &Issuer) -> Issuer {
    CertifiedIssuer::signed_by(ca(name), KeyPair::generate().unwrap(), root).unwrap()
}

fn named(name: &str, alternatives: &[&str]) -> CertificateParams {
    let alternatives: Vec<_> = alternatives.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(alternatives).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(7));
    params
}

/// One with a subjectAltName.
pub fn signed(name: &str, issuer: &Issuer) -> Pair {
    of(&named(name, &[name]), issuer)
}

/// One that has a common name only.
pub fn signed_without_alternatives(name: &str, issuer: &Issuer) -> Pair {
    of(&named(name, &[]), issuer)
}

pub fn signed_and_expired(name: &str, issuer: &Issuer) -> Pair {
    of(&expired(named(name, &[name])), issuer)
}

fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    params
}

fn of(params: &CertificateParams, issuer: &Issuer) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair { certificate: params.signed_by(&key, issuer).unwrap().pem(), key: key.serialize_pem() }
}

/// What `openssl req -x509` makes: a server that is its own authority.
pub fn own_authority(out_of_date: bool) -> Pair {
    let mut params = named("localhost", &["localhost"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    if out_of_date {
        params = expired(params);
    }
    let key = KeyPair::generate().unwrap();
    Pair { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// One that has signed itself with Ed25519.
pub fn of_ed25519(client: &mut Client) -> Pair {
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    // OpenSSL doesn't read the key's second form, which has the public half at its end.
    let seed = &key.serialized_der()[16..48];
    let first_form = [b"0.\x02\x01\x000\x05\x06\x03+ep\x04\x22\x04\x20", seed].concat();
    Pair {
        certificate: named("localhost", &["localhost"]).self_signed(&key).unwrap().pem(),
        key: pem("PRIVATE KEY", &first_form, client),
    }
}

fn pem(what: &str, bytes: &[u8], client: &mut Client) -> String {
    let base64: String = client.query_one("SELECT encode($1::bytea, 'base64')", &[&bytes]).unwrap().get(0);
    format!("-----BEGIN {what}-----\n{base64}\n-----END {what}-----\n")
}

/// What `openssl x509 -req` makes, also by PostgreSQL's documentation: version 1, without any extension.
pub fn of_version_1(name: &str, issuer: &Issuer, client: &mut Client) -> Pair {
    let key = KeyPair::generate().unwrap();
    let modern = named(name, &[]).signed_by(&key, issuer).unwrap();
    let mut certificate = Certificate::from_der(modern.der()).unwrap();
    certificate.tbs_certificate.version = Version::V1;
    certificate.tbs_certificate.extensions = None;
    let signature = issuer.key().sign(&certificate.tbs_certificate.to_der().unwrap()).unwrap();
    certificate.signature = BitString::from_bytes(&signature).unwrap();
    let bytes = certificate.to_der().unwrap();
    Pair { certificate: pem("CERTIFICATE", &bytes, client), key: key.serialize_pem() }
}

/// The list on which an authority revokes the certificates with this number.
pub fn revoked(issuer: &Issuer, number: u64) -> String {
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(2999, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(number),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(issuer).unwrap().pem().unwrap()
}

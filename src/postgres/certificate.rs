//! Whether a server's certificate is good for it, as libpq and OpenSSL judge.
//!
//! webpki judges first. It takes no certificate of version 1 (what `openssl x509 -req` makes, also by PostgreSQL's own
//! documentation), none that is its own authority, and no common name; those are judged here, in the same way.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::net::IpAddr;
use std::sync::Arc;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode, EncodeValue};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::spki::AlgorithmIdentifierOwned;

/// The attribute of a name that is the common one.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The longest chain of certificates that is followed by hand.
const LONGEST_CHAIN: usize = 8;

/// Who vouches for servers.
#[derive(Debug)]
pub(super) struct Authority {
    /// Those that end a chain: like OpenSSL, only those that have signed themselves.
    roots: Vec<Certificate>,
    /// Those that may stand in between.
    between: Vec<CertificateDer<'static>>,
    /// None when there are no roots.
    webpki: Option<Arc<WebPkiServerVerifier>>,
    looks_for_revoked: bool,
}

impl Authority {
    /// The authority of these certificates, without those that the lists revoke; none when none of the certificates can be
    /// read.
    ///
    /// # Errors
    /// The lists can't be read.
    pub fn of(
        certificates: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Self>, rustls::client::VerifierBuilderError> {
        let looks_for_revoked = !revoked.is_empty();
        let mut store = RootCertStore::empty();
        let (mut roots, mut between) = (Vec::new(), Vec::new());
        let now = UnixTime::now();
        for encoded in certificates {
            let Ok(certificate) = Certificate::from_der(&encoded) else { continue };
            if certificate.tbs_certificate.issuer != certificate.tbs_certificate.subject {
                between.push(encoded);
                continue;
            }
            // webpki looks at no dates of a root; OpenSSL does.
            if in_time(&certificate, now).is_ok() {
                let _what_webpki_cannot_read_is_judged_by_hand = store.add(encoded);
            }
            roots.push(certificate);
        }
        if roots.is_empty() && between.is_empty() {
            return Ok(None);
        }
        let webpki = if store.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
            Some(builder.with_crls(revoked).enforce_revocation_expiration().build()?)
        };
        Ok(Some(Self { roots, between, webpki, looks_for_revoked }))
    }

    fn vouch(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), Error> {
        let between: Vec<_> = intermediates.iter().chain(&self.between).cloned().collect();
        let judged = self.webpki.as_ref().map_or(Err(CertificateError::UnknownIssuer.into()), |webpki| {
            webpki.verify_server_cert(end_entity, &between, server_name, &[], now).map(drop)
        });
        match judged {
            // The name is looked at last, and by our own rules.
            Ok(())
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer)) => {
                if self.looks_for_revoked {
                    let cause = "a certificate that is its own authority, or of version 1, can't be looked up in sslcrl";
                    return Err(Error::General(cause.to_owned()));
                }
                let between: Vec<_> =
                    between.iter().filter_map(|it| Certificate::from_der(it).ok()).collect();
                self.vouch_by_hand(&parsed(end_entity)?, &between, now, algorithms, LONGEST_CHAIN)
            }
            Err(error) => Err(error),
        }
    }

    /// Follows the chain from a certificate to a root: each is in time and has signed the one before it, and those in
    /// between are authorities.
    fn vouch_by_hand(
        &self,
        certificate: &Certificate,
        between: &[Certificate],
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
        longest: usize,
    ) -> Result<(), Error> {
        in_time(certificate, now)?;
        if self.roots.contains(certificate) {
            return Ok(());
        }
        let mut outcome = Err(CertificateError::UnknownIssuer.into());
        for root in self.roots.iter().filter(|root| has_signed(root, certificate, algorithms)) {
            outcome = in_time(root, now);
            if outcome.is_ok() {
                return outcome;
            }
        }
        let issuers = between.iter().filter(|issuer| longest > 0 && is_authority(issuer));
        for issuer in issuers.filter(|issuer| has_signed(issuer, certificate, algorithms)) {
            outcome = self.vouch_by_hand(issuer, between, now, algorithms, longest - 1);
            if outcome.is_ok() {
                return outcome;
            }
        }
        outcome
    }
}

fn parsed(certificate: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding.into())
}

fn in_time(certificate: &Certificate, now: UnixTime) -> Result<(), Error> {
    let validity = &certificate.tbs_certificate.validity;
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        Err(CertificateError::NotValidYet.into())
    } else if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}

fn is_authority(certificate: &Certificate) -> bool {
    let constraints = certificate.tbs_certificate.get::<BasicConstraints>();
    matches!(constraints, Ok(Some((_, BasicConstraints { ca: true, .. }))))
}

fn has_signed(
    issuer: &Certificate,
    certificate: &Certificate,
    algorithms: &WebPkiSupportedAlgorithms,
) -> bool {
    let key = &issuer.tbs_certificate.subject_public_key_info;
    let signed = certificate.tbs_certificate.to_der();
    let (Ok(signed), Some(signature)) = (signed, certificate.signature.as_bytes()) else { return false };
    let (signed_with, key_of) = (encoded(&certificate.signature_algorithm), encoded(&key.algorithm));
    issuer.tbs_certificate.subject == certificate.tbs_certificate.issuer
        && algorithms.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == signed_with
                && algorithm.public_key_alg_id().as_ref() == key_of
                && algorithm.verify_signature(key.subject_public_key.raw_bytes(), &signed, signature).is_ok()
        })
}

/// An algorithm's identifier as the algorithms of rustls have it: without tag and length.
fn encoded(algorithm: &AlgorithmIdentifierOwned) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A vector takes everything.
    let _written = algorithm.encode_value(&mut bytes);
    bytes
}

/// Whether the certificate names the host, by libpq's rules: a subjectAltName of the host's kind rules out the common name.
fn names(certificate: &Certificate, host: &str) -> Result<(), Vec<String>> {
    let address: Option<IpAddr> = host.parse().ok();
    let (mut presented, mut by_common_name) = (Vec::new(), true);
    let alternatives = certificate.tbs_certificate.get::<SubjectAltName>().ok().flatten();
    for name in alternatives.map(|(_, names)| names.0).unwrap_or_default() {
        match name {
            GeneralName::DnsName(name) => {
                if fits(name.as_str(), host) {
                    return Ok(());
                }
                by_common_name &= address.is_some();
                presented.push(name.to_string());
            }
            GeneralName::IpAddress(bytes) => {
                let named = match bytes.as_bytes() {
                    [a, b, c, d] => Some(IpAddr::from([*a, *b, *c, *d])),
                    bytes => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
                };
                if named.is_some() && named == address {
                    return Ok(());
                }
                by_common_name &= address.is_none();
                presented.extend(named.map(|it| it.to_string()));
            }
            _ => {}
        }
    }
    let subject = certificate.tbs_certificate.subject.0.iter();
    let mut attributes = subject.flat_map(|part| part.0.iter());
    if by_common_name
        && let Some(attribute) = attributes.find(|attribute| attribute.oid == COMMON_NAME)
        && let Ok(name) = std::str::from_utf8(attribute.value.value())
    {
        if fits(name, host) {
            return Ok(());
        }
        presented.push(name.to_owned());
    }
    Err(presented)
}

/// Capitals are all the same; an asterisk stands for the host's first label.
fn fits(name: &str, host: &str) -> bool {
    if name.is_empty() || name.contains('\0') {
        return false;
    }
    let by_asterisk = || {
        let (label, rest) = host.split_once('.')?;
        Some(!label.is_empty() && name.strip_prefix("*.")?.eq_ignore_ascii_case(rest))
    };
    name.eq_ignore_ascii_case(host) || by_asterisk().unwrap_or(false)
}

/// Judges a server by an authority, when there is one, and by its name when the mode asks for it; without an authority,
/// only that the server has the key of the certificate that it shows.
#[derive(Debug)]
pub(super) struct Verifier {
    pub authority: Option<Authority>,
    /// The host that the certificate must name.
    pub host: Option<String>,
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(authority) = &self.authority {
            let algorithms = &self.provider.signature_verification_algorithms;
            authority.vouch(end_entity, intermediates, server_name, now, algorithms)?;
        }
        if let Some(host) = &self.host {
            names(&parsed(end_entity)?, host).map_err(|presented| {
                CertificateError::NotValidForNameContext { expected: server_name.to_owned(), presented }
            })?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms) {
            Err(Error::InvalidCertificate(CertificateError::Other(_))) => {
                let key = parsed(certificate)?.tbs_certificate.subject_public_key_info;
                let key_of = encoded(&key.algorithm);
                let of_scheme = algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signature.scheme);
                let mut candidates = of_scheme
                    .flat_map(|(_, algorithms)| *algorithms)
                    .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == key_of);
                let public_key = key.subject_public_key.raw_bytes();
                candidates
                    .any(|it| it.verify_signature(public_key, message, signature.signature()).is_ok())
                    .then(HandshakeSignatureValid::assertion)
                    .ok_or_else(|| CertificateError::BadSignature.into())
            }
            outcome => outcome,
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms) {
            Err(Error::InvalidCertificate(CertificateError::Other(_))) => {
                let key = parsed(certificate)?.tbs_certificate.subject_public_key_info;
                let key = key.to_der().map_err(|_| Error::from(CertificateError::BadEncoding))?;
                let key = SubjectPublicKeyInfoDer::from(key);
                rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
            }
            outcome => outcome,
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_is_one_label() {
        for (name, host, fit) in [
            ("db.example", "DB.Example", true),
            ("*.example", "db.example", true),
            ("*.example", "a.db.example", false),
            ("*.example", "example", false),
            ("*.example", ".example", false),
            ("d*.example", "db.example", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("", "", false),
        ] {
            assert_eq!(fits(name, host), fit, "{name} {host}");
        }
    }
}

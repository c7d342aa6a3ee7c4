//! TLS to PostgreSQL, with libpq's meaning of `sslmode`, `sslrootcert`, `sslcert` and `sslkey`
//! (PostgreSQL's documentation, "SSL Support" of libpq).

use crate::config::{PostgresConnection, SslMode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Why the certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The mode asks to check the server, and there is nothing to check it with.
    #[error("sslmode {mode} needs the certificates of the authorities that vouch for the server")]
    NoRootCertificates {
        /// The mode of the configuration.
        mode: SslMode,
    },
    /// A file can't be read, or holds something else.
    #[error("{what} in {}: {cause}", path.display())]
    File {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A client's certificate without its key, or the other way round.
    #[error("sslcert and sslkey belong together, and only one of them is set")]
    HalfAClient,
    /// The certificates don't fit each other.
    #[error(transparent)]
    Rustls(#[from] Error),
    /// The authorities can't be used to check a server.
    #[error("the root certificates can't be used: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

impl TlsError {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoRootCertificates { .. } => {
                "Set pg_conn.sslrootcert in the configuration to a file of PEM certificates."
            }
            Self::File { .. } => {
                "Correct the path in pg_conn of the configuration, or the file: it must be readable PEM."
            }
            Self::HalfAClient => {
                "Set both pg_conn.sslcert and pg_conn.sslkey in the configuration, or neither."
            }
            Self::Rustls(_) | Self::Verifier(_) => {
                "Check sslrootcert, sslcert and sslkey in pg_conn of the configuration."
            }
        }
    }
}

/// What was wrong with the TLS of a connection that did not come about, and what to do; none when something
/// else was.
pub(super) fn handshake_failure(error: &tokio_postgres::Error) -> Option<(String, &'static str)> {
    let source = error.source()?;
    let rustls = source.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    if let Some(error) = rustls.and_then(|error| error.downcast_ref::<Error>()) {
        return Some((error.to_string(), remedy(error)));
    }
    // The one failure that has no type: the server has no TLS to offer.
    (source.to_string() == "server does not support TLS").then(|| {
        let remedy = "Switch TLS on at the server (ssl = on in postgresql.conf), or, where the way to it is safe without, set \
                      pg_conn.sslmode in the configuration to prefer or disable.";
        ("the server does not support it".to_owned(), remedy)
    })
}

fn remedy(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "Set pg_conn.sslrootcert in the configuration to the certificates of the authority that vouches for this \
             server. If it should be the right one, somebody else may be answering in the server's place."
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            "Set pg_conn.host in the configuration to a name that the server's certificate holds (as subjectAltName; a \
             common name alone does not count), or pg_conn.sslmode to verify-ca."
        }
        Error::InvalidCertificate(_) => "Give the server a valid certificate (version 3, not expired).",
        Error::AlertReceived(_) => {
            "The server refused: check pg_conn.sslcert and pg_conn.sslkey in the configuration against the server's \
             ssl_ca_file."
        }
        _ => "Check the TLS settings of the server and pg_conn.sslmode in the configuration.",
    }
}

/// The TLS of a connection whose mode is not `disable`.
pub(super) fn connector(connection: &PostgresConnection) -> Result<MakeRustlsConnect, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(connection, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match (&connection.sslcert, &connection.sslkey) {
        (Some(certificate), Some(key)) => {
            builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?)?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(TlsError::HalfAClient),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(
    connection: &PostgresConnection,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let mode = connection.sslmode;
    let authority = match (mode, &connection.sslrootcert) {
        (SslMode::VerifyCa | SslMode::VerifyFull, None) => return Err(TlsError::NoRootCertificates { mode }),
        (SslMode::VerifyCa | SslMode::VerifyFull | SslMode::Require, Some(roots)) => {
            Some(Authority::read(roots, provider)?)
        }
        _ => None,
    };
    let by_name = mode == SslMode::VerifyFull;
    Ok(Arc::new(Verifier { authority, by_name, provider: Arc::clone(provider) }))
}

/// Who vouches for the server.
#[derive(Debug)]
struct Authority {
    certificates: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Authority {
    fn read(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let certificates = certificates(path)?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone())?;
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build()?;
        Ok(Self { certificates, verifier })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let what = "certificates";
    let unreadable = |cause: String| TlsError::File { what, path: path.to_owned(), cause };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(error.to_string()))?;
    if found.is_empty() { Err(unreadable("there is no certificate in it".to_owned())) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::File {
        what: "a private key",
        path: path.to_owned(),
        cause: error.to_string(),
    })
}

/// Checks what the mode asks for: that an authority vouches for the server, and that the certificate names
/// the host; without an authority, only that the server has the key of the certificate that it shows.
#[derive(Debug)]
struct Verifier {
    authority: Option<Authority>,
    by_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(Authority { certificates, verifier }) = &self.authority else {
            return Ok(ServerCertVerified::assertion());
        };
        match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.by_name => {}
            // A server that signed its own certificate is its own authority; webpki takes no authority for a
            // server, and says so after it has looked at the dates.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if certificates.contains(end_entity) =>
            {
                if self.by_name {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
            }
            outcome => return outcome,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

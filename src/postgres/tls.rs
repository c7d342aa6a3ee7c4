//! TLS to PostgreSQL, with libpq's meaning of `sslmode`, `sslrootcert`, `sslcert` and `sslkey`
//! (PostgreSQL's documentation, "SSL Support" of libpq).

use crate::config::{PostgresConnection, SslMode};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
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
    let roots = connection.sslrootcert.as_deref();
    let checked = match (mode, roots) {
        (SslMode::VerifyCa | SslMode::VerifyFull, None) => return Err(TlsError::NoRootCertificates { mode }),
        (SslMode::VerifyCa | SslMode::VerifyFull | SslMode::Require, Some(roots)) => {
            let roots = Arc::new(root_store(roots)?);
            Some(WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build()?)
        }
        _ => None,
    };
    Ok(match checked {
        Some(verifier) if mode == SslMode::VerifyFull => verifier,
        authority => Arc::new(Lenient { authority, provider: Arc::clone(provider) }),
    })
}

fn root_store(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate)?;
    }
    Ok(store)
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

/// Checks less than everything: that an authority vouches for the server whatever its name, or, without
/// an authority, only that the server has the key of the certificate that it shows.
#[derive(Debug)]
struct Lenient {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
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

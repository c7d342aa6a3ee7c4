//! TLS to PostgreSQL, with libpq's meaning of its settings (PostgreSQL's documentation, "SSL Support" of libpq): which
//! files count, who may read them, and what a missing one means.

use super::certificate::{Authority, Verifier};
use super::places::{Protocol, Roots, Tls};
use crate::cause::Cause;
use crate::config::SslMode;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, Error, SupportedProtocolVersion};
use std::error::Error as _;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Why the certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The mode asks to check the server, and there is nothing to check it with.
    #[error("sslmode {mode} needs the certificates of the authorities that vouch for the server{}", .looked.as_ref().map(|it| format!(", and {} is not there", it.display())).unwrap_or_default())]
    NoRootCertificates {
        /// The mode that was asked for.
        mode: SslMode,
        /// The file that was looked for.
        looked: Option<PathBuf>,
    },
    /// A file can't be read, or holds something else.
    #[error("{what} in {}: {cause}", path.display())]
    File {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: Cause,
    },
    /// A client's certificate without its key.
    #[error("the certificate {} has no key: {} is not there", certificate.display(), key.as_deref().unwrap_or(Path::new("~/.postgresql/postgresql.key")).display())]
    NoKey {
        /// The certificate.
        certificate: PathBuf,
        /// The file that should hold its key.
        key: Option<PathBuf>,
    },
    /// The key is open to others.
    #[error("the private key {} is open to its group or to others", .0.display())]
    OpenKey(PathBuf),
    /// The key is encrypted.
    #[error("the private key {} is encrypted, which chameleon-upgrade can't read", .0.display())]
    EncryptedKey(PathBuf),
    /// The system trusts nobody.
    #[error("the system has no certificates of authorities (sslrootcert is system)")]
    NoSystemRoots,
    /// No version is both new and old enough.
    #[error("ssl_min_protocol_version is above ssl_max_protocol_version")]
    Protocols,
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
                "Set pg_conn.sslrootcert in the configuration to a file of PEM certificates, or put it at \
                 ~/.postgresql/root.crt."
            }
            Self::File { .. } => {
                "Correct the path in pg_conn of the configuration (or in the environment, or the service file), or the file: it \
                 must be readable PEM."
            }
            Self::NoKey { .. } => {
                "Set both pg_conn.sslcert and pg_conn.sslkey in the configuration, or neither, and take away \
                 ~/.postgresql/postgresql.crt when it isn't meant."
            }
            Self::OpenKey(_) => {
                "chmod 600 it (640 is well when it belongs to root); psql and pg_chameleon refuse it too."
            }
            Self::EncryptedKey(_) => {
                "Write it without encryption into a file that only this user can read (openssl pkey -in KEY -out NEW; chmod 600 \
                 NEW), and set pg_conn.sslkey to that for the time of the upgrade."
            }
            Self::NoSystemRoots => {
                "Install them (the package ca-certificates), or set pg_conn.sslrootcert to a file of PEM certificates."
            }
            Self::Protocols => {
                "Correct them: PGSSLMINPROTOCOLVERSION and PGSSLMAXPROTOCOLVERSION in the environment."
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
    // The one failure that has no type: the server has no TLS to offer. The text is the driver's.
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
             server, up to the one that has signed itself. If it should be the right one, somebody else may be answering in the \
             server's place."
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            "Set pg_conn.host in the configuration to a name that the server's certificate holds (as subjectAltName; a \
             common name counts only without one), or pg_conn.sslmode to verify-ca."
        }
        Error::InvalidCertificate(_) => "Give the server a valid certificate (not expired, not revoked).",
        Error::AlertReceived(_) => {
            "The server refused: check pg_conn.sslcert and pg_conn.sslkey in the configuration against the server's \
             ssl_ca_file."
        }
        _ => "Check the TLS settings of the server and pg_conn.sslmode in the configuration.",
    }
}

/// The TLS to one host.
#[derive(Clone)]
pub(super) struct Connector {
    pub rustls: MakeRustlsConnect,
    /// The name that the driver is to hear: the host's, or what may stand for it where that is no name.
    pub name: String,
}

/// What TLS to this host needs.
///
/// # Errors
/// [`TlsError`].
pub(super) fn connector(tls: &Tls, host: &str) -> Result<Connector, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authority = authority(tls, &provider)?;
    let host_to_name = (tls.mode == SslMode::VerifyFull).then(|| host.to_owned());
    let verifier = Verifier { authority, host: host_to_name, provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&protocols(tls)?)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match client(tls, &provider)? {
        Some(client) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(client))),
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = tls.names_host;
    let name = if ServerName::try_from(host).is_ok() { host } else { "0.0.0.0" };
    Ok(Connector { rustls: MakeRustlsConnect::new(config), name: name.to_owned() })
}

fn protocols(tls: &Tls) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let all = [(Protocol::V1_2, &rustls::version::TLS12), (Protocol::V1_3, &rustls::version::TLS13)];
    let wanted = all.into_iter().filter(|(version, _)| (tls.oldest..=tls.newest).contains(version));
    let wanted: Vec<_> = wanted.map(|(_, version)| version).collect();
    if wanted.is_empty() { Err(TlsError::Protocols) } else { Ok(wanted) }
}

/// Who vouches for the server: whatever the mode, when there is a file of certificates.
fn authority(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Option<Authority>, TlsError> {
    let certificates = match &tls.roots {
        Some(Roots::System) => {
            let found = rustls_native_certs::load_native_certs().certs;
            if found.is_empty() {
                return Err(TlsError::NoSystemRoots);
            }
            found
        }
        Some(Roots::File(path)) if path.exists() => certificates(path)?,
        roots if matches!(tls.mode, SslMode::VerifyCa | SslMode::VerifyFull) => {
            let looked = match roots {
                Some(Roots::File(path)) => Some(path.clone()),
                _ => None,
            };
            return Err(TlsError::NoRootCertificates { mode: tls.mode, looked });
        }
        _ => return Ok(None),
    };
    let authority = Authority::of(certificates, revoked(tls), provider)?;
    match (authority, &tls.roots) {
        (None, Some(Roots::File(path))) => Err(file("certificates", path, "none of them can be read")),
        (authority, _) => Ok(authority),
    }
}

/// The lists of revoked certificates; what isn't there or can't be read is passed over, as libpq does.
fn revoked(tls: &Tls) -> Vec<CertificateRevocationListDer<'static>> {
    let in_folder = tls.revoked_folder.as_ref().and_then(|folder| fs::read_dir(folder).ok());
    let in_folder = in_folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let files = tls.revoked.iter().cloned().chain(in_folder);
    let lists = files.filter_map(|path| {
        CertificateRevocationListDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .ok()
    });
    lists.flatten().collect()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let what = "certificates";
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| file(what, path, Cause::of(error.to_string(), error)))?;
    if found.is_empty() { Err(file(what, path, "there is no certificate in it")) } else { Ok(found) }
}

fn file(what: &'static str, path: &Path, cause: impl Into<Cause>) -> TlsError {
    TlsError::File { what, path: path.to_owned(), cause: cause.into() }
}

/// The client's certificate with its key, when the certificate is there.
fn client(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Option<CertifiedKey>, TlsError> {
    let Some(path) = &tls.certificate else { return Ok(None) };
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(file("certificates", path, Cause::of(error.to_string(), error))),
    }
    let chain = certificates(path)?;
    let no_key = || TlsError::NoKey { certificate: path.clone(), key: tls.key.clone() };
    let key = tls.key.as_ref().ok_or_else(no_key)?;
    let metadata = fs::metadata(key).map_err(|_| no_key())?;
    if !metadata.is_file() {
        return Err(file("a private key", key, "it is no ordinary file"));
    }
    let others = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.permissions().mode() & others != 0 {
        return Err(TlsError::OpenKey(key.clone()));
    }
    let key = provider.key_provider.load_private_key(private_key(key)?)?;
    let client = CertifiedKey::new(chain, key);
    match client.keys_match() {
        // A certificate of version 1 can't be looked into, nor can some keys: then the server finds out.
        Ok(())
        | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown))
        | Err(Error::InvalidCertificate(CertificateError::Other(_))) => Ok(Some(client)),
        Err(error) => Err(error.into()),
    }
}

/// A key in PEM or DER.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let unreadable = |cause: String| file("a private key", path, cause);
    let bytes = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::EncryptedKey(path.to_owned()));
    }
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok(key),
        Err(error) => PrivateKeyDer::try_from(bytes.as_slice())
            .map(|key| key.clone_key())
            .map_err(|_| unreadable(error.to_string())),
    }
}

//! Connects to MySQL as the configuration says, and says what to do when that fails.

use crate::cause::Cause;
use crate::config::{MysqlConnection, MysqlTls};
use mysql::{ClientIdentity, Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A server of which nothing is heard for so long, once it has let us in, counts as lost.
const SILENCE: Duration = Duration::from_secs(60);

/// No event of a binary log is larger: MySQL's own limit of `slave_max_allowed_packet`.
const LARGEST_PACKET: usize = 1 << 30;

/// A session with a MySQL server.
#[derive(Debug)]
pub struct Session(pub(super) Conn);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No server answered.
    #[error("no MySQL server can be reached at {place}: {cause}")]
    Unreachable {
        /// Host and port.
        place: String,
        /// What the system said.
        #[source]
        cause: Cause,
    },
    /// Something listens and did not let us in in time.
    #[error("the MySQL server at {place} has not let us in within {seconds} s (connect_timeout)")]
    TooSlow {
        /// Host and port.
        place: String,
        /// `connect_timeout`.
        seconds: u64,
    },
    /// The server answered and let nobody in.
    #[error("the MySQL server at {place} refused the account {user}: {cause}")]
    Refused {
        /// Host and port.
        place: String,
        /// The account of the configuration.
        user: String,
        /// The server's message.
        #[source]
        cause: Cause,
        /// What in the configuration decides it.
        remedy: &'static str,
    },
    /// There is no TLS with the server as the configuration wants it.
    #[error("TLS to the MySQL server at {place}: {cause}")]
    Tls {
        /// Host and port.
        place: String,
        /// What is wrong.
        #[source]
        cause: Cause,
        /// What in the configuration decides it.
        remedy: &'static str,
    },
    /// A file that the configuration names can't be read.
    #[error("{what} {}: {cause}", path.display())]
    File {
        /// What it is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The server was lost, or answered what no MySQL server does.
    #[error("the MySQL server at {place}: {cause}")]
    Broken {
        /// Host and port.
        place: String,
        /// What happened.
        #[source]
        cause: Cause,
    },
}

impl ConnectError {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "Check that the server runs and that db_conn.host and db_conn.port of the source are right. To upgrade \
                 without MySQL: --offline."
            }
            Self::TooSlow { .. } => {
                "Check db_conn.host and db_conn.port of the source (does something else listen there?) and the way to it; \
                 raise db_conn.connect_timeout for a slow server. To upgrade without MySQL: --offline."
            }
            Self::Refused { remedy, .. } | Self::Tls { remedy, .. } => remedy,
            Self::File { .. } => {
                "Correct the path in db_conn of the source, or the file: it must be readable PEM."
            }
            Self::Broken { .. } => {
                "Check that db_conn.host and db_conn.port of the source lead to MySQL, see the error log of the server, and run \
                 again. To upgrade without MySQL: --offline."
            }
        }
    }
}

/// Host and port, for messages.
#[must_use]
pub fn place(connection: &MysqlConnection) -> String {
    format!("{}:{}", connection.host, connection.port)
}

/// Opens a session as `connection` says, TLS included. It blocks for at most `connect_timeout` in reaching the server,
/// and then for as long as a silent server is borne.
///
/// # Errors
/// [`ConnectError`], without the password.
pub(super) fn connect(connection: &MysqlConnection) -> Result<Conn, ConnectError> {
    let asked = options(connection, connection.tls.as_ref())?;
    Conn::new(asked).or_else(|error| {
        let wants_tls = connection.tls.is_none() && may_want_tls(&error);
        let refusal = refused(connection, error);
        if !wants_tls {
            return Err(refusal);
        }
        // The daemon hands no key about TLS on, and the PyMySQL that pip installs for it (1.2, seen) uses TLS without
        // looking at certificates wherever a server offers it.
        let encrypted = options(connection, Some(&MysqlTls::default()))?;
        Conn::new(encrypted).map_err(|_| refusal)
    })
}

/// Whether the server may let the account in with TLS that it doesn't let in without.
fn may_want_tls(error: &Error) -> bool {
    matches!(error, Error::MySqlError(server) if [ACCESS_DENIED, INSECURE_TRANSPORT].contains(&server.code))
}

/// MySQL's number for a wrong account, password or way to it.
const ACCESS_DENIED: u16 = 1045;

/// MySQL's number for `require_secure_transport`.
const INSECURE_TRANSPORT: u16 = 3159;

/// What the server or the driver says, without the driver's names of its types.
pub(super) fn describe(error: &Error) -> String {
    match (error, io_of(error)) {
        (_, Some(io)) if is_silence(io) => {
            format!("nothing was heard of the server for {} s", SILENCE.as_secs())
        }
        (_, Some(io)) => io.to_string(),
        (Error::MySqlError(error), _) => format!("{} [error {}]", error.message, error.code),
        (Error::DriverError(error), _) => error.to_string(),
        (error, _) => error.to_string(),
    }
}

/// What the system said, wherever the driver has put it.
fn io_of(error: &Error) -> Option<&io::Error> {
    match error {
        Error::IoError(error) => Some(error),
        Error::CodecError(error) => error.source()?.downcast_ref(),
        _ => None,
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn options(connection: &MysqlConnection, tls: Option<&MysqlTls>) -> Result<Opts, ConnectError> {
    let tls = tls.map(ssl).transpose()?;
    let builder = OptsBuilder::new()
        .ip_or_hostname(Some(connection.host.clone()))
        .tcp_port(connection.port)
        .prefer_socket(false)
        .user(Some(connection.user.clone()))
        .pass(connection.password.as_ref().map(|password| password.expose().to_owned()))
        .tcp_connect_timeout(Some(connection.connect_timeout))
        .read_timeout(Some(SILENCE))
        .write_timeout(Some(SILENCE))
        .max_allowed_packet(Some(LARGEST_PACKET))
        .stmt_cache_size(0)
        .ssl_opts(tls);
    Ok(builder.into())
}

fn ssl(tls: &MysqlTls) -> Result<SslOpts, ConnectError> {
    // The driver takes the cryptography of the process; when there is one already it is the same.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut options = SslOpts::default()
        .with_danger_accept_invalid_certs(!tls.verify_certificate)
        .with_danger_skip_domain_validation(!tls.verify_identity);
    if let Some(ca) = &tls.ca {
        readable("the certificates of ssl_ca", ca)?;
        options = options.with_root_cert_path(Some(ca.clone()));
    }
    if let (Some(certificate), Some(key)) = (&tls.cert, &tls.key) {
        readable("the certificate of ssl_cert", certificate)?;
        readable("the key of ssl_key", key)?;
        options = options.with_client_identity(Some(ClientIdentity::new(certificate.clone(), key.clone())));
    }
    Ok(options)
}

fn readable(what: &'static str, path: &Path) -> Result<(), ConnectError> {
    let unreadable = |cause| ConnectError::File { what, path: path.to_owned(), cause };
    std::fs::read(path).map(drop).map_err(unreadable)
}

fn refused(connection: &MysqlConnection, error: Error) -> ConnectError {
    let (place, user) = (place(connection), connection.user.clone());
    let words = describe(&error);
    let refused = |remedy, error| ConnectError::Refused {
        place: place.clone(),
        user,
        cause: Cause::of(words.clone(), error),
        remedy,
    };
    match &error {
        Error::MySqlError(server) => refused(remedy_of(server.code), error),
        // For an account that it does not know, a server answers with any of its methods (seen on MySQL 9.7).
        Error::DriverError(DriverError::UnknownAuthPlugin(_)) => refused(UNKNOWN_METHOD, error),
        Error::DriverError(DriverError::TlsNotSupported) => ConnectError::Tls {
            place,
            cause: Cause::of("the server offers none", error),
            remedy: "Let the server use TLS (ssl_cert and ssl_key in its configuration), or take the ssl_ keys out of \
                     db_conn of the source.",
        },
        Error::DriverError(DriverError::ConnectTimeout | DriverError::Timeout) => {
            ConnectError::TooSlow { place, seconds: connection.connect_timeout.as_secs() }
        }
        Error::DriverError(DriverError::CouldNotConnect(reason)) => {
            let words = reason.as_ref().map_or(words, |(_, description, _)| description.clone());
            ConnectError::Unreachable { place, cause: Cause::of(words, error) }
        }
        Error::TlsError(_) => tls_refused(place, Cause::of(words, error), WRONG_FILES),
        other => match io_of(other) {
            Some(io) if is_tls(io) => {
                let remedy = if is_strange(io) { STRANGE_CERTIFICATE } else { WRONG_FILES };
                tls_refused(place, Cause::of(words, error), remedy)
            }
            Some(io) if !was_reached(io) => {
                ConnectError::Unreachable { place, cause: Cause::of(words, error) }
            }
            _ => ConnectError::Broken { place, cause: Cause::of(words, error) },
        },
    }
}

const UNKNOWN_METHOD: &str = "Correct db_conn.user and db_conn.password of the source. If they are right, give the replica an account \
                              with mysql_native_password or caching_sha2_password.";

/// Whether somebody had answered before this happened.
fn was_reached(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    is_silence(error) || matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// Whether the server's certificate is of a kind that webpki takes for no server: its own authority, or of version 1.
/// OpenSSL takes both.
fn is_strange(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(error, Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(_))))
}

const WRONG_FILES: &str = "Check ssl_ca, ssl_cert, ssl_key and ssl_verify_identity in db_conn of the source: ssl_ca must hold the \
                           certificate of the authority that has signed the server's.";

const STRANGE_CERTIFICATE: &str = "The server's certificate is an authority's (one that has signed itself, say) or of version 1, which \
                                   chameleon-upgrade takes for no MySQL server's, though other clients do. Give the server one \
                                   of its own that an authority has signed; or, where the way to it is safe, set \
                                   ssl_verify_cert to no in db_conn of the source for the upgrade: it is encrypted all the same.";

fn tls_refused(place: String, cause: Cause, remedy: &'static str) -> ConnectError {
    ConnectError::Tls { place, cause, remedy }
}

fn remedy_of(code: u16) -> &'static str {
    match code {
        ACCESS_DENIED => {
            "Correct db_conn.user and db_conn.password of the source (the account must be allowed in from this machine)."
        }
        1130 | 1698 => "Let the account in from this machine: CREATE USER … @'<this machine>' on MySQL.",
        1129 => "The server has blocked this machine after too many errors: FLUSH HOSTS on MySQL.",
        1040 | 1203 | 1226 => {
            "Wait until other sessions have ended, or raise the limit of connections on MySQL."
        }
        1820 | 1862 => "The password has expired: set a new one on MySQL and in db_conn.password.",
        3118 | 4151 => "The account is locked: ALTER USER … ACCOUNT UNLOCK on MySQL.",
        INSECURE_TRANSPORT => "The server wants TLS: set ssl_ca in db_conn of the source.",
        _ => "See the server's message; the connection is set by db_conn of the source.",
    }
}

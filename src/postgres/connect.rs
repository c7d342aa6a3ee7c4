//! Connects as the configuration says, and says what to do when that fails.

use super::{describe, tls};
use crate::config::{PostgresConnection, SslMode};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_postgres::CancelToken;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long the server may take to answer at first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// When nothing is heard of the server for about a minute, the connection counts as lost.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// How long the whole of a connection may take, with the server's answers: a server that is frozen takes a
/// connection and never says a word.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long breaking off may take before it is left to the server to notice.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// A session on the server.
pub struct Session {
    client: Client,
    connection: JoinHandle<()>,
    tls: Option<MakeRustlsConnect>,
}

impl Session {
    /// The client to talk through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A handle that ends the session whatever it is doing.
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        Breaker {
            connection: self.connection.abort_handle(),
            token: self.client.cancel_token(),
            tls: self.tls.clone(),
        }
    }

    /// Ends the session and waits until the server has been told.
    pub async fn close(self) {
        let Self { client, connection, .. } = self;
        drop(client);
        // Whatever ended the connection, it has ended.
        let _ = connection.await;
    }
}

/// Ends a session whatever it is doing.
pub struct Breaker {
    connection: AbortHandle,
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
}

impl Breaker {
    /// Cuts the connection, and has the server give up the statement that it works on or waits with: else it would
    /// notice only at the end of the statement that nobody listens any more.
    pub async fn break_off(self) {
        self.connection.abort();
        let cancelled = async {
            match self.tls {
                Some(tls) => self.token.cancel_query(tls).await,
                None => self.token.cancel_query(NoTls).await,
            }
        };
        match tokio::time::timeout(CANCEL_TIMEOUT, cancelled).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(%error, "the statement can't be cancelled"),
            Err(_) => tracing::info!("the server doesn't take the request to cancel"),
        }
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No server answered.
    #[error("no PostgreSQL server can be reached at {place}: {cause}")]
    Unreachable {
        /// Host and port.
        place: String,
        /// What was tried last.
        cause: String,
    },
    /// The server answered and let nobody in.
    #[error("the PostgreSQL server at {place} refused the role {user} for the database {database}: {cause}")]
    Refused {
        /// Host and port.
        place: String,
        /// The role of the configuration.
        user: String,
        /// The database of the configuration.
        database: String,
        /// The server's message.
        cause: String,
        /// What in the configuration decides it.
        remedy: &'static str,
        /// Whether it is for pg_hba.conf or the certificates, so that another kind of connection may be let in.
        by_rule: bool,
    },
    /// The server is there, and no encrypted connection comes about.
    #[error("TLS to the PostgreSQL server at {place} (sslmode {mode}) fails: {cause}")]
    Handshake {
        /// Host and port.
        place: String,
        /// The mode of the configuration.
        mode: SslMode,
        /// What either side complains of.
        cause: String,
        /// What decides it.
        remedy: &'static str,
    },
    /// The certificates of the configuration can't be used.
    #[error("TLS to PostgreSQL: {0}")]
    Tls(#[from] tls::TlsError),
}

impl ConnectError {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreachable { .. } => {
                "Check that the server runs and that pg_conn.host, pg_conn.port and pg_conn.sslmode in the configuration \
                 are right."
                    .to_owned()
            }
            Self::Refused { remedy, .. } | Self::Handshake { remedy, .. } => (*remedy).to_owned(),
            Self::Tls(error) => error.remedy().to_owned(),
        }
    }
}

impl ConnectError {
    fn may_be_let_in_without_tls(&self) -> bool {
        matches!(self, Self::Handshake { .. } | Self::Refused { by_rule: true, .. })
    }
}

/// Opens a session as `connection` says, TLS included.
///
/// # Errors
/// [`ConnectError`], without the password.
pub async fn connect(connection: &PostgresConnection) -> Result<Session, ConnectError> {
    let PostgresConnection { host, port, user, database, sslmode, .. } = connection;
    tracing::info!(host, port, user, database, %sslmode, "connecting to PostgreSQL");
    let opened = tokio::time::timeout(LOGIN_TIMEOUT, open(connection)).await;
    let session = opened.unwrap_or_else(|_| {
        let cause = format!("it has not let anybody in within {} seconds", LOGIN_TIMEOUT.as_secs());
        Err(ConnectError::Unreachable { place: format!("{host}:{port}"), cause })
    });
    match &session {
        Ok(_) => tracing::debug!("connected"),
        Err(error) => tracing::info!(%error, "not connected"),
    }
    session
}

async fn open(connection: &PostgresConnection) -> Result<Session, ConnectError> {
    match connection.sslmode {
        SslMode::Disable => plain(connection).await,
        _ if connection.host.starts_with('/') => plain(connection).await,
        SslMode::Allow => match plain(connection).await {
            Err(ConnectError::Refused { .. }) => encrypted(connection).await,
            outcome => outcome,
        },
        SslMode::Prefer => match encrypted(connection).await {
            Err(error) if error.may_be_let_in_without_tls() => plain(connection).await.map_err(|_| error),
            outcome => outcome,
        },
        _ => encrypted(connection).await,
    }
}

async fn plain(connection: &PostgresConnection) -> Result<Session, ConnectError> {
    let mut config = config(connection);
    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
    let (client, driver) = config.connect(NoTls).await.map_err(|error| refused(connection, &error))?;
    Ok(Session { client, connection: tokio::spawn(async { drop(driver.await) }), tls: None })
}

async fn encrypted(connection: &PostgresConnection) -> Result<Session, ConnectError> {
    let mut config = config(connection);
    config.ssl_mode(match connection.sslmode {
        SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        _ => tokio_postgres::config::SslMode::Require,
    });
    let tls = tls::connector(connection)?;
    let (client, driver) = config.connect(tls.clone()).await.map_err(|error| refused(connection, &error))?;
    Ok(Session { client, connection: tokio::spawn(async { drop(driver.await) }), tls: Some(tls) })
}

fn config(connection: &PostgresConnection) -> Config {
    let (idle, interval, retries) = KEEPALIVE;
    let mut config = Config::new();
    config
        .host(&connection.host)
        .port(connection.port)
        .user(&connection.user)
        .dbname(&connection.database)
        .application_name("chameleon-upgrade")
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(idle)
        .keepalives_interval(interval)
        .keepalives_retries(retries);
    if let Some(password) = &connection.password {
        config.password(password.expose());
    }
    config
}

fn refused(connection: &PostgresConnection, error: &tokio_postgres::Error) -> ConnectError {
    let place = format!("{}:{}", connection.host, connection.port);
    let cause = describe(error);
    if let Some((cause, remedy)) = tls::handshake_failure(error) {
        return ConnectError::Handshake { place, mode: connection.sslmode, cause, remedy };
    }
    let no_password = connection.password.is_none() && cause.contains("password");
    let remedy = match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD && connection.sslcert.is_some() => {
            "Correct pg_conn.user and pg_conn.password in the configuration; the server may also ask that the common \
             name of the certificate in pg_conn.sslcert is the role's."
        }
        Some(code) => remedy(code),
        None if no_password => "Set pg_conn.password in the configuration: the server asks for one.",
        None => return ConnectError::Unreachable { place, cause },
    };
    let (user, database) = (connection.user.clone(), connection.database.clone());
    let by_rule = error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    ConnectError::Refused { place, user, database, cause, remedy, by_rule }
}

fn remedy(code: &SqlState) -> &'static str {
    if *code == SqlState::INVALID_PASSWORD {
        "Correct pg_conn.user and pg_conn.password in the configuration."
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        "Correct pg_conn.database in the configuration: it names the database that the 1.8.2 replica writes to."
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        "Check pg_conn.user, pg_conn.sslmode and (when the server asks for a certificate) pg_conn.sslcert and \
         pg_conn.sslkey in the configuration; the server's pg_hba.conf says whom it lets in."
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        "Wait until other sessions have ended, or raise max_connections."
    } else {
        "See the server's message; the connection is set by pg_conn in the configuration."
    }
}

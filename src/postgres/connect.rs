//! Connects as the configuration and libpq's other places say, host by host, and says what to do when that fails.

use super::environment::Environment;
use super::handover::Handover;
use super::origin::{Origin, PlaceError};
use super::places::{Host, Places, SessionAttributes, resolve};
use super::route::{Heard, Method, Overheard, Overhearing, Route, Stream};
use super::session::Session;
use super::{describe, tls};
use crate::cause::Cause;
use crate::config::{PostgresConnection, SslMode};
use std::sync::Once;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio_postgres::config::ChannelBinding;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// How long a server may take to answer at first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the whole of a connection may take, with the server's answers, when nobody says `connect_timeout`: a server
/// that is frozen takes a connection and never says a word.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No server answered.
    #[error("no PostgreSQL server can be reached at {place}: {cause}")]
    Unreachable {
        /// Host and port; several when there is a list.
        place: String,
        /// What was tried last.
        #[source]
        cause: Cause,
    },
    /// Servers answered, and none is of the kind that is asked for.
    #[error("none of the PostgreSQL servers at {place} is fit: {cause}")]
    Unfit {
        /// Hosts and ports.
        place: String,
        /// What is wrong with each.
        #[source]
        cause: Cause,
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
        #[source]
        cause: Cause,
        /// What decides it.
        remedy: String,
    },
    /// The server wants a proof that can't be given.
    #[error("the PostgreSQL server at {place} asks the role {user} for {method}, which {reason}")]
    Method {
        /// Host and port.
        place: String,
        /// The role of the configuration.
        user: String,
        /// What it asks for.
        method: String,
        /// Why it can't be given.
        reason: &'static str,
        /// What decides it.
        remedy: String,
    },
    /// The server answered, and then no more.
    #[error("the PostgreSQL server at {place} answered and broke off: {cause}")]
    Broken {
        /// Host and port.
        place: String,
        /// What happened.
        #[source]
        cause: Cause,
    },
    /// The server is there, and no encrypted connection comes about.
    #[error("TLS to the PostgreSQL server at {place} (sslmode {mode}) fails: {cause}")]
    Handshake {
        /// Host and port.
        place: String,
        /// The mode that was asked for.
        mode: SslMode,
        /// What either side complains of.
        #[source]
        cause: Cause,
        /// What decides it.
        remedy: &'static str,
    },
    /// The certificates can't be used.
    #[error("TLS to PostgreSQL: {0}")]
    Tls(#[from] tls::TlsError),
    /// Nobody knows where to connect.
    #[error("the connection to PostgreSQL: {0}")]
    Place(#[from] PlaceError),
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
            Self::Unfit { .. } => {
                "Name a server of that kind in pg_conn.host of the configuration, or ask for another kind: target_session_attrs \
                 in pg_conn, or PGTARGETSESSIONATTRS in the environment."
                    .to_owned()
            }
            Self::Broken { .. } => "See the server's log, and whether it is PostgreSQL that listens there (pg_conn.host and \
                                    pg_conn.port in the configuration)."
                .to_owned(),
            Self::Handshake { remedy, .. } => (*remedy).to_owned(),
            Self::Refused { remedy, .. } | Self::Method { remedy, .. } => remedy.clone(),
            Self::Tls(error) => error.remedy().to_owned(),
            Self::Place(error) => error.remedy(),
        }
    }
}

/// What came of one server.
enum Failure {
    /// The next one is asked: this one can't be reached, or isn't ready yet.
    Next(String),
    /// That is the answer.
    Final(ConnectError),
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    /// Whether the server may say something else to another kind of connection.
    fn is_answer(&self) -> bool {
        matches!(self, Self::Final(ConnectError::Refused { .. }))
    }

    /// Whether no encrypted connection comes about.
    fn is_without_tls(&self) -> bool {
        matches!(self, Self::Final(ConnectError::Handshake { .. } | ConnectError::Tls(_)))
    }
}

/// Opens a session as `connection` and libpq's other places say, TLS included.
///
/// # Errors
/// [`ConnectError`], without the password.
pub async fn connect(connection: &PostgresConnection) -> Result<Session, ConnectError> {
    let session = look_for_server(connection).await;
    match &session {
        Ok(_) => tracing::debug!("connected"),
        Err(error) => tracing::info!(%error, "not connected"),
    }
    session
}

async fn look_for_server(connection: &PostgresConnection) -> Result<Session, ConnectError> {
    let places = resolve(connection, &Environment::of_process())?;
    if let Some(passed_over) = &places.passed_over {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::warn!("{passed_over}"));
    }
    // Of a standby that is only preferred another one will do.
    let rounds: &[SessionAttributes] = match &places.attributes {
        SessionAttributes::PreferStandby => &[SessionAttributes::Standby, SessionAttributes::Any],
        one => std::slice::from_ref(one),
    };
    let (mut tried, mut answered) = (Vec::new(), false);
    for attributes in rounds {
        tried.clear();
        for host in &places.hosts {
            match session_on(&places, host).await {
                Ok(session) => match unfit(session.client(), *attributes).await {
                    Ok(None) => return Ok(session),
                    Ok(Some(reason)) => {
                        answered = true;
                        tried.push((host, reason.to_owned()));
                        session.close().await;
                    }
                    Err(error) => {
                        return Err(ConnectError::Broken {
                            place: host.to_string(),
                            cause: Cause::of(describe(&error), error),
                        });
                    }
                },
                Err(Failure::Next(cause)) => tried.push((host, cause)),
                Err(Failure::Final(error)) => return Err(error),
            }
        }
    }
    let place = tried.iter().map(|(host, _)| host.to_string()).collect::<Vec<_>>().join(", ");
    let cause = match tried.as_slice() {
        [(_, cause)] => cause.clone(),
        all => all.iter().map(|(host, cause)| format!("{host}: {cause}")).collect::<Vec<_>>().join("; "),
    };
    Err(if answered {
        ConnectError::Unfit { place, cause: cause.into() }
    } else {
        ConnectError::Unreachable { place, cause: cause.into() }
    })
}

/// What keeps a server from being of the kind that is asked for.
async fn unfit(client: &Client, wanted: SessionAttributes) -> Result<Option<&'static str>, Error> {
    if wanted == SessionAttributes::Any {
        return Ok(None);
    }
    let asked = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
    let Ok(rows) = tokio::time::timeout(LOGIN_TIMEOUT, client.simple_query(asked)).await else {
        return Ok(Some("it doesn't say what it is"));
    };
    let rows = rows?;
    let row = rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let (standby, read_only) = row.unwrap_or_default();
    Ok(match wanted {
        SessionAttributes::ReadWrite if read_only => Some("its sessions are read-only"),
        SessionAttributes::ReadOnly if !read_only => Some("its sessions are not read-only"),
        SessionAttributes::Primary if standby => Some("it is a standby"),
        SessionAttributes::Standby if !standby => Some("it is no standby"),
        _ => None,
    })
}

/// Tries the addresses of one host.
async fn session_on(places: &Places, host: &Host) -> Result<Session, Failure> {
    let Places { user, database, tls, .. } = places;
    tracing::info!(%host, user, database, sslmode = %tls.mode, "connecting to PostgreSQL");
    let mut last = "the name has no address".to_owned();
    for route in routes(host).await? {
        let longest = places.timeout.unwrap_or(LOGIN_TIMEOUT);
        let opened = tokio::time::timeout(longest, session_by(places, host, &route)).await;
        match opened {
            Ok(Err(Failure::Next(cause))) => last = cause,
            Ok(outcome) => return outcome,
            Err(_) => last = format!("it has not let anybody in within {} seconds", longest.as_secs()),
        }
    }
    Err(Failure::Next(last))
}

async fn routes(host: &Host) -> Result<Vec<Route>, Failure> {
    if host.is_socket() {
        return Ok(vec![Route::socket(&host.name, host.port)]);
    }
    if let Some(address) = host.address {
        return Ok(vec![Route::Tcp((address, host.port).into())]);
    }
    let looked_up = tokio::time::timeout(LOGIN_TIMEOUT, lookup_host((&*host.name, host.port))).await;
    match looked_up {
        Ok(Ok(addresses)) => Ok(addresses.map(Route::Tcp).collect()),
        Ok(Err(error)) => Err(Failure::Next(error.to_string())),
        Err(_) => Err(Failure::Next("nobody says which address the name has".to_owned())),
    }
}

/// Opens a session by one route, encrypted or not, as libpq's `sslmode` has it.
async fn session_by(places: &Places, host: &Host, route: &Route) -> Result<Session, Failure> {
    if matches!(route, Route::Socket(_)) {
        return plain(places, host, route).await;
    }
    match places.tls.mode {
        SslMode::Disable => plain(places, host, route).await,
        SslMode::Allow => match plain(places, host, route).await {
            Err(first) if first.is_answer() => match encrypted(places, host, route).await {
                Err(error) if error.is_without_tls() => Err(first),
                outcome => outcome,
            },
            outcome => outcome,
        },
        SslMode::Prefer => match encrypted(places, host, route).await {
            Err(first) if first.is_answer() || first.is_without_tls() => {
                plain(places, host, route).await.map_err(|_| first)
            }
            outcome => outcome,
        },
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => encrypted(places, host, route).await,
    }
}

async fn plain(places: &Places, host: &Host, route: &Route) -> Result<Session, Failure> {
    let mut config = config(places, host);
    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
    let heard = Heard::nothing(places.methods.clone());
    let stream = Overheard::new(open(places, route).await?, heard.clone());
    let (client, driver) =
        config.connect_raw(stream, NoTls).await.map_err(|error| judge(places, host, &heard, error))?;
    let handover = Handover::of(places, host, route);
    Ok(Session::new(client, tokio::spawn(async { drop(driver.await) }), route, None, handover, heard.ear))
}

async fn encrypted(places: &Places, host: &Host, route: &Route) -> Result<Session, Failure> {
    let mut config = config(places, host);
    config.ssl_mode(match places.tls.mode {
        SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        _ => tokio_postgres::config::SslMode::Require,
    });
    let mut connector = tls::connector(&places.tls, &host.name).map_err(ConnectError::from)?;
    let heard = Heard::nothing(places.methods.clone());
    let stream = Overheard::new(open(places, route).await?, heard.clone());
    let made = MakeTlsConnect::<Overheard<Stream>>::make_tls_connect(&mut connector.rustls, &connector.name);
    let tls = made.map_err(|error| ConnectError::Broken {
        place: host.to_string(),
        cause: Cause::of(error.to_string(), error),
    })?;
    let tls = Overhearing { tls, heard: heard.clone() };
    let (client, driver) =
        config.connect_raw(stream, tls).await.map_err(|error| judge(places, host, &heard, error))?;
    let handover = Handover::of(places, host, route);
    Ok(Session::new(
        client,
        tokio::spawn(async { drop(driver.await) }),
        route,
        Some(&connector),
        handover,
        heard.ear,
    ))
}

async fn open(places: &Places, route: &Route) -> Result<Stream, Failure> {
    // A time that somebody has set is for the whole.
    let longest = places.timeout.unwrap_or(CONNECT_TIMEOUT);
    match tokio::time::timeout(longest, route.open()).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Failure::Next(error.to_string())),
        Err(_) => Err(Failure::Next(format!("nobody answers within {} seconds", longest.as_secs()))),
    }
}

fn config(places: &Places, host: &Host) -> Config {
    let mut config = Config::new();
    config
        .user(&places.user)
        .dbname(&places.database)
        .application_name("chameleon-upgrade")
        .channel_binding(places.channel_binding);
    if let Some(options) = &places.options {
        config.options(options);
    }
    if let Some((password, _)) = &host.password {
        config.password(password.expose());
    }
    config
}

/// What a failure of the driver means.
fn judge(places: &Places, host: &Host, heard: &Heard, error: Error) -> Failure {
    let place = host.to_string();
    let (user, database) = (places.user.clone(), places.database.clone());
    let words = describe(&error);
    if let Some(method) = heard.forbidden() {
        let (method, reason) = (method.to_string(), "require_auth does not allow");
        let remedy =
            "Allow it in require_auth of pg_conn, or PGREQUIREAUTH in the environment, or have the server's \
                      pg_hba.conf ask for something else."
                .to_owned();
        return ConnectError::Method { place, user, method, reason, remedy }.into();
    }
    if let Some(method) = heard.method().filter(|method| !method.is_possible()) {
        return impossible(place, user, method).into();
    }
    if let Some((words, remedy)) = tls::handshake_failure(&error) {
        let cause = Cause::of(words, error);
        return ConnectError::Handshake { place, mode: places.tls.mode, cause, remedy }.into();
    }
    let by_password = heard.method().is_some_and(Method::is_by_password);
    let remedy = match error.code() {
        Some(code) if *code == SqlState::CANNOT_CONNECT_NOW => return Failure::Next(words),
        Some(code) if *code == SqlState::INVALID_PASSWORD => wrong_password(places, host),
        Some(code) => remedy(code).to_owned(),
        None if by_password && host.password.is_none() => no_password(places),
        None if places.channel_binding == ChannelBinding::Require && heard.method().is_some() => {
            "channel_binding=require (in pg_conn, or PGCHANNELBINDING in the environment) wants a scram-sha-256 password over \
             TLS: have the server's pg_hba.conf ask for that, or take it out."
                .to_owned()
        }
        None => return ConnectError::Broken { place, cause: Cause::of(words, error) }.into(),
    };
    let cause = Cause::of(words, error);
    ConnectError::Refused { place, user, database, cause, remedy }.into()
}

fn impossible(place: String, user: String, method: Method) -> ConnectError {
    let remedy = format!(
        "Put a line before the one that asks for it in the server's pg_hba.conf, which lets {user} in from this machine by \
         scram-sha-256, cert or (on a socket) peer; reload the server (SELECT pg_reload_conf();). The line can go after the \
         upgrade."
    );
    let reason = "chameleon-upgrade can't do";
    ConnectError::Method { place, user, method: method.to_string(), reason, remedy }
}

fn wrong_password(places: &Places, host: &Host) -> String {
    let mut remedy = match &host.password {
        None | Some((_, Origin::Configuration)) => {
            "Correct pg_conn.user and pg_conn.password in the configuration".to_owned()
        }
        Some((_, origin)) => {
            format!(
                "The password comes from {origin}: correct it there, or pg_conn.user in the configuration"
            )
        }
    };
    if places.tls.certificate.as_ref().is_some_and(|it| it.exists()) {
        remedy += "; the server may also ask that the common name of the certificate in pg_conn.sslcert is the role's";
    }
    remedy + "."
}

fn no_password(places: &Places) -> String {
    let mut remedy = "Set pg_conn.password in the configuration: the server asks for one, and libpq's password file \
                      (~/.pgpass, or the one that PGPASSFILE names) has none for this host, port, database and role"
        .to_owned();
    if let Some(passed_over) = &places.passed_over {
        remedy += &format!("; {passed_over}");
    }
    if places.misread_password.is_none() && std::env::var_os("PGPASSWORD").is_some() {
        remedy += "; PGPASSWORD is not asked, because pg_conn.password is there, if empty";
    }
    remedy + "."
}

fn remedy(code: &SqlState) -> &'static str {
    if *code == SqlState::INVALID_CATALOG_NAME {
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

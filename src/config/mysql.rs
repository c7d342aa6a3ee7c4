//! `db_conn` of a source of type `mysql`: how to reach the MySQL server.
//!
//! pg_chameleon 2.0.21 needs all six of `host`, `port`, `user`, `password`, `charset` and
//! `connect_timeout` (measured: without one of them it ends in a `KeyError`) and hands nothing else on.
//! How TLS is asked for here goes by the names of PyMySQL, the library it uses: `ssl_ca`, `ssl_cert`,
//! `ssl_key`, `ssl_verify_cert`, `ssl_verify_identity`, `ssl_disabled`, or a mapping `ssl`.

use std::path::PathBuf;
use std::time::Duration;

use super::error::Problem;
use super::field::Field;
use super::password::Password;

const A_FILE: &str = "the path of a file";

/// The connection to a MySQL server.
#[derive(Debug, Clone)]
pub struct MysqlConnection {
    /// A host name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The account's user name.
    pub user: String,
    /// The account's password; an empty one is none.
    pub password: Option<Password>,
    /// The connection's character set, as MySQL names it.
    pub charset: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// TLS, when the configuration asks for it.
    pub tls: Option<MysqlTls>,
}

/// TLS to a MySQL server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MysqlTls {
    /// The certificates of the authorities that may vouch for the server.
    pub ca: Option<PathBuf>,
    /// The client's certificate.
    pub cert: Option<PathBuf>,
    /// The key of the client's certificate.
    pub key: Option<PathBuf>,
    /// Whether an authority must vouch for the server. On when `ca` is given, unless switched off.
    pub verify_certificate: bool,
    /// Whether the certificate must name the host. Never on without `verify_certificate`.
    pub verify_identity: bool,
}

impl MysqlConnection {
    pub(super) fn read(db_conn: &Field<'_>) -> Result<Self, Problem> {
        let text = |name, expected| db_conn.require(name, expected)?.filled_text(expected);
        let seconds = "a number of seconds, from 1 to 31536000";
        let timeout = db_conn.require("connect_timeout", seconds)?.number(1_u32, 31_536_000, seconds)?;
        Ok(Self {
            host: text("host", "a host or an address")?,
            port: db_conn.require("port", "a TCP port, from 1 to 65535")?.port()?,
            user: text("user", "a user name")?,
            password: password(db_conn)?,
            charset: text("charset", "a character set such as utf8mb4")?,
            connect_timeout: Duration::from_secs(timeout.into()),
            tls: tls(db_conn)?,
        })
    }
}

fn password(db_conn: &Field<'_>) -> Result<Option<Password>, Problem> {
    let field = db_conn.require("password", "a password")?.secret();
    let password = field.text("a password: without one, write two quotes")?;
    Ok((!password.is_empty()).then(|| password.into()))
}

fn tls(db_conn: &Field<'_>) -> Result<Option<MysqlTls>, Problem> {
    if boolean(db_conn, "ssl_disabled")? == Some(true) {
        return Ok(None);
    }
    let from_mapping = match db_conn.get("ssl")? {
        Some(ssl) => Some(tls_of_mapping(&ssl)?),
        None => None,
    };
    let ca = path(db_conn, "ssl_ca")?;
    let cert = path(db_conn, "ssl_cert")?;
    let key = path(db_conn, "ssl_key")?;
    let verify_certificate = boolean(db_conn, "ssl_verify_cert")?;
    let verify_identity = boolean(db_conn, "ssl_verify_identity")?;
    let asked = ca.is_some()
        || cert.is_some()
        || key.is_some()
        || verify_certificate == Some(true)
        || verify_identity == Some(true);
    if !asked && from_mapping.is_none() {
        return Ok(None);
    }
    let mapping = from_mapping.unwrap_or_default();
    let ca_given_here = ca.is_some();
    let verify_identity = verify_identity.unwrap_or(mapping.verify_identity);
    let verify_certificate = verify_certificate.unwrap_or(mapping.verify_certificate || ca_given_here);
    Ok(Some(MysqlTls {
        ca: ca.or(mapping.ca),
        cert: cert.or(mapping.cert),
        key: key.or(mapping.key),
        verify_certificate: verify_certificate || verify_identity,
        verify_identity,
    }))
}

/// PyMySQL's `ssl` mapping: with a `ca` both checks are on unless switched off.
fn tls_of_mapping(ssl: &Field<'_>) -> Result<MysqlTls, Problem> {
    ssl.mapping("a mapping with ca, cert, key, verify_mode or check_hostname")?;
    let ca = path(ssl, "ca")?;
    let by_default = ca.is_some();
    let verify_certificate = verify_mode(ssl)?.unwrap_or(by_default);
    let verify_identity = verify_certificate && boolean(ssl, "check_hostname")?.unwrap_or(by_default);
    Ok(MysqlTls { ca, cert: path(ssl, "cert")?, key: path(ssl, "key")?, verify_certificate, verify_identity })
}

fn verify_mode(ssl: &Field<'_>) -> Result<Option<bool>, Problem> {
    let Some(field) = ssl.get("verify_mode")? else { return Ok(None) };
    let expected = "required, optional or none";
    match field.text(expected)?.to_lowercase().as_str() {
        "required" | "optional" | "true" | "yes" | "on" | "1" | "2" => Ok(Some(true)),
        "none" | "false" | "no" | "off" | "0" => Ok(Some(false)),
        _ => Err(field.refuse(expected)),
    }
}

fn path(mapping: &Field<'_>, name: &str) -> Result<Option<PathBuf>, Problem> {
    let Some(field) = mapping.get(name)? else { return Ok(None) };
    Ok(Some(field.filled_text(A_FILE)?.into()))
}

fn boolean(mapping: &Field<'_>, name: &str) -> Result<Option<bool>, Problem> {
    mapping.get(name)?.map(|field| field.boolean()).transpose()
}

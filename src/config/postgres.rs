//! `pg_conn`: how to reach the PostgreSQL server that holds the replica and its catalogue.
//!
//! pg_chameleon 2 uses `host`, `port`, `user`, `password` and `database`; see [`super::conninfo`] for
//! how their values are read. `sslmode`, `sslrootcert`, `sslcert` and `sslkey` have libpq's meaning and
//! may stand beside them.

use std::fmt;
use std::path::PathBuf;

use super::conninfo;
use super::error::Problem;
use super::field::Field;
use super::password::Password;

const QUOTING: &str = "a value in libpq's notation (a backslash before each space, quote and backslash)";
const SSL_MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";

/// The connection to PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresConnection {
    /// A host name, an address, or the folder of a Unix socket (it begins with `/`).
    pub host: String,
    /// The TCP port, or the number of the socket in its folder.
    pub port: u16,
    /// The role.
    pub user: String,
    /// The role's password; without one libpq looks into its password file.
    pub password: Option<Password>,
    /// The database that holds the replica and its catalogue.
    pub database: String,
    /// Whether the connection is encrypted, and the server checked.
    pub sslmode: SslMode,
    /// The certificates of the authorities that may vouch for the server.
    pub sslrootcert: Option<PathBuf>,
    /// The client's certificate.
    pub sslcert: Option<PathBuf>,
    /// The key of the client's certificate.
    pub sslkey: Option<PathBuf>,
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only when the server refuses without.
    Allow,
    /// TLS when the server offers it: libpq's default.
    #[default]
    Prefer,
    /// Always TLS, whoever the server is; with `sslrootcert`, as [`SslMode::VerifyCa`].
    Require,
    /// Always TLS, and an authority of `sslrootcert` vouches for the server.
    VerifyCa,
    /// As [`SslMode::VerifyCa`], and the certificate names the host.
    VerifyFull,
}

impl SslMode {
    fn parse(mode: &str) -> Option<Self> {
        const ALL: [SslMode; 6] = [
            SslMode::Disable,
            SslMode::Allow,
            SslMode::Prefer,
            SslMode::Require,
            SslMode::VerifyCa,
            SslMode::VerifyFull,
        ];
        ALL.into_iter().find(|known| known.as_str() == mode)
    }

    /// The mode as libpq spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The TLS settings found so far; a key of its own in `pg_conn` comes last and wins.
#[derive(Default)]
struct Tls {
    mode: SslMode,
    rootcert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl PostgresConnection {
    pub(super) fn read(pg_conn: &Field<'_>) -> Result<Self, Problem> {
        let mut tls = Tls::default();
        let database = libpq_value(pg_conn, "database", "the name of the database", &mut tls)?;
        let user = libpq_value(pg_conn, "user", "the name of a role", &mut tls)?;
        let host = libpq_value(pg_conn, "host", "a host, an address or the folder of a socket", &mut tls)?;
        let password = password(pg_conn, &mut tls)?;
        let port = pg_conn.require("port", "a TCP port, from 1 to 65535")?.port()?;
        for keyword in ["sslmode", "sslrootcert", "sslcert", "sslkey"] {
            if let Some(field) = pg_conn.get(keyword)? {
                let value = field.filled_text(tls_expectation(keyword))?;
                tls.set(keyword, &value).map_err(|expected| field.refuse(expected))?;
            }
        }
        let Tls { mode: sslmode, rootcert: sslrootcert, cert: sslcert, key: sslkey } = tls;
        Ok(Self { host, port, user, password, database, sslmode, sslrootcert, sslcert, sslkey })
    }
}

impl Tls {
    /// Takes one setting.
    ///
    /// # Errors
    /// What the value should be.
    fn set(&mut self, keyword: &str, value: &str) -> Result<(), &'static str> {
        match keyword {
            "sslmode" => self.mode = SslMode::parse(value).ok_or(SSL_MODES)?,
            "sslrootcert" => self.rootcert = Some(value.into()),
            "sslcert" => self.cert = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            _ => return Err("no setting in it but sslmode, sslrootcert, sslcert and sslkey"),
        }
        Ok(())
    }
}

fn tls_expectation(keyword: &str) -> &'static str {
    if keyword == "sslmode" { SSL_MODES } else { "the path of a file" }
}

/// The password may be missing or empty: libpq takes an empty one for none.
fn password(pg_conn: &Field<'_>, tls: &mut Tls) -> Result<Option<Password>, Problem> {
    let Some(field) = pg_conn.get("password")? else { return Ok(None) };
    let value = read_libpq_value(&field.secret(), "a password", tls)?;
    Ok((!value.is_empty()).then(|| value.into()))
}

fn libpq_value(pg_conn: &Field<'_>, name: &str, expected: &str, tls: &mut Tls) -> Result<String, Problem> {
    let field = pg_conn.require(name, expected)?;
    match read_libpq_value(&field, expected, tls)? {
        value if value.is_empty() => Err(field.refuse(expected)),
        value => Ok(value),
    }
}

fn read_libpq_value(field: &Field<'_>, expected: &str, tls: &mut Tls) -> Result<String, Problem> {
    let text = field.text(expected)?;
    let reading = conninfo::read_value(&text).map_err(|found| field.refuse_as(found, QUOTING))?;
    for (keyword, value) in &reading.settings {
        tls.set(keyword, value)
            .map_err(|expected| field.refuse_as("holds another setting of libpq", expected))?;
    }
    Ok(reading.value)
}

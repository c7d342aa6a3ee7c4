//! `pg_conn`: how to reach the PostgreSQL server that holds the replica and its catalogue.
//!
//! pg_chameleon 2 uses `host`, `port`, `user`, `password` and `database`: it writes them into one string for libpq, which
//! may hold more of libpq's settings (see [`super::conninfo`]). `sslmode`, `sslrootcert`, `sslcert` and `sslkey` may stand
//! beside them, with libpq's meaning. What none of it says, libpq takes from elsewhere: see `postgres::places`.

use std::collections::BTreeMap;
use std::fmt;

use super::conninfo::{self, Keyword};
use super::error::Problem;
use super::field::Field;
use super::password::Password;

const QUOTING: &str = "a value in libpq's notation (a backslash before each space, quote and backslash)";
const PORTS: &str = "a TCP port, from 1 to 65535";
const SETTING: &str = "no other setting of libpq than those that chameleon-upgrade knows: channel_binding, connect_timeout, \
                       hostaddr, options, passfile, require_auth, service, target_session_attrs, gssencmode and those of \
                       TLS";

/// The keys of `pg_conn` that pg_chameleon doesn't read, and libpq's settings of the same name.
const OWN: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

/// The connection to PostgreSQL, as far as the configuration says it.
#[derive(Debug, Clone)]
pub struct PostgresConnection {
    /// One or several, with commas between them: host names, addresses, or folders of Unix sockets (which begin with `/`,
    /// or with `@` where Linux keeps them without a file).
    pub host: String,
    /// One TCP port, or one for each host; of a socket it is the number in its name.
    pub port: String,
    /// The role.
    pub user: String,
    /// The role's password. Without one, and with an empty one, libpq looks into its password file; without one it asks
    /// PGPASSWORD first.
    pub password: Option<Password>,
    /// The database that holds the replica and its catalogue.
    pub database: String,
    /// Further settings of libpq, by their keywords. None of them is a secret.
    pub settings: BTreeMap<&'static str, String>,
    /// What pg_chameleon 2.0.21 makes of an entry for the password that is none.
    pub misread_password: Option<MisreadPassword>,
}

/// A password that pg_chameleon 2.0.21 takes for another one than was meant (measured).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MisreadPassword {
    /// There is no entry: every command ends in a `KeyError`.
    Missing,
    /// An empty text, which it writes without quotes: libpq takes the port for it.
    Empty,
    /// The entry is empty: it takes the word `None`.
    Null,
}

/// The values of `sslmode`.
pub const SSL_MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";

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
    /// The mode that libpq spells so.
    #[must_use]
    pub fn parse(mode: &str) -> Option<Self> {
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

impl fmt::Display for MisreadPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "password is missing. Every command of pg_chameleon 2.0.21 ends at that",
            Self::Empty => {
                "password is an empty text. pg_chameleon 2.0.21 writes it without quotes, and libpq then takes the port's entry \
                 for the password, and the usual port: its daemon can't connect, unless that is the port and the server asks \
                 for no password"
            }
            Self::Null => {
                "password is empty. pg_chameleon 2.0.21 takes the word None for it: its daemon can't connect where the server \
                 asks for a password"
            }
        })
    }
}

impl PostgresConnection {
    pub(super) fn read(pg_conn: &Field<'_>) -> Result<Self, Problem> {
        let database = Entry::read(pg_conn, "database", "the name of the database")?;
        let user = Entry::read(pg_conn, "user", "the name of a role")?;
        let host = Entry::read(pg_conn, "host", "a host, an address or the folder of a socket")?;
        let (password, misread_password) = password(pg_conn)?;
        let port = Entry::read(pg_conn, "port", PORTS)?;
        let mut settings = BTreeMap::new();
        // As libpq reads them: one after the other, and the last one wins.
        for (keyword, entry) in [
            ("dbname", Some(&database)),
            ("user", Some(&user)),
            ("host", Some(&host)),
            ("password", password.as_ref()),
            ("port", Some(&port)),
        ] {
            let Some(entry) = entry else { continue };
            settings.insert(keyword, entry.reading.value.clone());
            for (name, value) in &entry.reading.settings {
                // The keyword of old.
                if name == "requiressl" {
                    let mode = if value.starts_with('1') { SslMode::Require } else { SslMode::Prefer };
                    settings.insert("sslmode", mode.to_string());
                    continue;
                }
                match Keyword::of(name) {
                    Keyword::Counts(keyword) => {
                        allow(keyword, value).map_err(|it| entry.refuse_setting(name, it))?;
                        settings.insert(keyword, value.clone());
                    }
                    Keyword::WithoutEffect => {}
                    Keyword::Unknown => return Err(entry.refuse_setting(name, SETTING)),
                }
            }
        }
        for keyword in OWN {
            if let Some(field) = pg_conn.get(keyword)? {
                let expected = if keyword == "sslmode" { SSL_MODES } else { "the path of a file" };
                let value = field.filled_text(expected)?;
                allow(keyword, &value).map_err(|expected| field.refuse(expected))?;
                settings.insert(keyword, value);
            }
        }
        let mut take = |keyword: &str| settings.remove(keyword).unwrap_or_default();
        Ok(Self {
            host: take("host"),
            port: ports(take("port")).ok_or_else(|| port.field.refuse(PORTS))?,
            user: filled(take("user"), &user)?,
            database: filled(take("dbname"), &database)?,
            password: settings.remove("password").map(Password::from),
            settings,
            misread_password,
        })
    }

    /// What libpq finds in the environment, for a program that connects as this says: the password is in no process
    /// title there.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("PGHOST", self.host.clone()),
            ("PGPORT", self.port.clone()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
        ];
        environment.extend(self.password.as_ref().map(|it| ("PGPASSWORD", it.expose().to_owned())));
        let settings = self.settings.iter();
        environment.extend(
            settings.filter_map(|(keyword, value)| Some((conninfo::variable(keyword)?, value.clone()))),
        );
        environment
    }
}

/// An entry of `pg_conn` that pg_chameleon writes into the string.
struct Entry<'d> {
    field: Field<'d>,
    expected: &'static str,
    reading: conninfo::Reading,
    secret: bool,
}

impl<'d> Entry<'d> {
    fn read(pg_conn: &Field<'d>, name: &str, expected: &'static str) -> Result<Self, Problem> {
        let field = pg_conn.require(name, expected)?;
        let text = field.filled_text(expected)?;
        // It may hold a password.
        if text.contains("://") {
            return Err(field.refuse_as("is a URL", expected));
        }
        Self::of(field, &text, expected)
    }

    fn of(field: Field<'d>, text: &str, expected: &'static str) -> Result<Self, Problem> {
        let reading = conninfo::read_value(text).map_err(|found| field.refuse_as(found, QUOTING))?;
        Ok(Self { field, expected, reading, secret: false })
    }

    /// A setting in the value that can't be. What stands behind a password may be a part of it, and is not shown.
    fn refuse_setting(&self, name: &str, expected: &str) -> Problem {
        let found = if self.secret {
            "holds another setting of libpq".to_owned()
        } else {
            format!("holds another setting of libpq, {name}")
        };
        self.field.refuse_as(found, expected)
    }
}

/// The password may be missing or empty; pg_chameleon makes something else of that.
fn password<'d>(pg_conn: &Field<'d>) -> Result<(Option<Entry<'d>>, Option<MisreadPassword>), Problem> {
    let Some(field) = pg_conn.find("password")? else { return Ok((None, Some(MisreadPassword::Missing))) };
    if field.is_null() {
        return Ok((None, Some(MisreadPassword::Null)));
    }
    let field = field.secret();
    let expected = "a password";
    let text = field.text(expected)?;
    if text.trim().is_empty() {
        return Ok((None, Some(MisreadPassword::Empty)));
    }
    let entry = Entry::of(field, &text, expected)?;
    Ok((Some(Entry { secret: true, ..entry }), None))
}

fn filled(value: String, entry: &Entry<'_>) -> Result<String, Problem> {
    if value.is_empty() { Err(entry.field.refuse(entry.expected)) } else { Ok(value) }
}

/// One port or several, as libpq reads them; an empty one is the usual one.
fn ports(text: String) -> Option<String> {
    let valid = |port: &str| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
    text.split(',').all(|port| valid(port.trim())).then_some(text)
}

/// Whether a setting can be met, as far as the value tells.
///
/// # Errors
/// What the value should be.
fn allow(keyword: &str, value: &str) -> Result<(), &'static str> {
    match keyword {
        "sslmode" => SslMode::parse(value).map(drop).ok_or(SSL_MODES),
        _ => Ok(()),
    }
}

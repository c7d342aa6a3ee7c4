//! pg_chameleon 2 writes the values of `pg_conn` into a libpq connection string without quoting them
//! (measured with 2.0.21), so each means what libpq reads there: a backslash takes the next character
//! as it is, quotes group, and a space ends the value and begins another setting, which is how
//! `sslmode` gets into a configuration of pg_chameleon.

/// The five that pg_chameleon writes, as libpq names them and in its order.
pub(super) const WRITTEN: [&str; 5] = ["dbname", "user", "host", "password", "port"];

/// libpq's settings that count here, each with the variable of the environment that says it where nothing else does.
pub const SETTINGS: [(&str, &str); 20] = [
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("gssencmode", "PGGSSENCMODE"),
    ("hostaddr", "PGHOSTADDR"),
    ("options", "PGOPTIONS"),
    ("passfile", "PGPASSFILE"),
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("service", "PGSERVICE"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("sslcert", "PGSSLCERT"),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslkey", "PGSSLKEY"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslsni", "PGSSLSNI"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// Settings of libpq that change neither who is let in nor what is done there.
const WITHOUT_EFFECT: [&str; 13] = [
    "application_name",
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "sslcompression",
    "tcp_user_timeout",
];

/// What a keyword of libpq is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    /// It counts.
    Counts(&'static str),
    /// It may stand there.
    WithoutEffect,
    /// This program can't do it, or libpq doesn't know it either.
    Unknown,
}

impl Keyword {
    /// What this keyword is.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let mut counting = WRITTEN.into_iter().chain(SETTINGS.into_iter().map(|(keyword, _)| keyword));
        match counting.find(|keyword| *keyword == name) {
            Some(keyword) => Self::Counts(keyword),
            None if WITHOUT_EFFECT.contains(&name) => Self::WithoutEffect,
            None => Self::Unknown,
        }
    }
}

/// The variable of the environment that says a setting where nothing else does.
#[must_use]
pub fn variable(keyword: &str) -> Option<&'static str> {
    SETTINGS.into_iter().find(|(known, _)| *known == keyword).map(|(_, variable)| variable)
}

/// All variables of the environment by which libpq may be told whom to connect to, and how.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let written = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGREQUIRESSL"];
    SETTINGS.into_iter().map(|(_, variable)| variable).chain(written)
}

/// What libpq reads in the place of one value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub value: String,
    /// The settings that follow it in the same text.
    pub settings: Vec<(String, String)>,
}

/// Reads `text` as libpq reads it after `keyword=`.
///
/// # Errors
/// What is wrong with it, as a predicate that shows none of it.
pub(super) fn read_value(text: &str) -> Result<Reading, &'static str> {
    let mut rest = text;
    let value = next_value(&mut rest)?;
    let mut settings = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_space);
        if rest.is_empty() {
            return Ok(Reading { value, settings });
        }
        let keyword = next_keyword(&mut rest)?;
        settings.push((keyword, next_value(&mut rest)?));
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn next_keyword(rest: &mut &str) -> Result<String, &'static str> {
    let (keyword, after) =
        rest.split_once('=').ok_or("holds a space without quotes, which pg_chameleon can't connect with")?;
    let keyword = keyword.trim_end_matches(is_space);
    if keyword.is_empty() || keyword.contains(is_space) {
        return Err("holds a space without quotes, which pg_chameleon can't connect with");
    }
    *rest = after;
    Ok(keyword.to_owned())
}

fn next_value(rest: &mut &str) -> Result<String, &'static str> {
    *rest = rest.trim_start_matches(is_space);
    let quoted = rest.strip_prefix('\'');
    let mut characters = quoted.unwrap_or(rest).chars();
    let mut value = String::new();
    loop {
        let before = characters.as_str();
        match characters.next() {
            Some('\\') => value.push(characters.next().ok_or("ends in a backslash")?),
            Some('\'') if quoted.is_some() => {
                *rest = characters.as_str();
                return Ok(value);
            }
            Some(space) if quoted.is_none() && is_space(space) => {
                *rest = before;
                return Ok(value);
            }
            Some(character) => value.push(character),
            None if quoted.is_some() => return Err("begins with a quote that nothing closes"),
            None => {
                *rest = "";
                return Ok(value);
            }
        }
    }
}

//! The kinds of server, as they are named on the command line: `local`, `local:16`, `docker`,
//! `docker:postgres:16`, and the URL of an existing server.

use super::{DockerOptions, LocalOptions, Server, ServerError, ServerUrl, WrongUrl, docker, local, url};
use std::fmt;
use std::str::FromStr;

/// Which kind of server to use, with what it needs to know.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Installed programs, a temporary folder.
    Local(LocalOptions),
    /// A container.
    Docker(DockerOptions),
    /// An existing server, by its URL.
    Url(ServerUrl),
}

impl Kind {
    /// Starts a server of this kind, or connects to it.
    ///
    /// # Errors
    /// [`ServerError`], with the remedy where there is one.
    pub fn start(&self) -> Result<Box<dyn Server>, ServerError> {
        Ok(match self {
            Self::Local(options) => Box::new(local(options)?),
            Self::Docker(options) => Box::new(docker(options)?),
            Self::Url(address) => Box::new(url(address)?),
        })
    }
}

impl Kind {
    /// The same kind for many small databases: a local server keeps its files in memory, where there is room.
    #[must_use]
    pub fn in_memory(self) -> Self {
        match self {
            Self::Local(options) => Self::Local(LocalOptions { in_memory: true, ..options }),
            other => other,
        }
    }

    /// The same kind for measurements: the server waits for the disk, as production's does.
    #[must_use]
    pub fn durable(self) -> Self {
        match self {
            Self::Local(options) => Self::Local(LocalOptions { fsync: true, in_memory: false, ..options }),
            Self::Docker(mut options) => {
                options.settings.extend(["fsync", "full_page_writes"].map(|name| (name.into(), "on".into())));
                Self::Docker(options)
            }
            // It is set as its owner wants it.
            Self::Url(url) => Self::Url(url),
        }
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self::Local(LocalOptions::default())
    }
}

impl fmt::Display for Kind {
    /// The kind's name alone: a URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "local",
            Self::Docker(_) => "docker",
            Self::Url(_) => "url",
        })
    }
}

/// A server was named in a way that no kind has.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum UnknownKind {
    /// No kind.
    #[error(
        "unknown kind of server: use `local`, `local:MAJOR` (a version of PostgreSQL such as 16), `docker`, \
         `docker:IMAGE:TAG`, or a URL such as `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"
    )]
    Name,
    /// No URL.
    #[error(transparent)]
    Url(#[from] WrongUrl),
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Url(text.parse()?));
        }
        match text.split_once(':') {
            None if text == "local" => Ok(Self::default()),
            None if text == "docker" => Ok(Self::Docker(DockerOptions::default())),
            Some(("local", major)) => {
                let major = Some(major.parse().map_err(|_| UnknownKind::Name)?);
                Ok(Self::Local(LocalOptions { major, ..LocalOptions::default() }))
            }
            Some(("docker", image)) if !image.is_empty() => {
                Ok(Self::Docker(DockerOptions { image: Some(image.to_owned()), ..DockerOptions::default() }))
            }
            _ => Err(UnknownKind::Name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_documented() {
        assert!(matches!("local".parse(), Ok(Kind::Local(LocalOptions { major: None, .. }))));
        assert!(matches!("local:16".parse(), Ok(Kind::Local(LocalOptions { major: Some(16), .. }))));
        assert!(matches!("docker".parse(), Ok(Kind::Docker(DockerOptions { image: None, .. }))));
        let Ok(Kind::Docker(options)) = "docker:registry:5000/postgres:16".parse() else { panic!() };
        assert_eq!(options.image.as_deref(), Some("registry:5000/postgres:16"));
        assert!(matches!("postgres://me:secret@db/x".parse(), Ok(Kind::Url(_))));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "locale", "local:", "local:x", "docker:", "mysql://db/x", "url", "postgres://me@db:99999/x"]
        {
            assert!(text.parse::<Kind>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        let kind: Kind = "postgres://me:secret@db/x".parse().unwrap();
        assert!(!format!("{kind:?} {kind}").contains("secret"));
    }
}

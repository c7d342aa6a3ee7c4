//! The configuration of the copy: the administrator's own text, in which only `pg_conn` is another.

use crate::chameleon::home::Configuration;
use chameleon_upgrade::config::{ConfigurationError, location};
use std::path::{Path, PathBuf};

/// A configuration that can't be used for a rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum UnusableConfiguration {
    /// It can't be read.
    #[error(transparent)]
    Unreadable(#[from] ConfigurationError),
    /// Its connection can't be replaced.
    #[error(
        "the configuration {} has no pg_conn at the beginning of a line, which would be replaced by the throwaway \
         server's: write it as a block of its own", .0.display()
    )]
    NoConnection(PathBuf),
}
/// The configuration at `path`, with the throwaway server's connection instead of its own.
///
/// # Errors
/// [`UnusableConfiguration`].
pub fn of(path: &Path) -> Result<Configuration, UnusableConfiguration> {
    let text = location::read(path)?;
    around_connection(&text).ok_or_else(|| UnusableConfiguration::NoConnection(path.to_owned()))
}

/// Takes out the lines of the top-level key `pg_conn`: up to the next line that begins with something else than a
/// space, a comment or a brace. All other lines stay as they are and where they are, and so mean what they meant.
fn around_connection(text: &str) -> Option<Configuration> {
    let begins =
        |line: &&str| ["pg_conn:", "\"pg_conn\":", "'pg_conn':"].iter().any(|key| line.starts_with(key));
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(begins)?;
    let within = |line: &&&str| line.is_empty() || line.starts_with([' ', '#', '}']);
    let taken_out = lines[first + 1..].iter().take_while(within).count();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    Some(Configuration::Around {
        before: joined(&lines[..first]),
        after: "\n".repeat(taken_out) + &joined(&lines[first + 1 + taken_out..]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_connection_is_replaced() {
        let text = "# mine\npid_dir: '~/.pg_chameleon/pid/'\npg_conn:\n  host: production\n  # here too\n\n  password: secret\n\
                    sources:\n  a:\n    gtid_enable: no\n    pg_conn: not this one\n";
        assert_eq!(
            around_connection(text),
            Some(Configuration::Around {
                before: "# mine\npid_dir: '~/.pg_chameleon/pid/'\n".to_owned(),
                after: "\n\n\n\nsources:\n  a:\n    gtid_enable: no\n    pg_conn: not this one\n".to_owned(),
            })
        );
        assert_eq!(
            around_connection("pg_conn: {\n  host: a,\n}\nsources: {}\n"),
            Some(Configuration::Around { before: String::new(), after: "\n\nsources: {}\n".to_owned() })
        );
        assert_eq!(around_connection("sources: {}\n"), None);
        assert_eq!(around_connection("  pg_conn: {}\n"), None);
    }
}

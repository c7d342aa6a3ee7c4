//! The configuration of the copy: the administrator's own text, in which only `pg_conn` is another.

use crate::chameleon::home::Configuration;
use chameleon_upgrade::config::{self, ConfigurationError, location};
use std::path::{Path, PathBuf};

/// A configuration that can't be used for a rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum UnusableConfiguration {
    /// It can't be read.
    #[error(transparent)]
    Unreadable(#[from] ConfigurationError),
    /// Its connection can't be replaced.
    #[error("the configuration {} has no pg_conn, which would be replaced by the throwaway server's", .0.display())]
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

/// Takes out the value of the top-level key `pg_conn`. All else stays as it is and in its line, and so means what it meant.
fn around_connection(text: &str) -> Option<Configuration> {
    let connection = config::value_of(text, "pg_conn")?;
    let lines = "\n".repeat(text[connection.clone()].matches('\n').count());
    Some(Configuration::Around {
        before: text[..connection.start].to_owned(),
        after: lines + &text[connection.end..],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Address;

    const OWN: [&str; 6] = [
        "# mine\r\npg_conn: # here\r\n    host: production\r\n    password: 'secret'\r\n\r\nsources:\r\n  a: {gtid_enable: no}\r\n",
        "# mine\npid_dir: '~/p/'\npg_conn:\n  host: production\n  # here too\n\n  password: secret\nsources:\n  a:\n    gtid_enable: no\n    \
         pg_conn: not this one\n",
        "pg_conn: {\n  host: production,\n  password: 'secret'}\nsources: {a: {gtid_enable: no}}\n",
        "{\"sources\":{\"a\":{\"gtid_enable\":false}},\"pg_conn\":{\"host\":\"production\",\n\"password\":\"secret\"}}",
        "\u{feff}---\n? pg_conn\n: &pg\n  host: production\n  password: secret # end\nsources:\n  a: {gtid_enable: no}\n...\n",
        "of: &of {host: production, password: secret}\npg_conn: *of\nsources: {a: {gtid_enable: no}}\n",
    ];

    #[test]
    fn only_the_connection_is_replaced() {
        let address = Address {
            host: "throwaway".to_owned(),
            port: 5432,
            user: "user".to_owned(),
            password: "it's \"mine\"".to_owned().into(),
            maintenance_database: "postgres".to_owned(),
        };
        for own in OWN {
            let copied = around_connection(own).unwrap().text(&address, "copy");
            let line = |text: &str| text.lines().position(|line| line.contains("gtid_enable"));
            assert_eq!(line(&copied), line(own), "{copied}");
            // The mark at the beginning is nothing that this reader takes.
            let read = |text: &str| -> yaml_serde::Value {
                yaml_serde::from_str(text.trim_start_matches('\u{feff}')).unwrap()
            };
            let (own, copied) = (read(own), read(&copied));
            assert_eq!(copied["sources"], own["sources"], "{copied:?}");
            assert_eq!(copied["pg_conn"]["host"], "throwaway");
            assert_eq!(copied["pg_conn"]["password"], "it's \"mine\"");
        }
        assert_eq!(around_connection("sources: {}\n"), None);
        assert_eq!(around_connection("  pg_cond: {}\n"), None);
    }
}

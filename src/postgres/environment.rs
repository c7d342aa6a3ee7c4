//! What libpq takes from the process: variables, the home folder, the folder of the system's settings.

use std::collections::BTreeMap;
use std::env;
#[cfg(test)]
use std::path::Path;
use std::path::PathBuf;

/// What libpq was compiled with where its packages come from: Debian's, and PostgreSQL's own for Red Hat's systems.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql"];

/// Where libpq looks for the socket when no host is named: so in all packages of Linux, psycopg2's own too.
pub(super) const SOCKET_FOLDER: &str = "/var/run/postgresql";

/// The surroundings of the process, as data.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    variables: BTreeMap<String, String>,
    /// The home folder, when there is one.
    pub home: Option<PathBuf>,
}

impl Environment {
    /// That of this process. The variables that begin with PG are of interest.
    pub fn of_process() -> Self {
        let variables = env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with("PG"))?;
            Some((name, value.into_string().ok()?))
        });
        // HOME, or what the password database says; an empty one is none.
        let home = env::home_dir().filter(|home| !home.as_os_str().is_empty());
        Self { variables: variables.collect(), home }
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)], home: Option<&Path>) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: variables.collect(), home: home.map(Path::to_owned) }
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A file in the home folder.
    pub fn at_home(&self, name: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(name))
    }

    /// Where `pg_service.conf` of the whole system may be.
    pub fn system_folders(&self) -> Vec<PathBuf> {
        match self.variable("PGSYSCONFDIR") {
            Some(folder) => vec![folder.into()],
            None => SYSTEM_FOLDERS.map(PathBuf::from).to_vec(),
        }
    }
}

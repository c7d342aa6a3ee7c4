//! The pg_chameleon 2 whose daemon is tried: the one that is named, that of this machine, or 2.0.21 from PyPI in an
//! environment of its own, which goes with this value.

use crate::process::{running, scratch, tools};
use chameleon_upgrade::daemon::installed::{self, INSTALL, Installed, NoProgram, REQUIREMENTS};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// What it needs to come to MySQL's accounts without TLS.
const BESIDE: &str = "cryptography";
/// How long PyPI may take.
const INSTALLING: Duration = Duration::from_secs(600);

/// A pg_chameleon 2.
#[derive(Debug)]
pub struct Program {
    /// The Python that it runs with.
    pub python: PathBuf,
    /// Its program.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
    _environment: Option<TempDir>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NoDaemon {
    /// What is named is none.
    #[error("--daemon {}: {cause}", named.display())]
    Named {
        /// What was named.
        named: PathBuf,
        /// What it is not.
        cause: NoProgram,
    },
    /// What is named is no pg_chameleon 2.
    #[error("--daemon {}: it is no pg_chameleon 2 that answers", .0.display())]
    Silent(PathBuf),
    /// None is installed, and none can be.
    #[error(
        "no pg_chameleon 2 is on the PATH, and 2.0.21 can't be installed from PyPI for the rehearsal: {0}. Install it ({INSTALL}), \
         or name it with --daemon"
    )]
    NotInstalled(String),
}

impl Program {
    /// The one that `named` names, else the first that is there.
    ///
    /// # Errors
    /// [`NoDaemon`].
    pub fn find(named: Option<&Path>) -> Result<Self, NoDaemon> {
        let found = installed::Program::find(named).map_err(|cause| NoDaemon::Named {
            named: named.map(Path::to_owned).unwrap_or_default(),
            cause,
        })?;
        if let Some(found) = found {
            // One that would not run on the day is rehearsed only where it is asked for.
            let fits = |program: &Self| named.is_some() || !installed::is_too_early(&program.version);
            if let Some(program) = Self::asked(found.python(), found.path(), None).filter(fits) {
                return Ok(program);
            }
            if let Some(named) = named {
                return Err(NoDaemon::Silent(named.to_owned()));
            }
        }
        if let Ok(folder) = tools::chameleon2()
            && let Some(program) =
                Self::asked(&folder.join("bin/python"), &folder.join("bin/chameleon"), None)
        {
            return Ok(program);
        }
        Self::from_pypi()
    }

    fn asked(python: &Path, path: &Path, environment: Option<TempDir>) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let found = installed::Program::find(Some(path)).ok()??;
        let version = runtime.block_on(Installed::ask(&found, []))?.pg_chameleon?;
        Some(Self { python: python.to_owned(), path: path.to_owned(), version, _environment: environment })
    }

    fn from_pypi() -> Result<Self, NoDaemon> {
        let failed = |error: io::Error| NoDaemon::NotInstalled(error.to_string());
        let parent = scratch::folder().map_err(failed)?;
        let folder = tempfile::Builder::new().prefix("pg_chameleon-").tempdir_in(parent).map_err(failed)?;
        let mut environment = Command::new("python3");
        environment.args(["-m", "venv"]).arg(folder.path());
        let (python, path) = (folder.path().join("bin/python"), folder.path().join("bin/chameleon"));
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(REQUIREMENTS)
            .arg(BESIDE);
        for command in [environment, pip] {
            let ended = running::start(&command, "").map_err(failed)?.wait(INSTALLING).map_err(failed)?;
            if !ended.status.is_some_and(|status| status.success()) {
                let last = ended.output.trim_end().lines().next_back().unwrap_or("it took too long");
                return Err(NoDaemon::NotInstalled(last.to_owned()));
            }
        }
        Self::asked(&python, &path, Some(folder))
            .ok_or_else(|| NoDaemon::NotInstalled("what was installed does not answer".to_owned()))
    }
}

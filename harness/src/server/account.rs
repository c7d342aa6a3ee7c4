//! The account a local server runs as. PostgreSQL refuses to run as root; `initdb` wants an account that has a
//! name, so root borrows one that every system has.

use super::ServerError;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Accounts that root can lend to PostgreSQL, the best one first.
const BORROWED: [&str; 2] = ["postgres", "nobody"];

/// The account of a server's processes and files.
#[derive(Debug, Clone, Copy)]
pub(super) enum Account {
    /// The one that runs this program.
    Own,
    /// Another one, because this program is run by root.
    Borrowed { uid: u32, gid: u32 },
}

impl Account {
    /// The account to use: our own, unless that is root's.
    pub(super) fn choose() -> Result<Self, ServerError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        BORROWED.iter().find_map(|name| Self::named(name)).ok_or_else(|| {
            ServerError::Impossible(
                "PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` to run it as: \
                 create one, or run this as an ordinary user"
                    .to_owned(),
            )
        })
    }

    fn named(name: &str) -> Option<Self> {
        Some(Self::Borrowed { uid: id("-u", name)?, gid: id("-g", name)? })
    }

    /// Makes `command` run as this account.
    pub(super) fn apply(self, command: &mut Command) {
        if let Self::Borrowed { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    /// The user and the group that root has borrowed.
    pub(super) fn borrowed(self) -> Option<(u32, u32)> {
        match self {
            Self::Own => None,
            Self::Borrowed { uid, gid } => Some((uid, gid)),
        }
    }

    /// Gives `path` to this account.
    pub(super) fn give(self, path: &Path) -> Result<(), ServerError> {
        match self {
            Self::Own => Ok(()),
            Self::Borrowed { uid, gid } => chown(path, Some(uid), Some(gid))
                .map_err(ServerError::io(format!("give {} to the server's account", path.display()))),
        }
    }

    /// Gives the folder `path` and all in it to this account.
    pub(super) fn give_all(self, path: &Path) -> Result<(), ServerError> {
        let Self::Borrowed { uid, gid } = self else { return Ok(()) };
        let doing = format!("give {} to the server's account", path.display());
        let given = Command::new("chown").args(["-hR", &format!("{uid}:{gid}")]).arg(path).status();
        match given.map_err(ServerError::io(doing.clone()))? {
            status if status.success() => Ok(()),
            status => Err(ServerError::Impossible(format!("{doing}: chown {status}"))),
        }
    }

    /// Whether this account can get at `path`, as far as the permissions of its parents tell.
    pub(super) fn reaches(self, path: &Path) -> bool {
        match self {
            Self::Own => true,
            Self::Borrowed { uid, .. } => path
                .ancestors()
                .filter_map(|part| fs::metadata(part).ok())
                .all(|part| part.permissions().mode() & 0o001 != 0 || part.uid() == uid),
        }
    }
}

fn id(flag: &str, account: &str) -> Option<u32> {
    let output = Command::new("id").args([flag, account]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

//! The folder of a server that runs on this machine: its data, its log and the pid of its process, all of one
//! account. The supervisor ends the process and removes the folder once the value or the program has gone.

use super::ServerError;
use super::account::Account;
use crate::process::supervisor::Supervisor;
use std::env;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Mounts a disk, and becomes the program as another account: it has the pid that it began with.
const WITH_DISK: &str = r#"
    mount -t tmpfs -o "$1" "${0##*/}" "$0" && echo $$ >"$2" || exit
    uid=$3 gid=$4
    shift 4
    exec setpriv --reuid "$uid" --regid "$gid" --clear-groups -- "$@""#;

/// How much of the end of a log is shown.
const SHOWN_LINES: usize = 20;

/// A private folder in a temporary place, with what runs in it.
#[derive(Debug)]
pub(crate) struct ServerFolder {
    path: PathBuf,
    account: Account,
    supervisor: Option<Supervisor>,
}

impl ServerFolder {
    /// Makes an empty folder that only the server's account can look into.
    pub(crate) fn create() -> Result<Self, ServerError> {
        let account = Account::choose()?;
        Self::create_in(&reachable_temporary_folder(account)?, account)
    }

    /// The same for this program, which the account may have no way to: what root has unpacked under its own home, it
    /// runs itself.
    pub(crate) fn create_for(program: &Path) -> Result<Self, ServerError> {
        let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
        let account = Account::choose()?;
        let account = if account.reaches(&program) { account } else { Account::Own };
        Self::create_in(&reachable_temporary_folder(account)?, account)
    }

    /// The same within `parent`, which must be open to the account.
    pub(super) fn create_in(parent: &Path, account: Account) -> Result<Self, ServerError> {
        let path = parent.join(format!("chameleon-harness-{:016x}", rand::random::<u64>()));
        let supervisor = Supervisor::start(include_str!("local.sh"), [&path])?;
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(ServerError::io(format!("create {}", path.display())))?;
        account.give(&path)?;
        Ok(Self { path, account, supervisor: Some(supervisor) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The account that owns the folder and all in it.
    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// Writes a file of the account's.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf, ServerError> {
        let file = self.path.join(name);
        fs::write(&file, content).map_err(ServerError::io(format!("write {}", file.display())))?;
        self.account.give(&file)?;
        Ok(file)
    }

    /// Copies the folder `from` to `name`, for the account.
    pub(crate) fn copy(&self, from: &Path, name: &str) -> Result<PathBuf, ServerError> {
        let copy = self.path.join(name);
        let copied = Command::new("cp").arg("-R").arg(from).arg(&copy).status();
        match copied.map_err(ServerError::io("run cp"))? {
            status if status.success() => self.account.give_all(&copy).map(|()| copy),
            status => Err(ServerError::Impossible(format!(
                "can't copy {} to {}: cp {status}",
                from.display(),
                copy.display()
            ))),
        }
    }

    /// Makes an empty folder of the account's.
    pub(super) fn create_folder(&self, name: &str) -> Result<PathBuf, ServerError> {
        let folder = self.path.join(name);
        fs::create_dir(&folder).map_err(ServerError::io(format!("create {}", folder.display())))?;
        self.account.give(&folder)?;
        Ok(folder)
    }

    /// The same as `command`, by root alone, with a disk of so many MiB mounted on `mount`, which nobody but the program and its children
    /// see. It goes with the last of them.
    pub(super) fn command_with_disk(
        &self,
        program: &Path,
        mount: &Path,
        size: u32,
    ) -> Result<Command, ServerError> {
        let (uid, gid) = self.account.borrowed().ok_or_else(|| {
            ServerError::Impossible("root alone can mount a disk: run this as root".to_owned())
        })?;
        let mut command = self.logged(Path::new("unshare"))?;
        command
            .args(["--mount", "/bin/sh", "-c", WITH_DISK])
            .arg(mount)
            .arg(format!("size={size}m,mode=0700,uid={uid},gid={gid}"))
            .arg(self.pid_file())
            .args([uid, gid].map(|id| id.to_string()))
            .arg(program);
        Ok(command)
    }

    /// A program, to be run as the server's account in its own process group, so that ctrl-C leaves its end to the
    /// supervisor, which finds its pid in the folder before the program itself begins.
    pub(crate) fn command(&self, program: &Path) -> Result<Command, ServerError> {
        let mut command = self.logged(Path::new("/bin/sh"))?;
        command.args(["-c", r#"echo $$ >"$0" && exec "$@""#]).arg(self.pid_file()).arg(program);
        self.account.apply(&mut command);
        Ok(command)
    }

    /// A program in its own process group, with its output in the log.
    fn logged(&self, program: &Path) -> Result<Command, ServerError> {
        let log_path = self.log();
        let log = File::create(&log_path)
            .and_then(|log| Ok((log.try_clone()?, log)))
            .map_err(ServerError::io(format!("write {}", log_path.display())))?;
        let mut command = Command::new(program);
        command
            .current_dir(&self.path)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log.0)
            .stderr(log.1)
            .process_group(0);
        Ok(command)
    }

    /// Where the supervisor looks for the process that is to end.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.path.join("server.pid")
    }

    fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The error of a server that didn't start, with the end of its log.
    pub(crate) fn not_started(&self, server: &'static str, what: &str) -> ServerError {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        ServerError::NotStarted { server, what: what.to_owned(), log: end }
    }

    /// Ends what runs in the folder and removes it, now.
    pub(crate) fn remove(&mut self) {
        drop(self.supervisor.take());
    }
}

/// The first folder for temporary files that the server's account can get at.
fn reachable_temporary_folder(account: Account) -> Result<PathBuf, ServerError> {
    let mut candidates = [env::temp_dir(), "/tmp".into(), "/var/tmp".into()].into_iter();
    candidates.find(|folder| folder.is_dir() && account.reaches(folder)).ok_or_else(|| {
        ServerError::Impossible(
            "no folder for temporary files is open to the account that servers run as: set TMPDIR to one"
                .to_owned(),
        )
    })
}

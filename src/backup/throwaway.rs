//! A throwaway server of PostgreSQL: a cluster in a temporary folder, reached by a socket in that folder alone, which
//! nobody else can enter. PostgreSQL refuses to run as root, so root borrows an account that every system has.

use super::programs::Programs;
use rustix::process::{Pid, Signal, geteuid, kill_process, kill_process_group};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio_postgres::{Client, Config, NoTls};

/// Accounts that root can lend to PostgreSQL, the best one first.
const BORROWED: [&str; 2] = ["postgres", "nobody"];

/// The longest folder whose socket has room in the 107 bytes that a socket's name may have.
const LONGEST_FOLDER: usize = 80;

/// How long it may take to start, and to stop.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// A server, which goes with the value.
pub(super) struct Throwaway {
    postmaster: Option<Child>,
    data: PathBuf,
    folder: Folder,
}

/// A temporary folder, which goes with the value.
struct Folder(TempDir);

/// A program, in a process group of its own, and all that it has started: they end with the value.
struct Group(Option<Pid>);

/// The account that its processes run as.
#[derive(Debug, Clone, Copy)]
enum Account {
    Own,
    Borrowed { uid: u32, gid: u32 },
}

impl Throwaway {
    pub const SUPERUSER: &str = "postgres";
    pub const DATABASE: &str = "postgres";
    const PORT: &str = "5432";

    /// Makes it and starts it.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn start(programs: &Programs, encoding: &str) -> Result<Self, String> {
        let account = account().await?;
        let folder =
            Folder::new().map_err(|error| format!("there is no temporary folder for it: {error}"))?;
        let data = folder.path().join("data");
        let given = std::fs::DirBuilder::new().mode(0o700).create(&data).and_then(|()| match account {
            Account::Own => Ok(()),
            Account::Borrowed { uid, gid } => {
                chown(folder.path(), Some(uid), Some(gid)).and_then(|()| chown(&data, Some(uid), Some(gid)))
            }
        });
        given.map_err(|error| format!("its folder can't be made: {error}"))?;
        let mut initdb = command(programs, "initdb", account, folder.path());
        initdb
            .args([
                "--username",
                Self::SUPERUSER,
                "--auth=trust",
                "--locale=C",
                "--no-sync",
                "--encoding",
                encoding,
            ])
            .arg("--pgdata")
            .arg(&data);
        let made =
            Group::output(&mut initdb).await.map_err(|error| format!("initdb can't be run: {error}"))?;
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr);
            return Err(format!("initdb failed ({}): {}", made.status, why.trim()));
        }
        let mut postgres = command(programs, "postgres", account, folder.path());
        postgres.arg("-D").arg(&data).args(["-p", Self::PORT, "-k"]).arg(folder.path());
        for setting in ["listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=10"] {
            postgres.args(["-c", setting]);
        }
        let log = std::fs::File::create(folder.path().join("log")).map_err(|error| error.to_string())?;
        postgres.stderr(log).stdout(Stdio::null());
        let postmaster = postgres.spawn().map_err(|error| format!("postgres can't be run: {error}"))?;
        let mut server = Self { postmaster: Some(postmaster), data, folder };
        server.until_it_answers().await?;
        Ok(server)
    }

    async fn until_it_answers(&mut self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let why = match self.connect().await {
                Ok(_) => return Ok(()),
                Err(why) => why,
            };
            let ended = self.postmaster.as_mut().map(Child::try_wait);
            if !matches!(ended, Some(Ok(None))) || began.elapsed() > START {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or(&why);
                return Err(format!("postgres does not start: {last}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A session on it.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn connect(&self) -> Result<Client, String> {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user(Self::SUPERUSER).dbname(Self::DATABASE);
        let (client, connection) =
            config.connect(NoTls).await.map_err(|error| crate::postgres::describe(&error))?;
        tokio::spawn(async { drop(connection.await) });
        Ok(client)
    }

    /// Has `command` come to it.
    pub fn give(&self, command: &mut Command) {
        without_surroundings(command);
        command.env("PGHOST", self.folder.path()).env("PGPORT", Self::PORT).env("PGUSER", Self::SUPERUSER);
    }

    /// Ends it, and waits until it has ended.
    pub async fn stop(mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        end(&postmaster);
        if tokio::time::timeout(STOP, postmaster.wait()).await.is_err() {
            // What it leaves in shared memory it would have taken away.
            _ = postmaster.kill().await;
        }
    }
}

impl Drop for Throwaway {
    /// Broken off: its folder goes as soon as nothing is written there any more.
    fn drop(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        end(&postmaster);
        let began = Instant::now();
        while matches!(postmaster.try_wait(), Ok(None)) && began.elapsed() < STOP && self.data.exists() {
            std::thread::sleep(PAUSE);
        }
    }
}

/// An immediate shutdown: there is nothing to be kept.
fn end(postmaster: &Child) {
    if let Some(pid) = pid(postmaster) {
        _ = kill_process(pid, Signal::QUIT);
    }
}

impl Folder {
    fn new() -> io::Result<Self> {
        let usual = std::env::temp_dir();
        let parent = if usual.as_os_str().len() > LONGEST_FOLDER { Path::new("/tmp") } else { &usual };
        tempfile::Builder::new().prefix("chameleon-upgrade-drill-").tempdir_in(parent).map(Self)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    /// Whoever writes there is about to end; a file that is made while it is removed would keep it.
    fn drop(&mut self) {
        let began = Instant::now();
        while std::fs::remove_dir_all(self.path()).is_err() && self.path().exists() && began.elapsed() < STOP
        {
            std::thread::sleep(PAUSE);
        }
    }
}

impl Group {
    /// Runs `command` to its end. Broken off, it ends, and so does what it has started: initdb does its work by others.
    async fn output(command: &mut Command) -> io::Result<Output> {
        let child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut group = Self(pid(&child));
        let output = child.wait_with_output().await;
        group.0 = None;
        output
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()))
}

fn command(programs: &Programs, name: &str, account: Account, folder: &Path) -> Command {
    let mut command = Command::new(programs.path(name));
    without_surroundings(&mut command);
    command.current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C").env_remove("LANGUAGE");
    if let Account::Borrowed { uid, gid } = account {
        command.uid(uid).gid(gid).env("HOME", folder);
    }
    // A signal from the terminal is for this program, which ends the server when it is no longer needed.
    command.process_group(0);
    command
}

/// Nothing that is said of another server.
fn without_surroundings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
}

async fn account() -> Result<Account, String> {
    if !geteuid().is_root() {
        return Ok(Account::Own);
    }
    for name in BORROWED {
        if let (Some(uid), Some(gid)) = (id("-u", name).await, id("-g", name).await) {
            return Ok(Account::Borrowed { uid, gid });
        }
    }
    Err("PostgreSQL refuses to run as root, and there is no account postgres or nobody to run it as: create one, or run this \
         as an ordinary user"
        .to_owned())
}

async fn id(flag: &str, account: &str) -> Option<u32> {
    let output = Command::new("id").args([flag, account]).output().await.ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As initdb does, which leaves the writing to others; these don't end of themselves.
    #[tokio::test]
    async fn what_a_program_has_started_ends_with_it() {
        let folder = Folder::new().unwrap();
        let written = || std::fs::read_dir(folder.path().join("d")).map_or(0, Iterator::count);
        let mut command = Command::new("sh");
        command
            .args(["-c", "mkdir d; (while :; do : > d/$(date +%N); done) & wait"])
            .current_dir(folder.path());
        let some = async {
            while written() < 10 {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            ended = Group::output(&mut command) => panic!("it ended: {ended:?}"),
            () = some => {}
        }
        let quiet = async {
            loop {
                let before = written();
                tokio::time::sleep(PAUSE * 20).await;
                if written() == before {
                    break;
                }
            }
        };
        tokio::time::timeout(STOP, quiet).await.unwrap();
    }

    #[test]
    fn a_folder_goes_though_somebody_writes_there_for_a_while() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        let place = path.join("d");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for name in (0..20_000).take_while(|_| path.exists()) {
                    _ = std::fs::create_dir(&place);
                    _ = std::fs::write(place.join(name.to_string()), "");
                }
            });
            while !place.join("2000").exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(folder);
        });
        assert!(!path.exists());
    }
}

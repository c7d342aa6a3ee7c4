//! The kind `local`: a PostgreSQL cluster of its own, made by the installed `initdb` in a temporary folder and
//! run by the installed `postgres` on a free port of 127.0.0.1, with a password made for it.

use super::account::Account;
use super::{Address, Binaries, Server, ServerError, ServerFolder, port, processes};
use crate::server::quoting::literal;
use rustix::process::Signal;
use secrecy::{ExposeSecret, SecretString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a start, with recovery from a crash, may take.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long an orderly shutdown may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const SUPERUSER: &str = "postgres";

/// A tablespace on a disk of its own.
pub(crate) const SMALL_DISK: &str = "small_disk";
/// How much it holds, in MiB: a replica's database, and some.
const DISK_SIZE: u32 = 64;

/// How a local server is to be.
#[derive(Debug, Clone, Default)]
pub struct LocalOptions {
    /// The wanted version of PostgreSQL; else that of `PG_MAJOR`, else the first one found.
    pub major: Option<u32>,
    /// Whether it waits for the disk. What is committed survives a crash of the server without it; a crash of
    /// the machine is nothing the harness does.
    pub fsync: bool,
    /// Whether its files are in memory (/dev/shm), where there is room for it: databases are copied several times
    /// as fast. For small catalogues.
    pub in_memory: bool,
    /// Whether it has a small disk, on which its tablespace `small_disk` is. Root alone can make one.
    pub small_disk: bool,
    /// Further lines for postgresql.conf, as names and values.
    pub settings: Vec<(String, String)>,
}

/// A server in a temporary folder of this machine; see [`local`].
#[derive(Debug)]
pub struct LocalServer {
    address: Address,
    binaries: PathBuf,
    folder: ServerFolder,
    /// Where its small disk is mounted.
    disk: Option<PathBuf>,
    postmaster: Option<Child>,
}

/// Makes a cluster and starts a server on it. It ends, and its folder goes, with the value or the program.
///
/// # Errors
/// [`ServerError`] when PostgreSQL isn't installed, or `initdb` or `postgres` fails.
pub fn local(options: &LocalOptions) -> Result<LocalServer, ServerError> {
    let found = Binaries::find(options.major)?;
    let folder = match folder_in_memory(&found, options)? {
        Some((memory, account)) => ServerFolder::create_in(&memory, account)?,
        None => ServerFolder::create()?,
    };
    let mut server = LocalServer {
        address: Address {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: 0,
            user: SUPERUSER.to_owned(),
            password: SecretString::from(format!("{:032x}", rand::random::<u128>())),
            maintenance_database: SUPERUSER.to_owned(),
        },
        binaries: within_reach(&found, &folder)?,
        folder,
        disk: None,
        postmaster: None,
    };
    server.create_cluster(options)?;
    if options.small_disk {
        server.disk = Some(server.folder.create_folder(SMALL_DISK)?);
    }
    server.start_on_a_free_port()?;
    server.create_tablespace()?;
    Ok(server)
}

impl LocalServer {
    /// The folder that holds its data and log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn create_cluster(&self, options: &LocalOptions) -> Result<(), ServerError> {
        // The folder is closed to others.
        let password_file = self.folder.write("password", self.address.password.expose_secret())?;
        let initialised = self
            .command("initdb")?
            .args([
                "--username",
                SUPERUSER,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(self.data())
            .status()
            .map_err(ServerError::io("run initdb"))?;
        if !initialised.success() {
            return Err(self.not_started(&format!("initdb: {initialised}")));
        }
        let _it_goes_with_the_folder = fs::remove_file(&password_file);
        self.append_settings(&configuration(options))
    }

    fn create_tablespace(&self) -> Result<(), ServerError> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let create = format!("CREATE TABLESPACE {SMALL_DISK} LOCATION {}", literal(&disk.to_string_lossy()));
        let mut client = self.address.connect(&self.address.maintenance_database)?;
        client.batch_execute(&create).map_err(ServerError::sql("create a tablespace"))
    }

    fn append_settings(&self, lines: &str) -> Result<(), ServerError> {
        let path = self.data().join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(ServerError::io(format!("write {}", path.display())))
    }

    fn start_on_a_free_port(&mut self) -> Result<(), ServerError> {
        port::retry(|port| {
            self.address.port = port;
            match self.start() {
                Err(ServerError::NotStarted { log, .. }) if log.contains("could not bind") => Ok(None),
                result => result.map(Some),
            }
        })
    }

    /// Starts the postmaster and waits until it takes connections.
    fn start(&mut self) -> Result<(), ServerError> {
        let mut command = match &self.disk {
            Some(disk) => self.folder.command_with_disk(&self.binaries.join("postgres"), disk, DISK_SIZE)?,
            None => self.command("postgres")?,
        };
        command
            .env_remove("PGOPTIONS")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.address.port.to_string()]);
        let postmaster = command.spawn().map_err(ServerError::io("run postgres"))?;
        self.postmaster = Some(postmaster);
        let deadline = Instant::now() + START_TIMEOUT;
        while !self.is_ready() {
            if let Some(status) = self.exit_status()? {
                self.postmaster = None;
                return Err(self.not_started(&format!("postgres: {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.not_started(&format!("not ready after {} s", START_TIMEOUT.as_secs())));
            }
            sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// The eighth line of postmaster.pid is the server's status; the first tells that it is this one's. A standby is ready
    /// too.
    fn is_ready(&self) -> bool {
        let Ok(text) = fs::read_to_string(self.data().join("postmaster.pid")) else { return false };
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let ours = self.postmaster.as_ref().map(|child| child.id().to_string());
        lines.first().copied() == ours.as_deref() && matches!(lines.get(7), Some(&"ready" | &"standby"))
    }

    fn exit_status(&mut self) -> Result<Option<std::process::ExitStatus>, ServerError> {
        match &mut self.postmaster {
            Some(child) => child.try_wait().map_err(ServerError::io("wait for postgres")),
            None => Ok(None),
        }
    }

    fn not_started(&self, what: &str) -> ServerError {
        self.folder.not_started("PostgreSQL", what)
    }

    /// One of PostgreSQL's programs.
    fn command(&self, name: &str) -> Result<Command, ServerError> {
        let mut command = self.folder.command(&self.binaries.join(name))?;
        command.env_remove("PGOPTIONS");
        Ok(command)
    }

    /// The postmaster and its children; none when it isn't running.
    fn pids(&self) -> Vec<i32> {
        let postmaster = self.postmaster.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        postmaster.into_iter().flat_map(|pid| [vec![pid], processes::children(pid)].concat()).collect()
    }

    /// Takes note that the postmaster has ended: its pid may be another process's from now on.
    fn ended(&mut self) -> Result<(), ServerError> {
        fs::remove_file(self.folder.pid_file())
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            .map_err(ServerError::io(format!("remove {}", self.folder.pid_file().display())))?;
        if let Some(mut postmaster) = self.postmaster.take() {
            postmaster.wait().map_err(ServerError::io("wait for postgres"))?;
        }
        Ok(())
    }
}

impl Server for LocalServer {
    fn address(&self) -> &Address {
        &self.address
    }

    fn stop(&mut self) -> Result<(), ServerError> {
        self.thaw()?;
        let pids = self.pids();
        if let Some(postmaster) = pids.first() {
            processes::send(*postmaster, Signal::INT);
        }
        wait_until_gone(&pids, STOP_TIMEOUT)?;
        self.ended()
    }

    fn kill(&mut self) -> Result<(), ServerError> {
        // Frozen, so that it neither makes children nor sees them die.
        self.freeze()?;
        let pids = self.pids();
        for pid in pids.iter().rev() {
            processes::send(*pid, Signal::KILL);
        }
        wait_until_gone(&pids, STOP_TIMEOUT)?;
        self.ended()
    }

    fn restart(&mut self) -> Result<(), ServerError> {
        self.stop()?;
        self.start()
    }

    fn freeze(&mut self) -> Result<(), ServerError> {
        // The postmaster first: then there are no new children.
        if let Some(postmaster) = self.pids().first() {
            processes::send(*postmaster, Signal::STOP);
        }
        for pid in self.pids().iter().skip(1) {
            processes::send(*pid, Signal::STOP);
        }
        Ok(())
    }

    fn thaw(&mut self) -> Result<(), ServerError> {
        for pid in self.pids().iter().rev() {
            processes::send(*pid, Signal::CONT);
        }
        Ok(())
    }

    fn binaries(&self) -> Option<&Path> {
        Some(&self.binaries)
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.folder.remove();
        if let Some(mut postmaster) = self.postmaster.take() {
            let _the_supervisor_has_ended_it = postmaster.wait();
        }
    }
}

fn wait_until_gone(pids: &[i32], timeout: Duration) -> Result<(), ServerError> {
    let deadline = Instant::now() + timeout;
    while processes::alive(pids) {
        if Instant::now() > deadline {
            let message =
                format!("the server's processes {pids:?} don't end: look at them and end them by hand");
            return Err(ServerError::Impossible(message));
        }
        sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Small, quick, and ready for many tests at once. Shared memory is kept in files, which go with the folder.
fn configuration(options: &LocalOptions) -> String {
    let on_disk = if options.fsync { "on" } else { "off" };
    let mut lines = format!(
        "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 200\n\
         shared_buffers = '64MB'\nmax_wal_size = '4GB'\ndynamic_shared_memory_type = mmap\n\
         fsync = {on_disk}\nfull_page_writes = {on_disk}\nlog_line_prefix = '%m [%p] %a '\n"
    );
    for (name, value) in &options.settings {
        lines.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    }
    lines
}

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";
/// Free space without which a server isn't kept in memory.
const ENOUGH_MEMORY: u64 = 4 << 30;

/// A folder in memory, when one is wished for and fit for it. Programs that had to be copied into the server's
/// folder could not be run there.
fn folder_in_memory(
    found: &Binaries,
    options: &LocalOptions,
) -> Result<Option<(PathBuf, Account)>, ServerError> {
    if !options.in_memory {
        return Ok(None);
    }
    let account = Account::choose()?;
    let folder = PathBuf::from(MEMORY);
    let free = rustix::fs::statvfs(&folder).map(|it| it.f_bavail.saturating_mul(it.f_frsize)).unwrap_or(0);
    let fit = free >= ENOUGH_MEMORY && account.reaches(&folder) && account.reaches(&found.folder);
    Ok(fit.then_some((folder, account)))
}

/// The folder of the programs, or that of a copy beside the data: what root has unpacked under its own home is
/// closed to the account that must run it.
fn within_reach(found: &Binaries, folder: &ServerFolder) -> Result<PathBuf, ServerError> {
    let installed = found.folder.canonicalize().unwrap_or_else(|_| found.folder.clone());
    match found.folder.parent() {
        Some(installation) if !folder.account().reaches(&installed) => {
            Ok(folder.copy(installation, "postgresql")?.join("bin"))
        }
        _ => Ok(installed),
    }
}

//! A MariaDB of its own for a scenario: fresh binary logs, an address of the loopback range, port 3306.
//!
//! 1.8.2 ignores the port that it is given and always connects to 3306, so the address must differ instead.
//! Installing a data folder takes seconds, so it is done once and kept under the checkout's target folder; a server on
//! a copy of it is there in a fraction of a second.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};

use super::LiveError;
use crate::server::{ServerError, ServerFolder};

/// The port that 1.8.2 connects to, whatever its configuration says.
pub(super) const PORT: u16 = 3306;
/// The account of everybody: the replicas, the scenario's statements, the comparison.
pub(super) const USER: &str = "usr_replica";
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Another program may take the address between the look and the start.
const ATTEMPTS: usize = 20;

/// As a source of a replica must be; the rest makes it small and quick. What it holds may be lost with the machine.
const SETTINGS: [&str; 18] = [
    "--no-defaults",
    "--server-id=1",
    "--log-bin=mysql-bin",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    // mysql-replication 1.0, which 2.0.21 brings, needs the names of the columns.
    "--binlog-row-metadata=FULL",
    "--character-set-server=utf8mb4",
    "--default-time-zone=+00:00",
    "--skip-name-resolve",
    "--skip-external-locking",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-innodb-doublewrite",
    "--sync-binlog=0",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
];

/// A running MariaDB. It ends, and its folder goes, with the value or the program.
#[derive(Debug)]
pub struct MariaDb {
    host: Ipv4Addr,
    password: SecretString,
    folder: ServerFolder,
    process: Option<Child>,
}

impl MariaDb {
    /// Starts the server `mariadbd` with empty binary logs named `mysql-bin`.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be installed or started.
    pub fn start(mariadbd: &Path) -> Result<Self, ServerError> {
        Self::start_with(mariadbd, &[])
    }

    /// The same with more options, which may take back those of a source of a replica.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be installed or started.
    pub fn start_with(mariadbd: &Path, options: &[String]) -> Result<Self, ServerError> {
        let template = template(mariadbd)?;
        let folder = ServerFolder::create()?;
        folder.copy(&template, "data")?;
        let password = SecretString::from(format!("{:032x}", rand::random::<u128>()));
        folder.write("account.sql", &account(&password))?;
        let mut server = Self { host: Ipv4Addr::LOCALHOST, password, folder, process: None };
        for _ in 0..ATTEMPTS {
            server.host = free_address()?;
            match server.start_at_its_address(mariadbd, options) {
                Err(ServerError::NotStarted { log, .. }) if log.contains("Bind on TCP/IP port") => {}
                result => return result.map(|()| server),
            }
        }
        Err(no_address())
    }

    fn start_at_its_address(&mut self, mariadbd: &Path, options: &[String]) -> Result<(), ServerError> {
        let folder = self.folder.path();
        let process = self
            .folder
            .command(mariadbd)?
            .args(SETTINGS)
            .arg(format!("--datadir={}", folder.join("data").display()))
            .arg(format!("--socket={}", folder.join("socket").display()))
            // A server that starts removes the temporary tables of all others that share a folder for them.
            .arg(format!("--tmpdir={}", folder.display()))
            .arg(format!("--init-file={}", folder.join("account.sql").display()))
            .arg(format!("--bind-address={}", self.host))
            .arg(format!("--port={PORT}"))
            .args(options)
            .spawn()
            .map_err(ServerError::io("run mariadbd"))?;
        self.wait_until_ready(process)
    }

    fn wait_until_ready(&mut self, mut process: Child) -> Result<(), ServerError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = process.try_wait().map_err(ServerError::io("wait for mariadbd"))? {
                return Err(self.folder.not_started("MariaDB", &status.to_string()));
            }
            if self.connect(None).is_ok() {
                self.process = Some(process);
                return Ok(());
            }
            if Instant::now() > deadline {
                self.process = Some(process);
                return Err(self
                    .folder
                    .not_started("MariaDB", &format!("not ready after {} s", START_TIMEOUT.as_secs())));
            }
            sleep(POLL_INTERVAL);
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn host(&self) -> Ipv4Addr {
        self.host
    }

    /// The password of the account that may do everything.
    #[must_use]
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// A new session, with `schema` as its default database.
    ///
    /// # Errors
    /// [`LiveError::MySql`].
    pub fn connect(&self, schema: Option<&str>) -> Result<Conn, LiveError> {
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(self.host.to_string()))
            .tcp_port(PORT)
            .prefer_socket(false)
            .user(Some(USER))
            .pass(Some(self.password.expose_secret()))
            .db_name(schema);
        Conn::new(options).map_err(LiveError::mysql(format!("connect to MariaDB at {}", self.host)))
    }

    /// Stops its time: connections are taken, and nothing answers. `thaw` lets it go on.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.process.as_ref().and_then(|process| Pid::from_raw(i32::try_from(process.id()).ok()?));
        if let Some(pid) = pid {
            let _gone_already = kill_process(pid, signal);
        }
    }

    /// Where it writes next: the number of the binary log file, and the position in it.
    ///
    /// # Errors
    /// [`LiveError::MySql`] when it doesn't say.
    pub fn here(&self) -> Result<(i64, i64), LiveError> {
        let status: Option<mysql::Row> = self
            .connect(None)?
            .query_first("SHOW MASTER STATUS")
            .map_err(LiveError::mysql("ask where MySQL writes"))?;
        let place = status.and_then(|row| Some((row.get::<String, _>(0)?, row.get(1)?)));
        let number =
            place.and_then(|(file, position)| Some((file.rsplit_once('.')?.1.parse().ok()?, position)));
        number.ok_or_else(|| LiveError::Scenario("MySQL doesn't say where it writes".to_owned()))
    }

    /// Runs statements, separated by semicolons, in a session of their own with `schema` as its default database.
    ///
    /// # Errors
    /// [`LiveError::MySql`] of the first that fails.
    pub fn run(&self, schema: Option<&str>, statements: &str) -> Result<(), LiveError> {
        let failed = || LiveError::mysql(format!("run on MySQL: {statements}"));
        let mut session = self.connect(schema)?;
        let mut results = session.query_iter(statements).map_err(failed())?;
        while let Some(result) = results.iter() {
            for row in result {
                row.map_err(failed())?;
            }
        }
        Ok(())
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.folder.remove();
        if let Some(mut process) = self.process.take() {
            let _the_supervisor_has_ended_it = process.wait();
        }
    }
}

/// Made at the start of the server, and not in its binary log.
fn account(password: &SecretString) -> String {
    format!(
        "SET sql_log_bin = 0;\n\
         CREATE USER '{USER}'@'%' IDENTIFIED BY '{}';\n\
         GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n",
        password.expose_secret()
    )
}

/// An address of 127.0.0.0/8 on whose port 3306 nobody listened a moment ago.
fn free_address() -> Result<Ipv4Addr, ServerError> {
    let random = || {
        Ipv4Addr::new(127, rand::random_range(1..255), rand::random_range(0..255), rand::random_range(1..255))
    };
    let mut candidates = (0..ATTEMPTS).map(|_| random());
    candidates.find(|address| TcpListener::bind((*address, PORT)).is_ok()).ok_or_else(no_address)
}

fn no_address() -> ServerError {
    ServerError::Impossible(format!(
        "no address of 127.0.0.0/8 has its port {PORT} free: end what listens on 0.0.0.0:{PORT}, \
         or use a system where all of 127.0.0.0/8 is the machine's own (Linux)"
    ))
}

/// The folder that servers are copied from, installed at its first use.
fn template(mariadbd: &Path) -> Result<PathBuf, ServerError> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let template = target.join(format!("mariadb-{}", version(mariadbd)?));
    if template.is_dir() {
        return Ok(template);
    }
    let new = tempfile::Builder::new()
        .prefix("mariadb-new-")
        .tempdir_in(&target)
        .map_err(ServerError::io(format!("create a folder in {}", target.display())))?;
    install(mariadbd, &new.path().join("data"))?;
    match fs::rename(new.path().join("data"), &template) {
        // Another run was quicker.
        Err(_) if template.is_dir() => Ok(template),
        Err(error) => Err(ServerError::io(format!("create {}", template.display()))(error)),
        Ok(()) => Ok(template),
    }
}

fn install(mariadbd: &Path, data: &Path) -> Result<(), ServerError> {
    let program = crate::tools::on_path("mariadb-install-db").ok_or_else(|| {
        ServerError::Impossible(format!(
            "{} is installed without mariadb-install-db: install the whole package mariadb-server",
            mariadbd.display()
        ))
    })?;
    let mut command = Command::new(program);
    command.arg("--no-defaults").arg(format!("--datadir={}", data.display())).args([
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--innodb-log-file-size=4M",
    ]);
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    let output = command.output().map_err(ServerError::io("run mariadb-install-db"))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Err(ServerError::NotStarted { server: "MariaDB", what: "mariadb-install-db failed".to_owned(), log })
}

/// `10.11.19-MariaDB-0+deb12u1` of `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (…)`.
fn version(mariadbd: &Path) -> Result<String, ServerError> {
    let output = Command::new(mariadbd)
        .args(["--no-defaults", "--version"])
        .output()
        .map_err(ServerError::io("run mariadbd"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once(" Ver ").and_then(|(_, rest)| rest.split_ascii_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| {
        ServerError::Impossible(format!(
            "{} --version doesn't say which one it is: {text}",
            mariadbd.display()
        ))
    })
}

//! A MariaDB or a MySQL of its own for a scenario: fresh binary logs, an address of the loopback range, port 3306.
//!
//! 1.8.2 ignores the port that it is given and always connects to 3306, so the address must differ instead.

mod software;

use super::{ServerError, ServerFolder};
use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use software::{MySqlKind, MySqlSoftware};

/// The port that 1.8.2 connects to, whatever its configuration says.
pub(crate) const PORT: u16 = 3306;
/// The account of everybody: the replicas, the scenario's statements, the comparison.
pub(crate) const USER: &str = "usr_replica";
/// The account of an application, which `read_only` stops.
const APPLICATION: &str = "usr_application";
const START_TIMEOUT: Duration = Duration::from_secs(60);
const PURGE_TIMEOUT: Duration = Duration::from_secs(60);
const PURGE_INTERVAL: Duration = Duration::from_millis(200);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// What stands in a damaged binary log.
const RUBBISH: &[u8] = b"\xa5";
/// Another program may take the address between the look and the start.
const ATTEMPTS: usize = 20;

/// A MySQL server doesn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MySqlError {
    /// It refused.
    #[error("{doing}: {source}")]
    Refused {
        /// What was being done.
        doing: String,
        /// MySQL's answer.
        source: mysql::Error,
    },
    /// It answers something else than it should.
    #[error("{0}")]
    Unexpected(String),
}

impl MySqlError {
    /// For `map_err` on what MySQL does.
    pub(crate) fn refused(doing: impl Into<String>) -> impl FnOnce(mysql::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Refused { doing, source }
    }
}

/// A running server of either kind. It ends, and its folder goes, with the value or the program.
#[derive(Debug)]
pub struct MySqlServer {
    kind: MySqlKind,
    host: Ipv4Addr,
    password: SecretString,
    folder: ServerFolder,
    process: Option<Child>,
}

impl MySqlServer {
    /// Starts a server with empty binary logs named `mysql-bin`.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be installed or started.
    pub fn start(software: &MySqlSoftware) -> Result<Self, ServerError> {
        Self::start_with(software, &[])
    }

    /// The same with more options, which may take back those of a source of a replica.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be installed or started.
    pub fn start_with(software: &MySqlSoftware, options: &[String]) -> Result<Self, ServerError> {
        Self::start_with_files(software, options, &[])
    }

    /// The same with these files in its data folder, each a name and a text.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be installed or started.
    pub fn start_with_files(
        software: &MySqlSoftware,
        options: &[String],
        files: &[(&str, &str)],
    ) -> Result<Self, ServerError> {
        let template = software.template(options)?;
        let folder = ServerFolder::create_for(software.program())?;
        folder.copy(&template, "data")?;
        for (name, text) in files {
            folder.write(&format!("data/{name}"), text)?;
        }
        let password = SecretString::from(format!("{:032x}", rand::random::<u128>()));
        folder.write("account.sql", &account(software.kind(), &password))?;
        let mut server =
            Self { kind: software.kind(), host: Ipv4Addr::LOCALHOST, password, folder, process: None };
        for _ in 0..ATTEMPTS {
            server.host = free_address()?;
            match server.start_at_its_address(software, options) {
                Err(ServerError::NotStarted { log, .. }) if log.contains("Bind on TCP/IP port") => {}
                result => return result.map(|()| server),
            }
        }
        Err(no_address())
    }

    fn start_at_its_address(
        &mut self,
        software: &MySqlSoftware,
        options: &[String],
    ) -> Result<(), ServerError> {
        let folder = self.folder.path();
        let process = self
            .folder
            .command(software.program())?
            .args(software.options())
            .arg(format!("--datadir={}", folder.join("data").display()))
            .arg(format!("--socket={}", folder.join("socket").display()))
            // A server that starts removes the temporary tables of all others that share a folder for them.
            .arg(format!("--tmpdir={}", folder.display()))
            .arg(format!("--init-file={}", folder.join("account.sql").display()))
            .arg(format!("--bind-address={}", self.host))
            .arg(format!("--port={PORT}"))
            .args(options)
            .spawn()
            .map_err(ServerError::io(format!("run {}", self.kind)))?;
        self.wait_until_ready(process)
    }

    fn wait_until_ready(&mut self, mut process: Child) -> Result<(), ServerError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) =
                process.try_wait().map_err(ServerError::io(format!("wait for {}", self.kind)))?
            {
                return Err(self.folder.not_started(self.kind.title(), &status.to_string()));
            }
            if self.connect(None).is_ok() {
                self.process = Some(process);
                return Ok(());
            }
            if Instant::now() > deadline {
                self.process = Some(process);
                let late = format!("not ready after {} s", START_TIMEOUT.as_secs());
                return Err(self.folder.not_started(self.kind.title(), &late));
            }
            sleep(POLL_INTERVAL);
        }
    }

    /// Which of the two it is.
    #[must_use]
    pub fn kind(&self) -> MySqlKind {
        self.kind
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
    /// [`MySqlError`].
    pub fn connect(&self, schema: Option<&str>) -> Result<Conn, MySqlError> {
        self.connect_as(USER, schema)
    }

    /// A session of an account that may read and write tables and do nothing else.
    pub(crate) fn connect_as_application(&self, schema: &str) -> Result<Conn, MySqlError> {
        let account = format!("'{APPLICATION}'@'%'");
        self.run(
            None,
            &format!(
                "SET sql_log_bin = 0; CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{}'; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO {account}",
                self.password.expose_secret()
            ),
        )?;
        self.connect_as(APPLICATION, Some(schema))
    }

    /// What a session of the account that may do everything is made with.
    pub(crate) fn options(&self) -> OptsBuilder {
        OptsBuilder::new()
            .ip_or_hostname(Some(self.host.to_string()))
            .tcp_port(PORT)
            .prefer_socket(false)
            .user(Some(USER))
            .pass(Some(self.password.expose_secret()))
    }

    fn connect_as(&self, user: &str, schema: Option<&str>) -> Result<Conn, MySqlError> {
        Conn::new(self.options().user(Some(user)).db_name(schema))
            .map_err(MySqlError::refused(format!("connect to {} at {}", self.kind, self.host)))
    }

    /// Stops its time: connections are taken, and nothing answers. `thaw` lets it go on.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it with kill -9.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut process) = self.process.take() {
            let _it_was_killed = process.wait();
        }
    }

    /// Starts a server that was killed once more, at its address and with all that it had.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be started.
    pub fn start_again(&mut self, software: &MySqlSoftware, options: &[String]) -> Result<(), ServerError> {
        // Its account is there.
        self.folder.write("account.sql", "SELECT 1;\n")?;
        self.start_at_its_address(software, options)
    }

    fn signal(&self, signal: Signal) {
        let pid = self.process.as_ref().and_then(|process| Pid::from_raw(i32::try_from(process.id()).ok()?));
        if let Some(pid) = pid {
            let _gone_already = kill_process(pid, signal);
        }
    }

    /// Where it writes next: the binary log file, and the position in it.
    ///
    /// # Errors
    /// [`MySqlError`] when it doesn't say.
    pub fn place(&self) -> Result<(String, u64), MySqlError> {
        let status: Option<mysql::Row> = self
            .connect(None)?
            .query_first(self.kind.where_it_writes())
            .map_err(MySqlError::refused("ask where MySQL writes"))?;
        let place = status.and_then(|row| Some((row.get(0)?, row.get(1)?)));
        place.ok_or_else(|| MySqlError::Unexpected("MySQL doesn't say where it writes".to_owned()))
    }

    /// The same with the number of the file.
    ///
    /// # Errors
    /// [`MySqlError`] when it doesn't say.
    pub fn here(&self) -> Result<(i64, i64), MySqlError> {
        let (file, position) = self.place()?;
        let number = file.rsplit_once('.').and_then(|(_, number)| number.parse().ok());
        let position = i64::try_from(position).ok();
        number.zip(position).ok_or_else(|| MySqlError::Unexpected(format!("{file} has no number")))
    }

    /// Purges the binary logs before the file `first`. A file that MariaDB has not yet let go of, or that a session still
    /// reads, stays without an error: this goes on until it is gone. A session that lost its reader ends when there is
    /// something new to send.
    ///
    /// # Errors
    /// [`MySqlError`] when it doesn't go.
    pub fn purge_binary_logs(&self, first: &str) -> Result<(), MySqlError> {
        let deadline = Instant::now() + PURGE_TIMEOUT;
        loop {
            self.run(None, &format!("PURGE BINARY LOGS TO '{first}'"))?;
            let files: Vec<mysql::Row> = self
                .connect(None)?
                .query("SHOW BINARY LOGS")
                .map_err(MySqlError::refused("list the binary logs"))?;
            let oldest: Option<String> = files.first().and_then(|row| row.get(0));
            if oldest.as_deref() == Some(first) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let oldest = oldest.unwrap_or_default();
                return Err(MySqlError::Unexpected(format!("{oldest}, before {first}, was not purged")));
            }
            sleep(PURGE_INTERVAL);
            self.run(None, "FLUSH BINARY LOGS")?;
        }
    }

    /// Runs statements, begins another binary log, and writes rubbish to where these statements are in the former one.
    ///
    /// # Errors
    /// [`MySqlError`] of the first that fails, or when the file can't be written.
    pub fn damage_binary_log(&self, schema: &str, statements: &str) -> Result<(), MySqlError> {
        let (name, from) = self.place()?;
        self.run(Some(schema), statements)?;
        let (same, until) = self.place()?;
        if name != same || from >= until {
            return Err(MySqlError::Unexpected(format!("{statements} is not in {name} alone")));
        }
        self.run(None, "FLUSH BINARY LOGS")?;
        let path = self.folder.path().join("data").join(&name);
        let damaged = OpenOptions::new().write(true).open(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(from))?;
            (from..until).try_for_each(|_| file.write_all(RUBBISH))
        });
        damaged.map_err(|error| MySqlError::Unexpected(format!("write {}: {error}", path.display())))
    }

    /// Runs statements, separated by semicolons, in a session of their own with `schema` as its default database.
    ///
    /// # Errors
    /// [`MySqlError`] of the first that fails.
    pub fn run(&self, schema: Option<&str>, statements: &str) -> Result<(), MySqlError> {
        let failed = || MySqlError::refused(format!("run on MySQL: {statements}"));
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

impl Drop for MySqlServer {
    fn drop(&mut self) {
        self.folder.remove();
        if let Some(mut process) = self.process.take() {
            let _the_supervisor_has_ended_it = process.wait();
        }
    }
}

/// Run at the start of the server, and not in its binary log.
fn account(kind: MySqlKind, password: &SecretString) -> String {
    format!(
        "SET sql_log_bin = 0;\n\
         CREATE USER '{USER}'@'%' IDENTIFIED BY '{}';\n\
         GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n\
         {}",
        password.expose_secret(),
        kind.first_statement()
    )
}

/// An address of 127.0.0.0/8 on whose port 3306 nobody listened a moment ago.
pub(crate) fn free_address() -> Result<Ipv4Addr, ServerError> {
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

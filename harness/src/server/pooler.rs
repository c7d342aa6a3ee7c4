//! pgbouncer in front of a server, as administrators have it: what a session sets and locks is then the pooler's affair.

use super::folder::ServerFolder;
use super::{Address, ServerError, port};
use secrecy::ExposeSecret;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How pgbouncer gives server sessions to its clients: `pool_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "pgbouncer's own words")]
pub enum PoolMode {
    Session,
    Transaction,
    Statement,
}

impl PoolMode {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Statement => "statement",
        }
    }
}

/// A pgbouncer that ends, and whose folder goes, with the value or the program.
#[derive(Debug)]
pub struct PgBouncer {
    address: Address,
    folder: ServerFolder,
    process: Option<Child>,
}

impl PgBouncer {
    /// Starts `program` in front of the server, with more lines of its configuration.
    ///
    /// # Errors
    /// [`ServerError`] when it doesn't start.
    pub fn start(program: &Path, server: &Address, mode: PoolMode, more: &str) -> Result<Self, ServerError> {
        let folder = ServerFolder::create()?;
        let account = format!("\"{}\" \"{}\"\n", server.user, server.password.expose_secret());
        folder.write("userlist.txt", &account)?;
        let address = Address { host: Ipv4Addr::LOCALHOST.to_string(), ..server.clone() };
        let mut pooler = Self { address, folder, process: None };
        port::retry(|port| {
            pooler.address.port = port;
            match pooler.start_on_its_port(program, server, mode, more) {
                Err(ServerError::NotStarted { log, .. }) if log.contains("Address already in use") => {
                    Ok(None)
                }
                result => result.map(Some),
            }
        })?;
        Ok(pooler)
    }

    /// Where it listens, with the server's account.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn start_on_its_port(
        &mut self,
        program: &Path,
        server: &Address,
        mode: PoolMode,
        more: &str,
    ) -> Result<(), ServerError> {
        let configuration = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = {}\nlisten_port = {}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\npool_mode = {}\nmax_client_conn = 200\n{more}\n",
            server.host,
            server.port,
            self.address.host,
            self.address.port,
            self.folder.path().join("userlist.txt").display(),
            mode.name(),
        );
        let file = self.folder.write("pgbouncer.ini", &configuration)?;
        let mut process =
            self.folder.command(program)?.arg(file).spawn().map_err(ServerError::io("run pgbouncer"))?;
        let deadline = Instant::now() + START_TIMEOUT;
        while self.address.connect(&self.address.maintenance_database).is_err() {
            let ended = process.try_wait().map_err(ServerError::io("wait for pgbouncer"))?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(self.folder.not_started("pgbouncer", &format!("{ended:?}")));
            }
            sleep(POLL_INTERVAL);
        }
        self.process = Some(process);
        Ok(())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.folder.remove();
        if let Some(mut process) = self.process.take() {
            let _the_supervisor_has_ended_it = process.wait();
        }
    }
}

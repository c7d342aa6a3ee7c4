//! A server with a 1.7 replica on it, of which every run gets a copy of its own.
//!
//! The replica belongs to an ordinary role, as on production: what a superuser may do proves nothing about
//! privileges. The role owns the catalogue and the destination tables and may create schemas, no more.

use super::dumped::{Dumped, Missing};
use super::restore::{self, RestoreError};
use super::{Origin, Replica, ReplicaError, allow_schemas, doing};
use crate::chameleon::home::Configuration;
use crate::server::quoting::literal;
use crate::server::{self, Address, Database, SharedServer};
use secrecy::SecretString;
use std::path::Path;

/// A server with the replica that every run begins with.
pub struct ReplicaTemplate {
    server: SharedServer,
    database: Database,
    role: Address,
    left_out: Vec<String>,
    missing: Missing,
}

impl ReplicaTemplate {
    /// Makes the replica on `server`.
    ///
    /// # Errors
    /// [`ReplicaError`]; nothing is left on the server.
    pub fn new(server: SharedServer, origin: &Origin) -> Result<Self, ReplicaError> {
        let (database, role, binaries) = {
            let server = server.lock();
            if matches!(origin, Origin::Dump(_)) && !server.is_our_own() {
                return Err(ReplicaError::NotOnSomebodyElsesServer);
            }
            let database = server.create_database()?;
            let role = create_role(&database)?;
            (database, role, server.binaries().map(Path::to_owned))
        };
        let mut template = Self { server, database, role, left_out: Vec::new(), missing: Missing::default() };
        allow_schemas(&template.database, &template.role)?;
        match origin {
            Origin::Seed(seed) => drop(seed.create(&mut template.role.connect(template.database.name())?)?),
            Origin::Dump(dumped) => template.restore(dumped, binaries.as_deref())?,
        }
        Ok(template)
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &SharedServer {
        &self.server
    }

    /// The role that owns the replica.
    #[must_use]
    pub fn role(&self) -> &Address {
        &self.role
    }

    /// A session as the server's superuser on the replica that every run begins with.
    ///
    /// # Errors
    /// [`server::ServerError`] when the server can't be reached.
    pub fn superuser(&self) -> Result<postgres::Client, server::ServerError> {
        self.database.connect()
    }

    /// How large the replica is, in bytes.
    ///
    /// # Errors
    /// [`ReplicaError`] when the server can't be reached.
    pub fn bytes(&self) -> Result<u64, ReplicaError> {
        let size = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";
        let bytes: i64 =
            self.superuser()?.query_one(size, &[]).map_err(doing("measuring the replica"))?.get(0);
        Ok(bytes.unsigned_abs())
    }

    /// What the dump holds and the replica does not, because this is another server; a line each.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// What came beside the dump and could not be taken along.
    #[must_use]
    pub fn missing(&self) -> &Missing {
        &self.missing
    }

    /// A copy of the replica, with the configuration that maps it.
    ///
    /// # Errors
    /// [`ReplicaError`] when the server can't be reached, or the home folder can't be written.
    pub fn replica(&self, configuration: &Configuration) -> Result<Replica, ReplicaError> {
        Replica::copy_of(&self.database, &self.role, configuration)
    }

    /// By the role itself, which then owns everything: a dump is somebody else's program, and may do no more than the role.
    fn restore(&mut self, dumped: &Dumped, binaries: Option<&Path>) -> Result<(), ReplicaError> {
        let owner = format!("ALTER SCHEMA public OWNER TO {}", self.role.user);
        self.database
            .connect()?
            .batch_execute(&owner)
            .map_err(doing("giving the schema public to the role"))?;
        let restored = restore::restore(&dumped.file, &self.database, &self.role, binaries);
        self.left_out = restored.map_err(|source| match source {
            RestoreError::Server(error) => error.into(),
            source => ReplicaError::Restore { dump: dumped.file.clone(), source },
        })?;
        self.missing = dumped.complete(&self.database, &self.role);
        self.analyse()
    }

    /// A dump holds no statistics, and a catalogue that has been in use has some: without them the copy's plans are not production's.
    fn analyse(&self) -> Result<(), ReplicaError> {
        let catalogue =
            "SELECT coalesce(string_agg(format('ANALYZE %s', c.oid::regclass), ';'), '') FROM pg_class c
                         JOIN pg_namespace n ON n.oid = c.relnamespace
                         WHERE n.nspname LIKE 'sch\\_chameleon%' AND c.relkind IN ('r', 'p')";
        let mut owner = self.role.connect(self.database.name())?;
        let statements: String = owner.query_one(catalogue, &[]).map_err(doing(ANALYSING))?.get(0);
        owner.batch_execute(&statements).map_err(doing(ANALYSING))?;
        self.database.connect()?.batch_execute(SYSTEM_CATALOGUE).map_err(doing(ANALYSING))
    }
}

const ANALYSING: &str = "analysing the catalogue";

/// What the checks read of PostgreSQL's own catalogue.
const SYSTEM_CATALOGUE: &str =
    "ANALYZE pg_catalog.pg_class, pg_catalog.pg_namespace, pg_catalog.pg_attribute, pg_catalog.pg_attrdef,
             pg_catalog.pg_constraint, pg_catalog.pg_index, pg_catalog.pg_depend, pg_catalog.pg_type, pg_catalog.pg_proc";

impl Drop for ReplicaTemplate {
    /// The role goes after the databases that it owns things in; on a server of our own it goes with it.
    fn drop(&mut self) {
        let address = self.database.address().clone();
        if let Ok(mut client) = self.database.connect() {
            drop(client.batch_execute(&format!("DROP OWNED BY {} CASCADE", self.role.user)));
        }
        if let Ok(mut client) = address.connect(&address.maintenance_database) {
            drop(client.batch_execute(&format!("DROP ROLE IF EXISTS {}", self.role.user)));
        }
    }
}

fn create_role(database: &Database) -> Result<Address, ReplicaError> {
    let name = format!("role_{}", database.name());
    let password = format!("{:032x}", rand::random::<u128>());
    database
        .connect()?
        // One transaction, so that a program that is killed leaves no role without the mark.
        .batch_execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{password}'; COMMENT ON ROLE {name} IS {}",
            literal(&server::mark(&database.address().user))
        ))
        .map_err(doing("creating a role"))?;
    let password = SecretString::from(password);
    Ok(Address { user: name, password, ..database.address().clone() })
}

//! What PostgreSQL says beside the snapshot: the server, the role, other sessions, the destination.

/// The server, and what stands on it under the catalogue's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `server_version_num`: 150018 is 15.18.
    pub version_number: u32,
    /// `server_version`, for messages.
    pub version: String,
    /// The database that the catalogue is in.
    pub database: String,
    /// Whether it is a standby, on which nothing can be written.
    pub in_recovery: bool,
    /// Whether transactions are read-only unless they say otherwise (`default_transaction_read_only`).
    pub read_only: bool,
    /// `synchronous_standby_names`, when the role's commits wait for one of them and none is connected.
    pub awaited_standbys: Option<String>,
    /// The role of the configuration.
    pub role: Role,
    /// The owner of `sch_chameleon`; none when there is no such schema.
    pub schema_owner: Option<String>,
    /// Whether `sch_chameleon` holds something called `v_version`.
    pub has_version: bool,
    /// Which of `_sch_chameleon_version1` and `_sch_chameleon_version2` exist.
    pub leftovers: Vec<String>,
}

/// What the role of the configuration may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it has CREATE on the database.
    pub may_create_schemas: bool,
    /// Whether it owns `sch_chameleon`, itself or as a member.
    pub owns_schema: bool,
    /// Tables, views and sequences of the catalogue that it does not own.
    pub not_owned: Vec<String>,
}

/// A session of pg_chameleon on the catalogue's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its server process.
    pub pid: i32,
    /// Its role.
    pub role: Option<String>,
    /// What it calls itself.
    pub application_name: String,
    /// Where it comes from; none when the role of the configuration may not see it.
    pub client: Option<String>,
}

/// An object in another schema that refers to one of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// The object, as PostgreSQL describes it.
    pub object: String,
    /// What it refers to.
    pub depends_on: String,
}

/// Tables of `t_replica_tables` that are not as they should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableExamination {
    /// A name is longer than 2.0's columns.
    pub too_long: UnfitTables,
    /// `v_table_pkey` is not a list of names in double quotes.
    pub unreadable_key: UnfitTables,
    /// The destination schema has no such table.
    pub missing: UnfitTables,
    /// The table in the destination schema has no primary key.
    pub without_primary_key: UnfitTables,
}

/// Tables of one kind: how many, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnfitTables {
    /// How many there are.
    pub count: u64,
    /// A few of them.
    pub first: Vec<Unfit>,
}

/// A table of `t_replica_tables`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The old source.
    pub source: String,
    /// `v_schema_name`.
    pub schema: String,
    /// `v_table_name`.
    pub table: String,
    /// The first element of `v_table_pkey`.
    pub key: Option<String>,
}

/// What a 1.7 catalogue holds beside what the plan is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strays {
    /// Objects in the schema that are not pg_chameleon's.
    pub own_objects: OwnObjects,
    /// Tables that are registered under another destination schema than that of their source.
    pub misplaced: Vec<Misplaced>,
    /// Destination schemas of sources that are not there.
    pub missing_destinations: Vec<String>,
    /// What 1.8.2 could not store; none when it has stored all.
    pub discarded: Option<Discarded>,
}

/// Objects in `sch_chameleon` that pg_chameleon has not made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnObjects {
    /// How many there are.
    pub count: u64,
    /// A few of them.
    pub first: Vec<OwnObject>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnObject {
    /// The object, as PostgreSQL describes it.
    pub description: String,
    /// The statement that gives it another schema; none for what goes by the catalogue's tables wherever it stands.
    pub move_out: Option<String>,
}

/// Tables of one source that are registered under a schema which is not its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// `i_id_source` of the source that they are registered for.
    pub source_id: i64,
    /// Its name.
    pub source: String,
    /// `v_schema_name`.
    pub schema: String,
    /// The source whose destination that schema is: its id and its name.
    pub owner: Option<(i64, String)>,
    /// How many tables.
    pub tables: u64,
    /// How many of them are registered for the owner too.
    pub twice: u64,
    /// A few of their names.
    pub first: Vec<String>,
}

/// `t_discarded_rows`, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarded {
    /// How many rows.
    pub rows: u64,
    /// When the first of them was discarded.
    pub since: String,
    /// When the last of them was.
    pub until: String,
    /// The beginnings of `t_row_data` of the newest.
    pub beginnings: Vec<String>,
}

/// What `sch_chameleon` is, by its `v_version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueVersion {
    /// There is no such schema.
    Missing,
    /// The schema has no `v_version`, or one without a row: it is not pg_chameleon's.
    Foreign,
    /// The role may not read it.
    Unreadable,
    /// 1.7: what is upgraded.
    V1_7,
    /// 2.0.10: there is nothing to do.
    V2_0_10,
    /// Another version of pg_chameleon's catalogue.
    Other(String),
}

impl CatalogueVersion {
    /// What `v_version` says.
    #[must_use]
    pub fn of(version: Option<String>) -> Self {
        match version.as_deref() {
            None => Self::Foreign,
            Some("1.7") => Self::V1_7,
            Some("2.0.10") => Self::V2_0_10,
            Some(other) => Self::Other(other.to_owned()),
        }
    }
}

/// What stands between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing that pools; or a pooler that gives a server session for as long as a client stays.
    Sessions,
    /// A pooler that gives one for each transaction, as these two server processes show.
    Transactions(i32, i32),
    /// A pooler that takes no transactions, in its own words.
    Statements(String),
}

/// What the 2.0 catalogue lacks of the one that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftBehind {
    /// How many tables.
    pub tables: u64,
    /// A few of them, with their schemas.
    pub first: Vec<String>,
}

//! The pairs of schemas that a replica maps: where rows come from on MySQL, where they go in
//! PostgreSQL. `SPEC.md`, "Schema mappings".

/// One schema of MySQL and the schema of PostgreSQL that receives its tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingPair {
    /// The schema on MySQL.
    pub source_schema: String,
    /// The schema in PostgreSQL.
    pub dest_schema: String,
}

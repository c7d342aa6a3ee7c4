//! Why a seed is not in the database.

/// A seed that could not be put into the database. Nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A statement failed.
    #[error("the seed can't be created: {doing} failed: {}", described(.source))]
    Server {
        /// What was being done.
        doing: String,
        /// What the server said.
        source: postgres::Error,
    },
    /// Generated events for a table that the source doesn't have.
    #[error(
        "source {of:?} has generated events for table {table:?}, which is not among its tables: add it there"
    )]
    UnknownTable {
        /// The source.
        of: String,
        /// The table.
        table: String,
    },
    /// Generated events of no kind.
    #[error("source {of:?} has generated events of no kind for table {table:?}: name at least one in `mix`")]
    EmptyMix {
        /// The source.
        of: String,
        /// The table.
        table: String,
    },
}

/// What the server said, with its SQLSTATE and detail.
pub(super) fn described(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |error| {
            let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{} {}{detail}", error.code().code(), error.message())
        },
    )
}

/// Adds to an error of the server what was being done.
pub(super) fn doing(what: impl Into<String>) -> impl FnOnce(postgres::Error) -> SeedError {
    let doing = what.into();
    |source| SeedError::Server { doing, source }
}

//! The real pg_chameleon: 1.8.2, which makes and runs the 1.7 catalogue, and 2.0.21, which must run on the upgraded one;
//! the home folder that its users configure it in; and crashes of it between two of its commits.

pub mod barrier;
pub mod home;
pub(crate) mod launcher;
pub(crate) mod sessions;
pub mod version1;
pub mod version2;

use crate::process::ProcessError;

/// pg_chameleon can't be run, or does something else than it should.
#[derive(Debug, thiserror::Error)]
pub enum ChameleonError {
    /// Its process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// PostgreSQL refused.
    #[error("{doing}: {}", crate::server::in_full(source))]
    Sql {
        /// What was being done.
        doing: String,
        /// PostgreSQL's answer.
        source: postgres::Error,
    },
    /// It has left something else than it should.
    #[error("{0}")]
    Unexpected(String),
}

impl ChameleonError {
    /// For `map_err` on what PostgreSQL does.
    fn sql(doing: impl Into<String>) -> impl FnOnce(postgres::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Sql { doing, source }
    }
}

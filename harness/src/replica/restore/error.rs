//! Why a dump can't be restored.

use super::script::ScriptError;
use crate::server::ServerError;
use std::io;
use std::path::PathBuf;

/// Why a dump can't be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It can't be opened.
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    /// It can't be gone through.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A program that it needs.
    #[error("{} can't be run: {source}. Install PostgreSQL's client programs", program.display())]
    NoProgram {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It is not whole, or no dump of a replica; says what to do.
    #[error("{0}")]
    Unfit(String),
    /// The throwaway server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The throwaway server, at a question of the harness.
    #[error("the throwaway server does not answer: {0}")]
    Sql(#[from] postgres::Error),
}

//! The living proof: a real MariaDB or MySQL, the real pg_chameleon 1.8.2 before the upgrade, the real 2.0.21 after it.
//!
//! §exactly-once (no event lost, none applied twice) is shown by a [`Scenario`]: what happens on MySQL and
//! with 1.8.2, the upgrade, what happens afterwards, and in the end every replicated table equal to its source.

mod application;
pub mod daemon;
pub mod documents;
mod half;
mod in_service;
pub mod logged;
mod marker;
mod passage;
mod rehearsed;
mod replica_check;
mod rival;
pub(crate) mod run;
pub(crate) mod scenario;
mod second_judge;
mod tables;
mod watched;

use crate::chameleon::ChameleonError;
use crate::process::ProcessError;
use crate::process::tools::{self, Missing};
use crate::seed::original::OriginalError;
use crate::server::ServerError;
use crate::server::mysql::{MySqlError, MySqlKind, MySqlSoftware};
use std::fmt::Write as _;

pub use replica_check::{ReplicaCheck, check_replica};
pub use run::{prove, run};
pub use scenario::{
    App, Command1, Crash, DaemonEnds, MySqlSource, Program, Rehearse, ReplicaServer, Run, Scenario, Step,
    Sync, Upgrade, Watched,
};
pub use tables::{Difference, SchemaPair, compare};

/// The real programs that a live scenario runs.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The virtual environment of pg_chameleon 1.8.2.
    pub chameleon1: std::path::PathBuf,
    /// The virtual environment of pg_chameleon 2.0.21.
    pub chameleon2: std::path::PathBuf,
    /// The server of the sources.
    pub mysql: MySqlSoftware,
    /// Whether the server has GTIDs, and the daemon of 2.0.21 starts from them.
    pub gtids: bool,
}

impl Programs {
    /// Finds them, with a server of this kind, without GTIDs.
    ///
    /// # Errors
    /// [`Missing`] names the first that isn't there, and how to get it.
    pub fn find(server: MySqlKind) -> Result<Self, Missing> {
        Ok(Self {
            mysql: MySqlSoftware::find(server)?,
            chameleon1: tools::chameleon1()?,
            chameleon2: tools::chameleon2()?,
            gtids: false,
        })
    }

    /// The same on a server with GTIDs, from which the daemon starts.
    #[must_use]
    pub fn with_gtids(self) -> Self {
        Self { gtids: true, ..self }
    }
}

/// Why a live scenario could not be run to its end, or what it was expected to show and didn't.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// MySQL.
    #[error(transparent)]
    MySql(#[from] MySqlError),
    /// A program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// pg_chameleon.
    #[error(transparent)]
    Chameleon(#[from] ChameleonError),
    /// A catalogue of an earlier release.
    #[error(transparent)]
    Original(#[from] OriginalError),
    /// PostgreSQL refused.
    #[error("{doing}: {}", crate::server::in_full(source))]
    Sql {
        /// What was being done.
        doing: String,
        /// PostgreSQL's answer.
        source: postgres::Error,
    },
    /// The scenario can't be carried out as it is written.
    #[error("the scenario is wrong: {0}")]
    Scenario(String),
    /// A step of the scenario failed.
    #[error("step {number} ({step}): {cause}")]
    Step {
        /// Counted from one.
        number: usize,
        /// The step, in a word.
        step: &'static str,
        /// What went wrong in it.
        cause: Box<LiveError>,
    },
    /// What was to hold doesn't.
    #[error("{}", listed(.0))]
    Findings(Vec<String>),
}

impl LiveError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| ProcessError::io(doing)(source).into()
    }

    pub(crate) fn mysql(doing: impl Into<String>) -> impl FnOnce(mysql::Error) -> Self {
        let doing = doing.into();
        move |source| MySqlError::refused(doing)(source).into()
    }

    pub(crate) fn sql(doing: impl Into<String>) -> impl FnOnce(postgres::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Sql { doing, source }
    }
}

fn listed(findings: &[String]) -> String {
    findings.iter().fold(String::new(), |mut text, finding| {
        _ = write!(text, "\n  - {finding}");
        text
    })
}

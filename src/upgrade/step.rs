//! The steps of the transaction, in their order. Each begins with a savepoint of its own name.

use serde::Serialize;
use std::fmt;

/// A step of the upgrade's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Lock the tables of the old catalogue against writers.
    Lock,
    /// Lock the tables of an earlier 2.0 catalogue against writers (§maintenance).
    LockEarlier,
    /// Read the old catalogue again and hold it against the plan.
    Recheck,
    /// Put the old catalogue aside and make room for the new one.
    Rename,
    /// Put the earlier 2.0 catalogue aside and make room for the new one (§maintenance).
    PutAside,
    /// Install the 2.0 catalogue.
    Install,
    /// Store the new sources.
    Sources,
    /// Bring the tables over.
    Tables,
    /// Write batch starts and consistent points.
    Coordinates,
    /// Copy the rows of an earlier 2.0 catalogue (§maintenance).
    Rows,
    /// Grant again what was granted on the old catalogue.
    Privileges,
    /// Hold what was written against the plan.
    Verify,
    /// Make it permanent.
    Commit,
}

impl Step {
    /// The name of its savepoint.
    #[must_use]
    pub fn savepoint(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::LockEarlier => "lock_earlier",
            Self::Recheck => "recheck",
            Self::Rename => "rename",
            Self::PutAside => "put_aside",
            Self::Install => "install",
            Self::Sources => "sources",
            Self::Tables => "tables",
            Self::Coordinates => "coordinates",
            Self::Rows => "rows",
            Self::Privileges => "privileges",
            Self::Verify => "verify",
            Self::Commit => "commit",
        }
    }

    /// Whether the new schema stands when this step begins: only then is there something to inspect
    /// after a failure.
    #[must_use]
    pub fn new_schema_stands(self) -> bool {
        self > Self::Rename
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lock => "lock the 1.7 catalogue against writers",
            Self::LockEarlier => "lock the catalogue against writers",
            Self::Recheck => "read it again and check",
            Self::Rename => "rename sch_chameleon to _sch_chameleon_version1",
            Self::PutAside => "rename sch_chameleon to _sch_chameleon_version2",
            Self::Install => "install the 2.0.10 catalogue",
            Self::Sources => "store the new sources",
            Self::Tables => "migrate the tables",
            Self::Coordinates => "write batch starts and consistent points",
            Self::Rows => "copy the rows",
            Self::Privileges => "grant the privileges of the old catalogue",
            Self::Verify => "verify",
            Self::Commit => "commit",
        })
    }
}

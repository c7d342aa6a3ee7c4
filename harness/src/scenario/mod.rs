//! Scenarios: upgrades written down as files. Each names a replica (a seed, the demo's, or a dump), a
//! configuration, the runs of an upgrader on it with what goes wrong in each, and what must hold afterwards.
//! `scenarios/README.md` documents the format.

mod any;
mod description;
mod expectation;
mod file;
mod junit;
mod pool;
mod run;
mod schema;

pub use any::{AnyScenario, run_any};
pub use description::{Replicated, Run, Scenario, Session, SourceDescription};
pub use expectation::{Exit, Expectation, ExpectedFinding, ExpectedSource, Query, Text};
pub use file::{Case, FileError, ScenarioFile};
pub(crate) use junit::escaped;
pub use junit::junit;
pub use pool::Pool;
pub use run::{Kept, ScenarioError, Verdict, VerdictKind, run};
pub use schema::schema;

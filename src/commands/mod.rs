//! The verbs of the command line, one file each: it opens, calls, reports.

pub mod check;
mod consent;
mod interruption;
mod next_steps;
mod replay;
pub mod rollback;
mod session;
pub mod status;
pub mod upgrade;

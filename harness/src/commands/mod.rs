//! The verbs of `chameleon-harness`, one file each.

pub mod bench_reference;
pub mod sweep;

/// How a verb ends: nothing to complain of, something found, or it could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is as it should be.
    Well,
    /// The upgrader does something that it should not.
    Found,
}

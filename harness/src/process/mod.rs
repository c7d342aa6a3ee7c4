//! The programs that the harness runs: which of them are here, how they are started, and that none of them and none of
//! their files outlives it.

pub mod group;
pub mod memory;
pub mod running;
pub mod scratch;
pub(crate) mod supervisor;
pub mod terminal;
pub mod tools;

/// A program can't be run, or does something else than it should.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The operating system refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A program ended otherwise than it should have, or didn't end, or didn't do in time what was waited for.
    #[error("{program} {how}. The end of its output:\n{output}")]
    Failed {
        /// The program and its arguments.
        program: String,
        /// What it did.
        how: String,
        /// The last lines that it wrote.
        output: String,
    },
}

impl ProcessError {
    /// For `map_err` on what the operating system does.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

//! What a check is.

use crate::examination::Examined;
use crate::finding::{Finding, Severity};

/// A check: what it is about, and how it runs. `E` is what it looks at.
#[derive(Debug, Clone, Copy)]
pub struct Check<E: 'static = Examined> {
    /// Its id, by which findings, `--accept` and `--only` name it.
    pub id: &'static str,
    /// What is so when it finds nothing.
    pub about: &'static str,
    /// The rule of docs/specification.md that it comes from.
    pub rule: &'static str,
    /// The most that a finding of it weighs.
    pub worst: Severity,
    /// Whether its errors can be accepted: it is about the daemon or the configuration, not about the catalogue's integrity.
    pub acceptable: bool,
    /// Whether it goes by what MySQL answers.
    pub asks_mysql: bool,
    /// Looks.
    pub run: fn(&E) -> Vec<Finding>,
}

impl<E> Check<E> {
    /// What it finds.
    #[must_use]
    pub fn findings(&self, examined: &E) -> Vec<Finding> {
        (self.run)(examined)
    }

    /// A finding that refuses.
    pub(crate) fn error(&self, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        debug_assert!(self.worst == Severity::Error, "{} finds errors", self.id);
        Finding::error(self.id, found, remedy)
    }

    /// A finding to know of before it goes on.
    pub(crate) fn warning(&self, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        debug_assert!(self.worst >= Severity::Warning, "{} finds warnings", self.id);
        Finding::warning(self.id, found, remedy)
    }

    /// A finding that asks for nothing.
    pub(crate) fn info(&self, found: impl Into<String>) -> Finding {
        Finding::info(self.id, found)
    }
}

//! What a check finds: how much it weighs, what was found, and what to do about it.

use serde::Serialize;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// The upgrade goes on; the administrator should know beforehand.
    Warning,
    /// The upgrade would be refused, had it not been accepted with `--accept`.
    Accepted,
    /// The upgrade is refused.
    Error,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The id of the check.
    pub check: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What was found, and where.
    pub found: String,
    /// What to do; none where nothing need be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Why it was accepted, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Finding {
    /// A finding that refuses the upgrade.
    #[must_use]
    pub fn error(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Severity::Error, found.into(), Some(remedy.into()))
    }

    /// A finding to know of before the upgrade goes on.
    #[must_use]
    pub fn warning(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, found.into(), Some(remedy.into()))
    }

    /// A finding that asks for nothing.
    #[must_use]
    pub fn info(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Severity::Info, found.into(), None)
    }

    fn new(check: &'static str, severity: Severity, found: String, remedy: Option<String>) -> Self {
        Self { check, severity, found, remedy, accepted: None }
    }
}

/// How many of the findings refuse the upgrade.
#[must_use]
pub fn errors(findings: &[Finding]) -> u64 {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count() as u64
}

/// Whether any finding refuses the upgrade.
#[must_use]
pub fn has_errors(findings: &[Finding]) -> bool {
    errors(findings) > 0
}

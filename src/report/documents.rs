//! What commands write as JSON on standard output. Each says in which version of the form it is; docs/schemas has the
//! forms.

use crate::catalogue::v1::status::OldSourceStatus;
use crate::catalogue::v2::status::{Details, SourceStatus};
use crate::checks::Check;
use crate::ending::Ending;
use crate::finding::{Finding, Severity};
use crate::plan::Plan;
use crate::report::output;
use crate::verify::Compared;
use serde::Serialize;

/// The version of the forms. A new key doesn't change it, since whoever reads must pass over keys that he doesn't know; a
/// key that goes, or means something else, does.
pub const VERSION: u32 = 1;

/// `check --format json`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "What check --format json writes"))]
pub struct Checked<'a> {
    /// The version of the form.
    pub version: u32,
    /// What the checks found, in the order of the checks.
    pub findings: &'a [Finding],
    /// What the upgrade would do; null when nothing can be planned.
    pub plan: Option<&'a Plan>,
    /// The name of the ending.
    pub ending: &'static str,
    /// The exit code.
    pub exit_code: u8,
    /// What would be the last line for people.
    pub message: &'a str,
    /// The ids of the checks that were run, when these are not all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub only: Vec<&'static str>,
}

impl<'a> Checked<'a> {
    /// What was found and planned, and how it ended.
    #[must_use]
    pub fn new(findings: &'a [Finding], plan: Option<&'a Plan>, ending: &'a Ending, only: &[&Check]) -> Self {
        Self {
            version: VERSION,
            findings,
            plan,
            ending: ending.name(),
            exit_code: ending.code(),
            message: ending.message(),
            only: only.iter().map(|check| check.id).collect(),
        }
    }
}

/// `check --format json` of several configurations.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "What check --format json writes of several configurations"))]
pub struct Overview<'a> {
    version: u32,
    /// Each, in the order of the command line.
    configurations: Vec<OneOfSeveral<'a>>,
    /// The name of the ending of the one that decides.
    ending: &'static str,
    /// Its exit code.
    exit_code: u8,
    /// What would be the last line for people.
    message: &'a str,
}

/// One of several configurations.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct OneOfSeveral<'a> {
    /// As --config names it.
    configuration: &'a str,
    /// What was found.
    #[serde(flatten)]
    checked: Checked<'a>,
}

impl<'a> Overview<'a> {
    /// What was found of each, by its name, and how it all ended.
    #[must_use]
    pub fn new(all: Vec<(&'a str, Checked<'a>)>, ending: &'a Ending) -> Self {
        let one = |(configuration, checked)| OneOfSeveral { configuration, checked };
        Self {
            version: VERSION,
            configurations: all.into_iter().map(one).collect(),
            ending: ending.name(),
            exit_code: ending.code(),
            message: ending.message(),
        }
    }
}

/// `check --list --format json`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "What check --list --format json writes"))]
pub struct Checks {
    version: u32,
    /// All checks, in the order in which their findings are.
    checks: Vec<ListedCheck>,
}

/// A check.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ListedCheck {
    /// Its id, by which findings, --accept and --only name it.
    id: &'static str,
    /// What is so when it finds nothing.
    about: &'static str,
    /// The rule of docs/specification.md that it comes from.
    rule: &'static str,
    /// The most that a finding of it weighs.
    worst: Severity,
    /// Whether its errors can be accepted.
    acceptable: bool,
    /// Whether it goes by what MySQL answers.
    asks_mysql: bool,
}

impl Checks {
    /// These.
    #[must_use]
    pub fn of(checks: &[Check]) -> Self {
        let listed = |&Check { id, about, rule, worst, acceptable, asks_mysql, .. }: &Check| ListedCheck {
            id,
            about,
            rule,
            worst,
            acceptable,
            asks_mysql,
        };
        Self { version: VERSION, checks: checks.iter().map(listed).collect() }
    }
}

/// `status --format json`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "What status --format json writes"))]
pub struct Status<'a> {
    version: u32,
    /// The version of the catalogue.
    catalogue: &'a str,
    /// Its sources.
    sources: Sources<'a>,
    /// More of the one that --source names, in a 2.0 catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Details>,
}

/// The sources of a catalogue.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Sources<'a> {
    /// Of 1.7.
    Old(&'a [OldSourceStatus]),
    /// Of 2.0.
    New(&'a [SourceStatus]),
}

impl<'a> Status<'a> {
    /// The sources of a catalogue of that version, and more of the only one.
    #[must_use]
    pub fn new(catalogue: &'a str, sources: Sources<'a>, details: Option<&'a Details>) -> Self {
        Self { version: VERSION, catalogue, sources, details }
    }
}

/// `verify --format json`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "What verify --format json writes"))]
pub struct Verified<'a> {
    version: u32,
    /// The version of the catalogue.
    catalogue: &'a str,
    /// The tables, in the order in which they were compared.
    tables: &'a [Compared],
    /// The name of the ending.
    ending: &'static str,
    /// The exit code.
    exit_code: u8,
    /// What would be the last line for people.
    message: &'a str,
}

impl<'a> Verified<'a> {
    /// What was seen of the tables, and how it ended.
    #[must_use]
    pub fn new(catalogue: &'a str, tables: &'a [Compared], ending: &'a Ending) -> Self {
        let (ending, exit_code, message) = (ending.name(), ending.code(), ending.message());
        Self { version: VERSION, catalogue, tables, ending, exit_code, message }
    }
}

/// Writes such an object: it is all that there is on standard output.
pub fn write(document: &impl Serialize) {
    // Nothing in it can fail: no map has other keys than texts.
    output::line(serde_json::to_string_pretty(document).unwrap_or_default());
}

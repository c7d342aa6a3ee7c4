//! What must hold after a run, and whether it does.

use crate::record::properties::Property;
use crate::replica::attempt::Outcome;
use crate::replica::report::{Finding, Severity};
use crate::seed::Pairs;
use crate::server::in_full;
use postgres::Client;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;

/// What must hold after a run. What is left out is not looked at, but for the properties.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The exit code, or `killed`.
    #[serde(default)]
    pub exit: Option<Exit>,
    /// What `v_version` of `sch_chameleon` says.
    #[serde(default)]
    pub version: Option<Text>,
    /// The schemas with `chameleon` in their names: all of them, in any order.
    #[serde(default)]
    pub schemas: Option<Vec<String>>,
    /// Everything in the database is as it was before the run, byte for byte.
    #[serde(default)]
    pub unchanged: bool,
    /// The findings of the report: all of them, in any order, but for `offline`: no scenario has a MySQL.
    #[serde(default)]
    pub findings: Option<Vec<ExpectedFinding>>,
    /// Texts that the output holds.
    #[serde(default)]
    pub output: Vec<String>,
    /// Texts that the output does not hold.
    #[serde(default)]
    pub output_without: Vec<String>,
    /// The sources of the 2.0 catalogue: all of them, in the order of their ids.
    #[serde(default)]
    pub sources: Option<Vec<ExpectedSource>>,
    /// Tables of the 2.0 catalogue with their coordinates: `{shop.orders: "mysql-bin.000042:7311"}`.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub tables: Pairs<String>,
    /// Queries and what they give.
    #[serde(default)]
    pub queries: Vec<Query>,
    /// The properties of docs/specification.md that must hold; all six by default.
    #[serde(default = "all_properties")]
    pub invariants: Vec<Property>,
}

fn all_properties() -> Vec<Property> {
    Property::ALL.to_vec()
}

/// How the upgrader ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this exit code.
    Code(i32),
    /// By the fault that kills it.
    Killed,
}

impl<'de> Deserialize<'de> for Exit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodeOrKilled;

        impl Visitor<'_> for CodeOrKilled {
            type Value = Exit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an exit code, or `killed`")
            }

            fn visit_u64<E: de::Error>(self, code: u64) -> Result<Exit, E> {
                let code = u8::try_from(code).map_err(|_| E::custom("exit codes end at 255"))?;
                Ok(Exit::Code(code.into()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Exit, E> {
                if text == "killed" {
                    Ok(Exit::Killed)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }
        }

        deserializer.deserialize_any(CodeOrKilled)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Killed => f.write_str("killed"),
        }
    }
}

/// A value as PostgreSQL writes it as text. YAML's numbers and booleans are taken as they are written there:
/// `1.7`, `true`; NULL is `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, a boolean or null")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(Some(text.to_owned())))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Text, E> {
                Ok(Text(None))
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("NULL"))
    }
}

/// A finding: `{error: schema-mappings, says: my_stock}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenFinding")]
pub struct ExpectedFinding {
    /// How much it weighs.
    pub severity: Severity,
    /// The id of the check.
    pub check: String,
    /// A text in what it found or in its remedy.
    pub says: Option<String>,
}

/// Exactly one of `error`, `warning` and `info` holds the id of the check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenFinding {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warning: Option<String>,
    #[serde(default)]
    info: Option<String>,
    /// A text in what it found or in its remedy.
    #[serde(default)]
    says: Option<String>,
}

impl TryFrom<WrittenFinding> for ExpectedFinding {
    type Error = &'static str;

    fn try_from(written: WrittenFinding) -> Result<Self, &'static str> {
        let WrittenFinding { error, warning, info, says } = written;
        let (severity, check) = match (error, warning, info) {
            (Some(check), None, None) => (Severity::Error, check),
            (None, Some(check), None) => (Severity::Warning, check),
            (None, None, Some(check)) => (Severity::Info, check),
            _ => return Err("a finding is one of {error: CHECK}, {warning: CHECK} and {info: CHECK}"),
        };
        Ok(Self { severity, check, says })
    }
}

/// A source of the 2.0 catalogue; what is left out is not looked at.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSource {
    /// `t_source`.
    pub name: String,
    /// `enm_status`.
    #[serde(default)]
    pub status: Option<Text>,
    /// The coordinate of its newest batch, `file:position`; null for no batch.
    #[serde(default, deserialize_with = "given")]
    pub batch_start: Option<Text>,
    /// `t_binlog_name:i_binlog_position`; null for none.
    #[serde(default, deserialize_with = "given")]
    pub consistent_point: Option<Text>,
    /// `b_consistent`.
    #[serde(default)]
    pub consistent: Option<bool>,
    /// How many tables it has.
    #[serde(default)]
    pub tables: Option<u64>,
    /// `jsb_schema_mappings`.
    #[serde(default)]
    #[schemars(with = "Option<std::collections::BTreeMap<String, String>>")]
    pub mappings: Option<Pairs<String>>,
    /// `t_last_received.ts_last_received`.
    #[serde(default, deserialize_with = "given")]
    pub last_received: Option<Text>,
    /// `t_last_replayed.ts_last_replayed`.
    #[serde(default, deserialize_with = "given")]
    pub last_replayed: Option<Text>,
}

/// Tells a key that is null from one that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    Text::deserialize(deserializer).map(Some)
}

/// A query and what it gives.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// A query with one column.
    pub sql: String,
    /// The value of its only row, or a list of the values of all rows in their order.
    pub gives: Gives,
}

/// What a query gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a value, or a list of values")]
pub enum Gives {
    /// One row.
    One(Text),
    /// All rows.
    Rows(Vec<Text>),
}

impl Gives {
    fn rows(&self) -> &[Text] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Rows(rows) => rows,
        }
    }
}

const SCHEMAS: &str = "
    SELECT coalesce(array_agg(nspname::text ORDER BY nspname), '{}') FROM pg_namespace
    WHERE nspname LIKE '%chameleon%'";

impl Expectation {
    /// What does not hold of the outcome, and of the database that `client` is connected to. Of a program that is
    /// not `ours` only success or failure is looked at, not its exit codes and words.
    ///
    /// # Errors
    /// What the server answers to the harness's own questions.
    pub(super) fn failures(
        &self,
        outcome: &Outcome,
        ours: bool,
        client: &mut Client,
    ) -> Result<Vec<String>, postgres::Error> {
        let mut failures = if ours { self.failures_of_outcome(outcome) } else { self.wrong_success(outcome) };
        if let Some(expected) = &self.version {
            let there = client.query_one("SELECT to_regclass('sch_chameleon.v_version') IS NOT NULL", &[])?;
            let found = if there.get(0) {
                column(client, "SELECT t_version::text FROM sch_chameleon.v_version")?
            } else {
                vec![]
            };
            differ(&mut failures, "version", &list(&found), &expected.to_string());
        }
        if let Some(expected) = &self.schemas {
            let mut expected = expected.clone();
            expected.sort();
            let found: Vec<String> = client.query_one(SCHEMAS, &[])?.get(0);
            differ(&mut failures, "schemas", &found.join(", "), &expected.join(", "));
        }
        match self.new_catalogue(client) {
            Ok(wrong) => failures.extend(wrong),
            // A catalogue of another version has other columns, or none.
            Err(error) if error.as_db_error().is_some() => {
                failures.push(format!("sch_chameleon is no 2.0 catalogue: {}", in_full(&error)));
            }
            Err(error) => return Err(error),
        }
        for Query { sql, gives } in &self.queries {
            match column(client, sql) {
                Ok(found) => differ(&mut failures, sql, &list(&found), &list(gives.rows())),
                Err(error) => failures.push(format!("{sql} fails: {}", in_full(&error))),
            }
        }
        Ok(failures)
    }

    /// The sources and tables of the 2.0 catalogue.
    fn new_catalogue(&self, client: &mut Client) -> Result<Vec<String>, postgres::Error> {
        let mut failures = Vec::new();
        if let Some(expected) = &self.sources {
            failures.extend(sources(client, expected)?);
        }
        for (table, coordinate) in &self.tables.0 {
            let found = client.query(include_str!("table.sql"), &[table])?;
            let found: Vec<_> = found.iter().map(|row| Text(row.get(0))).collect();
            differ(&mut failures, &format!("the table {table}"), &list(&found), coordinate);
        }
        Ok(failures)
    }

    /// Success where a failure is expected, or the other way round.
    fn wrong_success(&self, outcome: &Outcome) -> Vec<String> {
        let mut failures = Vec::new();
        if let (Some(Exit::Code(expected)), Some(found)) = (self.exit, outcome.code())
            && (expected == 0) != (found == 0)
        {
            differ(
                &mut failures,
                "the end",
                &Exit::Code(found).to_string(),
                &Exit::Code(expected).to_string(),
            );
        }
        failures
    }

    fn failures_of_outcome(&self, outcome: &Outcome) -> Vec<String> {
        let mut failures = Vec::new();
        if let Some(expected) = self.exit {
            let found = match outcome.code() {
                Some(code) => Exit::Code(code).to_string(),
                None if outcome.killed() => Exit::Killed.to_string(),
                None if outcome.exit.is_none() => "still running after its time".to_owned(),
                None => "ended by a signal".to_owned(),
            };
            differ(&mut failures, "the end", &found, &expected.to_string());
        }
        if let Some(expected) = &self.findings {
            match &outcome.report {
                Some(report) => failures.extend(findings(&report.findings, expected)),
                None => failures.push("there is no report to read findings from".to_owned()),
            }
        }
        let missing = self.output.iter().filter(|text| !outcome.output.contains(*text));
        failures.extend(missing.map(|text| format!("{text:?} is not in the output")));
        let unwanted = self.output_without.iter().filter(|text| outcome.output.contains(*text));
        failures.extend(unwanted.map(|text| format!("{text:?} is in the output")));
        failures
    }
}

fn differ(failures: &mut Vec<String>, what: &str, found: &str, expected: &str) {
    if found != expected {
        failures.push(format!("{what}: {found} instead of {expected}"));
    }
}

fn list(values: &[Text]) -> String {
    if values.is_empty() {
        return "nothing".to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The only column of each row, as text.
fn column(client: &mut Client, sql: &str) -> Result<Vec<Text>, postgres::Error> {
    let mut values = Vec::new();
    for message in client.simple_query(sql)? {
        if let postgres::SimpleQueryMessage::Row(row) = message {
            values.push(Text(row.get(0).map(str::to_owned)));
        }
    }
    Ok(values)
}

fn sources(client: &mut Client, expected: &[ExpectedSource]) -> Result<Vec<String>, postgres::Error> {
    let rows = client.query(include_str!("sources.sql"), &[])?;
    let mut failures = Vec::new();
    let found: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    let names: Vec<&str> = expected.iter().map(|source| source.name.as_str()).collect();
    differ(&mut failures, "the sources", &found.join(", "), &names.join(", "));
    if !failures.is_empty() {
        return Ok(failures);
    }
    for (row, source) in rows.iter().zip(expected) {
        let text = |column: &str| Text(row.get(column)).to_string();
        let mut compare = |column: &str, expected: Option<String>| {
            if let Some(expected) = expected {
                differ(&mut failures, &format!("{column} of {}", source.name), &text(column), &expected);
            }
        };
        compare("status", source.status.as_ref().map(ToString::to_string));
        compare("batch_start", source.batch_start.as_ref().map(ToString::to_string));
        compare("consistent_point", source.consistent_point.as_ref().map(ToString::to_string));
        compare("consistent", source.consistent.map(|it| it.to_string()));
        compare("tables", source.tables.map(|it| it.to_string()));
        compare("last_received", source.last_received.as_ref().map(ToString::to_string));
        compare("last_replayed", source.last_replayed.as_ref().map(ToString::to_string));
        if let Some(Pairs(pairs)) = &source.mappings {
            let expected: serde_json::Value =
                pairs.iter().map(|(from, to)| (from.clone(), serde_json::Value::from(to.clone()))).collect();
            let found: serde_json::Value = row.get("mappings");
            if found != expected {
                failures.push(format!("mappings of {}: {found} instead of {expected}", source.name));
            }
        }
    }
    Ok(failures)
}

/// Each expected finding takes one of the report; none may be left on either side, but for `offline`: no scenario has a
/// MySQL.
fn findings(reported: &[Finding], expected: &[ExpectedFinding]) -> Vec<String> {
    let mut left: Vec<&Finding> = reported.iter().filter(|finding| finding.check != "offline").collect();
    let mut failures = Vec::new();
    for ExpectedFinding { severity, check, says } in expected {
        let fits = |found: &&Finding| {
            found.severity == *severity
                && found.check == *check
                && says.as_ref().is_none_or(|text| found.text().contains(text))
        };
        match left.iter().position(fits) {
            Some(place) => drop(left.remove(place)),
            None => {
                let says = says.as_ref().map(|text| format!(" that says {text:?}")).unwrap_or_default();
                failures.push(format!("the finding {severity} {check}{says} is not reported"));
            }
        }
    }
    failures.extend(left.iter().map(|found| {
        format!("the finding {} {} is not expected: {}", found.severity, found.check, found.text())
    }));
    failures
}

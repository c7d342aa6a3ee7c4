//! What a scenario file says, read strictly: a key that is not known is refused with its place.

use super::expectation::Expectation;
use crate::chameleon::home::{Configuration, ConfiguredSource};
use crate::fault::FaultDescription;
use crate::replica::Origin;
use crate::seed::{Pairs, Seed, Source};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A scenario as it is run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// The replica that the first run finds.
    pub replicated: Replicated,
    /// The configuration of every run that has none of its own.
    pub configuration: Configuration,
    /// The runs, one after the other on the same database.
    pub runs: Vec<Run>,
}

/// What the replica of a scenario is made from.
#[derive(Debug, Clone)]
pub enum Replicated {
    /// A seed; the demo's is one.
    Seed(Seed),
    /// A file of `pg_dump`, relative to the scenario's.
    Dump(PathBuf),
}

impl Replicated {
    /// The origin of a template; `folder` is that of the scenario's file.
    #[must_use]
    pub fn origin(&self, folder: &Path) -> Origin {
        match self {
            Self::Seed(seed) => Origin::Seed(seed.clone()),
            Self::Dump(file) => Origin::Dump(folder.join(file).into()),
        }
    }
}

impl Scenario {
    /// Whether a fault of it stops the server, so that it can't share one.
    #[must_use]
    pub fn needs_a_server_of_its_own(&self) -> bool {
        self.runs.iter().any(|run| run.faults.iter().any(|fault| fault.kind.stops_the_server()))
    }
}

/// The keys of a scenario file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Scenario")]
pub(super) struct WrittenScenario {
    /// What the scenario shows, in a sentence.
    about: String,
    /// The replica. Exactly one of `seed` and `demo` is given.
    #[serde(default)]
    seed: Option<WrittenSeed>,
    /// The replica that `make demo` upgrades: harness/src/seed/demo.yaml.
    #[serde(default)]
    #[schemars(with = "Option<bool>", extend("const" = true))]
    demo: Option<True>,
    /// The sources of the configuration. By default, one source `replica` with the pairs of all sources of the seed.
    #[serde(default)]
    configuration: Option<WrittenConfiguration>,
    /// The runs of the upgrader, one after the other on the same database.
    #[schemars(length(min = 1))]
    runs: Vec<Run>,
}

/// A seed: a description of the replica, or `dump` alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Seed")]
struct WrittenSeed {
    /// The rows of `t_sources`, in the order of their ids.
    #[serde(default)]
    sources: Option<Vec<Source>>,
    /// What `v_version` says; 1.7 by default.
    #[serde(default)]
    version: Option<String>,
    /// SQL statements that are run at the end, for what a seed has no words for: a grant, a leftover
    /// schema, an object that depends on the catalogue.
    #[serde(default)]
    statements: Vec<String>,
    /// Instead of all of these: a file of pg_dump in any of its formats, relative to this file.
    #[serde(default)]
    dump: Option<PathBuf>,
}

impl TryFrom<WrittenSeed> for Replicated {
    type Error = String;

    fn try_from(written: WrittenSeed) -> Result<Self, String> {
        match written {
            WrittenSeed { dump: Some(dump), sources: None, version: None, statements }
                if statements.is_empty() =>
            {
                Ok(Self::Dump(dump))
            }
            WrittenSeed { dump: Some(_), .. } => {
                Err("the seed is a dump, which says all of it: leave out `sources`, \
                                                      `version` and `statements` (runs have `statements` too)"
                    .to_owned())
            }
            WrittenSeed { sources: Some(sources), version, statements, .. } => {
                Ok(Self::Seed(Seed { sources, version, statements }))
            }
            WrittenSeed { sources: None, .. } => {
                Err("the seed has neither `sources: […]` nor `dump: FILE`".to_owned())
            }
        }
    }
}

impl TryFrom<WrittenScenario> for Scenario {
    type Error = String;

    fn try_from(written: WrittenScenario) -> Result<Self, String> {
        let WrittenScenario { about, seed, demo, configuration, runs } = written;
        let replicated = match (seed, demo) {
            (Some(seed), None) => Replicated::try_from(seed)?,
            (None, Some(True)) => Replicated::Seed(Seed::demo()),
            (None, None) => {
                return Err(
                    "there is no replica: write one of `seed: {sources: […]}`, `seed: {dump: FILE}` and \
                            `demo: true`"
                        .to_owned(),
                );
            }
            _ => return Err("there are two replicas: keep one of `seed` and `demo`".to_owned()),
        };
        let configuration = match (configuration, &replicated) {
            (Some(configuration), _) => configuration.0,
            (None, Replicated::Seed(seed)) => mapping_all(seed),
            (None, Replicated::Dump(_)) => {
                return Err("there is no configuration: a `dump` needs one, such as \
                            `configuration: [{name: replica, mappings: {my_shop: shop}}]`"
                    .to_owned());
            }
        };
        if runs.is_empty() {
            return Err("there are no runs: write at least `runs: [{expect: {exit: 0}}]`".to_owned());
        }
        Ok(Self { about, replicated, configuration, runs })
    }
}

/// One new source with the pairs of all old ones.
fn mapping_all(seed: &Seed) -> Configuration {
    let pair = |source: &crate::seed::Source| {
        let named = source.mysql_schema().filter(|schema| !schema.is_empty());
        (named.unwrap_or_else(|| format!("my_{}", source.name)), source.destination().to_owned())
    };
    let mappings = seed.sources.iter().map(pair).collect();
    let source = ConfiguredSource { name: "replica".into(), kind: "mysql".into(), mappings, more: vec![] };
    vec![source].into()
}

/// The value `true`, which alone means something.
#[derive(Debug, Clone, Copy)]
struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            Ok(Self)
        } else {
            Err(de::Error::custom("only `true` means something here: leave the key out instead"))
        }
    }
}

/// One run of the upgrader.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// SQL statements before it, run by the superuser.
    #[serde(default)]
    pub statements: Vec<String>,
    /// Sessions that are open meanwhile.
    #[serde(default)]
    pub sessions: Vec<Session>,
    /// The configuration of this run, where it differs from the scenario's.
    #[serde(default)]
    pub configuration: Option<WrittenConfiguration>,
    /// The upgrader's arguments, without `--config`; `[upgrade, --yes]` by default.
    #[serde(default = "upgrade")]
    pub arguments: Vec<String>,
    /// Variables of its environment, beside those that it inherits.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What goes wrong. Each must happen, or the scenario fails.
    #[serde(default)]
    pub faults: Vec<FaultDescription>,
    /// What must hold afterwards.
    pub expect: Expectation,
}

fn upgrade() -> Vec<String> {
    ["upgrade", "--yes"].map(str::to_owned).to_vec()
}

impl Run {
    /// Whether the run is of the checks alone.
    #[must_use]
    pub fn is_a_check(&self) -> bool {
        self.arguments.first().is_some_and(|verb| verb == "check")
    }

    /// Whether the run is to upgrade, rather than to look or to try.
    #[must_use]
    pub fn is_an_upgrade(&self) -> bool {
        let verb = self.arguments.first().map(String::as_str);
        matches!(verb, Some("upgrade" | "upgrade_replica_schema"))
            && !self.arguments.iter().any(|argument| argument == "--dry-run")
    }
}

/// A session of the replica's role that is open during a run: its application name, or also what it does first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its application name.
    pub application_name: String,
    /// Statements that it runs before the run begins.
    pub statements: Vec<String>,
}

impl<'de> Deserialize<'de> for Session {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMore;

        impl<'de> Visitor<'de> for NameOrMore {
            type Value = Session;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an application name, or {application_name, statements}")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Session, E> {
                Ok(Session { application_name: name.to_owned(), statements: vec![] })
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Session, M::Error> {
                let WrittenSession { application_name, statements } =
                    WrittenSession::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Session { application_name, statements })
            }
        }

        deserializer.deserialize_any(NameOrMore)
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSession {
    /// Its application name.
    application_name: String,
    /// Statements that it runs before the run begins.
    statements: Vec<String>,
}

/// A configuration as a scenario writes it: a list of sources, or `{text: …}`.
#[derive(Debug, Clone)]
pub struct WrittenConfiguration(pub Configuration);

impl<'de> Deserialize<'de> for WrittenConfiguration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SourcesOrText;

        impl<'de> Visitor<'de> for SourcesOrText {
            type Value = WrittenConfiguration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of sources, or {text: …}")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<WrittenConfiguration, S::Error> {
                let sources = Vec::<SourceDescription>::deserialize(SeqAccessDeserializer::new(seq))?;
                let sources: Vec<_> = sources.into_iter().map(ConfiguredSource::from).collect();
                Ok(WrittenConfiguration(sources.into()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<WrittenConfiguration, M::Error> {
                let RawConfiguration { text } =
                    RawConfiguration::deserialize(MapAccessDeserializer::new(map))?;
                Ok(WrittenConfiguration(Configuration::Text(text)))
            }
        }

        deserializer.deserialize_any(SourcesOrText)
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfiguration {
    /// The file as it stands, with `${host}`, `${port}`, `${user}`, `${password}` and `${database}` in pg_conn.
    text: String,
}

/// A source of the configuration.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceDescription {
    /// Its name.
    pub name: String,
    /// Its type; mysql by default.
    #[serde(default = "mysql", rename = "type")]
    pub kind: String,
    /// `schema_mappings`: the schema on MySQL and the one on PostgreSQL.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub mappings: Pairs<String>,
    /// Further keys of the source, such as `{lock_timeout: 2s}`.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub settings: Pairs<Value>,
}

fn mysql() -> String {
    "mysql".to_owned()
}

impl From<SourceDescription> for ConfiguredSource {
    fn from(source: SourceDescription) -> Self {
        let SourceDescription { name, kind, mappings, settings } = source;
        Self { name, kind, mappings: mappings.0, more: settings.0 }
    }
}

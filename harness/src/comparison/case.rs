//! A state of a 1.7 replica that the original upgrade and ours are tried on, as it is written in scenarios/original:
//! how the real 1.8.2 comes to it, how both are run, and what ours is given to go on when it has refused.

use crate::live::scenario::{MySqlSource, Scenario, Step};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A state.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ComparedState")]
pub struct Case {
    /// The state in words, for the table.
    pub state: String,
    /// Whether the original's result is right: then ours is the same, row for row.
    #[serde(default)]
    pub right: bool,
    /// The sources of 1.8.2 by their names.
    pub sources: BTreeMap<String, MySqlSource>,
    /// The sources of the 2.0 configuration, as in a live scenario.
    pub upgraded: BTreeMap<String, Vec<String>>,
    /// How the state comes about, as the steps of a live scenario.
    #[serde(with = "yaml_serde::with::singleton_map_recursive")]
    #[schemars(with = "Vec<Step>")]
    pub prepare: Vec<Step>,
    /// How the upgrades are run at first.
    #[serde(default)]
    pub attempt: FirstUpgrade,
    /// What the remedy of ours says to do on PostgreSQL, in SQL, before the right configuration is upgraded.
    #[serde(default)]
    pub remedy: Option<String>,
    /// What happens on MySQL between the upgrades and the daemons, and again while each daemon runs.
    pub afterwards: BTreeMap<String, String>,
}

/// How the upgrades are run at first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FirstUpgrade {
    /// Another configuration than the right one.
    pub upgraded: Option<BTreeMap<String, Vec<String>>>,
    /// Options of ours; the original takes none.
    pub options: Vec<String>,
    /// Whether they are killed with kill -9 when they create the log tables of the first new source.
    pub killed: bool,
}

impl Case {
    /// Its beginning as a live scenario.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        Scenario {
            about: self.state.clone(),
            only: None,
            core: false,
            core_with_gtids: false,
            slow: false,
            replica: crate::live::ReplicaServer::default(),
            gtids: None,
            damage: vec![],
            awaits: None,
            sources: self.sources.clone(),
            upgraded: self.upgraded.clone(),
            settings: BTreeMap::new(),
            steps: self.prepare.clone(),
        }
    }
}

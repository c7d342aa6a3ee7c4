//! A case as it is written in scenarios/log/cases.yaml: a setting, or a statement, that changes what MySQL logs.

use crate::live::scenario::{MySqlSource, Scenario, Step};
use crate::server::mysql::MySqlKind;
use serde::Deserialize;

/// The table of a case that doesn't say what it needs.
const TABLE: &str = "CREATE TABLE {t} (id int PRIMARY KEY, data text, amount int); \
                     INSERT INTO {t} VALUES (1, 'one', 10), (2, 'two', 20)";

/// Schemas: the replicated one, its destination, and one that nobody replicates.
pub(super) const SCHEMA: &str = "my_shop";
pub(super) const DESTINATION: &str = "shop";
const ELSEWHERE: &str = "elsewhere";

/// A case. `{t}` in its statements is a table of its own in the replicated schema.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The setting or the statement in words, for the table.
    pub case: String,
    /// The only server that has it.
    #[serde(default)]
    pub only: Option<MySqlKind>,
    /// It is about a server with GTIDs.
    #[serde(default)]
    pub gtids: bool,
    /// It ends the daemon, or disturbs others, or what is found doesn't name its table: it has a replica of its own.
    #[serde(default)]
    pub alone: bool,
    /// What it needs, and the first copy brings over.
    #[serde(default)]
    pub before: Option<String>,
    /// What is logged.
    pub run: String,
}

impl Case {
    /// Whether it can be on this server.
    #[must_use]
    pub fn is_of(&self, server: MySqlKind, gtids: bool) -> bool {
        self.only.is_none_or(|only| only == server) && self.gtids == gtids
    }

    /// The name of its table; it is part of no other's.
    pub(super) fn table(number: usize) -> String {
        format!("case_{number:03}")
    }

    pub(super) fn statements(&self, number: usize) -> String {
        self.run.replace("{t}", &Self::table(number))
    }
}

/// A replica that has caught up with the tables of these cases.
pub(super) fn scenario(cases: &[&Case]) -> Scenario {
    let shop = || "shop".to_owned();
    let tables = cases
        .iter()
        .enumerate()
        .map(|(number, case)| case.before.as_deref().unwrap_or(TABLE).replace("{t}", &Case::table(number)));
    let before = format!("CREATE DATABASE {ELSEWHERE}; {}", tables.collect::<Vec<_>>().join("; "));
    Scenario {
        about: "what MySQL logs".to_owned(),
        damage: vec![],
        only: None,
        core: false,
        core_with_gtids: false,
        slow: false,
        replica: crate::live::ReplicaServer::default(),
        gtids: None,
        awaits: None,
        sources: [(shop(), MySqlSource::of(SCHEMA, DESTINATION))].into(),
        upgraded: [("merged".to_owned(), vec![shop()])].into(),
        settings: [].into(),
        steps: vec![
            Step::Mysql([(shop(), before)].into()),
            Step::InitReplica(vec![shop()]),
            Step::Replicate(vec![shop()]),
        ],
    }
}

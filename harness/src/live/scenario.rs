//! A live scenario as it is written in scenarios/live: what happens on MySQL, with 1.8.2, with the upgrade and with
//! the 2.0 daemon, in the order in which it happens. See scenarios/live/README.md.

use crate::chameleon::barrier::Commit;
use crate::server::mysql::MySqlKind;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A scenario.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LiveScenario")]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// What the run must find wrong, each in a text that it says. For an upgrade by the original: this is its damage.
    #[serde(default)]
    pub damage: Vec<String>,
    /// The only server that has what it shows.
    #[serde(default)]
    pub only: Option<MySqlKind>,
    /// Whether it is among those that `make test` runs on both servers. It runs the others on MariaDB alone, and
    /// `make live` runs all on both.
    #[serde(default)]
    pub core: bool,
    /// Whether it is among those that `make test` runs on a MySQL with GTIDs as well.
    #[serde(default)]
    pub core_with_gtids: bool,
    /// Whether it is about a server with GTIDs, from which the daemon starts, or one without; none when it is about both.
    #[serde(default)]
    pub gtids: Option<bool>,
    /// Whether it takes minutes: only `make live` runs it, and whoever names it.
    #[serde(default)]
    pub slow: bool,
    /// Why it can't be run yet. It is listed, and ignored.
    #[serde(default)]
    pub awaits: Option<String>,
    /// Where the replica's database is.
    #[serde(default)]
    pub replica: ReplicaServer,
    /// The sources of 1.8.2 by their names.
    pub sources: BTreeMap<String, MySqlSource>,
    /// The sources of the 2.0 configuration by their names, with the names of the old sources whose schemas they map.
    pub upgraded: BTreeMap<String, Vec<String>>,
    /// Keys of every source of the 2.0 configuration that don't have the example's values.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// What happens.
    #[serde(with = "yaml_serde::with::singleton_map_recursive")]
    #[schemars(with = "Vec<Step>")]
    pub steps: Vec<Step>,
}

impl Scenario {
    /// The same with the way back behind it, for one that ends with the daemon and every table equal: rolled back, the old
    /// sources that the daemon has run for go on with 1.8.2, which finds something to do.
    #[must_use]
    pub fn and_back(&self) -> Option<Self> {
        let is_of_mysql = self.only.is_some_and(|only| only == MySqlKind::MySql) || self.gtids == Some(true);
        let ends_with_the_daemon = matches!(self.steps.last(), Some(Step::Daemon(_)));
        if is_of_mysql || !ends_with_the_daemon || !self.damage.is_empty() {
            return None;
        }
        let initialised = self.steps.iter().filter_map(|step| match step {
            Step::InitReplica(sources) => Some(sources),
            _ => None,
        });
        let is_upgraded = |source: &&String| self.upgraded.values().flatten().any(|old| old == *source);
        let mut sources: Vec<_> = initialised.flatten().filter(is_upgraded).cloned().collect();
        sources.sort();
        sources.dedup();
        let mut back = self.clone();
        let arguments = ["rollback", "--yes"].map(str::to_owned).to_vec();
        back.steps.push(Step::Run(Run { arguments, times: 1, exit: 0, says: vec![], silent: vec![] }));
        let something = "UPDATE harness_marker SET value = value + 1".to_owned();
        back.steps
            .push(Step::Mysql(sources.iter().map(|source| (source.clone(), something.clone())).collect()));
        back.steps.push(Step::Replicate(sources));
        Some(back)
    }
}

/// A source of 1.8.2: a schema on a MySQL server of its own or shared, made empty when the scenario begins.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MySqlSource {
    /// The schema on MySQL.
    pub schema: String,
    /// The schema on PostgreSQL.
    pub dest_schema: String,
    /// The MySQL server, by a name of the scenario's own.
    #[serde(default = "default_server")]
    pub server: String,
    /// `replica_batch_size` of 1.8.2.
    #[serde(default = "default_batch_size")]
    pub batch_size: u32,
    /// `batch_retention` of 1.8.2.
    #[serde(default = "default_retention")]
    pub retention: String,
}

impl MySqlSource {
    /// With nothing that is out of the ordinary.
    pub(super) fn of(schema: &str, dest_schema: &str) -> Self {
        Self {
            schema: schema.to_owned(),
            dest_schema: dest_schema.to_owned(),
            server: default_server(),
            batch_size: default_batch_size(),
            retention: default_retention(),
        }
    }
}

fn default_retention() -> String {
    "1 day".to_owned()
}

fn default_server() -> String {
    "mysql".to_owned()
}

fn default_batch_size() -> u32 {
    1000
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Statements on MySQL: for each source, in a session that has the source's schema as its default database.
    Mysql(BTreeMap<String, String>),
    /// For each source, the binary logs of its server are purged up to this file, which is then the first.
    PurgeBinaryLogs(BTreeMap<String, String>),
    /// The same as `mysql`; afterwards the binary log is rotated, and rubbish stands where these statements were in it.
    DamageBinaryLog(BTreeMap<String, String>),
    /// An application begins to write to MySQL, and goes on until another takes its place or it is ended.
    Application(App),
    /// These sources' applications end.
    ApplicationEnds(Vec<String>),
    /// Statements on PostgreSQL, in the replica's database.
    Postgres(String),
    /// 1.8.2's add_source.
    AddSource(Vec<String>),
    /// 1.8.2's add_source, where it hasn't been added, and init_replica.
    InitReplica(Vec<String>),
    /// 1.8.2 replicates until it has caught up, and is stopped in good order.
    Replicate(Vec<String>),
    /// 1.8.2 reads one batch of what is new, replays nothing of it, and is stopped in good order.
    ReadBatch(Vec<String>),
    /// 1.8.2 replicates until it has caught up, and is killed with kill -9.
    Kill(Vec<String>),
    /// 1.8.2 replicates, and is killed between two of its commits.
    Crash(Crash),
    /// 1.8.2's sync_tables.
    SyncTables(Sync),
    /// Another command of 1.8.2, with the configuration of a source; YES is what it is answered.
    Chameleon1(Command1),
    /// Another command of pg_chameleon 2.0.21 and its options, beside `--config`.
    Chameleon2(Vec<String>),
    /// These sources are replicated from now on, though 1.8.2 has never initialised them: their tables must be equal too.
    Compare(Vec<String>),
    /// These sources are replicated no longer, and so not compared.
    Forget(Vec<String>),
    /// An upgrade.
    Upgrade(Upgrade),
    /// A rehearsal of the replica as it is now.
    Rehearse(Rehearse),
    /// Another command of ours.
    Run(Run),
    /// The 2.0 catalogue becomes one of this earlier version, with all its rows: the schema file of the release makes it.
    Earlier(String),
    /// The 2.0.21 daemons of these new sources (all, when none is named) run until they have caught up, and are stopped
    /// in good order. Every table must be equal then.
    Daemon(Vec<String>),
    /// The 2.0.21 daemons of these new sources read until they have listed a batch, and apply nothing of it.
    DaemonReads(Vec<String>),
    /// The 2.0.21 daemon of a new source is killed between two of its commits.
    CrashDaemon(Crash),
    /// The 2.0.21 daemon is started with another configuration, and ends.
    DaemonEnds(DaemonEnds),
    /// The 2.0.21 daemon of a new source is started, as in service, and runs until it is stopped. It has caught up.
    DaemonStarts(String),
    /// It is stopped.
    DaemonStops(String),
    /// The 2.0.21 daemon of the first new source runs in service, and our `watch` looks at it while something happens.
    Watched(Watched),
    /// The 2.0.21 daemon of the first new source, for which there is something new on MySQL, is killed in its first batch:
    /// it has read the first rows, and cleared the coordinates of their tables, and stored nothing yet.
    KillDaemonReading,
}

impl Step {
    /// What it is, in a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mysql(_) => "mysql",
            Self::PurgeBinaryLogs(_) => "purge_binary_logs",
            Self::DamageBinaryLog(_) => "damage_binary_log",
            Self::Application(_) => "application",
            Self::ApplicationEnds(_) => "application_ends",
            Self::Postgres(_) => "postgres",
            Self::AddSource(_) => "add_source",
            Self::InitReplica(_) => "init_replica",
            Self::Replicate(_) => "replicate",
            Self::ReadBatch(_) => "read_batch",
            Self::Kill(_) => "kill",
            Self::Crash(_) => "crash",
            Self::SyncTables(_) => "sync_tables",
            Self::Chameleon1(_) => "chameleon1",
            Self::Chameleon2(_) => "chameleon2",
            Self::Compare(_) => "compare",
            Self::Forget(_) => "forget",
            Self::Upgrade(_) => "upgrade",
            Self::Rehearse(_) => "rehearse",
            Self::Run(_) => "run",
            Self::Earlier(_) => "earlier",
            Self::Daemon(_) => "daemon",
            Self::DaemonReads(_) => "daemon_reads",
            Self::CrashDaemon(_) => "crash_daemon",
            Self::DaemonEnds(_) => "daemon_ends",
            Self::DaemonStarts(_) => "daemon_starts",
            Self::DaemonStops(_) => "daemon_stops",
            Self::Watched(_) => "watched",
            Self::KillDaemonReading => "kill_daemon_reading",
        }
    }
}

/// `application`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// The source whose MySQL server it writes to.
    pub source: String,
    /// The default database of its session, when it isn't the source's schema.
    #[serde(default)]
    pub default_schema: Option<String>,
    /// What it does again and again, ten times a second.
    pub statements: String,
}

/// `crash`, `crash_daemon`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// The source. There must be something new for it on MySQL.
    pub source: String,
    /// The commit that it doesn't come to.
    pub before: Commit,
}

/// `watched`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// Keys of the source, each with a value that it has instead.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
    /// The account on MySQL that the daemon and `watch` have, which a statement has made with its name as its password.
    #[serde(default)]
    pub mysql_account: Option<String>,
    /// Their role on PostgreSQL, likewise.
    #[serde(default)]
    pub postgres_role: Option<String>,
    /// The daemon is not started.
    #[serde(default)]
    pub stopped: bool,
    /// It ends before it has caught up.
    #[serde(default)]
    pub ends_at_once: bool,
    /// Nothing is answered for it that its MySQL no longer answers.
    #[serde(default)]
    pub as_it_is: bool,
    /// What happens meanwhile to the MySQL server of its first old source. It is well again once `watch` has ended.
    #[serde(default)]
    pub mysql_is: Option<MySqlIs>,
    /// Another program reads MySQL's log meanwhile under this server id, and begins anew whenever it is thrown off.
    #[serde(default)]
    pub rival: Option<u32>,
    /// The disk of the replica's database is full meanwhile: `replica: small_disk`.
    #[serde(default)]
    pub disk_is_full: bool,
    /// Once `watch` has ended and MySQL is well, the same daemon goes on by itself, and applies what is new.
    #[serde(default)]
    pub goes_on: bool,
    /// What is given to `watch` beside its configuration. Without `--for` and `--until` it looks until it has said all, and gets
    /// ctrl-C.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Statements on MySQL meanwhile.
    #[serde(default)]
    pub mysql: BTreeMap<String, String>,
    /// Statements on MySQL once `watch` has ended.
    #[serde(default)]
    pub mysql_afterwards: BTreeMap<String, String>,
    /// Statements on PostgreSQL meanwhile.
    #[serde(default)]
    pub postgres: Option<String>,
    /// Statements on PostgreSQL once `watch` has ended.
    #[serde(default)]
    pub postgres_afterwards: Option<String>,
    /// The daemon is killed meanwhile, with kill -9, and its processes with it.
    #[serde(default)]
    pub kill: bool,
    /// Its process that applies is killed meanwhile, and the one that reads goes on. It is stopped in the end as by `stop_replica`.
    #[serde(default)]
    pub reads_on_alone: bool,
    /// The exit code that `watch` must end with.
    #[serde(default)]
    pub exit: i32,
    /// Texts that it must write.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that it must not write.
    #[serde(default)]
    pub silent: Vec<String>,
}

/// Where the database of a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaServer {
    /// On a server that scenarios share.
    #[default]
    Shared,
    /// On a server of its own, for what concerns all of a server: roles.
    Own,
    /// On a server of its own that waits for the disk, as production's does.
    Durable,
    /// On a server of its own, on a small disk.
    SmallDisk,
}

/// What happens to a MySQL server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MySqlIs {
    /// It is killed with kill -9.
    Killed,
    /// Its time is stopped: it takes connections, and nothing answers.
    Frozen,
    /// The network forgets the daemon's connections to it, and takes new ones: nothing comes through the old ones, not even their
    /// end.
    Forgotten,
    /// The same in the middle of the first batch of more than a MiB that the daemon reads.
    ForgottenReading,
}

/// `daemon_ends`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DaemonEnds {
    /// A key that the configuration lacks, at its top or in the source.
    #[serde(default)]
    pub without: Option<String>,
    /// A key of the source that is empty.
    #[serde(default)]
    pub empty: Option<String>,
    /// Keys of the source, each with a value that it has instead.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
    /// What the daemon says when it ends.
    pub says: String,
}

impl DaemonEnds {
    /// The configuration as it is here.
    #[must_use]
    pub fn misconfigured(&self, mut configuration: Value) -> Value {
        let mut mappings: Vec<_> = configuration["sources"]
            .as_object_mut()
            .map(|sources| sources.values_mut().filter_map(Value::as_object_mut).collect())
            .unwrap_or_default();
        for mapping in &mut mappings {
            if let Some(key) = &self.without {
                mapping.remove(key);
            }
            if let Some(key) = &self.empty {
                mapping.insert(key.clone(), Value::Null);
            }
            mapping.extend(self.with.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        if let (Some(key), Some(top)) = (&self.without, configuration.as_object_mut()) {
            top.remove(key);
        }
        configuration
    }
}

/// `sync_tables`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// The source.
    pub source: String,
    /// The tables.
    pub tables: Vec<String>,
}

/// `chameleon1`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command1 {
    /// The command.
    pub command: String,
    /// The source.
    pub source: String,
}

/// `upgrade`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Upgrade {
    /// Which program.
    pub by: Program,
    /// Options beside `--config` and `--yes`.
    pub options: Vec<String>,
    /// The exit code that it must end with.
    pub exit: i32,
    /// Texts that it must write, to standard output or standard error.
    pub says: Vec<String>,
    /// Another configuration than the scenario's: new sources with the old ones whose schemas they map.
    pub upgraded: Option<BTreeMap<String, Vec<String>>>,
    /// Keys of every new source, beside the scenario's `settings`.
    pub with: BTreeMap<String, Value>,
    /// Another MySQL server that `db_conn` of every new source leads to, by its name in the scenario.
    pub server: Option<String>,
}

/// `rehearse`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rehearse {
    /// The verdict.
    pub verdict: String,
    /// Texts that are among its findings, steps or reasons.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that are not.
    #[serde(default)]
    pub silent: Vec<String>,
    /// Errors that are accepted, as `--accept` takes them.
    #[serde(default)]
    pub accept: Vec<String>,
    /// The daemon is that of an earlier release, 2.0.20.
    #[serde(default)]
    pub earlier_daemon: bool,
    /// All rows come along, and are compared with MySQL.
    #[serde(default)]
    pub with_data: bool,
    /// MySQL is not asked.
    #[serde(default)]
    pub offline: bool,
    /// The kinds of fault that happen.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Another configuration than the scenario's: new sources with the old ones whose schemas they map.
    #[serde(default)]
    pub upgraded: Option<BTreeMap<String, Vec<String>>>,
    /// Keys of every new source, beside the scenario's `settings`.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
    /// The real upgrade follows at once, and comes to the same coordinates.
    #[serde(default)]
    pub upgrades: bool,
    /// The program is ended in these steps first, by ctrl-C and by kill -9, and leaves nothing anywhere.
    #[serde(default)]
    pub ended_in: Vec<String>,
    /// From the middle of these steps on MySQL answers nothing: the program ends by itself, with no go, and leaves nothing anywhere.
    #[serde(default)]
    pub mysql_hangs_in: Vec<String>,
}

/// `run`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LiveRun")]
pub struct Run {
    /// The command and its options, beside `--config`.
    pub arguments: Vec<String>,
    /// So often, one after the other.
    #[serde(default = "once")]
    pub times: u32,
    /// The exit code that it must end with.
    #[serde(default)]
    pub exit: i32,
    /// Texts that it must write.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that it must not write, such as the id of a finding whose remedy was carried out.
    #[serde(default)]
    pub silent: Vec<String>,
}

fn once() -> u32 {
    1
}

/// Who upgrades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// chameleon-upgrade.
    #[default]
    Ours,
    /// upgrade_replica_schema of pg_chameleon 2.0.21, answered with YES. It takes no options.
    Original,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_as_the_tests_are() {
        let text = "about: x\nsources: {}\nupgraded: {}\nsteps: []\n";
        for kind in MySqlKind::ALL {
            let scenario =
                yaml_serde::from_str::<Scenario>(&format!("only: {}\n{text}", kind.name())).unwrap();
            assert_eq!(scenario.only, Some(kind));
        }
        assert_eq!(yaml_serde::from_str::<Scenario>(text).unwrap().only, None);
    }

    #[test]
    fn a_scenario_is_read_strictly() {
        let read = |text: &str| yaml_serde::from_str::<Scenario>(text);
        let scenario = "about: x\nsources: {a: {schema: s, dest_schema: d}}\nupgraded: {n: [a]}\nsteps:\n";
        let good = format!("{scenario}  - init_replica: [a]\n  - upgrade: {{exit: 3}}\n  - daemon: []\n");
        let steps = read(&good).unwrap().steps;
        assert_eq!(steps.iter().map(Step::name).collect::<Vec<_>>(), ["init_replica", "upgrade", "daemon"]);
        for wrong in
            ["  - no_such_step: [a]", "  - upgrade: {exits: 3}", "  - crash: {source: a, before: lunch}"]
        {
            assert!(read(&format!("{scenario}{wrong}\n")).is_err(), "{wrong}");
        }
        assert!(read(&format!("{good}surplus: 1\n")).is_err());
    }
}

//! Carries a live scenario out.

use super::application::Application;
use super::in_service::InService;
use super::replica_check::{ReplicaCheck, check_replica};
use super::scenario::{App, Crash, DaemonEnds, MySqlSource, Program, Run, Scenario, Step, Sync, Upgrade};
use super::second_judge;
use super::tables::SchemaPair;
use super::{LiveError, Programs, marker};
use crate::chameleon::barrier::{CommitBarrier, StoreBarrier};
use crate::chameleon::home::{ConfiguredSource, Home, configuration};
use crate::chameleon::sessions;
use crate::chameleon::version1::{Chameleon1, Replica, SourceSettings};
use crate::chameleon::version2::Chameleon2;
use crate::process::group::{ProcessGroup, StartedProgram};
use crate::replica::upgrader::Upgrader;
use crate::seed::original::create_earlier;
use crate::server::Database;
use crate::server::mysql::{self, MySqlKind, MySqlServer, MySqlSoftware};
use postgres::Client;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

const UPGRADE_TIMEOUT: Duration = Duration::from_secs(120);
/// Of our commands that are told how long to go on.
const TIMED_TIMEOUT: Duration = Duration::from_secs(900);
const DAEMON_TIMEOUT: Duration = Duration::from_secs(120);
/// `my_server_id` of the old sources; the new ones begin at the example's 100.
const OLD_SERVER_IDS: std::ops::RangeFrom<u32> = 1001..;

/// Whether the server has GTIDs: what a MySQL does when it isn't told depends on its version. MariaDB has no such option.
fn gtid_options(programs: &Programs) -> Vec<String> {
    let mode = match (programs.mysql.kind(), programs.gtids) {
        (MySqlKind::MariaDb, _) => return vec![],
        (MySqlKind::MySql, true) => "ON",
        (MySqlKind::MySql, false) => "OFF",
    };
    vec![format!("--gtid-mode={mode}"), format!("--enforce-gtid-consistency={mode}")]
}

/// Our commands that look at MySQL before the upgrade.
const TAKING_ACCEPTANCES: [&str; 2] = ["upgrade", "check"];
/// The exit code of a refusal.
const REFUSED: i32 = 3;
/// What stands between a MySQL of today and the daemon, and is answered for it.
const ANSWERED: &str = "mysql-version=the launcher of the daemon answers for the statements that are gone";

/// Carries out a scenario in an empty database, with MySQL servers of its own, and says how the replica ended.
///
/// # Errors
/// [`LiveError`] when a step fails. What is wrong in the end is in the check.
pub fn run(
    scenario: &Scenario,
    programs: &Programs,
    upgrader: &Upgrader,
    database: Database,
) -> Result<ReplicaCheck, LiveError> {
    let processes = ProcessGroup::new()?;
    let mut live = LiveRun::begin(scenario, programs, upgrader, database, &processes)?;
    live.steps()?;
    let mut check = live.check()?;
    check.disagreements = live.second_judge(&check)?;
    Ok(check)
}

/// Carries out a scenario, and holds what it has shown against what it is to show: nothing wrong, or its damage. The
/// check is there when it came to its end.
///
/// # Errors
/// Says what is wrong, or which damage was not found.
pub fn prove(
    scenario: &Scenario,
    programs: &Programs,
    upgrader: &Upgrader,
    database: Database,
) -> (Option<ReplicaCheck>, Result<(), String>) {
    let (check, wrong) = match run(scenario, programs, upgrader, database) {
        Ok(check) if check.tables.is_empty() => (Some(check), "no table was compared".to_owned()),
        Ok(check) => {
            let wrong = LiveError::Findings(check.findings()).to_string();
            (Some(check), wrong)
        }
        Err(error) => (None, error.to_string()),
    };
    let shown = match scenario.damage.iter().find(|damage| !wrong.contains(*damage)) {
        Some(damage) => Err(format!("the damage was to be {damage:?}, and it was: {wrong}")),
        None if scenario.damage.is_empty() && !wrong.is_empty() => Err(wrong),
        None => Ok(()),
    };
    (check, shown)
}

/// A scenario under way.
pub(crate) struct LiveRun<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) programs: &'a Programs,
    upgrader: &'a Upgrader,
    database: Rc<Database>,
    pub(crate) processes: &'a ProcessGroup,
    /// A session on the database.
    pub(crate) client: Client,
    /// The applications that write now, by the sources whose servers they write to. They end before these do.
    applications: BTreeMap<&'a str, Application>,
    servers: BTreeMap<&'a str, MySqlServer>,
    /// The daemons that run in service, by their sources. They end before their servers do.
    pub(super) in_service: BTreeMap<&'a str, InService>,
    pub(crate) chameleon1: Chameleon1<'a>,
    /// The old sources that are in the catalogue.
    added: BTreeSet<&'a str>,
    /// The old sources that have been initialised, and so have a marker.
    initialised: BTreeSet<&'a str>,
}

impl<'a> LiveRun<'a> {
    pub(crate) fn begin(
        scenario: &'a Scenario,
        programs: &'a Programs,
        upgrader: &'a Upgrader,
        database: Database,
        processes: &'a ProcessGroup,
    ) -> Result<Self, LiveError> {
        let mut servers: BTreeMap<&str, MySqlServer> = BTreeMap::new();
        let options = gtid_options(programs);
        let chameleon1 = Chameleon1::new(&programs.chameleon1, processes)?;
        for ((name, source), server_id) in scenario.sources.iter().zip(OLD_SERVER_IDS) {
            if !servers.contains_key(source.server.as_str()) {
                servers.insert(&source.server, MySqlServer::start_with(&programs.mysql, &options)?);
            }
            let mysql = &servers[source.server.as_str()];
            mysql.run(None, &format!("CREATE DATABASE `{}` CHARACTER SET utf8mb4", source.schema))?;
            let settings = SourceSettings {
                name,
                schema: &source.schema,
                dest_schema: &source.dest_schema,
                mysql,
                server_id,
                batch_size: source.batch_size,
                retention: &source.retention,
            };
            chameleon1.configure(&settings, &database)?;
        }
        Ok(Self {
            scenario,
            programs,
            upgrader,
            client: database.connect()?,
            database: Rc::new(database),
            processes,
            applications: BTreeMap::new(),
            servers,
            in_service: BTreeMap::new(),
            chameleon1,
            added: BTreeSet::new(),
            initialised: BTreeSet::new(),
        })
    }

    /// All steps of the scenario.
    pub(crate) fn steps(&mut self) -> Result<(), LiveError> {
        self.all(&self.scenario.steps)
    }

    /// All of these steps.
    pub(crate) fn all(&mut self, steps: &'a [Step]) -> Result<(), LiveError> {
        steps.iter().enumerate().try_for_each(|(number, step)| {
            self.step(step).map_err(|cause| LiveError::Step {
                number: number + 1,
                step: step.name(),
                cause: Box::new(cause),
            })
        })
    }

    /// Another database with all that is in the replica's.
    pub(crate) fn copy(&mut self) -> Result<Rc<Database>, LiveError> {
        sessions::wait_for_the_end(&mut self.client)?;
        let address = self.database.address();
        // Nobody may be connected to what is copied.
        self.client = address.connect(&address.maintenance_database)?;
        let copy = Rc::new(self.database.copy()?);
        self.client = self.database.connect()?;
        Ok(copy)
    }

    /// What follows happens to this database.
    pub(crate) fn go_to(&mut self, database: &Rc<Database>) -> Result<(), LiveError> {
        self.database = Rc::clone(database);
        self.client = database.connect()?;
        Ok(())
    }

    fn step(&mut self, step: &'a Step) -> Result<(), LiveError> {
        match step {
            Step::Mysql(statements) => self.mysql(statements),
            Step::PurgeBinaryLogs(files) => files
                .iter()
                .try_for_each(|(source, first)| Ok(self.source(source)?.1.purge_binary_logs(first)?)),
            Step::DamageBinaryLog(statements) => statements.iter().try_for_each(|(source, statements)| {
                let (source, mysql) = self.source(source)?;
                Ok(mysql.damage_binary_log(&source.schema, statements)?)
            }),
            Step::Application(app) => self.application(app),
            Step::ApplicationEnds(sources) => {
                let mut ended = sources.iter().filter_map(|source| self.applications.remove(source.as_str()));
                ended.try_for_each(Application::end)
            }
            Step::Postgres(statements) => {
                self.client.batch_execute(statements).map_err(LiveError::sql("run on PostgreSQL"))
            }
            Step::AddSource(sources) => sources.iter().try_for_each(|source| self.add_source(source)),
            Step::InitReplica(sources) => sources.iter().try_for_each(|source| self.init_replica(source)),
            Step::Replicate(sources) => self.replicate(sources),
            Step::ReadBatch(sources) => {
                Ok(sources.iter().try_for_each(|source| self.chameleon1.read_batch(source))?)
            }
            Step::Kill(sources) => self.kill(sources),
            Step::Crash(crash) => self.crash(crash),
            Step::SyncTables(sync) => self.sync_tables(sync),
            Step::Chameleon1(command) => {
                Ok(self.chameleon1.run_with_yes(&command.command, &command.source)?)
            }
            Step::Chameleon2(arguments) => self.chameleon2(arguments),
            Step::Compare(sources) => {
                self.initialised.extend(sources.iter().map(String::as_str));
                Ok(())
            }
            Step::Forget(sources) => {
                self.initialised.retain(|known| !sources.iter().any(|source| source == known));
                Ok(())
            }
            Step::Upgrade(upgrade) => self.upgrade(upgrade),
            Step::Rehearse(rehearse) => self.rehearse(rehearse),
            Step::Run(run) => (0..run.times).try_for_each(|_| self.run(run)),
            Step::Earlier(version) => self.earlier(version),
            Step::Daemon(named) => self.daemon(named),
            Step::DaemonReads(named) => self.daemon_reads(named),
            Step::CrashDaemon(crash) => self.crash_daemon(crash),
            Step::DaemonEnds(ends) => self.daemon_ends(ends),
            Step::DaemonStarts(source) => self.daemon_starts(source),
            Step::DaemonStops(source) => self.daemon_stops(source),
            Step::Watched(watched) => self.watched(watched),
            Step::KillDaemonReading => self.kill_daemon_reading(),
        }
    }

    fn source(&self, name: &str) -> Result<(&'a MySqlSource, &MySqlServer), LiveError> {
        let unknown = || LiveError::Scenario(format!("there is no source {name}"));
        let source = self.scenario.sources.get(name).ok_or_else(unknown)?;
        Ok((source, &self.servers[source.server.as_str()]))
    }

    /// The name of the replica's database, and the port of its server.
    pub(crate) fn database_and_port(&self) -> (String, u16) {
        (self.database.name().to_owned(), self.database.address().port)
    }

    /// The address of the first source's MySQL server.
    pub(crate) fn first_host(&self) -> String {
        self.servers.values().next().map(|mysql| mysql.host().to_string()).unwrap_or_default()
    }

    /// The MySQL server of the first old source, and what it is started with.
    pub(super) fn first_server(
        &mut self,
    ) -> Result<(&mut MySqlServer, &'a MySqlSoftware, Vec<String>), LiveError> {
        let options = gtid_options(self.programs);
        let none = || LiveError::Scenario("there is no MySQL server".to_owned());
        let first = self.servers.values_mut().next().ok_or_else(none)?;
        Ok((first, &self.programs.mysql, options))
    }

    /// Whose upgrader it is.
    pub(super) fn upgrader(&self) -> &'a Upgrader {
        self.upgrader
    }

    /// The servers of the sources.
    pub(super) fn mysql_servers(&self) -> impl Iterator<Item = &MySqlServer> {
        self.servers.values()
    }

    /// Statements on MySQL, by source.
    pub(crate) fn mysql(&self, statements: &BTreeMap<String, String>) -> Result<(), LiveError> {
        statements.iter().try_for_each(|(name, statements)| {
            let (source, mysql) = self.source(name)?;
            Ok(mysql.run(Some(&source.schema), statements)?)
        })
    }

    /// Another one takes the place of the source's.
    fn application(&mut self, app: &'a App) -> Result<(), LiveError> {
        if let Some(former) = self.applications.remove(app.source.as_str()) {
            former.end()?;
        }
        let (source, mysql) = self.source(&app.source)?;
        let schema = app.default_schema.as_ref().unwrap_or(&source.schema);
        let application = Application::start(mysql, schema, &app.statements)?;
        self.applications.insert(&app.source, application);
        Ok(())
    }

    fn add_source(&mut self, name: &'a str) -> Result<(), LiveError> {
        if self.added.is_empty() {
            self.chameleon1.run("create_schema", name, &[])?;
        }
        if self.added.insert(name) {
            self.chameleon1.run("add_source", name, &[])?;
        }
        Ok(())
    }

    fn init_replica(&mut self, name: &'a str) -> Result<(), LiveError> {
        let (source, mysql) = self.source(name)?;
        marker::create(mysql, &source.schema)?;
        self.add_source(name)?;
        self.chameleon1.run("init_replica", name, &[])?;
        self.initialised.insert(name);
        Ok(())
    }

    fn replicate(&mut self, sources: &[String]) -> Result<(), LiveError> {
        Ok(self.caught_up(sources)?.into_iter().try_for_each(Replica::stop)?)
    }

    fn kill(&mut self, sources: &[String]) -> Result<(), LiveError> {
        self.caught_up(sources)?.into_iter().try_for_each(Replica::kill)?;
        Ok(sessions::end(&mut self.client)?)
    }

    /// The replicas of the sources, running at the same time, once all of them have caught up.
    fn caught_up(&mut self, sources: &[String]) -> Result<Vec<Replica<'_>>, LiveError> {
        let mut replicas =
            sources.iter().map(|source| self.chameleon1.start(source)).collect::<Result<Vec<_>, _>>()?;
        replicas.iter_mut().try_for_each(|replica| replica.catch_up(&mut self.client))?;
        Ok(replicas)
    }

    fn crash(&mut self, crash: &Crash) -> Result<(), LiveError> {
        let barrier = CommitBarrier::install(&mut self.client, crash.before)?;
        Ok(self.chameleon1.start(&crash.source)?.kill_before(crash.before, barrier)?)
    }

    fn sync_tables(&self, sync: &Sync) -> Result<(), LiveError> {
        let tables = sync.tables.join(",");
        self.chameleon1.run("sync_tables", &sync.source, &["--table", &tables])?;
        Ok(())
    }

    pub(super) fn upgrade(&self, upgrade: &Upgrade) -> Result<(), LiveError> {
        let upgraded = upgrade.upgraded.as_ref().unwrap_or(&self.scenario.upgraded);
        let mut with = upgrade.with.clone();
        if let Some(name) = &upgrade.server {
            let unknown = || LiveError::Scenario(format!("there is no server {name}"));
            let mysql = self.servers.get(name.as_str()).ok_or_else(unknown)?;
            with.insert("db_conn".to_owned(), db_conn(mysql));
        }
        let home = self.home_with(upgraded, &with)?;
        let mut running = self.start_upgrade_in(&home, upgrade.by, &upgrade.options)?;
        must_end(&mut running, upgrade.exit, &upgrade.says)
    }

    fn earlier(&mut self, version: &str) -> Result<(), LiveError> {
        let doing = || LiveError::sql(format!("make a catalogue of {version}"));
        let aside = "ALTER SCHEMA sch_chameleon RENAME TO harness_today";
        self.client.batch_execute(aside).map_err(doing())?;
        create_earlier(&mut self.client, version)?;
        self.client.batch_execute(include_str!("earlier.sql")).map_err(doing())
    }

    fn run(&self, run: &Run) -> Result<(), LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let command = self.ours(&home, &run.arguments)?;
        let mut running = self.processes.start("chameleon-upgrade", command)?;
        must_end_within(timeout(&run.arguments), &mut running, run.exit, &run.says)?;
        let output = running.output();
        match run.silent.iter().find(|text| output.contains(*text)) {
            Some(text) => Err(running.failure(&format!("said {text:?}")).into()),
            None => Ok(()),
        }
    }

    /// Starts an upgrade to these new sources, in a home folder that must stay. The original takes no options.
    pub(crate) fn start_upgrade(
        &self,
        by: Program,
        upgraded: &BTreeMap<String, Vec<String>>,
        options: &[String],
    ) -> Result<(Home, StartedProgram), LiveError> {
        let home = self.home(upgraded)?;
        let running = self.start_upgrade_in(&home, by, options)?;
        Ok((home, running))
    }

    fn start_upgrade_in(
        &self,
        home: &Home,
        by: Program,
        options: &[String],
    ) -> Result<StartedProgram, LiveError> {
        match by {
            Program::Original => {
                Ok(Chameleon2::new(&self.programs.chameleon2, self.processes, home).upgrade()?)
            }
            Program::Ours => {
                let options = options.iter().map(String::as_str);
                let arguments = ["upgrade", "--yes"].into_iter().chain(options);
                Ok(self.processes.start("chameleon-upgrade", self.ours(home, arguments)?)?)
            }
        }
    }

    /// One of our commands, with the pg_chameleon 2 that it is about on its PATH.
    pub(crate) fn ours<I: AsRef<OsStr>>(
        &self,
        home: &Home,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<Command, LiveError> {
        let arguments: Vec<_> = arguments.into_iter().map(|it| it.as_ref().to_owned()).collect();
        let accepts = arguments.first().is_some_and(|first| TAKING_ACCEPTANCES.iter().any(|it| *it == first));
        let mut command = self.upgrader.command(home, arguments);
        if accepts && self.programs.mysql.kind() == MySqlKind::MySql {
            command.args(["--accept", ANSWERED]);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [self.programs.chameleon2.join("bin")].into_iter().chain(env::split_paths(&path));
        let path = env::join_paths(folders).map_err(|error| LiveError::Scenario(error.to_string()))?;
        command.env("PATH", path);
        Ok(command)
    }

    /// A home folder with the configuration of these new sources.
    pub(crate) fn home(&self, upgraded: &BTreeMap<String, Vec<String>>) -> Result<Home, LiveError> {
        self.home_with(upgraded, &BTreeMap::new())
    }

    fn home_with(
        &self,
        upgraded: &BTreeMap<String, Vec<String>>,
        with: &BTreeMap<String, Value>,
    ) -> Result<Home, LiveError> {
        self.home_of(&self.configuration(upgraded, with)?)
    }

    pub(super) fn home_of(&self, configuration: &Value) -> Result<Home, LiveError> {
        Home::within(self.processes.folder(), configuration)
            .map_err(LiveError::io("write the configuration of pg_chameleon 2"))
    }

    pub(super) fn configuration(
        &self,
        upgraded: &BTreeMap<String, Vec<String>>,
        with: &BTreeMap<String, Value>,
    ) -> Result<Value, LiveError> {
        let mut sources = Vec::new();
        for (name, old) in upgraded {
            let old = old.iter().map(|old| self.source(old)).collect::<Result<Vec<_>, _>>()?;
            let gtids = ("gtid_enable".to_owned(), Value::from(self.programs.gtids));
            let settings = [(&gtids.0, &gtids.1)].into_iter().chain(&self.scenario.settings).chain(with);
            let source = configured_source(name, &old)?;
            sources.push(settings.fold(source, |source, (key, value)| source.with(key, value.clone())));
        }
        Ok(configuration(self.database.address(), self.database.name(), &sources))
    }

    fn daemon(&mut self, named: &[String]) -> Result<(), LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let chameleon2 = Chameleon2::new(&self.programs.chameleon2, self.processes, &home);
        let all: Vec<_> = self.scenario.upgraded.keys().cloned().collect();
        let named = if named.is_empty() { &all } else { named };
        let mut daemons = named
            .iter()
            .map(|source| Ok((source.as_str(), chameleon2.start(source)?)))
            .collect::<Result<Vec<_>, LiveError>>()?;
        // A source is found consistent when the batch after the one that passed its point has been read.
        for _ in 0..2 {
            for (source, daemon) in &mut daemons {
                self.catch_up(source, daemon)?;
            }
        }
        for (source, daemon) in &mut daemons {
            self.come_to_rest(source, daemon)?;
        }
        chameleon2.stop(daemons, &mut self.client)?;
        let check = self.check()?;
        if check.unequal.is_empty() { Ok(()) } else { Err(LiveError::Findings(check.findings())) }
    }

    fn daemon_reads(&mut self, named: &[String]) -> Result<(), LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let chameleon2 = Chameleon2::new(&self.programs.chameleon2, self.processes, &home);
        named.iter().try_for_each(|source| chameleon2.read_batch(source))?;
        Ok(sessions::wait_for_the_end(&mut self.client)?)
    }

    fn crash_daemon(&mut self, crash: &Crash) -> Result<(), LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let chameleon2 = Chameleon2::new(&self.programs.chameleon2, self.processes, &home);
        let barrier = CommitBarrier::install(&mut self.client, crash.before)?;
        Ok(chameleon2.kill_before(&crash.source, crash.before, barrier)?)
    }

    fn chameleon2(&self, arguments: &[String]) -> Result<(), LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let (command, more) = arguments
            .split_first()
            .ok_or_else(|| LiveError::Scenario("chameleon2 needs a command".to_owned()))?;
        let more: Vec<_> = more.iter().map(String::as_str).collect();
        Chameleon2::new(&self.programs.chameleon2, self.processes, &home).run(command, &more)?;
        Ok(())
    }

    /// A trigger holds the daemon up where it would store what it has read.
    fn kill_daemon_reading(&mut self) -> Result<(), LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let source = self.scenario.upgraded.keys().next().map(String::as_str).unwrap_or_default();
        let barrier = StoreBarrier::install(&mut self.client, source)?;
        let mut daemon = Chameleon2::new(&self.programs.chameleon2, self.processes, &home).start(source)?;
        Ok(barrier.kill(&mut daemon, DAEMON_TIMEOUT)?)
    }

    /// Starts the daemon of the first new source with a configuration that it must end at.
    fn daemon_ends(&mut self, ends: &DaemonEnds) -> Result<(), LiveError> {
        let whole = ends.misconfigured(self.configuration(&self.scenario.upgraded, &BTreeMap::new())?);
        let source = self.scenario.upgraded.keys().next().map(String::as_str).unwrap_or_default();
        let home = self.home_of(&whole)?;
        let mut daemon = Chameleon2::new(&self.programs.chameleon2, self.processes, &home).start(source)?;
        daemon.wait(DAEMON_TIMEOUT)?;
        if !daemon.output().contains(&ends.says) {
            return Err(daemon.failure(&format!("didn't end with {:?}", ends.says)).into());
        }
        sessions::wait_for_the_end(&mut self.client)?;
        if self.status_of(source)? == "stopped" {
            return Ok(());
        }
        let home = self.home(&self.scenario.upgraded)?;
        Ok(Chameleon2::new(&self.programs.chameleon2, self.processes, &home).enable_replica(source)?)
    }

    /// The status of a 2.0 source.
    pub(super) fn status_of(&mut self, source: &str) -> Result<String, LiveError> {
        let status = "SELECT enm_status::text FROM sch_chameleon.t_sources WHERE t_source = $1";
        let row = self.client.query_one(status, &[&source]);
        Ok(row.map_err(LiveError::sql("read the status of the source"))?.get(0))
    }

    /// Waits until the daemon has applied all that is on MySQL now.
    pub(super) fn catch_up(&mut self, upgraded: &str, daemon: &mut StartedProgram) -> Result<(), LiveError> {
        let (source, mysql) = self.initialised_of(upgraded)?;
        let value = marker::advance(mysql, &source.schema)?;
        let client = &mut self.client;
        marker::expect_replicated(client, &source.dest_schema)?;
        daemon.wait_until("having applied all that is on MySQL", DAEMON_TIMEOUT, |_| {
            marker::arrived(client, &source.dest_schema, value)
        })
    }

    /// Waits until it can be ended without being in the middle of a batch, which 2.0.21 may lose then.
    pub(super) fn come_to_rest(
        &mut self,
        upgraded: &str,
        daemon: &mut StartedProgram,
    ) -> Result<(), LiveError> {
        let client = &mut self.client;
        daemon.wait_until("having nothing left to do", DAEMON_TIMEOUT, |_| is_at_rest(client, upgraded))
    }

    /// An old source that was initialised, of those that go into a new one.
    pub(crate) fn initialised_of(
        &self,
        upgraded: &str,
    ) -> Result<(&'a MySqlSource, &MySqlServer), LiveError> {
        let mut old = self.scenario.upgraded.get(upgraded).into_iter().flatten();
        match old.find(|old| self.initialised.contains(old.as_str())) {
            Some(initialised) => self.source(initialised),
            None => Err(LiveError::Scenario(format!("{upgraded} has nothing that was initialised"))),
        }
    }

    /// Where the program's own `verify` sees it otherwise. Of a catalogue that is neither 1.7 nor 2.0 it says nothing.
    fn second_judge(&self, check: &ReplicaCheck) -> Result<Vec<String>, LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let command = self.ours(&home, ["verify", "--format", "json"])?;
        let mut running = self.processes.start("chameleon-upgrade verify", command)?;
        let status = running.wait(UPGRADE_TIMEOUT)?;
        let output = running.output();
        let verified = output.find("\n}").map_or("", |end| &output[..end + 2]);
        match (status.code(), serde_json::from_str(verified)) {
            (Some(REFUSED), _) => Ok(vec![]),
            (_, Ok(verified)) => Ok(second_judge::disagreements(&verified, &check.tables, &check.unequal)),
            (_, Err(error)) => Err(running.failure(&format!("ended with {status}, and {error}")).into()),
        }
    }

    /// How the tables and the catalogue are now.
    pub(crate) fn check(&mut self) -> Result<ReplicaCheck, LiveError> {
        let initialised =
            self.scenario.sources.iter().filter(|(name, _)| self.initialised.contains(name.as_str()));
        let pairs: Vec<_> = initialised
            .map(|(_, source)| SchemaPair {
                mysql: &self.servers[source.server.as_str()],
                source: &source.schema,
                destination: &source.dest_schema,
            })
            .collect();
        check_replica(&mut self.client, &pairs)
    }
}

/// Waits for the end of one of our commands, with this exit code and these texts.
pub(super) fn must_end(running: &mut StartedProgram, exit: i32, says: &[String]) -> Result<(), LiveError> {
    must_end_within(UPGRADE_TIMEOUT, running, exit, says)
}

/// How long one of our commands may take.
pub(super) fn timeout(arguments: &[String]) -> Duration {
    if arguments.iter().any(|argument| argument == "--for") { TIMED_TIMEOUT } else { UPGRADE_TIMEOUT }
}

/// The same, when it may take so long.
pub(super) fn must_end_within(
    timeout: Duration,
    running: &mut StartedProgram,
    exit: i32,
    says: &[String],
) -> Result<(), LiveError> {
    let status = running.wait(timeout)?;
    if status.code() != Some(exit) {
        return Err(running.failure(&format!("ended with {status} instead of {exit}")).into());
    }
    let output = running.output();
    match says.iter().find(|text| !output.contains(*text)) {
        Some(text) => Err(running.failure(&format!("didn't say {text:?}")).into()),
        None => Ok(()),
    }
}

/// Whether the daemon of a source has replayed all that it has stored, and found the source consistent: stopped
/// now, it is not stopped in the middle of something. A batch stays listed until the round after the one that applied it.
fn is_at_rest(client: &mut Client, source: &str) -> Result<bool, LiveError> {
    let row = client
        .query_one(AT_REST, &[&source])
        .map_err(LiveError::sql(format!("look whether the source {source} is at rest")))?;
    Ok(row.get(0))
}

const AT_REST: &str = "
    SELECT s.b_consistent AND NOT EXISTS (SELECT FROM sch_chameleon.t_log_replica JOIN sch_chameleon.t_replica_batch b
                                              USING (i_id_batch) WHERE b.i_id_source = s.i_id_source)
                            AND NOT EXISTS (SELECT FROM sch_chameleon.t_batch_events JOIN sch_chameleon.t_replica_batch b
                                              USING (i_id_batch) WHERE b.i_id_source = s.i_id_source)
    FROM sch_chameleon.t_sources s WHERE s.t_source = $1";

/// As the example of pg_chameleon 2 has it, but for the server and its account.
fn configured_source(
    name: &str,
    old: &[(&MySqlSource, &MySqlServer)],
) -> Result<ConfiguredSource, LiveError> {
    let Some((_, mysql)) = old.first() else {
        return Err(LiveError::Scenario(format!("{name} maps no source")));
    };
    let mappings: Vec<_> =
        old.iter().map(|(source, _)| (source.schema.as_str(), source.dest_schema.as_str())).collect();
    Ok(ConfiguredSource::mysql(name, &mappings).with("db_conn", db_conn(mysql)))
}

fn db_conn(mysql: &MySqlServer) -> Value {
    json!({
        "host": mysql.host().to_string(), "port": mysql::PORT.to_string(), "user": mysql::USER,
        "password": mysql.password().expose_secret(), "charset": "utf8", "connect_timeout": 10,
    })
}

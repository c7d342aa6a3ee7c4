//! An upgrade that something goes wrong with: the program behind the fault proxy, stopped at an exact message
//! when need be, and what its end is held against.
#![allow(dead_code, reason = "each test program uses its part")]

use crate::replica::{PROGRAM, Replica, assert_unchanged, demo_source};
use chameleon_harness::chameleon::home::{CONFIGURATION, ConfiguredSource, Home, configuration};
use chameleon_harness::fault::{Fault, Place, Proxy, Resume, Transcript};
use chameleon_harness::record::Record;
use chameleon_harness::seed::{BatchState, Seed};
use chameleon_harness::server::{self, Address, Server};
use postgres::Client;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Between two looks at something that is about to happen.
const PAUSE: Duration = Duration::from_millis(10);

/// The steps with a savepoint, in their order.
pub const STEPS: [&str; 9] =
    ["lock", "recheck", "rename", "install", "sources", "tables", "coordinates", "privileges", "verify"];

/// What a step is called in the messages.
pub fn title(step: &str) -> &'static str {
    match step {
        "lock" => "lock the 1.7 catalogue against writers",
        "recheck" => "read it again and check",
        "rename" => "rename sch_chameleon to _sch_chameleon_version1",
        "install" => "install the 2.0.10 catalogue",
        "sources" => "store the new sources",
        "tables" => "migrate the tables",
        "coordinates" => "write batch starts and consistent points",
        "privileges" => "grant the privileges of the old catalogue",
        "verify" => "verify",
        other => panic!("no step {other}"),
    }
}

/// The demo's replica with rows waiting, and with something granted, so that no step is without work.
pub fn waiting() -> Seed {
    Seed::demo().statement("GRANT SELECT ON sch_chameleon.t_sources TO PUBLIC")
}

/// The same when all has been replayed: an upgrade that fails changes nothing of it.
pub fn quiet() -> Seed {
    let mut seed = waiting();
    for batch in seed.sources.iter_mut().flat_map(|source| &mut source.batches) {
        if batch.state == BatchState::Listed {
            batch.state = BatchState::Replayed;
            batch.events.clear();
        }
    }
    seed
}

/// A replica with its upgrade's surroundings.
pub struct Scene {
    pub replica: Replica,
    sources: Vec<ConfiguredSource>,
    /// All that was in the database at first.
    pub before: Record,
}

impl Scene {
    /// On the shared server, with the demo's configuration.
    pub fn of(seed: &Seed) -> Self {
        Self::with(seed, vec![demo_source()])
    }

    /// On the shared server.
    pub fn with(seed: &Seed, sources: Vec<ConfiguredSource>) -> Self {
        Self::on(server::shared().expect("a PostgreSQL server"), seed, sources)
    }

    /// On a server of its own, which may be harmed.
    pub fn on(server: &dyn Server, seed: &Seed, sources: Vec<ConfiguredSource>) -> Self {
        let database = server.create_database().expect("a database");
        let home = Home::new(&configuration(database.address(), database.name(), &sources));
        let replica = Replica { database, home: home.expect("a home folder") };
        seed.create(&mut replica.client()).expect("the seed can be planted");
        let before = replica.record();
        Self { replica, sources, before }
    }

    /// Upgrades with these faults on the way, to the end.
    pub fn upgrade(&self, faults: Vec<Fault>) -> Ended {
        self.start(faults, &["--yes"]).end()
    }

    /// Begins to upgrade with these faults on the way.
    pub fn start(&self, faults: Vec<Fault>, arguments: &[&str]) -> Running {
        let server = self.replica.database.address();
        let proxy = Proxy::start((server.host.as_str(), server.port), faults).expect("a proxy");
        let place = proxy.address();
        let address = Address { host: place.ip().to_string(), port: place.port(), ..server.clone() };
        let home = Home::new(&configuration(&address, self.replica.database.name(), &self.sources));
        Running::start(home.expect("a home folder"), proxy, arguments)
    }

    /// What is recorded in `sch_chameleon` and the destination schemas, and whatever else there is, but for
    /// a schema kept for inspection.
    pub fn assert_intact(&self) {
        let schemas = ["sch_chameleon", "shop", "stock", "public"];
        let after = Record::of(&mut self.replica.client(), &schemas).expect("a record");
        assert_unchanged(&self.before, &after);
    }

    /// Clears away what a failed upgrade has kept, by the command that it names.
    pub fn clean_up(&self, options: &[&str]) {
        let arguments = [&["cleanup", "--schema", "version2", "--yes"], options].concat();
        self.replica.command_with_mysql(&arguments).assert().success();
    }

    /// 1.7 is there as it was, and nothing else.
    pub fn assert_unchanged(&self) {
        assert_unchanged(&self.before, &self.replica.record());
    }

    /// The complete 2.0 catalogue, and all else as after an upgrade that nothing disturbed.
    pub fn assert_upgraded_as(&self, undisturbed: &Outcome) {
        let outcome = Outcome::of(&self.replica);
        let differences = undisturbed.differences(&outcome);
        assert!(differences.is_empty(), "not as after an undisturbed upgrade:\n{differences}");
    }

    /// Whether there is a schema.
    pub fn has_schema(&self, name: &str) -> bool {
        self.replica.value(&format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{name}'")) == "1"
    }

    /// Waits until no upgrader has a session here: until then a killed one keeps the next from its work.
    pub fn until_no_upgrader(&self) {
        let mut client = self.replica.client();
        until(|| upgraders(&mut client).is_empty());
    }

    /// Ends the upgrader's session, as an administrator would, and waits for its end.
    pub fn terminate_upgrader(&self) {
        let mut client = self.replica.client();
        let victims = upgraders(&mut client);
        assert!(!victims.is_empty(), "there is no upgrader");
        for pid in &victims {
            client.execute("SELECT pg_terminate_backend($1)", &[pid]).expect("the right to end it");
        }
        until(|| !upgraders(&mut client).iter().any(|pid| victims.contains(pid)));
    }
}

/// The server processes of the upgraders on this database.
fn upgraders(client: &mut Client) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity
               WHERE application_name = 'chameleon-upgrade' AND datname = current_database()";
    client.query(sql, &[]).expect("the sessions").iter().map(|row| row.get(0)).collect()
}

/// Waits until something is so.
pub fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        thread::sleep(PAUSE);
    }
}

/// What a completed upgrade leaves, without the times of its own making.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    structure: Record,
    destination: Record,
    rows: Vec<String>,
}

impl Outcome {
    /// Of all that is in the database now.
    pub fn of(replica: &Replica) -> Self {
        let mut client = replica.client();
        Self {
            structure: replica.record().structure(),
            destination: Record::of(&mut client, &["shop", "stock"]).expect("a record"),
            rows: rows(&mut client),
        }
    }

    /// What an undisturbed upgrade makes of the seed with nothing waiting.
    pub fn undisturbed() -> &'static Self {
        &undisturbed_run().0
    }

    /// What differs; empty when nothing does.
    pub fn differences(&self, other: &Self) -> String {
        let mut text = self.structure.diff(&other.structure) + &self.destination.diff(&other.destination);
        for (sign, these, those) in [("-", &self.rows, &other.rows), ("+", &other.rows, &self.rows)] {
            for row in these.iter().filter(|row| !those.contains(row)) {
                text += &format!("{sign} {row}\n");
            }
        }
        text
    }
}

/// All rows of the catalogues, without what tells when they were made.
pub fn rows(client: &mut Client) -> Vec<String> {
    let tables = client
        .query(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname ~ 'sch_chameleon' AND c.relkind = 'r' ORDER BY 1",
            &[],
        )
        .expect("the tables");
    let mut all = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let sql = format!(
            "SELECT '{table} ' || (to_jsonb(t) - '{{ts_created,ts_processed,ts_replayed,ts_discard}}'::text[])::text
             FROM ONLY {table} t ORDER BY 1"
        );
        all.extend(client.query(&sql, &[]).expect("the rows").iter().map(|row| row.get::<_, String>(0)));
    }
    all
}

/// An undisturbed upgrade of [`quiet`]: what it made, and the messages that it took.
fn undisturbed_run() -> &'static (Outcome, Transcript) {
    static RUN: OnceLock<(Outcome, Transcript)> = OnceLock::new();
    RUN.get_or_init(|| {
        let scene = Scene::of(&quiet());
        let ended = scene.upgrade(vec![]);
        ended.assert_code(0);
        (Outcome::of(&scene.replica), ended.transcript)
    })
}

/// The numbers of the messages of the upgrade's transaction, from its BEGIN to the message before its COMMIT,
/// and that of its COMMIT; with nothing waiting.
pub fn messages_of_the_transaction() -> (std::ops::Range<u64>, u64) {
    let messages = &undisturbed_run().1.messages;
    let sql = |text: &'static str| {
        move |message: &&chameleon_harness::fault::SeenMessage| {
            message.sql.as_ref().is_some_and(|sql| sql.starts_with(text))
        }
    };
    let begin = messages.iter().find(sql("BEGIN ISOLATION LEVEL READ COMMITTED")).expect("a BEGIN").number;
    let commit = messages.iter().rfind(sql("COMMIT")).expect("a COMMIT").number;
    (begin..commit, commit)
}

/// Where the upgrade commits, with nothing waiting.
pub fn commit() -> Place {
    Place::message(messages_of_the_transaction().1)
}

/// An upgrade under way.
pub struct Running {
    child: Child,
    proxy: Option<Proxy>,
    output: File,
    _home: Home,
}

impl Running {
    fn start(home: Home, proxy: Proxy, arguments: &[&str]) -> Self {
        let output = tempfile::tempfile().expect("a file");
        let child = Command::new(PROGRAM)
            .args(["upgrade", "--offline"])
            .args(arguments)
            .args(["--config", CONFIGURATION])
            .env("HOME", home.path())
            .stdin(Stdio::null())
            // Both into one file, so that the last line is the last.
            .stdout(output.try_clone().expect("a file"))
            .stderr(output.try_clone().expect("a file"))
            .spawn()
            .expect("the program");
        Self { child, proxy: Some(proxy), output, _home: home }
    }

    /// What it has shown so far.
    fn shown(&mut self) -> String {
        let mut text = String::new();
        self.output.rewind().expect("the output");
        self.output.read_to_string(&mut text).expect("the output");
        text
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the program").is_some()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("the program runs");
    }

    /// kill -9, and it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("the program runs");
        self.child.wait().expect("the program");
    }

    /// What has passed so far.
    pub fn transcript(&self) -> Transcript {
        self.proxy.as_ref().expect("until its end").transcript()
    }

    /// Waits for its end, and makes sure that every fault happened.
    pub fn end(mut self) -> Ended {
        let code = self.child.wait().expect("the program").code();
        let transcript = self.proxy.take().expect("until its end").finish();
        let shown = self.shown();
        if let Err(error) = transcript.all_happened() {
            panic!("{error}\n{shown}");
        }
        Ended { code, shown, transcript }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An upgrade that has ended.
pub struct Ended {
    /// None when it was killed.
    pub code: Option<i32>,
    /// Standard output and standard error, as they came.
    pub shown: String,
    pub transcript: Transcript,
}

impl Ended {
    /// It ended with this code.
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.shown);
        self
    }

    /// It has shown all of these.
    pub fn assert_says(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.shown.contains(text), "{text:?} is not in:\n{}", self.shown);
        }
        self
    }

    /// Its last line holds all of these.
    pub fn assert_last_says(&self, texts: &[&str]) -> &Self {
        let last = self.shown.trim_end().lines().last().unwrap_or_default();
        for text in texts {
            assert!(last.contains(text), "{text:?} is not in the last line of:\n{}", self.shown);
        }
        self
    }

    /// The statement that begins like this, as it was printed.
    pub fn statement(&self, beginning: &str) -> String {
        let start =
            self.shown.rfind(beginning).unwrap_or_else(|| panic!("no {beginning} in:\n{}", self.shown));
        let text = &self.shown[start..];
        text[..=text.find(';').expect("an end of the statement")].to_owned()
    }
}

/// Stops the upgrade at a message until the test lets it go on.
pub fn hold(at: Place) -> (Fault, Held) {
    let (here, reached) = channel();
    let (resume, resumed) = channel();
    let fault = Fault::hold(at, "hold", move || {
        here.send(())?;
        Ok(resumed.recv()?)
    });
    (fault, Held { reached, resume })
}

/// The test's end of [`hold`].
pub struct Held {
    reached: Receiver<()>,
    resume: Sender<Resume>,
}

impl Held {
    /// Waits until the upgrade has come to the message.
    pub fn wait(&self, running: &mut Running) {
        while let Err(error) = self.reached.recv_timeout(PAUSE) {
            assert!(
                error == RecvTimeoutError::Timeout && !running.has_ended(),
                "the upgrade never came there:\n{}",
                running.shown()
            );
        }
    }

    /// The message goes on, when the client and the server are still there.
    pub fn go_on(self) {
        self.resume.send(Resume::Forward).expect("the proxy waits");
    }

    /// The message never arrives, and its connection is cut.
    pub fn cut(self) {
        self.resume.send(Resume::Cut).expect("the proxy waits");
    }
}

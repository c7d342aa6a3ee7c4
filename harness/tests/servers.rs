//! The promises of `chameleon_harness::server`, each on real servers of every kind that makes it. Docker's tests
//! are skipped by name where there is no engine.
//!
//! Whether something is left behind shows only when the program that started it has ended: this program starts
//! itself again for that, told by `HOLD` what to start and by `END` how to end.

use chameleon_harness::chameleon::home::Configuration;
use chameleon_harness::process::tools::{self, Missing};
use chameleon_harness::replica::Origin;
use chameleon_harness::replica::template::ReplicaTemplate;
use chameleon_harness::seed::Seed;
use chameleon_harness::server::{
    self, Address, DockerOptions, Kind, LocalOptions, LocalServer, Server, ServerError, SharedServer,
};
use libtest_mimic::{Arguments, Conclusion, Trial};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const HOLD: &str = "CHAMELEON_TEST_HOLD";
const END: &str = "CHAMELEON_TEST_END";
/// How long what should happen may take before it counts as never happening.
const PATIENCE: Duration = Duration::from_secs(120);

type Outcome = Result<(), Box<dyn Error>>;
/// A test of the kind of server that it is given.
type Test = fn(&str) -> Outcome;

fn main() -> ExitCode {
    if let Ok(kind) = env::var(HOLD) {
        return hold(&kind);
    }
    run(&Arguments::from_args()).exit_code()
}

fn run(arguments: &Arguments) -> Conclusion {
    let mut trials = vec![
        trial("local: a version that isn't installed is named with its remedy", a_missing_version),
        trial("local: no programs are named with their remedy", no_programs),
        trial("local: a wrong setting shows the server's log and leaves nothing", a_wrong_setting),
        trial("local: two servers at once are apart", two_servers),
        trial("local: the shared server is one", one_shared_server),
        trial("local: a database goes with its sessions", a_database_in_use_is_dropped),
        trial("local: nobody gets in without the password", the_password_is_needed),
        trial("local: the shared memory of a crashed server goes", no_shared_memory_is_left),
        trial(
            "local: nothing is left when the program is killed at any moment of the start",
            killed_while_starting,
        ),
        trial("url: databases are made and dropped", url_makes_databases),
        trial("url: the server itself is left alone", url_refuses),
        trial("url: what a killed program left is dropped, what is used or kept stays", url_clears_up),
        trial("url: two harnesses leave each other alone, whichever database their URLs name", url_of_two),
        trial("url: a database that somebody else made stays, whatever its name", url_spares_others),
    ];
    trials.extend(trials_of("local", &Ok(())));
    trials.extend(trials_of("docker", &tools::docker_image().map(|_| ())));
    libtest_mimic::run(arguments, trials)
}

fn trial(name: &str, test: fn() -> Outcome) -> Trial {
    Trial::test(name, move || Ok(test()?))
}

/// What every kind of server of our own promises.
fn trials_of(kind: &'static str, available: &Result<(), Missing>) -> Vec<Trial> {
    if let Err(missing) = available {
        eprintln!("the tests of the kind {kind} need what this machine lacks: {missing}");
    }
    let tests: [(&str, Test); 5] = [
        ("it answers", it_answers),
        ("a stopped server keeps its data", stop_and_restart),
        ("a crash loses what isn't committed and nothing else", crash),
        ("a frozen server answers once it is thawed", freeze_and_thaw),
        ("a frozen server can be crashed, and stopped", end_while_frozen),
    ];
    let ends = ["killed", "interrupted", "panicked", "exited", "killed while frozen", "killed after a crash"];
    let tests = tests.map(|(name, test)| trial_of(kind, name, available, move || test(kind)));
    let ends = ends.map(|end| {
        let name = format!("nothing is left when the program is {end}");
        trial_of(kind, &name, available, move || nothing_is_left(kind, end))
    });
    tests.into_iter().chain(ends).collect()
}

fn trial_of(
    kind: &str,
    name: &str,
    available: &Result<(), Missing>,
    test: impl FnOnce() -> Outcome + Send + 'static,
) -> Trial {
    let skipped = available.is_err() && !tools::everything_is_required();
    let available = available.clone();
    Trial::test(format!("{kind}: {name}"), move || {
        available?;
        Ok(test()?)
    })
    .with_ignored_flag(skipped)
}

/// A server that waits for the disk, as production does.
fn start(kind: &str) -> Result<Box<dyn Server>, ServerError> {
    let kind = if kind == "local" { Kind::default() } else { Kind::Docker(DockerOptions::default()) };
    kind.durable().start()
}

fn count(client: &mut postgres::Client) -> Result<i64, postgres::Error> {
    Ok(client.query_one("SELECT count(*) FROM t", &[])?.get(0))
}

fn it_answers(kind: &str) -> Outcome {
    let server = start(kind)?;
    let database = server.create_database()?;
    let row = database.connect()?.query_one(
        "SELECT current_database()::text, pg_catalog.pg_encoding_to_char(encoding)::text, rolsuper, \
                current_setting('fsync') || current_setting('full_page_writes') \
         FROM pg_catalog.pg_database, pg_catalog.pg_roles WHERE datname = current_database() AND rolname = current_user",
        &[],
    )?;
    assert_eq!(row.get::<_, String>(0), database.name());
    assert_eq!(row.get::<_, String>(1), "UTF8");
    assert!(row.get::<_, bool>(2));
    assert_eq!(row.get::<_, String>(3), "onon");
    Ok(())
}

fn stop_and_restart(kind: &str) -> Outcome {
    let mut server = start(kind)?;
    let address = server.address().clone();
    let database = server.create_database()?;
    // PostgreSQL empties an unlogged table when it recovers from a crash.
    database.connect()?.batch_execute("CREATE UNLOGGED TABLE t (a int); INSERT INTO t VALUES (1)")?;
    server.stop()?;
    assert!(database.connect().is_err(), "a stopped server answers");
    server.stop()?;
    server.restart()?;
    assert_eq!(count(&mut database.connect()?)?, 1);
    let mut session = database.connect()?;
    server.restart()?;
    assert!(count(&mut session).is_err(), "a session outlived the restart");
    assert_eq!(count(&mut database.connect()?)?, 1);
    assert_eq!(server.address().port, address.port);
    Ok(())
}

fn crash(kind: &str) -> Outcome {
    let mut server = start(kind)?;
    let database = server.create_database()?;
    let mut session = database.connect()?;
    session.batch_execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")?;
    session.batch_execute("CREATE UNLOGGED TABLE unlogged AS SELECT 1")?;
    session.batch_execute("BEGIN; INSERT INTO t VALUES (2)")?;
    server.kill()?;
    assert!(session.batch_execute("COMMIT").is_err(), "a session outlived the crash");
    assert!(database.connect().is_err(), "a crashed server answers");
    server.restart()?;
    let mut session = database.connect()?;
    assert_eq!(count(&mut session)?, 1);
    // PostgreSQL empties an unlogged table when it recovers from a crash, and only then.
    assert!(session.query_opt("SELECT FROM unlogged", &[])?.is_none(), "the crash was none");
    Ok(())
}

fn freeze_and_thaw(kind: &str) -> Outcome {
    let mut server = start(kind)?;
    let database = server.create_database()?;
    let mut session = database.connect()?;
    session.batch_execute("CREATE TABLE t (a int)")?;
    server.freeze()?;
    let (sender, receiver) = channel();
    let query = thread::spawn(move || sender.send(count(&mut session)));
    let answer = receiver.recv_timeout(Duration::from_secs(1));
    assert_eq!(answer.err(), Some(RecvTimeoutError::Timeout), "a frozen server answers");
    server.thaw()?;
    assert_eq!(receiver.recv_timeout(PATIENCE)??, 0);
    assert!(query.join().is_ok());
    Ok(())
}

fn end_while_frozen(kind: &str) -> Outcome {
    let mut server = start(kind)?;
    let database = server.create_database()?;
    database.connect()?.batch_execute("CREATE TABLE t (a int)")?;
    server.freeze()?;
    server.kill()?;
    server.restart()?;
    assert_eq!(count(&mut database.connect()?)?, 0);
    server.freeze()?;
    server.stop()?;
    server.restart()?;
    assert_eq!(count(&mut database.connect()?)?, 0);
    Ok(())
}

fn a_missing_version() -> Outcome {
    let Err(error) = server::local(&LocalOptions { major: Some(9), ..LocalOptions::default() }) else {
        return Err("PostgreSQL 9 was found".into());
    };
    let message = error.to_string();
    assert!(message.contains("PostgreSQL 9") && message.contains("make tools"), "{message}");
    Ok(())
}

fn no_programs() -> Outcome {
    let output = holder("local", "exited")?.env("CHAMELEON_POSTGRES_BIN", "/nonexistent").output()?;
    let message = String::from_utf8(output.stderr)?;
    assert!(!output.status.success());
    assert!(message.contains("CHAMELEON_POSTGRES_BIN=/nonexistent"), "{message}");
    Ok(())
}

fn a_wrong_setting() -> Outcome {
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let Err(error) = server::local(&LocalOptions { settings, ..LocalOptions::default() }) else {
        return Err("a server with a wrong setting has started".into());
    };
    assert!(
        matches!(&error, ServerError::NotStarted { log, .. } if log.contains("no_such_setting")),
        "{error}"
    );
    // The log names the server's configuration file, which is in its folder.
    let message = error.to_string();
    let folder =
        message.split('"').find(|part| part.contains("/data/")).and_then(|path| path.split("/data/").next());
    assert!(!Path::new(folder.ok_or("no folder in the log")?).exists());
    Ok(())
}

fn two_servers() -> Outcome {
    let (one, two) = (local()?, local()?);
    let database = one.create_database()?;
    assert_ne!(one.address().port, two.address().port);
    assert!(two.address().connect(database.name()).is_err());
    Ok(())
}

fn local() -> Result<LocalServer, ServerError> {
    server::local(&LocalOptions::default())
}

fn one_shared_server() -> Outcome {
    assert_eq!(server::shared()?.address().port, server::shared()?.address().port);
    let (one, two) = (server::shared()?.create_database()?, server::shared()?.create_database()?);
    assert_ne!(one.name(), two.name());
    Ok(())
}

fn a_database_in_use_is_dropped() -> Outcome {
    let database = server::shared()?.create_database()?;
    let (name, mut session) = (database.name().to_owned(), database.connect()?);
    drop(database);
    assert!(session.batch_execute("SELECT").is_err());
    assert!(!exists(server::shared()?.address(), &name)?);
    Ok(())
}

fn exists(address: &server::Address, database: &str) -> Result<bool, Box<dyn Error>> {
    let mut client = address.connect(&address.maintenance_database)?;
    let found = client.query_opt("SELECT FROM pg_catalog.pg_database WHERE datname = $1", &[&database])?;
    Ok(found.is_some())
}

fn the_password_is_needed() -> Outcome {
    let address = server::shared()?.address();
    let stranger = server::Address { password: "guess".to_owned().into(), ..address.clone() };
    let message = stranger.connect("postgres").err().ok_or("a wrong password was accepted")?.to_string();
    assert!(message.contains("password authentication failed"), "{message}");
    assert!(!format!("{address:?} {address} {message}").contains(address.password.expose_secret()));
    Ok(())
}

/// The segment that PostgreSQL keeps for as long as a server runs, and that outlives a crash.
fn shared_memory(folder: &Path) -> Result<String, Box<dyn Error>> {
    let lines = fs::read_to_string(folder.join("data/postmaster.pid"))?;
    let identifiers = lines.lines().nth(6).ok_or("no shared memory in postmaster.pid")?;
    Ok(identifiers.split_whitespace().last().ok_or("no identifier in postmaster.pid")?.to_owned())
}

fn no_shared_memory_is_left() -> Outcome {
    let Ok(_) = fs::metadata("/proc/sysvipc/shm") else { return Ok(()) };
    let listed = |segment: &str| -> Result<bool, std::io::Error> {
        let segments = fs::read_to_string("/proc/sysvipc/shm")?;
        Ok(segments.lines().any(|line| line.split_whitespace().nth(1) == Some(segment)))
    };
    let mut server = local()?;
    let segment = shared_memory(server.folder())?;
    server.kill()?;
    assert!(listed(&segment)?, "the crash was none");
    drop(server);
    assert!(!listed(&segment)?);
    Ok(())
}

/// The URL of a server that belongs to the test instead of to the harness.
fn url_of(server: &LocalServer) -> String {
    let address = server.address();
    let (user, password) = (&address.user, address.password.expose_secret());
    format!("postgres://{user}:{password}@{}:{}/postgres", address.host, address.port)
}

fn url_makes_databases() -> Outcome {
    let owner = local()?;
    let server = url_of(&owner).parse::<Kind>()?.start()?;
    let database = server.create_database()?;
    database.connect()?.batch_execute("CREATE TABLE t (a int)")?;
    assert!(exists(owner.address(), database.name())?);
    let name = database.name().to_owned();
    drop(database);
    assert!(!exists(owner.address(), &name)?);
    Ok(())
}

fn url_refuses() -> Outcome {
    let owner = local()?;
    let mut server = server::url(&url_of(&owner).parse()?)?;
    let refusals = [server.stop(), server.kill(), server.restart(), server.freeze(), server.thaw()];
    for (refusal, action) in refusals.into_iter().zip(["stopped", "killed", "restarted", "frozen", "thawed"])
    {
        let message = refusal.err().ok_or("a server of somebody else's was touched")?.to_string();
        assert!(message.contains(action) && message.contains("--server local"), "{message}");
    }
    assert!(server.create_database().is_ok());
    Ok(())
}

fn url_clears_up() -> Outcome {
    let owner = local()?;
    let url = url_of(&owner);
    let mut left = held(&url, "killed")?;
    let used = held(&url, "killed")?;
    let kept = keep_a_database(&url)?;
    left.kill()?;
    wait_until("the lock on what was left is gone", || {
        let _server = server::url(&url.parse()?)?;
        Ok(!exists(owner.address(), &left.what)?)
    })?;
    assert!(exists(owner.address(), &used.what)?, "a database in use was dropped");
    assert!(exists(owner.address(), &kept)?, "a database that was to be kept was dropped");
    // §hunt-h5: the roles of a program that was killed stayed for ever.
    let of_the_dead = format!("role_{}%", maker_of(&left.what));
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1";
    let count = |like: &str| -> Result<i64, Box<dyn Error>> {
        Ok(owner.address().connect("postgres")?.query_one(roles, &[&like])?.get(0))
    };
    assert_eq!(count(&of_the_dead)?, 0, "a role was left");
    assert_eq!(count(&format!("role_{}%", maker_of(&used.what)))?, 1, "a role in use was dropped");
    Ok(())
}

/// What the names of a program's databases begin with.
fn maker_of(database: &str) -> &str {
    database.rsplit_once('_').map_or(database, |(maker, _)| maker)
}

/// §hunt-h3: advisory locks are those of one database, and the copy of a database took none.
fn url_of_two() -> Outcome {
    let owner = local()?;
    owner.address().connect("postgres")?.batch_execute("CREATE DATABASE elsewhere")?;
    let used = held(&url_of(&owner), "killed")?;
    let of_it = format!("{}%", maker_of(&used.what));
    let databases = || -> Result<i64, Box<dyn Error>> {
        let count = "SELECT count(*) FROM pg_database WHERE datname LIKE $1";
        Ok(owner.address().connect("postgres")?.query_one(count, &[&of_it])?.get(0))
    };
    assert_eq!(databases()?, 4, "a database, its copy, and a template with another");
    let url = url_of(&owner);
    let elsewhere = format!("{}/elsewhere", url.strip_suffix("/postgres").ok_or("another URL")?);
    drop(elsewhere.parse::<Kind>()?.start()?);
    assert_eq!(databases()?, 4);
    Ok(())
}

/// §hunt-h4: a database was dropped for its name, and one of another role's stopped every ordinary role.
fn url_spares_others() -> Outcome {
    let owner = local()?;
    let mut client = owner.address().connect("postgres")?;
    client.batch_execute(
        "CREATE ROLE ordinary LOGIN CREATEDB CREATEROLE PASSWORD 'secret'; CREATE ROLE other CREATEDB",
    )?;
    let by_hand = [
        ("chameleon_harness_of_mine", "OWNER ordinary"),
        ("chameleon_harness_0123456789abcdef_0", "OWNER ordinary"),
        ("chameleon_harness_0123456789abcdef_1", "OWNER other CONNECTION LIMIT 8017017"),
        ("chameleon_harness_0123456789abcdef_2", "OWNER ordinary CONNECTION LIMIT 8017017"),
        ("chameleon_harness_0123456789abcdef_3", "OWNER ordinary CONNECTION LIMIT 8017017"),
    ];
    for (name, more) in by_hand {
        client.batch_execute(&format!("CREATE DATABASE {name} {more}"))?;
    }
    client.batch_execute("COMMENT ON DATABASE chameleon_harness_0123456789abcdef_2 IS 'accounts of 2026'")?;
    client.batch_execute("CREATE ROLE role_chameleon_harness_0123456789abcdef_0")?;
    let connected = owner.address().connect(by_hand[4].0)?;
    let Address { host, port, .. } = owner.address();
    let url = format!("postgres://ordinary:secret@{host}:{port}/postgres");
    let server = url.parse::<Kind>()?.start()?;
    assert!(server.create_database().is_ok(), "an ordinary role is stopped");
    for (name, _) in by_hand {
        assert!(exists(owner.address(), name)?, "{name} was dropped");
    }
    let role = "SELECT FROM pg_roles WHERE rolname = 'role_chameleon_harness_0123456789abcdef_0'";
    assert!(client.query_opt(role, &[])?.is_some(), "a role that somebody made was dropped");
    // Nobody is connected to the last one any more: it is as a program leaves it that is killed while it creates one.
    drop(connected);
    wait_until("what was left is dropped", || {
        drop(url.parse::<Kind>()?.start()?);
        Ok(!exists(owner.address(), by_hand[4].0)?)
    })
}

fn keep_a_database(url: &str) -> Result<String, Box<dyn Error>> {
    let server = server::url(&url.parse()?)?;
    let mut database = server.create_database()?;
    database.keep();
    Ok(database.name().to_owned())
}

fn nothing_is_left(kind: &'static str, end: &str) -> Outcome {
    let mut held = held(kind, end)?;
    let traces = Traces::of(kind, &held.what)?;
    assert!(traces.are_there()?, "nothing was started");
    match end {
        "interrupted" => held.interrupt()?,
        "panicked" | "exited" => held.go_on(),
        _ => held.kill()?,
    }
    held.wait()?;
    wait_until("what the program started is gone", || Ok(!traces.are_there()?))
}

fn killed_while_starting() -> Outcome {
    let own = tempfile::Builder::new().prefix("chameleon-test-").permissions(open_to_all()).tempdir()?;
    let folder = own.path().to_str().ok_or("a temporary folder with a strange name")?;
    for moment in 0..12 {
        let mut program = holder("local", "killed")?.env("TMPDIR", folder).spawn()?;
        sleep(Duration::from_millis(moment * 80));
        program.kill()?;
        program.wait()?;
        wait_until("what the program started is gone", || {
            Ok(processes_of(folder)?.is_empty() && fs::read_dir(folder)?.next().is_none())
        })?;
    }
    Ok(())
}

/// The server may run as another user.
fn open_to_all() -> fs::Permissions {
    fs::Permissions::from_mode(0o755)
}

fn wait_until(what: &str, mut happened: impl FnMut() -> Result<bool, Box<dyn Error>>) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    while !happened()? {
        if Instant::now() > deadline {
            return Err(format!("waited in vain until {what}").into());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// What a running server consists of.
enum Traces {
    Local { folder: String, pids: Vec<String> },
    Docker { objects: Vec<[String; 2]> },
}

impl Traces {
    fn of(kind: &str, what: &str) -> Result<Self, Box<dyn Error>> {
        if kind == "local" {
            return Ok(Self::Local { folder: what.to_owned(), pids: processes_of(what)? });
        }
        let volumes = ["container", "inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", what];
        let volumes = String::from_utf8(Command::new(tools::docker()?).args(volumes).output()?.stdout)?;
        let volumes: Vec<[String; 2]> =
            volumes.split_whitespace().map(|name| ["volume".to_owned(), name.to_owned()]).collect();
        assert!(!volumes.is_empty(), "the image has no volume to leave behind");
        Ok(Self::Docker { objects: [vec![["container".to_owned(), what.to_owned()]], volumes].concat() })
    }

    fn are_there(&self) -> Result<bool, Box<dyn Error>> {
        match self {
            Self::Local { folder, pids } => Ok(Path::new(folder).exists()
                || !processes_of(folder)?.is_empty()
                || pids.iter().any(|pid| is_alive(pid))),
            Self::Docker { objects } => {
                for [object, name] in objects {
                    let inspected =
                        Command::new(tools::docker()?).args([object, "inspect", name]).output()?;
                    if inspected.status.success() {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// Every process with `folder` in its command line, and their children.
fn processes_of(folder: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let listed =
        Command::new("ps").args(["-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "args="]).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let of_it: Vec<&str> = listed
        .lines()
        .filter(|line| line.contains(folder))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let pids = listed.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (pid, parent) = (fields.next()?, fields.next()?);
        (of_it.contains(&pid) || of_it.contains(&parent)).then(|| pid.to_owned())
    });
    Ok(pids.collect())
}

fn is_alive(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "state=", "-p", pid]).output().map(|output| output.stdout);
    state.is_ok_and(|state| !state.is_empty() && !state.starts_with(b"Z"))
}

/// This program, started again to hold a server (or a database on one, for a URL) and to end as `end` says.
fn holder(kind: &str, end: &str) -> std::io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(HOLD, kind).env(END, end).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    Ok(command)
}

/// A running [`holder`].
struct Held {
    program: Child,
    _output: BufReader<ChildStdout>,
    /// What it holds: a folder, a container or a database.
    what: String,
}

fn held(kind: &str, end: &str) -> Result<Held, Box<dyn Error>> {
    let mut program = holder(kind, end)?.spawn()?;
    let mut output = BufReader::new(program.stdout.take().ok_or("no output")?);
    let mut what = String::new();
    output.read_line(&mut what)?;
    let held = Held { program, _output: output, what: what.trim().to_owned() };
    if held.what.is_empty() { Err("the program that was to hold it has ended".into()) } else { Ok(held) }
}

impl Held {
    fn kill(&mut self) -> Outcome {
        Ok(self.program.kill()?)
    }

    /// What the terminal does at ctrl-C.
    fn interrupt(&self) -> Outcome {
        let group = Pid::from_raw(i32::try_from(self.program.id())?).ok_or("no process group")?;
        Ok(kill_process_group(group, Signal::INT)?)
    }

    fn go_on(&mut self) {
        drop(self.program.stdin.take());
    }

    fn wait(&mut self) -> Outcome {
        assert!(!self.program.wait()?.success(), "the program ended well");
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ended_already = self.program.kill();
        let _status = self.program.wait();
    }
}

/// The program that is ended by its parent, or ends itself once its standard input ends.
fn hold(kind: &str) -> ExitCode {
    match held_until_told(kind) {
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn held_until_told(kind: &str) -> Outcome {
    let end = env::var(END)?;
    let mut server: Box<dyn Server>;
    let mut _held = None;
    let what;
    match kind {
        "local" => {
            let local = local()?;
            what = local.folder().display().to_string();
            server = Box::new(local);
        }
        "docker" => {
            let docker = server::docker(&DockerOptions::default())?;
            what = docker.container_name().to_owned();
            server = Box::new(docker);
        }
        url => {
            server = url.parse::<Kind>()?.start()?;
            let database = server.create_database()?;
            what = database.name().to_owned();
            let shared = SharedServer::new(url.parse::<Kind>()?.start()?);
            let template = ReplicaTemplate::new(shared, &Origin::Seed(Seed::demo()))?;
            let replica = template.replica(&Configuration::Sources(vec![]))?;
            _held = Some((database.copy()?, database, replica, template));
        }
    }
    match end.as_str() {
        "killed while frozen" => server.freeze()?,
        "killed after a crash" => server.kill()?,
        _ => {}
    }
    println!("{what}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    match end.as_str() {
        // As a panic does, but without its message, which would look like one that isn't meant.
        "panicked" => std::panic::resume_unwind(Box::new("meant")),
        // Without any drop.
        _ => std::process::exit(1),
    }
}

//! `backup` and `upgrade --backup`: the catalogue in a file, whole and looked at, or no file. §backup.

use crate::faults::Upgraded;
use crate::on_terminal::Terminal;
use crate::replica::{
    PROGRAM, Replica, assert_unchanged, demo_source, keepalive_of_who_waits, shown, where_programs_are,
};
use chameleon_harness::chameleon::home::{CONFIGURATION, Home, configuration};
use chameleon_harness::record::{Record, properties};
use chameleon_harness::seed::{Batch, Event, Seed, Source, Table};
use chameleon_harness::server::{self, Database, Server};
use chameleon_harness::sweep::case::Case;
use postgres::Client;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A file in a folder of its own.
struct Place {
    folder: TempDir,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        Self::named("catalogue.dump")
    }

    fn named(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        Self { folder, file }
    }

    fn assert_empty(&self, case: &str) {
        let left: Vec<_> = fs::read_dir(self.folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
        assert!(left.is_empty(), "{case}: {left:?}");
    }
}

/// The program with these arguments, on this replica.
fn program(replica: &Replica, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    let (verb, options) = arguments.split_first().unwrap();
    command.args([verb, "--config", CONFIGURATION]).args(options).env("HOME", replica.home.path());
    command.stdin(Stdio::null()).envs(where_programs_are());
    command
}

/// `backup` into the file, its exit code and what it shows.
fn backup(replica: &Replica, file: &Path, options: &[&str]) -> (Option<i32>, String) {
    let output = program(replica, &["backup"]).arg(file).args(options).output().unwrap();
    (output.status.code(), shown(&output))
}

/// It ends with this code, says this, leaves no file and changes nothing.
fn leaves_nothing(replica: &Replica, options: &[&str], code: i32, says: &[&str]) {
    let (place, before) = (Place::new(), replica.record());
    let (ended, shown) = backup(replica, &place.file, options);
    assert_eq!(ended, Some(code), "{options:?}: {shown}");
    says.iter().for_each(|text| assert!(words(&shown).contains(text), "{text:?} is not in:\n{shown}"));
    place.assert_empty(&shown);
    assert_unchanged(&before, &replica.record());
}

fn words(shown: &str) -> String {
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn catalogue(replica: &Replica) -> Record {
    Record::of(&mut replica.client(), &["sch_chameleon"]).unwrap()
}

/// Carries out the commands that are shown, as they are shown.
fn restore_as_told(replica: &Replica, shown: &str) {
    let is_command = |line: &&str| line.contains("psql -h ") || line.contains("/pg_restore -h ");
    let commands: Vec<_> = shown.lines().map(str::trim).filter(is_command).collect();
    assert_eq!(commands.len(), 2, "{shown}");
    // PostgreSQL's programs are on the PATH of whoever carries them out.
    let programs = server::shared().unwrap().binaries().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    for command in commands {
        let output = Command::new("sh")
            .args(["-c", command])
            .env("PATH", &path)
            .env("PGPASSWORD", replica.database.address().password.expose_secret())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", crate::replica::shown(&output));
    }
}

#[test]
fn a_backup_of_either_version_is_restored_as_it_is_told() {
    let replica = Replica::demo();
    let place = Place::new();
    let before = catalogue(&replica);
    let (code, shown) = backup(&replica, &place.file, &[]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Backup of the 1.7 catalogue"), "{shown}");
    assert!(shown.contains("On another server these roles must be there before: postgres."), "{shown}");
    assert_eq!(fs::metadata(&place.file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 1);
    replica.sql("DROP SCHEMA sch_chameleon CASCADE");
    restore_as_told(&replica, &shown);
    assert_unchanged(&before, &catalogue(&replica));

    replica.command(&["upgrade", "--yes"]).assert().success();
    let before = catalogue(&replica);
    let (code, shown) = backup(&replica, &place.file, &["--force"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Backup of the 2.0.10 catalogue"), "{shown}");
    replica.sql("DELETE FROM sch_chameleon.t_sources");
    restore_as_told(&replica, &shown);
    assert_unchanged(&before, &catalogue(&replica));
    replica.command(&["status"]).assert().success();
    replica.command(&["rollback", "--yes"]).assert().success();
}

#[test]
fn a_file_that_is_there_is_replaced_by_force_only() {
    let replica = Replica::demo();
    let place = Place::new();
    fs::write(&place.file, "mine").unwrap();
    let (code, shown) = backup(&replica, &place.file, &[]);
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("is there already") && shown.contains("Nothing was done"), "{shown}");
    assert_eq!(fs::read_to_string(&place.file).unwrap(), "mine");
    let (code, shown) = backup(&replica, &place.file, &["--force"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(fs::read(&place.file).unwrap().starts_with(b"PGDMP"));
    // Also of a failure nothing is left, and what was there is as it was.
    let kept = fs::read(&place.file).unwrap();
    let (code, shown) = backup(&replica, &place.file, &["--force", "--pg-bin", "/nowhere"]);
    assert_eq!(code, Some(3), "{shown}");
    assert_eq!(fs::read(&place.file).unwrap(), kept);
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 1);
}

#[test]
fn a_place_that_will_not_do_is_told_before_anything() {
    let replica = Replica::demo();
    let place = Place::new();
    for (file, says) in [
        (place.folder.path().to_owned(), "is a folder: name a file"),
        (place.folder.path().join("missing/file"), "there is no folder"),
        (PathBuf::from("/sys/kernel/catalogue.dump"), "mend the rights of the folder"),
        (PathBuf::from("/dev/full"), "is there already"),
    ] {
        let (code, shown) = backup(&replica, &file, &[]);
        assert_eq!(code, Some(2), "{}: {shown}", file.display());
        assert!(words(&shown).contains(says), "{}: {shown}", file.display());
    }
    place.assert_empty("places");
}

#[test]
fn a_full_disk_leaves_no_file() {
    let replica = Replica::of(&rows(3_000), &[demo_source()]);
    let (disk, before) = (Disk::new(), replica.record());
    let mut command = program(&replica, &["backup"]);
    let output = disk.limit(command.arg(disk.place.folder.path().join("file"))).output().unwrap();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("Make room there") && words(&shown).contains("no file of it was left"), "{shown}");
    disk.place.assert_empty(&shown);
    assert_unchanged(&before, &replica.record());
}

/// A small disk: one in memory where root can have it, else a limit to the size of files.
struct Disk {
    place: Place,
    mounted: bool,
}

impl Disk {
    fn new() -> Self {
        let place = Place::new();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=32k", "chameleon-test"])
            .arg(place.folder.path())
            .stderr(Stdio::null())
            .status();
        Self { mounted: geteuid().is_root() && mount.is_ok_and(|status| status.success()), place }
    }

    fn limit(&self, command: &mut Command) -> Command {
        let mut limited = Command::new("sh");
        let limit = if self.mounted { "" } else { "ulimit -f 64; " };
        limited.args(["-c", &format!("{limit}exec \"$0\" \"$@\"")]).arg(command.get_program());
        limited.args(command.get_args());
        limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            assert!(Command::new("umount").arg(self.place.folder.path()).status().unwrap().success());
        }
    }
}

fn rows(count: u32) -> Seed {
    let mut batch = Batch::listed("mysql-bin.000001:100");
    for id in 0..count {
        let noise: String = (0..4).map(|_| format!("{:032x}", rand::random::<u128>())).collect();
        batch = batch.event(Event::insert("t", serde_json::json!({"id": id, "data": noise})));
    }
    let shop = Source::new("shop").table(Table::new("t")).batch(batch);
    let shop = shop.batch(Batch::open("mysql-bin.000001:900000"));
    Seed::of([shop, Source::new("stock").batch(Batch::open("mysql-bin.000001:900000"))])
}

#[test]
fn programs_that_will_not_do_are_named() {
    let replica = Replica::demo();
    let major = server::shared().unwrap().binaries().map(version_of).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let named = ["--pg-bin", folder.path().to_str().unwrap()];
    let package = format!("Install the package postgresql-client-{major}");
    let missing = format!("No pg_dump that can work with PostgreSQL {major} was found in");
    leaves_nothing(&replica, &named, 3, &[&missing, &package, "the catalogue can't be backed up"]);
    // What is older than the server, wherever there is such.
    if let Some((older, bin)) = installed().into_iter().find(|(version, _)| *version < major) {
        let too_old = format!("there is version {older} in {}, which is too old", bin.display());
        leaves_nothing(&replica, &["--pg-bin", bin.to_str().unwrap()], 3, &[&too_old, &package]);
    }
    // The client's programs alone: no drill.
    for name in ["pg_dump", "pg_restore"] {
        let program = server::shared().unwrap().binaries().unwrap().join(name);
        std::os::unix::fs::symlink(program, folder.path().join(name)).unwrap();
    }
    let server = format!("Install the package postgresql-{major}");
    let options = [&named[..], &["--drill"]].concat();
    leaves_nothing(&replica, &options, 3, &["No initdb that can work", &server]);
    let place = Place::new();
    let (code, shown) = backup(&replica, &place.file, &named);
    assert_eq!(code, Some(0), "{shown}");
}

fn version_of(bin: &Path) -> u32 {
    let output = Command::new(bin.join("pg_dump")).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, version) = text.split_once(") ").unwrap();
    version.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// What Debian's packages and `make matrix` have installed.
fn installed() -> Vec<(u32, PathBuf)> {
    let tools = chameleon_harness::process::tools::folder();
    let entries = [fs::read_dir("/usr/lib/postgresql"), fs::read_dir(tools)].into_iter().flatten().flatten();
    let bins = entries.map(|entry| entry.unwrap().path().join("bin"));
    bins.filter(|bin| bin.join("pg_dump").is_file()).map(|bin| (version_of(&bin), bin)).collect()
}

/// A replica with a table that pg_dump locks, and nobody counts the rows of: it has none of its own.
fn holdable() -> Replica {
    let replica = Replica::demo();
    replica.sql("CREATE TABLE sch_chameleon.held (a int) PARTITION BY LIST (a)");
    replica
}

/// That table is locked, so that the backup stands still in the middle: pg_dump waits for it.
struct Held {
    lock: Client,
    child: Child,
}

impl Held {
    fn new(replica: &Replica, command: &mut Command) -> Self {
        let mut lock = replica.client();
        lock.batch_execute("BEGIN; LOCK TABLE sch_chameleon.held IN ACCESS EXCLUSIVE MODE").unwrap();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                                    AND wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%')";
        wait_until(|| replica.client().query_one(waits, &[]).unwrap().get(0));
        Self { lock, child }
    }

    fn release(&mut self) {
        self.lock.batch_execute("ROLLBACK").unwrap();
    }

    fn end(self) -> (Option<i32>, String) {
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), shown(&output))
    }
}

fn wait_until(mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Nobody is at work in the database any more.
fn assert_alone(replica: &Replica) {
    let others = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database()
                  AND pid <> pg_backend_pid() AND application_name = 'chameleon-upgrade'";
    wait_until(|| replica.client().query_one(others, &[]).unwrap().get(0));
}

/// A network that is silently lost ends it, as it ends our own session. (What libpq takes from the system is two hours.)
#[test]
fn a_server_that_is_not_heard_of_is_asked_after_half_a_minute() {
    let replica = holdable();
    let place = Place::new();
    let mut held = Held::new(&replica, program(&replica, &["backup"]).arg(&place.file));
    assert!(keepalive_of_who_waits(&replica) <= Duration::from_secs(30));
    held.release();
    assert_eq!(held.end().0, Some(0));
}

/// A replica may go on: what it writes meanwhile is not in the file, and no difference.
#[test]
fn what_is_written_meanwhile_is_not_in_it() {
    let replica = holdable();
    let (place, before) = (Place::new(), catalogue(&replica));
    let mut held = Held::new(&replica, program(&replica, &["backup"]).arg(&place.file));
    replica.sql(
        "INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) SELECT 1, 'x' FROM generate_series(1, 50);
         DELETE FROM sch_chameleon.t_replica_tables",
    );
    held.release();
    let (code, shown) = held.end();
    assert_eq!(code, Some(0), "{shown}");
    restore_as_told(&replica, &shown);
    // (A sequence is not of a snapshot.)
    for table in ["sch_chameleon.t_replica_tables", "sch_chameleon.t_discarded_rows"] {
        assert!(before.rows(table).is_some(), "{table}");
        assert_eq!(before.rows(table), catalogue(&replica).rows(table), "{table}");
    }
}

/// The rows are counted in the moment that pg_dump dumps.
#[test]
fn a_replica_that_goes_on_makes_no_difference() {
    let replica = Replica::demo();
    let place = Place::new();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let mut writer = replica.client();
    let write = std::thread::spawn(move || {
        let insert = "INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) VALUES (1, 'x')";
        let mut written = 0;
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            writer.batch_execute(insert).unwrap();
            written += 1;
        }
        written
    });
    for options in [&["--force"][..], &["--force"], &["--force", "--drill"]] {
        let (code, shown) = backup(&replica, &place.file, options);
        assert_eq!(code, Some(0), "{shown}");
    }
    drop(stop);
    assert!(write.join().unwrap() > 100);
}

#[test]
fn a_signal_in_the_middle_leaves_nothing() {
    let replica = holdable();
    for (verb, signal) in
        [("backup", Signal::INT), ("backup", Signal::TERM), ("backup", Signal::HUP), ("upgrade", Signal::INT)]
    {
        let (place, before) = (Place::new(), replica.record());
        let mut command = match verb {
            "backup" => program(&replica, &["backup"]),
            _ => program(&replica, &["upgrade", "--yes", "--offline", "--backup"]),
        };
        let mut held = Held::new(&replica, command.arg(&place.file));
        kill_process(Pid::from_child(&held.child), signal).unwrap();
        let pid = held.child.id();
        let ended = held.child.wait().unwrap();
        assert_eq!(ended.code(), Some(3), "{verb} {signal:?}");
        place.assert_empty(verb);
        held.release();
        assert_alone(&replica);
        assert!(!children_of(pid), "pg_dump is gone");
        assert_unchanged(&before, &replica.record());
        let (_, shown) = held.end();
        assert!(shown.contains("Refused: interrupted. Nothing was changed"), "{shown}");
    }
}

fn children_of(pid: u32) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1).map(str::to_owned));
        parent.as_deref() == Some(&pid.to_string())
    })
}

#[test]
fn a_dump_that_ends_half_way_leaves_nothing() {
    let replica = holdable();
    let (place, before) = (Place::new(), replica.record());
    let mut held = Held::new(&replica, program(&replica, &["backup"]).arg(&place.file));
    replica.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LOCK TABLE%' AND pid <> pg_backend_pid()",
    );
    held.release();
    let (code, shown) = held.end();
    assert_eq!(code, Some(3), "{shown}");
    let says = ["pg_dump failed", "terminating connection", "no file of it was left. Nothing was changed"];
    says.iter().for_each(|text| assert!(words(&shown).contains(text), "{text}: {shown}"));
    place.assert_empty(&shown);
    assert_unchanged(&before, &replica.record());
    assert_alone(&replica);
}

#[test]
fn a_lock_is_waited_for_as_long_as_the_configuration_says() {
    let mut replica = Replica::demo();
    replica.configure(&[demo_source().with("lock_timeout", "200ms")]);
    let mut lock = replica.client();
    lock.batch_execute("BEGIN; LOCK TABLE sch_chameleon.t_discarded_rows IN ACCESS EXCLUSIVE MODE").unwrap();
    let place = Place::new();
    let (code, shown) = backup(&replica, &place.file, &[]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(words(&shown).contains("no file of it was left"), "{shown}");
    place.assert_empty(&shown);
}

/// Arguments can be seen by everybody; so can the file's name, which is not among pg_dump's.
#[test]
fn no_password_is_among_anybodys_arguments() {
    let replica = holdable();
    let password = replica.database.address().password.expose_secret().to_owned();
    let place = Place::new();
    let mut held = Held::new(&replica, program(&replica, &["backup"]).arg(&place.file));
    let arguments: Vec<_> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect();
    assert!(arguments.iter().any(|line| line.contains("pg_dump") && line.contains("--snapshot=")));
    assert!(!arguments.iter().any(|line| line.contains(&password)), "{arguments:?}");
    held.release();
    let (code, shown) = held.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(&password), "{shown}");
}

#[test]
fn a_role_that_may_not_read_a_table_is_told_which() {
    let mut replica = Replica::demo();
    let role = format!("role_{:016x}", rand::random::<u64>());
    replica.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA sch_chameleon TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA sch_chameleon TO {role};
         REVOKE SELECT ON sch_chameleon.t_log_replica FROM {role}"
    ));
    replica.configure_as(&role, "secret", &[demo_source()]);
    leaves_nothing(
        &replica,
        &[],
        3,
        &["permission denied for table t_log_replica", "no file of it was left"],
    );
    replica.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// Names of files, of databases, of sources; and an encoding in which letters are other bytes.
#[test]
fn names_and_encodings_that_hurt_are_no_harm() {
    let place = Place::named("-x it's a \"café\" 🦎 $(x).dump");
    for encoding in ["LATIN1", "UTF8", "EUC_JP"] {
        let database = Database::create_in(server::shared().unwrap().address(), encoding).unwrap();
        let home = configuration(database.address(), database.name(), &[demo_source()]);
        let replica = Replica { home: Home::new(&home).unwrap(), database };
        Seed::demo().create(&mut replica.client()).unwrap();
        let name = if encoding == "EUC_JP" { "数据" } else { "café \"; x" };
        let table = name.replace('"', "\"\"");
        replica.sql(&format!(
            "CREATE TABLE sch_chameleon.\"t_{table}\" (\"{table}\" text);
             INSERT INTO sch_chameleon.\"t_{table}\" VALUES (E'{name}\\n\\\\.\\nCOPY x (a) FROM stdin;'), (NULL), ('')"
        ));
        let before = catalogue(&replica);
        let mut command = program(&replica, &["backup", "--force", "--drill"]);
        let file = place.file.file_name().unwrap();
        command.arg("--").arg(file).current_dir(place.folder.path()).env("PGCLIENTENCODING", "SJIS");
        let output = command.output().unwrap();
        let shown = shown(&output);
        assert_eq!(output.status.code(), Some(0), "{encoding}: {shown}");
        replica.sql("DROP SCHEMA sch_chameleon CASCADE");
        restore_as_told(&replica, &shown);
        assert_unchanged(&before, &catalogue(&replica));
    }
}

#[test]
fn what_is_no_catalogue_is_not_backed_up() {
    let replica = Replica::empty(&[demo_source()]);
    leaves_nothing(&replica, &[], 3, &["there is no sch_chameleon in"]);
    replica.sql("CREATE SCHEMA sch_chameleon; CREATE TABLE sch_chameleon.mine (a int)");
    leaves_nothing(&replica, &[], 3, &["is no catalogue"]);
}

#[test]
fn an_upgrade_makes_its_backup_first() {
    let replica = Replica::demo();
    let place = Place::new();
    let report = place.folder.path().join("report.json");
    let (before, file) = (catalogue(&replica), place.file.to_str().unwrap());
    let arguments = ["upgrade", "--yes", "--offline", "--backup", file, "--report", report.to_str().unwrap()];
    let output = program(&replica, &arguments).output().unwrap();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let (backed_up, replayed) = (shown.find("Backup to").unwrap(), shown.find("\nReplay").unwrap());
    assert!(backed_up < replayed, "{shown}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let written = &report["backup"];
    assert_eq!(written["file"], file, "{report}");
    assert_eq!(written["bytes"], fs::metadata(file).unwrap().len());
    assert!(written["tables"].as_u64() > Some(8) && written["rows"].as_u64() > Some(5), "{report}");
    assert!(written["seconds"].as_f64() > Some(0.0), "{report}");
    // What is restored of it is what was there before the replay; and the upgrade is done again.
    replica.sql("DROP SCHEMA _sch_chameleon_version1 CASCADE");
    restore_as_told(&replica, &shown);
    assert_unchanged(&before, &catalogue(&replica));
}

#[test]
fn an_upgrade_without_its_backup_is_none() {
    let replica = Replica::of(&rows(3_000), &[demo_source()]);
    let before = replica.record();
    let refused = |command: &mut Command, code, says: &str| {
        let output = command.output().unwrap();
        let shown = shown(&output);
        assert_eq!(output.status.code(), Some(code), "{shown}");
        assert!(words(&shown).contains(says), "{says}: {shown}");
        assert_unchanged(&before, &replica.record());
    };
    let upgrade = ["upgrade", "--yes", "--offline", "--backup"];
    let disk = Disk::new();
    let mut command = program(&replica, &upgrade);
    let full = disk.place.folder.path().join("file");
    refused(&mut disk.limit(command.arg(full)), 3, "no file of it was left. Nothing was changed");
    disk.place.assert_empty("full");
    let place = Place::new();
    let mut command = program(&replica, &upgrade);
    refused(command.arg(&place.file).args(["--pg-bin", "/nowhere"]), 3, "can't be backed up. Nothing was");
    place.assert_empty("programs");
    fs::write(&place.file, "mine").unwrap();
    refused(program(&replica, &upgrade).arg(&place.file), 2, "is there already");
    refused(program(&replica, &upgrade).arg(&place.file).arg("--dry-run"), 2, "cannot be used with");
    assert_eq!(fs::read_to_string(&place.file).unwrap(), "mine");
}

#[test]
fn nobody_answers_and_no_file_is_written() {
    let replica = Replica::demo();
    for answer in ["no\n", "\u{3}"] {
        let place = Place::new();
        let options = ["upgrade", "--offline", "--config", CONFIGURATION, "--backup"];
        let options = [&options[..], &[place.file.to_str().unwrap()]].concat();
        let programs = where_programs_are();
        let programs: Vec<_> = programs.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut terminal = Terminal::of_width(100, &replica, &options, &programs);
        terminal.until("Answer YES to go on:");
        terminal.type_in(answer);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(3), "{shown}");
        place.assert_empty(&shown);
    }
}

/// The drill leaves neither a server nor a folder, whether it ends well or not.
#[test]
fn a_drill_restores_and_compares_and_leaves_nothing() {
    let replica = Replica::demo();
    let role = format!("Rôle {:016x}", rand::random::<u64>());
    replica.sql(&format!("CREATE ROLE \"{role}\"; GRANT SELECT ON sch_chameleon.t_sources TO \"{role}\""));
    for _ in 0..2 {
        let (place, temporary) = (Place::new(), Place::new());
        let mut command = program(&replica, &["backup", "--drill"]);
        command.arg(&place.file).env("TMPDIR", temporary.folder.path());
        open_to_all(&temporary);
        let output = command.output().unwrap();
        let shown = shown(&output);
        assert_eq!(output.status.code(), Some(0), "{shown}");
        assert!(words(&shown).contains("which was restored and compared"), "{shown}");
        assert!(words(&shown).contains(&role), "{shown}");
        temporary.assert_empty(&shown);
        replica.command(&["upgrade", "--yes"]).assert().success();
    }
    replica.sql(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

/// Root's server runs as somebody else, who must get into it.
fn open_to_all(place: &Place) {
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_can_not_be_restored_elsewhere_is_no_backup() {
    let replica = Replica::demo();
    replica
        .sql("CREATE TABLE public.mine (a int); CREATE VIEW sch_chameleon.mine AS SELECT * FROM public.mine");
    let temporary = Place::new();
    open_to_all(&temporary);
    let place = Place::new();
    let output = program(&replica, &["backup", "--drill"])
        .arg(&place.file)
        .env("TMPDIR", temporary.folder.path())
        .output()
        .unwrap();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(words(&shown).contains("relation \"public.mine\" does not exist"), "{shown}");
    place.assert_empty(&shown);
    temporary.assert_empty(&shown);
}

#[test]
fn a_signal_in_the_drill_leaves_no_server() {
    let replica = Replica::demo();
    // At several times of it: while initdb runs, while the server starts, while it restores.
    for milliseconds in [0, 300, 900, 1500] {
        let (place, temporary) = (Place::new(), Place::new());
        open_to_all(&temporary);
        let mut command = program(&replica, &["backup", "--drill"]);
        command.arg(&place.file).env("TMPDIR", temporary.folder.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(|| fs::read_dir(temporary.folder.path()).unwrap().count() > 0);
        std::thread::sleep(Duration::from_millis(milliseconds));
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        let shown = shown(&output);
        match output.status.code() {
            Some(3) => place.assert_empty(&shown),
            code => assert_eq!(code, Some(0), "{shown}"),
        }
        temporary.assert_empty(&shown);
        let folder = temporary.folder.path().to_str().unwrap().to_owned();
        let runs = || {
            fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).contains(&folder)
            })
        };
        wait_until(|| !runs());
    }
}

/// The answer is lost, the message is, a statement fails, the program is killed, the server crashes: of pg_dump's
/// conversation as of our own.
const KINDS: [&str; 5] =
    ["cut_after", "kill_client", "cut_before", "statement_fails:disk_full", "crash_server"];

#[test]
fn faults_at_every_message_leave_a_whole_file_or_none() {
    let upgraded = Upgraded::demo();
    let before = Record::of(&mut upgraded.client(), &["sch_chameleon"]).unwrap();
    let place = Place::new();
    let verb = ["backup", place.file.to_str().unwrap()];
    let undisturbed = upgraded.run(&mut upgraded.copy(), &verb, &[]);
    assert_eq!(undisturbed.code(), Some(0), "{}", undisturbed.output);
    let messages = undisturbed.transcript.messages.len();
    assert!(messages > 60, "pg_dump's are among the {messages}");
    let mut seen = BTreeSet::new();
    // The long middle is pg_dump's, which asks about many things in the same way.
    let all = std::env::var_os("CHAMELEON_FAULTS").is_some();
    let ends = 40;
    for message in 1..=messages {
        if !all && (ends..=messages - ends).contains(&message) && message % 4 != 0 {
            continue;
        }
        let kind = KINDS[message % KINDS.len()];
        let case: Case = format!("{kind}@{message}").parse().unwrap();
        let place = Place::new();
        let mut replica = upgraded.copy();
        let outcome = upgraded.run(&mut replica, &["backup", place.file.to_str().unwrap()], &case.faults());
        let mut client = replica.superuser().unwrap();
        properties::await_end_of_sessions(&mut client).unwrap();
        match outcome.code() {
            Some(0) => assert!(is_whole(&place), "{case}"),
            Some(3) => place.assert_empty(&format!("{case}: {}", outcome.output)),
            None if outcome.killed() => assert!(!place.file.exists() || is_whole(&place), "{case}"),
            code => panic!("{case}: {code:?}: {}", outcome.output),
        }
        assert!(!outcome.output.contains("panicked"), "{case}: {}", outcome.output);
        seen.insert((outcome.code(), kind));
        assert_unchanged(&before, &Record::of(&mut client, &["sch_chameleon"]).unwrap());
    }
    eprintln!("{messages} messages: {seen:?}");
    assert!(
        KINDS[..4].iter().all(|kind| seen.iter().any(|(code, it)| it == kind && *code != Some(0))),
        "{seen:?}"
    );
}

/// One file, which pg_restore can read.
fn is_whole(place: &Place) -> bool {
    let bin = server::shared().unwrap().binaries().unwrap().join("pg_restore");
    let output = Command::new(bin).arg("--list").arg(&place.file).output().unwrap();
    output.status.success() && fs::read_dir(place.folder.path()).unwrap().count() == 1
}

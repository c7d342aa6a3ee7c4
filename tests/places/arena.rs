//! Servers that let in whom they want, and the two that ask: `psql` and the upgrader.

use crate::certificates::{Issuer, Pair, authority, signed};
use chameleon_harness::chameleon::home::{ConfiguredSource, configuration};
use chameleon_harness::process::tools;
use chameleon_harness::server::{LocalOptions, LocalServer, Server, build, local};
use postgres::Client;
use serde_json::{Value, json};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The upgrader's program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_chameleon-upgrade");

/// The password of everybody who has an ordinary one.
pub const PASSWORD: &str = "pa55";
/// That of `odd`.
pub const ODD_PASSWORD: &str = "a:b\\c'd e";

/// The roles are named after their rules. `postgres` is the test's own.
const RULES: &str = "\
local     all  trusted       trust
local     all  by_scram      scram-sha-256
local     all  by_md5        md5
local     all  by_peer       peer map=anybody
local     all  stranger      peer
host      all  postgres      127.0.0.1/32  scram-sha-256
host      all  trusted       127.0.0.1/32  trust
host      all  reader        127.0.0.1/32  trust
host      all  odd           127.0.0.1/32  scram-sha-256
host      all  by_scram      127.0.0.1/32  scram-sha-256
host      all  by_md5        127.0.0.1/32  md5
host      all  by_password   127.0.0.1/32  password
host      all  by_gss        127.0.0.1/32  gss
host      all  banned        127.0.0.1/32  reject
hostssl   all  only_tls      127.0.0.1/32  scram-sha-256
hostnossl all  only_plain    127.0.0.1/32  scram-sha-256
hostssl   all  better_plain  127.0.0.1/32  scram-sha-256
hostnossl all  better_plain  127.0.0.1/32  trust
hostnossl all  better_tls    127.0.0.1/32  scram-sha-256
hostssl   all  better_tls    127.0.0.1/32  trust
hostssl   all  by_cert       127.0.0.1/32  cert
hostssl   all  by_both       127.0.0.1/32  scram-sha-256 clientcert=verify-full
";

const ROLES: [&str; 16] = [
    "trusted",
    "reader",
    "odd",
    "by_scram",
    "by_md5",
    "by_password",
    "by_gss",
    "by_peer",
    "stranger",
    "banned",
    "only_tls",
    "only_plain",
    "better_plain",
    "better_tls",
    "by_cert",
    "by_both",
];

/// A server of its own.
pub struct Arena {
    pub server: LocalServer,
    pub authority: Issuer,
    pub files: TempDir,
}

impl Arena {
    /// One that shows a good certificate for `localhost`. Its catalogue's version says who looks at it, and how.
    /// None for a test that is skipped: a server that can't encrypt.
    pub fn start(test: &str) -> Option<Self> {
        let authority = authority("the authority");
        let server = local(&LocalOptions::default()).unwrap();
        let mut client = server.address().connect("postgres").unwrap();
        tools::of_postgres_or_skip(test, build::has_tls(&mut client))?;
        for role in ROLES {
            let encryption = if role == "by_md5" { "md5" } else { "scram-sha-256" };
            let password = if role == "odd" { ODD_PASSWORD } else { PASSWORD }.replace('\'', "''");
            let create = format!(
                "SET password_encryption = '{encryption}';
                 CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{password}'"
            );
            client.batch_execute(&create).unwrap();
        }
        client.batch_execute("ALTER ROLE reader SET default_transaction_read_only = on").unwrap();
        client.batch_execute("CREATE DATABASE replica").unwrap();
        server
            .address()
            .connect("replica")
            .unwrap()
            .batch_execute(
                "CREATE SCHEMA sch_chameleon;
                 CREATE VIEW sch_chameleon.v_version AS
                     SELECT format('seen:%s/%s/%s/%s/%s', current_user, current_database(),
                                   CASE WHEN ssl THEN 'tls' ELSE 'plain' END, current_setting('port'),
                                   current_setting('geqo_seed')) AS t_version
                     FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            )
            .unwrap();
        client.batch_execute("CREATE DATABASE \"a:b\" TEMPLATE replica").unwrap();
        drop(client);
        let mut arena =
            Self { server, authority, files: tempfile::Builder::new().prefix("places-").tempdir().unwrap() };
        let folder = arena.server.folder().to_owned();
        arena.settle(&format!(
            "ssl = on\nssl_ca_file = 'root.crt'\nunix_socket_directories = '{}, @{}'\n",
            folder.display(),
            folder.display()
        ));
        give(&arena.data(), "pg_hba.conf", RULES);
        give(&arena.data(), "pg_ident.conf", "anybody /^.*$ by_peer\n");
        give(&arena.data(), "root.crt", &arena.authority.pem());
        let pair = signed("localhost", &arena.authority);
        arena.show(&pair);
        Some(arena)
    }

    fn data(&self) -> PathBuf {
        self.server.folder().join("data")
    }

    /// Further lines for postgresql.conf.
    pub fn settle(&self, lines: &str) {
        let path = self.data().join("postgresql.conf");
        OpenOptions::new().append(true).open(path).unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// From now on the server shows this certificate.
    pub fn show(&mut self, pair: &Pair) {
        give(&self.data(), "server.crt", &pair.certificate);
        give(&self.data(), "server.key", &pair.key);
        self.server.restart().unwrap();
    }

    /// From now on it is a standby.
    pub fn stand_by(&mut self) {
        give(&self.data(), "standby.signal", "");
        self.server.restart().unwrap();
    }

    /// A session of the test's own, for what isn't compared.
    pub fn client(&self) -> Client {
        self.server.address().connect("postgres").unwrap()
    }

    pub fn port(&self) -> String {
        self.server.address().port.to_string()
    }

    /// The folder of the socket.
    pub fn socket(&self) -> String {
        self.server.folder().display().to_string()
    }

    /// A file for clients, closed to others.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Somebody who connects to this server.
    pub fn case(&self, name: &str, role: &str) -> Case {
        Case {
            name: name.to_owned(),
            role: role.to_owned(),
            port: self.port(),
            database: "replica".to_owned(),
            entries: json!({
                "host": "127.0.0.1", "port": self.port(), "user": role, "password": "''", "database": "replica",
            }),
            environment: vec![],
            files: vec![],
            psql: self.server.binaries().unwrap().join("psql"),
            options: "0".to_owned(),
        }
    }
}

/// A file of the server, in its folder, closed to others.
fn give(data: &Path, name: &str, text: &str) {
    let path = data.join(name);
    fs::write(&path, text).unwrap();
    let owner = fs::metadata(data).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// Who got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    In { role: String, database: String, tls: bool, port: String, options: String },
    Out,
}

/// Somebody who connects: what pg_conn says, the environment and the files at home.
#[derive(Clone)]
pub struct Case {
    name: String,
    role: String,
    port: String,
    database: String,
    entries: Value,
    environment: Vec<(String, String)>,
    files: Vec<(String, String, u32)>,
    psql: PathBuf,
    options: String,
}

/// In texts, the home of the case.
pub const HOME: &str = "${home}";

impl Case {
    /// With this entry in pg_conn.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.entries[key] = json!(value);
        self
    }

    /// Without it.
    pub fn without(mut self, key: &str) -> Self {
        self.entries.as_object_mut().unwrap().remove(key);
        self
    }

    /// With this entry left empty.
    pub fn empty(mut self, key: &str) -> Self {
        self.entries[key] = Value::Null;
        self
    }

    /// With a setting of libpq in the value of `database`.
    pub fn setting(mut self, setting: &str) -> Self {
        self.entries["database"] = json!(format!("{} {setting}", self.entries["database"].as_str().unwrap()));
        self
    }

    pub fn database(mut self, name: &str) -> Self {
        self.database = name.to_owned();
        self.with("database", name)
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn file(mut self, name: &str, text: &str, mode: u32) -> Self {
        self.files.push((name.to_owned(), text.to_owned(), mode));
        self
    }

    /// With a password file that has this line.
    pub fn pgpass(self, line: &str) -> Self {
        self.file(".pgpass", &format!("{line}\n"), 0o600)
    }

    /// Where a setting of the session, geqo_seed, should be this.
    pub fn options(mut self, seed: &str) -> Self {
        self.options = seed.to_owned();
        self
    }

    /// Where another server should answer.
    pub fn on(mut self, arena: &Arena) -> Self {
        self.port = arena.port();
        self
    }

    fn let_in(&self, tls: bool) -> Verdict {
        let Self { role, database, port, .. } = self.clone();
        Verdict::In { role, database, tls, port, options: self.options.clone() }
    }

    /// Both are let in with TLS.
    #[track_caller]
    pub fn tls(self) {
        self.agree(&self.let_in(true));
    }

    /// Both are let in without.
    #[track_caller]
    pub fn plain(self) {
        self.agree(&self.let_in(false));
    }

    /// Neither is let in.
    #[track_caller]
    pub fn out(self) {
        self.agree(&Verdict::Out);
    }

    #[track_caller]
    fn agree(&self, expected: &Verdict) {
        let Asked { psql, ours, shown } = self.ask();
        assert!(psql == *expected && ours == *expected, "{}: psql {psql:?}, we {ours:?}\n{shown}", self.name);
    }

    /// They don't agree, for a reason that is known: psql doesn't get in, and we do.
    #[track_caller]
    pub fn only_we_get_in(self, tls: bool, reason: &str) {
        let Asked { psql, ours, shown } = self.ask();
        assert!(
            psql == Verdict::Out && ours == self.let_in(tls),
            "{} ({reason}): {psql:?}, {ours:?}\n{shown}",
            self.name
        );
    }

    /// The upgrader is let in, and so is the pg_dump that it starts.
    #[track_caller]
    pub fn backs_up(self) {
        let (home, _) = self.home();
        let file = home.path().join("catalogue.dump");
        let arguments = [OsStr::new("backup"), file.as_os_str(), "--config".as_ref(), "places".as_ref()];
        let mut command = self.command(Path::new(PROGRAM), home.path());
        command.env("CHAMELEON_POSTGRES_BIN", self.psql.parent().unwrap());
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success() && file.is_file(), "{}: {}", self.name, shown(&output));
    }

    /// What the upgrader's `status` says.
    pub fn says(&self, texts: &[&str]) {
        self.command_says("status", texts);
    }

    /// What a command of the upgrader says.
    pub fn command_says(&self, command: &str, texts: &[&str]) {
        let (home, _) = self.home();
        let shown = shown(&self.upgrader(command, home.path()));
        // As the terminal is as wide as it likes.
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in texts {
            let text = text.replace(HOME, home.path().to_str().unwrap());
            assert!(flat.contains(&text), "{}: {text:?} is not in:\n{shown}", self.name);
        }
    }

    fn ask(&self) -> Asked {
        let (home, string) = self.home();
        let psql = self
            .command(&self.psql, home.path())
            .args([
                "-X",
                "-w",
                "-A",
                "-t",
                "-c",
                "SELECT t_version FROM sch_chameleon.v_version",
                "-d",
                &string,
            ])
            .output()
            .unwrap();
        let ours = self.upgrader("status", home.path());
        let shown = format!("{string}\n{:?}\npsql: {}\nwe: {}", self.environment, shown(&psql), shown(&ours));
        Asked { psql: verdict(&psql), ours: verdict(&ours), shown }
    }

    fn upgrader(&self, command: &str, home: &Path) -> Output {
        self.command(Path::new(PROGRAM), home).args([command, "--config", "places"]).output().unwrap()
    }

    fn command(&self, program: &Path, home: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("HOME", home);
        let place = home.to_str().unwrap();
        command.envs(self.environment.iter().map(|(name, value)| (name, value.replace(HOME, place))));
        // A relative path is looked for there.
        command.current_dir(home);
        command
    }

    /// The home, and the string that pg_chameleon 2.0.21 makes of the entries (measured).
    fn home(&self) -> (TempDir, String) {
        let home = tempfile::Builder::new().prefix("places-home-").tempdir().unwrap();
        let place = home.path().to_str().unwrap();
        for (name, text, mode) in &self.files {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text.replace(HOME, place)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
        }
        let entry = |key: &str| self.entries[key].as_str().map(|value| value.replace(HOME, place));
        let mut string = String::new();
        for (keyword, key) in [
            ("dbname", "database"),
            ("user", "user"),
            ("host", "host"),
            ("password", "password"),
            ("port", "port"),
        ] {
            string += &entry(key).map(|value| format!("{keyword}={value} ")).unwrap_or_default();
        }
        // Our own keys, which pg_chameleon doesn't read.
        for key in ["sslmode", "sslrootcert", "sslcert", "sslkey"] {
            string += &entry(key).map(|value| format!("{key}='{value}' ")).unwrap_or_default();
        }
        let mut text = configuration(
            &chameleon_harness::server::Address {
                host: String::new(),
                port: 1,
                user: String::new(),
                password: String::new().into(),
                maintenance_database: String::new(),
            },
            "",
            &[ConfiguredSource::mysql("replica", &[("my_shop", "shop")])],
        );
        let connection = self.entries.as_object().unwrap().iter();
        text["pg_conn"] = connection.map(|(key, _)| (key.clone(), json!(entry(key)))).collect();
        let folder = home.path().join(".pg_chameleon/configuration");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("places.yml"), text.to_string()).unwrap();
        (home, string.trim_end().to_owned())
    }
}

struct Asked {
    psql: Verdict,
    ours: Verdict,
    shown: String,
}

pub fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the catalogue's version said of the one who saw it.
fn verdict(output: &Output) -> Verdict {
    let shown = shown(output);
    let Some((_, seen)) = shown.split_once("seen:") else { return Verdict::Out };
    let seen: String = seen.chars().take_while(|it| it.is_alphanumeric() || "_/:.".contains(*it)).collect();
    let parts: Vec<_> = seen.split('/').collect();
    Verdict::In {
        role: parts[0].to_owned(),
        database: parts[1].to_owned(),
        tls: parts[2] == "tls",
        port: parts[3].to_owned(),
        options: parts[4].to_owned(),
    }
}

//! The command line: what pg_chameleon's users expect, under the same names.

use crate::checks;
use crate::checks::acceptance::Acceptance;
use crate::help;
use crate::names;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Upgrades a pg_chameleon replica catalogue from 1.7 to 2.0, in one transaction.
#[derive(Debug, Parser)]
#[command(name = "chameleon-upgrade", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How much to tell.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

impl Cli {
    /// The command line with the examples and exit codes of each command in its help.
    #[must_use]
    pub fn described() -> clap::Command {
        help::ALL.iter().fold(Self::command(), |program, help| match help.command {
            "" => program.after_long_help(help.text()),
            name => program.mut_subcommand(name, |command| command.after_long_help(help.text())),
        })
    }

    /// Parses the arguments of the process; ends it when they are wrong, or ask for help.
    #[must_use]
    pub fn of_the_process() -> Self {
        let matches = Self::described().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// How much to tell.
#[derive(Debug, Clone, Copy, Args)]
pub struct Verbosity {
    /// Show errors and the outcome only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log what is done to standard error; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Upgrade the catalogue to 2.0.10, from 1.7 or from an earlier 2.0.
    #[command(alias = "upgrade_replica_schema")]
    Upgrade(Upgrade),
    /// Run the checks alone; nothing is changed.
    Check(Check),
    /// Show the sources of the catalogue, 1.7 or 2.0.
    #[command(alias = "show_status")]
    Status(Status),
    /// Undo a successful upgrade, whatever the 2.0 replica has done since: 1.8.2 goes on where 2.0 stopped.
    Rollback(Rollback),
    /// Write the catalogue into a file, and look whether all of it is there.
    Backup(Backup),
    /// Show what an upgrade or a rollback has left beside the catalogue; drop or rename it.
    Cleanup(Cleanup),
    /// Compare every replicated table with MySQL, row by row; nothing is changed.
    Verify(Verify),
    /// Look whether the 2.0 replica is alive, moving and whole: once, or for as long as asked; nothing is changed.
    Watch(Watch),
    /// Make pg_chameleon's folders in the home, and an example configuration; what is there is left alone.
    #[command(alias = "set_configuration_files")]
    InitConfig,
    /// Make one configuration of pg_chameleon 2 out of those of pg_chameleon 1.x.
    ConvertConfig(ConvertConfig),
    /// Write what a shell completes this program's command lines with.
    Completions(Completions),
    /// Write the manual page of the program, or of a command, as man reads it.
    Man(ManPages),
}

impl Command {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Upgrade(_) => "upgrade",
            Self::Check(_) => "check",
            Self::Status(_) => "status",
            Self::Rollback(_) => "rollback",
            Self::Backup(_) => "backup",
            Self::Cleanup(_) => "cleanup",
            Self::Verify(_) => "verify",
            Self::Watch(_) => "watch",
            Self::InitConfig => "init-config",
            Self::ConvertConfig(_) => "convert-config",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }

    /// Where its events go.
    #[must_use]
    pub fn events(&self) -> Option<&Path> {
        let events = match self {
            Self::Upgrade(Upgrade { events, .. })
            | Self::Check(Check { events, .. })
            | Self::Rollback(Rollback { events, .. })
            | Self::Cleanup(Cleanup { events, .. }) => events,
            Self::Backup(_)
            | Self::Status(_)
            | Self::Verify(_)
            | Self::Watch(_)
            | Self::InitConfig
            | Self::ConvertConfig(_)
            | Self::Completions(_)
            | Self::Man(_) => return None,
        };
        events.file.as_deref()
    }

    /// Whether all of it is rolled back on purpose.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        matches!(self, Self::Upgrade(Upgrade { dry_run: true, .. }))
    }

    /// How it shows what it is there to show; none when it is there to do something.
    #[must_use]
    pub fn shows(&self) -> Option<Format> {
        match self {
            Self::Upgrade(_) | Self::Rollback(_) | Self::Cleanup(_) | Self::Backup(_) => None,
            Self::InitConfig | Self::ConvertConfig(_) | Self::Completions(_) | Self::Man(_) => None,
            Self::Check(check) => Some(check.format),
            Self::Status(status) => Some(status.format),
            Self::Verify(verify) => Some(verify.format),
            Self::Watch(watch) => Some(watch.shows()),
        }
    }
}

/// Which configuration.
#[derive(Debug, Args)]
pub struct ConfigurationArgument {
    /// The configuration of pg_chameleon 2: NAME for ~/.pg_chameleon/configuration/NAME.yml, or a path.
    #[arg(long = "config", value_name = "NAME", default_value = "default")]
    pub name: String,
}

/// Where programs that watch are told.
#[derive(Debug, Args)]
pub struct EventsArgument {
    /// Write what happens to FILE as it happens, one JSON object a line; a pipe or /dev/fd/3 will do, and - is standard
    /// output, which nothing else is written to then. It takes the place of earlier events only.
    #[arg(long = "events", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Which errors of the checks don't refuse the upgrade.
#[derive(Debug, Args)]
pub struct Accept {
    /// Go on in spite of the errors of the check ID, which must be about the daemon or the configuration; every report
    /// shows them with the REASON. Can be given several times.
    #[arg(long = "accept", value_name = "ID=REASON", value_parser = Acceptance::parse)]
    pub acceptances: Vec<Acceptance>,
}

/// Which pg_chameleon 2 is asked.
#[derive(Debug, Args)]
pub struct Daemon {
    /// The program of pg_chameleon 2, which is asked what its daemon makes of what it will meet [default: chameleon on the
    /// PATH, if it is there].
    #[arg(long = "daemon", value_name = "PROGRAM")]
    pub program: Option<PathBuf>,
}

/// `upgrade`.
#[derive(Debug, Args)]
pub struct Upgrade {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigurationArgument,
    /// Don't ask for YES.
    #[arg(long)]
    pub yes: bool,
    /// Do all of the transaction and roll it back: shows the real coordinates, changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// A source whose status is running has no session: take its replica as stopped (it was killed).
    #[arg(long)]
    pub assume_stopped: bool,
    /// Don't ask MySQL: neither the binary log nor what lies between the sources' coordinates is looked at.
    #[arg(long)]
    pub offline: bool,
    /// Which pg_chameleon 2 to ask.
    #[command(flatten)]
    pub daemon: Daemon,
    /// Which errors to accept.
    #[command(flatten)]
    pub accept: Accept,
    /// Write what was found, planned and done to FILE, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write every statement of the transaction to FILE as it was sent, with its parameters written in: for whoever must
    /// approve it, best with --dry-run. It takes the place of an earlier one only, and nobody else may read it.
    #[arg(long, value_name = "FILE")]
    pub sql: Option<PathBuf>,
    /// Where programs are told.
    #[command(flatten)]
    pub events: EventsArgument,
    /// Write the catalogue into FILE first, before anything is changed. A file that is there is not replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub backup: Option<PathBuf>,
    /// Where PostgreSQL's programs are.
    #[command(flatten)]
    pub programs: PostgresPrograms,
    /// How what waits is replayed; both give the same.
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Replay::Sets)]
    pub replay: Replay,
    /// How many sources are replayed at a time [default: as many as the machine has cores].
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// When the connection is lost: how many seconds to go on asking the server what became of the upgrade.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub patience: u64,
}

/// How what waits is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Replay {
    /// In sets, where they are proven to give what the catalogue's function gives; else by the function.
    Sets,
    /// By the catalogue's function alone, as 1.8.2 does.
    Function,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The configuration of pg_chameleon 2: NAME for ~/.pg_chameleon/configuration/NAME.yml, or a path. Given several times,
    /// all are looked at, and a table at the end has a line for each; the exit code is that of the one of which the least is
    /// known: 1 before 2 before 3 before 0.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub config: Vec<String>,
    /// A source whose status is running has no session: take its replica as stopped (it was killed).
    #[arg(long)]
    pub assume_stopped: bool,
    /// Don't ask MySQL: neither the binary log nor what lies between the sources' coordinates is looked at.
    #[arg(long)]
    pub offline: bool,
    /// Which pg_chameleon 2 to ask.
    #[command(flatten)]
    pub daemon: Daemon,
    /// Which errors to accept.
    #[command(flatten)]
    pub accept: Accept,
    /// Show all checks instead: what is so when each finds nothing, how much a finding weighs at most, and whether it can be
    /// accepted.
    #[arg(long, conflicts_with_all = ["only", "assume_stopped", "offline", "program", "acceptances"])]
    pub list: bool,
    /// Run only these checks. MySQL is not asked when none of them goes by its answers.
    #[arg(long, value_name = "ID,…", value_delimiter = ',', value_parser = checks::by_id)]
    pub only: Vec<&'static checks::Check>,
    /// Where programs are told.
    #[command(flatten)]
    pub events: EventsArgument,
    /// How to show the findings.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigurationArgument,
    /// Show this source only.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// How to show the sources.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigurationArgument,
    /// Only the tables whose schema.table in PostgreSQL matches; * stands for any letters. Can be given several times.
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    pub tables: Vec<String>,
    /// How many rows a statement reads on MySQL; a digest is made of up to ten times as many.
    #[arg(long, value_name = "ROWS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub chunk: u64,
    /// Read every row, and compare it by value. Without it both servers make digests of the rows of a chunk, where the key is
    /// one whole number, and only where these differ rows are read.
    #[arg(long)]
    pub exact: bool,
    /// Keep what is known in FILE, and go on from there the next time: after ctrl-C, or whatever has ended it. When all is
    /// compared, it is removed.
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Read or digest at most so many rows a second on MySQL.
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub throttle: Option<u64>,
    /// How to show what was seen.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigurationArgument,
    /// Look at one source only.
    #[arg(long)]
    pub source: Option<String>,
    /// Go on looking for so long, such as 90s, 30m, 1h, 2d [default: look once].
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub time: Option<Duration>,
    /// Go on looking until all sources are consistent (and no longer than --for, when it is given), or one is down.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub until: Option<Until>,
    /// How long to wait between two looks.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub every: Duration,
    /// The log file of the daemon, of one source [default: where log_dir of the configuration has it].
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// How to show what is seen; JSON is one object for each look, a line each.
    #[arg(long, value_enum, default_value_t = WatchFormat::Text)]
    pub format: WatchFormat,
    /// Write the last look, as JSON or for Prometheus, to FILE, anew at each look; what is for people goes to standard output.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

impl Watch {
    /// Whether standard output is for people.
    fn shows(&self) -> Format {
        if self.format == WatchFormat::Text || self.file.is_some() { Format::Text } else { Format::Json }
    }
}

/// What `watch` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// All sources have passed their consistent points.
    Consistent,
}

/// How `watch` shows what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WatchFormat {
    /// For people.
    Text,
    /// As JSON.
    Json,
    /// As a text file for Prometheus.
    Prometheus,
}

/// A time such as `90s`, `30m`, `1h` or `2d`; without a unit, in seconds.
///
/// # Errors
/// What is expected instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = "a time such as 90s, 30m, 1h or 2d is expected";
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(expected.to_owned()),
    };
    let seconds = digits.parse::<u32>().map_err(|_| expected)?;
    if seconds == 0 {
        return Err("it must be more than nothing".to_owned());
    }
    Ok(Duration::from_secs(u64::from(seconds) * unit))
}

/// `rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigurationArgument,
    /// Don't ask for YES.
    #[arg(long)]
    pub yes: bool,
    /// Do all of the transaction and roll it back: shows from where 1.8.2 would go on, changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Put the 1.7 catalogue back as the upgrade has put it aside, whatever 2.0 has done since: 1.8.2's init_replica must then
    /// copy all tables anew. For when 1.8.2 can't go on where 2.0 stopped.
    #[arg(long)]
    pub force: bool,
    /// A source whose status is running has no process any more: take its replica as stopped (it was killed).
    #[arg(long)]
    pub assume_stopped: bool,
    /// Where programs are told.
    #[command(flatten)]
    pub events: EventsArgument,
    /// When the connection is lost: how many seconds to go on asking the server what became of the rollback.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub patience: u64,
}

/// Which programs of PostgreSQL's are used.
#[derive(Debug, Args)]
pub struct PostgresPrograms {
    /// The folder of PostgreSQL's programs, for backups: not older than the server [default: of those on the PATH and where
    /// packages put them, the version that is nearest to the server's].
    #[arg(long = "pg-bin", value_name = "FOLDER", env = "CHAMELEON_POSTGRES_BIN", hide_env_values = true)]
    pub folder: Option<PathBuf>,
}

/// `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigurationArgument,
    /// The file, in pg_dump's custom format. It is there when it is complete, or not at all.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Replace FILE when it is there already.
    #[arg(long)]
    pub force: bool,
    /// Restore it on a throwaway server of this machine, and compare every row, before FILE gets its name.
    #[arg(long)]
    pub drill: bool,
    /// Where PostgreSQL's programs are.
    #[command(flatten)]
    pub programs: PostgresPrograms,
}

/// `cleanup`.
#[derive(Debug, Args)]
pub struct Cleanup {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigurationArgument,
    /// Which of the two [default: both, where they are there].
    #[arg(long, value_enum, value_name = "WHICH")]
    pub schema: Option<PutAside>,
    /// Drop what is shown.
    #[arg(long, conflicts_with = "rename_to")]
    pub drop: bool,
    /// Keep it under another name, which no upgrade needs.
    #[arg(long, value_name = "NAME")]
    pub rename_to: Option<String>,
    /// An object of another schema that depends on what is dropped, as it is shown: drop it too. Can be given several times.
    #[arg(long, value_name = "OBJECT", requires = "drop")]
    pub with: Vec<String>,
    /// Don't ask for YES.
    #[arg(long)]
    pub yes: bool,
    /// Where programs are told.
    #[command(flatten)]
    pub events: EventsArgument,
    /// When the connection is lost: how many seconds to go on asking the server what became of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub patience: u64,
}

/// A schema beside the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PutAside {
    /// `_sch_chameleon_version1`.
    Version1,
    /// `_sch_chameleon_version2`.
    Version2,
}

impl PutAside {
    /// Its name.
    #[must_use]
    pub fn schema(self) -> &'static str {
        match self {
            Self::Version1 => names::VERSION1,
            Self::Version2 => names::VERSION2,
        }
    }
}

/// `convert-config`.
#[derive(Debug, Args)]
pub struct ConvertConfig {
    /// The files of pg_chameleon 1.x [default: all of ~/.pg_chameleon/config].
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The new configuration: NAME for ~/.pg_chameleon/configuration/NAME.yml, or a path.
    #[arg(long, value_name = "NAME", default_value = "upgraded")]
    pub output: String,
    /// Replace the new configuration when it is there already.
    #[arg(long)]
    pub force: bool,
    /// Don't ask PostgreSQL: the schema mappings are not compared with those of the catalogue.
    #[arg(long)]
    pub offline: bool,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManPages {
    /// The command whose page it is [default: the program's own].
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    pub command: Option<String>,
    /// Write all pages to files in FOLDER.
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// How to show something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

//! Plays pages: carries out what happens in them, runs their commands, and writes down what these show.

use super::page::{Console, Page, Part, Shown};
use crate::live::run::LiveRun;
use crate::live::{LiveError, Programs, Scenario};
use crate::process::group::ProcessGroup;
use crate::process::terminal;
use crate::replica::upgrader::Upgrader;
use crate::server::Database;
use pty_process::blocking::Command;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How wide the terminal of the guide is: the narrowest that everything fits.
const COLUMNS: u16 = 80;

/// What a reader sees in place of the home folder.
const HOME: &str = "/home/dba";
/// What a reader sees in place of the address of the MySQL server: one that is there for documents.
const ADDRESS: &str = "192.0.2.10";
/// What a reader sees in place of the name of the database.
const DATABASE: &str = "db_replica";
/// A program that may stand anywhere.
const ELSEWHERE: &str = "/pg_restore ";

/// Plays the pages in their order, as one story. `scenario` has its sources; its steps are those of the pages. Returns the pages with
/// what was shown.
///
/// # Errors
/// [`LiveError`]: something that happens fails, or a command ends with another exit code than its page says.
pub fn play(
    pages: &[Page],
    scenario: &Scenario,
    programs: &Programs,
    upgrader: &Path,
    database: Database,
) -> Result<Vec<Page>, LiveError> {
    let processes = ProcessGroup::new()?;
    let ours = Upgrader::with_mysql(upgrader);
    let live = LiveRun::begin(scenario, programs, &ours, database, &processes)?;
    let folders = [upgrader.parent().map(Path::to_owned), Some(programs.chameleon2.join("bin"))];
    let home = live.chameleon1.home().to_owned();
    let mut player = Player { live, home, path: path(folders.into_iter().flatten())? };
    let played = pages.iter().map(|page| player.page(page)).collect::<Result<_, _>>()?;
    let check = player.live.check()?;
    if check.tables.is_empty() || !check.findings().is_empty() {
        return Err(LiveError::Findings(check.findings()));
    }
    Ok(played)
}

/// The PATH with these folders ahead.
fn path(ahead: impl Iterator<Item = PathBuf>) -> Result<OsString, LiveError> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(ahead.chain(env::split_paths(&path)))
        .map_err(|error| LiveError::Scenario(error.to_string()))
}

/// A line without the folder of PostgreSQL's programs.
fn without_folder(line: &str) -> String {
    let Some(at) = line.find(ELSEWHERE) else { return line.to_owned() };
    let begin = line[..at].rfind(' ').map_or(0, |blank| blank + 1);
    format!("{}{}", &line[..begin], &line[at + 1..])
}

struct Player<'a> {
    live: LiveRun<'a>,
    home: PathBuf,
    path: OsString,
}

impl<'a> Player<'a> {
    fn page(&mut self, page: &'a Page) -> Result<Page, LiveError> {
        let parts = page.parts.iter().map(|part| self.part(part)).collect::<Result<_, _>>()?;
        Ok(Page { parts })
    }

    fn part(&mut self, part: &'a Part) -> Result<Part, LiveError> {
        match part {
            Part::Text(_) => {}
            Part::Happens(steps, _) => self.live.all(steps)?,
            Part::ByHand(command, _) => drop(self.command(command, 0)?),
            Part::Console(console) => return self.console(console).map(Part::Console),
        }
        Ok(part.clone())
    }

    fn console(&self, console: &Console) -> Result<Console, LiveError> {
        let last = console.commands.len().saturating_sub(1);
        let commands = console.commands.iter().enumerate().map(|(number, shown)| {
            let exit = if number == last { console.exit } else { 0 };
            let output = self.command(&shown.command, exit)?;
            Ok(Shown { command: shown.command.clone(), output })
        });
        Ok(Console { exit: console.exit, commands: commands.collect::<Result<_, LiveError>>()? })
    }

    /// The lines that a command shows in the reader's home.
    fn command(&self, command: &str, exit: i32) -> Result<Vec<String>, LiveError> {
        let shell = Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.home)
            .env("HOME", &self.home)
            .env("PATH", &self.path)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
        let shown = terminal::run(COLUMNS, shell)?;
        let lines = terminal::lines_on_screen(&shown.text);
        if shown.exit != Some(exit) {
            return Err(LiveError::Scenario(format!(
                "`{command}` ended with {:?} instead of {exit}:\n{}",
                shown.exit,
                lines.join("\n")
            )));
        }
        let home = self.home.display().to_string();
        let (database, port) = self.live.database_and_port();
        let port = format!("-p {port} ");
        let host = self.live.first_host();
        // A source is named after it.
        let (name, named) = (host.replace('.', "_"), ADDRESS.replace('.', "_"));
        let told = |line: &String| {
            let line = line.replace(&home, HOME).replace(&host, ADDRESS).replace(&name, &named);
            without_folder(&line.replace(&database, DATABASE).replace(&port, "-p 5432 "))
        };
        Ok(lines.iter().map(|line| told(line).trim_end().to_owned()).collect())
    }
}

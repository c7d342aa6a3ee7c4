//! `chameleon-harness run`.

use super::results_file::{self, ResultsFile};
use super::{CommandError, CommonArguments, Ending, say, scenarios_or_all};
use crate::process::scratch;
use crate::record::properties;
use crate::scenario::{self, AnyScenario, Kept, Pool, ScenarioFile, Verdict, VerdictKind};
use crate::server::{Address, Kind};
use anstyle::{AnsiColor, Style};
use clap::Args;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Run scenarios: each on a database of its own, with a line that says whether everything held.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Scenario files, or folders of them; all of scenarios/ by default. Those of scenarios/live and scenarios/original
    /// need the real MariaDB or MySQL and both versions of pg_chameleon (`make tools`); without them they are skipped.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How it is run.
    #[command(flatten)]
    pub common: CommonArguments,
    /// Also write the results to FILE, as JUnit does.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Leave the databases for inspection, and say how to connect.
    #[arg(long)]
    pub keep: bool,
}

/// Runs the scenarios.
///
/// # Errors
/// [`CommandError`]; a scenario that fails is an ending.
pub fn run(arguments: &RunArguments) -> Result<Ending, CommandError> {
    let files = ScenarioFile::<AnyScenario>::read_all(&scenarios_or_all(&arguments.files))?;
    let upgrader = arguments.common.upgrader()?;
    let junit = ResultsFile::open(arguments.junit.as_deref())?;
    let pool = Pool::new(arguments.common.server.clone());
    let seen = Seen::default();
    let began = Instant::now();
    let width = files.iter().map(|file| file.title().len()).max().unwrap_or_default();
    let verdicts = each(&files, arguments.common.jobs(), |file| {
        let verdict = scenario::run_any(file, &pool, &upgrader, arguments.keep)?;
        show(&verdict, width, &seen)?;
        Ok::<_, CommandError>(verdict)
    })?;
    let written = junit.map_or(Ok(()), |file| file.write(&scenario::junit(&verdicts)));
    let shown = summary(&verdicts, &seen, began);
    if arguments.keep {
        keep(&verdicts, pool.kind())?;
    }
    results_file::ending(results_file::ending(ending(&verdicts), shown), written)
}

/// What has failed and was shown already, with the scenarios it was seen in: the same failure is shown once.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<String, Vec<String>>>);

impl Seen {
    /// The scenario in which all of these were shown, when they were.
    fn before(&self, verdict: &Verdict) -> Option<String> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut example = None;
        let mut new = verdict.failures.is_empty();
        for failure in &verdict.failures {
            let scenarios = seen.entry(properties::alike(failure)).or_default();
            match scenarios.first() {
                Some(first) => example = Some(first.clone()),
                None => new = true,
            }
            if scenarios.last() != Some(&verdict.name) {
                scenarios.push(verdict.name.clone());
            }
        }
        example.filter(|_| !new)
    }

    /// A line for each failure of several scenarios.
    fn told(&self) -> String {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let several = seen.iter().filter(|(_, scenarios)| scenarios.len() > 1);
        let line = |(failure, scenarios): (&String, &Vec<String>)| {
            let first = failure.lines().next().unwrap_or_default();
            format!("\n{} scenarios, such as {}: {first}", scenarios.len(), scenarios[0])
        };
        several.map(line).collect()
    }
}

/// Does the work for every file, `jobs` at a time; the results are in the order of the files. After an error no
/// more are begun.
fn each<T: Send, E: Send>(
    files: &[ScenarioFile<AnyScenario>],
    jobs: usize,
    work: impl Fn(&ScenarioFile<AnyScenario>) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(files.len()));
    let worker = || -> Result<(), E> {
        while let Some((number, file)) =
            Some(next.fetch_add(1, Ordering::SeqCst)).and_then(|number| Some((number, files.get(number)?)))
        {
            let result = work(file).inspect_err(|_| next.store(files.len(), Ordering::SeqCst))?;
            results.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..jobs.min(files.len())).map(|_| scope.spawn(worker)).collect();
        let mut ends = vec![worker()];
        ends.extend(others.into_iter().filter_map(|other| other.join().ok()));
        ends.into_iter().collect::<Result<(), E>>()
    })?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn show(verdict: &Verdict, width: usize, seen: &Seen) -> Result<(), CommandError> {
    let (style, word, more) = match (&verdict.kind, seen.before(verdict)) {
        (VerdictKind::Passed, _) => (GREEN, "ok", String::new()),
        (VerdictKind::Failed(_), Some(example)) => (RED, "FAILED", format!("  (as {example})")),
        (VerdictKind::Failed(what), None) => (RED, "FAILED", format!("\n{}", indented(what))),
        (VerdictKind::Blind(what), _) => (RED, "BLIND", format!("\n{}", indented(what))),
        (VerdictKind::Skipped(why), _) => (YELLOW, "skipped", format!("  ({why})")),
        (VerdictKind::Wrong(what), _) => (RED, "WRONG", format!("\n{}", indented(what))),
    };
    let took = verdict.took.as_secs_f64();
    say!("{:<width$}  {style}{word}{style:#}  {took:.2} s{more}", verdict.name)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn summary(verdicts: &[Verdict], seen: &Seen, began: Instant) -> Result<(), CommandError> {
    let count = |wanted: fn(&VerdictKind) -> bool| verdicts.iter().filter(|it| wanted(&it.kind)).count();
    let passed = count(|kind| *kind == VerdictKind::Passed);
    let failed = count(|kind| matches!(kind, VerdictKind::Failed(_)));
    let wrong = count(|kind| matches!(kind, VerdictKind::Wrong(_)));
    let skipped = count(|kind| matches!(kind, VerdictKind::Skipped(_)));
    let blind = match count(|kind| matches!(kind, VerdictKind::Blind(_))) {
        0 => String::new(),
        blind => format!("{blind} blind, "),
    };
    let runs: u32 = verdicts.iter().map(|it| it.runs).sum();
    let faults: usize = verdicts.iter().map(|it| it.faults).sum();
    say!(
        "{}\n{} scenarios: {passed} ok, {failed} failed, {wrong} wrong, {blind}{skipped} skipped; {runs} runs of the \
         upgrader, {faults} faults happened; {:.1} s",
        seen.told(),
        verdicts.len(),
        began.elapsed().as_secs_f64()
    )
}

fn ending(verdicts: &[Verdict]) -> Result<Ending, CommandError> {
    if verdicts.iter().any(|it| matches!(it.kind, VerdictKind::Failed(_))) {
        return Ok(Ending::Found);
    }
    let wrong: Vec<_> = verdicts
        .iter()
        .filter(|it| matches!(it.kind, VerdictKind::Wrong(_)))
        .map(|it| it.name.as_str())
        .collect();
    if verdicts.iter().any(|it| matches!(it.kind, VerdictKind::Blind(_))) {
        return Err(CommandError::Harness(
            "the harness can't tell what some of the scenarios leave".to_owned(),
        ));
    }
    if wrong.is_empty() {
        Ok(Ending::Well)
    } else {
        Err(CommandError::WrongUse(format!(
            "these scenarios can't be run as they are written: {}",
            wrong.join(", ")
        )))
    }
}

/// Says how to connect; a server of our own goes on until somebody has looked.
fn keep(verdicts: &[Verdict], kind: &Kind) -> Result<(), CommandError> {
    let kept: Vec<(&str, &Kept)> =
        verdicts.iter().filter_map(|it| Some((it.name.as_str(), it.kept.as_ref()?))).collect();
    if kept.is_empty() {
        return Ok(());
    }
    let passwords = match kind {
        Kind::Url(_) => None,
        _ => Some(PasswordFile::write(kept.iter().map(|(_, it)| &it.server)).map_err(|error| {
            CommandError::Harness(format!("the passwords of the kept databases can't be written: {error}"))
        })?),
    };
    let with = match &passwords {
        None => {
            say!("\nKept for inspection; the password is that of the URL:")?;
            String::new()
        }
        Some(file) => {
            say!("\nKept for inspection; the passwords are in {}:", file.0.display())?;
            format!("PGPASSFILE={} ", file.0.display())
        }
    };
    for (name, Kept { server, database }) in kept {
        say!("  {name}: {with}psql -h {} -p {} -U {} {database}", server.host, server.port, server.user)?;
    }
    if passwords.is_some() {
        say!("The server ends with this program. Press Enter to end it.")?;
        // Whoever has no terminal has nothing to inspect with either.
        drop(io::stdin().read_line(&mut String::new()));
    }
    Ok(())
}

/// The passwords as psql reads them, for the owner alone; gone with the value.
struct PasswordFile(PathBuf);

impl PasswordFile {
    fn write<'a>(servers: impl Iterator<Item = &'a Address>) -> io::Result<Self> {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("chameleon-harness-{:016x}.pgpass", rand::random::<u64>()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.map_err(|error| scratch::unusable(&folder, &error))?;
        let passwords = Self(path);
        for server in servers {
            let Address { host, port, user, password, .. } = server;
            writeln!(file, "{host}:{port}:*:{user}:{}", password.expose_secret())?;
        }
        Ok(passwords)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

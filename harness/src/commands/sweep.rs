//! `chameleon-harness sweep`.

use super::progress::Progress;
use super::{CommandError, CommonArguments, Ending, named_or_all, results_file, say};
use crate::chameleon::home::{Configuration, ConfiguredSource};
use crate::fault::FaultKind;
use crate::replica::attempt;
use crate::replica::{Origin, ReplicaError};
use crate::scenario::ScenarioFile;
use crate::seed::Seed;
use crate::server::Kind;
use crate::sweep::case::Case;
use crate::sweep::{self, Retries, Spread, Sweep, SweepError, Work, table, table_of_verb};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The same fault at every message of an upgrade, or of another verb, one run each; after each the six properties, and a retry.
#[derive(Debug, Args)]
pub struct SweepArguments {
    /// What is swept.
    #[arg(long, value_enum, default_value_t = Verb::Upgrade)]
    pub verb: Verb,
    /// Only these kinds of fault, with commas between them.
    #[arg(long, value_name = "FAULT", value_delimiter = ',', help = faults())]
    pub faults: Vec<FaultKind>,
    /// Only this case, as the table writes it (FAULT@MESSAGE); may be repeated.
    #[arg(long, value_name = "CASE", conflicts_with_all = ["faults", "pairs"])]
    pub only: Vec<Case>,
    /// Also N pairs: a second fault while the first is being undone.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub pairs: u32,
    /// What the pairs are drawn with.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Sweep this scenario's replica and configuration instead of the demo's.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// One failing statement a message, its SQLSTATEs in turn; and one retry for each state that a run leaves.
    #[arg(long)]
    pub quick: bool,
    /// How it is run.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// A verb that commits something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verb {
    /// The upgrade of a 1.7 catalogue.
    Upgrade,
    /// Its undoing.
    Rollback,
    /// Its undoing once the new replica has gone on.
    WayBack,
    /// The clean-up behind it.
    Cleanup,
}

impl Verb {
    fn arguments(self) -> Vec<String> {
        let arguments: &[&str] = match self {
            Self::Upgrade => &["upgrade", "--yes"],
            Self::Rollback | Self::WayBack => &["rollback", "--yes"],
            Self::Cleanup => &["cleanup", "--drop", "--yes"],
        };
        arguments.iter().map(|&it| it.to_owned()).collect()
    }

    fn work(self) -> Work {
        match self {
            Self::Upgrade => Work::Upgrade,
            Self::Rollback | Self::Cleanup => Work::after_an_upgrade(),
            Self::WayBack => Work::once_the_replica_has_gone_on(),
        }
    }
}

/// The help of `--faults`.
fn faults() -> String {
    format!(
        "Only these kinds of fault, with commas between them, where statement_fails takes any SQLSTATE: {}",
        FaultKind::names().join(", ")
    )
}

/// Sweeps the demo's replica, or a scenario's.
///
/// # Errors
/// [`CommandError`]; violations are an ending.
pub fn run(arguments: &SweepArguments) -> Result<Ending, CommandError> {
    let (origin, configuration, repeat) = what(arguments)?;
    if let (Origin::Dump(_), Kind::Url(_)) = (&origin, &arguments.common.server) {
        return Err(CommandError::WrongUse(ReplicaError::NotOnSomebodyElsesServer.to_string()));
    }
    let sweep = Sweep {
        server: arguments.common.server.clone(),
        upgrader: arguments.common.upgrader()?,
        arguments: arguments.verb.arguments(),
        work: arguments.verb.work(),
        origin,
        configuration,
        kinds: named_or_all(&arguments.faults),
        pairs: arguments.pairs,
        random_seed: arguments.seed,
        only: arguments.only.clone(),
        jobs: arguments.common.jobs(),
        retries: if arguments.quick { Retries::OncePerState } else { Retries::AfterEveryRun },
        spread: if arguments.quick { Spread::SqlStatesInTurn } else { Spread::Full },
        limit: attempt::LIMIT,
    };
    let progress = Progress::start();
    let findings = sweep::run(&sweep, &|done, total| progress.tell(done, total))
        .map_err(|error| command_error(&error))?;
    drop(progress);
    let violations = findings.violations().count();
    let (ending, verdict) = if violations == 0 {
        let well = match arguments.verb {
            Verb::Upgrade => {
                "No violations: every run ended with the complete 1.7 or the complete 2.0.10 catalogue, and said which."
            }
            _ => "No violations: every run left all as it was, or had done its work, and said which.",
        };
        (Ending::Well, well.to_owned())
    } else {
        (Ending::Found, format!("{violations} runs violate a property."))
    };
    let shown = say!(
        "{} messages in the undisturbed {} ({:.2} s), {} runs\n{}\n{verdict}",
        findings.messages.len(),
        arguments.verb.arguments()[0],
        findings.undisturbed.as_secs_f64(),
        findings.runs.len(),
        match arguments.verb {
            Verb::Upgrade => table(&findings, &repeat),
            _ => table_of_verb(&findings, &repeat),
        },
    );
    results_file::ending(Ok(ending), shown)
}

/// A message that the run does not have was asked for wrongly.
fn command_error(error: &SweepError) -> CommandError {
    match error {
        SweepError::NoSuchMessage { .. } => CommandError::WrongUse(error.to_string()),
        error => CommandError::harness(error),
    }
}

/// What is swept, and the command that sweeps it again.
fn what(arguments: &SweepArguments) -> Result<(Origin, Configuration, String), CommandError> {
    let command = match arguments.verb {
        Verb::Upgrade => "chameleon-harness sweep".to_owned(),
        other => format!("chameleon-harness sweep --verb {}", other.arguments()[0]),
    };
    let Some(path) = &arguments.scenario else {
        let demo = ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_stock", "stock")]);
        return Ok((Origin::Seed(Seed::demo()), vec![demo].into(), command));
    };
    let file: ScenarioFile = ScenarioFile::read(path)?;
    let origin = file.scenario.replicated.origin(file.folder());
    Ok((origin, file.scenario.configuration, format!("{command} --scenario {}", path.display())))
}

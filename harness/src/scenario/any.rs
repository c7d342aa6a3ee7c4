//! A scenario of any kind: on a seeded catalogue (scenarios/), with the real programs (scenarios/live), or of the original
//! upgrade beside ours (scenarios/original).

use super::description::Scenario;
use super::file::{Case, Kind, ScenarioFile, from_yaml, kind};
use super::pool::Pool;
use super::run::{self, ScenarioError, Verdict, VerdictKind};
use crate::comparison;
use crate::live::{self, Programs};
use crate::replica::upgrader::Upgrader;
use crate::server::Database;
use crate::server::mysql::MySqlKind;
use std::time::Instant;

/// What a scenario file holds.
#[derive(Debug, Clone)]
pub enum AnyScenario {
    /// Runs of the upgrader on a catalogue that the harness makes.
    Seeded(Scenario),
    /// Steps on a real MySQL, with the real pg_chameleon before the upgrade and after it.
    Live(live::Scenario),
    /// A state on which the original upgrade is compared with ours.
    Compared(comparison::Case),
}

impl Case for AnyScenario {
    fn parse(text: &str) -> Result<Self, (String, String)> {
        match kind(text) {
            Kind::Seeded => Scenario::parse(text).map(Self::Seeded),
            Kind::Live => live::Scenario::parse(text).map(Self::Live),
            Kind::Compared => comparison::Case::parse(text).map(Self::Compared),
        }
    }

    fn about(&self) -> &str {
        match self {
            Self::Seeded(scenario) => scenario.about(),
            Self::Live(scenario) => scenario.about(),
            Self::Compared(state) => state.about(),
        }
    }
}

impl Case for live::Scenario {
    fn parse(text: &str) -> Result<Self, (String, String)> {
        from_yaml(text)
    }

    fn about(&self) -> &str {
        &self.about
    }
}

impl Case for comparison::Case {
    fn parse(text: &str) -> Result<Self, (String, String)> {
        from_yaml(text)
    }

    fn about(&self) -> &str {
        &self.state
    }
}

impl ScenarioFile<AnyScenario> {
    /// Its name among all of them: those of scenarios/live and scenarios/original may have one of scenarios/ too.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.scenario {
            AnyScenario::Seeded(_) => self.name.clone(),
            AnyScenario::Live(_) => format!("live/{}", self.name),
            AnyScenario::Compared(_) => format!("original/{}", self.name),
        }
    }
}

/// Runs a scenario of any kind.
///
/// # Errors
/// [`ScenarioError`] when the harness can't work; what doesn't hold is a [`Verdict`].
pub fn run_any(
    file: &ScenarioFile<AnyScenario>,
    pool: &Pool,
    upgrader: &Upgrader,
    keep: bool,
) -> Result<Verdict, ScenarioError> {
    let began = Instant::now();
    let kind = match &file.scenario {
        AnyScenario::Seeded(scenario) => {
            let (path, name, scenario) = (file.path.clone(), file.name.clone(), scenario.clone());
            return run::run(&ScenarioFile { path, name, scenario }, pool, upgrader, keep);
        }
        AnyScenario::Live(scenario) => {
            let kind = scenario.only.unwrap_or(MySqlKind::MariaDb);
            match Tools::find(kind, scenario.gtids == Some(true), scenario.awaits.as_deref(), upgrader) {
                Err(why) => VerdictKind::Skipped(why),
                Ok(tools) => {
                    let (_, shown) = live::prove(scenario, &tools.programs, &tools.upgrader, database(pool)?);
                    shown.map_or_else(VerdictKind::Failed, |()| VerdictKind::Passed)
                }
            }
        }
        AnyScenario::Compared(state) => match Tools::find(MySqlKind::MariaDb, false, None, upgrader) {
            Err(why) => VerdictKind::Skipped(why),
            Ok(tools) => match comparison::run(state, &tools.programs, &tools.upgrader, database(pool)?) {
                Ok(_) => VerdictKind::Passed,
                Err(error) => VerdictKind::Failed(error.to_string()),
            },
        },
    };
    let failures = match &kind {
        VerdictKind::Failed(what) => vec![what.clone()],
        _ => vec![],
    };
    let runs = u32::from(!matches!(kind, VerdictKind::Skipped(_)));
    Ok(Verdict { name: file.title(), kind, failures, runs, faults: 0, took: began.elapsed(), kept: None })
}

/// What a scenario with the real programs needs.
struct Tools {
    programs: Programs,
    upgrader: Upgrader,
}

impl Tools {
    /// Finds them, or says why the scenario is skipped.
    fn find(kind: MySqlKind, gtids: bool, awaits: Option<&str>, upgrader: &Upgrader) -> Result<Self, String> {
        if let Some(what) = awaits {
            return Err(format!("it awaits {what}"));
        }
        let upgrader = upgrader
            .clone()
            .beside_mysql()
            .ok_or_else(|| "it names the upgrader of each of its steps: leave --upgrader out".to_owned())?;
        let programs = Programs::find(kind).map_err(|missing| missing.to_string())?;
        let programs = if gtids { programs.with_gtids() } else { programs };
        Ok(Self { programs, upgrader })
    }
}

fn database(pool: &Pool) -> Result<Database, ScenarioError> {
    Ok(pool.common()?.lock().create_database()?)
}

//! What a sweep found, counted by the kind of fault and by the step in which it happened.

use crate::sweep::Findings;
use crate::sweep::case::Case;
use std::collections::BTreeMap;

/// Messages that are in no step of the transaction.
const NO_STEP: &str = "outside";

/// Runs that are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many there were.
    pub runs: u64,
    /// In how many of them the fault happened.
    pub happened: u64,
    /// In how many a property was violated.
    pub violations: u64,
}

/// The runs of a sweep, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// The steps, in the order of the run.
    pub steps: Vec<String>,
    /// The kinds, in the order of the sweep, with what is counted of each step.
    pub kinds: Vec<(String, Vec<Counts>)>,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.happened += other.happened;
        self.violations += other.violations;
    }

    /// All of them together.
    #[must_use]
    pub fn sum<'a>(counts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        counts.into_iter().for_each(|counts| sum.add(*counts));
        sum
    }
}

impl Faults {
    /// Counts the runs.
    #[must_use]
    pub fn of(findings: &Findings) -> Self {
        let mut steps: Vec<String> = Vec::new();
        let mut of_message = BTreeMap::new();
        for message in &findings.messages {
            let step = message.step.as_ref().map_or(NO_STEP, |step| &step.name);
            of_message.insert(message.number, place(&mut steps, step));
        }
        let mut names = Vec::new();
        let mut cells: BTreeMap<(usize, usize), Counts> = BTreeMap::new();
        for run in &findings.runs {
            let message = run.case.parse::<Case>().ok().map(|case| case.message());
            let step = message.and_then(|message| of_message.get(&message).copied());
            let step = step.unwrap_or_else(|| place(&mut steps, NO_STEP));
            cells.entry((place(&mut names, &run.group), step)).or_default().add(Counts {
                runs: 1,
                happened: u64::from(run.not_happened.is_none()),
                violations: u64::from(!run.violations.is_empty()),
            });
        }
        let row = |(kind, name): (usize, String)| {
            let cells = (0..steps.len()).map(|step| cells.get(&(kind, step)).copied().unwrap_or_default());
            (name, cells.collect())
        };
        let kinds = names.into_iter().enumerate().map(row).collect();
        Self { steps, kinds }
    }

    /// What is counted of all runs.
    #[must_use]
    pub fn all(&self) -> Counts {
        Counts::sum(self.kinds.iter().flat_map(|(_, cells)| cells))
    }
}

/// The place of a name among those that have been seen.
fn place(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

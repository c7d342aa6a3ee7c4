//! What has been rehearsed so far: each step with its time, and what it found.

use super::report::{RehearsedStep, StepFinding, StepName, StepOutcome};
use crate::replica::report::{Finding, Severity};
use std::time::Instant;

/// The steps, in the order in which they were done.
pub struct Steps<'a> {
    began: Instant,
    /// Each.
    pub done: Vec<RehearsedStep>,
    /// What they found.
    pub findings: Vec<StepFinding>,
    told: &'a (dyn Fn(StepName) + Sync),
}

impl<'a> Steps<'a> {
    /// None yet. `told` is told of each when it begins.
    pub fn new(told: &'a (dyn Fn(StepName) + Sync)) -> Self {
        Self { began: Instant::now(), done: vec![], findings: vec![], told }
    }

    /// How long all of it has taken, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Does a step, which says how it ended and what was seen; its findings may make less of a good end.
    ///
    /// # Errors
    /// Those of the step.
    pub fn step<T, E>(
        &mut self,
        step: StepName,
        does: impl FnOnce(&mut Vec<StepFinding>) -> Result<(T, StepOutcome, String), E>,
    ) -> Result<T, E> {
        (self.told)(step);
        let at = self.seconds();
        let mut findings = Vec::new();
        let (result, mut outcome, seen) = does(&mut findings)?;
        findings.retain(|finding| !self.knows(finding));
        if outcome == StepOutcome::Passed && findings.iter().any(|it| it.severity > Severity::Info) {
            outcome = StepOutcome::Warned;
        }
        if outcome != StepOutcome::LeftOut && findings.iter().any(|it| it.severity == Severity::Error) {
            outcome = StepOutcome::Failed;
        }
        self.findings.append(&mut findings);
        let seconds = self.seconds() - at;
        self.done.push(RehearsedStep { step, outcome, at, seconds, seen });
        Ok(result)
    }

    /// A step is not done.
    pub fn left_out(&mut self, step: StepName, why: &str) {
        let at = self.seconds();
        let outcome = StepOutcome::LeftOut;
        self.done.push(RehearsedStep { step, outcome, at, seconds: 0.0, seen: why.to_owned() });
    }

    /// Whether a step before has found the same.
    fn knows(&self, finding: &StepFinding) -> bool {
        self.findings.iter().any(|known| known.check == finding.check && known.found == finding.found)
    }
}

/// A finding of a step.
#[must_use]
pub fn found_in(step: StepName, finding: Finding) -> StepFinding {
    let Finding { check, severity, found, remedy } = finding;
    StepFinding { step, check, severity, found, remedy }
}

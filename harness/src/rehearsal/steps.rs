//! What has been rehearsed so far: each step with its time, and what it found.

use super::RehearsalError;
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
    under_way: Option<StepName>,
    is_full: bool,
}

/// In bytes: less than a file of WAL.
const LEAST_ROOM: u64 = 16 << 20;

/// How PostgreSQL and the system say that there is no room.
const FULL: [&str; 2] = ["No space left on device", "53100"];

impl<'a> Steps<'a> {
    /// None yet. `told` is told of each when it begins.
    pub fn new(told: &'a (dyn Fn(StepName) + Sync)) -> Self {
        Self { began: Instant::now(), done: vec![], findings: vec![], told, under_way: None, is_full: false }
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
        self.under_way = Some(step);
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

    /// Looks whether there is room where the throwaway server has its files: one that has none fails in many ways.
    pub fn look_for_room(&mut self) {
        let room = rustix::fs::statvfs(std::env::temp_dir());
        self.is_full = room.is_ok_and(|room| room.f_bavail.saturating_mul(room.f_frsize) < LEAST_ROOM);
    }

    /// The step that was under way has failed because the throwaway server's disk is full.
    ///
    /// # Errors
    /// It was for another reason.
    pub fn no_room(&mut self, error: &RehearsalError) -> Result<(), ()> {
        let text = error.to_string();
        if !self.is_full && !FULL.iter().any(|full| text.contains(full)) {
            return Err(());
        }
        let step = self.under_way.unwrap_or(StepName::Restore);
        let (at, seen) = (self.seconds(), "The disk of the throwaway server is full.".to_owned());
        self.findings.push(StepFinding {
            step,
            check: "throwaway-disk-full".to_owned(),
            severity: Severity::Error,
            found: format!("The disk of the throwaway server is full: {text}"),
            remedy: Some(format!(
                "Nothing is wrong with production. The server's files are in {}: make room there, or set TMPDIR to a folder that has \
                 room for the catalogue and its WAL, and rehearse again.",
                std::env::temp_dir().display()
            )),
        });
        self.done.push(RehearsedStep { step, outcome: StepOutcome::Failed, at, seconds: 0.0, seen });
        Ok(())
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

//! Whether the day will go well, from what was rehearsed and found. Pure.

use super::report::{RehearsedStep, StepFinding, StepName, StepOutcome, Verdict};
use crate::replica::report::Severity;
use chameleon_upgrade::wording::{counted, sentence};

/// What on the day itself must have been rehearsed: where it was left out, that is a reason to warn.
const TO_BE_REHEARSED: [StepName; 2] = [StepName::Daemon, StepName::WayBack];

/// The verdict, and why it is no better one.
#[must_use]
pub fn of(steps: &[RehearsedStep], findings: &[StepFinding]) -> (Verdict, Vec<String>) {
    let mut against = Vec::new();
    let (mut but, mut not_tried) = (Vec::new(), Vec::new());
    for step in steps {
        let here = |severity: Severity| {
            findings.iter().filter(|it| it.step == step.step && it.severity == severity).count()
        };
        let (errors, warnings) = (here(Severity::Error), here(Severity::Warning) + here(Severity::Accepted));
        let title = sentence(&step.step.to_string());
        match step.outcome {
            StepOutcome::Failed if errors > 0 => {
                against.push(format!("{title}: {}.", counted(errors as u64, "error")))
            }
            StepOutcome::Failed => against.push(format!("{title}: {}", step.seen)),
            StepOutcome::Warned if warnings > 0 => {
                but.push(format!("{title}: {}.", counted(warnings as u64, "warning")))
            }
            StepOutcome::Warned => but.push(format!("{title}: {}", step.seen)),
            StepOutcome::LeftOut if TO_BE_REHEARSED.contains(&step.step) => {
                not_tried.push(format!("{title} was not rehearsed. {}", step.seen));
            }
            StepOutcome::Passed | StepOutcome::LeftOut => {}
        }
    }
    // What was not tried because of what failed is no reason of its own.
    if !against.is_empty() {
        against.extend(but);
        return (Verdict::NoGo, against);
    }
    but.extend(not_tried);
    if but.is_empty() { (Verdict::Go, vec![]) } else { (Verdict::GoWithWarnings, but) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: StepName, outcome: StepOutcome) -> RehearsedStep {
        RehearsedStep { step, outcome, at: 0.0, seconds: 1.0, seen: "Seen.".to_owned() }
    }

    #[test]
    fn the_worst_decides_and_all_of_it_is_told() {
        let finding = |step, severity| StepFinding {
            step,
            check: "a".to_owned(),
            severity,
            found: "b".to_owned(),
            remedy: None,
        };
        let well = [step(StepName::Check, StepOutcome::Passed), step(StepName::Verify, StepOutcome::LeftOut)];
        assert_eq!(of(&well, &[]), (Verdict::Go, vec![]));
        let warned =
            [step(StepName::Check, StepOutcome::Warned), step(StepName::Daemon, StepOutcome::LeftOut)];
        let (verdict, because) = of(&warned, &[finding(StepName::Check, Severity::Warning)]);
        assert_eq!(verdict, Verdict::GoWithWarnings);
        assert_eq!(
            because,
            ["Check of production: 1 warning.", "Daemon of pg_chameleon 2 was not rehearsed. Seen."]
        );
        let failed =
            [step(StepName::Check, StepOutcome::Failed), step(StepName::Daemon, StepOutcome::Failed)];
        let (verdict, because) = of(&failed, &[finding(StepName::Check, Severity::Error)]);
        assert_eq!(verdict, Verdict::NoGo);
        assert_eq!(because, ["Check of production: 1 error.", "Daemon of pg_chameleon 2: Seen."]);
    }
}

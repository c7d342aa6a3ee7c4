//! `--accept ID=REASON`: an error of a check that is about the daemon or the configuration, and not about the catalogue's
//! integrity, can be accepted by whoever knows better. It no longer refuses, and every report shows it with the reason.
//! §accept.

use super::CHECKS;
use crate::finding::{Finding, Severity};

/// The ids of the checks whose errors can be accepted, in the order of the alphabet.
#[must_use]
pub fn acceptable() -> Vec<&'static str> {
    let mut ids: Vec<_> = CHECKS.iter().filter(|check| check.acceptable).map(|check| check.id).collect();
    ids.sort_unstable();
    ids
}

/// One `--accept`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The id of the check.
    check: &'static str,
    /// Why it is accepted.
    reason: String,
}

impl Acceptance {
    /// Reads `ID=REASON`.
    ///
    /// # Errors
    /// What is wrong with it, and which checks can be accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let those = || format!("those that can: {}", acceptable().join(", "));
        let Some((id, reason)) = text.split_once('=') else {
            return Err(format!("a check and the reason, as in ID=REASON ({})", those()));
        };
        let (id, reason) = (id.trim(), reason.trim());
        let Some(check) = acceptable().into_iter().find(|acceptable| *acceptable == id) else {
            return Err(format!("{id:?} is no check that can be accepted; {}", those()));
        };
        if reason.is_empty() {
            return Err(format!("{id} needs a reason, which every report will show"));
        }
        Ok(Self { check, reason: reason.to_owned() })
    }
}

/// Takes the errors of the accepted checks for accepted. Where a check is accepted twice, the last reason counts.
pub fn apply(acceptances: &[Acceptance], findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Error) {
        if let Some(it) = acceptances.iter().rfind(|acceptance| acceptance.check == finding.check) {
            finding.severity = Severity::Accepted;
            finding.accepted = Some(it.reason.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::errors;

    fn accept(text: &str) -> Acceptance {
        Acceptance::parse(text).expect("an acceptance")
    }

    #[test]
    fn an_accepted_error_no_longer_refuses() {
        let mut findings = [
            Finding::error("mysql-charset", "found", "remedy"),
            Finding::error("coordinates", "found", "remedy"),
            Finding::warning("daemon-configuration", "found", "remedy"),
        ];
        assert_eq!(errors(&findings), 2);
        apply(&[accept("mysql-charset=asked PyMySQL"), accept("daemon-configuration=later")], &mut findings);
        assert_eq!(errors(&findings), 1);
        assert_eq!(findings[0].severity, Severity::Accepted);
        assert_eq!(findings[0].accepted.as_deref(), Some("asked PyMySQL"));
        assert_eq!(findings[1].severity, Severity::Error);
        assert_eq!(findings[2].severity, Severity::Warning, "a warning needs no acceptance");
    }

    #[test]
    fn a_reason_may_hold_anything() {
        assert_eq!(accept(" mysql-charset = a=b, c ").reason, "a=b, c");
    }

    /// Of what is about the catalogue nothing can be accepted.
    #[test]
    fn what_cannot_be_accepted_is_refused_with_the_ids_that_can() {
        for text in ["coordinates=I know", "nonsense=x", "mysql-charset", "=x", ""] {
            let refusal = Acceptance::parse(text).expect_err(text);
            assert!(acceptable().iter().all(|id| refusal.contains(id)), "{refusal}");
        }
        assert!(Acceptance::parse("mysql-charset= ").expect_err("no reason").contains("needs a reason"));
    }

    #[test]
    fn only_errors_need_to_be_accepted() {
        for check in CHECKS.iter().filter(|check| check.acceptable) {
            assert_eq!(check.worst, Severity::Error, "{}", check.id);
        }
    }
}

//! Which faults a sweep makes happen, and how a case is written so that it can be repeated alone.

use crate::fault::{FaultDescription, FaultKind, NoFaultKind, Place};
use std::fmt;
use std::str::FromStr;

/// A name that is no kind of fault, or no case.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UnknownCase {
    /// No such kind of fault.
    #[error(transparent)]
    Kind(#[from] NoFaultKind),
    /// Not a fault at a message.
    #[error("{0:?} is no case: write FAULT@MESSAGE, such as cut_after@17, and join two with +")]
    Place(String),
}

/// One run of a sweep: a fault at a message of the run, or two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Case(Vec<(FaultKind, u64)>);

impl Case {
    /// One fault.
    #[must_use]
    pub fn one(kind: FaultKind, message: u64) -> Self {
        Self(vec![(kind, message)])
    }

    /// A fault, and a second one while the first is being undone.
    #[must_use]
    pub fn pair(first: (FaultKind, u64), second: (FaultKind, u64)) -> Self {
        Self(vec![first, second])
    }

    /// The faults as the proxy takes them.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultDescription> {
        let fault = |(kind, message): &(FaultKind, u64)| FaultDescription {
            kind: kind.clone(),
            at: Place::message(*message),
        };
        self.0.iter().map(fault).collect()
    }

    /// The message of the first fault; a second one may come at a message that only the undoing has.
    #[must_use]
    pub fn message(&self) -> u64 {
        self.0.first().map_or(0, |(_, message)| *message)
    }

    /// Under which name the table counts it.
    #[must_use]
    pub fn group(&self) -> String {
        if self.0.len() > 1 {
            return "pairs".to_owned();
        }
        self.0.first().map(|(kind, _)| kind.to_string()).unwrap_or_default()
    }
}

impl FromStr for Case {
    type Err = UnknownCase;

    fn from_str(text: &str) -> Result<Self, UnknownCase> {
        let fault = |part: &str| {
            let place = || UnknownCase::Place(text.to_owned());
            let (kind, message) = part.split_once('@').ok_or_else(place)?;
            let message = message.parse().ok().filter(|&number| number > 0).ok_or_else(place)?;
            Ok((kind.parse()?, message))
        };
        text.split('+').map(fault).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (kind, message)) in self.0.iter().enumerate() {
            let joint = if place > 0 { "+" } else { "" };
            write!(f, "{joint}{kind}@{message}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_reads_as_it_is_written() {
        for text in ["cut_after@17", "kill_client@1", "statement_fails:53100@40+crash_server@42"] {
            assert_eq!(text.parse::<Case>().unwrap().to_string(), text);
        }
        for kind in FaultKind::names() {
            let case: Case = format!("{kind}@3").parse().unwrap();
            assert_eq!(case.to_string().parse::<Case>().unwrap(), case);
        }
        assert!("cut_after".parse::<Case>().is_err());
        assert!("cut_after@0".parse::<Case>().is_err());
        assert!("burn_down@3".parse::<Case>().is_err());
    }
}

//! Who has judged the statements that lie ahead of the new replica: the daemon itself, or what is known of it.

use super::{Check, Examined, Finding, Severity, counted};
use crate::examination::Judge;

/// The version that our own judgement is held against.
const KNOWN: &str = "2.0.21";

pub(super) const CHECK: Check = Check {
    id: "window-judge",
    about: "The daemon itself has judged the statements that lie ahead",
    rule: "§log-contents",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let kept = facts.windows().map(|(_, _, read)| &read.narrowed.ahead.kept);
    let (met, beyond) =
        kept.fold((0, 0), |(met, beyond), kept| (met + kept.statements.len() as u64, beyond + kept.more));
    facts.judge.iter().filter_map(|judge| finding(judge, met, beyond)).collect()
}

fn finding(judge: &Judge, met: u64, beyond: u64) -> Option<Finding> {
    let path = judge.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    match judge {
        Judge { failed: Some(why), named: Some(named), .. } => Some(CHECK.warning(format!(
                "{} (--daemon) can't be asked what it makes of the statements ahead: {why}. They were judged by what is known \
                 of pg_chameleon {KNOWN}.",
                named.display()
            ),
            "Name the program of the pg_chameleon 2 that will run, such as --daemon /opt/venv/bin/chameleon.",
        )),
        _ if met == 0 => None,
        Judge { failed: Some(why), .. } => Some(CHECK.info(format!(
                "The statements ahead were judged by what is known of pg_chameleon {KNOWN}: {path} can't be asked: {why}."
            ),
        )),
        Judge { version: Some(version), .. } => {
            let beyond = if beyond > 0 {
                format!("; {} more by what is known of {KNOWN}", counted(beyond, "statement"))
            } else {
                String::new()
            };
            let met = counted(met, "statement");
            Some(CHECK.info(format!("{met} ahead judged by pg_chameleon {version} itself ({path}){beyond}."),
            ))
        }
        _ => Some(CHECK.info(format!(
                "{} ahead judged by what is known of pg_chameleon {KNOWN}. Where one is installed it is asked itself: --daemon \
                 PROGRAM.",
                counted(met + beyond, "statement")
            ),
        )),
    }
}

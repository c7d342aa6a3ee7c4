//! How far the starts were advanced, and what is left between the batch start and the consistent point.

use super::{Check, Examined, Finding, Severity};
use crate::examination::mysql::{AskedSource, MySql};
use crate::plan::PlannedSource;
use crate::window::Bytes;

pub(super) const CHECK: Check = Check {
    id: "window",
    about: "The new replica reads nothing again",
    rule: "§window-left",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    match &facts.mysql {
        MySql::Asked(_) => facts.windows().filter_map(|(source, asked, _)| finding(source, asked)).collect(),
        MySql::NotAsked | MySql::Offline => vec![],
    }
}

/// Nothing to say of a window that was empty from the beginning.
fn finding(source: &PlannedSource, asked: &AskedSource) -> Option<Finding> {
    let before = source.start_of_catalogue()?;
    let (after, to) = (source.batch_start.as_ref()?, source.consistent_point.as_ref()?);
    let logs = asked.answer.as_ref().ok()?.logs.as_ref()?.as_ref().ok()?;
    let (was, is) = (logs.bytes_between(before, to), logs.bytes_between(after, to));
    if was == 0 {
        return None;
    }
    let name = &source.name;
    let moved = format!(
        "Source {name} starts at {after} instead of {before}, since the 1.7 sources have nothing new before it. Of {} up to the \
         consistent point,",
        Bytes(was)
    );
    if is == 0 {
        return Some(CHECK.info(format!("{moved} nothing of it is read again.")));
    }
    let left = Bytes(is);
    // The sources that begin before the consistent point.
    let lags = source.parts.iter().filter(|part| part.advanced.as_ref().is_some_and(|start| start < to));
    let lags: Vec<_> = lags.map(|part| part.name.as_str()).collect();
    let found = if before == after {
        format!(
            "Source {name} starts at {before}, where its 1.7 source that lags most has its next transaction: {left} of it are \
             read again, up to {to}."
        )
    } else {
        format!("{moved} {left} of it are read again, up to {to}.")
    };
    // Seen: 2.0.21 clears a table's coordinate when it reads its first row, before anything of that is stored.
    Some(CHECK.warning(found,
        format!(
            "Do not stop or kill the new replica before {name} is consistent (chameleon-upgrade watch --until consistent waits for \
             that): stopped within its first batch, 2.0.21 applies rows twice. Or have nothing read again: start the 1.8.2 replica of {} until it has caught \
             up, stop it, and run the upgrade again.",
            lags.join(", ")
        ),
    ))
}

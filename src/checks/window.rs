//! How far the starts were advanced, and what is left between the batch start and the consistent point.

use super::{Facts, Finding};
use crate::plan::PlannedSource;
use crate::source::facts::{AskedSource, MySql};
use crate::window::Bytes;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
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
    let left = if is == 0 {
        "nothing of it is read again".to_owned()
    } else {
        format!("{} of it are read again, up to {to}", Bytes(is))
    };
    Some(Finding::info(
        "window",
        if before == after {
            format!(
                "Source {name} starts at {before}, where its 1.7 source that lags most has its next transaction: {left}."
            )
        } else {
            format!(
                "Source {name} starts at {after} instead of {before}, since the 1.7 sources have nothing new before it. Of \
                 {} up to the consistent point, {left}.",
                Bytes(was)
            )
        },
    ))
}

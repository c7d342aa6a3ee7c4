//! Several rehearsals as a table: which of a fleet's replicas are ready.

use super::wording::{self, counted, duration, moment};
use super::{characters, secrets};
use crate::rehearsal::report::RehearsalReport;
use crate::replica::report::Severity;
use chameleon_upgrade::report::layout;

/// A line for each report, by the name under which it is known, and how many go.
#[must_use]
pub fn fleet(reports: &[(String, RehearsalReport)], columns: Option<usize>) -> String {
    let row = |(name, report): &(String, RehearsalReport)| {
        let likely = report.forecast.as_ref().map(|forecast| duration(forecast.total.likely));
        vec![
            characters::name(&secrets::masked(name)),
            report.verdict.to_string(),
            likely.unwrap_or_else(|| "not known".to_owned()),
            wording::findings(report, Severity::Error).to_string(),
            wording::findings(report, Severity::Warning).to_string(),
            moment(&report.began),
        ]
    };
    let rows: Vec<_> = reports.iter().map(row).collect();
    let table =
        layout::table(&["name", "verdict", "stands still", "errors", "warnings", "began"], &rows, columns);
    let go = reports.iter().filter(|(_, report)| report.went_well()).count() as u64;
    let all = counted(reports.len() as u64, "rehearsal");
    if go == reports.len() as u64 {
        return format!("{table}\n{all}: the day will go well for all of them.\n");
    }
    format!("{table}\n{all}: the day will go well for {go} of them.\n")
}

//! What the 2.0.21 daemon makes of what an upgrade has left: whether it catches up, or ends, and with which error.
//!
//! It is held to no marker here, for its tables may have been lost: it has caught up when its open batch stands behind
//! a change that was made last, and no row that it has stored is left.

use crate::chameleon::home::Home;
use crate::chameleon::version2::Chameleon2;
use crate::live::run::LiveRun;
use crate::live::tables::Difference;
use crate::live::{LiveError, marker};
use crate::process::group::StartedProgram;
use postgres::Client;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A daemon that ends is started again as often: once because that is what one does, and more often when it has not told
/// why it ended, which it loses now and then.
const STARTS: usize = 5;

const CAUGHT_UP: &str = "
    SELECT EXISTS (SELECT FROM sch_chameleon.t_replica_batch b
                   WHERE b.i_id_source = s.i_id_source AND NOT b.b_processed
                     AND (nullif(split_part(b.t_binlog_name, '.', 2), '')::bigint, b.i_binlog_position) > ($2::bigint, $3::bigint))
       AND NOT EXISTS (SELECT FROM sch_chameleon.t_log_replica JOIN sch_chameleon.t_replica_batch b USING (i_id_batch)
                       WHERE b.i_id_source = s.i_id_source)
    FROM sch_chameleon.t_sources s WHERE s.t_source = $1";

/// Disabled tables with the beginnings of the messages that disabled them: what follows names things by their numbers.
const DISABLED: &str = "
    SELECT format('%s.%s', v_schema_name, v_table_name),
           (SELECT min(split_part(t_error_message, '\"', 1)) FROM sch_chameleon.t_error_log e
            WHERE (e.v_schema_name, e.v_table_name) = (t.v_schema_name, t.v_table_name))
    FROM sch_chameleon.t_replica_tables t WHERE NOT b_replica_enabled";

/// What came of the daemons of all new sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonOutcome {
    /// The errors with which daemons ended, at every start.
    pub ended: BTreeSet<String>,
    /// The tables that were disabled, with the reason.
    pub disabled: BTreeMap<String, String>,
    /// The tables that don't equal their sources.
    pub unequal: BTreeSet<String>,
    /// How many tables were compared.
    pub compared: usize,
}

impl DaemonOutcome {
    /// Whether the replica goes on with every table equal to its source.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.ended.is_empty() && self.disabled.is_empty() && self.unequal.is_empty()
    }
}

/// Runs the daemons until they have caught up with what happens on MySQL before and meanwhile, or have ended, and compares
/// the tables.
pub(crate) fn run(
    live: &mut LiveRun<'_>,
    meanwhile: &BTreeMap<String, String>,
) -> Result<DaemonOutcome, LiveError> {
    run_with_differences(live, meanwhile, &mut Vec::new())
}

/// The same, adding in what the tables differ.
pub(crate) fn run_with_differences(
    live: &mut LiveRun<'_>,
    meanwhile: &BTreeMap<String, String>,
    differences: &mut Vec<Difference>,
) -> Result<DaemonOutcome, LiveError> {
    let home = live.home(&live.scenario.upgraded)?;
    let mut ended = BTreeSet::new();
    for source in live.scenario.upgraded.keys() {
        ended.extend(daemon(live, &home, source, meanwhile)?);
    }
    let check = live.check()?;
    differences.extend(check.unequal.iter().cloned());
    let disabled = live.client.query(DISABLED, &[]).map_err(LiveError::sql("look for disabled tables"))?;
    Ok(DaemonOutcome {
        ended,
        disabled: disabled
            .iter()
            .map(|row| (row.get(0), row.get::<_, Option<String>>(1).unwrap_or_default().trim().to_owned()))
            .collect(),
        unequal: check.unequal.into_iter().map(|difference| difference.table).collect(),
        compared: check.tables.len(),
    })
}

/// Runs the daemon of a source; returns the error with which it ended at every start.
fn daemon(
    live: &mut LiveRun<'_>,
    home: &Home,
    source: &str,
    meanwhile: &BTreeMap<String, String>,
) -> Result<Option<String>, LiveError> {
    let chameleon2 = Chameleon2::new(&live.programs.chameleon2, live.processes, home);
    let parts = &live.scenario.upgraded[source];
    let mut of_source = meanwhile.clone();
    of_source.retain(|old, _| parts.contains(old));
    let mut errors = Vec::new();
    for _ in 0..STARTS {
        let mut daemon = chameleon2.start(source)?;
        if caught_up(live, source, &mut daemon)? {
            live.mysql(&of_source)?;
            if caught_up(live, source, &mut daemon)? {
                chameleon2.stop(vec![(source, daemon)], &mut live.client)?;
                return Ok(None);
            }
        }
        errors.extend(error(&daemon.output()));
        if errors.len() == 2 {
            break;
        }
    }
    let last = errors.pop();
    Ok(Some(last.unwrap_or_else(|| "it doesn't say why".to_owned())))
}

/// Waits until the daemon has read and replayed a change that is made now; false when it ends before that.
fn caught_up(live: &mut LiveRun<'_>, source: &str, daemon: &mut StartedProgram) -> Result<bool, LiveError> {
    let (old, mysql) = live.initialised_of(source)?;
    let (file, position) = mysql.here()?;
    marker::advance(mysql, &old.schema)?;
    let client = &mut live.client;
    let mut ended = false;
    let waited = daemon.wait_until("having read all that is on MySQL", TIMEOUT, |_| {
        is_behind(client, source, file, position)
    });
    match waited {
        Err(_) if daemon.ended()?.is_some() => ended = true,
        other => other?,
    }
    Ok(!ended)
}

fn is_behind(client: &mut Client, source: &str, file: i64, position: i64) -> Result<bool, LiveError> {
    let row = client
        .query_one(CAUGHT_UP, &[&source, &file, &position])
        .map_err(LiveError::sql(format!("look how far the source {source} has come")))?;
    Ok(row.get(0))
}

/// The error at the end of the last traceback.
fn error(output: &str) -> Option<String> {
    let (_, trace) = output.rsplit_once("Traceback (most recent call last):")?;
    let line = trace.lines().find(|line| line.contains(':') && !line.starts_with([' ', '\t']))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_first_line_behind_the_trace() {
        let output = "…\nTraceback (most recent call last):\n  File \"a.py\", line 1, in b\n    x: y\nKeyError: 'gone'\nDETAIL:  1\n";
        assert_eq!(error(output).as_deref(), Some("KeyError: 'gone'"));
        assert_eq!(error("nothing"), None);
    }
}

//! An upgrade by the original or by ours, with the last line of its output; or one that is killed with kill -9 in the middle.

use super::case::Case;
use crate::chameleon::barrier::session_waits;
use crate::chameleon::sessions;
use crate::live::LiveError;
use crate::live::run::LiveRun;
use crate::live::scenario::Program;
use crate::replica::report::Report;
use postgres::Client;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(120);

/// Lets whoever creates the first log table of a new source wait, and holds the lock that is waited for.
const CLOSE: &str = "
    SELECT pg_advisory_lock(1701);
    CREATE FUNCTION public.middle() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%t_log_replica%\\_1%') THEN
            PERFORM pg_advisory_xact_lock(1701);
        END IF;
    END $$;
    CREATE EVENT TRIGGER middle ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.middle()";

const OPEN: &str = "
    DROP EVENT TRIGGER middle;
    DROP FUNCTION public.middle();
    SELECT pg_advisory_unlock(1701)";

/// How an upgrade ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeResult {
    /// Its exit code; none when it was killed.
    pub exit: Option<i32>,
    /// The last line of its output.
    pub last_line: String,
    /// The checks of ours that refused.
    pub refused_by: Vec<String>,
}

/// Runs an upgrade as the case says it is run at first.
pub(super) fn first(live: &mut LiveRun<'_>, case: &Case, by: Program) -> Result<UpgradeResult, LiveError> {
    let upgraded = case.attempt.upgraded.as_ref().unwrap_or(&case.upgraded);
    let report = live.processes.folder().join("report.json");
    let path = report.display().to_string();
    let mut options = case.attempt.options.clone();
    options.extend(["--report".to_owned(), path]);
    if case.attempt.killed {
        live.client.batch_execute(CLOSE).map_err(LiveError::sql("hold the upgrade in its middle"))?;
        let (_home, mut running) = live.start_upgrade(by, upgraded, &options)?;
        let client: &mut Client = &mut live.client;
        running.wait_until("the middle", TIMEOUT, |_| session_waits(client))?;
        running.kill()?;
        sessions::end(&mut live.client)?;
        live.client.batch_execute(OPEN).map_err(LiveError::sql("let the upgrade go on"))?;
        return Ok(UpgradeResult { exit: None, last_line: String::new(), refused_by: vec![] });
    }
    let (_home, mut running) = live.start_upgrade(by, upgraded, &options)?;
    let status = running.wait(TIMEOUT)?;
    sessions::wait_for_the_end(&mut live.client)?;
    let refused_by = match by {
        Program::Original => vec![],
        Program::Ours => {
            let report = Report::read(&report).map_err(LiveError::io("read the report"))?;
            report.unwrap_or_default().failed_checks()
        }
    };
    Ok(UpgradeResult { exit: status.code(), last_line: last_line_of(&running.output()), refused_by })
}

/// Runs ours again, with the right configuration. It must succeed.
pub(super) fn again(live: &mut LiveRun<'_>, case: &Case) -> Result<(), LiveError> {
    if let Some(remedy) = &case.remedy {
        live.client.batch_execute(remedy).map_err(LiveError::sql("carry the remedy out"))?;
    }
    let (_home, mut running) = live.start_upgrade(Program::Ours, &case.upgraded, &case.attempt.options)?;
    let status = running.wait(TIMEOUT)?;
    if status.success() { Ok(()) } else { Err(running.failure(&format!("ended with {status}")).into()) }
}

/// The first line of the last message, without the time and the process before it.
fn last_line_of(output: &str) -> String {
    let of_a_log = |line: &str| line.split_once(" INFO: ").or_else(|| line.split_once(" ERROR: ")).is_some();
    let lines: Vec<_> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.iter().rev().find(|line| of_a_log(line)).or(lines.last());
    let text = last.copied().unwrap_or_default();
    let behind = text.split_once(" INFO: ").or_else(|| text.split_once(" ERROR: "));
    behind.map_or(text, |(_, last_line)| last_line).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_not_part_of_what_was_said() {
        let log = "WARNING, entering upgrade mode.\n2026-01-01 00:00:00 MainProcess INFO: Performing the upgrade\n\
                   2026-01-01 00:00:01 MainProcess INFO: Rollback successful. Look.\nYou will need to drop it.\n";
        assert_eq!(last_line_of(log), "Rollback successful. Look.");
        assert_eq!(last_line_of("one\ntwo\n\n"), "two");
    }
}

//! What stands in the way of undoing a successful upgrade. §way-back: as long as the 2.0 replica has applied
//! nothing, the two catalogues change places. What it has read alone is of no weight: 1.8.2 reads it again.

use crate::catalogue::names::{VERSION1, VERSION2, quote_identifier};
use crate::facts::postgres::CatalogueVersion;
use crate::facts::postgres::{Server, Session};
use crate::finding::Finding;
use crate::wording::counted;

/// All that is looked at before a rollback.
#[derive(Debug)]
pub struct Facts {
    /// The server, and which schemas are on it.
    pub server: Server,
    /// Sessions of pg_chameleon.
    pub sessions: Vec<Session>,
    /// What `_sch_chameleon_version1` is.
    pub put_aside: CatalogueVersion,
    /// Schemas of other names that hold what a catalogue holds; asked for only when there is no 1.7 one to go back to.
    pub elsewhere: Vec<String>,
    /// How far the new replica has come; none where the two catalogues can't be compared.
    pub progress: Option<Progress>,
}

/// How far the new replica has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The events that it has applied (`i_replayed` and `i_ddl` of its batches).
    pub applied: i64,
    /// The events that it could not apply (`t_error_log`).
    pub failed: i64,
    /// The sources whose first batch is gone: the daemon deletes what it has applied, after batch_retention.
    pub forgotten: i64,
    /// The tables that it has copied since the upgrade (sync_tables, refresh_schema, init_replica), or added.
    pub brought_anew: i64,
    /// The sources whose status says that they are at work.
    pub at_work: Vec<String>,
}

impl Progress {
    /// Whether 1.8.2 would no longer find the tables as it left them.
    #[must_use]
    pub fn has_gone_on(&self) -> bool {
        self.applied > 0 || self.failed > 0 || self.forgotten > 0 || self.brought_anew > 0
    }

    /// What it has done, for people.
    fn done(&self) -> String {
        let counted = |count: i64, one: &str| counted(count.unsigned_abs(), one);
        let all = [
            (self.applied, format!("{} applied", counted(self.applied, "event"))),
            (self.failed, format!("{} in its error log", counted(self.failed, "event"))),
            (self.forgotten, format!("the first batches of {} gone by", counted(self.forgotten, "source"))),
            (self.brought_anew, format!("{} copied or added", counted(self.brought_anew, "table"))),
        ];
        let done: Vec<_> = all.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
        done.join(", ")
    }
}

/// What the administrator has said on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    /// `--force`.
    pub force: bool,
    /// `--assume-stopped`.
    pub assume_stopped: bool,
}

/// What is in the way, with what to do about it. Nothing but warnings: the rollback may be done.
#[must_use]
pub fn obstacles(facts: &Facts, said: Said) -> Vec<Finding> {
    let mut findings: Vec<_> = facts.sessions.iter().map(at_work).collect();
    findings.extend(not_put_aside(facts));
    if facts.server.leftovers.iter().any(|schema| schema == VERSION2) {
        findings.push(Finding::error(
            "leftovers",
            format!(
                "The schema {VERSION2} is left over, and the 2.0 catalogue is to be kept under this name."
            ),
            format!("When it is of no more use: DROP SCHEMA {VERSION2} CASCADE; and run again."),
        ));
    }
    if !facts.server.role.owns_schema || !facts.server.role.may_create_schemas {
        findings.push(Finding::error(
            "role",
            format!("The role {} may not rename the catalogues.", facts.server.role.name),
            "Set pg_conn.user to the role that has done the upgrade: it owns both catalogues and may create schemas.",
        ));
    }
    if let Some(progress) = &facts.progress {
        if findings.is_empty() {
            findings.extend(killed(progress, said));
        }
        findings.extend(gone_on(progress, said));
    }
    findings
}

fn at_work(session: &Session) -> Finding {
    Finding::error(
        "replica-stopped",
        format!(
            "pg_chameleon is at work on this database: {:?} (server process {}).",
            session.application_name, session.pid
        ),
        "Stop the replica of every source (chameleon stop_replica), wait until it has ended, and run again.",
    )
}

fn not_put_aside(facts: &Facts) -> Option<Finding> {
    let found = match &facts.put_aside {
        CatalogueVersion::V1_7 => return None,
        CatalogueVersion::Missing => format!("There is no schema {VERSION1}: it has been dropped or renamed"),
        _ => format!("The schema {VERSION1} is no 1.7 catalogue"),
    };
    let renamed: Vec<_> = facts
        .elsewhere
        .iter()
        .map(|schema| format!("ALTER SCHEMA {} RENAME TO {VERSION1};", quote_identifier(schema)))
        .collect();
    let remedy = if renamed.is_empty() {
        "Restore it from the backup that was made before the upgrade.".to_owned()
    } else {
        format!(
            "If it is one of these, give it its name back, and run again: {} Else restore it from the backup that was made \
             before the upgrade.",
            renamed.join(" ")
        )
    };
    Some(Finding::error(
        "catalogue-put-aside",
        format!("{found}, and so there is nothing to go back to."),
        remedy,
    ))
}

fn killed(progress: &Progress, said: Said) -> Option<Finding> {
    if progress.at_work.is_empty() {
        return None;
    }
    let found = format!(
        "The status of {} says that the 2.0 replica is at work. Not all of its sessions can be seen by their names.",
        progress.at_work.join(", ")
    );
    Some(if said.assume_stopped {
        Finding::warning("replica-stopped", found, "Taken as stopped, because of --assume-stopped.")
    } else {
        Finding::error(
            "replica-stopped",
            found,
            "Stop it (chameleon stop_replica). When it was killed, make sure that no process of it is left, then run again \
             with --assume-stopped.",
        )
    })
}

fn gone_on(progress: &Progress, said: Said) -> Option<Finding> {
    if !progress.has_gone_on() {
        return None;
    }
    let found = format!(
        "The 2.0 replica has gone on since the upgrade: {}. What it has written to the destination tables stays there, and \
         1.8.2 will read the same events again: rows are doubled, or its replay stops at them.",
        progress.done()
    );
    Some(if said.force {
        Finding::warning(
            "replica-went-on",
            found,
            "Goes on, because of --force. Bring the tables anew with 1.8.2's init_replica before its replica is started.",
        )
    } else {
        Finding::error(
            "replica-went-on",
            found,
            "Stay with 2.0. To go back all the same, and bring the tables anew with 1.8.2's init_replica before its \
             replica is started: run again with --force.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::postgres::Role;
    use crate::finding::Severity;

    fn facts() -> Facts {
        Facts {
            server: Server {
                version_number: 150_000,
                version: "15".into(),
                database: "db".into(),
                in_recovery: false,
                read_only: false,
                role: Role {
                    name: "me".into(),
                    may_create_schemas: true,
                    owns_schema: true,
                    not_owned: vec![],
                },
                schema_owner: Some("me".into()),
                has_version: true,
                leftovers: vec![VERSION1.into()],
            },
            sessions: vec![],
            put_aside: CatalogueVersion::V1_7,
            elsewhere: vec![],
            progress: Some(Progress::default()),
        }
    }

    fn errors(facts: &Facts, said: Said) -> Vec<&'static str> {
        let findings = obstacles(facts, said);
        findings.iter().filter(|it| it.severity == Severity::Error).map(|it| it.check).collect()
    }

    #[test]
    fn nothing_is_in_the_way_until_the_new_replica_has_gone_on() {
        assert!(obstacles(&facts(), Said::default()).is_empty());
        for (progress, told) in [
            (Progress { applied: 1, ..Progress::default() }, "upgrade: 1 event applied."),
            (Progress { failed: 2, ..Progress::default() }, "upgrade: 2 events in its error log."),
            (
                Progress { forgotten: 1, ..Progress::default() },
                "upgrade: the first batches of 1 source gone by.",
            ),
            (
                Progress { applied: 7, brought_anew: 2, ..Progress::default() },
                "upgrade: 7 events applied, 2 tables copied or added.",
            ),
        ] {
            let gone_on = Facts { progress: Some(progress), ..facts() };
            assert!(obstacles(&gone_on, Said::default())[0].found.contains(told), "{told}");
            assert_eq!(errors(&gone_on, Said::default()), ["replica-went-on"]);
            let forced = Said { force: true, ..Said::default() };
            assert!(errors(&gone_on, forced).is_empty());
            assert_eq!(obstacles(&gone_on, forced).len(), 1, "the warning stays");
        }
    }

    #[test]
    fn a_replica_that_may_be_at_work_is_to_be_stopped() {
        let progress = Some(Progress { at_work: vec!["shop".into()], ..Progress::default() });
        let killed = Facts { progress, ..facts() };
        assert_eq!(errors(&killed, Said::default()), ["replica-stopped"]);
        assert!(errors(&killed, Said { assume_stopped: true, ..Said::default() }).is_empty());
        let session = Session { pid: 1, role: None, application_name: "[pg_chameleon]".into(), client: None };
        let working = Facts { sessions: vec![session], ..facts() };
        let said = Said { assume_stopped: true, force: true };
        assert_eq!(errors(&working, said), ["replica-stopped"], "whatever was said");
    }

    #[test]
    fn there_must_be_something_to_go_back_to_and_a_name_to_keep_the_rest_under() {
        for put_aside in [CatalogueVersion::Missing, CatalogueVersion::Foreign, CatalogueVersion::V2_0_10] {
            let found = Facts { put_aside, progress: None, ..facts() };
            assert_eq!(errors(&found, Said { force: true, assume_stopped: true }), ["catalogue-put-aside"]);
        }
        let mut taken = facts();
        taken.server.leftovers.push(VERSION2.into());
        assert_eq!(errors(&taken, Said::default()), ["leftovers"]);
        let mut foreign = facts();
        foreign.server.role.owns_schema = false;
        assert_eq!(errors(&foreign, Said::default()), ["role"]);
    }
}

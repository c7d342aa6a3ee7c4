//! What stands in the way of undoing a successful upgrade. §way-back: as long as the 2.0 replica has applied
//! nothing, the two catalogues change places. What it has read alone is of no weight: 1.8.2 reads it again. After that
//! 1.8.2 goes on where 2.0 stopped ([`super::going_on`]).

use super::examined::Examined;
use super::going_on;
use crate::checks::{Check, replica_stopped};
use crate::facts::postgres::{CatalogueVersion, Role};
use crate::finding::{Finding, Severity};
use crate::names::{VERSION1, VERSION2, quote_identifier};

/// Every check of a rollback, in the order in which findings are shown.
pub const CHECKS: &[Check<Examined>] = &[
    REPLICA_STOPPED,
    CATALOGUE_PUT_ASIDE,
    LEFTOVERS,
    ROLE,
    REPLICA_WENT_ON,
    going_on::MAPPINGS,
    going_on::START,
    going_on::LOST,
    going_on::TABLES,
];

const REPLICA_STOPPED: Check<Examined> = Check {
    id: "replica-stopped",
    about: "No pg_chameleon is at work on the catalogue",
    rule: "§way-back-first",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| match examined.sessions.as_slice() {
        [] => killed(examined).into_iter().collect(),
        sessions => sessions
            .iter()
            .map(|it| replica_stopped::at_work(&REPLICA_STOPPED, it, replica_stopped::STOP))
            .collect(),
    },
};

const CATALOGUE_PUT_ASIDE: Check<Examined> = Check {
    id: "catalogue-put-aside",
    about: "The 1.7 catalogue that the upgrade has put aside is there",
    rule: "§way-back-refused",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| not_put_aside(examined).into_iter().collect(),
};

const LEFTOVERS: Check<Examined> = Check {
    id: "leftovers",
    about: "The name that the 2.0 catalogue is kept under is free",
    rule: "§way-back",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let taken = examined.server.leftovers.iter().filter(|schema| *schema == VERSION2);
        taken.map(|_| left_over()).collect()
    },
};

const ROLE: Check<Examined> = Check {
    id: "role",
    about: "The role of the configuration may rename the catalogues",
    rule: "§way-back",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let role = &examined.server.role;
        if role.owns_schema && role.may_create_schemas { vec![] } else { vec![not_allowed(role)] }
    },
};

const REPLICA_WENT_ON: Check<Examined> = Check {
    id: "replica-went-on",
    about: "The 2.0 replica has applied nothing since the upgrade",
    rule: "§way-back",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run: |examined| gone_on(examined).into_iter().collect(),
};

/// What is in the way, with what to do about it. Nothing but warnings: the rollback may be done.
#[must_use]
pub fn run(examined: &Examined) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check.findings(examined)).collect()
}

fn left_over() -> Finding {
    LEFTOVERS.error(
        format!("The schema {VERSION2} is left over, and the 2.0 catalogue is to be kept under this name."),
        "Look at it with chameleon-upgrade cleanup, which drops it when it is of no more use (--schema version2 --drop) or keeps \
         it under another name (--rename-to NAME). Then run again.",
    )
}

fn not_allowed(role: &Role) -> Finding {
    ROLE.error(
        format!("The role {} may not rename the catalogues.", role.name),
        "Set pg_conn.user to the role that has done the upgrade: it owns both catalogues and may create schemas.",
    )
}

fn not_put_aside(facts: &Examined) -> Option<Finding> {
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
    Some(CATALOGUE_PUT_ASIDE.error(format!("{found}, and so there is nothing to go back to."), remedy))
}

fn killed(examined: &Examined) -> Option<Finding> {
    let progress = examined.progress.as_ref().filter(|progress| !progress.at_work.is_empty())?;
    let found = format!(
        "The status of {} says that the 2.0 replica is at work. Not all of its sessions can be seen by their names.",
        progress.at_work.join(", ")
    );
    let (remedy, assume_stopped) = (replica_stopped::STOP_OR_ASSUME, examined.options.assume_stopped);
    Some(replica_stopped::said_to_be_at_work(&REPLICA_STOPPED, found, remedy, assume_stopped))
}

fn gone_on(examined: &Examined) -> Option<Finding> {
    let progress = examined.progress.as_ref().filter(|progress| progress.has_gone_on())?;
    let found = format!("The 2.0 replica has gone on since the upgrade: {}.", progress.done());
    Some(if examined.options.force {
        REPLICA_WENT_ON.warning(
            format!(
                "{found} With --force the 1.7 catalogue is put back as it was then: 1.8.2 would read the same events again, and \
                 rows are doubled, or its replay stops at them."
            ),
            "Bring the tables anew with 1.8.2's init_replica before its replica is started.",
        )
    } else {
        REPLICA_WENT_ON.info(format!("{found} 1.8.2 goes on from where 2.0 stands."))
    })
}

#[cfg(test)]
mod tests {
    use super::super::examined::{Options, Progress};
    use super::*;
    use crate::facts::postgres::{Server, Session};

    fn facts() -> Examined {
        Examined {
            server: Server {
                version_number: 150_000,
                version: "15".into(),
                database: "db".into(),
                in_recovery: false,
                read_only: false,
                awaited_standbys: None,
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
            going_on: None,
            options: Options::default(),
        }
    }

    fn with(facts: &Examined, options: Options) -> Examined {
        Examined {
            server: facts.server.clone(),
            sessions: facts.sessions.clone(),
            put_aside: facts.put_aside.clone(),
            elsewhere: facts.elsewhere.clone(),
            progress: facts.progress.clone(),
            going_on: None,
            options,
        }
    }

    fn found(facts: &Examined, options: Options) -> Vec<Finding> {
        CHECKS.iter().flat_map(|check| check.findings(&with(facts, options))).collect()
    }

    fn errors(facts: &Examined, options: Options) -> Vec<&'static str> {
        let findings = found(facts, options);
        findings.iter().filter(|it| it.severity == Severity::Error).map(|it| it.check).collect()
    }

    #[test]
    fn how_far_the_new_replica_has_gone_on_is_told() {
        assert!(found(&facts(), Options::default()).is_empty());
        for (progress, told) in [
            (Progress { applied: 1, ..Progress::default() }, "upgrade: 1 event applied."),
            (Progress { failed: 2, ..Progress::default() }, "upgrade: 2 events in its error log."),
            (Progress { brought_anew: 1, ..Progress::default() }, "upgrade: 1 table copied or added."),
            (
                Progress { forgotten: 1, ..Progress::default() },
                "upgrade: the first batches of 1 source gone by.",
            ),
            (
                Progress { applied: 7, brought_anew: 2, ..Progress::default() },
                "upgrade: 7 events applied, 2 tables copied or added.",
            ),
        ] {
            let gone_on = Examined { progress: Some(progress), ..facts() };
            let found = |options| found(&gone_on, options).remove(0);
            assert!(found(Options::default()).found.contains(told), "{told}");
            assert_eq!(found(Options::default()).severity, Severity::Info);
            let forced = found(Options { force: true, ..Options::default() });
            assert_eq!(forced.severity, Severity::Warning);
            assert!(forced.found.contains("rows are doubled"));
        }
    }

    #[test]
    fn a_replica_that_may_be_at_work_is_to_be_stopped() {
        let progress = Some(Progress { at_work: vec!["shop".into()], ..Progress::default() });
        let killed = Examined { progress, ..facts() };
        assert_eq!(errors(&killed, Options::default()), ["replica-stopped"]);
        assert!(errors(&killed, Options { assume_stopped: true, ..Options::default() }).is_empty());
        let session = Session { pid: 1, role: None, application_name: "[pg_chameleon]".into(), client: None };
        let working = Examined { sessions: vec![session], ..facts() };
        let options = Options { assume_stopped: true, force: true };
        assert_eq!(errors(&working, options), ["replica-stopped"], "whatever the options");
    }

    #[test]
    fn there_must_be_something_to_go_back_to_and_a_name_to_keep_the_rest_under() {
        for put_aside in [CatalogueVersion::Missing, CatalogueVersion::Foreign, CatalogueVersion::V2_0_10] {
            let nothing = Examined { put_aside, progress: None, ..facts() };
            assert_eq!(
                errors(&nothing, Options { force: true, assume_stopped: true }),
                ["catalogue-put-aside"]
            );
        }
        let mut taken = facts();
        taken.server.leftovers.push(VERSION2.into());
        assert_eq!(errors(&taken, Options::default()), ["leftovers"]);
        let mut foreign = facts();
        foreign.server.role.owns_schema = false;
        assert_eq!(errors(&foreign, Options::default()), ["role"]);
    }
}

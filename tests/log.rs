//! What MySQL logs under each setting, what the real daemon of 2.0.21 does with it, and what `check` says: the cases of
//! scenarios/log/cases.yaml on the real servers are docs/log.md, which must say what they show. `CHAMELEON_WRITE_DOCS=1`
//! writes it anew. It takes minutes, so `make live` runs it and `make test` doesn't.

#![expect(clippy::expect_used, reason = "without its file the suite has nothing to run")]

use chameleon_harness::live::logged::{self, Case, Shown, document};
use chameleon_harness::live::{Programs, documents};
use chameleon_harness::process::tools;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::server::mysql::MySqlKind;
use chameleon_harness::server::{self, Server};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// As of the live scenarios.
const AT_A_TIME: usize = 2;

/// The servers: Oracle's without GTIDs and with them.
const SERVERS: [(MySqlKind, bool, &str); 3] = [
    (MySqlKind::MariaDb, false, "MariaDB"),
    (MySqlKind::MySql, false, "MySQL"),
    (MySqlKind::MySql, true, "MySQL with GTIDs"),
];

/// What the cases have shown, by their place in the file and the place of the server.
type All = Arc<Mutex<BTreeMap<(usize, usize), Shown>>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let wanted = arguments.filter.is_some()
        || documents::is_written()
        || env::var_os("CHAMELEON_LIVE").is_some_and(|value| value == "all");
    let cases = Arc::new(cases().expect("the cases"));
    let all = All::default();
    let servers = SERVERS.iter().enumerate();
    let trials: Vec<_> = servers.flat_map(|(server, _)| trials(server, &cases, wanted, &all)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |(number, case): (usize, &Case)| {
        let servers = SERVERS.iter().enumerate().filter(|(_, (kind, gtids, _))| case.is_of(*kind, *gtids));
        servers.map(|(server, (_, _, name))| (number, server, *name)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = cases.iter().enumerate().flat_map(of).collect();
    if conclusion.has_failed() || all.len() < rows.len() {
        for ((number, server), shown) in all.iter() {
            println!("{} | {} | {shown:?}", cases[*number].case, SERVERS[*server].2);
        }
        return conclusion.exit_code();
    }
    let rows = rows.into_iter().map(|(number, server, name)| {
        (cases[number].case.clone(), name.to_owned(), all[&(number, server)].clone())
    });
    match settle(&document(&rows.collect::<Vec<_>>())) {
        Ok(()) => conclusion.exit_code(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/log/cases.yaml");
    Ok(yaml_serde::from_str(&fs::read_to_string(path)?)?)
}

/// Those that go together on one replica, and each of the others.
fn trials(server: usize, cases: &Arc<Vec<Case>>, wanted: bool, all: &All) -> Vec<Trial> {
    let (kind, gtids, title) = SERVERS[server];
    let programs = Programs::find(kind).map_err(|missing| missing.to_string());
    let programs = Arc::new(if gtids { programs.map(Programs::with_gtids) } else { programs });
    let skip = programs.as_ref().as_ref().err().filter(|_| !tools::everything_is_required());
    if let Some(missing) = skip {
        eprintln!("what {title} logs is skipped, {missing}");
    }
    let of_it: Vec<_> = (0..cases.len()).filter(|number| cases[*number].is_of(kind, gtids)).collect();
    let (alone, together): (Vec<_>, Vec<_>) = of_it.into_iter().partition(|number| cases[*number].alone);
    let mut groups: Vec<_> =
        alone.into_iter().map(|number| (cases[number].case.clone(), vec![number])).collect();
    groups.insert(0, ("together".to_owned(), together));
    let ignored = skip.is_some() || !wanted;
    let trial = |(name, numbers): (String, Vec<usize>)| {
        let (cases, programs, all) = (Arc::clone(cases), Arc::clone(&programs), Arc::clone(all));
        let test = move || {
            let shown =
                shown(&numbers, &cases, programs.as_ref().as_ref()?).map_err(|error| error.to_string())?;
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(numbers.iter().map(|number| (*number, server)).zip(shown));
            Ok::<(), String>(())
        };
        Trial::test(format!("{title}/{name}"), move || test().map_err(Failed::from))
            .with_ignored_flag(ignored)
    };
    groups.into_iter().filter(|(_, numbers)| !numbers.is_empty()).map(trial).collect()
}

fn shown(numbers: &[usize], cases: &[Case], programs: &Programs) -> Result<Vec<Shown>, Box<dyn Error>> {
    let database = server::shared()?.create_database()?;
    let upgrader = Upgrader::with_mysql(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    let cases: Vec<_> = numbers.iter().map(|number| &cases[*number]).collect();
    Ok(logged::run(&cases, programs, &upgrader, database)?)
}

fn settle(document: &str) -> Result<(), Box<dyn Error>> {
    documents::settle(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/log.md"), document, "document-log")
}

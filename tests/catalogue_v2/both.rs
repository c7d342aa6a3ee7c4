//! Two databases on one server: in one the catalogue that pg_chameleon 2.0.21 installs, in the other ours.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use chameleon_harness::process::tools::{self, Missing};
use chameleon_harness::server::{self, Binaries, Database, Server};
use chameleon_upgrade::catalogue::v2;
use chameleon_upgrade::names;
use libtest_mimic::{Failed, Trial};
use postgres::Client;

use crate::real::{self, Chameleon};

/// The source that both catalogues know.
pub const SOURCE: &str = "shop";

/// The real catalogue and ours, each with the source [`SOURCE`] and its log tables.
pub struct Both {
    pub real: Client,
    pub ours: Client,
    _databases: [Database; 2],
}

impl Both {
    fn create() -> Result<Self, Failed> {
        let server = server::shared()?;
        let real = server.create_database()?;
        let chameleon = Chameleon::on(&real, SOURCE)?;
        chameleon.create_replica_schema()?;
        chameleon.run_for_source("add_source")?;
        let ours = server.create_database()?;
        let mut our_client = ours.connect()?;
        install(&mut our_client)?;
        add_source(&mut our_client, SOURCE)?;
        Ok(Self { real: real.connect()?, ours: our_client, _databases: [real, ours] })
    }
}

/// Installs our catalogue as the upgrade does.
pub fn install(client: &mut Client) -> Result<(), Failed> {
    let mut transaction = client.transaction().answer()?;
    transaction
        .batch_execute(&format!("SET LOCAL search_path = ''; CREATE SCHEMA {}", names::SCHEMA))
        .answer()?;
    for (part, sql) in v2::INSTALL {
        transaction.batch_execute(sql).map_err(|error| format!("{part}: {}", in_full(&error)))?;
    }
    transaction.commit().answer()
}

/// Does what the command add_source leaves behind.
pub fn add_source(client: &mut Client, source: &str) -> Result<(), Failed> {
    let log_tables = names::log_table_names(source).to_vec();
    client
        .execute(
            "WITH source AS (
            INSERT INTO sch_chameleon.t_sources (t_source, jsb_schema_mappings, enm_source_type, v_log_table)
            VALUES ($1, '{\"mysql_a\": \"dest_a\", \"mysql_b\": \"dest_b\"}', 'mysql', $2)
            RETURNING i_id_source
        ), received AS (
            INSERT INTO sch_chameleon.t_last_received (i_id_source) SELECT i_id_source FROM source
        )
        INSERT INTO sch_chameleon.t_last_replayed (i_id_source) SELECT i_id_source FROM source",
            &[&source, &log_tables],
        )
        .answer()?;
    client.batch_execute("SELECT sch_chameleon.fn_refresh_parts()").answer()
}

/// The two catalogues, for one test at a time.
fn both() -> Result<MutexGuard<'static, Both>, Failed> {
    static BOTH: OnceLock<Result<Mutex<Both>, String>> = OnceLock::new();
    let made = BOTH.get_or_init(|| {
        Both::create().map(Mutex::new).map_err(|failed| failed.message().unwrap_or_default().to_owned())
    });
    match made {
        Ok(both) => Ok(both.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(message) => Err(message.into()),
    }
}

/// A test on both catalogues.
pub fn trial(name: &str, test: impl FnOnce(&mut Both) -> Result<(), Failed> + Send + 'static) -> Trial {
    unless(name, Binaries::find(None).err().or_else(real::missing), move || test(&mut *both()?))
}

/// A test on an empty database, without pg_chameleon.
pub fn trial_of_ours(
    name: &str,
    test: impl FnOnce(&mut Client) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    unless(name, Binaries::find(None).err(), move || {
        let database = server::shared()?.create_database()?;
        test(&mut database.connect()?)
    })
}

/// A test that needs the real program and databases of its own.
pub fn trial_of_commands(
    name: &str,
    test: impl FnOnce(&Database) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    unless(name, Binaries::find(None).err().or_else(real::missing), move || {
        test(&server::shared()?.create_database()?)
    })
}

/// The test, skipped with the reason in its name when something is missing; a failure where all must be there.
fn unless(
    name: &str,
    missing: Option<Missing>,
    test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    match missing {
        None => Trial::test(name, test),
        Some(missing) if tools::everything_is_required() => Trial::test(name, move || Err(missing.into())),
        Some(missing) => {
            let message = missing.to_string();
            Trial::test(format!("{name} (skipped: {missing})"), move || Err(message.into()))
                .with_ignored_flag(true)
        }
    }
}

/// What the server said, which the client library leaves to the error's source.
pub fn in_full(error: &postgres::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Answers of the server, with its own words when it refuses.
pub trait Answer<T> {
    /// The answer, or the failure of the test.
    fn answer(self) -> Result<T, Failed>;
}

impl<T> Answer<T> for Result<T, postgres::Error> {
    fn answer(self) -> Result<T, Failed> {
        self.map_err(|error| in_full(&error).into())
    }
}

/// Two lists of lines must be the same; the message shows what only one of them has.
pub fn same_lines(what: &str, real: &[String], ours: &[String]) -> Result<(), Failed> {
    let only = |sign: char, here: &[String], there: &[String]| -> Vec<String> {
        here.iter().filter(|line| !there.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    if real == ours {
        return Ok(());
    }
    let mut difference = only('-', real, ours);
    difference.extend(only('+', ours, real));
    if difference.is_empty() {
        difference.push(format!("the same lines in another order:\nreal {real:#?}\nours {ours:#?}"));
    }
    Err(format!("{what} differ (- real, + ours):\n{}", difference.join("\n")).into())
}

/// A test's condition.
pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}

//! The real commands work on our catalogue, also for sources that they can't add to their own.

use chameleon_harness::server::Database;
use libtest_mimic::{Failed, Trial};

use crate::both::{Answer, check, install, trial_of_commands};
use crate::real::Chameleon;

pub fn trials() -> Vec<Trial> {
    vec![
        trial_of_commands("commands::add_source_and_show_status_work_on_ours", |database| {
            on_ours(database, "shop")
        }),
        trial_of_commands("commands::add_source_works_on_ours_for_an_odd_name", |database| {
            on_ours(database, "Odd name")
        }),
        trial_of_commands("commands::drop_source_leaves_no_log_table", drop_source),
    ]
}

fn on_ours(database: &Database, source: &str) -> Result<(), Failed> {
    let mut client = database.connect()?;
    install(&mut client)?;
    let chameleon = Chameleon::on(database, source)?;
    chameleon.run_for_source("add_source")?;
    let status = chameleon.run_for_source("show_status")?;
    check(status.contains(source) && status.contains("ready"), || status.clone())?;
    let log_tables: Vec<String> =
        client.query_one("SELECT v_log_table::text[] FROM sch_chameleon.t_sources", &[]).answer()?.get(0);
    check(log_tables == chameleon_upgrade::names::log_table_names(source), || format!("{log_tables:?}"))?;
    let made: i64 = client.query_one("SELECT count(*) FROM pg_inherits", &[]).answer()?.get(0);
    check(made == 2, || format!("{made} log tables"))
}

fn drop_source(database: &Database) -> Result<(), Failed> {
    let mut client = database.connect()?;
    install(&mut client)?;
    let chameleon = Chameleon::on(database, "shop")?;
    chameleon.run_for_source("add_source")?;
    chameleon.run_for_source("drop_source")?;
    let left: i64 = client
        .query_one(
            "SELECT (SELECT count(*) FROM sch_chameleon.t_sources) + (SELECT count(*) FROM pg_inherits)",
            &[],
        )
        .answer()?
        .get(0);
    check(left == 0, || format!("{left} sources and log tables left"))
}

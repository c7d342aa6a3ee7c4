//! fn_refresh_parts makes the log tables of a source whatever it is called. The real one does so only for names that
//! are plain and short.

use chameleon_upgrade::names;
use libtest_mimic::{Failed, Trial};
use postgres::Client;

use crate::both::{Answer, Both, add_source, check, in_full, install, trial, trial_of_ours};

/// The log tables in the order of their names, each with its primary key, foreign key and index on the batch; those
/// that it lacks are left out.
const LOG_TABLES: &str = "
    SELECT array_remove(ARRAY[
        log.relname,
        (SELECT conname FROM pg_constraint WHERE conrelid = log.oid AND contype = 'p'),
        (SELECT conname FROM pg_constraint WHERE conrelid = log.oid AND contype = 'f'),
        (SELECT idx.relname FROM pg_index ind JOIN pg_class idx ON idx.oid = ind.indexrelid
            WHERE ind.indrelid = log.oid AND pg_get_indexdef(ind.indexrelid, 1, false) = 'i_id_batch')
    ]::text[], NULL)
    FROM pg_inherits inh
    JOIN pg_class log ON log.oid = inh.inhrelid
    WHERE inh.inhparent = 'sch_chameleon.t_log_replica'::regclass
    ORDER BY log.relname COLLATE \"C\"";

/// The name of a log table and of what belongs to it.
type LogTable = Vec<String>;

pub fn trials() -> Vec<Trial> {
    vec![
        trial_of_ours("refresh_parts::a_plain_source_has_the_names_of_the_real_catalogue", plain_source),
        trial_of_ours("refresh_parts::any_source_gets_two_complete_log_tables", any_source),
        trial_of_ours("refresh_parts::what_is_missing_is_made_and_what_is_there_is_left", restores_missing),
        trial_of_ours("refresh_parts::a_name_that_does_not_fit_is_refused", refuses_long_name),
        real_fails("a name that needs quotes", "Odd name", "syntax error"),
        real_fails("a name at which those of the keys are cut", &"s".repeat(46), "already exists"),
        trial("refresh_parts::differs: at some lengths the real one leaves out an index", missing_index),
    ]
}

fn plain_source(client: &mut Client) -> Result<(), Failed> {
    install(client)?;
    add_source(client, "shop")?;
    let log_tables = log_tables(client)?;
    check(log_tables == [plain("shop", 1), plain("shop", 2)], || format!("{log_tables:#?}"))
}

fn plain(source: &str, number: u8) -> LogTable {
    let table = format!("t_log_replica_{source}_{number}");
    ["", "pk_", "fk_", "idx_id_batch_"].map(|prefix| format!("{prefix}{table}")).to_vec()
}

fn any_source(client: &mut Client) -> Result<(), Failed> {
    install(client)?;
    let sources = [
        "Shop".to_owned(),
        "shop".to_owned(),
        "two words".to_owned(),
        "a \"quoted\", it's \\ name".to_owned(),
        "ça".to_owned(),
        "é".repeat(23),
        "s".repeat(35),
        "s".repeat(44),
        "s".repeat(45),
        "t".repeat(45),
        "s".repeat(names::MAX_SOURCE_NAME_BYTES),
    ];
    for source in &sources {
        add_source(client, source)?;
    }
    let log_tables = log_tables(client)?;
    check(log_tables.len() == 2 * sources.len(), || format!("{log_tables:#?}"))?;
    check(log_tables.iter().all(|table| table.len() == 4), || format!("{log_tables:#?}"))
}

fn restores_missing(client: &mut Client) -> Result<(), Failed> {
    install(client)?;
    add_source(client, "shop")?;
    let complete = log_tables(client)?;
    client
        .batch_execute(
            "INSERT INTO sch_chameleon.t_replica_batch (i_id_source) VALUES (1);
            INSERT INTO sch_chameleon.t_log_replica_shop_1
                (i_id_batch, v_table_name, v_schema_name, enm_binlog_event)
            VALUES (1, 'orders', 'dest_a', 'insert');
            DROP TABLE sch_chameleon.t_log_replica_shop_2;
            DROP INDEX sch_chameleon.idx_id_batch_t_log_replica_shop_1;
            SET search_path = pg_catalog;
            SELECT sch_chameleon.fn_refresh_parts();
            RESET search_path",
        )
        .answer()?;
    let restored = log_tables(client)?;
    check(restored == complete, || format!("{restored:#?}"))?;
    let kept: i64 =
        client.query_one("SELECT count(*) FROM sch_chameleon.t_log_replica", &[]).answer()?.get(0);
    check(kept == 1, || format!("{kept} rows left of 1"))
}

fn refuses_long_name(client: &mut Client) -> Result<(), Failed> {
    install(client)?;
    let refused = add_source(client, &"s".repeat(names::MAX_SOURCE_NAME_BYTES + 1));
    let message = refused.err().and_then(|failed| failed.message().map(str::to_owned)).unwrap_or_default();
    check(message.contains("longer than 63 bytes"), || format!("not refused: {message:?}"))
}

/// A source for which the real function fails with `error`, and ours makes both log tables.
fn real_fails(name: &str, source: &str, error: &'static str) -> Trial {
    let source = source.to_owned();
    trial(&format!("refresh_parts::differs: {name} makes the real one fail"), move |both| {
        let real = of_new_source(&mut both.real, &source)?;
        check(real.as_ref().is_err_and(|message| message.contains(error)), || format!("real: {real:#?}"))?;
        let ours = of_new_source(&mut both.ours, &source)?;
        check(ours.as_ref().is_ok_and(|tables| tables.len() == 2), || format!("ours: {ours:#?}"))
    })
}

/// The names of both indexes are cut to the same one: the real function takes the second for made.
fn missing_index(both: &mut Both) -> Result<(), Failed> {
    let source = "s".repeat(40);
    let pieces = |log_tables: Vec<LogTable>| -> Vec<usize> { log_tables.iter().map(Vec::len).collect() };
    let real = of_new_source(&mut both.real, &source)?.map(pieces);
    check(real == Ok(vec![4, 3]), || format!("real: {real:?}"))?;
    let ours = of_new_source(&mut both.ours, &source)?.map(pieces);
    check(ours == Ok(vec![4, 4]), || format!("ours: {ours:?}"))
}

/// The log tables that fn_refresh_parts makes for a new source, or why it failed. Leaves nothing behind.
fn of_new_source(client: &mut Client, source: &str) -> Result<Result<Vec<LogTable>, String>, Failed> {
    let names = names::log_table_names(source).to_vec();
    let mut transaction = client.transaction().answer()?;
    transaction
        .execute(
            "INSERT INTO sch_chameleon.t_sources (t_source, jsb_schema_mappings, enm_source_type, v_log_table)
            VALUES ($1, '{}', 'mysql', $2)",
            &[&source, &names],
        )
        .answer()?;
    if let Err(error) = transaction.batch_execute("SELECT sch_chameleon.fn_refresh_parts()") {
        return Ok(Err(in_full(&error)));
    }
    let rows = transaction.query(LOG_TABLES, &[]).answer()?;
    let all = rows.iter().map(|row| row.get(0));
    Ok(Ok(all.filter(|table: &LogTable| names.contains(&table[0])).collect()))
}

fn log_tables(client: &mut Client) -> Result<Vec<LogTable>, Failed> {
    Ok(client.query(LOG_TABLES, &[]).answer()?.iter().map(|row| row.get(0)).collect())
}

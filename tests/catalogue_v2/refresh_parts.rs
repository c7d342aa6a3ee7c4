//! fn_refresh_parts makes the log tables of a source whatever it is called. The real one does so only for names that
//! are plain, in lower case and short.

use chameleon_upgrade::catalogue::names;
use libtest_mimic::{Failed, Trial};
use postgres::Client;

use crate::both::{Answer, add_source, check, in_full, install, same_lines, trial, trial_of_ours};

/// One line a log table: its name and those of its primary key, foreign key and index on the batch.
const LOG_TABLES: &str = "
    SELECT concat_ws(', ', log.relname,
        (SELECT conname FROM pg_constraint WHERE conrelid = log.oid AND contype = 'p'),
        (SELECT conname FROM pg_constraint WHERE conrelid = log.oid AND contype = 'f'),
        (SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = log.oid AND NOT indisprimary
            AND pg_get_indexdef(indexrelid, 1, false) = 'i_id_batch'))
    FROM pg_inherits inh
    JOIN pg_class log ON log.oid = inh.inhrelid
    WHERE inh.inhparent = 'sch_chameleon.t_log_replica'::regclass
    ORDER BY log.relname COLLATE \"C\"";

pub fn trials() -> Vec<Trial> {
    vec![
        trial_of_ours("refresh_parts::a_plain_source_has_the_names_of_the_real_catalogue", |client| {
            install(client)?;
            add_source(client, "shop")?;
            same_lines("log tables", &[plain("shop", 1), plain("shop", 2)], &log_tables(client)?)
        }),
        trial_of_ours("refresh_parts::any_source_gets_two_complete_log_tables", any_source),
        trial_of_ours("refresh_parts::what_is_missing_is_made_and_what_is_there_is_left", restores_missing),
        trial_of_ours("refresh_parts::a_name_that_does_not_fit_is_refused", |client| {
            install(client)?;
            let refused = add_source(client, &"s".repeat(names::MAX_SOURCE_NAME_BYTES + 1));
            let message =
                refused.err().and_then(|failed| failed.message().map(str::to_owned)).unwrap_or_default();
            check(message.contains("longer than 63 bytes"), || format!("not refused: {message:?}"))
        }),
        real_fails("a name that needs quotes", "Odd name", "syntax error"),
        real_fails("a name at which those of the keys are cut", &"s".repeat(46), "already exists"),
        trial(
            "refresh_parts::differs: a name whose index names are cut leaves the real one without one",
            |both| {
                let source = "s".repeat(40);
                let real = in_a_transaction(&mut both.real, &source)?.1;
                let ours = in_a_transaction(&mut both.ours, &source)?.1;
                let of_source = |lines: &[String]| -> Vec<usize> {
                    lines
                        .iter()
                        .filter(|line| line.contains(&source))
                        .map(|line| line.split(", ").count())
                        .collect()
                };
                check(of_source(&real) == [4, 3], || format!("real: {real:#?}"))?;
                check(of_source(&ours) == [4, 4], || format!("ours: {ours:#?}"))
            },
        ),
    ]
}

/// A source for which the real function fails with `error`, and ours makes both log tables.
fn real_fails(name: &str, source: &str, error: &'static str) -> Trial {
    let source = source.to_owned();
    trial(&format!("refresh_parts::differs: {name} makes the real one fail"), move |both| {
        let real = in_a_transaction(&mut both.real, &source)?;
        check(real.0.as_ref().is_some_and(|message| message.contains(error)), || format!("real: {real:#?}"))?;
        let ours = in_a_transaction(&mut both.ours, &source)?;
        check(ours.0.is_none() && ours.1.len() == 4, || format!("ours: {ours:#?}"))
    })
}

/// What fn_refresh_parts says of a new source, and the log tables afterwards. Leaves nothing behind.
fn in_a_transaction(client: &mut Client, source: &str) -> Result<(Option<String>, Vec<String>), Failed> {
    let mut transaction = client.transaction().answer()?;
    let log_tables = names::log_table_names(source).to_vec();
    transaction.execute(
        "INSERT INTO sch_chameleon.t_sources (t_source, jsb_schema_mappings, enm_source_type, v_log_table)
        VALUES ($1, '{}', 'mysql', $2)",
        &[&source, &log_tables],
    ).answer()?;
    if let Err(error) = transaction.batch_execute("SELECT sch_chameleon.fn_refresh_parts()") {
        return Ok((Some(in_full(&error)), Vec::new()));
    }
    let rows = transaction.query(LOG_TABLES, &[]).answer()?;
    Ok((None, rows.iter().map(|row| row.get(0)).collect()))
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
    let incomplete = |line: &&String| line.split("_log_").count() < 5;
    let of_batches: i64 = client
        .query_one(
            "SELECT count(*) FROM pg_index
            WHERE indrelid IN (SELECT inhrelid FROM pg_inherits) AND NOT indisprimary",
            &[],
        )
        .answer()?
        .get(0);
    check(of_batches == 2 * i64::try_from(sources.len())?, || {
        format!("{of_batches} indexes: {log_tables:#?}")
    })?;
    check(!log_tables.iter().any(|line| incomplete(&line)), || format!("{log_tables:#?}"))
}

fn restores_missing(client: &mut Client) -> Result<(), Failed> {
    install(client)?;
    add_source(client, "shop")?;
    let complete = log_tables(client)?;
    client.batch_execute(
        "INSERT INTO sch_chameleon.t_replica_batch (i_id_source) VALUES (1);
        INSERT INTO sch_chameleon.t_log_replica_shop_1 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event)
        VALUES (1, 'orders', 'dest_a', 'insert');
        DROP TABLE sch_chameleon.t_log_replica_shop_2;
        DROP INDEX sch_chameleon.idx_id_batch_t_log_replica_shop_1;
        SET search_path = pg_catalog;
        SELECT sch_chameleon.fn_refresh_parts();
        RESET search_path",
    )
    .answer()?;
    same_lines("log tables", &complete, &log_tables(client)?)?;
    let kept: i64 =
        client.query_one("SELECT count(*) FROM sch_chameleon.t_log_replica", &[]).answer()?.get(0);
    check(kept == 1, || format!("{kept} rows left of 1"))
}

fn plain(source: &str, number: u8) -> String {
    let table = format!("t_log_replica_{source}_{number}");
    format!("{table}, pk_{table}, fk_{table}, sch_chameleon.idx_id_batch_{table}")
}

fn log_tables(client: &mut Client) -> Result<Vec<String>, Failed> {
    Ok(client.query(LOG_TABLES, &[]).answer()?.iter().map(|row| row.get(0)).collect())
}

//! v_idx_cons and v_fkeys give the same rows in both, and the statements they give work.

use libtest_mimic::{Failed, Trial};
use postgres::Client;

use crate::both::{Answer, Both, check, in_full, same_lines, trial};

/// Tables, indexes and keys of many kinds, with names that need quoting, in the schemas `Odd, schema` and `plain`.
const OBJECTS: &str = include_str!("views/objects.sql");
const DROP_OBJECTS: &str = "DROP SCHEMA \"Odd, schema\", plain CASCADE";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("views::v_idx_cons_lists_the_same_statements", |both| same_rows(both, "v_idx_cons")),
        trial("views::v_fkeys_lists_the_same_statements", |both| same_rows(both, "v_fkeys")),
        trial("views::what_is_dropped_by_the_statements_comes_back_by_them", |both| {
            round_trip(&mut both.ours)
        }),
    ]
}

fn same_rows(both: &mut Both, view: &str) -> Result<(), Failed> {
    let real = rows(&mut both.real, view)?;
    let ours = rows(&mut both.ours, view)?;
    check(real.len() > 5, || format!("{view} has too few rows to compare: {real:?}"))?;
    same_lines(view, &real, &ours)
}

fn rows(client: &mut Client, view: &str) -> Result<Vec<String>, Failed> {
    let mut transaction = client.transaction().answer()?;
    transaction.batch_execute(OBJECTS).answer()?;
    let rows = transaction
        .query(&format!("SELECT v::text FROM sch_chameleon.{view} v ORDER BY v::text COLLATE \"C\""), &[])
        .answer()?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn round_trip(client: &mut Client) -> Result<(), Failed> {
    client.batch_execute(OBJECTS).answer()?;
    let result = drop_and_create(client);
    client.batch_execute(DROP_OBJECTS).answer()?;
    result
}

fn drop_and_create(client: &mut Client) -> Result<(), Failed> {
    let before = statements(client)?;
    let foreign_keys = client
        .query(
            "SELECT t_con_drop, t_con_create, t_con_validate FROM sch_chameleon.v_fkeys
        WHERE v_schema_referencing IN ('Odd, schema', 'plain')",
            &[],
        )
        .answer()?;
    let indexes = client
        .query(
            "SELECT t_sql_drop, t_sql_create FROM sch_chameleon.v_idx_cons
        WHERE v_schema_name IN ('Odd, schema', 'plain')",
            &[],
        )
        .answer()?;
    let execute = |client: &mut Client, statement: String| {
        client.batch_execute(&statement).map_err(|error| format!("{statement}: {}", in_full(&error)))
    };
    for (rows, column) in [(&foreign_keys, 0), (&indexes, 0)] {
        rows.iter().try_for_each(|row| execute(client, row.get(column)))?;
    }
    check(statements(client)?.is_empty(), || "the statements left something behind".to_owned())?;
    for (rows, column) in [(&indexes, 1), (&foreign_keys, 1), (&foreign_keys, 2)] {
        rows.iter().try_for_each(|row| execute(client, row.get(column)))?;
    }
    same_lines("statements before and after", &before, &statements(client)?)
}

fn statements(client: &mut Client) -> Result<Vec<String>, Failed> {
    let rows = client.query(
        "SELECT t_sql_create FROM sch_chameleon.v_idx_cons WHERE v_schema_name IN ('Odd, schema', 'plain')
        UNION ALL
        SELECT t_con_create FROM sch_chameleon.v_fkeys WHERE v_schema_referencing IN ('Odd, schema', 'plain')
        ORDER BY 1",
        &[],
    ).answer()?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

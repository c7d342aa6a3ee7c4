//! Everything that the system catalogues say about `sch_chameleon` is the same in both.

use libtest_mimic::{Failed, Trial};
use postgres::Client;

use crate::both::{Answer, Both, check, same_lines, trial};

/// What is compared, and the query that describes it, one line an object.
const ASPECTS: &[(&str, &str)] = &[
    ("relations", include_str!("structure/relations.sql")),
    ("columns", include_str!("structure/columns.sql")),
    ("sequences", include_str!("structure/sequences.sql")),
    ("constraints", include_str!("structure/constraints.sql")),
    ("indexes", include_str!("structure/indexes.sql")),
    ("types", include_str!("structure/types.sql")),
    ("routines", include_str!("structure/routines.sql")),
    ("aggregates", include_str!("structure/aggregates.sql")),
    ("sources", include_str!("structure/sources.sql")),
];

/// Lines that only one of the two may have, each with the reason why.
const JUSTIFIED: &[(&str, &str)] = &[
    (
        "fn_refresh_parts |  | void | plpgsql | volatility v | strict false | definer false | parallel u",
        "the real one looks for names wherever the caller does",
    ),
    (
        "fn_refresh_parts |  | void | plpgsql | volatility v | strict false | definer false | parallel u | settings \
         {\"search_path=pg_catalog, pg_temp\"}",
        "ours in pg_catalog alone",
    ),
];

pub fn trials() -> Vec<Trial> {
    ASPECTS
        .iter()
        .map(|&(aspect, query)| {
            trial(&format!("structure::{aspect}_are_the_same"), move |both| compare(both, aspect, query))
        })
        .collect()
}

fn compare(both: &mut Both, aspect: &str, query: &str) -> Result<(), Failed> {
    let real = lines(&mut both.real, query)?;
    let ours = lines(&mut both.ours, query)?;
    check(!real.is_empty(), || format!("the query finds no {aspect}"))?;
    same_lines(aspect, &real, &ours)
}

fn lines(client: &mut Client, query: &str) -> Result<Vec<String>, Failed> {
    let mut lines: Vec<String> = client.query(query, &[]).answer()?.iter().map(|row| row.get(0)).collect();
    lines.retain(|line| !JUSTIFIED.iter().any(|(justified, _)| line == justified));
    lines.sort();
    Ok(lines)
}

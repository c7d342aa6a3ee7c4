//! The rows of a catalogue on their way into another one: what of them won't fit, how they are copied, and whether all of
//! them have come. They never leave the server.

use super::structure::{Copy, Found};
use super::{Text, texts};
use crate::names::{SCHEMA, VERSION2, quote_identifier, quote_literal};
use crate::upgrade::write;
use tokio_postgres::{Client, Error};

/// How long a name may be in 2.0.10.
const LONGEST_NAME: usize = 64;

/// Log tables with rows that no source names.
pub(super) async fn strays(client: &Client, found: &Found) -> Result<Vec<String>, Error> {
    let with_rows = found.logs.iter().map(|log| {
        format!(
            "SELECT {} AS log WHERE EXISTS (SELECT FROM ONLY {SCHEMA}.{})",
            quote_literal(log),
            quote_identifier(log)
        )
    });
    let with_rows = with_rows.collect::<Vec<_>>().join(" UNION ALL ");
    if with_rows.is_empty() {
        return Ok(vec![]);
    }
    let named = format!("SELECT unnest(v_log_table)::text FROM {SCHEMA}.t_sources");
    texts(client, &format!("SELECT log::text FROM ({with_rows}) AS logs WHERE log NOT IN ({named})")).await
}

/// Tables and columns with names that 2.0.10 has no room for.
pub(super) async fn too_long(client: &Client, copies: &[Copy]) -> Result<Vec<(String, &'static str)>, Error> {
    let shortened: Vec<_> = copies
        .iter()
        .flat_map(|copy| copy.shortened.iter().map(|column| (copy.table.clone(), *column)))
        .collect();
    let too_long = shortened.iter().enumerate().map(|(number, (table, column))| {
        format!(
            "SELECT {number} AS number WHERE EXISTS (SELECT FROM ONLY {SCHEMA}.{} WHERE length({column}) > {LONGEST_NAME})",
            quote_identifier(table)
        )
    });
    let too_long = too_long.collect::<Vec<_>>().join(" UNION ALL ");
    if too_long.is_empty() {
        return Ok(vec![]);
    }
    let mut found = Vec::new();
    for row in client.query_typed(&too_long, &[]).await? {
        let number = usize::try_from(row.try_get::<_, i32>(0)?).unwrap_or_default();
        found.extend(shortened.get(number).cloned());
    }
    Ok(found)
}

/// Copies all rows into the new catalogue, makes its log tables on the way, and sets its sequences.
pub(super) async fn copy(client: &Client, copies: &[Copy], owner: &str) -> Result<(), Error> {
    let (logs, others): (Vec<_>, Vec<_>) = copies.iter().partition(|copy| copy.is_log);
    client.batch_execute(&others.into_iter().map(statement).collect::<Vec<_>>().join(";\n")).await?;
    write::refresh_parts(client, owner).await?;
    let there = texts(client, include_str!("logs.sql")).await?;
    let logs = logs.into_iter().filter(|copy| there.contains(&copy.table)).map(statement);
    let sequences = texts(client, include_str!("sequences.sql")).await?;
    client.batch_execute(&logs.chain(sequences).collect::<Vec<_>>().join(";\n")).await
}

/// An enum goes by way of its label: the two catalogues have each a type of its own.
fn statement(copy: &Copy) -> String {
    let table = quote_identifier(&copy.table);
    let names: Vec<_> = copy.columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = copy
        .columns
        .iter()
        .map(|(name, kind)| match kind.starts_with("en_") {
            true => format!("{name}::text::{SCHEMA}.{kind}"),
            false => (*name).to_owned(),
        })
        .collect();
    format!(
        "INSERT INTO {SCHEMA}.{table} ({}) SELECT {} FROM ONLY {VERSION2}.{table}",
        names.join(", "),
        values.join(", ")
    )
}

/// How many rows there are in all, and the tables whose rows are not the same in both catalogues.
pub(super) async fn compare(client: &Client, copies: &[Copy]) -> Result<(u64, Vec<String>), Error> {
    let there = texts(client, include_str!("logs.sql")).await?;
    // One that no source names any more is empty, as was seen, and has no counterpart.
    let compared = copies.iter().filter(|copy| !copy.is_log || there.contains(&copy.table));
    let each = compared.map(|copy| {
        let table = quote_literal(&copy.table);
        format!(
            "SELECT {table}, b.*, n.* FROM ({}) AS b, ({}) AS n",
            digest(VERSION2, copy),
            digest(SCHEMA, copy)
        )
    });
    let each = each.collect::<Vec<_>>().join(" UNION ALL ");
    let (mut rows, mut differences) = (0, Vec::new());
    for row in client.query_typed(&each, &[]).await? {
        let (before, now): (i64, i64) = (row.try_get(1)?, row.try_get(3)?);
        let digests: [Option<String>; 2] = [row.try_get(2)?, row.try_get(4)?];
        rows += now.unsigned_abs();
        if before != now || digests[0] != digests[1] {
            let table = row.try_get::<_, Text>(0)?.0;
            differences.push(format!("the rows of {table}: {now} instead of {before}, or other ones"));
        }
    }
    Ok((rows, differences))
}

/// How many rows, and the sum of what tells them apart.
fn digest(schema: &str, copy: &Copy) -> String {
    let names: Vec<_> = copy.columns.iter().map(|(name, _)| *name).collect();
    let row = format!("row({})::text", names.join(", "));
    format!(
        "SELECT count(*), concat_ws(' ', sum(hashtext({row})), sum(hashtext(reverse({row})))) FROM ONLY {schema}.{}",
        quote_identifier(&copy.table)
    )
}

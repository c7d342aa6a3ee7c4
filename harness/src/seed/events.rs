//! The events of a batch: those written out in the seed one by one, generated ones in one statement.

use super::description::{Batch, Event, Kind, Rows, Source, Table};
use super::error::{SeedError, doing};
use super::generated;
use crate::server::quoting::literal;
use postgres::Transaction;
use serde_json::Value;
use std::collections::HashMap;

/// `i_my_event_time` of a source's first event: 2024-01-01, in seconds.
const FIRST_EVENT_TIME: i64 = 1_704_067_200;

/// The generated events of a source so far: how many of them there are of each kind for each table
/// (in a family for each member), so that later ones continue the keys.
#[derive(Default)]
pub(super) struct Generated {
    tables: HashMap<String, Totals>,
    events: i64,
}

#[derive(Default, Clone, Copy)]
struct Totals {
    inserts: i64,
    updates: i64,
    deletes: i64,
}

impl Totals {
    fn count(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let mut totals = Self::default();
        for kind in kinds {
            match kind {
                Kind::Insert => totals.inserts += 1,
                Kind::Update => totals.updates += 1,
                Kind::Delete => totals.deletes += 1,
            }
        }
        totals
    }
}

/// The largest position that an event of the batch gets.
pub(super) fn last_position(batch: &Batch) -> i64 {
    batch.at.position.saturating_add(batch.events.iter().map(count).sum())
}

fn count(event: &Event) -> i64 {
    if let Event::Bulk { count, .. } = event { i64::from(*count) } else { 1 }
}

/// Where the events of one batch go.
struct Target<'a> {
    source: &'a Source,
    batch: &'a Batch,
    batch_id: i64,
    log: &'a str,
}

/// Stores the events of a batch in a log table and tells how many they are.
pub(super) fn insert(
    transaction: &mut Transaction<'_>,
    source: &Source,
    generated: &mut Generated,
    batch: &Batch,
    batch_id: i64,
    log: &str,
) -> Result<u64, SeedError> {
    let target = Target { source, batch, batch_id, log };
    let mut position = batch.at.position;
    let mut inserted = 0;
    for event in &batch.events {
        inserted += match event {
            Event::Bulk { table, count, mix } => {
                target.insert_bulk(transaction, generated, position, table, *count, mix)?
            }
            written => target.insert_written(transaction, position, generated.events, written)?,
        };
        position += count(event);
        generated.events += count(event);
    }
    Ok(inserted)
}

impl Target<'_> {
    fn insert_written(
        &self,
        transaction: &mut Transaction<'_>,
        position: i64,
        before: i64,
        event: &Event,
    ) -> Result<u64, SeedError> {
        let object = |row: &super::Row| Some(Value::Object(row.clone()));
        let (kind, table, data, update, query) = match event {
            Event::Insert { table, row } => ("insert", table, object(row), None, None),
            Event::Update { table, before, after } => ("update", table, object(after), object(before), None),
            Event::Delete { table, row } => ("delete", table, object(row), None, None),
            Event::Ddl { statement, table } => ("ddl", table, None, None, Some(statement)),
            Event::Bulk { .. } => return Ok(0),
        };
        let sql = format!(
            "INSERT INTO {} (
                i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
                i_binlog_position, jsb_event_data, jsb_event_update, t_query, i_my_event_time, ts_event_datetime
            ) VALUES ($1, $2, $3, $4::text::sch_chameleon.en_binlog_event, $5, $6::bigint, $7, $8, $9, $10::bigint,
                      to_timestamp($10::bigint) AT TIME ZONE 'UTC')",
            self.log
        );
        transaction
            .execute(
                &sql,
                &[
                    &self.batch_id,
                    table,
                    &self.source.destination(),
                    &kind,
                    &self.batch.at.file,
                    &(position + 1),
                    &data,
                    &update,
                    &query,
                    &(FIRST_EVENT_TIME + before),
                ],
            )
            .map_err(doing(format!("inserting an event of table {table:?}")))
    }

    fn insert_bulk(
        &self,
        transaction: &mut Transaction<'_>,
        generated: &mut Generated,
        position: i64,
        name: &str,
        count: u32,
        mix: &[Kind],
    ) -> Result<u64, SeedError> {
        let named = || (self.source.name.clone(), name.to_owned());
        let Some(table) = self.source.tables.iter().find(|table| table.name == name) else {
            let (of, table) = named();
            return Err(SeedError::UnknownTable { of, table });
        };
        if mix.is_empty() {
            let (of, table) = named();
            return Err(SeedError::EmptyMix { of, table });
        }
        let members = table.count.unwrap_or(1).max(1);
        let before = generated.events;
        let totals = generated.tables.entry(name.to_owned()).or_default();
        let sql = self.bulk_statement(table, members, mix, *totals);
        let done = Totals::count(mix.iter().copied().cycle().take(count.div_ceil(members) as usize));
        totals.inserts += done.inserts;
        totals.updates += done.updates;
        totals.deletes += done.deletes;
        transaction
            .execute(
                &sql,
                &[
                    &self.batch_id,
                    &self.source.destination(),
                    &self.batch.at.file,
                    &position,
                    &(FIRST_EVENT_TIME + before),
                    &i64::from(count),
                ],
            )
            .map_err(doing(format!("generating the events of table {name:?}")))
    }

    /// Event n goes to member n modulo the family's size, which gets the kinds of the mix in turn.
    /// Inserts take the keys after the last row's; deletes take the rows from the first one on;
    /// updates change the row inserted last, or, when nothing is inserted, the rows from the last
    /// one down.
    fn bulk_statement(&self, table: &Table, members: u32, mix: &[Kind], so_far: Totals) -> String {
        let rows = match &table.rows {
            Rows::Generated(rows) => i64::from(*rows),
            Rows::Given(rows) => i64::try_from(rows.len()).unwrap_or(i64::MAX),
        };
        let whole = Totals::count(mix.iter().copied());
        let places = mix.iter().enumerate().map(|(place, kind)| {
            let until = Totals::count(mix[..=place].iter().copied());
            let inserted =
                format!("{} + turn * {} + {}", rows + so_far.inserts, whole.inserts, until.inserts);
            let key = match kind {
                Kind::Insert => inserted,
                Kind::Delete => format!("{} + turn * {} + {}", so_far.deletes, whole.deletes, until.deletes),
                Kind::Update if whole.inserts + so_far.inserts > 0 => inserted,
                Kind::Update => format!(
                    "{rows} - ({} + turn * {} + {}) % {}",
                    so_far.updates,
                    whole.updates,
                    until.updates - 1,
                    rows.max(1)
                ),
            };
            format!("WHEN {place} THEN {key}")
        });
        let kinds = mix.iter().map(|kind| match kind {
            Kind::Insert => "'insert'",
            Kind::Update => "'update'",
            Kind::Delete => "'delete'",
        });
        let name = literal(&table.name);
        let name = if table.count.is_some() { format!("{name} || '_' || member") } else { name };
        format!(
            "INSERT INTO {log} (
                i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
                i_binlog_position, jsb_event_data, jsb_event_update, i_my_event_time,
                ts_event_datetime
            )
            SELECT $1, {name}, $2, kind, $3, $4::bigint + n, 
                   CASE kind WHEN 'update' THEN {after} ELSE {before} END,
                   CASE kind WHEN 'update' THEN {before} END,
                   $5::bigint + n - 1, to_timestamp($5::bigint + n - 1) AT TIME ZONE 'UTC'
            FROM (
                SELECT n, member, turn,
                       (ARRAY[{kinds}])[place + 1]::sch_chameleon.en_binlog_event AS kind,
                       CASE place {keys} END AS key
                FROM (
                    SELECT n, (n - 1) % {members} + 1 AS member, (n - 1) / {members} / {length} AS turn,
                           (n - 1) / {members} % {length} AS place
                    FROM generate_series(1, $6::bigint) AS n
                ) AS numbered
            ) AS event
            ORDER BY n",
            log = self.log,
            after = generated::image(table, "key", "(turn + 1)"),
            before = generated::image(table, "key", "0"),
            kinds = kinds.collect::<Vec<_>>().join(", "),
            keys = places.collect::<Vec<_>>().join(" "),
            length = mix.len(),
        )
    }
}

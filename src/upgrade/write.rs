//! Writes the new catalogue: what the steps between the lock and the verification do.

use super::step::Step;
use super::transaction::Cause;
use crate::catalogue::v2;
use crate::facts::snapshot::NewSourceId;
use crate::mapping::MappingPair;
use crate::names::{SCHEMA, log_table_names, quote_identifier};
use crate::plan::{Plan, PlannedSource};
use crate::postgres;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};

/// A value for a statement with its type: one round trip a statement, instead of one more to learn the types.
type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// What is needed to bring tables over: for each old source that has a start, its new source and the start; and the live
/// batches whose rows move the points of tables.
#[derive(Debug, Default)]
pub struct Starts {
    old_ids: Vec<i64>,
    new_ids: Vec<i64>,
    files: Vec<String>,
    positions: Vec<i64>,
    telling_batches: Vec<i64>,
}

impl Starts {
    /// Joins the parts of the plan with the ids that their new sources were given.
    #[must_use]
    pub fn new(plan: &Plan, ids: &[NewSourceId]) -> Self {
        let mut starts = Self::default();
        for (source, id) in plan.sources.iter().zip(ids) {
            for part in &source.parts {
                let Some(start) = &part.start else { continue };
                starts.old_ids.push(part.id.0);
                starts.new_ids.push(id.0);
                starts.files.push(start.file().name().to_owned());
                starts.positions.push(start.position());
                starts.telling_batches.extend(&part.telling_batches);
            }
        }
        starts
    }

    /// As the parameters of a statement: four arrays of equal length.
    #[must_use]
    pub fn parameters(&self) -> [Parameter<'_>; 4] {
        [
            (&self.old_ids, Type::INT8_ARRAY),
            (&self.new_ids, Type::INT8_ARRAY),
            (&self.files, Type::TEXT_ARRAY),
            (&self.positions, Type::INT8_ARRAY),
        ]
    }

    /// The live batches whose rows move the points of tables; none when there are none.
    #[must_use]
    pub fn telling_batches(&self) -> Option<Parameter<'_>> {
        (!self.telling_batches.is_empty()).then_some((&self.telling_batches, Type::INT8_ARRAY))
    }
}

/// Locks tables of the old catalogue, or says who keeps it from that.
pub(crate) async fn lock(
    client: &Client,
    step: Step,
    statement: &str,
    timeout: Duration,
) -> Result<(), Cause> {
    match client.batch_execute(statement).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            let back = format!("ROLLBACK TO SAVEPOINT {}", step.savepoint());
            client.batch_execute(&back).await?;
            let holders = postgres::holders_in_schema(client, SCHEMA).await?;
            Err(Cause::Locked { error, timeout, holders })
        }
        locked => Ok(locked?),
    }
}

/// Puts the old catalogue aside under this name and creates the schema of the new one, with the same owner.
pub(crate) async fn put_aside(client: &Client, name: &str, owner: &str) -> Result<(), Error> {
    let owner = quote_identifier(owner);
    client
        .batch_execute(&format!(
            "ALTER SCHEMA {SCHEMA} RENAME TO {name};
             CREATE SCHEMA {SCHEMA} AUTHORIZATION {owner}"
        ))
        .await
}

/// Installs the 2.0 catalogue as its owner, so that the owner owns all of it.
pub(crate) async fn install(client: &Client, owner: &str) -> Result<(), Error> {
    act_as(client, owner).await?;
    for (_, sql) in v2::INSTALL {
        client.batch_execute(sql).await?;
    }
    act_as_oneself(client).await
}

/// When a statement then fails, going back to the savepoint ends this too.
async fn act_as(client: &Client, owner: &str) -> Result<(), Error> {
    client.batch_execute(&format!("SET LOCAL ROLE {}", quote_identifier(owner))).await
}

async fn act_as_oneself(client: &Client) -> Result<(), Error> {
    client.batch_execute("RESET ROLE").await
}

/// Stores the new sources and creates their log tables.
pub(super) async fn sources(client: &Client, plan: &Plan, owner: &str) -> Result<Vec<NewSourceId>, Error> {
    act_as(client, owner).await?;
    let mut ids = Vec::new();
    for source in &plan.sources {
        let mappings = mappings_json(&source.mappings);
        let log_tables = log_table_names(&source.name).to_vec();
        let row = client
            .query_typed_one(
                include_str!("store_source.sql"),
                &[
                    (&source.name, Type::TEXT),
                    (&mappings, Type::JSONB),
                    (&status(source), Type::TEXT),
                    (&log_tables, Type::TEXT_ARRAY),
                    (&source.last_received, Type::TIMESTAMP),
                    (&source.last_replay, Type::TIMESTAMP),
                ],
            )
            .await?;
        ids.push(NewSourceId(row.try_get(0)?));
    }
    act_as_oneself(client).await?;
    refresh_parts(client, owner).await?;
    Ok(ids)
}

/// Makes the log tables that the sources name, as the owner of the catalogue.
pub(crate) async fn refresh_parts(client: &Client, owner: &str) -> Result<(), Error> {
    act_as(client, owner).await?;
    client.batch_execute("SELECT sch_chameleon.fn_refresh_parts()").await?;
    act_as_oneself(client).await
}

/// What `jsb_schema_mappings` holds.
pub(super) fn mappings_json(mappings: &[MappingPair]) -> serde_json::Value {
    mappings
        .iter()
        .map(|pair| (pair.source_schema.clone(), serde_json::Value::from(pair.dest_schema.clone())))
        .collect()
}

/// The daemon starts from both; a source that brings nothing has yet to be initialised.
pub(super) fn status(source: &PlannedSource) -> &'static str {
    if source.batch_start.is_some() { "stopped" } else { "ready" }
}

/// From how many tables on it pays to build the indexes after the rows.
const MANY_TABLES: u64 = 5_000;

/// Brings every table over, with its point, inside the server.
pub(super) async fn tables(client: &Client, plan: &Plan, starts: &Starts) -> Result<u64, Error> {
    let many = plan.tables() >= MANY_TABLES;
    if many {
        client.batch_execute(include_str!("without_indexes.sql")).await?;
    }
    let tables = client.execute_typed(include_str!("migrate_tables.sql"), &starts.parameters()).await?;
    let mut finish = String::new();
    if many {
        finish += concat!(include_str!("with_indexes.sql"), ";\n");
    }
    finish += concat!(include_str!("advance_table_ids.sql"), ";\nANALYZE sch_chameleon.t_replica_tables");
    client.batch_execute(&finish).await?;
    if let Some(batches) = starts.telling_batches() {
        client.execute_typed(include_str!("move_points.sql"), &[batches]).await?;
    }
    Ok(tables)
}

/// Writes the batch that the daemon starts from, and from where on each source is consistent.
pub(super) async fn coordinates(client: &Client, plan: &Plan, ids: &[NewSourceId]) -> Result<(), Error> {
    for (source, id) in plan.sources.iter().zip(ids) {
        if let Some(point) = &source.consistent_point {
            let sql = include_str!("write_consistent_point.sql");
            client.execute_typed(sql, &coordinate(id, &point.file().name(), &point.position())).await?;
        }
        if let Some(start) = &source.batch_start {
            let (file, position) = (start.file().name(), start.position());
            let [id, file, position] = coordinate(id, &file, &position);
            let parameters = [id, file, position, (&source.gtid_set, Type::TEXT)];
            client.execute_typed(include_str!("write_batch_start.sql"), &parameters).await?;
        }
    }
    Ok(())
}

/// The first three parameters of a statement that writes a coordinate of a source.
fn coordinate<'a>(id: &'a NewSourceId, file: &'a &'a str, position: &'a i64) -> [Parameter<'a>; 3] {
    [(&id.0, Type::INT8), (file, Type::TEXT), (position, Type::INT8)]
}

/// Grants on the new catalogue what was granted on the old one.
pub(crate) async fn privileges(client: &Client, aside: &str) -> Result<(), Error> {
    let rows = client.query_typed(include_str!("privileges.sql"), &[(&aside, Type::TEXT)]).await?;
    let statements = rows.iter().map(|row| row.try_get::<_, String>(0)).collect::<Result<Vec<_>, _>>()?;
    client.batch_execute(&statements.join(";\n")).await?;
    Ok(())
}

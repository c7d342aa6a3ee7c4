//! What becomes of the tables on the way back: one statement in the server decides it, and shows, writes and verifies.

use crate::binlog::BinlogCoordinate;
use crate::facts::snapshot::{Named, OldSourceId};
use crate::facts::way_back::Tables;
use crate::postgres::Text;
use crate::way_back::WayBack;
use std::collections::BTreeMap;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, GenericClient, Row};

const COUNT: &str = concat!(include_str!("tables.sql"), include_str!("count_tables.sql"));
const WRITE: &str = concat!(include_str!("tables.sql"), include_str!("write_tables.sql"));

/// How many tables of a kind are named; the rest are counted.
const NAMED: i64 = 10;

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The sources of the way back as parameters of a statement.
#[derive(Debug, Default)]
pub struct Places {
    old_ids: Vec<i64>,
    new_ids: Vec<Option<i64>>,
    dest_schemas: Vec<String>,
    files: Vec<Option<String>>,
    positions: Vec<Option<i64>>,
    start_files: Vec<Option<String>>,
    start_positions: Vec<Option<i64>>,
    unsure: Vec<bool>,
    telling_batches: Vec<i64>,
    furthest_position: i64,
}

impl Places {
    /// Of all sources.
    #[must_use]
    pub fn of(back: &WayBack) -> Self {
        let mut places = Self { furthest_position: back.furthest_position, ..Self::default() };
        for source in &back.sources {
            let (at, start) = (source.coordinate.as_ref(), source.start_at_upgrade.as_ref());
            places.old_ids.push(source.id.0);
            places.new_ids.push(source.new.map(|id| id.0));
            places.dest_schemas.push(source.dest_schema.clone());
            places.files.push(at.map(|at| at.file().name().to_owned()));
            places.positions.push(at.map(BinlogCoordinate::position));
            places.start_files.push(start.map(|start| start.file().name().to_owned()));
            places.start_positions.push(start.map(BinlogCoordinate::position));
            places.unsure.push(source.unsure);
            places.telling_batches.extend(&source.telling_batches);
        }
        places
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            (&self.old_ids, Type::INT8_ARRAY),
            (&self.new_ids, Type::INT8_ARRAY),
            (&self.dest_schemas, Type::TEXT_ARRAY),
            (&self.files, Type::TEXT_ARRAY),
            (&self.positions, Type::INT8_ARRAY),
            (&self.start_files, Type::TEXT_ARRAY),
            (&self.start_positions, Type::INT8_ARRAY),
            (&self.unsure, Type::BOOL_ARRAY),
            (&self.telling_batches, Type::INT8_ARRAY),
            (&self.furthest_position, Type::INT8),
        ]
    }
}

/// What will become of the tables, by their old sources.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn count(
    client: &impl GenericClient,
    back: &WayBack,
) -> Result<BTreeMap<OldSourceId, Tables>, Error> {
    let places = Places::of(back);
    let mut parameters = places.parameters();
    parameters.push((&NAMED, Type::INT8));
    let mut by_source = BTreeMap::new();
    for row in client.query_typed(COUNT, &parameters).await? {
        note(by_source.entry(OldSourceId(row.try_get("old_id")?)).or_default(), &row)?;
    }
    Ok(by_source)
}

fn note(tables: &mut Tables, row: &Row) -> Result<(), Error> {
    let count = |column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    let first: Option<Vec<Text>> = row.try_get("first")?;
    let first = first.unwrap_or_default().into_iter().map(String::from).collect();
    let named = Named { first, count: count("tables")? };
    match row.try_get::<_, String>("fate")?.as_str() {
        "kept" => tables.kept = named.count,
        "added" => tables.added = named,
        "missing" => tables.missing = named,
        "disabled" => tables.disabled = named,
        "unsure" => tables.unsure = named,
        "unfit" => tables.unfit = named,
        "too_far" => tables.too_far = named,
        _ => tables.gone = named,
    }
    tables.with_own += count("with_own")?;
    Ok(())
}

/// Writes them into the 1.7 catalogue; those that are added have ids from `first_id` on. How many were.
///
/// # Errors
/// What PostgreSQL answers.
pub(super) async fn write(client: &impl GenericClient, back: &WayBack, first_id: i64) -> Result<i64, Error> {
    let places = Places::of(back);
    let mut parameters = places.parameters();
    parameters.push((&first_id, Type::INT8));
    client.query_typed_one(WRITE, &parameters).await?.try_get("added")
}

/// What is wrong with the tables of the 1.7 catalogue, once both have changed their names: how many are, by what is wrong.
/// The first number is that of all tables.
///
/// # Errors
/// What PostgreSQL answers.
pub(super) async fn verify(
    client: &impl GenericClient,
    back: &WayBack,
) -> Result<(u64, Vec<(&'static str, u64)>), Error> {
    let places = Places::of(back);
    let [old_ids, _, _, files, positions, ..] = &places.parameters()[..] else { return Ok((0, vec![])) };
    let parameters = [old_ids.clone(), files.clone(), positions.clone()];
    let row = client.query_typed_one(include_str!("verify_tables.sql"), &parameters).await?;
    let count = |column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    let mut wrong = Vec::new();
    for (column, what) in [
        ("without_a_new_one", "tables that 2.0 does not have"),
        ("disabled", "tables that 2.0 has disabled"),
        ("wrong_keys", "tables with another key"),
        ("halves", "tables with half a coordinate"),
        ("passed", "tables with a coordinate that is passed"),
        ("too_early", "tables that would be read too early"),
    ] {
        wrong.push((what, count(column)?));
    }
    Ok((count("tables")?, wrong))
}

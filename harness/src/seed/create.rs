//! Puts a seed into a database: the catalogue, its rows, and the destination tables with theirs.
//! One transaction; rows are made inside the server.

use super::description::{Batch, BatchState, Destination, Rows, Seed, Source, Table};
use super::error::{SeedError, doing};
use super::{CATALOGUE, events, generated};
use crate::server::quoting::{identifier, literal};
use postgres::{Client, Transaction};

/// The ids that a seed's rows have in the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Created {
    /// The sources, in the order of the seed.
    pub sources: Vec<CreatedSource>,
}

/// The ids of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedSource {
    /// `i_id_source`.
    pub id: i64,
    /// `i_id_batch` of each batch, in the order of the seed.
    pub batches: Vec<i64>,
    /// How many rows `t_replica_tables` has for it.
    pub tables: u64,
    /// How many rows its log tables have.
    pub events: u64,
}

impl Seed {
    /// Makes the catalogue and fills it, with the destination tables, in one transaction.
    ///
    /// # Errors
    /// [`SeedError`]; the database is then as it was.
    pub fn create(&self, client: &mut Client) -> Result<Created, SeedError> {
        let mut transaction = client.transaction().map_err(doing("BEGIN"))?;
        for script in CATALOGUE {
            transaction.batch_execute(script).map_err(doing("creating the catalogue"))?;
        }
        self.insert(transaction)
    }

    /// Fills an empty 1.7 catalogue that is there already, such as one made by 1.8.2 itself.
    ///
    /// # Errors
    /// [`SeedError`]; the database is then as it was.
    pub fn fill(&self, client: &mut Client) -> Result<Created, SeedError> {
        let transaction = client.transaction().map_err(doing("BEGIN"))?;
        self.insert(transaction)
    }

    fn insert(&self, mut transaction: Transaction<'_>) -> Result<Created, SeedError> {
        self.set_version(&mut transaction)?;
        self.widen_positions(&mut transaction)?;
        set_foreign_key_checks(&mut transaction, "replica")?;
        let mut created = Created::default();
        for source in &self.sources {
            created.sources.push(create_source(&mut transaction, source)?);
        }
        set_foreign_key_checks(&mut transaction, "origin")?;
        transaction.batch_execute(WITH_STATISTICS).map_err(doing("ANALYZE"))?;
        for statement in &self.statements {
            transaction.batch_execute(statement).map_err(doing(format!("{statement:?}")))?;
        }
        transaction.commit().map_err(doing("COMMIT"))?;
        Ok(created)
    }

    fn set_version(&self, transaction: &mut Transaction<'_>) -> Result<(), SeedError> {
        let Some(version) = &self.version else { return Ok(()) };
        let view = format!(
            "CREATE OR REPLACE VIEW sch_chameleon.v_version AS SELECT {}::text AS t_version",
            literal(version)
        );
        transaction.batch_execute(&view).map_err(doing("setting v_version"))
    }

    /// Makes room for positions past 2 GiB, in the tables that get one.
    fn widen_positions(&self, transaction: &mut Transaction<'_>) -> Result<(), SeedError> {
        let batches = || self.sources.iter().flat_map(|source| &source.batches);
        let tables = self.sources.iter().flat_map(|source| &source.tables);
        let positions = [
            ("t_replica_batch", batches().map(|batch| batch.at.position).max()),
            ("t_log_replica", batches().map(events::last_position).max()),
            ("t_replica_tables", tables.filter_map(|table| Some(table.at.as_ref()?.position)).max()),
        ];
        for (table, largest) in positions {
            if largest > Some(i64::from(i32::MAX)) {
                let alter =
                    format!("ALTER TABLE sch_chameleon.{table} ALTER COLUMN i_binlog_position TYPE bigint");
                transaction.batch_execute(&alter).map_err(doing(alter.as_str()))?;
            }
        }
        Ok(())
    }
}

/// A catalogue that has been in use has statistics.
const WITH_STATISTICS: &str = "
    ANALYZE sch_chameleon.t_sources;
    ANALYZE sch_chameleon.t_replica_tables;
    ANALYZE sch_chameleon.t_replica_batch;
    ANALYZE sch_chameleon.t_batch_events;
    ANALYZE sch_chameleon.t_log_replica;
";

/// Foreign keys hold by construction; checking them row by row takes up to half the time of a large seed. Only
/// a superuser may leave it out (role `replica`) and resume it (role `origin`); for others nothing changes.
fn set_foreign_key_checks(transaction: &mut Transaction<'_>, role: &str) -> Result<(), SeedError> {
    let sql = "SELECT set_config('session_replication_role', $1, true)
               FROM pg_roles WHERE rolname = current_user AND rolsuper";
    transaction.execute(sql, &[&role]).map(drop).map_err(doing("setting session_replication_role"))
}

fn create_source(transaction: &mut Transaction<'_>, source: &Source) -> Result<CreatedSource, SeedError> {
    let id = insert_source(transaction, source)?;
    let schema = identifier(source.destination());
    let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
    transaction.batch_execute(&create).map_err(doing(create.as_str()))?;

    let mut created = CreatedSource { id, batches: Vec::new(), tables: 0, events: 0 };
    for table in &source.tables {
        create_destination(transaction, source, table)?;
        created.tables += insert_table(transaction, id, source, table)?;
    }
    let mut generated = events::Generated::default();
    for (index, batch) in source.batches.iter().enumerate() {
        let batch_id = insert_batch(transaction, id, index, batch)?;
        let log = format!("sch_chameleon.t_log_replica_{}_src_{id}", index % 2 + 1);
        created.events += events::insert(transaction, source, &mut generated, batch, batch_id, &log)?;
        if batch.is_listed() {
            list_events(transaction, batch_id)?;
        }
        created.batches.push(batch_id);
    }
    Ok(created)
}

fn insert_source(transaction: &mut Transaction<'_>, source: &Source) -> Result<i64, SeedError> {
    let sql = "
        WITH next AS (SELECT nextval('sch_chameleon.t_sources_i_id_source_seq') AS id)
        INSERT INTO sch_chameleon.t_sources (
            i_id_source, t_source, t_source_schema, t_dest_schema, enm_status, ts_last_received,
            ts_last_replay, v_log_table
        )
        SELECT id, $1, $2, $3, $4::text::sch_chameleon.en_src_status, $5::text::timestamp,
               $6::text::timestamp, ARRAY['t_log_replica_1_src_' || id, 't_log_replica_2_src_' || id]
        FROM next
        RETURNING i_id_source";
    let row = transaction
        .query_one(
            sql,
            &[
                &source.name,
                &source.mysql_schema(),
                &source.destination(),
                &source.status.label(),
                &source.last_received,
                &source.last_replay,
            ],
        )
        .map_err(doing(format!("inserting source {:?}", source.name)))?;
    transaction
        .batch_execute("SELECT sch_chameleon.fn_refresh_parts()")
        .map_err(doing("fn_refresh_parts()"))?;
    Ok(row.get(0))
}

fn insert_table(
    transaction: &mut Transaction<'_>,
    source_id: i64,
    source: &Source,
    table: &Table,
) -> Result<u64, SeedError> {
    let sql = "
        INSERT INTO sch_chameleon.t_replica_tables (
            i_id_source, v_table_name, v_schema_name, v_table_pkey, t_binlog_name, i_binlog_position
        )
        SELECT $1, $2::text || CASE WHEN $3 THEN '_' || n ELSE '' END, $4::text, ARRAY[$5::text], $6, $7::bigint
        FROM generate_series(1, $8::bigint) AS n";
    let at = table.at.as_ref();
    let is_family = table.count.is_some();
    let members = i64::from(table.count.unwrap_or(1));
    transaction
        .execute(
            sql,
            &[
                &source_id,
                &table.name,
                &is_family,
                &source.destination(),
                &table.key_text(),
                &at.map(|at| &at.file),
                &at.map(|at| at.position),
                &members,
            ],
        )
        .map_err(doing(format!("inserting table {:?} of source {:?}", table.name, source.name)))
}

fn create_destination(
    transaction: &mut Transaction<'_>,
    source: &Source,
    table: &Table,
) -> Result<(), SeedError> {
    if table.destination == Destination::Missing {
        return Ok(());
    }
    let doing = || doing(format!("creating table {:?} of source {:?}", table.name, source.name));
    for name in table.names() {
        let target = format!("{}.{}", identifier(source.destination()), identifier(&name));
        let create = format!("CREATE TABLE {target} ({})", table.definition());
        transaction.batch_execute(&create).map_err(doing())?;
        match &table.rows {
            Rows::Generated(0) => {}
            Rows::Generated(count) => {
                let insert = format!(
                    "INSERT INTO {target} SELECT {} FROM generate_series(1, {count}) AS row",
                    generated::select_list(table, "row", "0")
                );
                transaction.batch_execute(&insert).map_err(doing())?;
            }
            Rows::Given(rows) => {
                let insert = format!(
                    "INSERT INTO {target} SELECT * FROM jsonb_populate_recordset(NULL::{target}, $1)"
                );
                let rows = serde_json::Value::Array(rows.iter().cloned().map(Into::into).collect());
                transaction.execute(&insert, &[&rows]).map_err(doing())?;
            }
        }
    }
    Ok(())
}

fn insert_batch(
    transaction: &mut Transaction<'_>,
    source_id: i64,
    index: usize,
    batch: &Batch,
) -> Result<i64, SeedError> {
    let sql = "
        INSERT INTO sch_chameleon.t_replica_batch (
            i_id_batch, i_id_source, t_binlog_name, i_binlog_position, b_started, b_processed, b_replayed,
            ts_created, ts_processed, ts_replayed, i_replayed, i_skipped, i_ddl
        )
        SELECT coalesce($12::bigint, nextval('sch_chameleon.t_replica_batch_i_id_batch_seq')),
               $1, $2, $3::bigint, $4, $5, $6, created,
               CASE WHEN $5 THEN created + interval '30 seconds' END,
               CASE WHEN $6 THEN created + interval '45 seconds' END, $7, $8, $9
        FROM (SELECT coalesce($10::text::timestamp, timestamp '2024-01-01' + $11::bigint * interval '1 minute')
                     AS created) AS time
        RETURNING i_id_batch";
    let is = |flag: Option<bool>, from: BatchState| flag.unwrap_or(batch.state >= from);
    let replayed = is(batch.replayed, BatchState::Replayed);
    let counters = batch.counters.or_else(|| replayed.then(Default::default));
    let minutes = i64::try_from(index).unwrap_or(i64::MAX);
    let row = transaction
        .query_one(
            sql,
            &[
                &source_id,
                &batch.at.file,
                &batch.at.position,
                &is(batch.started, BatchState::Started),
                &is(batch.processed, BatchState::Processed),
                &replayed,
                &counters.map(|counters| counters.replayed),
                &counters.map(|counters| counters.skipped),
                &counters.map(|counters| counters.ddl),
                &batch.created,
                &minutes,
                &batch.id,
            ],
        )
        .map_err(doing(format!("inserting the batch at {}", batch.at)))?;
    let id = row.get(0);
    if batch.id.is_some() {
        let sql = "SELECT setval('sch_chameleon.t_replica_batch_i_id_batch_seq', max(i_id_batch))
                   FROM sch_chameleon.t_replica_batch";
        transaction.execute(sql, &[]).map_err(doing("setting the sequence of the batches"))?;
    }
    if batch.discarded > 0 {
        let sql = "INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch, ts_discard, t_row_data)
                   SELECT $1, timestamptz '2024-01-01 00:00:00Z', n::text FROM generate_series(1, $2::bigint) AS n";
        transaction
            .execute(sql, &[&id, &i64::from(batch.discarded)])
            .map_err(doing("inserting discarded rows"))?;
    }
    Ok(id)
}

fn list_events(transaction: &mut Transaction<'_>, batch_id: i64) -> Result<(), SeedError> {
    let sql = "
        INSERT INTO sch_chameleon.t_batch_events (i_id_batch, i_id_event)
        SELECT $1, coalesce(array_agg(i_id_event ORDER BY i_id_event), '{}')
        FROM sch_chameleon.t_log_replica WHERE i_id_batch = $1";
    transaction.execute(sql, &[&batch_id]).map(drop).map_err(doing("listing the events of a batch"))
}

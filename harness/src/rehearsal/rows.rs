//! The rows of the tables for which events wait, read from production at the moment of the dump: the replay on the copy then
//! finds what it would find on the day, without all the rest.

use super::settings;
use crate::replica::dumped::TableRows;
use chameleon_upgrade::config::PostgresConnection;
use chameleon_upgrade::postgres::{self, Session};
use futures_util::{StreamExt, TryStreamExt};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use tokio::runtime::Runtime;
use tokio_postgres::Error;

/// The tables for which events wait, as a statement names them, and those whose rows these events need: what they refer to, and
/// what refers to them, for a row that is deleted may take others with it, or be kept by them.
const WAITING: &str = "
    WITH RECURSIVE waiting AS (
        SELECT c.oid
        FROM (SELECT DISTINCT v_schema_name, v_table_name FROM sch_chameleon.t_log_replica) l
        JOIN pg_catalog.pg_namespace n ON n.nspname = l.v_schema_name
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = l.v_table_name
    ), changed AS (
        SELECT oid FROM waiting
        UNION
        SELECT f.conrelid FROM pg_catalog.pg_constraint f JOIN changed ON f.confrelid = changed.oid WHERE f.contype = 'f'
    ), needed AS (
        SELECT oid FROM changed
        UNION
        SELECT f.confrelid FROM pg_catalog.pg_constraint f JOIN changed ON f.conrelid = changed.oid WHERE f.contype = 'f'
    )
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM needed
    JOIN pg_catalog.pg_class c ON c.oid = needed.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' ORDER BY 1";

/// The schemas whose types or functions the destination tables need, their own and those of extensions left out.
const ELSEWHERE: &str = "
    WITH needed AS (
        SELECT coalesce(e.typnamespace, t.typnamespace) AS namespace, coalesce(e.oid, t.oid) AS object
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typlen = -1
        WHERE c.relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1)) AND c.relkind IN ('r', 'p')
        UNION
        SELECT p.pronamespace, p.oid
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal
        JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid
        WHERE c.relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1))
    )
    SELECT DISTINCT n.nspname::text
    FROM needed d JOIN pg_catalog.pg_namespace n ON n.oid = d.namespace
    WHERE n.nspname <> 'pg_catalog' AND n.nspname <> ALL ($1)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.objid = d.object AND x.deptype = 'e')
    ORDER BY 1";

/// A transaction on production that may not write, whose moment a dump can share.
pub struct Moment {
    runtime: Runtime,
    session: Session,
    snapshot: String,
}

impl Moment {
    /// Now.
    ///
    /// # Errors
    /// What production's server answers, in words.
    pub fn of(connection: &PostgresConnection) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let session = runtime.block_on(postgres::connect(connection)).map_err(|error| error.to_string())?;
        let snapshot = runtime.block_on(async {
            let client = session.client();
            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            client.query_one("SELECT pg_catalog.pg_export_snapshot()", &[]).await
        });
        let snapshot = snapshot.map_err(|error| postgres::describe(&error))?.get(0);
        Ok(Self { runtime, session, snapshot })
    }

    /// Its name, for `pg_dump --snapshot`.
    pub fn snapshot(&self) -> &str {
        &self.snapshot
    }

    /// The schemas that are needed beside these, for types of columns and functions of triggers and event triggers.
    ///
    /// # Errors
    /// What production's server answers, in words.
    pub fn needed_beside(&self, schemas: &[String]) -> Result<Vec<String>, String> {
        let client = self.session.client();
        let needed = self.runtime.block_on(async {
            let rows = client.query(ELSEWHERE, &[&schemas]).await?;
            let (event_triggers, _) = settings::event_triggers(client).await?;
            let of_functions = event_triggers.into_iter().filter_map(|(_, schema)| schema);
            let mut needed: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            needed.extend(of_functions.filter(|schema| !schemas.contains(schema)));
            Ok::<_, Error>(needed)
        });
        let mut needed = needed.map_err(|error| postgres::describe(&error))?;
        needed.sort();
        needed.dedup();
        Ok(needed)
    }

    /// Ends it.
    pub fn end(self) {
        self.runtime.block_on(self.session.close());
    }

    /// The rows of each table for which events wait, as they were at this moment, into files of `folder`.
    ///
    /// # Errors
    /// What production's server or the system answers, in words.
    pub fn rows(self, folder: &Path) -> Result<Vec<TableRows>, String> {
        let Self { runtime, session, .. } = self;
        runtime.block_on(async {
            let client = session.client();
            let said = |error: Error| postgres::describe(&error);
            let mut taken = Vec::new();
            for (number, row) in client.query(WAITING, &[]).await.map_err(said)?.iter().enumerate() {
                let table: String = row.get(0);
                let file = folder.join(format!("rows-{number}"));
                let copied = client.copy_out(&format!("COPY {table} TO STDOUT")).await;
                let copied = copied.map_err(|error| format!("{table}: {}", said(error)))?;
                let mut copied = std::pin::pin!(copied.into_stream());
                let mut output = BufWriter::new(File::create(&file).map_err(|error| error.to_string())?);
                while let Some(part) = copied.next().await {
                    let part = part.map_err(|error| format!("{table}: {}", said(error)))?;
                    output.write_all(&part).map_err(|error| error.to_string())?;
                }
                output.flush().map_err(|error| error.to_string())?;
                taken.push(TableRows { table, file });
            }
            client.batch_execute("ROLLBACK").await.map_err(said)?;
            session.close().await;
            Ok(taken)
        })
    }
}

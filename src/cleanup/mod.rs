//! What an upgrade, or a rollback, has left beside the catalogue: what it holds, and how it goes.
//!
//! Only the two names that the procedure gives are ever touched, never `sch_chameleon` itself.

pub mod ending;

use crate::catalogue::v1::read;
use crate::config::PostgresConnection;
use crate::facts::postgres::{CatalogueVersion, Dependent};
use crate::finding::Finding;
use crate::names::{VERSION1, VERSION2, quote_identifier};
use crate::outcome::{self, Change, Outcome, Sent, Undone};
use crate::postgres::{self, Text};
use std::time::Duration;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// How many sources are named; the rest are counted.
const NAMED: usize = 10;

/// A schema that is left over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its name.
    pub schema: String,
    /// Its owner.
    pub owner: String,
    /// Whether the role of the configuration may drop and rename it.
    pub owned: bool,
    /// Which catalogue it is.
    pub version: CatalogueVersion,
    /// Its tables.
    pub tables: u64,
    /// How large these are, with their indexes.
    pub bytes: u64,
    /// The first sources of the catalogue in it.
    pub sources: Vec<String>,
    /// How many sources there are.
    pub all_sources: u64,
    /// How many tables are replicated by it.
    pub replicated: u64,
    /// When its last batch was made, in the server's words.
    pub last_batch: Option<String>,
    /// Objects in other schemas that refer to it, and would go with it.
    pub dependents: Vec<Dependent>,
}

/// What is to be done with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// It goes, with all that is in it and all that depends on it.
    Drop,
    /// It gets this name.
    RenameTo(&'a str),
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// What failed, if anything did.
    pub failure: Option<Error>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Looks at the schemas of both names that are there.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn leftovers(client: &Client) -> Result<Vec<Leftover>, Error> {
    let mut all = Vec::new();
    for schema in [VERSION1, VERSION2] {
        all.extend(leftover(client, schema).await?);
    }
    Ok(all)
}

async fn leftover(client: &Client, schema: &str) -> Result<Option<Leftover>, Error> {
    let found = client.query_typed_opt(include_str!("contents.sql"), &[(&schema, Type::TEXT)]).await?;
    let Some(row) = found else { return Ok(None) };
    let owned: bool = row.try_get("owns")?;
    let is_catalogue: bool = row.try_get("is_catalogue")?;
    let mut leftover = Leftover {
        schema: schema.to_owned(),
        owner: row.try_get("owner")?,
        owned,
        version: if is_catalogue { CatalogueVersion::Unreadable } else { CatalogueVersion::Foreign },
        tables: row.try_get::<_, i64>("tables")?.unsigned_abs(),
        bytes: row.try_get::<_, i64>("bytes")?.unsigned_abs(),
        sources: vec![],
        all_sources: 0,
        replicated: 0,
        last_batch: None,
        dependents: read::dependents(client, schema).await?,
    };
    if is_catalogue && owned {
        look_inside(client, &mut leftover).await?;
    }
    Ok(Some(leftover))
}

/// The tables of a catalogue, whichever version it is.
async fn look_inside(client: &Client, leftover: &mut Leftover) -> Result<(), Error> {
    let Leftover { schema, .. } = leftover;
    leftover.version = crate::catalogue::version::read(client, schema).await?;
    let sources =
        format!("SELECT t_source::text, count(*) OVER () FROM {schema}.t_sources ORDER BY 1 LIMIT {NAMED}");
    for row in client.query_typed(&sources, &[]).await? {
        leftover.sources.push(row.try_get::<_, Text>(0)?.0);
        leftover.all_sources = row.try_get::<_, i64>(1)?.unsigned_abs();
    }
    let rest = format!(
        "SELECT (SELECT count(*) FROM {schema}.t_replica_tables), \
         (SELECT date_trunc('second', max(ts_created))::text FROM {schema}.t_replica_batch)"
    );
    let row = client.query_typed_one(&rest, &[]).await?;
    leftover.replicated = row.try_get::<_, i64>(0)?.unsigned_abs();
    leftover.last_batch = row.try_get(1)?;
    Ok(())
}

/// What keeps it from being done. `with`: the dependent objects that may be dropped too, by name.
#[must_use]
pub fn obstacles(leftovers: &[Leftover], action: Action<'_>, with: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for leftover in leftovers {
        if !leftover.owned {
            findings.push(Finding::error(
                "role",
                format!("The schema {} is owned by {}.", leftover.schema, leftover.owner),
                format!("Set pg_conn.user to {}, or to a role that is a member of it.", leftover.owner),
            ));
        }
        if action == Action::Drop {
            let unnamed = leftover.dependents.iter().filter(|dependent| !with.contains(&dependent.object));
            findings.extend(unnamed.map(|dependent| in_the_way(leftover, dependent)));
        }
    }
    findings
}

fn in_the_way(leftover: &Leftover, dependent: &Dependent) -> Finding {
    Finding::error(
        "dependents",
        format!("{} depends on {}, and would be dropped with it.", dependent.object, leftover.schema),
        format!(
            "Create it anew without that schema; or have it dropped too: --with '{}'",
            dependent.object.replace('\'', "'\\''")
        ),
    )
}

/// Drops or renames the schemas, all or none; when nothing has come in the way since they were shown.
pub async fn clean(
    client: &Client,
    connection: &PostgresConnection,
    schemas: &[&str],
    action: Action<'_>,
    with: &[String],
    patience: Duration,
) -> Ended {
    let transaction = match outcome::begin(client).await {
        Ok(transaction) => transaction,
        Err(error) => return Ended { failure: Some(error), outcome: Outcome::Undone(Undone::Entirely) },
    };
    let (error, sent) = match look_again_and_do(client, schemas, action, with).await {
        Ok(findings) if !findings.is_empty() => {
            // When even this fails, the end of the session undoes it.
            drop(client.batch_execute("ROLLBACK").await);
            return Ended { failure: None, outcome: Outcome::Refused(findings) };
        }
        Ok(_) => match client.batch_execute("COMMIT").await {
            Ok(()) => return Ended { failure: None, outcome: Outcome::Done { found_out: false } },
            Err(error) => (error, Sent::Work),
        },
        Err(error) => (error, Sent::Nothing),
    };
    let outcome = if postgres::connection_lost(&error) {
        let in_place =
            outcome::in_place(connection, transaction, patience, async |client| there(client, schemas).await);
        Change { from: schemas.len(), to: 0 }.outcome(sent, in_place.await, transaction)
    } else {
        // When even this fails, the end of the session undoes it.
        drop(client.batch_execute("ROLLBACK").await);
        Outcome::Undone(Undone::Entirely)
    };
    Ended { failure: Some(error), outcome }
}

/// What is in the way now; or all but the commit.
async fn look_again_and_do(
    client: &Client,
    schemas: &[&str],
    action: Action<'_>,
    with: &[String],
) -> Result<Vec<Finding>, Error> {
    let mut now = leftovers(client).await?;
    now.retain(|leftover| schemas.contains(&leftover.schema.as_str()));
    let findings = obstacles(&now, action, with);
    if findings.is_empty() {
        client.batch_execute(&statements(schemas, action)).await?;
    }
    Ok(findings)
}

fn statements(schemas: &[&str], action: Action<'_>) -> String {
    let statement = |schema: &&str| match action {
        Action::Drop => format!("DROP SCHEMA {} CASCADE", quote_identifier(schema)),
        Action::RenameTo(name) => {
            format!("ALTER SCHEMA {} RENAME TO {}", quote_identifier(schema), quote_identifier(name))
        }
    };
    schemas.iter().map(statement).collect::<Vec<_>>().join("; ")
}

/// How many of the schemas are there.
async fn there(client: &Client, schemas: &[&str]) -> Result<usize, Error> {
    let rows = "SELECT count(*) FROM pg_namespace WHERE nspname = ANY ($1)";
    let count: i64 = client.query_typed_one(rows, &[(&schemas, Type::TEXT_ARRAY)]).await?.try_get(0)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

//! Who holds what is waited for: an administrator who knows the session, or the prepared transaction, can end it.

use super::text::texts;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// What keeps others from locking the tables of a schema against writers, in words; none when nothing does now.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn holders_in_schema(client: &Client, schema: &str) -> Result<Option<String>, Error> {
    holders(client, Some(schema), None).await
}

/// What has a lock on a table (`schema.table`), in words; none when nothing has now.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn holders_of_table(client: &Client, table: &str) -> Result<Option<String>, Error> {
    holders(client, None, Some(table)).await
}

async fn holders(
    client: &Client,
    schema: Option<&str>,
    table: Option<&str>,
) -> Result<Option<String>, Error> {
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&schema, Type::TEXT), (&table, Type::TEXT)];
    let rows = client.query_typed(include_str!("lock_holders.sql"), &parameters).await?;
    let sessions: Vec<String> = texts(&rows)?;
    Ok((!sessions.is_empty()).then(|| sessions.join(", ")))
}

//! Which version the catalogue of a schema is.

use crate::facts::postgres::{CatalogueVersion, Server};
use crate::names::SCHEMA;
use tokio_postgres::{Error, GenericClient};

/// Reads the `v_version` of a schema.
///
/// # Errors
/// What PostgreSQL answers, also when the view is another one than pg_chameleon's.
pub async fn read(client: &impl GenericClient, schema: &str) -> Result<CatalogueVersion, Error> {
    let query = format!("SELECT t_version::text FROM {schema}.v_version LIMIT 1");
    let row = client.query_typed_opt(&query, &[]).await?;
    Ok(CatalogueVersion::of(row.map(|row| row.try_get(0)).transpose()?.flatten()))
}

/// What `sch_chameleon` is, for a role that is to change it: it must own all of it.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn as_owner(client: &impl GenericClient, server: &Server) -> Result<CatalogueVersion, Error> {
    if server.schema_owner.is_some() && !(server.role.owns_schema && server.role.not_owned.is_empty()) {
        return Ok(CatalogueVersion::Unreadable);
    }
    as_anyone(client, server).await
}

/// What `sch_chameleon` is, for a role that only looks. Whoever may read it may know, owner or not.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn as_anyone(client: &impl GenericClient, server: &Server) -> Result<CatalogueVersion, Error> {
    match (&server.schema_owner, server.has_version) {
        (None, _) => Ok(CatalogueVersion::Missing),
        (Some(_), false) => Ok(CatalogueVersion::Foreign),
        (Some(_), true) => read(client, SCHEMA).await,
    }
}

//! How a scenario knows that the 2.0 daemon has caught up: a table of its own in each replicated schema, whose only row
//! is changed on MySQL. The binary log is read in its order, so when the change has arrived, so has all before it.

use super::LiveError;
use crate::server::mysql::MySqlServer;
use crate::server::quoting::identifier;
use mysql::prelude::Queryable;
use postgres::Client;

const TABLE: &str = "harness_marker";

/// Makes the marker in a MySQL schema that is about to be replicated, unless it is there.
pub(super) fn create(mysql: &MySqlServer, schema: &str) -> Result<(), LiveError> {
    let statements = format!(
        "CREATE TABLE IF NOT EXISTS {TABLE} (id int PRIMARY KEY, value int NOT NULL);
         INSERT IGNORE INTO {TABLE} VALUES (1, 0)"
    );
    Ok(mysql.run(Some(schema), &statements)?)
}

/// Changes the marker, and returns its value.
pub(super) fn advance(mysql: &MySqlServer, schema: &str) -> Result<i32, LiveError> {
    mysql.run(Some(schema), &format!("UPDATE {TABLE} SET value = value + 1"))?;
    let value = mysql.connect(Some(schema))?.query_first(format!("SELECT value FROM {TABLE}"));
    value.map_err(LiveError::mysql("read the marker"))?.ok_or_else(|| {
        LiveError::Scenario(format!("the marker of the schema {schema} has gone: leave {TABLE} alone"))
    })
}

/// A marker that isn't replicated never arrives.
pub(super) fn expect_replicated(client: &mut Client, schema: &str) -> Result<(), LiveError> {
    let replicated = "SELECT EXISTS (SELECT FROM sch_chameleon.t_replica_tables
                                     WHERE v_schema_name = $1 AND v_table_name = $2 AND b_replica_enabled)";
    let row =
        client.query_one(replicated, &[&schema, &TABLE]).map_err(LiveError::sql("look for the marker"))?;
    if row.get(0) {
        Ok(())
    } else {
        Err(LiveError::Findings(vec![format!("the table {schema}.{TABLE} is no longer replicated")]))
    }
}

/// Whether the marker has this value in a PostgreSQL schema.
pub(super) fn arrived(client: &mut Client, schema: &str, value: i32) -> Result<bool, LiveError> {
    let row = client
        .query_opt(&format!("SELECT value::int = $1 FROM {}.{TABLE}", identifier(schema)), &[&value])
        .map_err(LiveError::sql("read the marker"))?;
    Ok(row.is_some_and(|row| row.get(0)))
}

//! What must hold when a scenario is over: §exactly-once, and a replica that goes on.

use super::LiveError;
use super::tables::{Difference, SchemaPair, compare};
use postgres::Client;

/// What is wrong in the 2.0 catalogue of a replica that has caught up.
const CATALOGUE: &str = "
    SELECT format('the table %s.%s is disabled', v_schema_name, v_table_name)
    FROM sch_chameleon.t_replica_tables WHERE NOT b_replica_enabled
    UNION ALL
    SELECT format('the error log has an error of %s.%s: %s (%s)', v_schema_name, v_table_name, t_error_message, t_sql)
    FROM sch_chameleon.t_error_log
    UNION ALL
    SELECT format('the source %s is not consistent, its point is %s:%s', t_source, t_binlog_name, i_binlog_position)
    FROM sch_chameleon.t_sources WHERE NOT b_consistent
    UNION ALL
    SELECT format('the status of the source %s is %s', t_source, enm_status)
    FROM sch_chameleon.t_sources WHERE enm_status NOT IN ('stopped', 'ready')";

/// How a replica ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaCheck {
    /// The tables that were compared.
    pub tables: Vec<String>,
    /// Those that don't equal their sources.
    pub unequal: Vec<Difference>,
    /// What the 2.0 catalogue says against it. 1.7 says nothing.
    pub catalogue: Vec<String>,
    /// Where the program's own `verify` sees it otherwise.
    pub disagreements: Vec<String>,
}

impl ReplicaCheck {
    /// All that is wrong, in sentences; empty when all is well.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let unequal = self.unequal.iter();
        unequal
            .map(|difference| format!("{} is unequal: {}", difference.table, difference.what.join("; ")))
            .chain(self.catalogue.iter().cloned())
            .chain(self.disagreements.iter().cloned())
            .collect()
    }
}

/// Compares every table with a key, and asks the catalogue when it is a 2.0 one.
///
/// # Errors
/// [`LiveError`] when something can't be read.
pub fn check_replica(client: &mut Client, pairs: &[SchemaPair<'_>]) -> Result<ReplicaCheck, LiveError> {
    let mut check =
        ReplicaCheck { tables: vec![], unequal: vec![], catalogue: vec![], disagreements: vec![] };
    for pair in pairs {
        let (tables, unequal) = compare(client, pair)?;
        check.tables.extend(tables);
        check.unequal.extend(unequal);
    }
    if version(client)?.starts_with("2.") {
        let rows = client.query(CATALOGUE, &[]).map_err(LiveError::sql("read the 2.0 catalogue"))?;
        check.catalogue = rows.iter().map(|row| row.get(0)).collect();
    }
    Ok(check)
}

fn version(client: &mut Client) -> Result<String, LiveError> {
    let version = client.query_one("SELECT t_version FROM sch_chameleon.v_version", &[]);
    Ok(version.map_err(LiveError::sql("read the version of the catalogue"))?.get(0))
}

//! What the 1.7 catalogue held before it was upgraded.

use crate::live::LiveError;
use postgres::Client;
use std::collections::BTreeSet;

/// The tables and the times of the sources; and the schema itself, which keeps its number through renames.
const BEFORE: &str = "
    SELECT 'sch_chameleon'::regnamespace::oid::bigint,
           ARRAY(SELECT format('%s.%s', v_schema_name, v_table_name) FROM sch_chameleon.t_replica_tables),
           ARRAY(SELECT to_jsonb(time) #>> '{}' FROM sch_chameleon.t_sources, unnest(ARRAY[ts_last_received, ts_last_replay]) time
                 WHERE time IS NOT NULL)";

/// The 1.7 catalogue before an upgrade.
#[derive(Debug, Clone)]
pub(super) struct Before {
    /// The number of the schema.
    pub(super) schema: i64,
    /// Its tables.
    pub(super) tables: BTreeSet<String>,
    /// When its sources last received or replayed something, as JSON has it.
    pub(super) times: BTreeSet<String>,
}

impl Before {
    pub(super) fn read(client: &mut Client) -> Result<Self, LiveError> {
        let row = client.query_one(BEFORE, &[]).map_err(LiveError::sql("read the 1.7 catalogue"))?;
        let texts = |column| row.get::<_, Vec<String>>(column).into_iter().collect();
        Ok(Self { schema: row.get(0), tables: texts(1), times: texts(2) })
    }
}

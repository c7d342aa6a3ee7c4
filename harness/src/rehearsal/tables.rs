//! The replicated tables of the upgraded copy, those that are alike together: most have no coordinate of their own.

use super::report::TablesAlike;
use postgres::Client;

const TABLES: &str = "
    SELECT s.t_source::text, t.v_schema_name::text, t.t_binlog_name::text, t.i_binlog_position::text, t.b_replica_enabled,
           pg_catalog.array_agg(t.v_table_name::text ORDER BY t.v_table_name)
    FROM sch_chameleon.t_replica_tables t JOIN sch_chameleon.t_sources s USING (i_id_source)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3 NULLS FIRST, 4, 5";

/// All of them.
///
/// # Errors
/// The server does not answer.
pub fn read(client: &mut Client) -> Result<Vec<TablesAlike>, postgres::Error> {
    let rows = client.query(TABLES, &[])?;
    let alike = |row: &postgres::Row| {
        let (file, position): (Option<String>, Option<String>) = (row.get(2), row.get(3));
        TablesAlike {
            source: row.get(0),
            schema: row.get(1),
            coordinate: file.zip(position).map(|(file, position)| format!("{file}:{position}")),
            enabled: row.get::<_, Option<bool>>(4).unwrap_or(true),
            names: row.get(5),
        }
    };
    Ok(rows.iter().map(alike).collect())
}

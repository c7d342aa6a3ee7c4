//! What the tables of a schema look like on MySQL: one question a schema, answered a few tables at a time.

use super::connect::Session;
use super::parts::Parts;
use super::server::unanswered;
use crate::facts::mysql::Question;
use crate::structure::OnMysql;
use mysql::Conn;
use mysql::prelude::Queryable;

const DOING: &str = "asking for the columns of the tables";

/// How many tables are handed on at a time.
const AT_A_TIME: usize = 500;

/// A server waits as long for a table that is being altered; it is then left out.
const LOCK_TIMEOUT: &str = "SET SESSION lock_wait_timeout = 5";

/// Table by table: a server that tells letters apart sorts them alike all the same.
const COLUMNS: &str = "
    SELECT table_name, column_name, column_type, column_key
    FROM information_schema.columns
    WHERE table_schema = ?
    ORDER BY CAST(table_name AS BINARY), ordinal_position";

/// The tables of `schema`, a few at a time, and then the session that they came from.
#[must_use]
pub fn tables(schema: String, session: Session) -> Parts<Vec<OnMysql>> {
    Parts::of(session, move |conn, hand_on| read(conn, &schema, hand_on))
}

fn read(
    conn: &mut Conn,
    schema: &str,
    mut hand_on: impl FnMut(Vec<OnMysql>) -> bool,
) -> Result<(), Question> {
    conn.query_drop(LOCK_TIMEOUT).map_err(unanswered(DOING))?;
    let rows = conn.exec_iter(COLUMNS, (schema,)).map_err(unanswered(DOING))?;
    let mut tables: Vec<OnMysql> = Vec::new();
    for row in rows {
        let row = row.map_err(unanswered(DOING))?;
        let (table, column, kind, key): (String, String, String, String) =
            mysql::from_row_opt(row).map_err(|error| unanswered(DOING)(error.into()))?;
        if tables.last().is_none_or(|last| last.name != table) {
            if tables.len() == AT_A_TIME && !hand_on(std::mem::take(&mut tables)) {
                return Ok(());
            }
            tables.push(OnMysql { name: table, ..OnMysql::default() });
        }
        let Some(last) = tables.last_mut() else { continue };
        if key == "PRI" {
            last.key.insert(column.clone());
        }
        last.columns.push((column, kind));
    }
    hand_on(tables);
    Ok(())
}

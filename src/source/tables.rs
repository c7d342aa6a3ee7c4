//! What the tables of a schema look like on MySQL: one question a schema, answered a few tables at a time.

use super::connect::connect;
use super::facts::Question;
use super::server::unanswered;
use crate::config::MysqlConnection;
use crate::structure::OnMysql;
use mysql::Conn;
use mysql::prelude::Queryable;
use tokio::sync::mpsc;

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

/// Hands on the tables of `schema`. Nothing comes when there is no session: whoever asks for the rest tells why.
pub fn tables(connection: MysqlConnection, schema: String) -> mpsc::Receiver<Result<Vec<OnMysql>, Question>> {
    let (send, received) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let Ok(mut conn) = connect(&connection) else { return };
        if let Err(question) = read(&mut conn, &schema, |tables| send.blocking_send(Ok(tables)).is_ok()) {
            // Nobody listens any more when the command was interrupted.
            drop(send.blocking_send(Err(question)));
        }
    });
    received
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

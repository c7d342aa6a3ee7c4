//! What the tables of a schema look like on MySQL: one question a schema, answered a few tables at a time.

use super::connect::Session;
use super::server::unanswered;
use crate::facts::mysql::Question;
use crate::structure::OnMysql;
use mysql::Conn;
use mysql::prelude::Queryable;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

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

/// The tables of a schema, a few at a time, and then the session that they came from.
pub struct Tables {
    /// The tables.
    pub received: mpsc::Receiver<Result<Vec<OnMysql>, Question>>,
    reading: JoinHandle<Session>,
}

impl Tables {
    /// Asks for the tables of `schema`.
    #[must_use]
    pub fn of(schema: String, mut session: Session) -> Self {
        let (send, received) = mpsc::channel(1);
        let reading = tokio::task::spawn_blocking(move || {
            let hand_on = |tables| send.blocking_send(Ok(tables)).is_ok();
            if let Err(question) = read(&mut session.0, &schema, hand_on) {
                // Nobody listens any more when the command was interrupted.
                drop(send.blocking_send(Err(question)));
            }
            session
        });
        Self { received, reading }
    }

    /// The session, for what else is to be asked; none when it can't be had back.
    pub async fn session(self) -> Option<Session> {
        // Who reads no further is not waited for.
        drop(self.received);
        self.reading.await.ok()
    }
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

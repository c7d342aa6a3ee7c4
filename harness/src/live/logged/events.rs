//! Which events a binary log holds from a place on.

use crate::live::LiveError;
use crate::server::mysql::MySqlServer;
use mysql::Row;
use mysql::prelude::Queryable;

/// Their types as the server names them, each once, in the order of the log.
pub(super) fn types(mysql: &MySqlServer, from: &(String, u64)) -> Result<Vec<String>, LiveError> {
    let failed = || LiveError::mysql("read the types of the events");
    let mut session = mysql.connect(None)?;
    let files: Vec<Row> = session.query("SHOW BINARY LOGS").map_err(failed())?;
    let files = files.iter().filter_map(|row| row.get::<String, _>(0));
    let mut types: Vec<String> = Vec::new();
    for file in files.skip_while(|file| *file != from.0) {
        let start = if file == from.0 { from.1 } else { 4 };
        let events: Vec<Row> =
            session.query(format!("SHOW BINLOG EVENTS IN '{file}' FROM {start}")).map_err(failed())?;
        for kind in events.iter().filter_map(|row| row.get::<String, _>(2)) {
            if !types.contains(&kind) {
                types.push(kind);
            }
        }
    }
    Ok(types)
}

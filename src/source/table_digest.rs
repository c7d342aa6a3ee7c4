//! A digest of the rows of a range of keys on MySQL, made inside the server, for `verify`; and where the next range ends. Each is
//! one short statement. §after-verify

use super::connect::Session;
use super::server::unanswered;
use super::table_rows::on_a_thread;
use crate::facts::mysql::Question;
use mysql::prelude::Queryable;
use mysql::{Conn, Value};

const DOING: &str = "making a digest of the rows of a table";

/// A table whose key is one whole number.
#[derive(Debug, Clone)]
pub struct DigestQuery {
    /// Its schema and name, quoted.
    pub table: String,
    /// Its key, quoted.
    pub key: String,
    /// What the digest is made of, for each row: none of it is ever NULL.
    pub items: Vec<String>,
}

/// Keys behind one, up to another; from the first one or to the last one where it is none.
pub type KeyRange = (Option<i128>, Option<i128>);

/// The rows of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeDigest {
    /// How many there are.
    pub rows: u64,
    /// The digest of them all in the order of their keys; none when there are none.
    pub digest: Option<String>,
}

/// The rows of a range, and the key of the row that comes so many (`ahead`) behind it. The session is given back with what the server
/// answers in place of it.
///
/// # Errors
/// When the session was lost by ourselves.
pub async fn range_digest(
    mut session: Session,
    query: &DigestQuery,
    range: KeyRange,
    ahead: u64,
) -> Result<(Session, Result<(RangeDigest, Option<i128>), Question>), Question> {
    let query = query.clone();
    on_a_thread(move || {
        let answer = of_a_range(&mut session.0, &query, range, ahead).map_err(unanswered(DOING));
        Ok((session, answer))
    })
    .await
}

/// The key of the row that comes so many behind this key, or behind all; none when there are fewer.
///
/// # Errors
/// As above.
pub async fn key_behind(
    mut session: Session,
    query: &DigestQuery,
    after: Option<i128>,
    rows: u64,
) -> Result<(Session, Result<Option<i128>, Question>), Question> {
    let query = query.clone();
    on_a_thread(move || {
        let answer = behind(&mut session.0, &query, after, rows).map_err(unanswered(DOING));
        Ok((session, answer))
    })
    .await
}

fn of_a_range(
    conn: &mut Conn,
    query: &DigestQuery,
    (after, until): KeyRange,
    ahead: u64,
) -> mysql::Result<(RangeDigest, Option<i128>)> {
    let (condition, values) = query.condition(after, until);
    // In the order of the key, which nothing promises: the digest is another where it isn't.
    let statement = format!(
        "SELECT COUNT(*), MD5(GROUP_CONCAT(CONCAT_WS(',', {}, '') SEPARATOR '')) FROM {} FORCE INDEX (PRIMARY){condition}",
        query.items.join(", "),
        query.table
    );
    let (rows, digest) = conn.exec_first(statement, values)?.unwrap_or_default();
    let next = match until {
        Some(_) => behind(conn, query, until, ahead)?,
        None => None,
    };
    Ok((RangeDigest { rows, digest }, next))
}

fn behind(
    conn: &mut Conn,
    query: &DigestQuery,
    after: Option<i128>,
    rows: u64,
) -> mysql::Result<Option<i128>> {
    let (condition, values) = query.condition(after, None);
    let statement = format!(
        "SELECT {0} FROM {1} FORCE INDEX (PRIMARY){condition} ORDER BY {0} LIMIT 1 OFFSET {2}",
        query.key,
        query.table,
        rows.saturating_sub(1)
    );
    let key: Option<Value> = conn.exec_first(statement, values)?;
    Ok(key.and_then(|key| match key {
        Value::Int(number) => Some(number.into()),
        Value::UInt(number) => Some(number.into()),
        _ => None,
    }))
}

impl DigestQuery {
    fn condition(&self, after: Option<i128>, until: Option<i128>) -> (String, Vec<Value>) {
        let bounds = [(">", after), ("<=", until)];
        let bounds: Vec<_> = bounds.iter().filter_map(|(is, key)| key.map(|key| (is, key))).collect();
        let conditions: Vec<_> = bounds.iter().map(|(is, _)| format!("{} {is} ?", self.key)).collect();
        let values = bounds.iter().map(|(_, key)| super::KeyValue::Number(*key).sent()).collect();
        let condition = match conditions[..] {
            [] => String::new(),
            _ => format!(" WHERE {}", conditions.join(" AND ")),
        };
        (condition, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_open_where_it_has_no_end() {
        let query = DigestQuery { table: "t".into(), key: "k".into(), items: vec![] };
        assert_eq!(query.condition(None, None), (String::new(), vec![]));
        assert_eq!(query.condition(Some(1), None), (" WHERE k > ?".into(), vec![1.into()]));
        let both = (" WHERE k > ? AND k <= ?".into(), vec![(-1).into(), Value::from(u64::MAX)]);
        assert_eq!(query.condition(Some(-1), Some(u64::MAX.into())), both);
    }
}

//! The rows of a table on MySQL, for `verify`: in chunks by its key, each of them one short statement that takes no lock and
//! holds no snapshot; or by keys that are named. §after-verify

use super::connect::Session;
use super::parts::Parts;
use super::server::unanswered;
use crate::facts::mysql::Question;
use crate::names::quote_mysql_identifier;
use mysql::prelude::Queryable;
use mysql::{Conn, Row, Value};

const DOING: &str = "reading the rows of a table";

/// The texts are those of any character set.
const NAMES: [&str; 2] = ["SET NAMES utf8mb4", "SET NAMES utf8"];

/// The most bytes of text that a digest is made of: the server cuts off what is beyond.
pub const MOST_BYTES: u64 = 64 << 20;

/// What a session sets for digests.
const PREPARED: &str = "SET SESSION group_concat_max_len = 67108864";

/// No statement of ours may run for longer, where the server can see to it: MySQL counts in milliseconds, MariaDB in seconds.
const SHORT: [&str; 2] = ["SET SESSION max_execution_time = 60000", "SET SESSION max_statement_time = 60"];

/// A part of a chunk is handed on when its cells take so many bytes.
const PART: usize = 2 << 20;

/// Keys that are looked up by one statement.
const KEYS_A_STATEMENT: usize = 200;

/// How a table is read.
#[derive(Debug, Clone)]
pub struct TableQuery {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// The expressions of its columns.
    pub expressions: Vec<String>,
    /// The columns of its key, by which rows are looked up.
    pub key: Vec<KeyColumn>,
    /// How many rows a chunk has; none: the table is read by one statement.
    pub chunk: Option<u64>,
    /// Behind which key it is read, where it has chunks; none: from its beginning.
    pub behind: Option<Vec<KeyValue>>,
    /// Up to which key it is read, where that is one number; none: to its end.
    pub until: Option<KeyValue>,
}

/// A value of a key, as it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// A whole number.
    Number(i128),
    /// A text, a time, or hexadecimal digits.
    Text(String),
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// How its values are sent and asked for.
    pub kind: KeyKind,
}

/// How the values of a column of a key are sent and asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// As they are.
    Plain,
    /// As hexadecimal digits.
    Bytes,
    /// As hexadecimal digits, of so many bytes, of which the last may be left out when they are zero.
    PaddedBytes(u64),
}

impl KeyColumn {
    fn quoted(&self) -> String {
        quote_mysql_identifier(&self.name)
    }

    /// Its value, as a chunk gives it.
    fn value(&self) -> String {
        if self.kind == KeyKind::Plain { self.quoted() } else { format!("HEX({})", self.quoted()) }
    }

    /// Where a value stands in a statement.
    fn parameter(&self) -> String {
        match self.kind {
            KeyKind::Plain => "?".to_owned(),
            KeyKind::Bytes => "UNHEX(?)".to_owned(),
            KeyKind::PaddedBytes(length) => format!("CAST(UNHEX(?) AS BINARY({length}))"),
        }
    }
}

/// Rows as they are handed on.
pub type Rows = Vec<Vec<Option<String>>>;

/// The rows of a table from its beginning, a part at a time, and then the session that they came from.
#[must_use]
pub fn table_rows(query: TableQuery, session: Session) -> Parts<Rows> {
    Parts::of(session, move |conn, hand_on| read(conn, &query, hand_on))
}

/// Prepares a session for reading rows.
///
/// # Errors
/// What the server answers.
pub async fn prepare_for_rows(mut session: Session) -> Result<Session, Question> {
    on_a_thread(move || {
        for statement in SHORT {
            // One of them is for the other server.
            drop(session.0.query_drop(statement));
        }
        if let Err(error) = session.0.query_drop(PREPARED) {
            tracing::info!("digests will be of few rows: {error}");
        }
        if NAMES.iter().all(|names| session.0.query_drop(names).is_err()) {
            tracing::info!("the server takes neither utf8mb4 nor utf8");
        }
        Ok(session)
    })
    .await
}

/// What a table is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    /// Its columns, in their order; none when there is no such table.
    pub columns: Vec<MysqlColumn>,
    /// The columns of its primary key, in their order.
    pub key: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlColumn {
    /// Its name.
    pub name: String,
    /// `data_type`.
    pub data_type: String,
    /// How many bytes it takes at most, of a text or bytes.
    pub bytes: Option<u64>,
    /// Whether its times have fractions of seconds.
    pub fraction: bool,
}

const COLUMNS: &str = "
    SELECT column_name, data_type, character_octet_length, column_type FROM information_schema.columns
    WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position";

const KEY: &str = "
    SELECT column_name FROM information_schema.key_column_usage
    WHERE table_schema = ? AND table_name = ? AND constraint_name = 'PRIMARY' ORDER BY ordinal_position";

/// What a table is.
///
/// # Errors
/// What the server answers.
pub async fn definition(
    mut session: Session,
    schema: &str,
    table: &str,
) -> Result<(Session, Definition), Question> {
    let of = (schema.to_owned(), table.to_owned());
    on_a_thread(move || {
        let columns: Vec<(String, String, Option<u64>, String)> =
            session.0.exec(COLUMNS, &of).map_err(unanswered(DOING))?;
        let column = |(name, data_type, bytes, whole): (_, _, _, String)| MysqlColumn {
            name,
            data_type,
            bytes,
            fraction: whole.contains('('),
        };
        let key = session.0.exec(KEY, &of).map_err(unanswered(DOING))?;
        Ok((session, Definition { columns: columns.into_iter().map(column).collect(), key }))
    })
    .await
}

/// The rows that have these keys: a text for each column of the key.
///
/// # Errors
/// What the server answers.
pub async fn rows_by_key(
    mut session: Session,
    query: TableQuery,
    keys: Vec<Vec<Option<String>>>,
) -> Result<(Session, Rows), Question> {
    on_a_thread(move || {
        let mut all = Rows::new();
        for keys in keys.chunks(KEYS_A_STATEMENT) {
            let one = |key: &Vec<Option<String>>| {
                let equal = query.key.iter().zip(key).map(|(column, value)| match value {
                    Some(_) => format!("{} = {}", column.quoted(), column.parameter()),
                    None => format!("{} IS NULL", column.quoted()),
                });
                format!("({})", equal.collect::<Vec<_>>().join(" AND "))
            };
            let any = keys.iter().map(one).collect::<Vec<_>>().join(" OR ");
            let values: Vec<Value> = keys.iter().flatten().flatten().map(Value::from).collect();
            let statement =
                format!("SELECT {} FROM {} WHERE {any}", query.expressions.join(", "), query.from());
            let rows: Vec<Row> = session.0.exec(statement, values).map_err(unanswered(DOING))?;
            all.extend(rows.into_iter().map(|row| cells(row, query.expressions.len()).0));
        }
        Ok((session, all))
    })
    .await
}

pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Question> + Send + 'static,
) -> Result<T, Question> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => Err(Question { doing: DOING, cause: panicked.to_string(), denied: false }),
    }
}

impl TableQuery {
    /// The table, quoted.
    #[must_use]
    pub fn from(&self) -> String {
        format!("{}.{}", quote_mysql_identifier(&self.schema), quote_mysql_identifier(&self.table))
    }

    /// The statement of a chunk; `behind`: whether it begins behind a key, whose values are its parameters.
    fn statement(&self, behind: bool) -> String {
        let mut statement = format!("SELECT {}", self.expressions.join(", "));
        for column in &self.key {
            statement += &format!(", {}", column.value());
        }
        statement += &format!(" FROM {}", self.from());
        let Some(chunk) = self.chunk else { return statement };
        let mut conditions = vec![];
        if behind {
            conditions.push(behind_a_key(&self.key));
        }
        if let (Some(_), [key]) = (&self.until, &self.key[..]) {
            conditions.push(format!("{} <= {}", key.quoted(), key.parameter()));
        }
        if !conditions.is_empty() {
            statement += &format!(" WHERE {}", conditions.join(" AND "));
        }
        let order: Vec<_> = self.key.iter().map(KeyColumn::quoted).collect();
        statement + &format!(" ORDER BY {} LIMIT {chunk}", order.join(", "))
    }

    /// The parameters of `behind_a_key`.
    fn parameters(&self, last: &[Value]) -> Vec<Value> {
        let mut all = Vec::new();
        for place in 0..last.len() {
            all.push(last[place].clone());
            if place + 1 < last.len() {
                all.push(last[place].clone());
                all.push(last[place].clone());
            }
        }
        all
    }
}

/// `a >= ? AND (a > ? OR (a = ? AND …))`: the server finds the place by its index, which it doesn't for `(a, b) > (?, ?)`.
fn behind_a_key(columns: &[KeyColumn]) -> String {
    match columns {
        [] => "TRUE".to_owned(),
        [last] => format!("{} > {}", last.quoted(), last.parameter()),
        [first, rest @ ..] => {
            let (name, value) = (first.quoted(), first.parameter());
            let rest = behind_a_key(rest);
            format!("{name} >= {value} AND ({name} > {value} OR ({name} = {value} AND {rest}))")
        }
    }
}

fn read(conn: &mut Conn, query: &TableQuery, mut hand_on: impl FnMut(Rows) -> bool) -> Result<(), Question> {
    let mut last: Option<Vec<Value>> =
        query.behind.as_ref().map(|key| key.iter().map(KeyValue::sent).collect());
    loop {
        let statement = query.statement(last.is_some());
        let mut parameters = last.as_deref().map(|last| query.parameters(last)).unwrap_or_default();
        parameters.extend(query.until.as_ref().filter(|_| query.key.len() == 1).map(KeyValue::sent));
        let rows = conn.exec_iter(statement, parameters).map_err(unanswered(DOING))?;
        let (mut part, mut bytes, mut count) = (Rows::new(), 0, 0);
        for row in rows {
            let (cells, key) = cells(row.map_err(unanswered(DOING))?, query.expressions.len());
            bytes += cells.iter().flatten().map(String::len).sum::<usize>()
                + cells.len() * size_of::<Option<String>>();
            part.push(cells);
            count += 1;
            last = Some(key);
            if bytes > PART {
                bytes = 0;
                if !hand_on(std::mem::take(&mut part)) {
                    return Ok(());
                }
            }
        }
        if !part.is_empty() && !hand_on(part) {
            return Ok(());
        }
        if query.chunk.is_none_or(|chunk| count < chunk) {
            return Ok(());
        }
    }
}

impl KeyValue {
    pub(super) fn sent(&self) -> Value {
        match self {
            Self::Number(number) => match i64::try_from(*number) {
                Ok(number) => Value::from(number),
                Err(_) => {
                    u64::try_from(*number).map_or_else(|_| Value::from(number.to_string()), Value::from)
                }
            },
            Self::Text(text) => Value::from(text),
        }
    }
}

/// The texts of a row, and the values of its key behind them.
fn cells(row: Row, columns: usize) -> (Vec<Option<String>>, Vec<Value>) {
    let mut values = row.unwrap();
    let key = values.split_off(columns);
    let text = |value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(
            String::from_utf8(bytes).unwrap_or_else(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()),
        ),
        other => Some(other.as_sql(true)),
    };
    (values.into_iter().map(text).collect(), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_begins_behind_the_last_key() {
        let query = TableQuery {
            schema: "s".into(),
            table: "t".into(),
            expressions: vec!["HEX(`c`)".into()],
            key: vec![
                KeyColumn { name: "a".into(), kind: KeyKind::Plain },
                KeyColumn { name: "b".into(), kind: KeyKind::Bytes },
            ],
            chunk: Some(10),
            behind: None,
            until: None,
        };
        assert_eq!(
            query.statement(true),
            "SELECT HEX(`c`), `a`, HEX(`b`) FROM `s`.`t` WHERE `a` >= ? AND (`a` > ? OR (`a` = ? AND `b` > UNHEX(?))) ORDER BY `a`, `b` LIMIT 10"
        );
        assert_eq!(query.parameters(&[1.into(), 2.into()]), [1.into(), 1.into(), 1.into(), Value::from(2)]);
        let number = vec![KeyColumn { name: "a".into(), kind: KeyKind::Plain }];
        let range = TableQuery { key: number, until: Some(KeyValue::Number(9)), ..query.clone() };
        assert!(range.statement(true).ends_with(" WHERE `a` > ? AND `a` <= ? ORDER BY `a` LIMIT 10"));
        assert!(range.statement(false).ends_with(" WHERE `a` <= ? ORDER BY `a` LIMIT 10"));
        let whole = TableQuery { key: vec![], chunk: None, ..query };
        assert_eq!(whole.statement(false), "SELECT HEX(`c`) FROM `s`.`t`");
    }
}

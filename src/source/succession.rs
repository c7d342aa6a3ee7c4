//! Asks MySQL's log whether anything of a schema lies between a batch and the next one: the third proof that the next
//! directly succeeds it. §directly-succeeded.

use super::ask::connected;
use super::connect::{Session, connect, place};
use super::progress::{Clock, Observer, Progress, watched};
use super::{dump, server};
use crate::batches::{Between, Gap};
use crate::binlog::BinaryLogs;
use crate::binlog::BinlogCoordinate;
use crate::config::{MysqlConnection, NewSource};
use crate::facts::mysql::NameCase;
use crate::facts::mysql::{Question, Reading};
use crate::window::Transaction;
use std::ops::ControlFlow;
use std::time::Instant;
use tokio::sync::watch;

/// What lies in each of these gaps, by what the server of `source` has logged of `schema`.
///
/// Dropping the future stops the reading.
pub async fn between(
    source: &NewSource,
    connection: &MysqlConnection,
    schema: &str,
    gaps: Vec<Gap>,
    observer: &dyn Observer,
) -> Vec<(Gap, Between)> {
    let unread =
        |cause: String| gaps.iter().map(|gap| (gap.clone(), Between::Unread(cause.clone()))).collect();
    let conn = match connected(connection).await {
        Ok(Session(conn)) => conn,
        Err(error) => return unread(error.to_string()),
    };
    let (owned, schema, asked) = (connection.clone(), schema.to_owned(), gaps.clone());
    let began = Instant::now();
    let reading = watched(&source.name, observer, move |tell| {
        let mut conn = conn;
        let charset = &owned.charset;
        let settings = server::settings(&mut conn, charset)?;
        let logs = server::binary_logs(&mut conn)?;
        let mut read = Reading::default();
        let mut all = Vec::new();
        for gap in asked {
            let log =
                Log { connection: &owned, logs: &logs, name_case: settings.name_case, schema: &schema, tell };
            let between = log.between(&gap, &mut read);
            all.push((gap, between));
        }
        Ok((all, read))
    });
    match reading.await {
        Ok(Ok((all, read))) => {
            observer.looked_up(&source.name, "to know what lies between batches", read, began.elapsed());
            all
        }
        Ok(Err(question)) => {
            let question: Question = question;
            unread(format!("{}: {question}", place(connection)))
        }
        Err(cause) => unread(cause),
    }
}

struct Log<'a> {
    connection: &'a MysqlConnection,
    logs: &'a BinaryLogs,
    name_case: NameCase,
    schema: &'a str,
    tell: &'a watch::Sender<Progress>,
}

impl Log<'_> {
    fn between(&self, gap: &Gap, read: &mut Reading) -> Between {
        for place in [&gap.from, &gap.until] {
            if self.logs.unavailable(place).is_some() {
                return Between::Unread(format!("its binary log no longer has {place}"));
            }
        }
        if !self.logs.holes(&gap.from).is_empty() {
            return Between::Unread("files of its binary log are missing".to_owned());
        }
        match self.first(gap, read) {
            Ok(Some((what, at))) => Between::Holds { what, at },
            Ok(None) => Between::Nothing,
            Err(question) => Between::Unread(question.to_string()),
        }
    }

    /// The first of the schema that ends in the gap, or begins in it.
    fn first(&self, gap: &Gap, read: &mut Reading) -> Result<Option<(String, BinlogCoordinate)>, Question> {
        let doing = |error: super::ConnectError| Question {
            doing: "connecting again to read the binary log",
            cause: error.to_string(),
            denied: false,
        };
        let conn = connect(self.connection).map_err(doing)?;
        let of = read.bytes + self.logs.bytes_between(&gap.from, &gap.until);
        let (begun, mut clock) = (*read, Clock::new());
        let found = std::cell::RefCell::new(None);
        let each = |transaction: &Transaction| {
            if found.borrow().is_none() {
                *found.borrow_mut() = self.of_the_schema(transaction, gap);
            }
        };
        let progress = |reading: Reading| {
            read.bytes = begun.bytes + reading.bytes;
            read.transactions = begun.transactions + reading.transactions;
            if found.borrow().is_some() {
                return ControlFlow::Break(());
            }
            clock.tell(self.tell, *read, of)
        };
        dump::read(conn, &gap.from, &gap.until, &[], each, progress)?;
        Ok(found.into_inner())
    }

    /// Where a transaction goes on behind the gap, what of it lies in the gap is not told apart: it counts.
    fn of_the_schema(&self, transaction: &Transaction, gap: &Gap) -> Option<(String, BinlogCoordinate)> {
        if transaction.start >= gap.until {
            return None;
        }
        let own = |schema: &str| self.name_case.same_schema(schema, self.schema);
        let rows = transaction.rows.iter().filter(|(table, end)| own(&table.schema) && **end > gap.from);
        let rows = rows.map(|(table, end)| (format!("rows of {table}"), end.clone()));
        let ddl = transaction.ddl.iter().filter(|ddl| own(&ddl.default_schema) && ddl.end > gap.from);
        let ddl = ddl.map(|ddl| (format!("{} in {}", ddl.kind, ddl.default_schema), ddl.end.clone()));
        let unnamed = transaction.unnamed_rows.iter().filter(|end| **end > gap.from);
        let unnamed = unnamed.map(|end| ("rows of a table that was named before it".to_owned(), end.clone()));
        rows.chain(ddl).chain(unnamed).min_by(|one, other| one.1.cmp(&other.1))
    }
}

//! Asks the MySQL server of a source, and reads its window.

use super::connect::{ConnectError, Session, connect, place};
use super::progress::{Clock, Observer, Progress, watched};
use super::times::Times;
use super::{dump, gtids, server};
use crate::binlog::BinaryLogs;
use crate::binlog::BinlogCoordinate;
use crate::cause::Cause;
use crate::config::{MysqlConnection, NewSource, TableLists};
use crate::examination::mysql::{Answer, AskedSource, Compared, Gtids, Identity, WindowRead};
use crate::facts::mysql::TableName;
use crate::facts::mysql::{NoSession, Question, Reading, Settings};
use crate::identity::Claim;
use crate::plan::PlannedSource;
use crate::window::Window;
use mysql::Conn;
use std::cell::RefCell;
use std::time::Instant;
use tokio::sync::watch;

/// Asks the server of `source`. The window is read when the plan has one and the server can show it; and whether it is
/// the server that 1.8.2 read from, by what `claims` say of that.
///
/// Dropping the future stops the reading.
pub async fn ask(
    source: &NewSource,
    connection: &MysqlConnection,
    claims: Vec<Claim>,
    session: Result<Session, ConnectError>,
    planned: Option<&PlannedSource>,
    mut compared: Compared,
    observer: &dyn Observer,
) -> AskedSource {
    let doubtful = compared.differing.iter().map(|differing| differing.table.clone()).collect();
    let answer = match session {
        Ok(session) => answer(source, connection, claims, session, planned, doubtful, observer).await,
        Err(error) => Err(error),
    }
    .map_err(|error| NoSession { reason: error.to_string(), remedy: error.remedy() });
    if let Ok(Answer { window: Some(Ok(read)), .. }) = &answer {
        let redefined = &read.narrowed.ahead.redefined;
        compared.differing.retain(|differing| !redefined.contains(&differing.table));
    }
    if let Ok(Answer { window: Some(Ok(read)), .. }) = &answer {
        observer.window_read(&source.name, read.reading, read.took);
    }
    AskedSource {
        name: source.name.clone(),
        user: connection.user.clone(),
        place: place(connection),
        port: connection.port,
        charset: connection.charset.clone(),
        compared,
        answer,
    }
}

async fn answer(
    source: &NewSource,
    connection: &MysqlConnection,
    claims: Vec<Claim>,
    Session(conn): Session,
    planned: Option<&PlannedSource>,
    doubtful: Vec<TableName>,
    observer: &dyn Observer,
) -> Result<Answer, ConnectError> {
    let broken = |cause: String| ConnectError::Broken { place: place(connection), cause: cause.into() };
    let unanswered = |question: Question| broken(question.to_string());
    let schemas = mapped_schemas(source);
    let owned = connection.clone();
    let began = Instant::now();
    let of_the_server = watched(&source.name, observer, move |tell| {
        Questions { conn, connection: &owned, tell }.of_the_server(&schemas, &claims)
    });
    let (mut answer, conn) = of_the_server.await.map_err(broken)?.map_err(unanswered)?;
    if let Some(Ok(identity)) =
        answer.identity.as_ref().filter(|it| it.as_ref().is_ok_and(Identity::has_read))
    {
        observer.looked_up(&source.name, "to know the server", identity.reading, began.elapsed());
    }
    let Some(planned) = planned.cloned() else { return Ok(answer) };
    let (owned, tables) = (connection.clone(), source.tables.clone());
    let (enabled, schemas) = (source.gtid_enable, mapped_schemas(source));
    let window = watched(&source.name, observer, move |tell| {
        let questions = Questions { conn, connection: &owned, tell };
        answer.window = questions.window(&planned, &tables, &doubtful, &answer);
        if enabled {
            answer.gtids = gtids(&owned, &schemas, &answer, tell);
        }
        answer
    });
    window.await.map_err(broken)
}

fn mapped_schemas(source: &NewSource) -> Vec<String> {
    source.schema_mappings.iter().map(|pair| pair.source_schema.clone()).collect()
}

/// Those before where the batch starts, as far as the starts could be advanced.
fn gtids(
    connection: &MysqlConnection,
    schemas: &[String],
    answer: &Answer,
    tell: &watch::Sender<Progress>,
) -> Option<Result<Gtids, Question>> {
    let (Some(executed), Some(Ok(logs)), Some(Ok(window))) =
        (&answer.settings.gtids, &answer.logs, &answer.window)
    else {
        return None;
    };
    let log = gtids::Log { connection, logs, name_case: answer.settings.name_case, schemas, tell };
    Some(log.gtids(&window.narrowed.batch_start, executed))
}

/// A session with the server.
///
/// The driver's own timeouts are for each address and each packet: here is one for all of it.
///
/// # Errors
/// [`ConnectError`] when there is none.
pub async fn connected(connection: &MysqlConnection) -> Result<Session, ConnectError> {
    let too_slow =
        |_| ConnectError::TooSlow { place: place(connection), seconds: connection.connect_timeout.as_secs() };
    let owned = connection.clone();
    let connecting = tokio::task::spawn_blocking(move || connect(&owned));
    match tokio::time::timeout(connection.connect_timeout, connecting).await.map_err(too_slow)? {
        Ok(result) => result.map(Session),
        Err(panicked) => Err(ConnectError::Broken {
            place: place(connection),
            cause: Cause::of(panicked.to_string(), panicked),
        }),
    }
}

/// Why the binary logs of a server are not known.
#[derive(Debug, thiserror::Error)]
pub enum NoLogs {
    /// There is no session.
    #[error(transparent)]
    NoSession(#[from] ConnectError),
    /// The server does not answer.
    #[error(transparent)]
    Unanswered(#[from] Question),
    /// The session was lost.
    #[error("the session with MySQL was lost")]
    Lost,
}

/// The binary logs that the server has by now, in a session of its own.
///
/// # Errors
/// [`NoLogs`].
pub async fn binary_logs(connection: &MysqlConnection) -> Result<BinaryLogs, NoLogs> {
    let Session(mut conn) = connected(connection).await?;
    let listing = tokio::task::spawn_blocking(move || server::binary_logs(&mut conn));
    Ok(listing.await.map_err(|_| NoLogs::Lost)??)
}

/// The version that the server tells, in a session of its own.
///
/// # Errors
/// [`NoLogs`].
pub async fn version(connection: &MysqlConnection) -> Result<String, NoLogs> {
    let Session(mut conn) = connected(connection).await?;
    let asking = tokio::task::spawn_blocking(move || server::version(&mut conn));
    Ok(asking.await.map_err(|_| NoLogs::Lost)??)
}

/// What is asked, one after the other, on a thread of its own.
struct Questions<'a> {
    conn: Conn,
    connection: &'a MysqlConnection,
    tell: &'a watch::Sender<Progress>,
}

impl Questions<'_> {
    /// All but the window, and the session, which is still of use.
    fn of_the_server(mut self, schemas: &[String], claims: &[Claim]) -> Result<(Answer, Conn), Question> {
        let mut settings = server::settings(&mut self.conn, &self.connection.charset)?;
        let server::Schemas { hidden: hidden_schemas, other_letters } =
            server::schemas(&mut self.conn, settings.name_case, schemas)?;
        let absent_schemas = server::absent(&mut self.conn, &hidden_schemas)?;
        let logs = self.logs(&mut settings);
        let identity = match &logs {
            Some(Ok(logs)) => Some(self.identity(&settings, logs, claims)),
            _ => None,
        };
        let answer = Answer {
            settings,
            logs,
            hidden_schemas,
            absent_schemas,
            other_letters,
            identity,
            window: None,
            gtids: None,
        };
        Ok((answer, self.conn))
    }

    fn identity(
        &self,
        settings: &Settings,
        logs: &BinaryLogs,
        claims: &[Claim],
    ) -> Result<Identity, Question> {
        let clock = RefCell::new(Clock::new());
        let progress = |reading: Reading, of: u64| clock.borrow_mut().tell(self.tell, reading, of);
        let mut times = Times::new(self.connection, settings, logs, &progress);
        let verdicts = times.judge(claims)?;
        Ok(Identity { verdicts, reading: times.read })
    }

    /// What a server shows counts, not what it says of itself.
    fn logs(&mut self, settings: &mut Settings) -> Option<Result<BinaryLogs, Question>> {
        let logs = server::binary_logs(&mut self.conn);
        if !settings.log_bin {
            let Ok(logs) = &logs else { return None };
            settings.log_bin_denied = !logs.files.is_empty();
            settings.log_bin = settings.log_bin_denied;
        }
        settings.log_bin.then_some(logs)
    }

    fn window(
        self,
        planned: &PlannedSource,
        tables: &TableLists,
        doubtful: &[TableName],
        answer: &Answer,
    ) -> Option<Result<WindowRead, Question>> {
        let (settings, Some(Ok(logs))) = (&answer.settings, &answer.logs) else { return None };
        if !settings.logs_whole_rows() {
            return None;
        }
        let window = Window::of(planned, settings.name_case)?;
        let is_there = |coordinate: &BinlogCoordinate| logs.unavailable(coordinate).is_none();
        let readable =
            is_there(window.from()) && is_there(window.to()) && logs.holes(window.from()).is_empty();
        readable.then(|| self.read(window, tables, doubtful, settings, logs))
    }

    fn read(
        self,
        mut window: Window,
        tables: &TableLists,
        doubtful: &[TableName],
        settings: &Settings,
        logs: &BinaryLogs,
    ) -> Result<WindowRead, Question> {
        let began = Instant::now();
        let (from, to) = (window.from().clone(), window.to().max(&logs.current).clone());
        let of = logs.bytes_between(&from, &to);
        let mut clock = Clock::new();
        let progress = |reading: Reading| clock.tell(self.tell, reading, of);
        let (reading, checksums) =
            dump::read(self.conn, &from, &to, doubtful, |transaction| window.take(transaction), progress)?;
        let mut narrowed = window.close();
        narrowed.ahead.hazards.retain(|name| tables.are_read(&name.schema, &name.table));
        narrowed.ahead.pass_over(|statement| {
            let table = statement.table.as_deref();
            table.is_some_and(|table| !tables.are_read(&statement.default_schema, table))
        });
        let read_by_the_daemon = |name: &&TableName| tables.are_read(&name.schema, &name.table);
        let ahead: Vec<_> = narrowed.ahead.rows.keys().filter(read_by_the_daemon).collect();
        let (server::Looked { gone, others }, hidden, unreadable) = if narrowed.ahead.rows.is_empty() {
            Default::default()
        } else {
            // The session that the binary log was read through is of no more use.
            let again = |error: ConnectError| Question {
                doing: "connecting again to look for the tables of the window",
                cause: error.to_string(),
                denied: false,
            };
            let mut conn = connect(self.connection).map_err(again)?;
            let looked = server::look_for(&mut conn, settings.name_case, ahead)?;
            let hidden = server::hidden(&mut conn, &looked.gone)?;
            let mut unreadable = server::misread(&mut conn, settings.name_case, narrowed.ahead.rows.keys())?;
            // The daemon ends at the description of a compressed column before it looks at the name of the table.
            unreadable.retain(|(name, column)| {
                column.charset.is_none() || tables.are_read(&name.schema, &name.table)
            });
            (looked, hidden, unreadable)
        };
        Ok(WindowRead {
            narrowed,
            gone,
            hidden,
            others,
            unreadable,
            checksums,
            reading,
            took: began.elapsed(),
        })
    }
}

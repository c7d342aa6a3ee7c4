//! Asks the MySQL server of a source, and reads its window.

use super::connect::{ConnectError, Session, connect, place};
use super::facts::{Answer, AskedSource, BinaryLogs, Compared, Question, Reading, Settings, WindowRead};
use super::{dump, server};
use crate::binlog::BinlogCoordinate;
use crate::config::{MysqlConnection, NewSource, TableLists};
use crate::plan::PlannedSource;
use crate::window::{TableName, Window};
use mysql::Conn;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often whoever watches is told how far the reading has come.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// How many bytes are read between two looks at the clock.
const LOOK_EVERY: u64 = 1 << 18;

/// Is told how far the reading of a window has come.
pub trait Observer {
    /// So much of the window of `source` was read, of about so many bytes.
    fn window_reading(&self, source: &str, reading: Reading, of: u64);
    /// So many of the tables of `source` were compared with those on MySQL.
    fn tables_comparing(&self, source: &str, tables: u64, of: u64);
    /// All of them were.
    fn tables_compared(&self, source: &str);
    /// The window of `source` was read.
    fn window_read(&self, source: &str, reading: Reading, took: Duration);
}

/// What is known of the reading while it goes on: how far, and of how many bytes.
type Progress = (Reading, u64);

/// Asks the server of `source`. The window is read when the plan has one and the server can show it.
///
/// Dropping the future stops the reading.
pub async fn ask(
    source: &NewSource,
    connection: &MysqlConnection,
    session: Result<Session, ConnectError>,
    planned: Option<&PlannedSource>,
    mut compared: Compared,
    observer: &dyn Observer,
) -> AskedSource {
    let doubtful = compared.differing.iter().map(|differing| differing.table.clone()).collect();
    let answer = match session {
        Ok(session) => answer(source, connection, session, planned, doubtful, observer).await,
        Err(error) => Err(error),
    };
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
        charset: connection.charset.clone(),
        compared,
        answer,
    }
}

async fn answer(
    source: &NewSource,
    connection: &MysqlConnection,
    Session(conn): Session,
    planned: Option<&PlannedSource>,
    doubtful: Vec<TableName>,
    observer: &dyn Observer,
) -> Result<Answer, ConnectError> {
    let schemas: Vec<_> = source.schema_mappings.iter().map(|pair| pair.source_schema.clone()).collect();
    let (planned, connection, tables) = (planned.cloned(), connection.clone(), source.tables.clone());
    let broken = {
        let place = place(&connection);
        move |cause: String| ConnectError::Broken { place, cause }
    };
    let (tell, mut told) = watch::channel(Progress::default());
    let mut asking = tokio::task::spawn_blocking(move || {
        let doubtful = &doubtful;
        Questions { conn, connection: &connection, schemas: &schemas, tables: &tables, doubtful, tell: &tell }
            .ask(planned.as_ref())
    });
    loop {
        tokio::select! {
            answer = &mut asking => {
                return match answer {
                    Ok(Ok(answer)) => Ok(answer),
                    Ok(Err(question)) => Err(broken(question.to_string())),
                    Err(panicked) => Err(broken(panicked.to_string())),
                };
            }
            Ok(()) = told.changed() => {
                let (reading, of) = *told.borrow_and_update();
                observer.window_reading(&source.name, reading, of);
            }
        }
    }
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
        Err(panicked) => Err(ConnectError::Broken { place: place(connection), cause: panicked.to_string() }),
    }
}

/// What is asked, one after the other, on a thread of its own.
struct Questions<'a> {
    conn: Conn,
    connection: &'a MysqlConnection,
    schemas: &'a [String],
    tables: &'a TableLists,
    /// Tables of which it matters whether a definition lies ahead.
    doubtful: &'a [TableName],
    tell: &'a watch::Sender<Progress>,
}

impl Questions<'_> {
    fn ask(mut self, planned: Option<&PlannedSource>) -> Result<Answer, Question> {
        let mut settings = server::settings(&mut self.conn, &self.connection.charset)?;
        let schemas = server::schemas(&mut self.conn, settings.letters, self.schemas)?;
        let logs = self.logs(&mut settings);
        let window = match (planned, &logs) {
            (Some(planned), Some(Ok(logs))) if settings.logs_whole_rows() => {
                self.window(planned, &settings, logs)
            }
            _ => None,
        };
        let server::Schemas { hidden: hidden_schemas, other_letters } = schemas;
        Ok(Answer { settings, logs, hidden_schemas, other_letters, window })
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
        settings: &Settings,
        logs: &BinaryLogs,
    ) -> Option<Result<WindowRead, Question>> {
        let window = Window::of(planned, settings.letters)?;
        let is_there = |coordinate: &BinlogCoordinate| logs.lack(coordinate).is_none();
        let readable =
            is_there(window.from()) && is_there(window.to()) && logs.holes(window.from()).is_empty();
        readable.then(|| self.read(window, settings, logs))
    }

    fn read(
        self,
        mut window: Window,
        settings: &Settings,
        logs: &BinaryLogs,
    ) -> Result<WindowRead, Question> {
        let began = Instant::now();
        let (from, to) = (window.from().clone(), window.to().max(&logs.current).clone());
        let of = logs.bytes_between(&from, &to);
        let mut clock = Clock { told: began, next_look: LOOK_EVERY };
        let progress = |reading: Reading| {
            if !clock.is_due(reading.bytes) {
                return ControlFlow::Continue(());
            }
            // Nobody listens any more when the command was interrupted.
            if self.tell.send((reading, of)).is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let (reading, checksums) = dump::read(
            self.conn,
            &from,
            &to,
            self.doubtful,
            |transaction| window.take(transaction),
            progress,
        )?;
        let mut narrowed = window.close();
        narrowed.ahead.hazards.retain(|name| self.tables.are_read(&name.schema, &name.table));
        let read_by_the_daemon = |name: &&TableName| self.tables.are_read(&name.schema, &name.table);
        let ahead: Vec<_> = narrowed.ahead.rows.keys().filter(read_by_the_daemon).collect();
        let (server::Looked { gone, others }, hidden) = if ahead.is_empty() {
            Default::default()
        } else {
            // The session that the binary log was read through is of no more use.
            let again = |error: ConnectError| Question {
                doing: "connecting again to look for the tables of the window",
                cause: error.to_string(),
                denied: false,
            };
            let mut conn = connect(self.connection).map_err(again)?;
            let looked = server::look_for(&mut conn, settings.letters, ahead)?;
            let hidden = server::hidden(&mut conn, &looked.gone)?;
            (looked, hidden)
        };
        Ok(WindowRead { narrowed, gone, hidden, others, checksums, reading, took: began.elapsed() })
    }
}

/// Says when it is time to tell.
struct Clock {
    told: Instant,
    next_look: u64,
}

impl Clock {
    fn is_due(&mut self, bytes: u64) -> bool {
        if bytes < self.next_look {
            return false;
        }
        self.next_look = bytes + LOOK_EVERY;
        let due = self.told.elapsed() >= TELL_EVERY;
        if due {
            self.told = Instant::now();
        }
        due
    }
}

//! Asks the MySQL server of a source, and reads its window.

use super::connect::{ConnectError, Session, connect, place};
use super::facts::{
    Answer, AskedSource, BinaryLogs, Compared, Gtids, Identity, Question, Reading, Settings, WindowRead,
};
use super::times::Times;
use super::{dump, gtids, server};
use crate::binlog::BinlogCoordinate;
use crate::config::{MysqlConnection, NewSource, TableLists};
use crate::identity::Claim;
use crate::plan::PlannedSource;
use crate::window::{TableName, Window};
use mysql::Conn;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often whoever watches is told how far the reading has come.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// How many bytes are read between two looks at the clock.
const LOOK_EVERY: u64 = 1 << 18;

/// Is told how far the reading of the binary log has come.
pub trait Observer {
    /// So much of the binary log was read for `source`, of about so many bytes.
    fn log_reading(&self, source: &str, reading: Reading, of: u64);
    /// What had to be looked up in the binary log for `source`, in words, was looked up.
    fn looked_up(&self, source: &str, what: &str, reading: Reading, took: Duration);
    /// So many of the tables of `source` were compared with those on MySQL.
    fn tables_comparing(&self, source: &str, tables: u64, of: u64);
    /// All of them were.
    fn tables_compared(&self, source: &str);
    /// The window of `source` was read.
    fn window_read(&self, source: &str, reading: Reading, took: Duration);
}

/// What is known of the reading while it goes on: how far, and of how many bytes.
pub(super) type Progress = (Reading, u64);

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
    let broken = |cause: String| ConnectError::Broken { place: place(connection), cause };
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
    let log = gtids::Log { connection, logs, letters: answer.settings.letters, schemas, tell };
    Some(log.gtids(&window.narrowed.batch_start, executed))
}

/// Asks on a thread of its own, and tells how far it has come. The error is that of a thread that ended before its time.
pub(super) async fn watched<T: Send + 'static>(
    source: &str,
    observer: &dyn Observer,
    asking: impl FnOnce(&watch::Sender<Progress>) -> T + Send + 'static,
) -> Result<T, String> {
    let (tell, mut told) = watch::channel(Progress::default());
    let mut asking = tokio::task::spawn_blocking(move || asking(&tell));
    loop {
        tokio::select! {
            answer = &mut asking => return answer.map_err(|panicked| panicked.to_string()),
            Ok(()) = told.changed() => {
                let (reading, of) = *told.borrow_and_update();
                observer.log_reading(source, reading, of);
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

/// The binary logs that the server has by now; none when it can't be asked any more, which the daemon will tell.
pub async fn binary_logs(connection: &MysqlConnection) -> Option<BinaryLogs> {
    let Session(mut conn) = connected(connection).await.ok()?;
    let listing = tokio::task::spawn_blocking(move || server::binary_logs(&mut conn));
    listing.await.ok()?.ok()
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
            server::schemas(&mut self.conn, settings.letters, schemas)?;
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
        let window = Window::of(planned, settings.letters)?;
        let is_there = |coordinate: &BinlogCoordinate| logs.lack(coordinate).is_none();
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
pub(super) struct Clock {
    told: Instant,
    next_look: u64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { told: Instant::now(), next_look: LOOK_EVERY }
    }

    pub(super) fn tell(
        &mut self,
        tell: &watch::Sender<Progress>,
        reading: Reading,
        of: u64,
    ) -> ControlFlow<()> {
        // Nobody listens any more when the command was interrupted.
        if self.is_due(reading.bytes) && tell.send((reading, of)).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

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

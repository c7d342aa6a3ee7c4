//! An application that goes on writing to MySQL while other things happen, as a live scenario has it: statements again and
//! again, in one session, by an account that may do no more than read and write tables.

use super::LiveError;
use crate::server::mysql::MySqlServer;
use mysql::Conn;
use mysql::prelude::Queryable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Between one time and the next. Neither version of pg_chameleon finds the binary log at rest.
const PAUSE: Duration = Duration::from_millis(100);

/// How long it may take until it has written for the first time, or once more.
const PATIENCE: Duration = Duration::from_secs(20);

/// MySQL's and MariaDB's number of what `read_only` refuses.
const READ_ONLY: u16 = 1290;

/// An application under way. It ends with the value.
#[derive(Debug)]
pub(super) struct Application {
    ends: Arc<AtomicBool>,
    /// How many times it ran its statements whole.
    thread: Option<JoinHandle<Result<u64, mysql::Error>>>,
}

impl Application {
    /// Starts it, with this default database.
    pub(super) fn start(mysql: &MySqlServer, schema: &str, statements: &str) -> Result<Self, LiveError> {
        let mut session = mysql.connect_as_application(schema)?;
        let ends = Arc::new(AtomicBool::new(false));
        let (ended, statements) = (Arc::clone(&ends), statements.to_owned());
        let deadline = Instant::now() + PATIENCE;
        let thread = thread::spawn(move || {
            let mut times = 0;
            // It has written at least once, unless nobody lets it.
            while !ended.load(Ordering::Relaxed) || times == 0 && Instant::now() < deadline {
                times += u64::from(written(&mut session, &statements)?);
                thread::sleep(PAUSE);
            }
            Ok(times)
        });
        Ok(Self { ends, thread: Some(thread) })
    }

    /// Ends it. It must have written.
    pub(super) fn end(mut self) -> Result<(), LiveError> {
        self.ends.store(true, Ordering::Relaxed);
        let times = self.thread.take().and_then(|thread| thread.join().ok());
        match times {
            Some(Ok(1..)) => Ok(()),
            Some(Ok(0)) => Err(LiveError::Scenario("the application was never let write".to_owned())),
            Some(Err(error)) => Err(LiveError::mysql("run the application's statements")(error)),
            None => Err(LiveError::Scenario("the application ended by itself".to_owned())),
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _nobody_asks = thread.join();
        }
    }
}

/// Whether the statements were run, and not refused because nobody may write.
fn written(session: &mut Conn, statements: &str) -> Result<bool, mysql::Error> {
    match run(session, statements) {
        Err(mysql::Error::MySqlError(error)) if error.code == READ_ONLY => {
            session.query_drop("ROLLBACK")?;
            Ok(false)
        }
        result => result.map(|()| true),
    }
}

fn run(session: &mut Conn, statements: &str) -> Result<(), mysql::Error> {
    let mut results = session.query_iter(statements)?;
    while let Some(result) = results.iter() {
        for row in result {
            row?;
        }
    }
    Ok(())
}

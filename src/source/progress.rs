//! How far the reading of a binary log has come, for whoever watches.

use crate::facts::mysql::Reading;
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

/// Nobody observes.
pub struct Unobserved;

impl Observer for Unobserved {
    fn log_reading(&self, _: &str, _: Reading, _: u64) {}
    fn looked_up(&self, _: &str, _: &str, _: Reading, _: Duration) {}
    fn tables_comparing(&self, _: &str, _: u64, _: u64) {}
    fn tables_compared(&self, _: &str) {}
    fn window_read(&self, _: &str, _: Reading, _: Duration) {}
}

/// What is known of the reading while it goes on: how far, and of how many bytes.
pub(super) type Progress = (Reading, u64);

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

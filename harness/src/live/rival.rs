//! Another program that reads MySQL's log under the same server id as a daemon: a replica, or a second daemon, with the configuration of
//! the first. MySQL lets one reader of an id be, the last; this one comes back whenever it is thrown off.

use super::LiveError;
use crate::server::mysql::MySqlServer;
use mysql::{BinlogRequest, Conn, OptsBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// For so long it waits for something to read, and looks then whether it is to end.
const WAITS: Duration = Duration::from_millis(200);
/// A replica that was thrown off does not ask at once.
const PAUSE: Duration = Duration::from_millis(2);

/// One under way. It ends with the value.
pub(super) struct Rival {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Rival {
    /// Starts it, under this server id, at the end of the log.
    pub(super) fn start(mysql: &MySqlServer, server_id: u32) -> Result<Self, LiveError> {
        let (file, position) = mysql.place()?;
        let options = mysql.options().read_timeout(Some(WAITS));
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let request = BinlogRequest::new(server_id).with_filename(file.as_bytes()).with_pos(position);
                let _thrown_off = reads(options.clone(), request, &ended);
                thread::sleep(PAUSE);
            }
        });
        Ok(Self { ends, thread: Some(thread) })
    }
}

/// Reads until there is nothing for a while, or it is thrown off.
fn reads(options: OptsBuilder, request: BinlogRequest<'_>, ended: &AtomicBool) -> Result<(), mysql::Error> {
    for event in Conn::new(options)?.get_binlog_stream(request)? {
        event?;
        if ended.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(())
}

impl Drop for Rival {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _nobody_asks = thread.join();
        }
    }
}

//! A way to a MySQL server that can forget the connections that go through it, as a firewall does that was started anew.

use super::LiveError;
use crate::server::mysql::{PORT, free_address};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long the daemon may take to begin to read.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a round of the daemon.
const FORGETS_FOR: Duration = Duration::from_secs(3);

/// The way. It is closed with the value.
pub(super) struct Passage {
    host: Ipv4Addr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Whether what is connected now is forgotten.
    forgets: AtomicBool,
    /// Whether it will be once MySQL has sent so many bytes on one connection; 0: it won't.
    forgets_at: AtomicU64,
    closed: AtomicBool,
}

impl Passage {
    /// Opens one to the server at this address, at an address of its own and MySQL's port.
    pub(super) fn open(server: Ipv4Addr) -> Result<Self, LiveError> {
        let failed = || LiveError::io("open a way to MySQL");
        let host = free_address()?;
        let listener = TcpListener::bind((host, PORT)).map_err(failed())?;
        listener.set_nonblocking(true).map_err(failed())?;
        let state = Arc::new(State::default());
        let of_thread = Arc::clone(&state);
        thread::spawn(move || accept(&listener, server, &of_thread));
        Ok(Self { host, state })
    }

    /// The same from the start on, and in the middle of something: what there is when MySQL has sent so many bytes on a connection.
    pub(super) fn will_forget_at(&self, bytes: u64) {
        self.state.forgets_at.store(bytes, Ordering::SeqCst);
    }

    /// Waits until that has come.
    pub(super) fn wait_until_it_forgets(&self) -> Result<(), LiveError> {
        let deadline = Instant::now() + PATIENCE;
        while !self.state.forgets.load(Ordering::SeqCst) {
            if Instant::now() > deadline {
                return Err(LiveError::Scenario(
                    "MySQL has not sent as much as was to be forgotten".to_owned(),
                ));
            }
            thread::sleep(POLL_INTERVAL);
        }
        self.forget();
        Ok(())
    }

    /// Where it listens.
    pub(super) fn host(&self) -> Ipv4Addr {
        self.host
    }

    /// Lets nothing through any more on the connections that there are in the next moments: a daemon makes new ones in each
    /// round, and has none between two.
    pub(super) fn forget(&self) {
        self.state.forgets.store(true, Ordering::SeqCst);
        thread::sleep(FORGETS_FOR);
        self.state.forgets.store(false, Ordering::SeqCst);
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
    }
}

fn accept(listener: &TcpListener, server: Ipv4Addr, state: &Arc<State>) {
    while !state.closed.load(Ordering::SeqCst) {
        let Ok((client, _)) = listener.accept() else {
            thread::sleep(POLL_INTERVAL);
            continue;
        };
        let Ok(server) = TcpStream::connect((server, PORT)) else { continue };
        let ways = [(client.try_clone(), server.try_clone(), false), (Ok(server), Ok(client), true)];
        for way in ways {
            if let (Ok(from), Ok(to), is_of_mysql) = way {
                let state = Arc::clone(state);
                thread::spawn(move || copy(from, to, is_of_mysql, &state));
            }
        }
    }
}

/// One direction of a connection.
fn copy(mut from: TcpStream, mut to: TcpStream, is_of_mysql: bool, state: &State) {
    if from.set_nonblocking(false).is_err() || from.set_read_timeout(Some(POLL_INTERVAL)).is_err() {
        return;
    }
    let mut buffer = vec![0; 64 << 10];
    let (mut is_forgotten, mut sent) = (false, 0);
    loop {
        let read = from.read(&mut buffer);
        if state.closed.load(Ordering::SeqCst) {
            break;
        }
        is_forgotten |= state.forgets.load(Ordering::SeqCst);
        if is_forgotten {
            // Neither what was sent nor an end comes through.
            thread::sleep(POLL_INTERVAL);
            continue;
        }
        match read {
            Ok(0) => break,
            Ok(length) => {
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
                sent += if is_of_mysql { length as u64 } else { 0 };
                let at = state.forgets_at.load(Ordering::SeqCst);
                if at > 0 && sent >= at && state.forgets_at.swap(0, Ordering::SeqCst) > 0 {
                    state.forgets.store(true, Ordering::SeqCst);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _gone_already = to.shutdown(std::net::Shutdown::Both);
}

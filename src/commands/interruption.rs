//! Ctrl-C, a lost terminal and a polite kill all end the session with the server, so that the server
//! undoes what is open; then the command says what state the replica is in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Whether the command was interrupted.
#[derive(Clone, Default)]
pub struct Interruption {
    happened: Arc<AtomicBool>,
    notify: Arc<Notify>,
    sessions: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Interruption {
    /// Watches for signals from now on; the first one ends the session.
    pub fn watch(session: AbortHandle) -> Self {
        let interruption = Self::default();
        interruption.ends(session);
        let watcher = interruption.clone();
        tokio::spawn(async move {
            if any_signal().await.is_ok() {
                watcher.happened.store(true, Ordering::SeqCst);
                watcher.notify.notify_one();
                watcher.end_sessions();
            }
        });
        interruption
    }

    /// The signal ends this session too.
    pub fn ends(&self, session: AbortHandle) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        if self.happened() {
            self.end_sessions();
        }
    }

    fn end_sessions(&self) {
        for session in self.sessions.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            session.abort();
        }
    }

    /// Whether a signal has come.
    pub fn happened(&self) -> bool {
        self.happened.load(Ordering::SeqCst)
    }

    /// Waits for a signal.
    pub async fn wait(&self) {
        self.notify.notified().await;
    }
}

async fn any_signal() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

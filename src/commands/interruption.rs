//! Ctrl-C, a lost terminal and a polite kill all end the session with the server, so that the server
//! undoes what is open; then the command says what state the replica is in.

use crate::postgres::Breaker;
use futures_util::future::join_all;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Whether the command was interrupted.
#[derive(Clone, Default)]
pub struct Interruption {
    happened: Arc<AtomicBool>,
    notify: Arc<Notify>,
    broken_off: Arc<Notify>,
    sessions: Arc<Mutex<Vec<Breaker>>>,
}

impl Interruption {
    /// Watches for signals from now on; the first one ends the session, and those that are opened beside it.
    pub fn watch(session: Breaker) -> Self {
        let interruption = Self::default();
        interruption.ends(session);
        let watcher = interruption.clone();
        tokio::spawn(async move {
            if any_signal().await.is_ok() {
                watcher.happened.store(true, Ordering::SeqCst);
                watcher.notify.notify_one();
                watcher.break_off().await;
                watcher.broken_off.notify_one();
            }
        });
        interruption
    }

    /// A signal ends this session too.
    pub fn ends(&self, session: Breaker) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        if self.happened() {
            let late = self.clone();
            tokio::spawn(async move { late.break_off().await });
        }
    }

    async fn break_off(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(sessions.into_iter().map(Breaker::break_off)).await;
    }

    /// Whether a signal has come.
    pub fn happened(&self) -> bool {
        self.happened.load(Ordering::SeqCst)
    }

    /// When a signal has come: waits until the server was told.
    pub async fn settled(&self) {
        if self.happened() {
            self.broken_off.notified().await;
        }
    }

    /// Waits for a signal.
    pub async fn wait(&self) {
        self.notify.notified().await;
    }
}

/// Waits for a signal that asks the program to end.
pub(super) async fn any_signal() -> std::io::Result<()> {
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

//! A server that several may use at a time.

use super::Server;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A server that may be stopped by one and asked by another.
#[derive(Clone)]
pub struct SharedServer(Arc<Mutex<Box<dyn Server>>>);

impl SharedServer {
    /// Shares `server`.
    #[must_use]
    pub fn new(server: Box<dyn Server>) -> Self {
        Self(Arc::new(Mutex::new(server)))
    }

    /// The server, for as long as nobody else needs it.
    pub fn lock(&self) -> MutexGuard<'_, Box<dyn Server>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

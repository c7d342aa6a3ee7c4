//! Servers for scenarios: one that all share, and more for those whose faults stop the server.

use crate::server::{Kind, ServerError, SharedServer};
use std::sync::{Mutex, PoisonError};

/// Starts servers when they are needed, and keeps them for the next scenario.
pub struct Pool {
    kind: Kind,
    common: Mutex<Option<SharedServer>>,
    idle: Mutex<Vec<SharedServer>>,
}

impl Pool {
    /// A pool without servers yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind: kind.in_memory(), common: Mutex::default(), idle: Mutex::default() }
    }

    /// The kind of its servers.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The server that all share.
    ///
    /// # Errors
    /// [`ServerError`] when it does not start.
    pub fn common(&self) -> Result<SharedServer, ServerError> {
        let mut common = self.common.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = &*common {
            return Ok(server.clone());
        }
        let server = SharedServer::new(self.kind.start()?);
        *common = Some(server.clone());
        Ok(server)
    }

    /// A server that nobody else uses until it is given back.
    ///
    /// # Errors
    /// [`ServerError`] when it does not start.
    pub fn own(&self) -> Result<SharedServer, ServerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.kind.start().map(SharedServer::new), Ok)
    }

    /// Gives a server back that is as good as new.
    pub fn give_back(&self, server: SharedServer) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(server);
    }
}

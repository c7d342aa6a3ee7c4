//! What a session sends: each statement as SQL, with its parameters written in, taken from the messages themselves. So
//! nothing that is sent can be missed, whichever way it goes.

mod literal;
mod messages;

use messages::Messages;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a statement can't be written as SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A parameter of a type that this program sends nowhere.
    #[error("a parameter of the type with the oid {0} can't be written as SQL")]
    Parameter(u32),
    /// Rows of a COPY, a message of another kind, or one that is cut short.
    #[error("a message of the kind {:?} can't be written as SQL", char::from(*.0))]
    Message(u8),
}

/// Is told of each statement when it is sent, with the semicolon at its end.
pub trait Listener: Send {
    /// This was sent.
    fn sent(&mut self, statement: Result<String, Unwritable>);
}

/// Where a session's listener is, when it has one.
#[derive(Clone, Default)]
pub(super) struct Ear(Arc<Mutex<Option<Listening>>>);

struct Listening {
    messages: Messages,
    listener: Box<dyn Listener>,
}

impl Ear {
    /// From now on. Nothing may be under way: what comes next is the beginning of a message.
    pub fn opens(&self, listener: Box<dyn Listener>) {
        *self.lock() = Some(Listening { messages: Messages::default(), listener });
    }

    /// No more.
    pub fn closes(&self) {
        *self.lock() = None;
    }

    /// These bytes have gone to the server.
    pub fn hears(&self, bytes: &[u8]) {
        if let Some(Listening { messages, listener }) = &mut *self.lock() {
            for statement in messages.take(bytes) {
                listener.sent(statement);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Listening>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

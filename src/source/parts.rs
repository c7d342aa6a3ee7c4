//! What is read of MySQL part by part, on a thread of its own, while whoever asked works on the part before: the driver blocks.

use super::connect::Session;
use crate::facts::mysql::Question;
use mysql::Conn;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What is read, a part at a time, and then the session that it came from.
pub struct Parts<T> {
    /// The parts.
    pub received: mpsc::Receiver<Result<T, Question>>,
    reading: JoinHandle<Session>,
}

impl<T: Send + 'static> Parts<T> {
    /// `read` hands on part after part, until nobody wants any more.
    pub(super) fn of(
        mut session: Session,
        read: impl FnOnce(&mut Conn, &mut dyn FnMut(T) -> bool) -> Result<(), Question> + Send + 'static,
    ) -> Self {
        let (send, received) = mpsc::channel(1);
        let reading = tokio::task::spawn_blocking(move || {
            let mut hand_on = |part| send.blocking_send(Ok(part)).is_ok();
            if let Err(question) = read(&mut session.0, &mut hand_on) {
                // Nobody listens any more when the command was interrupted.
                drop(send.blocking_send(Err(question)));
            }
            session
        });
        Self { received, reading }
    }

    /// The session, for what else is to be asked; none when it can't be had back.
    pub async fn session(self) -> Option<Session> {
        // Who reads no further is not waited for.
        drop(self.received);
        self.reading.await.ok()
    }
}

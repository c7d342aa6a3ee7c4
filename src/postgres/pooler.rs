//! Whether a pooler stands between this program and the server, and what it gives to a client: a server session for as
//! long as it stays, or one for each transaction or statement, where locks and settings of a session don't hold.
//!
//! §checks, a pooler. A server gives its process id with the key to cancel statements; a pooler gives a key of
//! its own. Behind one, a second client of ours takes part: two clients at a time in one server session, or one client in
//! two, is what only a pooler of transactions does. (pgbouncer gives the session that was used last, or takes turns.)

use super::{Session, connect};
use crate::config::PostgresConnection;
use crate::facts::postgres::Pooling;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, Error};

/// Other clients of the pooler may come between: so often it is looked at.
const ROUNDS: usize = 12;

/// A client that waits for a server session for so long does not get one.
const WAIT: Duration = Duration::from_secs(3);

/// Finds out. Nothing is set, and nothing is locked.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn pooling(session: &Session, connection: &PostgresConnection) -> Result<Pooling, Error> {
    let client = session.client();
    let mut own = process(client).await?;
    if process_of_the_key(client).await.ok() == Some(own) {
        return Ok(Pooling::Sessions);
    }
    tracing::info!(process = own, "a pooler stands between");
    let other = tokio::time::timeout(WAIT, connect(connection)).await.ok().and_then(Result::ok);
    let mut pooling = Pooling::Sessions;
    for _ in 0..ROUNDS {
        let others = match &other {
            Some(other) => match tokio::time::timeout(WAIT, in_a_transaction(other.client())).await {
                Ok(Ok(others)) => Some(others),
                Ok(Err(error)) if takes_no_transactions(&error) => {
                    pooling = Pooling::Statements(super::describe(&error));
                    break;
                }
                Ok(Err(error)) => return Err(error),
                // This session is kept for its client: no other is left.
                Err(_) => break,
            },
            None => None,
        };
        // While the other one's transaction is open, a pooler of transactions may have no session left for this one.
        if others != Some(own) {
            let again = tokio::time::timeout(WAIT, process(client)).await;
            if let Some(other) = &other {
                other.client().batch_execute("ROLLBACK").await?;
            }
            let Ok(again) = again else { continue };
            let again = again?;
            if again == own {
                continue;
            }
            pooling = Pooling::Transactions(own, again);
            own = again;
        } else {
            pooling = Pooling::Transactions(own, own);
        }
        break;
    }
    tracing::info!(process = own, ?pooling, "looked at the pooler");
    if let Some(other) = other {
        drop(tokio::time::timeout(WAIT, other.close()).await);
    }
    Ok(pooling)
}

async fn process(client: &Client) -> Result<i32, Error> {
    client.query_typed_one("SELECT pg_catalog.pg_backend_pid()", &[]).await?.try_get(0)
}

async fn in_a_transaction(client: &Client) -> Result<i32, Error> {
    client.batch_execute("BEGIN READ ONLY").await?;
    process(client).await
}

/// As pgbouncer says it.
fn takes_no_transactions(error: &Error) -> bool {
    error.as_db_error().is_some_and(|error| error.message().contains("statement pooling"))
}

/// A request for TLS, in place of a protocol's version.
const TLS_REQUEST: [u8; 4] = 80_877_103_i32.to_be_bytes();

/// The server process for which the session's key to cancel statements is good. The driver tells it only to whom it
/// asks to cancel: here, to ourselves.
async fn process_of_the_key(client: &Client) -> io::Result<i32> {
    let (asking, mut asked) = duplex(64);
    let token = client.cancel_token();
    let (_, process) = tokio::join!(token.cancel_query_raw(asking, Unencrypted), async move {
        // Its length, and what is asked for.
        let mut head = [0; 8];
        asked.read_exact(&mut head).await?;
        if head[4..] == TLS_REQUEST {
            asked.write_all(b"S").await?;
            asked.read_exact(&mut head).await?;
        }
        asked.read_i32().await
    });
    process
}

/// Takes the place of TLS.
struct Unencrypted;

impl TlsConnect<DuplexStream> for Unencrypted {
    type Stream = Plain;
    type Error = io::Error;
    type Future = std::future::Ready<Result<Plain, io::Error>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        std::future::ready(Ok(Plain(stream)))
    }
}

struct Plain(DuplexStream);

impl TlsStream for Plain {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

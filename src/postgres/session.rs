//! An open session, and how to end it whatever it is doing.

use super::handover::Handover;
use super::route::{Route, Stream};
use super::statements::{Ear, Listener};
use super::tls::Connector;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Client, NoTls};

/// How long breaking off may take before it is left to the server to notice.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// A session on the server.
pub struct Session {
    client: Client,
    connection: JoinHandle<()>,
    route: Route,
    tls: Option<Connector>,
    ear: Ear,
    handover: Handover,
}

impl Session {
    pub(super) fn new(
        client: Client,
        connection: JoinHandle<()>,
        route: &Route,
        tls: Option<&Connector>,
        handover: Handover,
        ear: Ear,
    ) -> Self {
        Self { client, connection, route: route.clone(), tls: tls.cloned(), handover, ear }
    }

    /// What another program needs to come to the same server.
    #[must_use]
    pub fn handover(&self) -> &Handover {
        &self.handover
    }

    /// From now on `listener` is told of each statement that is sent. Every statement before must have been answered.
    pub fn listen(&self, listener: Box<dyn Listener>) {
        self.ear.opens(listener);
    }

    /// Nobody is told any more.
    pub fn listen_no_more(&self) {
        self.ear.closes();
    }

    /// The client to talk through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A handle that ends the session whatever it is doing.
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        Breaker {
            connection: self.connection.abort_handle(),
            token: self.client.cancel_token(),
            route: self.route.clone(),
            tls: self.tls.clone(),
        }
    }

    /// Ends the session and waits until the server has been told.
    pub async fn close(self) {
        let Self { client, connection, .. } = self;
        drop(client);
        // Whatever ended the connection, it has ended.
        let _ = connection.await;
    }
}

/// Ends a session whatever it is doing.
pub struct Breaker {
    connection: AbortHandle,
    token: CancelToken,
    route: Route,
    tls: Option<Connector>,
}

impl Breaker {
    /// Cuts the connection, and has the server give up the statement that it works on or waits with: else it would
    /// notice only at the end of the statement that nobody listens any more.
    pub async fn break_off(self) {
        self.connection.abort();
        match tokio::time::timeout(CANCEL_TIMEOUT, cancel(self.token, self.route, self.tls)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(%error, "the statement can't be cancelled"),
            Err(_) => tracing::info!("the server doesn't take the request to cancel"),
        }
    }
}

/// # Errors
/// What happened, in words.
async fn cancel(token: CancelToken, route: Route, tls: Option<Connector>) -> Result<(), String> {
    let stream = route.open().await.map_err(|error| error.to_string())?;
    let cancelled = match tls {
        Some(Connector { mut rustls, name }) => {
            let tls = MakeTlsConnect::<Stream>::make_tls_connect(&mut rustls, &name);
            token.cancel_query_raw(stream, tls.map_err(|error| error.to_string())?).await
        }
        None => token.cancel_query_raw(stream, NoTls).await,
    };
    cancelled.map_err(|error| error.to_string())
}

//! The proxy: it listens on this machine, and everything that connects goes on to one server, with the faults
//! on its way. All of it runs on one thread of its own, so that messages have one order.

use super::connection::{Finishing, serve};
use super::transcript::SharedRun;
use super::{Fault, Transcript};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;

/// How long the end of a proxy waits for an action that still runs.
const ACTION_GRACE: Duration = Duration::from_secs(10);

/// A proxy before a PostgreSQL server. It and its connections end with the value.
pub struct Proxy {
    address: SocketAddr,
    run: SharedRun,
    finishing: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Why a proxy can't be started.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The server's address is none.
    #[error("the address of the PostgreSQL server can't be resolved ({0}): check its host and port")]
    Upstream(#[source] io::Error),
    /// The system doesn't let the proxy listen or run.
    #[error("the fault proxy can't be started on 127.0.0.1: {0}")]
    Start(#[from] io::Error),
}

impl Proxy {
    /// Starts a proxy for the server at `upstream`, on a free port of 127.0.0.1. The server need not run yet:
    /// as long as it doesn't, connections are closed as soon as they are made.
    ///
    /// # Errors
    /// [`ProxyError`] when the address can't be resolved or the proxy can't listen.
    pub fn start(upstream: impl ToSocketAddrs, faults: Vec<Fault>) -> Result<Self, ProxyError> {
        let upstream: Arc<[SocketAddr]> = upstream.to_socket_addrs().map_err(ProxyError::Upstream)?.collect();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = SharedRun::new(faults);
        let (finishing, finished) = watch::channel(false);
        let served = Served { upstream, run: run.clone(), finishing: Finishing::new(finished) };
        let thread = thread::Builder::new()
            .name("fault proxy".to_owned())
            .spawn(move || served.on(runtime, listener))?;
        Ok(Self { address, run, finishing, thread: Some(thread) })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The transcript so far.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.run.lock().transcript().clone()
    }

    /// Ends the proxy. What clients that are gone have sent is still delivered and counted; connections of
    /// others are closed. Waits, for a few seconds at most, until the server has ended the sessions (with
    /// their transactions and locks) and actions that still run are over.
    #[must_use]
    pub fn finish(mut self) -> Transcript {
        self.end();
        self.transcript()
    }

    fn end(&mut self) {
        self.finishing.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the fault proxy's thread panicked: its transcript may lack messages");
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What the proxy's thread needs.
struct Served {
    upstream: Arc<[SocketAddr]>,
    run: SharedRun,
    finishing: Finishing,
}

impl Served {
    fn on(self, runtime: Runtime, listener: std::net::TcpListener) {
        if let Err(error) = runtime.block_on(self.accept(listener)) {
            tracing::error!("the fault proxy can't listen any more: {error}");
        }
        // An action that doesn't end must not hold up everything else.
        runtime.shutdown_background();
    }

    async fn accept(self, listener: std::net::TcpListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        let mut connections = JoinSet::new();
        let mut finishing = self.finishing.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((client, _)) => {
                        let (upstream, run) = (self.upstream.clone(), self.run.clone());
                        connections.spawn(serve(client, upstream, run, self.finishing.clone()));
                    }
                    // The client may be gone again; others may come.
                    Err(error) => tracing::debug!("a connection to the fault proxy failed: {error}"),
                },
                Some(_) = connections.join_next() => (),
                () = finishing.begun() => break,
            }
        }
        drop(listener);
        let ended = time::timeout(ACTION_GRACE, async { while connections.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tracing::warn!("an action of a fault still runs {ACTION_GRACE:?} after the end of its proxy");
        }
        Ok(())
    }
}

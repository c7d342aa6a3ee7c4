//! The sockets of one connection: its opening, then bytes back and forth until the session or a side ends.
//! Reading from one side never waits for writing to the other: a client that sends much before it reads, and
//! a server that answers much before it reads on, get through as they would without a proxy.

use super::conversation::Conversation;
use super::message::{Malformed, Message};
use super::transcript::SharedRun;
use super::{ActionError, Resume};
use bytes::BytesMut;
use rustix::net::Shutdown;
use std::future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{self, JoinHandle};
use tokio::time::{self, Instant};

/// As many bytes as wait for a side before the other is read no further.
const ENOUGH: usize = 256 * 1024;
/// As many bytes as are asked for at once.
const CHUNK: usize = 64 * 1024;
/// The server's own limit on a startup packet.
const LONGEST_STARTUP: u32 = 10_000;
/// How long, once the proxy is to end, a server may take to hear the last of a client that is gone, and to end
/// its session.
const LAST_WORDS: Duration = Duration::from_secs(2);

const CANCEL_REQUEST: u32 = 80_877_102;
const TLS_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// Tells when the proxy is to end.
#[derive(Clone)]
pub(super) struct Finishing(watch::Receiver<bool>);

impl Finishing {
    pub(super) fn new(finishing: watch::Receiver<bool>) -> Self {
        Self(finishing)
    }

    /// Waits until the proxy is to end.
    pub(super) async fn begun(&mut self) {
        // An error means that the proxy is gone: the same.
        drop(self.0.wait_for(|finishing| *finishing).await);
    }
}

/// Serves a client until it, the server or the proxy ends.
pub(super) async fn serve(
    client: TcpStream,
    upstream: Arc<[SocketAddr]>,
    run: SharedRun,
    mut finishing: Finishing,
) {
    let opened = tokio::select! {
        opened = open(client, &upstream, &run) => opened,
        () = finishing.begun() => return,
    };
    let outcome = match opened {
        Ok(Some(connection)) => connection.pump(finishing).await.map_err(io::Error::other),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection through the proxy ended: {error}");
    }
}

/// Answers the requests that may come before the startup message, and connects to the server for it.
async fn open(
    mut client: TcpStream,
    upstream: &[SocketAddr],
    run: &SharedRun,
) -> io::Result<Option<Connection>> {
    client.set_nodelay(true)?;
    loop {
        let (code, packet) = startup_packet(&mut client).await?;
        match code {
            TLS_REQUEST => run.lock().transcript().tls_requests += 1,
            GSS_REQUEST => run.lock().transcript().gss_requests += 1,
            CANCEL_REQUEST => {
                run.lock().transcript().cancel_requests += 1;
                return cancel(&packet, upstream).await.map(|()| None);
            }
            _ => return start(client, upstream, run, &packet).await.map(Some),
        }
        client.write_all(b"N").await?;
    }
}

/// A packet as they are before authentication: a length and a code instead of a type.
async fn startup_packet(client: &mut TcpStream) -> io::Result<(u32, Vec<u8>)> {
    let length = client.read_u32().await?;
    if !(8..=LONGEST_STARTUP).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a startup packet of PostgreSQL"));
    }
    let code = client.read_u32().await?;
    let mut packet = Vec::from(length.to_be_bytes());
    packet.extend(code.to_be_bytes());
    client.take(u64::from(length) - 8).read_to_end(&mut packet).await?;
    Ok((code, packet))
}

async fn start(
    client: TcpStream,
    upstream: &[SocketAddr],
    run: &SharedRun,
    startup: &[u8],
) -> io::Result<Connection> {
    let number = {
        let mut run = run.lock();
        run.transcript().connections += 1;
        run.transcript().connections
    };
    let server =
        TcpStream::connect(upstream).await.inspect_err(|_| run.lock().transcript().unreachable += 1)?;
    server.set_nodelay(true)?;
    let conversation = Conversation::new(run.clone(), number, startup);
    Ok(Connection { client: Side::new(client), server: Side::new(server), conversation })
}

/// Forwards a request to cancel; the server closes when it has acted on it.
async fn cancel(packet: &[u8], upstream: &[SocketAddr]) -> io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(packet).await?;
    server.read_to_end(&mut Vec::new()).await.map(drop)
}

/// One end of a connection.
struct Side {
    /// None when this side has closed, or was closed.
    stream: Option<TcpStream>,
    /// Bytes that have arrived and were not looked at.
    incoming: BytesMut,
    /// The stream after this side was told that nothing more will come.
    parting: Option<TcpStream>,
}

impl Side {
    fn new(stream: TcpStream) -> Self {
        Self { stream: Some(stream), incoming: BytesMut::new(), parting: None }
    }

    fn is_gone(&self) -> bool {
        self.stream.is_none()
    }

    fn close(&mut self) {
        self.stream = None;
    }

    /// Tells this side that nothing more will come; what it still sends is not heard.
    fn part(&mut self) {
        if let Some(stream) = self.stream.take()
            && rustix::net::shutdown(&stream, Shutdown::Write).is_ok()
        {
            self.parting = Some(stream);
        }
    }

    /// After parting, waits until this side has closed too: a server does when its session has ended, with
    /// its transaction and its locks.
    async fn see_off(self, mut finishing: Finishing) {
        let Some(mut stream) = self.parting else { return };
        let patience = async {
            finishing.begun().await;
            time::sleep(LAST_WORDS).await;
        };
        let mut nowhere = tokio::io::sink();
        tokio::select! {
            _ = tokio::io::copy(&mut stream, &mut nowhere) => (),
            () = patience => (),
        }
    }

    async fn readable(&self) {
        match &self.stream {
            Some(stream) => drop(stream.readable().await),
            None => future::pending().await,
        }
    }

    async fn writable(&self) {
        match &self.stream {
            Some(stream) => drop(stream.writable().await),
            None => future::pending().await,
        }
    }

    /// Reads once. The end of the stream, or an error, closes it.
    fn read(&mut self) {
        let Some(stream) = &self.stream else { return };
        self.incoming.reserve(CHUNK);
        match stream.try_read_buf(&mut self.incoming) {
            Ok(0) => self.close(),
            Ok(_) => (),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
            Err(_) => self.close(),
        }
    }

    /// Reads all that has arrived, asking the system itself: the runtime may not have heard of it yet.
    fn read_all_arrived(&mut self) {
        let mut chunk = vec![0; CHUNK];
        while let Some(stream) = &self.stream {
            match rustix::io::read(stream, chunk.as_mut_slice()) {
                Ok(0) => self.close(),
                Ok(length) => self.incoming.extend_from_slice(&chunk[..length]),
                Err(rustix::io::Errno::INTR) => (),
                Err(rustix::io::Errno::AGAIN) => return,
                Err(_) => self.close(),
            }
        }
    }

    /// Writes as much of `bytes` as goes. What can't be written any more is dropped; reading shows the end.
    fn write(&self, bytes: &mut BytesMut) {
        while !bytes.is_empty() {
            match self.stream.as_ref().map(|stream| stream.try_write(bytes)) {
                Some(Ok(length)) => drop(bytes.split_to(length)),
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => return,
                Some(Err(_)) | None => bytes.clear(),
            }
        }
    }
}

/// A client, its server, and the session between them.
struct Connection {
    client: Side,
    server: Side,
    conversation: Conversation,
}

/// An action that runs on a thread of its own.
type RunningAction = JoinHandle<Result<Resume, ActionError>>;

impl Connection {
    async fn pump(mut self, mut finishing: Finishing) -> Result<(), Malformed> {
        let mut action: Option<RunningAction> = None;
        let mut deadline: Option<Instant> = None;
        loop {
            self.write();
            while self.pass_messages()? {
                // What was written makes room for messages that were not taken yet.
                self.write();
            }
            if let Some(held) = self.conversation.take_action() {
                action = Some(task::spawn_blocking(held));
            }
            self.close_what_has_ended(action.is_some());
            if self.client.is_gone() && self.server.is_gone() && action.is_none() {
                break;
            }
            tokio::select! {
                () = self.client.readable(), if self.reads_client() => self.client.read(),
                () = self.server.readable(), if self.conversation.to_client.len() < ENOUGH => self.server.read(),
                () = self.client.writable(), if !self.conversation.to_client.is_empty() => (),
                () = self.server.writable(), if !self.conversation.to_server.is_empty() => (),
                outcome = ended(&mut action) => self.after_action(outcome),
                () = finishing.begun(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + LAST_WORDS);
                    self.finish();
                }
                () = past(deadline) => self.close(),
            }
        }
        self.server.see_off(finishing).await;
        Ok(())
    }

    /// Gives the session the whole messages that it takes; tells whether there were any.
    fn pass_messages(&mut self) -> Result<bool, Malformed> {
        let mut any = false;
        while let Some(message) = Message::take(&mut self.server.incoming)? {
            self.conversation.backend(&message);
            any = true;
        }
        while self.conversation.is_open()
            && self.conversation.to_server.len() < ENOUGH
            && let Some(message) = Message::take(&mut self.client.incoming)?
        {
            self.conversation.frontend(message);
            any = true;
        }
        Ok(any)
    }

    /// The client is read on while a fault is under way, so that its end is noticed.
    fn reads_client(&self) -> bool {
        self.client.incoming.len() < ENOUGH || !Message::is_waiting(&self.client.incoming)
    }

    fn write(&mut self) {
        self.client.write(&mut self.conversation.to_client);
        self.server.write(&mut self.conversation.to_server);
    }

    /// Closes the sides that have nothing more to say or to hear.
    fn close_what_has_ended(&mut self, acting: bool) {
        let all_sent = self.conversation.to_client.is_empty() && self.conversation.to_server.is_empty();
        if self.conversation.is_cutting_client() && all_sent && !self.server.is_gone() {
            self.client.close();
            self.conversation.client_was_cut();
        }
        if self.conversation.is_over() && all_sent {
            self.close();
        }
        if self.server.is_gone() && self.conversation.to_client.is_empty() {
            self.client.close();
        }
        let client_has_said_all = acting
            || self.conversation.is_open()
                && self.conversation.to_server.is_empty()
                && !Message::is_waiting(&self.client.incoming);
        if self.client.is_gone() && client_has_said_all {
            self.server.part();
        }
    }

    fn close(&mut self) {
        self.client.close();
        self.server.part();
    }

    fn after_action(&mut self, outcome: Result<Resume, String>) {
        self.client.read_all_arrived();
        self.server.read_all_arrived();
        let alive = !self.client.is_gone() && !self.server.is_gone();
        self.conversation.action_ended(outcome, alive);
    }

    /// Ends the connection; what a client that is gone has sent is still delivered and counted.
    fn finish(&mut self) {
        self.client.read_all_arrived();
        if !self.client.is_gone() {
            self.close();
        }
    }
}

/// Waits for the end of the action, if one runs.
async fn ended(action: &mut Option<RunningAction>) -> Result<Resume, String> {
    let Some(running) = action else { return future::pending().await };
    let outcome = running.await;
    *action = None;
    match outcome {
        Ok(Ok(resume)) => Ok(resume),
        Ok(Err(error)) => Err(format!("the action failed: {error}")),
        Err(error) => Err(format!("the action ended by itself: {error}")),
    }
}

async fn past(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline).await,
        None => future::pending().await,
    }
}

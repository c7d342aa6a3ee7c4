//! The way to one server: a socket, or an address and a port; and what the server asks for on it.

use super::places::Methods;
use super::statements::Ear;
use rustix::net::sockopt;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// When nothing is heard of the server for about a minute, the connection counts as lost.
pub(super) const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// Where a server listens.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// The file of a socket; in the abstract namespace it begins with a NUL.
    Socket(PathBuf),
    /// An address.
    Tcp(SocketAddr),
}

impl Route {
    /// The socket in a folder, or in the abstract namespace.
    pub fn socket(folder: &str, port: u16) -> Self {
        let path = format!("{folder}/.s.PGSQL.{port}");
        Self::Socket(path.strip_prefix('@').map_or_else(|| path.clone(), |name| format!("\0{name}")).into())
    }

    /// Goes there.
    pub async fn open(&self) -> io::Result<Stream> {
        match self {
            Self::Socket(path) => Ok(Stream::Socket(UnixStream::connect(path).await?)),
            Self::Tcp(address) => {
                let stream = TcpStream::connect(*address).await?;
                stream.set_nodelay(true)?;
                let (idle, interval, retries) = KEEPALIVE;
                sockopt::set_socket_keepalive(&stream, true)?;
                sockopt::set_tcp_keepidle(&stream, idle)?;
                sockopt::set_tcp_keepintvl(&stream, interval)?;
                sockopt::set_tcp_keepcnt(&stream, retries)?;
                Ok(Stream::Tcp(stream))
            }
        }
    }
}

/// A connection to somebody.
pub(super) enum Stream {
    Socket(UnixStream),
    Tcp(TcpStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_flush(context),
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// How a server wants somebody to prove who he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    None,
    KerberosV5,
    Password,
    Md5,
    ScmCredential,
    Gss,
    Sspi,
    Sasl,
    Unknown(i32),
}

impl Method {
    fn of(code: i32) -> Self {
        match code {
            0 => Self::None,
            2 => Self::KerberosV5,
            3 => Self::Password,
            5 => Self::Md5,
            6 => Self::ScmCredential,
            7 => Self::Gss,
            9 => Self::Sspi,
            10 => Self::Sasl,
            code => Self::Unknown(code),
        }
    }

    /// As `require_auth` has it.
    fn keyword(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::Gss => "gss",
            Self::Sspi => "sspi",
            Self::Sasl => "scram-sha-256",
            Self::KerberosV5 | Self::ScmCredential | Self::Unknown(_) => "unknown",
        }
    }

    /// Whether a password is the proof.
    pub fn is_by_password(self) -> bool {
        matches!(self, Self::Password | Self::Md5 | Self::Sasl)
    }

    /// Whether the driver can do it.
    pub fn is_possible(self) -> bool {
        self == Self::None || self.is_by_password()
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nothing at all (trust, peer or cert)"),
            Self::Password => f.write_str("a password in clear"),
            Self::Md5 => f.write_str("an md5 password"),
            Self::Sasl => f.write_str("a scram-sha-256 password"),
            Self::Gss => f.write_str("GSSAPI (Kerberos)"),
            Self::Sspi => f.write_str("SSPI (Windows)"),
            Self::KerberosV5 => f.write_str("Kerberos V5"),
            Self::ScmCredential => f.write_str("SCM credentials"),
            Self::Unknown(code) => write!(f, "a method that has the number {code}"),
        }
    }
}

/// What the server asked for at first.
#[derive(Clone)]
pub(super) struct Heard {
    code: Arc<AtomicI32>,
    allowed: Option<Methods>,
    /// Whether both have gone over to TLS: what is said stands in the stream within it.
    encrypted: Arc<AtomicBool>,
    /// Whom what is sent is told.
    pub ear: Ear,
}

const NOTHING: i32 = -1;

impl Heard {
    /// Nothing so far; only `allowed` methods are answered.
    pub fn nothing(allowed: Option<Methods>) -> Self {
        Self {
            code: Arc::new(AtomicI32::new(NOTHING)),
            allowed,
            encrypted: Arc::default(),
            ear: Ear::default(),
        }
    }

    /// The method, once the server has named it.
    pub fn method(&self) -> Option<Method> {
        Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != NOTHING).map(Method::of)
    }

    /// The method that was not answered, because it isn't allowed.
    pub fn forbidden(&self) -> Option<Method> {
        let allowed = self.allowed.as_ref()?;
        self.method().filter(|method| !allowed.allow(method.keyword()))
    }
}

/// A stream whose first message is listened to, before anybody answers it; and all that is sent, when somebody wants that.
pub(super) struct Overheard<S> {
    stream: S,
    heard: Heard,
    /// Whether it is that within TLS.
    within_tls: bool,
    /// The first bytes, for as long as they can't be told.
    first: Option<Vec<u8>>,
}

impl<S> Overheard<S> {
    pub fn new(stream: S, heard: Heard) -> Self {
        Self { stream, heard, within_tls: false, first: Some(Vec::new()) }
    }

    fn within_tls(stream: S, heard: Heard) -> Self {
        heard.encrypted.store(true, Ordering::Relaxed);
        Self { within_tls: true, ..Self::new(stream, heard) }
    }

    fn listen(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(first) = &mut self.first else { return Ok(()) };
        first.extend_from_slice(bytes);
        // The answer to the wish for TLS is a letter alone.
        let message = first.strip_prefix(b"S").or_else(|| first.strip_prefix(b"N")).unwrap_or(first);
        match message {
            [b'R', _, _, _, _, a, b, c, d, ..] => {
                self.heard.code.store(i32::from_be_bytes([*a, *b, *c, *d]), Ordering::Relaxed);
                self.first = None;
            }
            [] | [b'R', ..] => {}
            _ => self.first = None,
        }
        match self.heard.forbidden() {
            Some(method) => Err(io::Error::new(io::ErrorKind::PermissionDenied, method.to_string())),
            None => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.first.is_some() {
            self.listen(&buffer.filled()[before..])?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        if self.within_tls == self.heard.encrypted.load(Ordering::Relaxed) {
            self.heard.ear.hears(bytes.get(..written).unwrap_or(bytes));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Overheard<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// TLS whose first message is listened to.
pub(super) struct Overhearing<T> {
    pub tls: T,
    pub heard: Heard,
}

impl<S, T> TlsConnect<S> for Overhearing<T>
where
    S: Send + 'static,
    T: TlsConnect<S> + Send + 'static,
    T::Future: Send,
{
    type Stream = Overheard<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connecting = self.tls.connect(stream);
        Box::pin(async move { Ok(Overheard::within_tls(connecting.await?, self.heard)) })
    }
}

//! [`TlsStream`]: TLS over a stream of any kind, which is a stream again.
//!
//! Mirrors `TLSMemoryBIOProtocol` of `twisted.protocols.tls`. Tested in
//! `tests/network/tls.rs` and `tests/network/tls_layers.rs`.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use deferred::Failure;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::handshake::Handshake;
use super::peer::security_of;
use super::{Config, TlsConfigError, TlsError, TlsOptions};
use crate::address::Address;
use crate::error::ConnectionEnded;
use crate::network::{Backlog, Security, Stream, StreamEnd};

/// TLS over a stream of any kind: a socket, another TLS, a layer, memory. It is a
/// stream again, which a network or an endpoint may give to a protocol, and
/// [`push_stream`](crate::Transport::push_stream) may put under one.
///
/// It is open when its handshake is over. What goes wrong comes as the reason of
/// `connection_lost`: a [`TlsError`].
///
/// ```
/// use reactor_compat::{SharedStream, Stream};
/// use reactor_compat::tls::{ClientOptions, TlsConfigError, TlsStream};
///
/// /// TLS to the proxy, and inside of it TLS to the server behind.
/// fn twice(stream: SharedStream) -> Result<impl Stream, TlsConfigError> {
///     let outer = TlsStream::new(stream, ClientOptions::new("proxy.example")?)?;
///     TlsStream::new(outer, ClientOptions::new("server.example")?)
/// }
/// # let _ = twice;
/// ```
#[doc(alias = "TLSMemoryBIOProtocol")]
pub struct TlsStream<S> {
    state: State<S>,
    host: Address,
    peer: Address,
    security: Option<Rc<Security>>,
}

/// How far it is.
///
/// ```text
/// Handshake ──over──▶ Open
///     └────failed───▶ Broken
/// ```
enum State<S> {
    Handshake(Box<Handshake<S>>),
    Open(Box<tokio_rustls::TlsStream<S>>),
    Broken,
}

impl<S: Stream> TlsStream<S> {
    /// TLS over `below`, whose handshake begins when it is first used.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] if the options come to nothing.
    ///
    /// See the [type's example](Self).
    pub fn new(below: S, options: impl Into<TlsOptions>) -> Result<Self, TlsConfigError> {
        Ok(Self::with(below, options.into().try_into()?))
    }

    pub(crate) fn with(below: S, config: Config) -> Self {
        let (host, peer) = (below.get_host(), below.get_peer());
        let state = State::Handshake(Box::new(Handshake::new(below, config)));
        Self { state, host, peer, security: None }
    }

    /// The stream below.
    fn below(&self) -> Option<&S> {
        match &self.state {
            State::Handshake(handshake) => handshake.stream(),
            State::Open(stream) => Some(stream.get_ref().0),
            State::Broken => None,
        }
    }

    fn below_mut(&mut self) -> Option<&mut S> {
        match &mut self.state {
            State::Handshake(handshake) => handshake.stream_mut(),
            State::Open(stream) => Some(stream.get_mut().0),
            State::Broken => None,
        }
    }

    /// Runs what needs the handshake to be over, and names what goes wrong.
    #[inline]
    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        act: impl FnOnce(Pin<&mut tokio_rustls::TlsStream<S>>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if !matches!(self.state, State::Open(_)) {
            ready!(self.poll_open(cx))?;
        }
        match &mut self.state {
            State::Open(stream) => act(Pin::new(&mut **stream), cx).map_err(name),
            State::Handshake(_) | State::Broken => broken(),
        }
    }
}

fn broken<R>() -> Poll<io::Result<R>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

/// Gives an error of TLS its name; one of the stream below stays as it is.
#[cold]
fn name(error: io::Error) -> io::Error {
    if ConnectionEnded::of(&error).is_some() {
        return error;
    }
    match TlsError::of(&error) {
        Some(named) => ConnectionEnded::with_kind(error.kind(), &Failure::new(named)),
        None => error,
    }
}

impl<S: Stream> AsyncRead for TlsStream<S> {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().poll(cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl<S: Stream> AsyncWrite for TlsStream<S> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll(cx, |stream, cx| stream.poll_write(cx, data))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    fn get_host(&self) -> Address {
        self.host.clone()
    }

    fn get_peer(&self) -> Address {
        self.peer.clone()
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Handshake(handshake) = &mut self.state else { return Poll::Ready(Ok(())) };
        match ready!(handshake.poll(cx)) {
            Ok(stream) => {
                self.security = Some(Rc::new(security_of(&stream)));
                self.state = State::Open(Box::new(stream));
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.state = State::Broken;
                Poll::Ready(Err(name(error)))
            }
        }
    }

    fn reset_on_drop(&mut self) {
        if let Some(below) = self.below_mut() {
            below.reset_on_drop();
        }
    }

    fn end(&self) -> StreamEnd {
        StreamEnd::Answered
    }

    fn backlog(&self) -> Backlog {
        self.below().map(Stream::backlog).unwrap_or_default()
    }

    fn insist(&mut self) {
        if let Some(below) = self.below_mut() {
            below.insist();
        }
    }

    fn acts_alone(&self) -> bool {
        self.below().is_some_and(Stream::acts_alone)
    }

    fn security(&self) -> Option<Rc<Security>> {
        self.security.clone()
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        if let Some(below) = self.below() {
            below.with_socket(act);
        }
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Handshake(_) => "Handshake",
            State::Open(_) => "Open",
            State::Broken => "Broken",
        };
        f.debug_struct("TlsStream").field("state", &state).field("peer", &self.peer).finish()
    }
}

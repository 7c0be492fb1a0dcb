//! [`Handshake`]: how a stream becomes a TLS stream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use tokio_rustls::{Accept, Connect, TlsAcceptor, TlsConnector, TlsStream};

use super::{Config, Role, TlsError};

/// A handshake that is going on.
pub(super) struct Handshake<S> {
    side: Side<S>,
    time: Pin<Box<Sleep>>,
}

enum Side<S> {
    Server(Accept<S>),
    Client(Connect<S>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<S> {
    pub(super) fn new(stream: S, config: Config) -> Self {
        let side = match config.role {
            Role::Server(server) => Side::Server(TlsAcceptor::from(server).accept(stream)),
            Role::Client(client, name) => {
                Side::Client(TlsConnector::from(client).connect(name, stream))
            }
        };
        Self { side, time: Box::pin(sleep(config.timeout)) }
    }

    /// The stream below.
    pub(super) fn stream(&self) -> Option<&S> {
        match &self.side {
            Side::Server(accept) => accept.get_ref(),
            Side::Client(connect) => connect.get_ref(),
        }
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut S> {
        match &mut self.side {
            Side::Server(accept) => accept.get_mut(),
            Side::Client(connect) => connect.get_mut(),
        }
    }

    /// Goes on with it; the TLS stream when it is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TlsStream<S>>> {
        let done = match &mut self.side {
            Side::Server(accept) => Pin::new(accept).poll(cx).map_ok(TlsStream::from),
            Side::Client(connect) => Pin::new(connect).poll(cx).map_ok(TlsStream::from),
        };
        if done.is_ready() {
            return done;
        }
        ready!(self.time.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, TlsError::HandshakeTimeout)))
    }
}

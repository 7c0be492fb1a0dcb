//! [`Layer`]: what is between a stream and its driver: nothing, or TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[cfg(feature = "tls")]
use crate::tls::{Security as TlsSecurity, Session};

/// What is to be between a socket and its driver from the start.
#[derive(Clone, Default)]
pub(crate) enum Security {
    #[default]
    None,
    #[cfg(feature = "tls")]
    Tls(TlsSecurity),
}

/// A stream, and what is between it and its driver.
pub(crate) enum Layer<S> {
    Plain(S),
    #[cfg(feature = "tls")]
    Tls(Box<Session<S>>),
    /// The stream is on its way from one to the other.
    #[cfg(feature = "tls")]
    Changing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Layer<S> {
    pub(crate) fn new(stream: S, security: Security) -> Self {
        match security {
            Security::None => Self::Plain(stream),
            #[cfg(feature = "tls")]
            Security::Tls(security) => Self::Tls(Box::new(Session::new(stream, security))),
        }
    }

    /// The stream itself.
    pub(super) fn stream(&self) -> Option<&S> {
        match self {
            Self::Plain(stream) => Some(stream),
            #[cfg(feature = "tls")]
            Self::Tls(session) => session.stream(),
            #[cfg(feature = "tls")]
            Self::Changing => None,
        }
    }

    /// Whether the peer is to be told that all is over, beyond what the
    /// stream's own end tells it.
    pub(super) fn says_goodbye(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Layer<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(session) => Pin::new(&mut **session).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Changing => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Layer<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            #[cfg(feature = "tls")]
            Self::Tls(session) => Pin::new(&mut **session).poll_write(cx, data),
            #[cfg(feature = "tls")]
            Self::Changing => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(session) => Pin::new(&mut **session).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Changing => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(session) => Pin::new(&mut **session).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Changing => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

//! [`Layer`]: what is between a stream and its driver: nothing, or TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(feature = "tls")]
use tokio_rustls::TlsStream;

#[cfg(feature = "tls")]
use crate::network::Security as Secured;
#[cfg(feature = "tls")]
use crate::tls::{self, Handshake, security_of};

/// What is to be between a socket and its driver from the start.
#[derive(Clone, Default)]
pub(crate) enum Security {
    #[default]
    None,
    #[cfg(feature = "tls")]
    Tls(tls::Security),
}

/// A stream, and what is between it and its driver.
///
/// ```text
/// Plain ──secure──▶ Handshake ──done──▶ Tls
///                       └────failed───▶ Broken
/// ```
pub(crate) enum Layer<S> {
    Plain(S),
    #[cfg(feature = "tls")]
    Handshake(Box<Handshake<S>>),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<S>>),
    #[cfg(feature = "tls")]
    Broken,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Layer<S> {
    pub(crate) fn new(stream: S, security: Security) -> Self {
        match security {
            Security::None => Self::Plain(stream),
            #[cfg(feature = "tls")]
            Security::Tls(security) => Self::Handshake(Box::new(Handshake::new(stream, security))),
        }
    }

    /// The stream itself.
    pub(super) fn stream(&self) -> Option<&S> {
        match self {
            Self::Plain(stream) => Some(stream),
            #[cfg(feature = "tls")]
            Self::Handshake(handshake) => handshake.stream(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Some(stream.get_ref().0),
            #[cfg(feature = "tls")]
            Self::Broken => None,
        }
    }

    /// Whether the peer is to be told of the end by more than the stream's own.
    pub(super) fn says_goodbye(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }
}

#[cfg(feature = "tls")]
impl<S: AsyncRead + AsyncWrite + Unpin> Layer<S> {
    /// Puts TLS between the stream and the driver.
    pub(super) fn secure(&mut self, security: tls::Security) {
        *self = match std::mem::replace(self, Self::Broken) {
            Self::Plain(stream) => Self::Handshake(Box::new(Handshake::new(stream, security))),
            other => other,
        };
    }

    /// Goes on with a handshake. Ready when there is none, and with what it
    /// found out when it has just come to its end.
    pub(super) fn poll_handshake(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Secured>>> {
        let Self::Handshake(handshake) = self else { return Poll::Ready(Ok(None)) };
        match std::task::ready!(handshake.poll(cx)) {
            Ok(stream) => {
                let secured = security_of(&stream);
                *self = Self::Tls(Box::new(stream));
                Poll::Ready(Ok(Some(secured)))
            }
            Err(error) => {
                *self = Self::Broken;
                Poll::Ready(Err(error))
            }
        }
    }
}

/// What comes of reading and writing where that cannot be.
#[cfg(feature = "tls")]
fn broken<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
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
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Handshake(_) | Self::Broken => broken(),
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
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, data),
            #[cfg(feature = "tls")]
            Self::Handshake(_) | Self::Broken => broken(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Handshake(_) | Self::Broken => broken(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Handshake(_) | Self::Broken => broken(),
        }
    }
}

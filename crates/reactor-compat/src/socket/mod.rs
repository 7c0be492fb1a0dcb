//! [`Socket`]: one end of a connection, of whatever kind the system has, so
//! that ports, connectors and drivers need not know which.
//!
//! Tested in `tests/tcp.rs` and `tests/unix.rs`.

mod options;

use std::cell::RefCell;
use std::io;
#[cfg(unix)]
use std::os::unix::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

pub use options::SocketError;

use crate::address::Address;

/// One end of a connection.
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Our own end.
    pub(crate) fn host(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => Ok(stream.local_addr()?.into()),
            #[cfg(unix)]
            Self::Unix(stream) => Ok(Address::Unix(SocketAddr::from(stream.local_addr()?).into())),
        }
    }

    /// The other end.
    pub(crate) fn peer(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => Ok(stream.peer_addr()?.into()),
            #[cfg(unix)]
            Self::Unix(stream) => Ok(Address::Unix(SocketAddr::from(stream.peer_addr()?).into())),
        }
    }

    /// Has the peer see a reset when the socket is closed, where there is such
    /// a thing.
    fn reset_on_drop(&self) {
        let reset = match self {
            Self::Tcp(stream) => stream.set_zero_linger(),
            #[cfg(unix)]
            Self::Unix(_) => Ok(()),
        };
        if let Err(error) = reset {
            log_reset(&error);
        }
    }
}

#[cold]
fn log_reset(error: &io::Error) {
    tracing::debug!(%error, "a connection cannot be reset; it is closed");
}

/// A [`Socket`] that its driver reads and writes, and whose options a
/// transport's handles can set. Never borrowed while user code runs.
#[derive(Clone)]
pub(crate) struct SharedSocket(Rc<RefCell<Socket>>);

impl SharedSocket {
    pub(crate) fn new(socket: Socket) -> Self {
        Self(Rc::new(RefCell::new(socket)))
    }

    pub(crate) fn reset_on_drop(&self) {
        self.0.borrow().reset_on_drop();
    }
}

impl AsyncRead for SharedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self.0.borrow_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for SharedSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self.0.borrow_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    /// Sockets keep nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.borrow_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

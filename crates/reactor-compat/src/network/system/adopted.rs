//! [`AdoptedSocket`]: a connection that exists, and that no runtime knows until
//! it is used.
//!
//! Tested in `tests/network/adopt.rs`.

use std::io::{self, IoSlice};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tcp::{TcpSocket, reset_on_drop};
use super::unix::UnixSocket;
use crate::address::Address;
use crate::io_driver::need_io;
use crate::network::{Stream, StreamEnd};

/// A connection that exists; the runtime knows it from the first time on that
/// it is read or written. It does not block.
///
/// ```text
/// Tcp ───registered──▶ TcpReady
/// Unix ──registered──▶ UnixReady
///   └─────failed─────▶ Refused
/// ```
pub(super) enum AdoptedSocket {
    Tcp(TcpStream, SocketAddr),
    TcpReady(TcpSocket),
    Unix(UnixSocket<UnixStream>),
    UnixReady(UnixSocket),
    /// No runtime would have it.
    Refused,
}

impl AdoptedSocket {
    /// The socket of a connection whose other end is `peer`.
    pub(super) fn new(socket: OwnedFd, peer: &Address) -> Self {
        match peer {
            Address::Unix(peer) => Self::Unix(UnixSocket::new(socket.into(), peer.clone())),
            Address::Tcp(peer) | Address::Udp(peer) => Self::Tcp(socket.into(), *peer),
            Address::Pipe => Self::Refused,
        }
    }

    /// The stream, known to the runtime that this is called in.
    #[inline]
    fn ready(&mut self) -> io::Result<&mut dyn Stream> {
        if matches!(self, Self::Tcp(..) | Self::Unix(_)) {
            self.register()?;
        }
        match self {
            Self::TcpReady(socket) => Ok(socket),
            Self::UnixReady(socket) => Ok(socket),
            Self::Tcp(..) | Self::Unix(_) | Self::Refused => {
                Err(io::ErrorKind::NotConnected.into())
            }
        }
    }

    #[cold]
    fn register(&mut self) -> io::Result<()> {
        need_io()?;
        *self = match mem::replace(self, Self::Refused) {
            Self::Tcp(stream, peer) => {
                Self::TcpReady(TcpSocket::new(tokio::net::TcpStream::from_std(stream)?, peer))
            }
            Self::Unix(socket) => Self::UnixReady(socket.register()?),
            ready => ready,
        };
        Ok(())
    }
}

impl AsyncRead for AdoptedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().ready()?).poll_read(cx, buf)
    }
}

impl AsyncWrite for AdoptedSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().ready()?).poll_write(cx, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().ready()?).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self, Self::Tcp(..) | Self::TcpReady(_))
    }

    /// Sockets keep nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().ready()?).poll_shutdown(cx)
    }
}

impl Stream for AdoptedSocket {
    fn get_host(&self) -> Address {
        match self {
            Self::Tcp(stream, _) => stream.local_addr().map_or(Address::Pipe, Address::Tcp),
            Self::TcpReady(socket) => socket.get_host(),
            Self::Unix(socket) => {
                socket.stream.local_addr().map_or(Address::Pipe, |host| Address::Unix(host.into()))
            }
            Self::UnixReady(socket) => socket.get_host(),
            Self::Refused => Address::Pipe,
        }
    }

    fn get_peer(&self) -> Address {
        match self {
            Self::Tcp(_, peer) => Address::Tcp(*peer),
            Self::TcpReady(socket) => socket.get_peer(),
            Self::Unix(socket) => Address::Unix(socket.peer.clone()),
            Self::UnixReady(socket) => socket.get_peer(),
            Self::Refused => Address::Pipe,
        }
    }

    fn reset_on_drop(&mut self) {
        match self {
            Self::Tcp(stream, _) => reset_on_drop(&SockRef::from(&*stream)),
            Self::TcpReady(socket) => socket.reset_on_drop(),
            Self::Unix(_) | Self::UnixReady(_) | Self::Refused => {}
        }
    }

    fn end(&self) -> StreamEnd {
        StreamEnd::Drop
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        match self {
            Self::Tcp(stream, _) => act(&SockRef::from(stream)),
            Self::TcpReady(socket) => socket.with_socket(act),
            Self::Unix(socket) => act(&SockRef::from(&socket.stream)),
            Self::UnixReady(socket) => socket.with_socket(act),
            Self::Refused => {}
        }
    }

    fn send_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        match self {
            Self::Unix(socket) => socket.passing.send(descriptor),
            Self::UnixReady(socket) => socket.passing.send(descriptor),
            Self::Tcp(..) | Self::TcpReady(_) | Self::Refused => return Err(descriptor),
        }
        Ok(())
    }

    fn unsent_descriptors(&self) -> usize {
        match self {
            Self::Unix(socket) => socket.passing.unsent(),
            Self::UnixReady(socket) => socket.passing.unsent(),
            Self::Tcp(..) | Self::TcpReady(_) | Self::Refused => 0,
        }
    }

    fn receive_descriptors(&mut self, wanted: bool) {
        match self {
            Self::Unix(socket) => socket.passing.receive(wanted),
            Self::UnixReady(socket) => socket.passing.receive(wanted),
            Self::Tcp(..) | Self::TcpReady(_) | Self::Refused => {}
        }
    }

    fn take_descriptor(&mut self) -> Option<OwnedFd> {
        match self {
            Self::UnixReady(socket) => socket.passing.take_received(),
            Self::Tcp(..) | Self::TcpReady(_) | Self::Unix(_) | Self::Refused => None,
        }
    }

    fn close_descriptors(&mut self) {
        match self {
            Self::Unix(socket) => socket.passing.close(),
            Self::UnixReady(socket) => socket.passing.close(),
            Self::Tcp(..) | Self::TcpReady(_) | Self::Refused => {}
        }
    }
}

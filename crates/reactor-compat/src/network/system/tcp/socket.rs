//! [`TcpSocket`]: a TCP connection.
//!
//! Mirrors `twisted.internet.tcp.Connection`. Tested in `tests/network/tcp.rs`.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::address::Address;
use crate::network::{Stream, StreamEnd};

/// A TCP connection.
pub(in super::super) struct TcpSocket {
    stream: TcpStream,
    /// The system forgets it when the connection breaks.
    peer: SocketAddr,
    /// The next write is tried whatever the runtime thinks of it.
    insists: bool,
}

impl TcpSocket {
    pub(in super::super) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream, peer, insists: false }
    }

    /// One that was just made.
    pub(in super::super) fn connected(stream: TcpStream) -> io::Result<Self> {
        let peer = stream.peer_addr()?;
        Ok(Self::new(stream, peer))
    }
}

impl TcpSocket {
    /// Writes past the runtime, which has not heard that there is room.
    #[cold]
    fn write_anyway(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        if written.is_ready() {
            return written;
        }
        self.insists = false;
        match SockRef::from(&self.stream).send(data) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Poll::Pending,
            written => Poll::Ready(written),
        }
    }
}

impl AsyncRead for TcpSocket {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpSocket {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.insists {
            return this.write_anyway(cx, data);
        }
        Pin::new(&mut this.stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Sockets keep nothing back.
    #[inline]
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Stream for TcpSocket {
    fn get_host(&self) -> Address {
        self.stream.local_addr().map_or(Address::Pipe, Address::Tcp)
    }

    fn get_peer(&self) -> Address {
        Address::Tcp(self.peer)
    }

    fn reset_on_drop(&mut self) {
        reset_on_drop(&SockRef::from(&self.stream));
    }

    fn insist(&mut self) {
        self.insists = true;
    }

    fn end(&self) -> StreamEnd {
        StreamEnd::Drop
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        act(&SockRef::from(&self.stream));
    }
}

/// Has the peer of a TCP connection see a reset when the socket is closed.
pub(in super::super) fn reset_on_drop(socket: &SockRef<'_>) {
    if let Err(error) = socket.set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a connection cannot be reset; it is closed");
    }
}

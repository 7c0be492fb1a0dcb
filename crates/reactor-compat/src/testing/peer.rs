//! [`Peer`]: one end of a connection in memory, in the hands of the test.
//!
//! Mirrors `StringTransport` as `MemoryReactor`'s users have it. Tested in
//! `tests/testing/memory_reactor.rs`.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::{MemoryStream, Wire};
use crate::address::Address;

/// One end of a connection in memory, without a protocol: the test writes and
/// reads bytes. It is a stream of Tokio's besides.
///
/// What it sends, and what is sent to it, is on the [`Wire`] until the reactor
/// is [pumped](super::MemoryReactor::pump). Dropping it closes its end.
///
/// See the examples of [`MemoryServer`](super::MemoryServer) and
/// [`MemoryClient`](super::MemoryClient).
pub struct Peer {
    stream: MemoryStream,
}

impl Peer {
    pub(super) fn new(stream: MemoryStream) -> Self {
        Self { stream }
    }

    pub(super) fn into_stream(self) -> MemoryStream {
        self.stream
    }

    /// Sends as much of `data` as the wire takes; how much that was.
    ///
    /// # Errors
    ///
    /// As of a socket, if the connection is broken or its own half has ended.
    ///
    /// See the example of [`MemoryServer`](super::MemoryServer).
    pub fn write(&self, data: impl AsRef<[u8]>) -> io::Result<usize> {
        self.stream.try_write(data.as_ref())
    }

    /// All that was delivered to it and not read.
    ///
    /// See the example of [`MemoryServer`](super::MemoryServer).
    pub fn read(&self) -> Vec<u8> {
        self.stream.take_landed()
    }

    /// Sends nothing more, and may still read: half of a close.
    ///
    /// # Errors
    ///
    /// As of a socket, if the connection is broken.
    ///
    /// ```
    /// # use reactor_compat::{Address, Connection, Protocol, testing::MemoryReactor};
    /// struct Sign;
    ///
    /// impl Protocol for Sign {
    ///     fn read_connection_lost(&mut self, transport: &Connection<Self>) {
    ///         transport.write("yours sincerely");
    ///         transport.lose_connection();
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Sign)?;
    /// let peer = reactor.tcp_servers()[0].connect()?;
    /// peer.end()?;
    /// reactor.flush()?;
    /// assert_eq!(peer.read(), b"yours sincerely");
    /// assert!(peer.ended());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end(&self) -> io::Result<()> {
        self.stream.shut_down()
    }

    /// Cuts the connection: the other end is reset.
    ///
    /// ```
    /// # use deferred::Failure;
    /// # use reactor_compat::{Address, Connection, ConnectionLost, Protocol, testing::MemoryReactor};
    /// struct Silent;
    ///
    /// impl Protocol for Silent {
    ///     fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
    ///         assert!(reason.is::<ConnectionLost>());
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Silent)?;
    /// reactor.tcp_servers()[0].connect()?.reset();
    /// reactor.flush()?;
    /// assert!(reactor.inventory().connections.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(self) {
        self.stream.reset();
    }

    /// Whether the other end has said all that it will ever say, cleanly.
    ///
    /// See the example of [`end`](Self::end).
    pub fn ended(&self) -> bool {
        matches!(self.stream.outcome(), Some(Ok(())))
    }

    /// The error that broke the connection, if it is broken.
    ///
    /// ```
    /// # use reactor_compat::{Address, Connection, Protocol, testing::MemoryReactor};
    /// # use std::io::ErrorKind;
    /// struct Rude;
    ///
    /// impl Protocol for Rude {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.abort_connection();
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Rude)?;
    /// let peer = reactor.tcp_servers()[0].connect()?;
    /// reactor.flush()?;
    /// assert_eq!(peer.broken(), Some(ErrorKind::ConnectionReset));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn broken(&self) -> Option<io::ErrorKind> {
        self.stream.outcome()?.err().map(|error| error.kind())
    }

    /// Its own address.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Silent)?;
    /// let peer = reactor.tcp_servers()[0].connect()?;
    /// assert_ne!(peer.get_host(), reactor.tcp_servers()[0].get_host());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> &Address {
        self.stream.host()
    }

    /// The wire that it is at the end of.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Silent)?;
    /// let peer = reactor.tcp_servers()[0].connect()?;
    /// peer.write(b"four")?;
    /// assert_eq!(peer.wire().in_flight(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wire(&self) -> &Wire {
        self.stream.wire()
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("host", self.get_host()).field("wire", self.wire()).finish()
    }
}

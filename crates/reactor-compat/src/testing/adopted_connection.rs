//! [`AdoptedConnection`]: a connection that a reactor in memory was given.
//!
//! Mirrors the entries of `MemoryReactor.adoptedStreamConnections`. Tested in
//! `tests/testing/memory_sockets.rs`.

use std::cell::RefCell;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use socket2::Socket;

use super::peer::Peer;
use super::wire::MemoryStream;

/// A connection that a [`MemoryReactor`](super::MemoryReactor) was to adopt.
/// The protocol that got it talks to a [`Peer`], and not to whoever is at the
/// other end of the socket. Clones are the same connection.
///
/// ```
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{Address, Connection, Protocol, Reactor};
/// use std::os::unix::net::UnixStream;
///
/// struct Greet;
///
/// impl Protocol for Greet {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
/// }
///
/// fn take_over(reactor: &Reactor, stream: UnixStream) {
///     reactor.adopt_stream_connection(stream, |_: Address| Greet).unwrap();
/// }
///
/// let reactor = MemoryReactor::new();
/// take_over(&reactor, UnixStream::pair()?.0);
/// let peer = reactor.adopted_connections()[0].take_peer().unwrap();
/// reactor.flush()?;
/// assert_eq!(peer.read(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AdoptedConnection {
    descriptor: Rc<Socket>,
    /// Until the test has it.
    peer: Rc<RefCell<Option<Peer>>>,
}

impl AdoptedConnection {
    pub(super) fn new(descriptor: Socket, peer: MemoryStream) -> Self {
        let peer = Rc::new(RefCell::new(Some(Peer::new(peer))));
        Self { descriptor: Rc::new(descriptor), peer }
    }

    /// The socket that was adopted. Nobody reads from it or writes to it.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # use std::{os::fd::AsRawFd, os::unix::net::UnixStream};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let number = ours.as_raw_fd();
    /// reactor.adopt_stream_connection(ours, |_: Address| Silent)?;
    /// assert_eq!(reactor.adopted_connections()[0].descriptor().as_raw_fd(), number);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// The other end of what stands in for it: once.
    ///
    /// See the [type's example](Self).
    pub fn take_peer(&self) -> Option<Peer> {
        self.peer.take()
    }
}

impl fmt::Debug for AdoptedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptedConnection")
            .field("descriptor", &self.descriptor)
            .field("peer", &self.peer)
            .finish()
    }
}

//! [`MemoryServer`]: a port that a reactor in memory was asked to open.
//!
//! Mirrors the entries of `MemoryReactor.tcpServers`. Tested in
//! `tests/testing/memory_reactor.rs`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

#[cfg(unix)]
use socket2::Socket as RawSocket;

use super::memory_network;
use super::peer::Peer;
use super::wire::MemoryStream;
use crate::address::Address;
use crate::error::ConnectError;
use crate::network::{Listener, SharedStream};
use crate::options::ListenOptions;
#[cfg(unix)]
use crate::options::UnixOptions;

/// How many connections may wait to be accepted.
const BACKLOG: usize = 1024;

/// A port that a [`MemoryReactor`](super::MemoryReactor) was asked to open.
/// Clones are the same port.
///
/// ```
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{Address, Connection, Protocol, Reactor};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// fn serve(reactor: &Reactor) {
///     reactor.listen_tcp(7, |_: Address| Echo).unwrap();
/// }
///
/// let reactor = MemoryReactor::new();
/// serve(&reactor);
/// let server = &reactor.tcp_servers()[0];
/// assert_eq!(server.get_host().port(), Some(7));
///
/// let client = server.connect()?;
/// client.write(b"hello")?;
/// reactor.flush()?;
/// assert_eq!(client.read(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "tcpServers")]
pub struct MemoryServer {
    core: Rc<Core>,
}

struct Core {
    host: Address,
    opening: Opening,
    secure: bool,
    /// Those who wait to be accepted; `None` once the port is closed.
    waiting: RefCell<Option<VecDeque<MemoryStream>>>,
    waker: RefCell<Option<Waker>>,
    network: Weak<memory_network::Core>,
}

/// How a port was opened.
pub(super) enum Opening {
    Tcp(ListenOptions),
    #[cfg(unix)]
    Unix(UnixOptions),
    #[cfg(unix)]
    Adopted(RawSocket),
}

impl MemoryServer {
    pub(super) fn new(
        host: Address,
        opening: Opening,
        secure: bool,
        network: Weak<memory_network::Core>,
    ) -> Self {
        let core = Core {
            host,
            opening,
            secure,
            waiting: RefCell::new(Some(VecDeque::new())),
            waker: RefCell::default(),
            network,
        };
        Self { core: Rc::new(core) }
    }

    /// The end that the port accepts from.
    pub(super) fn listener(&self) -> MemoryListener {
        MemoryListener { core: self.core.clone() }
    }

    /// The address that it listens on.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> &Address {
        &self.core.host
    }

    /// With which options it was opened, if it is a TCP port.
    ///
    /// ```
    /// # use reactor_compat::{Address, ListenOptions, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let options = ListenOptions::new().backlog(3);
    /// reactor.listen_tcp_with(80, options, |_: Address| Silent)?;
    /// assert_eq!(reactor.tcp_servers()[0].options(), Some(options));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub fn options(&self) -> Option<ListenOptions> {
        match self.core.opening {
            Opening::Tcp(options) => Some(options),
            #[cfg(unix)]
            Opening::Unix(_) | Opening::Adopted(_) => None,
        }
    }

    /// With which options it was opened, if it is the port of a UNIX socket.
    /// No file has the mode, and no lock is taken.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, UnixOptions, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let options = UnixOptions::new().mode(0o600).lock(true);
    /// reactor.listen_unix_with("/run/echo", options, |_: Address| Silent)?;
    /// assert_eq!(reactor.unix_servers()[0].unix_options(), Some(options));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[cfg(unix)]
    pub fn unix_options(&self) -> Option<UnixOptions> {
        match self.core.opening {
            Opening::Unix(options) => Some(options),
            Opening::Tcp(_) | Opening::Adopted(_) => None,
        }
    }

    /// Whether it speaks TLS from the start.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Silent)?;
    /// assert!(!reactor.tcp_servers()[0].is_secure());
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub fn is_secure(&self) -> bool {
        self.core.secure
    }

    /// The socket that was adopted, if it is such a port. Nobody listens on it.
    ///
    /// See the example of
    /// [`adopted_ports`](super::MemoryReactor::adopted_ports).
    #[cfg(unix)]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.core.opening {
            Opening::Adopted(socket) => Some(socket.as_fd()),
            Opening::Tcp(_) | Opening::Unix(_) => None,
        }
    }

    #[cfg(unix)]
    pub(super) fn is_adopted(&self) -> bool {
        self.descriptor().is_some()
    }

    /// Whether it has not been closed.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let port = reactor.listen_tcp(80, |_: Address| Silent)?;
    /// let server = reactor.tcp_servers().remove(0);
    /// assert!(server.listening());
    /// drop(port.stop_listening());
    /// assert!(!server.listening());
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub fn listening(&self) -> bool {
        self.core.waiting.borrow().is_some()
    }

    /// Has a client connect, and gives the client's end. The port accepts it
    /// when the reactor is next driven.
    ///
    /// # Errors
    ///
    /// [`ConnectError::ConnectionRefused`] if the port is closed, or 1,024
    /// wait to be accepted.
    ///
    /// See the [type's example](Self).
    pub fn connect(&self) -> Result<Peer, ConnectError> {
        let network = self.core.network.upgrade().ok_or(ConnectError::ConnectionRefused)?;
        self.connect_from(&network.free_address(&self.core.host))
    }

    /// The same, for a client at an address of the test's choice.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |peer: Address| {
    ///     assert_eq!(peer.to_string(), "192.0.2.7:4000");
    ///     None::<Silent> // turned away
    /// })?;
    /// let client = Address::Tcp(([192, 0, 2, 7], 4000).into());
    /// let client = reactor.tcp_servers()[0].connect_from(&client)?;
    /// reactor.flush()?;
    /// assert!(client.ended());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect_from(&self, client: &Address) -> Result<Peer, ConnectError> {
        let (ours, theirs) = self.wire(client)?;
        self.welcome(ours)?;
        Ok(Peer::new(theirs))
    }

    /// The two ends of a connection that is not accepted yet, the server's
    /// first.
    pub(super) fn wire(
        &self,
        client: &Address,
    ) -> Result<(MemoryStream, MemoryStream), ConnectError> {
        let network = self.core.network.upgrade().ok_or(ConnectError::ConnectionRefused)?;
        Ok(network.wire(&self.core.host, client))
    }

    /// Puts a connection in the queue of those that wait to be accepted.
    pub(super) fn welcome(&self, stream: MemoryStream) -> Result<(), ConnectError> {
        match &mut *self.core.waiting.borrow_mut() {
            Some(waiting) if waiting.len() < BACKLOG => waiting.push_back(stream),
            _ => return Err(ConnectError::ConnectionRefused),
        }
        let waker = self.core.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryServer")
            .field("host", &self.core.host)
            .field("secure", &self.is_secure())
            .field("listening", &self.listening())
            .finish_non_exhaustive()
    }
}

/// The end that a port in memory accepts from; dropping it closes the port.
pub(super) struct MemoryListener {
    core: Rc<Core>,
}

impl Listener for MemoryListener {
    fn get_host(&self) -> Address {
        self.core.host.clone()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        let next = self.core.waiting.borrow_mut().as_mut().and_then(VecDeque::pop_front);
        match next {
            Some(stream) => Poll::Ready(Ok(SharedStream::new(stream))),
            None => {
                let before = self.core.waker.replace(Some(cx.waker().clone()));
                drop(before);
                Poll::Pending
            }
        }
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let waiting = self.core.waiting.take();
        drop(waiting);
    }
}

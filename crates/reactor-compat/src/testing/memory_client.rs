//! [`MemoryClient`]: a connection that a reactor in memory was asked to make.
//!
//! Mirrors the entries of `MemoryReactor.tcpClients`. Tested in
//! `tests/testing/memory_reactor.rs`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::{Rc, Weak};

use tokio::sync::oneshot;

use super::memory_network;
use super::memory_server::MemoryServer;
use super::peer::Peer;
use super::wire::MemoryStream;
use crate::address::{Address, Target, UnixAddress};
use crate::error::ConnectError;
use crate::network::DialRequest;
use crate::options::ConnectOptions;

/// The decision of the test on an attempt.
pub(super) type Decision = Result<MemoryStream, ConnectError>;

/// An attempt at a connection that a [`MemoryReactor`](super::MemoryReactor)
/// was asked to make. It waits for the test to decide what becomes of it; if
/// the test lets time pass instead, it is timed out. Clones are the same
/// attempt.
///
/// ```
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{Address, Connection, Protocol, Reactor};
///
/// struct Ask;
///
/// impl Protocol for Ask {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("what time is it?");
///     }
/// }
///
/// fn ask(reactor: &Reactor) {
///     reactor.connect_tcp(("example.org", 13), |_: Address| Ask);
/// }
///
/// let reactor = MemoryReactor::new();
/// ask(&reactor);
/// reactor.settle()?;
/// let client = &reactor.tcp_clients()[0];
/// assert_eq!(client.get_destination().to_string(), "example.org:13");
///
/// let server = client.accept()?;
/// reactor.flush()?;
/// assert_eq!(server.read(), b"what time is it?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "tcpClients")]
pub struct MemoryClient {
    core: Rc<Core>,
}

struct Core {
    request: DialRequest,
    /// Until it is decided.
    decide: RefCell<Option<oneshot::Sender<Decision>>>,
    network: Weak<memory_network::Core>,
}

/// An attempt was to be decided that had been decided, or given up.
///
/// ```
/// use reactor_compat::testing::NotWaiting;
///
/// assert_eq!(NotWaiting.to_string(), "the attempt has been decided, or was given up");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotWaiting;

impl fmt::Display for NotWaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the attempt has been decided, or was given up")
    }
}

impl Error for NotWaiting {}

impl MemoryClient {
    pub(super) fn new(
        request: DialRequest,
        network: Weak<memory_network::Core>,
    ) -> (Self, oneshot::Receiver<Decision>) {
        let (decide, decided) = oneshot::channel();
        let decide = RefCell::new(Some(decide));
        (Self { core: Rc::new(Core { request, decide, network }) }, decided)
    }

    /// Where it wants to connect to. Names are as they were asked for, and not
    /// looked up.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "getDestination")]
    pub fn get_destination(&self) -> &Target {
        self.core.request.target()
    }

    /// With which options.
    ///
    /// ```
    /// # use reactor_compat::{Address, ConnectOptions, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.connect_tcp(("example.org", 80), |_: Address| Silent);
    /// reactor.settle()?;
    /// assert_eq!(reactor.tcp_clients()[0].options(), ConnectOptions::new());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn options(&self) -> ConnectOptions {
        *self.core.request.options()
    }

    /// Whether it is to speak TLS from the start.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.connect_tcp(("example.org", 80), |_: Address| Silent);
    /// reactor.settle()?;
    /// assert!(!reactor.tcp_clients()[0].is_secure());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn is_secure(&self) -> bool {
        self.core.request.is_secure()
    }

    /// Whether the server of a UNIX socket has to hold
    /// [its lock](crate::UnixConnectOptions::check_lock). In memory there is
    /// none: the test decides.
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # {
    /// # use reactor_compat::{Address, Protocol, UnixConnectOptions, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let options = UnixConnectOptions::new().check_lock(true);
    /// reactor.connect_unix_with("/run/echo", options, |_: Address| Silent);
    /// reactor.settle()?;
    /// assert!(reactor.unix_clients()[0].checks_lock());
    /// # }
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    #[doc(alias = "checkPID")]
    pub fn checks_lock(&self) -> bool {
        self.core.request.checks_lock()
    }

    /// Whether it waits to be decided.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # use std::time::Duration;
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.connect_tcp(("example.org", 80), |_: Address| Silent);
    /// reactor.settle()?;
    /// let client = reactor.tcp_clients().remove(0);
    /// assert!(client.waiting());
    /// reactor.advance(Duration::from_secs(30))?;
    /// assert!(!client.waiting(), "timed out");
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn waiting(&self) -> bool {
        self.core.decide.borrow().as_ref().is_some_and(|decide| !decide.is_closed())
    }

    /// Makes the connection, and gives the server's end.
    ///
    /// # Errors
    ///
    /// [`NotWaiting`] if it is decided, or was given up.
    ///
    /// See the [type's example](Self).
    pub fn accept(&self) -> Result<Peer, NotWaiting> {
        let network = self.core.network.upgrade().ok_or(NotWaiting)?;
        let host = self.address();
        let (theirs, ours) = network.wire(&host, &network.free_address(&host));
        self.decide(Ok(ours))?;
        Ok(Peer::new(theirs))
    }

    /// Makes the connection to a port of the same reactor, or of another: the
    /// server need not be the one that was asked for.
    ///
    /// # Errors
    ///
    /// [`NotWaiting`] if it is decided, or was given up. If the port refuses
    /// the connection, the attempt fails with that.
    ///
    /// ```
    /// # use reactor_compat::{Address, Connection, Protocol, testing::MemoryReactor};
    /// struct Greet;
    ///
    /// impl Protocol for Greet {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.write("hello");
    ///     }
    /// }
    ///
    /// struct Hear;
    ///
    /// impl Protocol for Hear {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         assert_eq!(data, b"hello");
    ///         transport.lose_connection();
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Greet)?;
    /// reactor.connect_tcp(("example.org", 80), |_: Address| Hear);
    /// reactor.settle()?;
    /// reactor.tcp_clients()[0].accept_by(&reactor.tcp_servers()[0])?;
    /// reactor.flush()?;
    /// assert!(reactor.inventory().connections.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_by(&self, server: &MemoryServer) -> Result<(), NotWaiting> {
        let network = self.core.network.upgrade().ok_or(NotWaiting)?;
        let connected = server
            .wire(&network.free_address(server.get_host()))
            .and_then(|(ours, theirs)| server.welcome(ours).map(|()| theirs));
        self.decide(connected)
    }

    /// Has the attempt fail.
    ///
    /// # Errors
    ///
    /// [`NotWaiting`] if it is decided, or was given up.
    ///
    /// ```
    /// use deferred::testing::failure_result_of;
    /// # use reactor_compat::{Address, ConnectError, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let reactor = MemoryReactor::new();
    /// let connected =
    ///     reactor.connect_tcp(("example.org", 80), |_: Address| Silent).when_connected();
    /// reactor.settle()?;
    /// reactor.tcp_clients()[0].fail(ConnectError::NoRoute)?;
    /// reactor.settle()?;
    /// assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::NoRoute));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail(&self, error: ConnectError) -> Result<(), NotWaiting> {
        self.decide(Err(error))
    }

    /// Has the attempt be refused, as by a machine on which nobody listens.
    ///
    /// # Errors
    ///
    /// [`NotWaiting`] if it is decided, or was given up.
    ///
    /// ```
    /// # use deferred::testing::failure_result_of;
    /// # use reactor_compat::{Address, ConnectError, Protocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let connected =
    ///     reactor.connect_tcp(("example.org", 80), |_: Address| Silent).when_connected();
    /// reactor.settle()?;
    /// reactor.tcp_clients()[0].refuse()?;
    /// reactor.settle()?;
    /// assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::ConnectionRefused));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse(&self) -> Result<(), NotWaiting> {
        self.fail(ConnectError::ConnectionRefused)
    }

    fn decide(&self, decision: Decision) -> Result<(), NotWaiting> {
        let decide = self.core.decide.take().ok_or(NotWaiting)?;
        decide.send(decision).map_err(|_given_up| NotWaiting)
    }

    /// The address that its destination stands for.
    fn address(&self) -> Address {
        match self.core.request.target() {
            Target::Tcp(destination) => {
                let here = (std::net::Ipv4Addr::LOCALHOST, destination.port()).into();
                Address::Tcp(destination.literal().unwrap_or(here))
            }
            Target::Unix(address) => Address::Unix(UnixAddress::clone(address)),
            Target::Endpoint(_) => Address::Pipe,
        }
    }
}

impl fmt::Debug for MemoryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryClient")
            .field("destination", self.get_destination())
            .field("secure", &self.is_secure())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

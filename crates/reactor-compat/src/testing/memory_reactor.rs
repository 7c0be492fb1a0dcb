//! [`MemoryReactor`]: a reactor that opens nothing, and moves only when told.
//!
//! Mirrors `twisted.internet.testing.MemoryReactorClock`. Tested in
//! `tests/testing/memory_reactor.rs`.
#![allow(clippy::panic, reason = "a test helper fails the test")]

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use super::engine::Engine;
use super::pair::{End, Pair};
use super::wire::MemoryStream;
#[cfg(unix)]
use super::{AdoptedConnection, MemoryProcess};
use super::{MemoryClient, MemoryDatagramPort, MemoryNetwork, MemoryServer, Peer, PumpError};
use crate::address::Address;
#[cfg(unix)]
use crate::address::UnixAddress;
use crate::connection::FirstLayer;
use crate::network::{Network, SharedStream};
use crate::protocol::Protocol;
use crate::reactor::Reactor;
use crate::serve::{Origin, serve_socket};

/// How many times data is moved before two protocols count as talking for
/// ever.
const ROUNDS: usize = 10_000;

/// How often bytes are moved at most, where it is a few at a time.
const ROUNDS_OF_BYTES: usize = 10_000_000;

/// A reactor that opens no sockets, keeps a record of what it was asked to
/// open, and moves only when a test says so.
///
/// It derefs to a real [`Reactor`], so the code under test gets a `&Reactor`
/// and all that it does there works: ports and connectors, delayed calls, tasks
/// of Tokio's, timers of Tokio's, system events. Two things differ. Its network
/// is in memory: the test looks at what was opened, and plays the other end.
/// And its clock stands still, at zero, until the test [moves](Self::advance)
/// it.
///
/// It begins to run when it is first driven: with [`settle`](Self::settle),
/// [`pump`](Self::pump), [`flush`](Self::flush) or [`advance`](Self::advance).
/// Code that runs the reactor itself finds it running. What is done on other
/// threads is not waited for; a [`TestReactor`](super::TestReactor) is for that.
///
/// Clones are the same reactor.
///
/// ```
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{Address, Connection, Protocol, Reactor, ReactorTime};
/// use std::time::Duration;
///
/// /// Hangs up on who says nothing for a minute.
/// struct Patient(Reactor);
///
/// impl Protocol for Patient {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         let transport = transport.transport().clone();
///         self.0.call_later(Duration::from_secs(60), move || transport.lose_connection());
///     }
/// }
///
/// let reactor = MemoryReactor::new();
/// let its = reactor.clone();
/// reactor.listen_tcp(80, move |_: Address| Patient(Reactor::clone(&its)))?;
///
/// let peer = reactor.tcp_servers()[0].connect()?;
/// reactor.advance(Duration::from_secs(59))?;
/// assert!(!peer.ended());
/// reactor.advance(Duration::from_secs(1))?;
/// reactor.flush()?;
/// assert!(peer.ended());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "MemoryReactorClock")]
pub struct MemoryReactor {
    engine: Rc<Engine>,
    network: MemoryNetwork,
}

impl MemoryReactor {
    /// A reactor with nothing to do, at time zero.
    ///
    /// # Panics
    ///
    /// If Tokio has no runtime for it.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, testing::MemoryReactor};
    ///
    /// assert!(MemoryReactor::new().seconds().is_zero());
    /// ```
    pub fn new() -> Self {
        Self::with_network(|memory| Rc::new(memory))
    }

    /// A reactor whose network stands over one in memory, and is what `over`
    /// makes of that.
    ///
    /// # Panics
    ///
    /// If Tokio has no runtime for it.
    ///
    /// ```
    /// use reactor_compat::network::Network;
    /// use reactor_compat::testing::{MemoryNetwork, MemoryReactor};
    /// use reactor_compat::{Address, Protocol};
    /// use std::rc::Rc;
    ///
    /// /// A network of ours, to be tested.
    /// struct Ours(MemoryNetwork);
    ///
    /// impl Network for Ours {
    ///     fn below(&self) -> Option<&dyn Network> {
    ///         Some(&self.0)
    ///     }
    /// }
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let reactor = MemoryReactor::with_network(|memory| Rc::new(Ours(memory)));
    /// reactor.listen_tcp(80, |_: Address| Silent)?;
    /// assert_eq!(reactor.tcp_servers().len(), 1);
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub fn with_network(over: impl FnOnce(MemoryNetwork) -> Rc<dyn Network>) -> Self {
        let network = MemoryNetwork::new();
        let engine = match Engine::new(over(network.clone())) {
            Ok(engine) => engine,
            Err(error) => panic!("there is no runtime for a reactor in memory: {error}"),
        };
        Self { engine: Rc::new(engine), network }
    }

    /// Does what there is to do now, calls with no delay and what they start
    /// included, and moves nothing on the wires.
    ///
    /// # Errors
    ///
    /// [`PumpError`] if there is no end of it, or if it is called from inside
    /// what this reactor runs; as for the methods below.
    ///
    /// # Panics
    ///
    /// In a Tokio runtime of another: it drives one of its own.
    ///
    /// ```
    /// # use reactor_compat::{ReactorTime, testing::MemoryReactor};
    /// # use std::time::Duration;
    /// let reactor = MemoryReactor::new();
    /// let stop = reactor.clone();
    /// reactor.call_later(Duration::ZERO, move || stop.stop().unwrap());
    /// reactor.settle()?;
    /// assert!(!reactor.running());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn settle(&self) -> Result<(), PumpError> {
        self.engine.settle()
    }

    /// Moves what is on the wires to where it goes, and has everybody do what
    /// comes of it, once. Whether there was anything.
    ///
    /// ```
    /// # use reactor_compat::{Connection, Protocol, testing::connect};
    /// struct Parrot;
    ///
    /// impl Protocol for Parrot {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// let pair = connect(Parrot, Parrot);
    /// pair.client().write("hello");
    /// for _ in 0..100 {
    ///     assert_eq!(pair.pump(), Ok(true), "once there, and once back");
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub fn pump(&self) -> Result<bool, PumpError> {
        self.pump_bytes(usize::MAX)
    }

    /// The same, for up to `most` bytes each way on each wire.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// pair.client().write("four");
    /// pair.pump_bytes(3)?;
    /// assert_eq!(pair.wire().in_flight(), 1);
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn pump_bytes(&self, most: usize) -> Result<bool, PumpError> {
        self.settle()?;
        let moved = self.network.deliver(most);
        if moved {
            self.settle()?;
        }
        Ok(moved)
    }

    /// Pumps until nothing moves. Whether anything did.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle); two protocols that answer each other for
    /// ever are [`PumpError::Restless`].
    ///
    /// See the [type's example](Self).
    pub fn flush(&self) -> Result<bool, PumpError> {
        self.flush_with(usize::MAX, ROUNDS)
    }

    /// The same, with up to `most` bytes at a time: with 1, each byte comes by
    /// itself.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    ///
    /// ```
    /// # use reactor_compat::{Connection, Protocol, testing::connect};
    /// #[derive(Default)]
    /// struct Count(usize);
    ///
    /// impl Protocol for Count {
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         assert_eq!(data.len(), 1);
    ///         self.0 += 1;
    ///     }
    /// }
    ///
    /// let pair = connect(Count::default(), Count::default());
    /// pair.client().write("hello");
    /// pair.flush_bytes(1)?;
    /// assert_eq!(pair.server().inspect(|count| count.0), Some(5));
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn flush_bytes(&self, most: usize) -> Result<bool, PumpError> {
        self.flush_with(most, ROUNDS_OF_BYTES)
    }

    fn flush_with(&self, most: usize, rounds: usize) -> Result<bool, PumpError> {
        for round in 0..rounds {
            if !self.pump_bytes(most)? {
                return Ok(round > 0);
            }
        }
        Err(PumpError::Restless { rounds })
    }

    /// Moves the clock forward in one jump, and has everybody do what is due.
    /// Nothing moves on the wires.
    ///
    /// Delayed calls, Tokio's timers and whatever is built on either go by it.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    ///
    /// See the [type's example](Self).
    pub fn advance(&self, amount: Duration) -> Result<(), PumpError> {
        self.engine.advance(amount)
    }

    /// Runs `code` where the reactor runs what it runs, so that it can spawn
    /// tasks of Tokio's, and use its timers.
    ///
    /// A coroutine that awaits a stream or a channel may be started outside as well: it
    /// goes on when the reactor is driven next. Where several are driven by turns on one
    /// thread, this is how to say which one drives it.
    ///
    /// ```
    /// # use reactor_compat::testing::MemoryReactor;
    /// # use std::time::Duration;
    /// let reactor = MemoryReactor::new();
    /// let sleep = reactor.inside(|| tokio::time::sleep(Duration::from_secs(60)));
    /// assert!(!sleep.is_elapsed());
    /// reactor.advance(Duration::from_secs(60))?;
    /// assert!(reactor.inside(|| tokio::time::Instant::now() >= sleep.deadline()));
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn inside<R>(&self, code: impl FnOnce() -> R) -> R {
        self.engine.inside(code)
    }

    /// Two protocols at the two ends of a wire. Each has heard that its
    /// connection is made, the server first; what they wrote is on the wire.
    ///
    /// See the example of [`connect`](super::connect), which makes the reactor
    /// as well.
    #[doc(alias = "connectedServerAndClient")]
    pub fn connect<S: Protocol, C: Protocol>(&self, server: S, client: C) -> Pair<S, C> {
        let here = Address::Tcp(([192, 0, 2, 1], 80).into());
        let there = Address::Tcp(([198, 51, 100, 1], 49_152).into());
        let (ours, theirs) = self.network.wire(&here, &there);
        let wire = ours.wire().clone();
        let number = Origin::Accepted { number: 0 };
        let server = self.serve_memory(ours, there, server, number);
        let client = self.serve_memory(theirs, here, client, Origin::Connected);
        // If it finds no rest, the next thing that the test does says so.
        let _ = self.settle();
        Pair::new(self.clone(), wire, server, client)
    }

    /// Gives one end of a connection a protocol.
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
    /// #[derive(Default)]
    /// struct Hear(Vec<u8>);
    ///
    /// impl Protocol for Hear {
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         self.0.extend(data);
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_tcp(80, |_: Address| Greet)?;
    /// let client = reactor.give(reactor.tcp_servers()[0].connect()?, Hear::default());
    /// reactor.flush()?;
    /// assert_eq!(client.inspect(|hear| hear.0.clone()).as_deref(), Some(&b"hello"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn give<P: Protocol>(&self, peer: Peer, protocol: P) -> End<P> {
        let stream = peer.into_stream();
        let address = stream.peer().clone();
        self.serve_memory(stream, address, protocol, Origin::Connected)
    }

    fn serve_memory<P: Protocol>(
        &self,
        stream: MemoryStream,
        peer: Address,
        protocol: P,
        origin: Origin,
    ) -> End<P> {
        let reason = Rc::new(RefCell::new(None));
        let watcher = End::watcher(&reason);
        let stream = (SharedStream::new(stream), peer, FirstLayer::default());
        End::new(serve_socket(self, stream, protocol, origin, Some(watcher)), reason)
    }

    /// The TCP ports that it was asked to open, the first one first, those of
    /// TLS not among them.
    ///
    /// See the example of [`MemoryServer`].
    #[doc(alias = "tcpServers")]
    pub fn tcp_servers(&self) -> Vec<MemoryServer> {
        self.network.tcp_servers()
    }

    /// The TLS ports that it was asked to open.
    ///
    /// ```
    /// assert!(reactor_compat::testing::MemoryReactor::new().ssl_servers().is_empty());
    /// ```
    #[doc(alias = "sslServers")]
    pub fn ssl_servers(&self) -> Vec<MemoryServer> {
        self.network.ssl_servers()
    }

    /// The ports of UNIX sockets that it was asked to open.
    ///
    /// ```
    /// assert!(reactor_compat::testing::MemoryReactor::new().unix_servers().is_empty());
    /// ```
    #[doc(alias = "unixServers")]
    pub fn unix_servers(&self) -> Vec<MemoryServer> {
        self.network.unix_servers()
    }

    /// The ports that it was to adopt, of TCP or of UNIX sockets.
    ///
    /// Their sockets have to be real ones, and listen; but who connects, the
    /// test says.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # use std::{net::TcpListener, os::fd::AsRawFd};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let (number, address) = (listener.as_raw_fd(), listener.local_addr()?);
    /// reactor.adopt_stream_port(listener, |_: Address| Silent)?;
    /// let adopted = &reactor.adopted_ports()[0];
    /// assert_eq!(adopted.descriptor().map(|descriptor| descriptor.as_raw_fd()), Some(number));
    /// assert_eq!(adopted.get_host().socket_addr(), Some(address));
    /// assert!(adopted.connect().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(unix)]
    #[doc(alias = "adoptedPorts")]
    pub fn adopted_ports(&self) -> Vec<MemoryServer> {
        self.network.adopted_ports()
    }

    /// The connections that it was to adopt.
    ///
    /// See the example of [`AdoptedConnection`].
    #[cfg(unix)]
    #[doc(alias = "adoptedStreamConnections")]
    pub fn adopted_connections(&self) -> Vec<AdoptedConnection> {
        self.network.adopted_connections()
    }

    /// The processes that it was asked to start.
    ///
    /// See the example of [`MemoryProcess`].
    #[cfg(unix)]
    pub fn processes(&self) -> Vec<MemoryProcess> {
        self.network.processes()
    }

    /// The other end of standard input and output, if they were asked for: once.
    ///
    /// See the example of [`Reactor::standard_io`].
    pub fn take_standard_peer(&self) -> Option<Peer> {
        self.network.take_standard_peer()
    }

    /// The UDP ports that it was asked to open.
    ///
    /// See the example of [`MemoryDatagramPort`].
    #[doc(alias = "udpPorts")]
    pub fn udp_ports(&self) -> Vec<MemoryDatagramPort> {
        self.network.udp_ports()
    }

    /// The UDP ports that it was to adopt. Their sockets have to be real ones.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, testing::MemoryReactor};
    /// # use std::net::UdpSocket;
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let address = socket.local_addr()?;
    /// reactor.adopt_datagram_port(socket, Silent)?;
    /// let adopted = &reactor.adopted_datagram_ports()[0];
    /// assert_eq!(adopted.get_host(), address);
    /// # #[cfg(unix)]
    /// assert!(adopted.descriptor().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "adoptedPorts")]
    pub fn adopted_datagram_ports(&self) -> Vec<MemoryDatagramPort> {
        self.network.adopted_datagram_ports()
    }

    /// The ports for UNIX datagrams that it was asked to open, those that are
    /// connected among them. No file is made, and a peer need not be there.
    ///
    /// ```
    /// use reactor_compat::testing::MemoryReactor;
    /// use reactor_compat::{DatagramProtocol, Reactor, UnixAddress};
    ///
    /// struct Syslog;
    /// impl DatagramProtocol<UnixAddress> for Syslog {}
    ///
    /// fn complain(reactor: &Reactor) {
    ///     let log = reactor.connect_unix_datagram("/dev/log", Syslog).unwrap();
    ///     log.write("out of paper", None).unwrap();
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// complain(&reactor);
    /// let sent = reactor.unix_datagram_ports()[0].take_sent();
    /// assert_eq!(sent, [(b"out of paper".to_vec(), None)]);
    /// ```
    #[cfg(unix)]
    #[doc(alias = "listenUNIXDatagram")]
    pub fn unix_datagram_ports(&self) -> Vec<MemoryDatagramPort<UnixAddress>> {
        self.network.unix_datagram_ports()
    }

    /// Has every port that is to be opened from now on fail; or none, with
    /// `None`.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::MemoryReactor};
    /// # use std::io::ErrorKind;
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.refuse_to_listen(ErrorKind::PermissionDenied);
    /// let error = reactor.listen_tcp(80, |_: Address| Silent).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    /// ```
    #[doc(alias = "RaisingMemoryReactor")]
    pub fn refuse_to_listen(&self, kind: impl Into<Option<io::ErrorKind>>) {
        self.network.refuse_to_listen(kind);
    }

    /// The attempts at TCP connections, the first one first, those of TLS not
    /// among them. One is there once the reactor has been driven after it was
    /// asked for.
    ///
    /// See the example of [`MemoryClient`].
    #[doc(alias = "tcpClients")]
    pub fn tcp_clients(&self) -> Vec<MemoryClient> {
        self.network.tcp_clients()
    }

    /// The attempts at TLS connections.
    ///
    /// ```
    /// assert!(reactor_compat::testing::MemoryReactor::new().ssl_clients().is_empty());
    /// ```
    #[doc(alias = "sslClients")]
    pub fn ssl_clients(&self) -> Vec<MemoryClient> {
        self.network.ssl_clients()
    }

    /// The attempts at connections to UNIX sockets.
    ///
    /// ```
    /// assert!(reactor_compat::testing::MemoryReactor::new().unix_clients().is_empty());
    /// ```
    #[doc(alias = "unixClients")]
    pub fn unix_clients(&self) -> Vec<MemoryClient> {
        self.network.unix_clients()
    }

    /// The network, which keeps these records.
    ///
    /// ```
    /// assert!(reactor_compat::testing::MemoryReactor::new().network().tcp_servers().is_empty());
    /// ```
    pub fn network(&self) -> &MemoryNetwork {
        &self.network
    }
}

impl Deref for MemoryReactor {
    type Target = Reactor;

    fn deref(&self) -> &Reactor {
        &self.engine.reactor
    }
}

impl Default for MemoryReactor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryReactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryReactor").field(&self.engine).finish()
    }
}

//! [`DatagramTransport`]: the handle to a port for datagrams.
//!
//! Mirrors `IUDPTransport`, `IUNIXDatagramTransport` and `IListeningPort` of
//! `twisted.internet.interfaces`. Tested in `tests/network/udp.rs`.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use deferred::Deferred;

use super::core::Core;
use super::{DatagramAddress, DatagramError};

/// A handle to a port for datagrams, whatever its protocol is.
///
/// Clone it, keep it, and use it from anywhere on the reactor's thread;
/// dropping all of them leaves the port open. After the port is closed it
/// answers what it is asked with [`DatagramError::Closed`].
///
/// # Re-entrancy
///
/// No method calls a protocol.
///
/// ```
/// use reactor_compat::{DatagramProtocol, DatagramTransport, Reactor};
///
/// struct Silent;
/// impl DatagramProtocol for Silent {}
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
/// let here: DatagramTransport = port.transport().clone();
/// here.write("a note to myself", here.get_host()).unwrap();
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "IUDPTransport")]
#[doc(alias = "IUNIXDatagramTransport")]
#[doc(alias = "IUNIXDatagramConnectedTransport")]
pub struct DatagramTransport<A: DatagramAddress = SocketAddr> {
    core: Rc<Core<A>>,
}

impl<A: DatagramAddress> DatagramTransport<A> {
    pub(super) fn new(core: Rc<Core<A>>) -> Self {
        Self { core }
    }

    pub(super) fn core(&self) -> &Core<A> {
        &self.core
    }

    /// Sends a datagram to `to`, or, `None`, to whom it is
    /// [connected](Self::connect).
    ///
    /// It is sent before this returns, whether or not the reactor runs. If the
    /// system takes no more for now, up to 256 KiB in up to 1,024 datagrams
    /// wait until it does. That a datagram was sent does not mean that it
    /// arrives; one that was refused is only heard of while connected, by
    /// [`connection_refused`](crate::DatagramProtocol::connection_refused).
    ///
    /// # Errors
    ///
    /// - [`MessageLength`](DatagramError::MessageLength) if it is too long;
    /// - [`InvalidAddress`](DatagramError::InvalidAddress) for an address of
    ///   IPv6 where the port is of IPv4, and the reverse;
    /// - [`NotConnected`](DatagramError::NotConnected) and
    ///   [`OtherPeer`](DatagramError::OtherPeer);
    /// - [`Busy`](DatagramError::Busy) if too much waits already; at once for
    ///   a UNIX socket that is not connected, since the system does not say
    ///   when it takes more;
    /// - [`Closed`](DatagramError::Closed);
    /// - [`Other`](DatagramError::Other) for what else the system says.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let here = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// let there = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// here.write("hello", there.local_addr()?).unwrap();
    /// let mut buffer = [0; 16];
    /// assert_eq!(there.recv_from(&mut buffer)?, (5, here.get_host()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(
        &self,
        data: impl AsRef<[u8]>,
        to: impl Into<Option<A>>,
    ) -> Result<(), DatagramError> {
        self.core.write(data.as_ref(), to.into())
    }

    /// Sends one datagram that consists of several pieces.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let here = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// let there = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// here.write_sequence(["hel", "lo"], there.local_addr()?).unwrap();
    /// assert_eq!(there.recv(&mut [0; 16])?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "writeSequence")]
    pub fn write_sequence<D: AsRef<[u8]>>(
        &self,
        pieces: impl IntoIterator<Item = D>,
        to: impl Into<Option<A>>,
    ) -> Result<(), DatagramError> {
        let mut data = Vec::new();
        for piece in pieces {
            data.extend_from_slice(piece.as_ref());
        }
        self.core.write(&data, to.into())
    }

    /// Connects to `peer`: it is the one to whom all is sent and from whom all
    /// is received, and the protocol hears if nobody listens there.
    ///
    /// It is done when this returns; nothing is sent for it.
    ///
    /// # Errors
    ///
    /// [`AlreadyConnected`](DatagramError::AlreadyConnected), as it can be
    /// connected once; otherwise as [`write`](Self::write).
    ///
    /// ```
    /// # use reactor_compat::{DatagramError, DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let here = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// let there = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// here.connect(there.local_addr()?)?;
    /// here.write("hello", None)?;
    /// assert_eq!(there.recv(&mut [0; 16])?, 5);
    /// assert_eq!(here.connect(there.local_addr()?), Err(DatagramError::AlreadyConnected));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(&self, peer: A) -> Result<(), DatagramError> {
        self.core.connect(peer)
    }

    /// The address that it receives at; once it is closed, what that was.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// assert_ne!(port.get_host().port(), 0);
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> A {
        self.core.host()
    }

    /// The address that it is connected to, if it is.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// assert_eq!(port.get_peer(), None);
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "getPeer")]
    pub fn get_peer(&self) -> Option<A> {
        self.core.peer()
    }

    /// How many bytes of a datagram are received.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// assert_eq!(port.max_packet_size(), 8192);
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "maxPacketSize")]
    pub fn max_packet_size(&self) -> usize {
        self.core.max_packet_size
    }

    /// Closes the port. Nothing is received from now on.
    ///
    /// The Deferred fires when the socket is closed and the protocol has been
    /// told, in the next turn of the running reactor. A port that is closed
    /// already gives a Deferred that has fired.
    ///
    /// ```
    /// use reactor_compat::{DatagramProtocol, Reactor};
    ///
    /// struct Silent;
    /// impl DatagramProtocol for Silent {}
    ///
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// let stop = reactor.clone();
    /// let stopped = port.stop_listening().add_callback(move |()| Ok(stop.stop()?));
    /// reactor.run()?;
    /// deferred::testing::success_result_of(stopped);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "stopListening")]
    #[doc(alias = "loseConnection")]
    pub fn stop_listening(&self) -> Deferred<()> {
        self.core.stop()
    }
}

impl DatagramTransport {
    /// Sets whether it may send to broadcast addresses; at first it may not.
    ///
    /// # Errors
    ///
    /// [`Closed`](DatagramError::Closed), and what the system says.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// assert_eq!(port.get_broadcast_allowed(), Ok(false));
    /// port.set_broadcast_allowed(true).unwrap();
    /// assert_eq!(port.get_broadcast_allowed(), Ok(true));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "setBroadcastAllowed")]
    pub fn set_broadcast_allowed(&self, allowed: bool) -> Result<(), DatagramError> {
        self.core.with(|socket| socket.set_broadcast(allowed))
    }

    /// Whether it may send to broadcast addresses.
    ///
    /// # Errors
    ///
    /// As [`set_broadcast_allowed`](Self::set_broadcast_allowed), which has an
    /// example.
    #[doc(alias = "getBroadcastAllowed")]
    pub fn get_broadcast_allowed(&self) -> Result<bool, DatagramError> {
        self.core.with(|socket| socket.broadcast())
    }
}

impl<A: DatagramAddress> fmt::Debug for DatagramTransport<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramTransport")
            .field("host", &self.core.host())
            .field("peer", &self.core.peer())
            .field("state", &self.core.state())
            .finish()
    }
}

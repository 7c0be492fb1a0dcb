//! Listening for UDP datagrams.
//!
//! Mirrors `IReactorUDP`, `IReactorMulticast` and `adoptDatagramPort` of
//! `twisted.internet.interfaces`. Tested in `tests/network/udp.rs` and
//! `tests/network/multicast.rs`.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::io::{Interest, ReadBuf};

use super::driver;
use super::system::{SystemDatagrams, SystemKind};
use super::{DatagramConnection, DatagramOptions, DatagramProtocol};
use crate::error::CannotListenError;
use crate::network::{Datagrams, first_of};
use crate::reactor::Reactor;
use crate::tcp::Interface;

impl Reactor {
    /// Listens for UDP datagrams, which are given to `protocol`.
    ///
    /// `interface` is what [`listen_tcp`](Self::listen_tcp) takes. The port is
    /// open when this returns, and can be written to; it receives while the
    /// reactor runs.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the port cannot be opened.
    ///
    /// See the example of [`DatagramProtocol`].
    #[doc(alias = "listenUDP")]
    #[doc(alias = "IReactorUDP")]
    #[track_caller]
    pub fn listen_udp<P: DatagramProtocol>(
        &self,
        interface: impl Into<Interface>,
        protocol: P,
    ) -> Result<DatagramConnection<P>, CannotListenError> {
        self.listen_udp_with(interface, DatagramOptions::new(), protocol)
    }

    /// [`listen_udp`](Self::listen_udp), otherwise than usual.
    ///
    /// # Errors
    ///
    /// As [`listen_udp`](Self::listen_udp).
    ///
    /// ```
    /// use reactor_compat::{DatagramOptions, DatagramProtocol, Reactor};
    ///
    /// struct Silent;
    /// impl DatagramProtocol for Silent {}
    ///
    /// let large = DatagramOptions::new().max_packet_size(65_535);
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_udp_with(("127.0.0.1", 0), large, Silent)?;
    /// assert_eq!(port.max_packet_size(), 65_535);
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[track_caller]
    pub fn listen_udp_with<P: DatagramProtocol>(
        &self,
        interface: impl Into<Interface>,
        options: DatagramOptions,
        protocol: P,
    ) -> Result<DatagramConnection<P>, CannotListenError> {
        let interface = interface.into();
        let failed = |error: io::Error| CannotListenError::new(interface.to_string(), &error);
        self.check_drivable().map_err(|error| failed(error.into()))?;
        let network = self.shared().network().map_err(failed)?;
        let bind = |address| network.bind_udp(address, &options);
        let datagrams = first_of(network, &interface, bind)?;
        Ok(driver::listen(self, (datagrams, None), options.max_packet_size, protocol))
    }

    /// Listens for UDP datagrams, those of multicast groups among them, which
    /// the protocol [joins](crate::DatagramTransport::join_group).
    ///
    /// Here, any UDP port can join groups: this is
    /// [`listen_udp`](Self::listen_udp), under the name that is looked for.
    ///
    /// # Errors
    ///
    /// As [`listen_udp`](Self::listen_udp).
    ///
    /// ```
    /// use reactor_compat::{DatagramConnection, DatagramProtocol, MulticastInterface, Reactor};
    /// use std::net::Ipv4Addr;
    ///
    /// struct PingPong;
    ///
    /// impl DatagramProtocol for PingPong {
    ///     fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
    ///         let group = Ipv4Addr::new(228, 0, 0, 5);
    ///         if let Err(error) = transport.join_group(group, MulticastInterface::Any) {
    ///             eprintln!("{error}");
    ///         }
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new();
    /// reactor.listen_multicast(0, PingPong)?;
    /// # let stop = reactor.clone();
    /// # reactor.call_when_running(move || stop.stop().unwrap());
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "listenMulticast")]
    #[doc(alias = "IReactorMulticast")]
    #[track_caller]
    pub fn listen_multicast<P: DatagramProtocol>(
        &self,
        interface: impl Into<Interface>,
        protocol: P,
    ) -> Result<DatagramConnection<P>, CannotListenError> {
        self.listen_udp_with(interface, DatagramOptions::new(), protocol)
    }

    /// [`listen_multicast`](Self::listen_multicast), otherwise than usual: with
    /// others on the same port.
    ///
    /// # Errors
    ///
    /// As [`listen_udp`](Self::listen_udp).
    ///
    /// See the example of [`DatagramOptions`].
    #[track_caller]
    pub fn listen_multicast_with<P: DatagramProtocol>(
        &self,
        interface: impl Into<Interface>,
        options: DatagramOptions,
        protocol: P,
    ) -> Result<DatagramConnection<P>, CannotListenError> {
        self.listen_udp_with(interface, options, protocol)
    }

    /// Gives a UDP socket that exists a protocol. If it is connected, so is the
    /// port.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the system does not know the socket's address,
    /// or cannot make it non-blocking.
    ///
    /// ```
    /// use reactor_compat::{DatagramProtocol, Reactor};
    ///
    /// struct Silent;
    /// impl DatagramProtocol for Silent {}
    ///
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let address = socket.local_addr()?;
    /// let reactor = Reactor::new();
    /// let port = reactor.adopt_datagram_port(socket, Silent)?;
    /// assert_eq!(port.get_host(), address);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "adoptDatagramPort")]
    #[track_caller]
    pub fn adopt_datagram_port<P: DatagramProtocol>(
        &self,
        socket: UdpSocket,
        protocol: P,
    ) -> Result<DatagramConnection<P>, CannotListenError> {
        self.adopt_datagram_port_with(socket, DatagramOptions::new(), protocol)
    }

    /// [`adopt_datagram_port`](Self::adopt_datagram_port), with a say in how
    /// large a datagram may be; the other options are for opening a socket.
    ///
    /// # Errors
    ///
    /// As [`adopt_datagram_port`](Self::adopt_datagram_port).
    ///
    /// ```
    /// use reactor_compat::{DatagramOptions, DatagramProtocol, Reactor};
    ///
    /// struct Silent;
    /// impl DatagramProtocol for Silent {}
    ///
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let options = DatagramOptions::new().max_packet_size(1500);
    /// let reactor = Reactor::new();
    /// let port = reactor.adopt_datagram_port_with(socket, options, Silent)?;
    /// assert_eq!(port.max_packet_size(), 1500);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn adopt_datagram_port_with<P: DatagramProtocol>(
        &self,
        socket: UdpSocket,
        options: DatagramOptions,
        protocol: P,
    ) -> Result<DatagramConnection<P>, CannotListenError> {
        let failed =
            |error: io::Error| CannotListenError::new("a socket that exists".to_owned(), &error);
        self.check_drivable().map_err(|error| failed(error.into()))?;
        socket.set_nonblocking(true).map_err(failed)?;
        let network = self.shared().network().map_err(failed)?;
        let datagrams = network.adopt_udp(socket, &options).map_err(failed)?;
        let peer = datagrams.get_peer();
        Ok(driver::listen(self, (datagrams, peer), options.max_packet_size, protocol))
    }
}

/// Opens a UDP socket of the system's.
pub(crate) fn open_udp(
    address: SocketAddr,
    options: &DatagramOptions,
) -> io::Result<Box<dyn Datagrams>> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if options.listen_multiple {
        socket.set_reuse_address(true)?;
        #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    adopt_udp(socket.into())
}

/// Takes a UDP socket that exists for a port.
pub(crate) fn adopt_udp(socket: UdpSocket) -> io::Result<Box<dyn Datagrams>> {
    let (host, peer) = (socket.local_addr()?, socket.peer_addr().ok());
    Ok(Box::new(SystemDatagrams::new(socket.into(), host, peer, ())))
}

impl SystemKind for SocketAddr {
    type Socket = tokio::net::UdpSocket;
    type Name = ();

    fn register(socket: Socket) -> io::Result<Self::Socket> {
        Self::Socket::from_std(socket.into())
    }

    fn reference(socket: &Self::Socket) -> SockRef<'_> {
        socket.into()
    }

    fn poll_receive(
        socket: &Self::Socket,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Self>> {
        socket.poll_recv_from(cx, room)
    }

    fn poll_writable(socket: &Self::Socket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        socket.poll_send_ready(cx)
    }

    fn try_send(
        socket: &Self::Socket,
        send: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        socket.try_io(Interest::WRITABLE, send)
    }

    async fn failed(socket: Rc<Self::Socket>) {
        let _ = socket.ready(Interest::ERROR).await;
    }

    fn take_error(socket: &Self::Socket) -> Option<io::Error> {
        let take = || socket.take_error()?.ok_or(io::ErrorKind::WouldBlock.into());
        socket.try_io(Interest::ERROR, take).ok()
    }

    fn to_system(&self) -> io::Result<SockAddr> {
        Ok((*self).into())
    }

    fn from_system(address: &SockAddr) -> Option<Self> {
        address.as_socket()
    }
}

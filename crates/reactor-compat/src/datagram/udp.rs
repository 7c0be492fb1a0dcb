//! Listening for UDP datagrams.
//!
//! Mirrors `IReactorUDP`, `IReactorMulticast` and `adoptDatagramPort` of
//! `twisted.internet.interfaces`. Tested in `tests/network/udp.rs` and
//! `tests/network/multicast.rs`.

use std::io;
use std::net::UdpSocket;

use super::driver;
use super::{DatagramConnection, DatagramProtocol};
use crate::address::Interface;
use crate::error::CannotListenError;
use crate::network::first_of;
use crate::options::DatagramOptions;
use crate::reactor::Reactor;

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
        let failed = |error: io::Error| CannotListenError::new(&interface, error);
        self.check_drivable().map_err(|error| failed(error.into()))?;
        let network = self.shared().network().map_err(failed)?;
        let bind = |address| network.bind_udp(address, &options);
        let datagrams = first_of(network, &interface, bind)?;
        Ok(driver::listen(self, (datagrams, None), options.get_max_packet_size(), protocol))
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
        let failed = |error| CannotListenError::new("a socket that exists", error);
        self.check_drivable().map_err(|error| failed(error.into()))?;
        socket.set_nonblocking(true).map_err(failed)?;
        let network = self.shared().network().map_err(failed)?;
        let datagrams = network.adopt_udp(socket, &options).map_err(failed)?;
        let peer = datagrams.get_peer();
        Ok(driver::listen(self, (datagrams, peer), options.get_max_packet_size(), protocol))
    }
}

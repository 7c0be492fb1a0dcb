//! TCP: listening and connecting.
//!
//! Mirrors `IReactorTCP` of `twisted.internet.interfaces`, and
//! `twisted.internet.tcp`. Tested in `tests/network/tcp.rs` and `tests/network/connector.rs`.

use crate::address::{Destination, Interface, Target};
use crate::connecting::{self, Plan};
use crate::connection::FirstLayer;
use crate::connector::Connector;
use crate::error::CannotListenError;
use crate::factory::{ClientFactory, Factory};
use crate::network::ListenTarget;
use crate::options::{ConnectOptions, ListenOptions};
use crate::port::{self, Port};
use crate::reactor::Reactor;

impl Reactor {
    /// Listens for TCP connections, each of which gets a protocol of
    /// `factory`.
    ///
    /// `interface` is a port number (on all IPv4 addresses; 0 for any that is
    /// free), an address and a port number, or a `SocketAddr`. The port is
    /// open when this returns; it accepts while the reactor runs.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the port cannot be opened.
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, Protocol, reactor};
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// let port = reactor().listen_tcp(("127.0.0.1", 0), |_peer: Address| Echo)?;
    /// assert_ne!(port.get_host().port(), Some(0));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "listenTCP")]
    #[doc(alias = "IReactorTCP")]
    #[track_caller]
    pub fn listen_tcp(
        &self,
        interface: impl Into<Interface>,
        factory: impl Factory,
    ) -> Result<Port, CannotListenError> {
        self.listen_tcp_with(interface, ListenOptions::new(), factory)
    }

    /// [`listen_tcp`](Self::listen_tcp), with a say in how the socket is opened.
    ///
    /// # Errors
    ///
    /// As [`listen_tcp`](Self::listen_tcp).
    ///
    /// See the example of [`ListenOptions`].
    #[track_caller]
    pub fn listen_tcp_with(
        &self,
        interface: impl Into<Interface>,
        options: ListenOptions,
        factory: impl Factory,
    ) -> Result<Port, CannotListenError> {
        let target = ListenTarget::Tcp(interface.into(), options);
        port::open(self, target, FirstLayer::default(), factory)
    }

    /// Connects to `destination`, an address or a name and a port number, and
    /// gives the connection a protocol of `factory`.
    ///
    /// An attempt may take 30 seconds. The [`Connector`] stops it, tells when
    /// there is a connection, and connects again.
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    ///
    /// struct Greet;
    ///
    /// impl Protocol for Greet {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.write("hello");
    ///         transport.lose_connection();
    ///     }
    /// }
    ///
    /// struct Hear(Reactor);
    ///
    /// impl Protocol for Hear {
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         assert_eq!(data, b"hello");
    ///         self.0.stop().unwrap();
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Greet)?;
    /// let hear = reactor.clone();
    /// reactor.connect_tcp(port.get_host().socket_addr().unwrap(), move |_: Address| Hear(hear.clone()));
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "connectTCP")]
    pub fn connect_tcp<F: ClientFactory>(
        &self,
        destination: impl Into<Destination>,
        factory: F,
    ) -> Connector<F::Protocol> {
        self.connect_tcp_with(destination, ConnectOptions::new(), factory)
    }

    /// [`connect_tcp`](Self::connect_tcp), with a say in how long it may take,
    /// and from where.
    ///
    /// See the example of [`ConnectOptions`].
    pub fn connect_tcp_with<F: ClientFactory>(
        &self,
        destination: impl Into<Destination>,
        options: ConnectOptions,
        factory: F,
    ) -> Connector<F::Protocol> {
        let plan = Plan::new(Target::Tcp(destination.into()), options);
        connecting::begin(self, plan, factory)
    }
}

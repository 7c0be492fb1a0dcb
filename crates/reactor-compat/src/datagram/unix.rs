//! UNIX datagrams.
//!
//! Mirrors `IReactorUNIXDatagram` of `twisted.internet.interfaces`, and
//! `DatagramPort` and `ConnectedDatagramPort` of `twisted.internet.unix`.
//! Tested in `tests/network/unix_datagram.rs`.

use super::driver;
use super::kind::Kind;
use super::{DatagramConnection, DatagramProtocol};
use crate::address::{Address, UnixAddress};
use crate::error::{CannotListenError, ConnectError};
use crate::options::DatagramOptions;
use crate::reactor::Reactor;

impl Reactor {
    /// Listens for datagrams at a UNIX socket, which are given to `protocol`.
    ///
    /// `address` is a path, or a string that begins with a NUL for an abstract
    /// name (of Linux). The file gets the [mode](DatagramOptions::mode) 0666,
    /// as in Twisted, and is removed when the port is closed. The port is open
    /// when this returns; it receives while the reactor runs.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the socket cannot be opened; also if the file
    /// is there already.
    ///
    /// ```
    /// use reactor_compat::{DatagramConnection, DatagramProtocol, Reactor, UnixAddress};
    ///
    /// struct Hear(Reactor);
    ///
    /// impl DatagramProtocol<UnixAddress> for Hear {
    ///     fn datagram_received(
    ///         &mut self,
    ///         _: &DatagramConnection<Self, UnixAddress>,
    ///         data: &[u8],
    ///         from: UnixAddress,
    ///     ) {
    ///         assert_eq!((data, from), (&b"hello"[..], UnixAddress::Unnamed));
    ///         self.0.stop().unwrap();
    ///     }
    /// }
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let reactor = Reactor::new();
    /// reactor.listen_unix_datagram(&path, Hear(reactor.clone()))?;
    /// std::os::unix::net::UnixDatagram::unbound()?.send_to(b"hello", &path)?;
    /// reactor.run()?;
    /// assert!(!path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "listenUNIXDatagram")]
    #[doc(alias = "IReactorUNIXDatagram")]
    #[track_caller]
    pub fn listen_unix_datagram<P: DatagramProtocol<UnixAddress>>(
        &self,
        address: impl Into<UnixAddress>,
        protocol: P,
    ) -> Result<DatagramConnection<P, UnixAddress>, CannotListenError> {
        self.listen_unix_datagram_with(address, DatagramOptions::new(), protocol)
    }

    /// [`listen_unix_datagram`](Self::listen_unix_datagram), otherwise than
    /// usual.
    ///
    /// # Errors
    ///
    /// As [`listen_unix_datagram`](Self::listen_unix_datagram).
    ///
    /// See the example of [`DatagramOptions::mode`].
    #[track_caller]
    pub fn listen_unix_datagram_with<P: DatagramProtocol<UnixAddress>>(
        &self,
        address: impl Into<UnixAddress>,
        options: DatagramOptions,
        protocol: P,
    ) -> Result<DatagramConnection<P, UnixAddress>, CannotListenError> {
        let address = address.into();
        self.check_drivable().map_err(|error| CannotListenError::new(&address, error.into()))?;
        let network = self.shared().network();
        let opened = network.and_then(|network| network.bind_unix_datagrams(&address, &options));
        let datagrams = opened.map_err(|error| CannotListenError::new(&address, error))?;
        Ok(driver::listen(self, (datagrams, None), options.get_max_packet_size(), protocol))
    }

    /// Connects to a UNIX socket for datagrams.
    ///
    /// Our own end has no name, so that the peer cannot answer, unless
    /// [`connect_unix_datagram_with`](Self::connect_unix_datagram_with) gives
    /// it one.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if there is nobody, or our own end cannot be opened.
    ///
    /// ```
    /// use reactor_compat::{DatagramProtocol, Reactor, UnixAddress};
    ///
    /// struct Silent;
    /// impl DatagramProtocol<UnixAddress> for Silent {}
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let server = std::os::unix::net::UnixDatagram::bind(&path)?;
    /// let reactor = Reactor::new();
    /// let client = reactor.connect_unix_datagram(&path, Silent)?;
    /// client.write("hello", None)?;
    /// assert_eq!(server.recv(&mut [0; 16])?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "connectUNIXDatagram")]
    #[track_caller]
    pub fn connect_unix_datagram<P: DatagramProtocol<UnixAddress>>(
        &self,
        address: impl Into<UnixAddress>,
        protocol: P,
    ) -> Result<DatagramConnection<P, UnixAddress>, ConnectError> {
        self.connect_unix_datagram_with(address, DatagramOptions::new(), protocol)
    }

    /// [`connect_unix_datagram`](Self::connect_unix_datagram), otherwise than
    /// usual.
    ///
    /// # Errors
    ///
    /// As [`connect_unix_datagram`](Self::connect_unix_datagram).
    ///
    /// See the example of [`DatagramOptions::bind_address`].
    #[track_caller]
    pub fn connect_unix_datagram_with<P: DatagramProtocol<UnixAddress>>(
        &self,
        address: impl Into<UnixAddress>,
        options: DatagramOptions,
        protocol: P,
    ) -> Result<DatagramConnection<P, UnixAddress>, ConnectError> {
        let peer = address.into();
        let network = self.shared().network()?;
        let datagrams = network.bind_unix_datagrams(options.get_bind_address(), &options)?;
        datagrams.connect(&peer)?;
        Ok(driver::listen(self, (datagrams, Some(peer)), options.get_max_packet_size(), protocol))
    }
}

impl Kind for UnixAddress {
    const IGNORES_REFUSALS: bool = false;
    const ERRORS_COME_LATER: bool = false;
    const SAYS_WHEN_WRITABLE: bool = false;

    fn fault(&self, _host: &Self) -> Option<String> {
        (*self == Self::Unnamed).then(|| "a socket without a name cannot be sent to".to_owned())
    }

    fn to_address(&self) -> Address {
        Address::Unix(self.clone())
    }

    fn place(&self) -> String {
        format!("'{self}'")
    }

    fn port(&self) -> String {
        format!("Port '{self}'")
    }
}

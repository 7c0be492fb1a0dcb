//! UNIX sockets that stream: listening and connecting.
//!
//! Mirrors `IReactorUNIX` of `twisted.internet.interfaces`. Tested in
//! `tests/network/unix.rs`.

use crate::address::{Target, UnixAddress};
use crate::connecting::{self, Plan};
use crate::connection::FirstLayer;
use crate::connector::Connector;
use crate::error::CannotListenError;
use crate::factory::{ClientFactory, Factory};
use crate::network::ListenTarget;
use crate::options::{ConnectOptions, UnixConnectOptions, UnixOptions};
use crate::port::{self, Port};
use crate::reactor::Reactor;

impl Reactor {
    /// Listens on a UNIX socket; each connection gets a protocol of `factory`.
    ///
    /// `address` is a path, or a string that begins with a NUL for an abstract
    /// name (of Linux). The port is open when this returns; it accepts while
    /// the reactor runs. Its file may be opened by everybody, as in Twisted
    /// ([`UnixOptions::mode`] says otherwise), and is removed when it is
    /// closed.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the port cannot be opened: also if the file is
    /// there already, whether or not anybody listens
    /// ([`UnixOptions::lock`] helps with that).
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    ///
    /// struct Greet;
    ///
    /// impl Protocol for Greet {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.write("hello");
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
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("greet.sock");
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_unix(&path, |_: Address| Greet)?;
    /// assert_eq!(port.get_host().path(), Some(path.as_path()));
    /// let hear = reactor.clone();
    /// reactor.connect_unix(&path, move |_: Address| Hear(hear.clone()));
    /// reactor.run()?;
    /// assert!(!path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "listenUNIX")]
    #[doc(alias = "IReactorUNIX")]
    #[track_caller]
    pub fn listen_unix(
        &self,
        address: impl Into<UnixAddress>,
        factory: impl Factory,
    ) -> Result<Port, CannotListenError> {
        self.listen_unix_with(address, UnixOptions::new(), factory)
    }

    /// [`listen_unix`](Self::listen_unix), with a say in how the socket is
    /// opened.
    ///
    /// # Errors
    ///
    /// As [`listen_unix`](Self::listen_unix), and if a lock that was asked for
    /// cannot be had.
    ///
    /// See the example of [`UnixOptions`].
    #[track_caller]
    pub fn listen_unix_with(
        &self,
        address: impl Into<UnixAddress>,
        options: UnixOptions,
        factory: impl Factory,
    ) -> Result<Port, CannotListenError> {
        let target = ListenTarget::Unix(address.into(), options);
        port::open(self, target, FirstLayer::default(), factory)
    }

    /// Connects to a UNIX socket, and gives the connection a protocol of
    /// `factory`.
    ///
    /// An attempt may take 30 seconds. The [`Connector`] stops it, tells when
    /// there is a connection, and connects again.
    ///
    /// See the example of [`listen_unix`](Self::listen_unix).
    #[doc(alias = "connectUNIX")]
    pub fn connect_unix<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        factory: F,
    ) -> Connector<F::Protocol> {
        self.connect_unix_with(address, UnixConnectOptions::new(), factory)
    }

    /// [`connect_unix`](Self::connect_unix), with a say in how.
    ///
    /// See the example of [`UnixConnectOptions`].
    pub fn connect_unix_with<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        options: UnixConnectOptions,
        factory: F,
    ) -> Connector<F::Protocol> {
        let timeout = ConnectOptions::new().timeout(options.get_timeout());
        let plan = Plan::new(Target::Unix(address.into()), timeout);
        connecting::begin(self, plan.checking_lock(options.get_check_lock()), factory)
    }
}

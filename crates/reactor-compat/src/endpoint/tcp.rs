//! [`TcpServerEndpoint`] and [`HostnameEndpoint`]: TCP.
//!
//! Mirrors `TCP4ServerEndpoint`, `TCP6ServerEndpoint`, `TCP4ClientEndpoint`,
//! `TCP6ClientEndpoint` and `HostnameEndpoint` of `twisted.internet.endpoints`. Tested in
//! `tests/network/endpoint_kinds.rs`.

use std::net::SocketAddr;

use deferred::Deferred;

use super::string::Arguments;
use super::{Connect, EndpointError, Listen, StreamClientEndpoint, StreamServerEndpoint};
use crate::address::{Destination, Interface, Target};
use crate::connecting::{self, Plan};
use crate::connection::Connection;
use crate::factory::Factory;
use crate::network::{ListenTarget, Listener, SharedStream};
use crate::options::{ConnectOptions, ListenOptions};
use crate::port::{self, Port};
use crate::reactor::Reactor;

/// A TCP port to listen on: of IPv4, of IPv6, or of a name's first address.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::TcpServerEndpoint;
/// use reactor_compat::{ListenOptions, Protocol, reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let endpoint = TcpServerEndpoint::new(&reactor(), ("127.0.0.1", 0))
///     .options(ListenOptions::new().backlog(16).no_delay(true));
/// assert_eq!(endpoint.interface().host(), "127.0.0.1");
/// assert_eq!(endpoint.get_options().get_backlog(), 16);
/// let port = success_result_of(endpoint.listen(|_| Silent));
/// assert!(port.get_host().ip().unwrap().is_loopback());
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "TCP4ServerEndpoint")]
#[doc(alias = "TCP6ServerEndpoint")]
pub struct TcpServerEndpoint {
    reactor: Reactor,
    interface: Interface,
    options: ListenOptions,
}

impl TcpServerEndpoint {
    /// A port number on an interface, or alone on all interfaces of IPv4. For all of IPv6,
    /// and IPv4 where the system has it so, the interface is `"::"`.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, interface: impl Into<Interface>) -> Self {
        let interface = interface.into();
        Self { reactor: reactor.clone(), interface, options: ListenOptions::new() }
    }

    /// The parameters of its strings that have to be named.
    pub(super) const BY_NAME: [&'static str; 3] = ["reusePort", "noDelay", "keepAlive"];

    /// The endpoint of a string, which listens on `host` unless that says otherwise.
    pub(super) fn of_arguments(
        reactor: &Reactor,
        arguments: &Arguments<'_>,
        host: &str,
    ) -> Result<Self, EndpointError> {
        let host = arguments.text("interface").unwrap_or(host);
        Self::on_port(reactor, arguments, host, arguments.port()?)
    }

    /// The same, with a port that is known.
    pub(super) fn on_port(
        reactor: &Reactor,
        arguments: &Arguments<'_>,
        host: &str,
        port: u16,
    ) -> Result<Self, EndpointError> {
        let mut options = ListenOptions::new()
            .reuse_port(arguments.flag("reusePort")?.unwrap_or(false))
            .no_delay(arguments.flag("noDelay")?.unwrap_or(false))
            .keep_alive(arguments.flag("keepAlive")?.unwrap_or(false));
        if let Some(backlog) = arguments.backlog()? {
            options = options.backlog(backlog);
        }
        Ok(Self::new(reactor, (host, port)).options(options))
    }

    /// How the port is opened.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn options(mut self, options: ListenOptions) -> Self {
        self.options = options;
        self
    }

    /// The place.
    ///
    /// See the [type's example](Self).
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// How the port is opened.
    ///
    /// See the [type's example](Self).
    pub fn get_options(&self) -> &ListenOptions {
        &self.options
    }

    /// Listens there: [`Listen::listen`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

impl StreamServerEndpoint for TcpServerEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let target = ListenTarget::Tcp(self.interface.clone(), self.options);
        port::bind(&self.reactor, target, false).map_or_else(Deferred::fail, Deferred::succeed)
    }

    fn description(&self) -> String {
        self.interface.to_string()
    }
}

/// A TCP port to connect to, of a host by name or by address. Where a name has several
/// addresses they are tried as RFC 8305 says, "happy eyeballs": of both families, the next
/// one beside the first when that does not answer at once.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{HostnameEndpoint, TcpServerEndpoint};
/// use reactor_compat::{ConnectOptions, Protocol, Reactor};
/// use std::time::Duration;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let server = TcpServerEndpoint::new(&reactor, ("127.0.0.1", 0));
/// let port = success_result_of(server.listen(|_| Silent));
///
/// let client = HostnameEndpoint::new(&reactor, ("localhost", port.get_host().port().unwrap()))
///     .options(ConnectOptions::new().timeout(Duration::from_secs(5)))
///     .bind_address(("127.0.0.1", 0));
/// assert_eq!(client.destination().host(), "localhost");
/// assert_eq!(client.get_bind_address().unwrap().host(), "127.0.0.1");
/// let stop = reactor.clone();
/// let connected = client.connect(|_| Silent).add_callback(move |connection| {
///     assert!(connection.connected());
///     Ok(stop.stop()?)
/// });
/// reactor.run()?;
/// success_result_of(connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "TCP4ClientEndpoint")]
#[doc(alias = "TCP6ClientEndpoint")]
pub struct HostnameEndpoint {
    reactor: Reactor,
    destination: Destination,
    options: ConnectOptions,
    bind_address: Option<Destination>,
}

impl HostnameEndpoint {
    /// A port of a host.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, destination: impl Into<Destination>) -> Self {
        Self {
            reactor: reactor.clone(),
            destination: destination.into(),
            options: ConnectOptions::new(),
            bind_address: None,
        }
    }

    /// The endpoint of a string, whose arguments have the names that Twisted gives them.
    pub(super) fn of_arguments(
        reactor: &Reactor,
        arguments: &Arguments<'_>,
    ) -> Result<Self, EndpointError> {
        let destination = (arguments.required("host")?, arguments.port()?);
        let mut options = ConnectOptions::new()
            .no_delay(arguments.flag("noDelay")?.unwrap_or(false))
            .keep_alive(arguments.flag("keepAlive")?.unwrap_or(false));
        if let Some(timeout) = arguments.seconds("timeout")? {
            options = options.timeout(timeout);
        }
        let mut endpoint = Self::new(reactor, destination).options(options);
        endpoint.bind_address = arguments.text("bindAddress").map(|host| (host, 0).into());
        Ok(endpoint)
    }

    /// How the connection is made.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }

    /// The place to connect from, by name or by address; with port number 0 the system
    /// chooses one. Only addresses of its family are connected to.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn bind_address(mut self, place: impl Into<Destination>) -> Self {
        self.bind_address = Some(place.into());
        self
    }

    /// The place to connect to.
    ///
    /// See the [type's example](Self).
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// How the connection is made.
    ///
    /// ```
    /// use reactor_compat::{ConnectOptions, endpoint::HostnameEndpoint, reactor};
    ///
    /// let endpoint = HostnameEndpoint::new(&reactor(), ("example.org", 80));
    /// assert_eq!(*endpoint.get_options(), ConnectOptions::new());
    /// ```
    pub fn get_options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The place to connect from, if it is said.
    ///
    /// See the [type's example](Self).
    pub fn get_bind_address(&self) -> Option<&Destination> {
        self.bind_address.as_ref()
    }

    /// Connects there: [`Connect::connect`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        Connect::connect(self, factory)
    }

    fn dial_with(&self, options: ConnectOptions) -> Deferred<SharedStream> {
        let target = Target::Tcp(self.destination.clone());
        connecting::dial(&self.reactor, Plan::new(target, options))
    }
}

impl StreamClientEndpoint for HostnameEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let Some(place) = &self.bind_address else { return self.dial_with(self.options) };
        if let Some(address) = place.literal() {
            return self.dial_with(self.options.bind_address(address));
        }
        let (endpoint, port) = (self.clone(), place.port());
        self.reactor.resolve(place.host()).add_callback(move |address| {
            let address = SocketAddr::new(address, port);
            endpoint.dial_with(endpoint.options.bind_address(address))
        })
    }

    fn description(&self) -> String {
        self.destination.to_string()
    }
}

//! [`UnixServerEndpoint`] and [`UnixClientEndpoint`]: UNIX sockets.
//!
//! Mirrors the types of those names of `twisted.internet.endpoints`. Tested in
//! `tests/network/endpoint_kinds.rs`.

use deferred::Deferred;

use super::string::Arguments;
use super::{Connect, EndpointError, Listen, StreamClientEndpoint, StreamServerEndpoint};
use crate::address::{Target, UnixAddress};
use crate::connecting::{self, Plan};
use crate::connection::Connection;
use crate::factory::Factory;
use crate::network::{ListenTarget, Listener, SharedStream};
use crate::options::{ConnectOptions, UnixConnectOptions, UnixOptions};
use crate::port::{self, Port};
use crate::reactor::Reactor;

/// A UNIX socket to listen on.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::UnixServerEndpoint;
/// use reactor_compat::{Protocol, UnixOptions, reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("socket");
/// let options = UnixOptions::new().mode(0o600).lock(true);
/// let endpoint = UnixServerEndpoint::new(&reactor(), &path).options(options);
/// assert_eq!(endpoint.get_options().get_mode(), 0o600);
/// let port = success_result_of(endpoint.listen(|_| Silent));
/// assert_eq!(port.get_host().path(), endpoint.address().path());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "UNIXServerEndpoint")]
pub struct UnixServerEndpoint {
    reactor: Reactor,
    address: UnixAddress,
    options: UnixOptions,
}

impl UnixServerEndpoint {
    /// A path; or a name that begins with a NUL, of Linux.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, address: impl Into<UnixAddress>) -> Self {
        Self { reactor: reactor.clone(), address: address.into(), options: UnixOptions::new() }
    }

    pub(super) fn of_arguments(
        reactor: &Reactor,
        arguments: &Arguments<'_>,
    ) -> Result<Self, EndpointError> {
        // As in Twisted: who says it in a string has the lock, unless he says otherwise.
        let mut options = UnixOptions::new().lock(arguments.flag("lockfile")?.unwrap_or(true));
        if let Some(mode) = arguments.octal("mode", 0..=0o7777)? {
            options = options.mode(mode);
        }
        if let Some(backlog) = arguments.backlog()? {
            options = options.backlog(backlog);
        }
        Ok(Self::new(reactor, arguments.required("address")?).options(options))
    }

    /// How the socket is opened.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn options(mut self, options: UnixOptions) -> Self {
        self.options = options;
        self
    }

    /// The place.
    ///
    /// See the [type's example](Self).
    pub fn address(&self) -> &UnixAddress {
        &self.address
    }

    /// How the socket is opened.
    ///
    /// See the [type's example](Self).
    pub fn get_options(&self) -> &UnixOptions {
        &self.options
    }

    /// Listens there: [`Listen::listen`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

impl StreamServerEndpoint for UnixServerEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let target = ListenTarget::Unix(self.address.clone(), self.options);
        port::bind(&self.reactor, target, false).map_or_else(Deferred::fail, Deferred::succeed)
    }

    fn description(&self) -> String {
        self.address.to_string()
    }
}

/// A UNIX socket to connect to.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{UnixClientEndpoint, UnixServerEndpoint};
/// use reactor_compat::{Protocol, Reactor, UnixConnectOptions};
/// use std::time::Duration;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("socket");
/// let reactor = Reactor::new();
/// success_result_of(UnixServerEndpoint::new(&reactor, &path).listen(|_| Silent));
/// let options = UnixConnectOptions::new().timeout(Duration::from_secs(5));
/// let client = UnixClientEndpoint::new(&reactor, &path).options(options);
/// assert_eq!(client.address().path(), Some(path.as_path()));
/// assert_eq!(client.get_options().get_timeout(), Duration::from_secs(5));
/// let stop = reactor.clone();
/// let connected = client.connect(|_| Silent).add_callback(move |_| Ok(stop.stop()?));
/// reactor.run()?;
/// success_result_of(connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "UNIXClientEndpoint")]
pub struct UnixClientEndpoint {
    reactor: Reactor,
    address: UnixAddress,
    options: UnixConnectOptions,
}

impl UnixClientEndpoint {
    /// A path; or a name that begins with a NUL, of Linux.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, address: impl Into<UnixAddress>) -> Self {
        let options = UnixConnectOptions::new();
        Self { reactor: reactor.clone(), address: address.into(), options }
    }

    pub(super) fn of_arguments(
        reactor: &Reactor,
        arguments: &Arguments<'_>,
    ) -> Result<Self, EndpointError> {
        // Twisted takes any text but an empty one for a yes to `checkPID`.
        let check = arguments.text("checkPID").is_some_and(|text| !text.is_empty());
        let check = arguments.flag("lockfile")?.unwrap_or(check);
        let mut options = UnixConnectOptions::new().check_lock(check);
        if let Some(timeout) = arguments.seconds("timeout")? {
            options = options.timeout(timeout);
        }
        Ok(Self::new(reactor, arguments.required("path")?).options(options))
    }

    /// How the connection is made.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn options(mut self, options: UnixConnectOptions) -> Self {
        self.options = options;
        self
    }

    /// The place.
    ///
    /// See the [type's example](Self).
    pub fn address(&self) -> &UnixAddress {
        &self.address
    }

    /// How the connection is made.
    ///
    /// See the [type's example](Self).
    pub fn get_options(&self) -> &UnixConnectOptions {
        &self.options
    }

    /// Connects there: [`Connect::connect`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        Connect::connect(self, factory)
    }
}

impl StreamClientEndpoint for UnixClientEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let options = ConnectOptions::new().timeout(self.options.get_timeout());
        let plan = Plan::new(Target::Unix(self.address.clone()), options);
        connecting::dial(&self.reactor, plan.checking_lock(self.options.get_check_lock()))
    }

    fn description(&self) -> String {
        self.address.to_string()
    }
}

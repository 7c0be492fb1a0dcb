//! [`TlsServerEndpoint`] and [`TlsClientEndpoint`]: any endpoint, inside TLS.
//!
//! Mirrors `wrapClientTLS`, `wrapServerTLS`, `SSL4ServerEndpoint` and
//! `SSL4ClientEndpoint` of `twisted.internet.endpoints`. Tested in
//! `tests/network/endpoint_tls.rs`.

use deferred::Deferred;

use super::wrapped_listener::bind_wrapped;
use super::{Connect, Listen, StreamClientEndpoint, StreamServerEndpoint};
use crate::connection::Connection;
use crate::factory::Factory;
use crate::network::{Listener, SharedStream};
use crate::port::Port;
use crate::reactor::Reactor;
use crate::tls::{ClientOptions, Config, ServerOptions, TlsConfigError, TlsStream};

/// Any server endpoint, with TLS over each of its connections.
///
/// A protocol is built when the handshake is over; a connection whose handshake fails
/// is closed, and the log says why, for those who debug. ([`Reactor::listen_ssl`] builds it before, as Twisted does.)
///
/// See the example of [`wrap_server_tls`].
#[derive(Clone, Debug)]
#[doc(alias = "SSL4ServerEndpoint")]
#[doc(alias = "TLSServerEndpoint")]
pub struct TlsServerEndpoint<E> {
    endpoint: E,
    options: ServerOptions,
}

/// Any server endpoint, with TLS over each of its connections.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{HostnameEndpoint, TcpServerEndpoint};
/// use reactor_compat::endpoint::{wrap_client_tls, wrap_server_tls};
/// use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
/// use reactor_compat::{Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// let server = ServerOptions::new(Identity::from_pem(&certificate, &key)?)?;
/// let client = ClientOptions::new("localhost")?.trust_roots(TrustRoots::from_pem(&certificate)?);
///
/// let reactor = Reactor::new();
/// let below = TcpServerEndpoint::new(&reactor, ("127.0.0.1", 0));
/// let port = success_result_of(wrap_server_tls(server, below).listen(|_| Silent));
/// let below = HostnameEndpoint::new(&reactor, port.get_host().socket_addr().unwrap());
/// let stop = reactor.clone();
/// let connected = wrap_client_tls(client, below)?.connect(|_| Silent).add_callback(move |made| {
///     assert!(made.is_secure());
///     Ok(stop.stop()?)
/// });
/// reactor.run()?;
/// success_result_of(connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "wrapServerTLS")]
pub fn wrap_server_tls<E>(options: ServerOptions, endpoint: E) -> TlsServerEndpoint<E> {
    TlsServerEndpoint { endpoint, options }
}

impl<E> TlsServerEndpoint<E> {
    /// The endpoint inside of it.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// # let identity = reactor_compat::tls::Identity::from_pem(&certificate, &key)?;
    /// # let options = reactor_compat::tls::ServerOptions::new(identity)?;
    /// use reactor_compat::endpoint::{TcpServerEndpoint, wrap_server_tls};
    /// use reactor_compat::reactor;
    ///
    /// let endpoint = wrap_server_tls(options, TcpServerEndpoint::new(&reactor(), 443));
    /// assert_eq!(endpoint.inner().interface().port(), 443);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inner(&self) -> &E {
        &self.endpoint
    }
}

impl<E: StreamServerEndpoint> TlsServerEndpoint<E> {
    /// Listens there: [`Listen::listen`], without a `use`.
    ///
    /// See the example of [`wrap_server_tls`].
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

impl<E: StreamServerEndpoint> StreamServerEndpoint for TlsServerEndpoint<E> {
    fn reactor(&self) -> Reactor {
        self.endpoint.reactor()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let config = Config::from(self.options.clone());
        bind_wrapped(&self.endpoint, move |below| over(below, &config))
    }

    fn description(&self) -> String {
        format!("{}, TLS", self.endpoint.description())
    }
}

fn over(below: SharedStream, config: &Config) -> SharedStream {
    SharedStream::unguarded(TlsStream::with(below, config.clone()))
}

/// Any client endpoint, with TLS over each of its connections.
///
/// A connection is made when the handshake is over; one whose handshake fails is not,
/// with a [`TlsError`](crate::tls::TlsError) for the reason.
///
/// See the example of [`wrap_server_tls`].
#[derive(Clone)]
#[doc(alias = "SSL4ClientEndpoint")]
pub struct TlsClientEndpoint<E> {
    endpoint: E,
    config: Config,
}

/// Any client endpoint, with TLS over each of its connections.
///
/// # Errors
///
/// [`TlsConfigError`] if the options come to nothing.
///
/// See the example of [`wrap_server_tls`].
#[doc(alias = "wrapClientTLS")]
pub fn wrap_client_tls<E>(
    options: ClientOptions,
    endpoint: E,
) -> Result<TlsClientEndpoint<E>, TlsConfigError> {
    Ok(TlsClientEndpoint { endpoint, config: options.try_into()? })
}

impl<E> TlsClientEndpoint<E> {
    /// The endpoint inside of it.
    ///
    /// ```
    /// use reactor_compat::endpoint::{HostnameEndpoint, wrap_client_tls};
    /// use reactor_compat::{reactor, tls::ClientOptions, tls::TrustRoots};
    ///
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let roots = TrustRoots::from_pem(made.cert.pem())?;
    /// let below = HostnameEndpoint::new(&reactor(), ("example.org", 443));
    /// let options = ClientOptions::new("example.org")?.trust_roots(roots);
    /// assert_eq!(wrap_client_tls(options, below)?.inner().destination().port(), 443);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inner(&self) -> &E {
        &self.endpoint
    }
}

impl<E: StreamClientEndpoint + Clone> TlsClientEndpoint<E> {
    /// Connects there: [`Connect::connect`], without a `use`.
    ///
    /// See the example of [`wrap_server_tls`].
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        Connect::connect(self, factory)
    }
}

impl<E: StreamClientEndpoint> StreamClientEndpoint for TlsClientEndpoint<E> {
    fn reactor(&self) -> Reactor {
        self.endpoint.reactor()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let config = self.config.clone();
        self.endpoint.dial().add_callback(move |below| Ok(over(below, &config)))
    }

    fn description(&self) -> String {
        format!("{}, TLS", self.endpoint.description())
    }
}

impl<E: std::fmt::Debug> std::fmt::Debug for TlsClientEndpoint<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsClientEndpoint").field("inner", &self.endpoint).finish_non_exhaustive()
    }
}

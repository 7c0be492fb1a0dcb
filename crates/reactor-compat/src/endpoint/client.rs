//! [`ClientEndpoint`]: where to connect to.

use deferred::Deferred;

use super::description::{Description, EndpointError};
use crate::address::Address;
use crate::connection::Connection;
use crate::factory::{ClientFactory, Factory};
use crate::reactor::Reactor;
use crate::tcp::Destination;

/// Where to connect to, made by [`client_from_string`].
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{client_from_string, server_from_string};
/// use reactor_compat::{Address, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let server = server_from_string(&reactor, "tcp:0:interface=127.0.0.1")?;
/// let port = success_result_of(server.listen(|_: Address| Silent));
/// let client = client_from_string(&reactor, &format!("tcp:{}", port.get_host()))?;
/// let stop = reactor.clone();
/// let connected = client
///     .connect(|_: Address| Silent)
///     .add_callback(move |connection| {
///         assert!(connection.connected());
///         Ok(stop.stop()?)
///     });
/// reactor.run()?;
/// success_result_of(connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "IStreamClientEndpoint")]
#[doc(alias = "TCP4ClientEndpoint")]
#[doc(alias = "HostnameEndpoint")]
pub struct ClientEndpoint {
    reactor: Reactor,
    destination: Destination,
}

/// The endpoint that `description` describes: `tcp:HOST:PORT`, where either
/// may be given by name, as in `tcp:host=example.org:port=80`.
///
/// A colon in an address is escaped: `tcp:\:\:1:8000`.
///
/// # Errors
///
/// [`EndpointError`] if it describes none.
///
/// ```
/// use reactor_compat::{endpoint::client_from_string, reactor};
///
/// assert!(client_from_string(&reactor(), "tcp:127.0.0.1:8000").is_ok());
/// assert!(client_from_string(&reactor(), r"tcp:\:\:1:8000").is_ok());
/// assert!(client_from_string(&reactor(), "tcp:127.0.0.1").is_err());
/// ```
#[doc(alias = "clientFromString")]
pub fn client_from_string(
    reactor: &Reactor,
    description: &str,
) -> Result<ClientEndpoint, EndpointError> {
    let mut description = Description::parse(description)?;
    description.expect_tcp()?;
    let host = description.take("host").ok_or(EndpointError::MissingPort)?;
    let port = description.take_port()?;
    description.finish()?;
    Ok(ClientEndpoint { reactor: reactor.clone(), destination: (host, port).into() })
}

impl ClientEndpoint {
    /// Connects there, and has `factory` build a protocol for the connection.
    ///
    /// The Deferred has the connection once `connection_made` has returned, or
    /// fails with [`ConnectError`](crate::ConnectError).
    ///
    /// # Cancellation
    ///
    /// Cancelling it gives the attempt up; it fails with
    /// [`ConnectingCancelledError`](crate::ConnectingCancelledError).
    ///
    /// See the [type's example](Self).
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        self.reactor.connect_tcp(self.destination.clone(), Quiet(factory)).when_connected()
    }
}

/// A factory that need not hear how its connector fares: whoever has the
/// Deferred does.
struct Quiet<F>(F);

impl<F: Factory> Factory for Quiet<F> {
    type Protocol = F::Protocol;

    fn build_protocol(&mut self, peer: Address) -> Option<F::Protocol> {
        self.0.build_protocol(peer)
    }

    fn start_factory(&mut self) {
        self.0.start_factory();
    }

    fn stop_factory(&mut self) {
        self.0.stop_factory();
    }
}

impl<F: Factory> ClientFactory for Quiet<F> {}

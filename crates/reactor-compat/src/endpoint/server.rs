//! [`ServerEndpoint`]: where to listen.

use std::net::{IpAddr, Ipv4Addr};

use deferred::Deferred;

use super::description::{Description, EndpointError};
use crate::factory::Factory;
use crate::port::Port;
use crate::reactor::Reactor;
use crate::tcp::Interface;

/// Where to listen, made by [`server_from_string`].
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::{Address, Protocol, endpoint::server_from_string, reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let endpoint = server_from_string(&reactor(), "tcp:0:interface=127.0.0.1")?;
/// let port = success_result_of(endpoint.listen(|_: Address| Silent));
/// assert!(port.get_host().ip().unwrap().is_loopback());
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "IStreamServerEndpoint")]
#[doc(alias = "TCP4ServerEndpoint")]
pub struct ServerEndpoint {
    reactor: Reactor,
    interface: Interface,
}

/// The endpoint that `description` describes: `tcp:PORT`, on all IPv4
/// addresses, or `tcp:PORT:interface=ADDRESS`. Any argument may be given by
/// name, as in `tcp:port=8000`.
///
/// # Errors
///
/// [`EndpointError`] if it describes none.
///
/// ```
/// use reactor_compat::{endpoint::server_from_string, reactor};
///
/// assert!(server_from_string(&reactor(), "tcp:8000").is_ok());
/// assert!(server_from_string(&reactor(), "tcp:eight").is_err());
/// ```
#[doc(alias = "serverFromString")]
pub fn server_from_string(
    reactor: &Reactor,
    description: &str,
) -> Result<ServerEndpoint, EndpointError> {
    let mut description = Description::parse(description)?;
    description.expect_tcp()?;
    let port = description.take_port()?;
    let interface = match description.take_named("interface") {
        Some(host) => (host, port).into(),
        None => (IpAddr::from(Ipv4Addr::UNSPECIFIED), port).into(),
    };
    description.finish()?;
    Ok(ServerEndpoint { reactor: reactor.clone(), interface })
}

impl ServerEndpoint {
    /// Listens there. The Deferred fails with
    /// [`CannotListenError`](crate::CannotListenError) if that cannot be.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        match self.reactor.listen_tcp(self.interface.clone(), factory) {
            Ok(port) => Deferred::succeed(port),
            Err(error) => Deferred::fail(error),
        }
    }
}

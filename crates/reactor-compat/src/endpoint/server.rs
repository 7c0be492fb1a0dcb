//! [`ServerEndpoint`]: a place to listen at, of a string.

use std::net::{IpAddr, Ipv4Addr};

use deferred::Deferred;

use super::description::{Description, EndpointError};
use super::{Listen, StreamServerEndpoint};
use crate::address::Interface;
use crate::factory::Factory;
use crate::network::{ListenTarget, Listener};
use crate::options::ListenOptions;
use crate::port::{self, Port};
use crate::reactor::Reactor;

/// A place to listen at, made by [`server_from_string`].
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::server_from_string;
/// use reactor_compat::{Protocol, reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let endpoint = server_from_string(&reactor(), "tcp:0:interface=127.0.0.1")?;
/// let port = success_result_of(endpoint.listen(|_| Silent));
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
    /// Listens there: [`Listen::listen`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

impl StreamServerEndpoint for ServerEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let target = ListenTarget::Tcp(self.interface.clone(), ListenOptions::new());
        match port::bind(&self.reactor, target, false) {
            Ok(listener) => Deferred::succeed(listener),
            Err(error) => Deferred::fail(error),
        }
    }
}

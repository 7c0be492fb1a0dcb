//! [`ClientEndpoint`]: a place to connect to, of a string.

use deferred::Deferred;

use super::description::{Description, EndpointError};
use super::{Connect, StreamClientEndpoint};
use crate::address::{Destination, Target};
use crate::connecting::{self, Plan};
use crate::connection::Connection;
use crate::factory::Factory;
use crate::network::SharedStream;
use crate::options::ConnectOptions;
use crate::reactor::Reactor;

/// A place to connect to, made by [`client_from_string`].
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{client_from_string, server_from_string};
/// use reactor_compat::{Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let server = server_from_string(&reactor, "tcp:0:interface=127.0.0.1")?;
/// let port = success_result_of(server.listen(|_| Silent));
/// let client = client_from_string(&reactor, &format!("tcp:{}", port.get_host()))?;
/// let stop = reactor.clone();
/// let connected = client
///     .connect(|_| Silent)
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
    /// Connects there: [`Connect::connect`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        Connect::connect(self, factory)
    }
}

impl StreamClientEndpoint for ClientEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let target = Target::Tcp(self.destination.clone());
        connecting::dial(&self.reactor, Plan::new(target, ConnectOptions::new()))
    }

    fn description(&self) -> String {
        self.destination.to_string()
    }
}

//! [`ClientEndpoint`]: a place to connect to, of a string.
//!
//! Tested in `tests/network/endpoint.rs`, and by the conformance family `strings`.

use std::fmt;
use std::rc::Rc;

use deferred::Deferred;

#[cfg(unix)]
use super::UnixClientEndpoint;
use super::registry::Types;
use super::{Connect, Description, EndpointError};
use super::{HostnameEndpoint, StreamClientEndpoint};
#[cfg(feature = "tls")]
use super::{TlsClientEndpoint, tls_strings};
use crate::connection::Connection;
use crate::factory::Factory;
use crate::network::SharedStream;
use crate::reactor::Reactor;

/// The types that there are for all.
pub(super) const TYPES: [&str; 4] = ["ssl", "tcp", "tls", "unix"];

/// The parameters of `tcp`, which have to be named once its own rules have been applied.
const TCP: [&str; 6] = ["host", "port", "timeout", "bindAddress", "noDelay", "keepAlive"];

/// A place to connect to, made by [`client_from_string`]: one of the kinds of endpoints, to
/// be looked at and to be connected to.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{ClientEndpoint, client_from_string, server_from_string};
/// use reactor_compat::{Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let server = server_from_string(&reactor, "tcp:0:interface=127.0.0.1")?;
/// let port = success_result_of(server.listen(|_| Silent));
/// let client = client_from_string(&reactor, &port.get_host().client_string().unwrap())?;
/// assert!(matches!(&client, ClientEndpoint::Tcp(tcp) if tcp.destination().host() == "127.0.0.1"));
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
#[derive(Clone)]
#[non_exhaustive]
#[doc(alias = "IStreamClientEndpoint")]
pub enum ClientEndpoint {
    /// `tcp:`
    Tcp(HostnameEndpoint),
    /// `unix:`
    #[cfg(unix)]
    Unix(UnixClientEndpoint),
    /// `ssl:`, and `tls:`
    #[cfg(feature = "tls")]
    Tls(Box<TlsClientEndpoint<Self>>),
    /// One of a type that was [added](Reactor::add_client_type).
    Other(Rc<dyn StreamClientEndpoint>),
}

/// The endpoint that a string describes. The arguments in brackets may be left out, and are
/// given by name:
///
/// | string | |
/// |---|---|
/// | `tcp:host:port[:timeout=][:bindAddress=]` | TCP, to a name or an address, within 30 seconds unless said |
/// | `ssl:host:port[:timeout=][:bindAddress=][:certKey=][:privateKey=][:caCertsDir=][:hostname=]` | TLS over that; the server has to be `hostname`, or else `host` |
/// | `tls:host:port[:timeout][:bindAddress][:certificate][:privateKey][:trustRoots][:endpoint]` | TLS to `host`, over the string in `endpoint` if there is one |
/// | `unix:path[:timeout=][:lockfile=]` | a UNIX socket; with `lockfile=1` its server has to hold the lock |
///
/// Host, port and path may be named too, as in `tcp:host=example.org:port=80`. `tcp` and
/// `ssl` take `noDelay=1` and `keepAlive=1` as well. A colon in an address is escaped:
/// `tcp:\:\:1:8000`. The type may be in capital letters. A reactor may know
/// [more types](Reactor::add_client_type).
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
    let types = reactor.extension::<Types>();
    let Some(kind) = description.kind().map(|kind| kind.to_uppercase().to_lowercase()) else {
        return Err(types.clients.unknown(&description, &TYPES));
    };
    match kind.as_str() {
        "tcp" => {
            name_host_and_port(&mut description);
            let arguments = description.arguments(&[], &TCP)?;
            HostnameEndpoint::of_arguments(reactor, &arguments).map(ClientEndpoint::Tcp)
        }
        #[cfg(unix)]
        "unix" => {
            // As above, more than one are nothing.
            let one = description.positional_count() == 1;
            description.name_positional(if one { &["path"] } else { &[] });
            let names = ["path", "timeout", "lockfile", "checkPID"];
            let arguments = description.arguments(&[], &names)?;
            UnixClientEndpoint::of_arguments(reactor, &arguments).map(ClientEndpoint::Unix)
        }
        #[cfg(feature = "tls")]
        "ssl" => {
            name_host_and_port(&mut description);
            tls_strings::ssl_client(reactor, &description)
        }
        #[cfg(feature = "tls")]
        "tls" => tls_strings::tls_client(reactor, &description),
        other => match types.clients.get(other) {
            Some(parse) => parse(reactor, &description).map(ClientEndpoint::Other),
            None => Err(types.clients.unknown(&description, &TYPES)),
        },
    }
}

/// Twisted's rules: two without a name are host and port, one is whichever is missing, and
/// more are nothing.
fn name_host_and_port(description: &mut Description) {
    let has_host = description.named().any(|(name, _)| name == "host");
    description.name_positional(match description.positional_count() {
        2 => &["host", "port"],
        1 if has_host => &["port"],
        1 => &["host"],
        _ => &[],
    });
}

impl ClientEndpoint {
    /// Connects there: [`Connect::connect`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        Connect::connect(self, factory)
    }

    fn inner(&self) -> &dyn StreamClientEndpoint {
        match self {
            Self::Tcp(endpoint) => endpoint,
            #[cfg(unix)]
            Self::Unix(endpoint) => endpoint,
            #[cfg(feature = "tls")]
            Self::Tls(endpoint) => &**endpoint,
            Self::Other(endpoint) => &**endpoint,
        }
    }
}

impl StreamClientEndpoint for ClientEndpoint {
    fn reactor(&self) -> Reactor {
        self.inner().reactor()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        self.inner().dial()
    }

    fn description(&self) -> String {
        self.inner().description()
    }
}

impl fmt::Display for ClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description())
    }
}

impl fmt::Debug for ClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientEndpoint").field(&self.description()).finish()
    }
}

//! [`ServerEndpoint`]: a place to listen at, of a string.
//!
//! Tested in `tests/network/endpoint.rs`, and by the conformance family `strings`.

use std::fmt;
use std::rc::Rc;

use deferred::Deferred;

use super::haproxy::ProxyServerEndpoint;
use super::registry::Types;
use super::{
    Description, EndpointError, EndpointErrorKind, Listen, StandardIoEndpoint,
    StreamServerEndpoint, TcpServerEndpoint,
};
#[cfg(unix)]
use super::{SystemdServerEndpoint, UnixServerEndpoint};
#[cfg(feature = "tls")]
use super::{TlsServerEndpoint, tls_strings};
use crate::factory::Factory;
use crate::network::Listener;
use crate::port::Port;
use crate::reactor::Reactor;

/// The types that there are for all.
pub(super) const TYPES: [&str; 8] =
    ["haproxy", "ssl", "stdio", "systemd", "tcp", "tcp6", "tls", "unix"];

/// A place to listen at, made by [`server_from_string`]: one of the kinds of endpoints, to
/// be looked at and to be listened on.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{ServerEndpoint, server_from_string};
/// use reactor_compat::{Protocol, reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let endpoint = server_from_string(&reactor(), "tcp:0:interface=127.0.0.1")?;
/// assert!(matches!(&endpoint, ServerEndpoint::Tcp(tcp) if tcp.interface().port() == 0));
/// let port = success_result_of(endpoint.listen(|_| Silent));
/// assert!(port.get_host().ip().unwrap().is_loopback());
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
#[doc(alias = "IStreamServerEndpoint")]
pub enum ServerEndpoint {
    /// `tcp:`
    Tcp(TcpServerEndpoint),
    /// `tcp6:`
    Tcp6(TcpServerEndpoint),
    /// `unix:`
    #[cfg(unix)]
    Unix(UnixServerEndpoint),
    /// `ssl:`, and `tls:`
    #[cfg(feature = "tls")]
    Tls(TlsServerEndpoint<TcpServerEndpoint>),
    /// `systemd:`
    #[cfg(unix)]
    Systemd(SystemdServerEndpoint),
    /// `stdio:`
    StandardIo(StandardIoEndpoint),
    /// `haproxy:`, and the string of another
    Proxy(Box<ProxyServerEndpoint<Self>>),
    /// One of a type that was [added](Reactor::add_server_type).
    Other(Rc<dyn StreamServerEndpoint>),
}

/// The endpoint that a string describes. Any argument may be given by its place or by its
/// name, as in `tcp:port=8000`; those in brackets may be left out:
///
/// | string | |
/// |---|---|
/// | `tcp:port[:interface][:backlog]` | TCP, on all IPv4 addresses unless it says which |
/// | `tcp6:port[:backlog][:interface]` | TCP, on all IPv6 addresses |
/// | `unix:address[:mode][:backlog][:lockfile]` | a UNIX socket; its permissions in octal, 666 unless said; with `lockfile=0` it is not locked |
/// | `ssl:port[:privateKey][:certKey][:sslmethod][:interface][:backlog][:extraCertChain]` | TLS over `tcp`, with a certificate in files |
/// | `tls:path[:port][:backlog][:interface]` | TLS over `tcp6`, with the certificates of a directory (`tls::Certificates`); port 443 |
/// | `systemd:domain[:index][:name]` | a socket that the supervisor opened |
/// | `stdio:` | standard input and output |
/// | `haproxy:` and another string | behind a [proxy](super::haproxy) that says who the client is |
///
/// Those over TCP take `reusePort=1`, `noDelay=1` and `keepAlive=1` as well. A colon in an
/// argument is escaped, as by [`quote_string_argument`](super::quote_string_argument). A
/// reactor may know [more types](Reactor::add_server_type).
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
    server_of(reactor, &Description::parse(description)?)
}

fn server_of(
    reactor: &Reactor,
    description: &Description,
) -> Result<ServerEndpoint, EndpointError> {
    let types = reactor.extension::<Types>();
    let kind = description.kind().ok_or_else(|| types.servers.unknown(description, &TYPES))?;
    match kind {
        "tcp" => return tcp(reactor, description).map(ServerEndpoint::Tcp),
        #[cfg(unix)]
        "unix" => {
            let names = ["address", "mode", "backlog", "lockfile"];
            let arguments = description.arguments(&names, &[])?;
            return UnixServerEndpoint::of_arguments(reactor, &arguments).map(ServerEndpoint::Unix);
        }
        #[cfg(feature = "tls")]
        "ssl" => return tls_strings::ssl_server(reactor, description).map(ServerEndpoint::Tls),
        _ => {}
    }
    // As in Twisted the others may be in capital letters.
    match kind.to_lowercase().as_str() {
        "tcp6" => {
            let names = ["port", "backlog", "interface"];
            let arguments = description.arguments(&names, &TcpServerEndpoint::BY_NAME)?;
            TcpServerEndpoint::of_arguments(reactor, &arguments, "::").map(ServerEndpoint::Tcp6)
        }
        "stdio" => stdio(reactor, description),
        #[cfg(unix)]
        "systemd" => {
            let arguments = description.arguments(&["domain", "index", "name"], &[])?;
            let endpoint = SystemdServerEndpoint::of_arguments(reactor, &arguments)?;
            Ok(ServerEndpoint::Systemd(endpoint))
        }
        #[cfg(feature = "tls")]
        "tls" => tls_strings::tls_server(reactor, description).map(ServerEndpoint::Tls),
        "haproxy" => {
            let inner = server_of(reactor, &description.inner()?)?;
            Ok(ServerEndpoint::Proxy(Box::new(ProxyServerEndpoint::new(inner))))
        }
        other => match types.servers.get(other) {
            Some(parse) => parse(reactor, description).map(ServerEndpoint::Other),
            None => Err(types.servers.unknown(description, &TYPES)),
        },
    }
}

fn tcp(reactor: &Reactor, description: &Description) -> Result<TcpServerEndpoint, EndpointError> {
    let names = ["port", "interface", "backlog"];
    let arguments = description.arguments(&names, &TcpServerEndpoint::BY_NAME)?;
    TcpServerEndpoint::of_arguments(reactor, &arguments, "")
}

/// As in Twisted, whatever else it says is nothing to it.
fn stdio(reactor: &Reactor, description: &Description) -> Result<ServerEndpoint, EndpointError> {
    match description.named().find(|(name, _)| matches!(*name, "reactor" | "self")) {
        None => Ok(ServerEndpoint::StandardIo(StandardIoEndpoint::new(reactor))),
        Some((name, _)) => {
            Err(description.fault(EndpointErrorKind::UnknownArgument(name.to_owned())))
        }
    }
}

impl ServerEndpoint {
    /// Listens there: [`Listen::listen`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }

    fn inner(&self) -> &dyn StreamServerEndpoint {
        match self {
            Self::Tcp(endpoint) | Self::Tcp6(endpoint) => endpoint,
            #[cfg(unix)]
            Self::Unix(endpoint) => endpoint,
            #[cfg(feature = "tls")]
            Self::Tls(endpoint) => endpoint,
            #[cfg(unix)]
            Self::Systemd(endpoint) => endpoint,
            Self::StandardIo(endpoint) => endpoint,
            Self::Proxy(endpoint) => &**endpoint,
            Self::Other(endpoint) => &**endpoint,
        }
    }
}

impl StreamServerEndpoint for ServerEndpoint {
    fn reactor(&self) -> Reactor {
        self.inner().reactor()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        self.inner().bind()
    }

    fn description(&self) -> String {
        self.inner().description()
    }
}

impl fmt::Display for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description())
    }
}

impl fmt::Debug for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerEndpoint").field(&self.description()).finish()
    }
}

//! A connection handed on to another server.
//!
//! Mirrors `twisted.protocols.portforward`. Tested in
//! `tests/servers/portforward.rs`.
//!
//! # Layout
//!
//! - [`ProxyFactory`]: a factory for a port that is forwarded; its protocols
//!   are each a [`ProxyServer`], which makes a connection with a
//!   [`ProxyClient`] on it.
//! - [`Peer`]: the other side of a protocol that passes on what it gets, for
//!   proxies that have more to say.

mod peer;

use std::fmt;
use std::rc::Rc;

use deferred::{CancelHandle, Deferred, Failure};
use reactor_compat::endpoint::ClientEndpoint;
use reactor_compat::{Address, Connection, Destination, Factory, Protocol, Reactor, Transport};

pub use peer::Peer;

type Connect = Rc<dyn Fn(ProxyClientFactory) -> Deferred<Connection<ProxyClient>>>;

/// A factory whose connections are each handed on to a connection of their
/// own to another server.
///
/// Nothing is read from a connection until the other one is there. Each side
/// is the producer of the other, so that neither gets ahead of a slow reader.
/// When one side ends, what it sent is passed on, and the other is closed.
///
/// ```
/// use protocols::portforward::ProxyFactory;
/// use protocols::wire::Echo;
/// use reactor_compat::{Address, Connection, Protocol, Reactor};
///
/// struct Client(Reactor);
///
/// impl Protocol for Client {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         assert!(b"hello".starts_with(data));
///         self.0.stop().unwrap();
///     }
/// }
///
/// let reactor = Reactor::new();
/// let echo = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Echo)?;
/// let forward = ProxyFactory::tcp(&reactor, echo.get_host().socket_addr().unwrap());
/// let port = reactor.listen_tcp(("127.0.0.1", 0), forward)?;
/// let client = Client(reactor.clone());
/// let mut client = Some(client);
/// reactor.connect_tcp(port.get_host().socket_addr().unwrap(), move |_: Address| client.take());
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ProxyFactory {
    connect: Connect,
}

impl ProxyFactory {
    /// One that connects as `connect` does, with the factory that it is given.
    ///
    /// ```
    /// use protocols::portforward::ProxyFactory;
    /// use reactor_compat::{Reactor, endpoint::client_from_string};
    ///
    /// let endpoint = client_from_string(&Reactor::new(), "tcp:127.0.0.1:8000")?;
    /// let forward = ProxyFactory::new(move |factory| endpoint.connect(factory));
    /// # drop(forward);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        connect: impl Fn(ProxyClientFactory) -> Deferred<Connection<ProxyClient>> + 'static,
    ) -> Self {
        Self { connect: Rc::new(connect) }
    }

    /// One that connects to a TCP address, or name, and port.
    ///
    /// See the [type's example](Self).
    pub fn tcp(reactor: &Reactor, destination: impl Into<Destination>) -> Self {
        let (reactor, destination) = (reactor.clone(), destination.into());
        Self::new(move |factory| reactor.connect_tcp(destination.clone(), factory).when_connected())
    }

    /// One that connects to an endpoint.
    ///
    /// ```
    /// use protocols::portforward::ProxyFactory;
    /// use reactor_compat::{Reactor, endpoint::client_from_string};
    ///
    /// let endpoint = client_from_string(&Reactor::new(), "tcp:127.0.0.1:8000")?;
    /// let forward = ProxyFactory::to(endpoint);
    /// # drop(forward);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to(endpoint: ClientEndpoint) -> Self {
        Self::new(move |factory| endpoint.connect(factory))
    }
}

impl Factory for ProxyFactory {
    type Protocol = ProxyServer;

    fn build_protocol(&mut self, _peer: Address) -> Option<ProxyServer> {
        Some(ProxyServer { connect: self.connect.clone(), peer: Peer::default(), connecting: None })
    }
}

impl fmt::Debug for ProxyFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyFactory")
    }
}

/// The side that somebody connected to.
///
/// See the example of [`ProxyFactory`].
pub struct ProxyServer {
    connect: Connect,
    peer: Peer,
    connecting: Option<CancelHandle>,
}

impl Protocol for ProxyServer {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        // Nothing is read until there is somewhere to send it to.
        transport.pause_producing();
        let server = transport.transport().clone();
        let peer = self.peer.clone();
        let factory = ProxyClientFactory { server: server.clone(), peer };
        let connecting = (self.connect)(factory);
        self.connecting = Some(connecting.cancel_handle());
        let done = connecting.add_callbacks(
            |_client| (),
            move |reason| {
                tracing::debug!(%reason, "a connection cannot be handed on");
                server.lose_connection();
            },
        );
        drop(done);
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.peer.write(data);
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        self.peer.end(transport);
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, _: Failure) {
        self.peer.end(transport);
        if let Some(connecting) = self.connecting.take() {
            connecting.cancel();
        }
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyServer").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Makes the protocol of the one connection that a [`ProxyServer`] makes.
///
/// See the example of [`ProxyFactory`].
#[derive(Clone, Debug)]
pub struct ProxyClientFactory {
    server: Transport,
    peer: Peer,
}

impl Factory for ProxyClientFactory {
    type Protocol = ProxyClient;

    fn build_protocol(&mut self, _peer: Address) -> Option<ProxyClient> {
        let (server, servers) = (self.server.clone(), self.peer.clone());
        Some(ProxyClient { server, servers, peer: Peer::default() })
    }
}

impl reactor_compat::ClientFactory for ProxyClientFactory {}

/// The side that is connected to the other server.
///
/// See the example of [`ProxyFactory`].
#[derive(Debug)]
pub struct ProxyClient {
    server: Transport,
    /// The server's peer, which is this.
    servers: Peer,
    peer: Peer,
}

impl Protocol for ProxyClient {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        if !Peer::join((&self.server, &self.servers), (transport, &self.peer)) {
            return transport.lose_connection();
        }
        // Everybody can read to their heart's content.
        self.server.resume_producing();
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.peer.write(data);
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        self.peer.end(transport);
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, _: Failure) {
        self.peer.end(transport);
    }
}

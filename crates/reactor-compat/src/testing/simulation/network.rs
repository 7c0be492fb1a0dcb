//! [`NodeNetwork`]: the network of a node's reactor; and [`NoTls`],
//! which keeps TLS out of it.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::{Rc, Weak};

use super::NodeId;
use super::host::{collide, in_use};
use super::port::{Port, SimulatedListener};
use super::world::World;
use crate::address::{Interface, UnixAddress};
use crate::error::{CannotListenError, ConnectError};
use crate::network::{
    Connecting, Datagrams, DialRequest, ListenRequest, Listener, Network, SharedStream,
};
use crate::options::{ConnectOptions, DatagramOptions, ListenOptions};
use crate::resolver::{DnsLookupError, Resolution};

/// The network of a node's reactor.
pub(super) struct NodeNetwork {
    world: Weak<World>,
    node: NodeId,
}

impl NodeNetwork {
    pub(super) fn new(world: &Rc<World>, node: NodeId) -> Self {
        Self { world: Rc::downgrade(world), node }
    }

    fn world(&self) -> io::Result<Rc<World>> {
        self.world.upgrade().ok_or_else(|| io::ErrorKind::NetworkDown.into())
    }
}

/// The error of what a simulated network does not do.
fn no(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("the simulated network has no {what}"))
}

/// A network on which nothing speaks TLS: its random bytes are not the seed's,
/// and how long its messages are depends on them, so that two runs would differ.
pub(super) struct NoTls(pub(super) NodeNetwork);

const TLS: &str = "TLS, which would not be the same by the same seed";

impl Network for NoTls {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.0)
    }

    fn listen(&self, request: &ListenRequest) -> Result<Box<dyn Listener>, CannotListenError> {
        if request.is_secure() {
            return Err(CannotListenError::new(request.target(), no(TLS)));
        }
        self.0.listen(request)
    }

    fn dial<'a>(&'a self, request: &'a DialRequest) -> Connecting<'a> {
        if request.is_secure() {
            return Box::pin(std::future::ready(Err(no(TLS).into())));
        }
        self.0.dial(request)
    }
}

impl Network for NodeNetwork {
    /// The machine has to be on.
    fn ready(&self) -> io::Result<()> {
        if self.world()?.is_on(self.node) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NetworkDown, "the node was switched off"))
    }

    fn bind_tcp(
        &self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Box<dyn Listener>> {
        let world = self.world()?;
        let port = world.host(self.node, |host| {
            let address = host.own(address)?;
            if host.ports.iter().any(|port| collide(port.address, address)) {
                return Err(in_use());
            }
            let port = Rc::new(Port::new(address, options.get_backlog()));
            host.ports.push(port.clone());
            Ok(port)
        })?;
        Ok(Box::new(SimulatedListener::new(&world, self.node, port)))
    }

    fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
        let from = options.get_bind_address();
        Box::pin(async move {
            let decided = self.world()?.dial(self.node, to, from)?;
            let stream = decided.await.unwrap_or(Err(ConnectError::ReactorStopped))?;
            Ok(SharedStream::new(stream))
        })
    }

    #[cfg(unix)]
    fn bind_unix(
        &self,
        _: &UnixAddress,
        _: &crate::options::UnixOptions,
    ) -> io::Result<Box<dyn Listener>> {
        Err(no("UNIX sockets"))
    }

    fn connect_unix(&self, _: &UnixAddress, _: bool) -> Connecting<'_> {
        Box::pin(std::future::ready(Err(no("UNIX sockets").into())))
    }

    fn bind_udp(
        &self,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        self.world()?.bind_udp(self.node, address, options)
    }

    #[cfg(unix)]
    fn bind_unix_datagrams(
        &self,
        _: &UnixAddress,
        _: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams<UnixAddress>>> {
        Err(no("UNIX sockets"))
    }

    /// The names are those of the nodes.
    fn resolve(&self, name: &str, port: u16) -> Resolution {
        let found = match name {
            "localhost" => Some(Ipv4Addr::LOCALHOST),
            name => self.world.upgrade().and_then(|world| world.address_of(name)),
        };
        let found = found.map(|ip| vec![SocketAddr::from((ip, port))]);
        let found = found.ok_or_else(|| DnsLookupError::new(name, "no node is called so"));
        Box::pin(std::future::ready(found))
    }

    fn interfaces(&self, interface: &Interface) -> io::Result<Vec<SocketAddr>> {
        if let Some(address) = interface.literal() {
            return Ok(vec![address]);
        }
        let found = match interface.host() {
            "localhost" => Some(Ipv4Addr::LOCALHOST),
            name => self.world()?.address_of(name),
        };
        let ip =
            found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no node is called so"))?;
        Ok(vec![(ip, interface.port()).into()])
    }
}

//! [`Network`]: what stands in for the operating system's network, and keeps a
//! record of what was asked of it.
//!
//! Mirrors the lists of `twisted.internet.testing.MemoryReactor`. Tested in
//! `tests/testing/memory_reactor.rs`.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use socket2::Socket as RawSocket;

#[cfg(unix)]
use super::adopted_connection::AdoptedConnection;
use super::memory_client::{Asked, MemoryClient};
use super::memory_datagrams::{MemoryDatagramPort, MemoryDatagrams};
use super::memory_server::{MemoryListener, MemoryServer, Opening};
use super::wire::{MemoryStream, Side, Wire};
use crate::address::{Address, UnixAddress};
use crate::connector::Target;
use crate::datagram::DatagramOptions;
use crate::error::{CannotListenError, ConnectError};
use crate::reactor::{Extension, Reactor};
use crate::socket::Socket;
use crate::tcp::{ConnectOptions, Interface, ListenOptions};
#[cfg(unix)]
use crate::unix::UnixOptions;

/// The first of the port numbers that are given to those who do not care.
const FIRST_PORT: u16 = 49_152;

/// What stands in for the operating system's network.
pub(crate) struct Network {
    wires: RefCell<Vec<Wire>>,
    servers: RefCell<Vec<MemoryServer>>,
    clients: RefCell<Vec<MemoryClient>>,
    udp_ports: RefCell<Vec<MemoryDatagramPort>>,
    #[cfg(unix)]
    unix_datagram_ports: RefCell<Vec<MemoryDatagramPort<UnixAddress>>>,
    #[cfg(unix)]
    adopted_connections: RefCell<Vec<AdoptedConnection>>,
    next_port: Cell<u16>,
    /// What every port that is to be opened fails with.
    refusal: Cell<Option<io::ErrorKind>>,
}

/// The network of a reactor, if something stands in for the system's.
#[derive(Default)]
struct Installed(RefCell<Option<Rc<Network>>>);

impl Extension for Installed {}

impl Reactor {
    /// Has it listen and connect in memory from now on.
    pub(super) fn set_network(&self, network: Rc<Network>) {
        self.extension::<Installed>().0.replace(Some(network));
    }

    /// What stands in for the network, if anything does.
    pub(crate) fn network(&self) -> Option<Rc<Network>> {
        self.extension::<Installed>().0.borrow().clone()
    }
}

impl Network {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            wires: RefCell::default(),
            servers: RefCell::default(),
            clients: RefCell::default(),
            udp_ports: RefCell::default(),
            #[cfg(unix)]
            unix_datagram_ports: RefCell::default(),
            #[cfg(unix)]
            adopted_connections: RefCell::default(),
            next_port: Cell::new(FIRST_PORT),
            refusal: Cell::new(None),
        })
    }

    /// Opens a TCP port. No name is looked up: each is this very machine.
    pub(crate) fn bind_tcp(
        self: &Rc<Self>,
        interface: &Interface,
        options: ListenOptions,
    ) -> Result<(MemoryListener, Address), CannotListenError> {
        let address = self.address_of(interface);
        self.bind(Address::Tcp(address), Opening::Tcp(options))
            .map_err(|error| CannotListenError::new(interface.to_string(), &error))
    }

    /// Opens a UDP port.
    pub(crate) fn bind_udp(
        &self,
        interface: &Interface,
        options: DatagramOptions,
    ) -> Result<MemoryDatagrams<SocketAddr>, CannotListenError> {
        let host = self.address_of(interface);
        let shared = options.listen_multiple;
        let taken = self.udp_ports().iter().any(|port| {
            let shared = shared && port.options().listen_multiple;
            port.listening() && port.get_host() == host && !shared
        });
        let port = MemoryDatagramPort::new((host, None), options, None);
        self.open(port, taken, &self.udp_ports)
            .map_err(|error| CannotListenError::new(interface.to_string(), &error))
    }

    /// Takes a UDP socket that exists for a port.
    pub(crate) fn adopt_udp(
        &self,
        socket: RawSocket,
        (host, peer): (SocketAddr, Option<SocketAddr>),
        options: DatagramOptions,
    ) -> Result<MemoryDatagrams<SocketAddr>, CannotListenError> {
        let port = MemoryDatagramPort::new((host, peer), options, Some(socket));
        self.open(port, false, &self.udp_ports)
            .map_err(|error| CannotListenError::new(host.to_string(), &error))
    }

    /// Opens a port for UNIX datagrams, whose peer need not be there.
    #[cfg(unix)]
    pub(crate) fn bind_unix_datagrams(
        &self,
        (host, peer): (UnixAddress, Option<UnixAddress>),
        options: DatagramOptions,
    ) -> io::Result<MemoryDatagrams<UnixAddress>> {
        let taken = host != UnixAddress::Unnamed
            && self
                .unix_datagram_ports()
                .iter()
                .any(|port| port.listening() && port.get_host() == host);
        let port = MemoryDatagramPort::new((host, peer), options, None);
        self.open(port, taken, &self.unix_datagram_ports)
    }

    fn open<A: Clone>(
        &self,
        port: MemoryDatagramPort<A>,
        taken: bool,
        ports: &RefCell<Vec<MemoryDatagramPort<A>>>,
    ) -> io::Result<MemoryDatagrams<A>> {
        self.permit()?;
        if taken {
            return Err(in_use());
        }
        let socket = port.socket();
        ports.borrow_mut().push(port);
        Ok(socket)
    }

    /// Opens the port of a UNIX socket.
    #[cfg(unix)]
    pub(crate) fn bind_unix(
        self: &Rc<Self>,
        address: UnixAddress,
        options: UnixOptions,
    ) -> Result<(MemoryListener, Address), CannotListenError> {
        let name = address.to_string();
        self.bind(Address::Unix(address), Opening::Unix(options))
            .map_err(|error| CannotListenError::new(name, &error))
    }

    fn bind(
        self: &Rc<Self>,
        host: Address,
        opening: Opening,
    ) -> io::Result<(MemoryListener, Address)> {
        self.permit()?;
        if self.servers().iter().any(|server| server.listening() && *server.get_host() == host) {
            return Err(in_use());
        }
        let server = MemoryServer::new(host.clone(), opening, Rc::downgrade(self));
        let listener = server.listener();
        self.servers.borrow_mut().push(server);
        Ok((listener, host))
    }

    /// Takes a socket that listens for a port.
    #[cfg(unix)]
    pub(crate) fn adopt_port(
        self: &Rc<Self>,
        socket: RawSocket,
        host: Address,
    ) -> io::Result<MemoryListener> {
        self.permit()?;
        let server = MemoryServer::new(host, Opening::Adopted(socket), Rc::downgrade(self));
        let listener = server.listener();
        self.servers.borrow_mut().push(server);
        Ok(listener)
    }

    /// Takes a connection that exists; gives our end of what stands in for it.
    #[cfg(unix)]
    pub(crate) fn adopt_connection(
        &self,
        socket: RawSocket,
        (host, peer): (&Address, &Address),
    ) -> MemoryStream {
        let (ours, theirs) = self.wire(host, peer);
        self.adopted_connections.borrow_mut().push(AdoptedConnection::new(socket, theirs));
        ours
    }

    /// The address that was asked for, with a port number.
    fn address_of(&self, interface: &Interface) -> SocketAddr {
        let asked = interface.place();
        let here = || SocketAddr::new(Ipv4Addr::LOCALHOST.into(), asked.port());
        let mut address = asked.literal().unwrap_or_else(here);
        if address.port() == 0 {
            address.set_port(self.free_port());
        }
        address
    }

    /// Whether ports may be opened.
    fn permit(&self) -> io::Result<()> {
        self.refusal.get().map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// Waits until the test has decided what becomes of the attempt.
    pub(crate) async fn dial(
        self: Rc<Self>,
        target: &Target,
        options: ConnectOptions,
        asked: Asked,
    ) -> Result<Socket, ConnectError> {
        let (client, decided) =
            MemoryClient::new(target.clone(), options, asked, Rc::downgrade(&self));
        self.clients.borrow_mut().push(client);
        drop(self);
        let decided = decided.await.unwrap_or(Err(ConnectError::ReactorStopped))?;
        Ok(Socket::Memory(Box::new(decided)))
    }

    /// The two ends of a new wire, the server's first.
    pub(super) fn wire(&self, server: &Address, client: &Address) -> (MemoryStream, MemoryStream) {
        let wire = Wire::new();
        let mut wires = self.wires.borrow_mut();
        wires.retain(|wire| !wire.over());
        wires.push(wire.clone());
        (
            wire.stream(Side::Server, server.clone(), client.clone()),
            wire.stream(Side::Client, client.clone(), server.clone()),
        )
    }

    /// Has every port that is to be opened fail from now on, or none.
    pub(super) fn refuse_to_listen(&self, kind: Option<io::ErrorKind>) {
        self.refusal.set(kind);
    }

    /// Delivers up to `most` bytes each way on each wire; whether there were
    /// any.
    pub(super) fn deliver(&self, most: usize) -> bool {
        let wires = self.wires.borrow().clone();
        wires.iter().filter(|wire| wire.deliver(most)).count() > 0
    }

    pub(super) fn servers(&self) -> Vec<MemoryServer> {
        self.servers.borrow().clone()
    }

    pub(super) fn udp_ports(&self) -> Vec<MemoryDatagramPort> {
        self.udp_ports.borrow().clone()
    }

    #[cfg(unix)]
    pub(super) fn unix_datagram_ports(&self) -> Vec<MemoryDatagramPort<UnixAddress>> {
        self.unix_datagram_ports.borrow().clone()
    }

    #[cfg(unix)]
    pub(super) fn adopted_connections(&self) -> Vec<AdoptedConnection> {
        self.adopted_connections.borrow().clone()
    }

    pub(super) fn clients(&self) -> Vec<MemoryClient> {
        self.clients.borrow().clone()
    }

    /// An address to connect from to a server at `host`.
    pub(super) fn free_address(&self, host: &Address) -> Address {
        match host {
            Address::Tcp(address) => {
                let ip = if address.ip().is_unspecified() {
                    Ipv4Addr::LOCALHOST.into()
                } else {
                    address.ip()
                };
                Address::Tcp(SocketAddr::new(ip, self.free_port()))
            }
            _ => Address::Unix(UnixAddress::Unnamed),
        }
    }

    fn free_port(&self) -> u16 {
        let port = self.next_port.get();
        self.next_port.set(port.checked_add(1).unwrap_or(FIRST_PORT));
        port
    }
}

fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "address already in use")
}

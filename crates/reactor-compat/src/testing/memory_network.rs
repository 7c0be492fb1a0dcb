//! [`MemoryNetwork`]: a network that opens nothing, and keeps a record of what
//! was asked of it.
//!
//! Mirrors the lists of `twisted.internet.testing.MemoryReactor`. Tested in
//! `tests/testing/memory_reactor.rs` and `tests/testing/memory_network.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::rc::Rc;

#[cfg(unix)]
use super::adopted_connection::AdoptedConnection;
use super::memory_client::MemoryClient;
use super::memory_datagrams::MemoryDatagramPort;
#[cfg(unix)]
use super::memory_process::MemoryProcess;
use super::memory_server::{MemoryServer, Opening};
use super::peer::Peer;
use super::wire::{MemoryStream, Side, Wire};
use crate::address::{Address, Interface, Target, UnixAddress};
#[cfg(unix)]
use crate::error::process::SpawnError;
use crate::error::{CannotListenError, ConnectError};
#[cfg(unix)]
use crate::network::ChildProcess;
use crate::network::{
    Connecting, Datagrams, DialRequest, ListenRequest, ListenTarget, Listener, Network,
    SharedStream, names_of,
};
use crate::options::{ConnectOptions, DatagramOptions, ListenOptions};
#[cfg(unix)]
use crate::options::{ProcessCommand, UnixOptions};

/// The first of the port numbers that are given to those who do not care.
const FIRST_PORT: u16 = 49_152;

/// A network that opens nothing, keeps a record of what was asked of it, and
/// moves only when a test says so: that of a
/// [`MemoryReactor`](super::MemoryReactor).
///
/// It has the records and the wires alone, for a reactor that runs in another
/// way, and for a network that stands over it. No name is looked up: a
/// connection is recorded with the name that it was asked for with, and every
/// name of an interface stands for 127.0.0.1. Clones are the same network.
///
/// ```
/// use reactor_compat::testing::MemoryNetwork;
/// use reactor_compat::{Address, Protocol, Reactor};
/// use std::rc::Rc;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let network = MemoryNetwork::new();
/// let reactor = Reactor::with_network(Rc::new(network.clone()));
/// reactor.listen_tcp(80, |_: Address| Silent)?;
/// assert_eq!(network.tcp_servers()[0].get_host().port(), Some(80));
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone)]
pub struct MemoryNetwork {
    core: Rc<Core>,
}

/// The part that the ports and the attempts know.
pub(super) struct Core {
    wires: RefCell<Vec<Wire>>,
    servers: RefCell<Vec<MemoryServer>>,
    clients: RefCell<Vec<MemoryClient>>,
    udp_ports: RefCell<Vec<MemoryDatagramPort>>,
    #[cfg(unix)]
    unix_datagram_ports: RefCell<Vec<MemoryDatagramPort<UnixAddress>>>,
    #[cfg(unix)]
    adopted_connections: RefCell<Vec<AdoptedConnection>>,
    #[cfg(unix)]
    processes: RefCell<Vec<MemoryProcess>>,
    /// The other end of standard input and output, until the test has it.
    standard_peer: RefCell<Option<Peer>>,
    next_port: Cell<u16>,
    /// The error that every port that is to be opened fails with.
    refusal: Cell<Option<io::ErrorKind>>,
}

impl MemoryNetwork {
    /// A network in which there is nothing.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        let core = Core {
            wires: RefCell::default(),
            servers: RefCell::default(),
            clients: RefCell::default(),
            udp_ports: RefCell::default(),
            #[cfg(unix)]
            unix_datagram_ports: RefCell::default(),
            #[cfg(unix)]
            adopted_connections: RefCell::default(),
            #[cfg(unix)]
            processes: RefCell::default(),
            standard_peer: RefCell::default(),
            next_port: Cell::new(FIRST_PORT),
            refusal: Cell::new(None),
        };
        Self { core: Rc::new(core) }
    }

    /// Delivers up to `most` bytes each way on each wire; whether there were
    /// any.
    ///
    /// See the example of [`MemoryReactor::pump`](super::MemoryReactor::pump),
    /// which does it between two turns of its reactor.
    pub fn deliver(&self, most: usize) -> bool {
        let wires = self.core.wires.borrow().clone();
        wires.iter().filter(|wire| wire.deliver(most)).count() > 0
    }

    /// The TCP ports that were opened, those of TLS not among them.
    ///
    /// See the [type's example](Self).
    pub fn tcp_servers(&self) -> Vec<MemoryServer> {
        self.servers(|server| is_tcp(server) && !server.is_secure())
    }

    /// The TLS ports that were opened.
    ///
    /// See the example of
    /// [`MemoryReactor::ssl_servers`](super::MemoryReactor::ssl_servers).
    pub fn ssl_servers(&self) -> Vec<MemoryServer> {
        self.servers(|server| is_tcp(server) && server.is_secure())
    }

    /// The ports of UNIX sockets that were opened.
    ///
    /// See the example of
    /// [`MemoryReactor::unix_servers`](super::MemoryReactor::unix_servers).
    pub fn unix_servers(&self) -> Vec<MemoryServer> {
        self.servers(|server| !is_tcp(server))
    }

    /// The ports that were adopted, of TCP or of UNIX sockets.
    ///
    /// See the example of
    /// [`MemoryReactor::adopted_ports`](super::MemoryReactor::adopted_ports).
    #[cfg(unix)]
    pub fn adopted_ports(&self) -> Vec<MemoryServer> {
        let servers = self.core.servers.borrow();
        servers.iter().filter(|server| server.is_adopted()).cloned().collect()
    }

    /// The connections that were adopted.
    ///
    /// See the example of [`AdoptedConnection`].
    #[cfg(unix)]
    pub fn adopted_connections(&self) -> Vec<AdoptedConnection> {
        self.core.adopted_connections.borrow().clone()
    }

    /// The processes that were started.
    ///
    /// See the example of [`MemoryProcess`].
    #[cfg(unix)]
    pub fn processes(&self) -> Vec<MemoryProcess> {
        self.core.processes.borrow().clone()
    }

    /// The other end of standard input and output, if they were asked for: once.
    ///
    /// See the example of
    /// [`MemoryReactor::take_standard_peer`](super::MemoryReactor::take_standard_peer).
    pub fn take_standard_peer(&self) -> Option<Peer> {
        self.core.standard_peer.take()
    }

    /// The UDP ports that were opened.
    ///
    /// See the example of [`MemoryDatagramPort`].
    pub fn udp_ports(&self) -> Vec<MemoryDatagramPort> {
        let ports = self.core.udp_ports.borrow();
        ports.iter().filter(|port| !port.is_adopted()).cloned().collect()
    }

    /// The UDP ports that were adopted.
    ///
    /// See the example of
    /// [`MemoryReactor::adopted_datagram_ports`](super::MemoryReactor::adopted_datagram_ports).
    pub fn adopted_datagram_ports(&self) -> Vec<MemoryDatagramPort> {
        let ports = self.core.udp_ports.borrow();
        ports.iter().filter(|port| port.is_adopted()).cloned().collect()
    }

    /// The ports for UNIX datagrams that were opened.
    ///
    /// See the example of
    /// [`MemoryReactor::unix_datagram_ports`](super::MemoryReactor::unix_datagram_ports).
    #[cfg(unix)]
    pub fn unix_datagram_ports(&self) -> Vec<MemoryDatagramPort<UnixAddress>> {
        self.core.unix_datagram_ports.borrow().clone()
    }

    /// The attempts at TCP connections, those of TLS not among them.
    ///
    /// See the example of [`MemoryClient`].
    pub fn tcp_clients(&self) -> Vec<MemoryClient> {
        self.clients(|client| goes_by_tcp(client) && !client.is_secure())
    }

    /// The attempts at TLS connections.
    ///
    /// See the example of
    /// [`MemoryReactor::ssl_clients`](super::MemoryReactor::ssl_clients).
    pub fn ssl_clients(&self) -> Vec<MemoryClient> {
        self.clients(|client| goes_by_tcp(client) && client.is_secure())
    }

    /// The attempts at connections to UNIX sockets.
    ///
    /// See the example of
    /// [`MemoryReactor::unix_clients`](super::MemoryReactor::unix_clients).
    pub fn unix_clients(&self) -> Vec<MemoryClient> {
        self.clients(|client| !goes_by_tcp(client))
    }

    /// Has every port that is to be opened from now on fail; or none, with
    /// `None`.
    ///
    /// See the example of
    /// [`MemoryReactor::refuse_to_listen`](super::MemoryReactor::refuse_to_listen).
    pub fn refuse_to_listen(&self, kind: impl Into<Option<io::ErrorKind>>) {
        self.core.refusal.set(kind.into());
    }

    fn servers(&self, wanted: impl Fn(&MemoryServer) -> bool) -> Vec<MemoryServer> {
        let mut servers = self.core.servers.borrow().clone();
        #[cfg(unix)]
        servers.retain(|server| !server.is_adopted());
        servers.retain(wanted);
        servers
    }

    fn clients(&self, wanted: impl Fn(&MemoryClient) -> bool) -> Vec<MemoryClient> {
        self.core.clients.borrow().iter().filter(|client| wanted(client)).cloned().collect()
    }

    /// The two ends of a new wire, the server's first.
    pub(super) fn wire(&self, server: &Address, client: &Address) -> (MemoryStream, MemoryStream) {
        self.core.wire(server, client)
    }

    /// Checks that ports may be opened.
    fn permit(&self) -> io::Result<()> {
        self.core.refusal.get().map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// The address that was asked for, with a port number.
    fn numbered(&self, mut address: SocketAddr) -> SocketAddr {
        if address.port() == 0 {
            address.set_port(self.core.free_port());
        }
        address
    }

    /// Opens a port, and keeps it.
    fn open(&self, host: Address, opening: Opening, secure: bool) -> io::Result<Box<dyn Listener>> {
        self.permit()?;
        let servers = &self.core.servers;
        let same = |server: &MemoryServer| server.listening() && *server.get_host() == host;
        if !matches!(opening, Opening::Adopted(_)) && servers.borrow().iter().any(same) {
            return Err(in_use());
        }
        let server = MemoryServer::new(host, opening, secure, Rc::downgrade(&self.core));
        let listener = server.listener();
        servers.borrow_mut().push(server);
        Ok(Box::new(listener))
    }

    /// Opens a port for datagrams, unless its address is taken, and keeps it.
    fn open_datagrams<A: Clone + 'static>(
        &self,
        port: MemoryDatagramPort<A>,
        taken: bool,
        ports: &RefCell<Vec<MemoryDatagramPort<A>>>,
    ) -> io::Result<Box<dyn Datagrams<A>>> {
        self.permit()?;
        if taken {
            return Err(in_use());
        }
        let socket = port.socket();
        ports.borrow_mut().push(port);
        Ok(Box::new(socket))
    }

    /// Waits until the test has decided what becomes of an attempt.
    fn attempt<'a>(&self, request: DialRequest) -> Connecting<'a> {
        let (client, decided) = MemoryClient::new(request, Rc::downgrade(&self.core));
        self.core.clients.borrow_mut().push(client);
        Box::pin(async move {
            let stream = decided.await.unwrap_or(Err(ConnectError::ReactorStopped))?;
            Ok(SharedStream::new(stream))
        })
    }

    /// The request of one who does not ask for a connection as connectors do.
    fn request(&self, target: Target, options: ConnectOptions, check_lock: bool) -> DialRequest {
        let resolver = names_of(Rc::new(self.clone()));
        DialRequest { target, options, check_lock, secure: false, resolver }
    }
}

impl Core {
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

impl Network for MemoryNetwork {
    fn listen(&self, request: &ListenRequest) -> Result<Box<dyn Listener>, CannotListenError> {
        let secure = request.is_secure();
        let opened = match &request.target {
            ListenTarget::Tcp(interface, options) => {
                let host = self.numbered(here(interface));
                self.open(Address::Tcp(host), Opening::Tcp(*options), secure)
            }
            #[cfg(unix)]
            ListenTarget::Unix(address, options) => {
                self.open(Address::Unix(address.clone()), Opening::Unix(*options), secure)
            }
        };
        opened.map_err(|error| CannotListenError::new(&request.target, error))
    }

    fn bind_tcp(
        &self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Box<dyn Listener>> {
        let host = Address::Tcp(self.numbered(address));
        self.open(host, Opening::Tcp(*options), false)
    }

    #[cfg(unix)]
    fn bind_unix(
        &self,
        address: &UnixAddress,
        options: &UnixOptions,
    ) -> io::Result<Box<dyn Listener>> {
        self.open(Address::Unix(address.clone()), Opening::Unix(*options), false)
    }

    fn dial<'a>(&'a self, request: &'a DialRequest) -> Connecting<'a> {
        self.attempt(request.clone())
    }

    fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
        self.attempt(self.request(Target::Tcp(to.into()), *options, false))
    }

    fn connect_unix(&self, address: &UnixAddress, check_lock: bool) -> Connecting<'_> {
        let target = Target::Unix(address.clone());
        self.attempt(self.request(target, ConnectOptions::new(), check_lock))
    }

    fn interfaces(&self, interface: &Interface) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![here(interface)])
    }

    fn bind_udp(
        &self,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        let host = self.numbered(address);
        let ports = &self.core.udp_ports;
        let shared = options.get_listen_multiple();
        let taken = ports.borrow().iter().any(|port| {
            let shared = shared && port.options().get_listen_multiple();
            port.listening() && port.get_host() == host && !shared
        });
        let port = MemoryDatagramPort::new((host, None), options.clone(), None);
        self.open_datagrams(port, taken, ports)
    }

    #[cfg(unix)]
    fn bind_unix_datagrams(
        &self,
        address: &UnixAddress,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams<UnixAddress>>> {
        let ports = &self.core.unix_datagram_ports;
        let same = |port: &MemoryDatagramPort<_>| port.listening() && port.get_host() == *address;
        let taken = *address != UnixAddress::Unnamed && ports.borrow().iter().any(same);
        let port = MemoryDatagramPort::new((address.clone(), None), options.clone(), None);
        self.open_datagrams(port, taken, ports)
    }

    #[cfg(unix)]
    fn adopt_listener(&self, socket: OwnedFd, host: &Address) -> io::Result<Box<dyn Listener>> {
        self.open(host.clone(), Opening::Adopted(socket.into()), false)
    }

    #[cfg(unix)]
    fn adopt_stream(
        &self,
        socket: OwnedFd,
        host: &Address,
        peer: &Address,
    ) -> io::Result<SharedStream> {
        let (ours, theirs) = self.wire(host, peer);
        let adopted = AdoptedConnection::new(socket.into(), theirs);
        self.core.adopted_connections.borrow_mut().push(adopted);
        Ok(SharedStream::new(ours))
    }

    #[cfg(unix)]
    fn spawn_process(&self, command: &ProcessCommand) -> Result<Box<dyn ChildProcess>, SpawnError> {
        self.permit().map_err(|error| SpawnError::new(command, error))?;
        let id = u32::try_from(self.core.processes.borrow().len()).unwrap_or(u32::MAX);
        let wire = || self.wire(&Address::Pipe, &Address::Pipe);
        let (process, child) = MemoryProcess::new(id.saturating_add(1), command, wire);
        self.core.processes.borrow_mut().push(process);
        Ok(child)
    }

    fn standard_io(&self) -> io::Result<SharedStream> {
        self.permit()?;
        let (ours, theirs) = self.wire(&Address::Pipe, &Address::Pipe);
        *self.core.standard_peer.borrow_mut() = Some(Peer::new(theirs));
        Ok(SharedStream::new(ours))
    }

    fn adopt_udp(
        &self,
        socket: UdpSocket,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        let ends = (socket.local_addr()?, socket.peer_addr().ok());
        let port = MemoryDatagramPort::new(ends, options.clone(), Some(socket.into()));
        self.open_datagrams(port, false, &self.core.udp_ports)
    }
}

/// The address that an interface stands for: each name is this machine.
fn here(interface: &Interface) -> SocketAddr {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, interface.port()));
    interface.literal().unwrap_or(here)
}

fn is_tcp(server: &MemoryServer) -> bool {
    matches!(server.get_host(), Address::Tcp(_))
}

fn goes_by_tcp(client: &MemoryClient) -> bool {
    matches!(client.get_destination(), Target::Tcp(_))
}

fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "address already in use")
}

impl Default for MemoryNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNetwork")
            .field("servers", &self.core.servers.borrow())
            .field("clients", &self.core.clients.borrow())
            .finish_non_exhaustive()
    }
}

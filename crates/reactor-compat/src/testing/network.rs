//! [`Network`]: what stands in for the operating system's network, and keeps a
//! record of what was asked of it.
//!
//! Mirrors the lists of `twisted.internet.testing.MemoryReactor`. Tested in
//! `tests/memory_reactor.rs`.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::memory_client::MemoryClient;
use super::memory_datagrams::{MemoryDatagramPort, MemoryDatagrams};
use super::memory_server::{MemoryListener, MemoryServer};
use super::wire::{MemoryStream, Side, Wire};
use crate::address::{Address, UnixAddress};
use crate::connector::Target;
use crate::datagram::DatagramOptions;
use crate::error::{CannotListenError, ConnectError};
use crate::socket::Socket;
use crate::tcp::{ConnectOptions, Interface, ListenOptions};

/// The first of the port numbers that are given to those who do not care.
const FIRST_PORT: u16 = 49_152;

/// What stands in for the operating system's network.
pub(crate) struct Network {
    wires: RefCell<Vec<Wire>>,
    servers: RefCell<Vec<MemoryServer>>,
    clients: RefCell<Vec<MemoryClient>>,
    udp_ports: RefCell<Vec<MemoryDatagramPort>>,
    next_port: Cell<u16>,
    /// What every port that is to be opened fails with.
    refusal: Cell<Option<io::ErrorKind>>,
}

impl Network {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            wires: RefCell::default(),
            servers: RefCell::default(),
            clients: RefCell::default(),
            udp_ports: RefCell::default(),
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
        self.bind(Address::Tcp(address), Some(options))
            .map_err(|error| CannotListenError::new(interface.to_string(), &error))
    }

    /// Opens a UDP port.
    pub(crate) fn bind_udp(
        &self,
        interface: &Interface,
        options: DatagramOptions,
    ) -> Result<(MemoryDatagrams<SocketAddr>, SocketAddr), CannotListenError> {
        let fail = |error: &io::Error| CannotListenError::new(interface.to_string(), error);
        let host = self.address_of(interface);
        self.permit().map_err(|error| fail(&error))?;
        if self.udp_ports().iter().any(|port| port.listening() && port.get_host() == host) {
            return Err(fail(&in_use()));
        }
        let port = MemoryDatagramPort::new(host, options);
        let socket = port.socket();
        self.udp_ports.borrow_mut().push(port);
        Ok((socket, host))
    }

    /// Opens the port of a UNIX socket.
    pub(crate) fn bind_unix(
        self: &Rc<Self>,
        address: UnixAddress,
    ) -> Result<(MemoryListener, Address), CannotListenError> {
        let name = address.to_string();
        self.bind(Address::Unix(address), None)
            .map_err(|error| CannotListenError::new(name, &error))
    }

    fn bind(
        self: &Rc<Self>,
        host: Address,
        options: Option<ListenOptions>,
    ) -> io::Result<(MemoryListener, Address)> {
        self.permit()?;
        if self.servers().iter().any(|server| server.listening() && *server.get_host() == host) {
            return Err(in_use());
        }
        let server = MemoryServer::new(host.clone(), options, Rc::downgrade(self));
        let listener = server.listener();
        self.servers.borrow_mut().push(server);
        Ok((listener, host))
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
        secure: bool,
    ) -> Result<Socket, ConnectError> {
        let (client, decided) =
            MemoryClient::new(target.clone(), options, secure, Rc::downgrade(&self));
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

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
use super::memory_server::{MemoryListener, MemoryServer};
use super::wire::{MemoryStream, Side, Wire};
use crate::address::{Address, UnixAddress};
use crate::connector::Target;
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
    next_port: Cell<u16>,
}

impl Network {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            wires: RefCell::default(),
            servers: RefCell::default(),
            clients: RefCell::default(),
            next_port: Cell::new(FIRST_PORT),
        })
    }

    /// Opens a TCP port. No name is looked up: each is this very machine.
    pub(crate) fn bind_tcp(
        self: &Rc<Self>,
        interface: &Interface,
        options: ListenOptions,
    ) -> Result<(MemoryListener, Address), CannotListenError> {
        let asked = interface.place();
        let mut address = asked
            .literal()
            .unwrap_or_else(|| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), asked.port()));
        if address.port() == 0 {
            address.set_port(self.free_port());
        }
        self.bind(Address::Tcp(address), Some(options))
            .map_err(|error| CannotListenError::new(interface.to_string(), &error))
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
        if self.servers().iter().any(|server| server.listening() && *server.get_host() == host) {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "address already in use"));
        }
        let server = MemoryServer::new(host.clone(), options, Rc::downgrade(self));
        let listener = server.listener();
        self.servers.borrow_mut().push(server);
        Ok((listener, host))
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
        Ok(Socket::Memory(decided))
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

    /// Delivers up to `most` bytes each way on each wire; whether there were
    /// any.
    pub(super) fn deliver(&self, most: usize) -> bool {
        let wires = self.wires.borrow().clone();
        wires.iter().fold(false, |moved, wire| wire.deliver(most) || moved)
    }

    pub(super) fn servers(&self) -> Vec<MemoryServer> {
        self.servers.borrow().clone()
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

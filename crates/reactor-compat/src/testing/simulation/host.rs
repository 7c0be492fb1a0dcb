//! [`Host`]: a node as the network knows it.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::port::Port;
use super::udp::Mailbox;

/// The first of the port numbers that are given to those who do not care.
const FIRST_PORT: u16 = 49_152;

/// The power of a node's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    On,
    Off,
}

/// A node as the network knows it: its machine, whatever runs on that.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) ip: Ipv4Addr,
    pub(super) power: Power,
    /// How often the machine has been switched on: what is meant for an
    /// earlier time, it does not know.
    pub(super) boots: u32,
    pub(super) ports: Vec<Rc<Port>>,
    pub(super) mailboxes: Vec<Rc<Mailbox>>,
    next_port: u16,
}

impl Host {
    pub(super) fn new(name: &str, ip: Ipv4Addr) -> Self {
        Self {
            name: name.to_owned(),
            ip,
            power: Power::On,
            boots: 0,
            ports: Vec::new(),
            mailboxes: Vec::new(),
            next_port: FIRST_PORT,
        }
    }

    /// A port number that is used for nothing.
    pub(super) fn free_port(&mut self) -> u16 {
        for _ in FIRST_PORT..u16::MAX {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            let taken = self.ports.iter().any(|open| open.address.port() == port)
                || self.mailboxes.iter().any(|open| open.address.port() == port);
            if !taken {
                return port;
            }
        }
        FIRST_PORT
    }

    /// An address of ours to open something at, with a port number.
    pub(super) fn own(&mut self, mut address: SocketAddr) -> io::Result<SocketAddr> {
        let ip = address.ip();
        if ip != IpAddr::V4(self.ip) && !ip.is_unspecified() && ip != Ipv4Addr::LOCALHOST {
            let why = format!("{ip} is not an address of the node {}", self.name);
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why));
        }
        if ip.is_ipv6() {
            let why = "the simulated network is one of IPv4";
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why));
        }
        if address.port() == 0 {
            address.set_port(self.free_port());
        }
        Ok(address)
    }

    /// The port that what is meant for `to` goes to.
    pub(super) fn port_at(&self, to: SocketAddr) -> Option<Rc<Port>> {
        self.ports.iter().find(|port| covers(port.address, to)).cloned()
    }

    /// The same, of datagrams.
    pub(super) fn mailbox_at(&self, to: SocketAddr) -> Option<Rc<Mailbox>> {
        self.mailboxes.iter().find(|mailbox| covers(mailbox.address, to)).cloned()
    }
}

/// Whether what is open at `address` gets what is meant for `to`.
fn covers(address: SocketAddr, to: SocketAddr) -> bool {
    address.port() == to.port() && (address.ip() == to.ip() || address.ip().is_unspecified())
}

/// Whether two cannot be open at a time.
pub(super) fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    covers(one, other) || covers(other, one)
}

/// The error of one whose address is taken.
pub(super) fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "address already in use")
}

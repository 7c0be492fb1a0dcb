//! [`Other`]: the other side of a SOCKS client's connection.
//!
//! Mirrors `SOCKSv4Outgoing` and `SOCKSv4Incoming` of
//! `twisted.protocols.socks`. Tested in `tests/servers/socks.rs`.

use std::net::Ipv4Addr;

use deferred::Failure;
use reactor_compat::{Address, Connection, Protocol};

use super::factory::Terms;
use super::{Direction, Exchange, Socks};
use crate::portforward::Peer;

/// How the connection came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// We connected.
    Outgoing,
    /// The other side connected to us.
    Incoming,
}

/// The other side of a client's connection.
pub(super) struct Other {
    pub(super) terms: Terms,
    pub(super) socks: Connection<Socks>,
    pub(super) peer: Peer,
    pub(super) made: Made,
}

impl Protocol for Other {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        let address = match self.made {
            Made::Outgoing => reply_address(transport.get_peer()),
            Made::Incoming => (Ipv4Addr::UNSPECIFIED, 0),
        };
        let (other, peer) = (transport.transport().clone(), self.peer.clone());
        let late = other.clone();
        let told = self
            .socks
            .call(move |socks, client| socks.joined(client, (&other, &peer), address))
            .add_errback(move |_gone| late.lose_connection());
        drop(told);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        if let Some(log) = &self.terms.log {
            log(&Exchange {
                client: self.socks.get_peer(),
                server: transport.get_peer(),
                direction: Direction::ToClient,
                data,
            });
        }
        self.peer.write(data);
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        self.peer.end(transport);
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, _: Failure) {
        self.peer.end(transport);
    }
}

/// As much of an address as fits into a reply.
pub(super) fn reply_address(address: &Address) -> (Ipv4Addr, u16) {
    let ip = match address.ip().map(|ip| ip.to_canonical()) {
        Some(std::net::IpAddr::V4(ip)) => ip,
        _ => Ipv4Addr::UNSPECIFIED,
    };
    (ip, address.port().unwrap_or_default())
}

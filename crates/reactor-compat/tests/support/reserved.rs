//! A port that is kept for a test.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A port of this machine that nobody listens at but who is given its address.
///
/// An address whose listener was closed will not do: the system may give it to
/// the next test that asks for any port.
pub struct Reserved {
    pub address: SocketAddr,
    _socket: Socket,
}

impl Reserved {
    pub fn new() -> Self {
        Self::at(Domain::IPV4, (Ipv4Addr::LOCALHOST, 0).into()).unwrap()
    }

    /// The same by IPv6, where there is such.
    pub fn v6() -> Option<Self> {
        Self::at(Domain::IPV6, (Ipv6Addr::LOCALHOST, 0).into()).ok()
    }

    fn at(domain: Domain, address: SocketAddr) -> std::io::Result<Self> {
        let socket = Socket::new(domain, Type::STREAM, None)?;
        // So that a port can be opened there.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().unwrap();
        Ok(Self { address, _socket: socket })
    }
}

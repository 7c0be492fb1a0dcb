//! A port that answers nobody.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A port of this machine that answers nobody: as many wait there as may.
pub struct Deaf {
    pub address: SocketAddr,
    _sockets: Vec<Socket>,
}

impl Deaf {
    pub fn new() -> Self {
        let port = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        port.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        port.listen(0).unwrap();
        let address = port.local_addr().unwrap();
        let mut sockets = vec![port];
        for _ in 0..8 {
            let waits = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            waits.set_nonblocking(true).unwrap();
            let _ = waits.connect(&address);
            sockets.push(waits);
        }
        Self { address: address.as_socket().unwrap(), _sockets: sockets }
    }
}

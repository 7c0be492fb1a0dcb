//! How a port is opened, unless a network says otherwise.
//!
//! Tested in `tests/network/tcp.rs` and `tests/network/udp.rs`.

use std::io;
use std::net::SocketAddr;

use super::{ListenRequest, ListenTarget, Listener, Network};
use crate::address::Interface;
use crate::error::CannotListenError;

/// Opens a port on the first address that can be had.
pub(super) fn listen<N: Network + ?Sized>(
    network: &N,
    request: &ListenRequest,
) -> Result<Box<dyn Listener>, CannotListenError> {
    match &request.target {
        ListenTarget::Tcp(interface, options) => {
            first_of(network, interface, |address| network.bind_tcp(address, options))
        }
        #[cfg(unix)]
        ListenTarget::Unix(address, options) => network
            .bind_unix(address, options)
            .map_err(|error| CannotListenError::new(address.to_string(), &error)),
    }
}

/// Opens something on the first of the addresses of `interface` where that can
/// be.
pub(crate) fn first_of<N: Network + ?Sized, T>(
    network: &N,
    interface: &Interface,
    mut open: impl FnMut(SocketAddr) -> io::Result<T>,
) -> Result<T, CannotListenError> {
    let failed = |error: &io::Error| CannotListenError::new(interface.to_string(), error);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in network.interfaces(interface).map_err(|error| failed(&error))? {
        match open(address) {
            Ok(opened) => return Ok(opened),
            Err(error) => last = error,
        }
    }
    Err(failed(&last))
}

//! TCP sockets: opened, to listen or connected.
//!
//! Mirrors `createInternetSocket` and `resolveAddress` of `twisted.internet.tcp`.
//! Tested in `tests/network/tcp.rs` and `tests/network/happy_eyeballs.rs`.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use crate::error::ConnectError;
use crate::options::{ConnectOptions, ListenOptions};

/// Opens a socket of the system's that listens.
pub(in super::super) fn open(
    address: SocketAddr,
    options: &ListenOptions,
) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if options.get_reuse_address() {
        socket.set_reuse_address(true)?;
    }
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    if options.get_reuse_port() {
        socket.set_reuse_port(true)?;
    }
    if let (Some(only), true) = (options.get_only_v6(), address.is_ipv6()) {
        socket.set_only_v6(only)?;
    }
    socket.bind(&SockAddr::from(address))?;
    socket.listen(options.get_backlog().into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Makes a connection to one address.
pub(in super::super) async fn connect(
    address: SocketAddr,
    options: &ConnectOptions,
) -> Result<TcpStream, ConnectError> {
    let Some(local) = options.bind_address else {
        return Ok(TcpStream::connect(address).await?);
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    bind(&socket, local, options).map_err(|error| ConnectError::Bind(local, error.into()))?;
    Ok(socket.connect(address).await?)
}

fn bind(socket: &TcpSocket, local: SocketAddr, options: &ConnectOptions) -> io::Result<()> {
    if options.reuse_address {
        socket.set_reuseaddr(true)?;
    }
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    if options.reuse_port {
        socket.set_reuseport(true)?;
    }
    socket.bind(local)
}

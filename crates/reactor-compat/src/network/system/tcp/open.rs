//! TCP sockets: opened, to listen or connected.
//!
//! Mirrors `createInternetSocket` and `resolveAddress` of `twisted.internet.tcp`.
//! Tested in `tests/network/tcp.rs` and `tests/network/happy_eyeballs.rs`.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
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
    socket.listen(i32::try_from(options.get_backlog()).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Makes a connection to one address.
pub(in super::super) async fn connect(
    address: SocketAddr,
    options: &ConnectOptions,
) -> Result<TcpStream, ConnectError> {
    let stream = match options.bind_address {
        None => TcpStream::connect(address).await?,
        Some(local) => connect_from(local, address, options).await?,
    };
    set_up(&stream, options.get_no_delay(), options.get_keep_alive());
    Ok(stream)
}

async fn connect_from(
    local: SocketAddr,
    address: SocketAddr,
    options: &ConnectOptions,
) -> Result<TcpStream, ConnectError> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    bind(&socket, local, options).map_err(|error| ConnectError::Bind(local, error.into()))?;
    Ok(socket.connect(address).await?)
}

/// Sets what was asked for on a new connection. One that is broken by then says so when
/// it is used.
pub(in super::super) fn set_up(stream: &TcpStream, no_delay: bool, keep_alive: bool) {
    let socket = SockRef::from(stream);
    if no_delay {
        let _ = socket.set_tcp_nodelay(true);
    }
    if keep_alive {
        let _ = socket.set_keepalive(true);
    }
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

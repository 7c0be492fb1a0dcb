//! UDP sockets of the operating system.
//!
//! Mirrors the sockets of `twisted.internet.udp.Port`. Tested in
//! `tests/network/udp.rs`.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::io::{Interest, ReadBuf};

use super::port::{SystemDatagrams, SystemKind};
use crate::network::Datagrams;
use crate::options::DatagramOptions;

/// Opens a UDP socket of the system's.
pub(in super::super) fn open_udp(
    address: SocketAddr,
    options: &DatagramOptions,
) -> io::Result<Box<dyn Datagrams>> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if options.get_listen_multiple() {
        socket.set_reuse_address(true)?;
        #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    adopt_udp(socket.into())
}

/// Takes a UDP socket that exists for a port.
pub(in super::super) fn adopt_udp(socket: UdpSocket) -> io::Result<Box<dyn Datagrams>> {
    let (host, peer) = (socket.local_addr()?, socket.peer_addr().ok());
    Ok(Box::new(SystemDatagrams::new(socket.into(), host, peer, ())))
}

impl SystemKind for SocketAddr {
    type Socket = tokio::net::UdpSocket;
    type Name = ();

    fn register(socket: Socket) -> io::Result<Self::Socket> {
        Self::Socket::from_std(socket.into())
    }

    fn reference(socket: &Self::Socket) -> SockRef<'_> {
        socket.into()
    }

    fn poll_receive(
        socket: &Self::Socket,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Self>> {
        socket.poll_recv_from(cx, room)
    }

    fn poll_writable(socket: &Self::Socket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        socket.poll_send_ready(cx)
    }

    fn try_send(
        socket: &Self::Socket,
        send: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        socket.try_io(Interest::WRITABLE, send)
    }

    async fn failed(socket: Rc<Self::Socket>) {
        let _ = socket.ready(Interest::ERROR).await;
    }

    fn take_error(socket: &Self::Socket) -> Option<io::Error> {
        let take = || socket.take_error()?.ok_or(io::ErrorKind::WouldBlock.into());
        socket.try_io(Interest::ERROR, take).ok()
    }

    fn to_system(&self) -> io::Result<SockAddr> {
        Ok((*self).into())
    }

    fn from_system(address: &SockAddr) -> Option<Self> {
        address.as_socket()
    }
}

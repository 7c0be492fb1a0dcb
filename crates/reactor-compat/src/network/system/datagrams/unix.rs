//! UNIX sockets of the operating system, those for datagrams.
//!
//! Mirrors the sockets of `DatagramPort` of `twisted.internet.unix`. Tested in
//! `tests/network/unix_datagram.rs`.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UnixDatagram;

use super::super::unix::SocketFile;
use super::port::{SystemDatagrams, SystemKind};
use crate::address::UnixAddress;
use crate::network::Datagrams;
use crate::options::DatagramOptions;

/// Opens a UNIX socket of the system's.
pub(in super::super) fn open_unix(
    address: &UnixAddress,
    options: &DatagramOptions,
) -> io::Result<Box<dyn Datagrams<UnixAddress>>> {
    let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    if *address != UnixAddress::Unnamed {
        socket.bind(&address.to_system()?)?;
    }
    let file = address.path().map(|path| SocketFile::new(path, None)).transpose()?;
    if let Some(file) = &file {
        file.set_mode(options.get_mode())?;
    }
    Ok(Box::new(SystemDatagrams::new(socket, address.clone(), None, file)))
}

impl SystemKind for UnixAddress {
    type Socket = UnixDatagram;
    type Name = Option<SocketFile>;

    fn register(socket: Socket) -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(socket.into())
    }

    fn reference(socket: &UnixDatagram) -> SockRef<'_> {
        socket.into()
    }

    fn poll_receive(
        socket: &UnixDatagram,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Self>> {
        let received = socket.poll_recv_from(cx, room);
        received.map_ok(|from| Self::from(std::os::unix::net::SocketAddr::from(from)))
    }

    fn poll_writable(socket: &UnixDatagram, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        socket.poll_send_ready(cx)
    }

    fn try_send(
        socket: &UnixDatagram,
        send: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        socket.try_io(Interest::WRITABLE, send)
    }

    async fn failed(socket: Rc<UnixDatagram>) {
        let _ = socket.ready(Interest::ERROR).await;
    }

    fn take_error(socket: &UnixDatagram) -> Option<io::Error> {
        let take = || socket.take_error()?.ok_or(io::ErrorKind::WouldBlock.into());
        socket.try_io(Interest::ERROR, take).ok()
    }

    fn to_system(&self) -> io::Result<SockAddr> {
        self.to_sock_addr()
    }

    fn from_system(address: &SockAddr) -> Option<Self> {
        Some(Self::from(address.as_unix()?))
    }
}

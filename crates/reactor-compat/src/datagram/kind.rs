//! [`DatagramAddress`]: what differs between UDP and UNIX datagrams.
//!
//! Tested in `tests/network/udp.rs` and `tests/network/unix_datagram.rs`.

use std::fmt::{Debug, Display};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::{SockAddr, SockRef, Socket};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use crate::address::Address;
use crate::reactor::need_io;

/// The address of a datagram: a `SocketAddr` for UDP, and a
/// [`UnixAddress`](crate::UnixAddress) for UNIX datagrams. There are no others.
///
/// A protocol that does not care is written for any:
///
/// ```
/// use reactor_compat::{DatagramAddress, DatagramConnection, DatagramProtocol};
///
/// struct Echo;
///
/// impl<A: DatagramAddress> DatagramProtocol<A> for Echo {
///     fn datagram_received(&mut self, transport: &DatagramConnection<Self, A>, data: &[u8], from: A) {
///         let _ = transport.write(data, from);
///     }
/// }
/// # reactor_compat::Reactor::new().listen_udp(("127.0.0.1", 0), Echo)?;
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
pub trait DatagramAddress: Clone + Debug + Display + PartialEq + Kind + 'static {}

impl<A: Clone + Debug + Display + PartialEq + Kind + 'static> DatagramAddress for A {}

/// A kind of datagrams, by its addresses.
pub trait Kind: Sized {
    /// The socket, once the runtime knows it.
    type Socket: 'static;

    /// What a socket holds in the world for as long as it is open.
    type Name: 'static;

    /// Whether a refusal is nobody's business while not connected.
    const IGNORES_REFUSALS: bool;

    /// Whether the system says when a socket that is not connected takes more.
    const SAYS_WHEN_WRITABLE: bool;

    /// Makes a socket known to the runtime.
    fn register(socket: Socket) -> io::Result<Self::Socket>;

    /// The same socket, to call the system with.
    fn reference(socket: &Self::Socket) -> SockRef<'_>;

    /// Receives one datagram.
    fn poll_receive(
        socket: &Self::Socket,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Self>>;

    /// Whether the socket may take a datagram.
    fn poll_writable(socket: &Self::Socket, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sends one with `send`, and notes if the socket does not take it.
    fn try_send(
        socket: &Self::Socket,
        send: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize>;

    /// Waits until something that was sent has failed.
    fn failed(socket: Rc<Self::Socket>) -> impl Future<Output = ()> + 'static;

    /// Why it failed; and if it did not, has [`failed`](Self::failed) wait.
    fn take_error(socket: &Self::Socket) -> Option<io::Error>;

    /// The address as the system has it.
    fn to_system(&self) -> io::Result<SockAddr>;

    /// The address that the system says it is.
    fn from_system(address: &SockAddr) -> Option<Self>;

    /// What is wrong with `self` as a recipient, for a socket at `host`.
    fn fault(&self, host: &Self) -> Option<String>;

    /// The address as others know it.
    fn to_address(&self) -> Address;

    /// What the log says when a socket at this address is opened.
    fn place(&self) -> String;

    /// What the log says when it is closed.
    fn port(&self) -> String;
}

impl Kind for SocketAddr {
    type Socket = UdpSocket;
    type Name = ();

    const IGNORES_REFUSALS: bool = true;
    const SAYS_WHEN_WRITABLE: bool = true;

    fn register(socket: Socket) -> io::Result<UdpSocket> {
        need_io()?;
        UdpSocket::from_std(socket.into())
    }

    fn reference(socket: &UdpSocket) -> SockRef<'_> {
        socket.into()
    }

    fn poll_receive(
        socket: &UdpSocket,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Self>> {
        socket.poll_recv_from(cx, room)
    }

    fn poll_writable(socket: &UdpSocket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        socket.poll_send_ready(cx)
    }

    fn try_send(socket: &UdpSocket, send: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        socket.try_io(Interest::WRITABLE, send)
    }

    async fn failed(socket: Rc<UdpSocket>) {
        let _ = socket.ready(Interest::ERROR).await;
    }

    fn take_error(socket: &UdpSocket) -> Option<io::Error> {
        let take = || socket.take_error()?.ok_or(io::ErrorKind::WouldBlock.into());
        socket.try_io(Interest::ERROR, take).ok()
    }

    fn to_system(&self) -> io::Result<SockAddr> {
        Ok((*self).into())
    }

    fn from_system(address: &SockAddr) -> Option<Self> {
        address.as_socket()
    }

    fn fault(&self, host: &Self) -> Option<String> {
        match (host, self) {
            (Self::V4(_), Self::V6(_)) => Some(format!("{self} is of IPv6, and the port of IPv4")),
            (Self::V6(_), Self::V4(_)) => Some(format!("{self} is of IPv4, and the port of IPv6")),
            _ => None,
        }
    }

    fn to_address(&self) -> Address {
        Address::Udp(*self)
    }

    fn place(&self) -> String {
        self.port().to_string()
    }

    fn port(&self) -> String {
        format!("UDP Port {}", Self::port(self))
    }
}
